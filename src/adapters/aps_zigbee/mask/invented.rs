//! What is written instead of each byte of a serial number or an id.
//!
//! Each byte of a number is replaced for itself, by a table of its place in the number: so a number that is cut in two
//! is replaced rightly, whichever half comes first. The tables are made by chance, for one run of the program, and kept
//! by nobody.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use super::super::wire::ids::{EcuId, InverterSerial};
use super::places::IdByte;

static CHANCE: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What is written instead of each byte.
type Replacements = [u8; 256];

/// Tables for all places of all numbers.
#[derive(Debug, Clone)]
pub struct Invented {
    serial: [Replacements; 6],
    gateway: [Replacements; 6],
    radio: [Replacements; 2],
}

impl Invented {
    /// That of this run of the program, always the same.
    pub fn of_this_run() -> Self {
        Self::by(&*CHANCE)
    }

    /// One that a source of chance makes.
    pub fn by(chance: &impl BuildHasher) -> Self {
        let gateway = std::array::from_fn(|place| of_bytes(chance, ("gateway", place)));
        let serial = std::array::from_fn(|place| match place {
            // Three digits tell what an inverter is.
            0 => UNCHANGED,
            1 => {
                let last = cycle((0..10).collect(), chance, ("digit", place));
                let mut table = UNCHANGED;
                for (byte, slot) in (0..=u8::MAX).zip(&mut table) {
                    *slot = byte & 0xf0 | last.get(usize::from(byte & 15)).copied().unwrap_or(0);
                }
                table
            }
            _ => {
                let pairs = (0..100).map(|number| ((number / 10) << 4) | (number % 10));
                cycle(pairs.collect(), chance, ("serial", place))
            }
        });
        let radio = std::array::from_fn(|place| of_bytes(chance, ("radio", place)));
        Self {
            serial,
            gateway,
            radio,
        }
    }

    /// What is written instead of a byte of a number.
    pub fn byte(&self, place: IdByte, byte: u8) -> u8 {
        let (tables, at): (&[Replacements], _) = match place {
            // What is no pair of digits is part of something else.
            IdByte::Serial(at) if byte >> 4 > 9 || byte & 15 > 9 => {
                (&self.gateway, 5_usize.saturating_sub(at))
            }
            IdByte::Serial(at) => (&self.serial, at),
            IdByte::Gateway(at) => (&self.gateway, at),
            IdByte::Radio(at) => (&self.radio, at),
            IdByte::Blank => return 0,
        };
        let table = tables.get(at);
        table
            .and_then(|table| table.get(usize::from(byte)))
            .copied()
            .unwrap_or(0)
    }

    /// The number of an inverter.
    pub fn serial(&self, serial: InverterSerial) -> InverterSerial {
        let mut wire = serial.wire();
        for (place, byte) in wire.iter_mut().enumerate() {
            *byte = self.byte(IdByte::Serial(place), *byte);
        }
        // Digits are replaced by digits.
        InverterSerial::of_wire(wire).unwrap_or(serial)
    }

    /// The id of a gateway, in digits.
    pub fn gateway(&self, gateway: EcuId) -> String {
        let bytes = gateway.bytes().into_iter().enumerate();
        bytes
            .map(|(place, byte)| format!("{:02X}", self.byte(IdByte::Gateway(place), byte)))
            .collect()
    }
}

const UNCHANGED: Replacements = {
    let mut table = [0; 256];
    let mut byte: u8 = 0;
    while byte < u8::MAX {
        table[byte as usize] = byte;
        byte += 1;
    }
    table[255] = 255;
    table
};

/// 00 and FF stay, since they mean that there is no number.
fn of_bytes(chance: &impl BuildHasher, label: (&str, usize)) -> Replacements {
    cycle((1..=254).collect(), chance, label)
}

/// Each of these values becomes another one, and no two the same: one circle through all of them.
fn cycle(values: Vec<u8>, chance: &impl BuildHasher, label: (&str, usize)) -> Replacements {
    let mut order = values.clone();
    for last in (1..order.len()).rev() {
        let other = chance.hash_one((label, last)) % last as u64;
        order.swap(last, usize::try_from(other).unwrap_or(0));
    }
    let mut table = UNCHANGED;
    for (value, other) in values.into_iter().zip(order) {
        if let Some(slot) = table.get_mut(usize::from(value)) {
            *slot = other;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_becomes_another_one_of_its_kind() {
        let invented = Invented::by(&RandomState::new());
        let mut seen = BTreeSet::new();
        for number in 0..1000_u32 {
            let serial: InverterSerial = format!("408{:09}", number * 997_331).parse().unwrap();
            let other = invented.serial(serial);
            assert_eq!(other.prefix(), 408);
            assert!(seen.insert(other), "{serial}");
            // Not one byte behind the family stays.
            let pairs = serial.wire().into_iter().zip(other.wire());
            assert!(pairs.skip(1).all(|(old, new)| old != new), "{serial}");
        }
        for id in ["D8A3011B9780", "FF00011B9780", "01FFFFFFFFFF"] {
            let id: EcuId = id.parse().unwrap();
            let other: EcuId = invented.gateway(id).parse().unwrap();
            assert_ne!(other, id);
        }
    }

    #[test]
    fn another_run_invents_other_numbers() {
        let serial: InverterSerial = "408000990001".parse().unwrap();
        let by_chance = || Invented::by(&RandomState::new()).serial(serial);
        let all: BTreeSet<_> = std::iter::repeat_with(by_chance).take(20).collect();
        assert!(all.len() > 15, "{all:?}");
        let same = || Invented::of_this_run().serial(serial);
        assert_eq!(same(), same());
    }
}
