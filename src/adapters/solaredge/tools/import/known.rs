//! Which records have been written already: an inverter sends again what was not confirmed, in other frames
//! and days later.

use std::collections::BTreeMap;

use crate::adapters::solaredge::wire::Record;

/// Whose record: its type, its id, and of which meter or battery.
type Kept = (u16, u32, u128);

/// Times that are remembered, 4 bytes each: four months of an inverter with 30 optimizers.
const MOST: usize = 1 << 20;
/// Devices that are told apart.
const MOST_DEVICES: usize = 4096;

/// The times of all records of each device.
#[derive(Debug, Default)]
pub struct KnownRecords {
    times: BTreeMap<Kept, Vec<u32>>,
    count: usize,
}

impl KnownRecords {
    /// Whether a record comes for the first time, as far as that is remembered; from now on it is known. What
    /// has no time is always new.
    pub fn is_new(&mut self, record: &Record<'_>) -> bool {
        // What has the id of its inverter is told apart by what it says of itself; a battery's serial number has
        // twelve characters at most.
        let which = match record {
            Record::Meter(meter) => meter.kind.into(),
            Record::Battery(battery) => {
                let bytes = battery.serial.bytes();
                bytes.fold(0, |all, byte| all << 8 | u128::from(byte))
            }
            _ => 0,
        };
        let Some(at) = record.at() else {
            return true;
        };
        self.is_new_at((record.kind(), record.id(), which), at)
    }

    fn is_new_at(&mut self, whose: Kept, at: u32) -> bool {
        if self.count >= MOST {
            self.forget_older_half();
        }
        if self.times.len() >= MOST_DEVICES && !self.times.contains_key(&whose) {
            // Nobody has as many: they are of damaged records.
            self.times.clear();
            self.count = 0;
        }
        let times = self.times.entry(whose).or_default();
        // Nearly always it is the latest.
        if times.last().is_none_or(|last| *last < at) {
            times.push(at);
        } else {
            match times.binary_search(&at) {
                Ok(_) => return false,
                Err(place) => times.insert(place, at),
            }
        }
        self.count += 1;
        true
    }

    fn forget_older_half(&mut self) {
        self.count = 0;
        self.times.retain(|_, times| {
            times.drain(..times.len().div_ceil(2));
            self.count += times.len();
            !times.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::solaredge::wire::Battery;

    const WHOSE: Kept = (0x80, 5, 0);

    #[test]
    fn a_record_is_new_once_in_whatever_order() {
        let mut known = KnownRecords::default();
        for at in [10, 20, 15, 30] {
            assert!(known.is_new_at(WHOSE, at), "{at}");
        }
        for at in [15, 30, 10, 20] {
            assert!(!known.is_new_at(WHOSE, at), "{at}");
        }
        assert!(known.is_new_at((0x80, 6, 0), 10));
        assert!(known.is_new_at((0x22, 5, 7), 10) && known.is_new_at((0x22, 5, 9), 10));
    }

    #[test]
    fn two_batteries_of_one_inverter_are_two() {
        let mut known = KnownRecords::default();
        let battery = |serial: &str| {
            Record::Battery(Battery {
                id: 5,
                at: 10,
                serial: serial.to_owned(),
                ..Battery::default()
            })
        };
        for (serial, is_new) in [
            ("BAT000000001", true),
            ("BAT000000002", true),
            ("BAT000000001", false),
        ] {
            assert_eq!(known.is_new(&battery(serial)), is_new, "{serial}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_latest_stay() {
        let mut known = KnownRecords::default();
        let most = u32::try_from(MOST).unwrap();
        for at in 0..most + 10 {
            assert!(known.is_new_at(WHOSE, at));
        }
        assert!(known.count <= MOST / 2 + 10);
        assert!(!known.is_new_at(WHOSE, most) && !known.is_new_at(WHOSE, most / 2 + 1));
        for id in 0..10_000 {
            known.is_new_at((0x80, id, 0), 1);
        }
        assert!(known.times.len() <= MOST_DEVICES);
    }
}
