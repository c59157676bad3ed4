//! The inverters that can be simulated: data.

use std::str::FromStr;

use super::super::wire::ids::{InverterSerial, NumberError};
use super::super::wire::payload::TelemetryLayout;

/// A kind of inverter.
#[derive(Debug, PartialEq)]
pub struct ZigbeeKind {
    /// As it is called on the command line.
    pub name: &'static str,
    /// What invented serial numbers of it begin with.
    prefix: &'static str,
    /// How it answers.
    pub layout: TelemetryLayout,
    /// The code of its model.
    pub model: u8,
    /// What its inputs give at most, in W each.
    pub rated: u16,
    /// Its firmware.
    pub firmware: (u16, u16),
    /// Whether it encrypts what it says.
    pub is_sealed: bool,
}

#[rustfmt::skip]
const fn kind(name: &'static str, prefix: &'static str, layout: TelemetryLayout, model: u8, rated: u16, firmware: (u16, u16)) -> ZigbeeKind {
    ZigbeeKind { name, prefix, layout, model, rated, firmware, is_sealed: false }
}

/// All there are.
#[rustfmt::skip]
pub static ZIGBEE_KINDS: &[ZigbeeKind] = &[
    kind("YC600", "408", TelemetryLayout::Yc600, 0x07, 275, (1, 12)),
    kind("QS1",   "801", TelemetryLayout::Qs1,   0x08, 300, (2, 106)),
    kind("QS1A",  "806", TelemetryLayout::Qs1,   0x18, 375, (2, 230)),
    kind("DS3",   "704", TelemetryLayout::Ds3,   0x20, 440, (3, 15)),
    kind("DS3-L", "703", TelemetryLayout::Ds3,   0x20, 365, (5, 203)),
    kind("DS3-H", "706", TelemetryLayout::Ds3,   0x21, 480, (3, 67)),
    kind("QS2",   "807", TelemetryLayout::Qs2,   0x36, 500, (3, 15)),
    // It answers as a DS3 would, with other things in it.
    kind("QT2",   "901", TelemetryLayout::Ds3,   0x29, 500, (4, 5)),
    ZigbeeKind { is_sealed: true, ..kind("sealed", "725", TelemetryLayout::Ds3, 0x20, 440, (5, 203)) },
];

/// An inverter to be simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedInverter {
    /// What it is.
    pub kind: &'static ZigbeeKind,
    /// Its serial number.
    pub serial: InverterSerial,
}

/// The inverters of a stick, as in `YC600,3xDS3,QS1` or `408000123401,703000123402`.
#[derive(Debug, Clone, PartialEq)]
pub struct ZigbeeList(pub Vec<ListedInverter>);

/// More do not fit into invented serial numbers.
pub const MOST_ZIGBEE_INVERTERS: usize = 99;

/// Why a list of inverters does not work out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZigbeeListError {
    /// Neither a kind nor a serial number.
    #[error(
        "\"{name}\" is no inverter; write names and numbers of them as in 2xDS3,QS1, or serial numbers; known are {known}"
    )]
    Unknown {
        /// As written.
        name: String,
        /// What there is.
        known: String,
    },
    /// A serial number of no kind that can be simulated.
    #[error("no kind of inverter that can be simulated has serial numbers like {0}")]
    Kind(InverterSerial),
    /// Two with the same number.
    #[error("{0} is there twice; every inverter has a serial number of its own")]
    Twice(InverterSerial),
    /// None, or too many.
    #[error("write from 1 to {MOST_ZIGBEE_INVERTERS} inverters")]
    Count,
    /// A serial number cannot be made.
    #[error(transparent)]
    Number(#[from] NumberError),
}

impl ZigbeeKind {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut all = ZIGBEE_KINDS.iter();
        all.find(|kind| kind.name.eq_ignore_ascii_case(name))
    }

    fn of(serial: InverterSerial) -> Option<&'static Self> {
        let text = serial.to_string();
        let by = |length: usize| {
            let start = text.get(..length)?;
            let mut all = ZIGBEE_KINDS.iter();
            all.find(|kind| kind.prefix.get(..length) == Some(start))
        };
        by(3).or_else(|| by(2))
    }

    /// How many inputs it has.
    pub const fn inputs(&self) -> usize {
        self.layout.inputs()
    }

    /// Whether its answers come in two parts.
    pub const fn is_long(&self) -> bool {
        matches!(self.layout, TelemetryLayout::Ds3 | TelemetryLayout::Qs2)
    }

    /// An invented serial number, each time another one.
    pub fn serial(&self, number: usize) -> Result<InverterSerial, NumberError> {
        format!("{}0001234{number:02}", self.prefix).parse()
    }
}

impl FromStr for ZigbeeList {
    type Err = ZigbeeListError;

    fn from_str(text: &str) -> Result<Self, ZigbeeListError> {
        let mut all: Vec<ListedInverter> = Vec::new();
        for word in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            if word.len() == 12
                && let Ok(serial) = word.parse()
            {
                let kind = ZigbeeKind::of(serial).ok_or(ZigbeeListError::Kind(serial))?;
                all.push(ListedInverter { kind, serial });
                continue;
            }
            let (count, name) = match word.split_once('x') {
                Some((count, name)) if count.parse::<usize>().is_ok() => {
                    (count.parse().unwrap_or(0), name)
                }
                _ => (1, word),
            };
            let kind = ZigbeeKind::named(name).ok_or_else(|| ZigbeeListError::Unknown {
                name: word.chars().take(24).collect(),
                known: ZIGBEE_KINDS
                    .iter()
                    .map(|kind| kind.name)
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
            if count > MOST_ZIGBEE_INVERTERS {
                return Err(ZigbeeListError::Count);
            }
            for _ in 0..count {
                let serial = kind.serial(all.len() + 1)?;
                all.push(ListedInverter { kind, serial });
                if all.len() > MOST_ZIGBEE_INVERTERS {
                    return Err(ZigbeeListError::Count);
                }
            }
        }
        for (place, one) in all.iter().enumerate() {
            let mut before = all.iter().take(place);
            if before.any(|other| other.serial == one.serial) {
                return Err(ZigbeeListError::Twice(one.serial));
            }
        }
        if !(1..=MOST_ZIGBEE_INVERTERS).contains(&all.len()) {
            return Err(ZigbeeListError::Count);
        }
        Ok(Self(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_write_them() {
        let list: ZigbeeList = "YC600, 2xDS3,703000990001,sealed".parse().unwrap();
        let shown: Vec<_> = list
            .0
            .iter()
            .map(|one| (one.kind.name, one.serial.to_string()))
            .collect();
        let expected = [
            ("YC600", "408000123401"),
            ("DS3", "704000123402"),
            ("DS3", "704000123403"),
            ("DS3-L", "703000990001"),
            ("sealed", "725000123405"),
        ];
        assert_eq!(
            shown,
            expected.map(|(name, serial)| (name, serial.to_owned()))
        );
        let many: ZigbeeList = "50xDS3".parse().unwrap();
        assert_eq!(many.0.len(), 50);
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |text: &str| text.parse::<ZigbeeList>().unwrap_err().to_string();
        assert!(error("2xDS4").contains("known are YC600, QS1"));
        assert!(error("100xDS3").contains("from 1 to 99"));
        assert!(error("").contains("from 1 to 99"));
        assert!(error("990000000001").contains("can be simulated"));
        assert!(error("703000990001,703000990001").contains("twice"));
    }
}
