//! What is connected to an inverter, once a day: meters in 0x0042, optimizers in 0x0043.
//!
//! A list that is not whole is none: what is missing in it would look as if it had been taken away.

use super::super::serial::Serial;
use super::field::{FieldShown, text, time_words, u16_at, u32_at};

/// Which meters there are, once a day: 0x0042.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterListed {
    /// Which of the inverter's meters.
    pub kind: u8,
    /// Whether it is computed from others.
    pub is_computed: bool,
    /// Its own serial number.
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// The product.
    pub model: String,
    /// Its firmware.
    pub version: String,
}

/// What is connected to an inverter, once a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory<T> {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// What is connected.
    pub listed: Vec<T>,
}

/// The type of the list of meters.
pub const METERS: u16 = 0x0042;
/// The type of the list of optimizers.
pub const OPTIMIZERS: u16 = 0x0043;

/// How many bytes an optimizer has in the list.
const OPTIMIZER: u16 = 5;

impl Inventory<MeterListed> {
    /// That of a body, if it is whole.
    pub fn decode(id: u32, body: &[u8]) -> Option<Self> {
        let at = u32_at(body, 0)?;
        let (count, mut rest) = body.get(4..)?.split_first()?;
        let mut listed = Vec::new();
        for _ in 0..*count {
            let (meter, after) = meter(rest)?;
            listed.push(meter);
            rest = after;
        }
        Some(Self { id, at, listed })
    }

    /// Appends its body. No more than 255 are listed.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let count = u8::try_from(self.listed.len()).unwrap_or(u8::MAX);
        bytes.extend_from_slice(&self.at.to_le_bytes());
        bytes.push(count);
        for meter in self.listed.iter().take(usize::from(count)) {
            bytes.extend_from_slice(&[meter.kind, u8::from(meter.is_computed)]);
            for text in [
                &meter.serial,
                &meter.manufacturer,
                &meter.model,
                &meter.version,
            ] {
                bytes.extend(text.bytes().filter(|byte| *byte != 0));
                bytes.push(0);
            }
        }
    }
}

fn meter(bytes: &[u8]) -> Option<(MeterListed, &[u8])> {
    let ([kind, computed], rest) = bytes.split_first_chunk()?;
    let (serial, rest) = zero_terminated(rest)?;
    let (manufacturer, rest) = zero_terminated(rest)?;
    let (model, rest) = zero_terminated(rest)?;
    let (version, rest) = zero_terminated(rest)?;
    let meter = MeterListed {
        kind: *kind,
        is_computed: *computed != 0,
        serial,
        manufacturer,
        model,
        version,
    };
    Some((meter, rest))
}

fn zero_terminated(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((text(bytes), bytes.get(end + 1..)?))
}

impl Inventory<Serial> {
    /// That of a body, if it is whole, and written as we know it.
    pub fn decode(id: u32, body: &[u8]) -> Option<Self> {
        let at = u32_at(body, 0)?;
        let (size, count) = (u16_at(body, 8)?, u16_at(body, 10)?);
        if size != OPTIMIZER {
            return None;
        }
        let length = usize::from(count) * usize::from(size);
        let entries = body.get(12..)?.get(..length)?;
        let serial = |entry: &[u8]| u32_at(entry, 0).map(Serial);
        let entries = entries.chunks_exact(usize::from(OPTIMIZER));
        Some(Self {
            id,
            at,
            listed: entries.filter_map(serial).collect(),
        })
    }

    /// Appends its body. No more than 65535 are listed.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let count = u16::try_from(self.listed.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&self.at.to_le_bytes());
        for number in [1, 1, OPTIMIZER, count] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for serial in self.listed.iter().take(usize::from(count)) {
            bytes.extend_from_slice(&serial.0.to_le_bytes());
            bytes.push(0);
        }
    }
}

/// The fields of a list of meters, in words.
pub fn show_meters(body: &[u8]) -> Vec<FieldShown> {
    let Some(inventory) = Inventory::<MeterListed>::decode(0, body) else {
        return Vec::new();
    };
    let count = inventory.listed.len().to_string();
    let mut shown = vec![
        FieldShown::new(0, 4, "time", time_words(inventory.at)),
        FieldShown::new(4, 1, "meters", count),
    ];
    let mut rest = body.get(5..).unwrap_or_default();
    for listed in inventory.listed {
        let Some((_, after)) = meter(rest) else {
            break;
        };
        let words = format!(
            "{}: {:?} {:?} {:?} {:?}",
            if listed.is_computed {
                "computed"
            } else {
                "physical"
            },
            listed.serial,
            listed.manufacturer,
            listed.model,
            listed.version,
        );
        let (at, size) = (body.len() - rest.len(), rest.len() - after.len());
        let name = format!("meter {}", listed.kind);
        shown.push(FieldShown::new(at, size, name, words));
        rest = after;
    }
    shown
}

/// The fields of a list of optimizers, in words.
pub fn show_optimizers(body: &[u8]) -> Vec<FieldShown> {
    let Some(inventory) = Inventory::<Serial>::decode(0, body) else {
        return Vec::new();
    };
    let count = inventory.listed.len().to_string();
    let mut shown = vec![
        FieldShown::new(0, 4, "time", time_words(inventory.at)),
        FieldShown::new(4, 4, "unknown", ""),
        FieldShown::new(8, 2, "bytes each", OPTIMIZER.to_string()),
        FieldShown::new(10, 2, "optimizers", count),
    ];
    for (serial, at) in inventory.listed.iter().zip((12..).step_by(5)) {
        shown.push(FieldShown::new(at, 5, "optimizer", serial.to_string()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_that_are_written_are_read() {
        let inventory = Inventory {
            id: 0x7f12_3456,
            at: 1_700_000_000,
            listed: vec![
                MeterListed {
                    kind: 5,
                    is_computed: false,
                    serial: "1234567".to_owned(),
                    manufacturer: "WattNode".to_owned(),
                    model: "RWND".to_owned(),
                    version: "24".to_owned(),
                },
                MeterListed {
                    kind: 9,
                    is_computed: true,
                    serial: String::new(),
                    manufacturer: String::new(),
                    model: String::new(),
                    version: String::new(),
                },
            ],
        };
        let mut body = Vec::new();
        inventory.encode(&mut body);
        let decoded = Inventory::<MeterListed>::decode(0x7f12_3456, &body);
        assert_eq!(decoded, Some(inventory));
        for end in 0..body.len() {
            let decoded = Inventory::<MeterListed>::decode(1, &body[..end]);
            assert_eq!(decoded, None, "{end}");
        }
        let shown = show_meters(&body);
        assert_eq!(shown.iter().map(|it| it.size).sum::<usize>(), body.len());
    }

    #[test]
    fn optimizers_that_are_written_are_read() {
        let inventory = Inventory {
            id: 0x7f12_3456,
            at: 1_700_000_000,
            listed: vec![Serial(0x10c5_d6e7), Serial(0x1045_d6e7)],
        };
        let mut body = Vec::new();
        inventory.encode(&mut body);
        let decoded = Inventory::<Serial>::decode(0x7f12_3456, &body);
        assert_eq!(decoded, Some(inventory));
        for end in 0..body.len() {
            assert_eq!(Inventory::<Serial>::decode(1, &body[..end]), None, "{end}");
        }
        let shown = show_optimizers(&body);
        assert_eq!(shown.iter().map(|it| it.size).sum::<usize>(), body.len());
        body[8] = 6;
        assert_eq!(Inventory::<Serial>::decode(1, &body), None);
    }
}
