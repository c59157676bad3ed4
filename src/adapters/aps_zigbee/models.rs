//! Which inverter a serial number and a code of a model belong to: data, not code.
//!
//! An inverter tells its code in each answer of a DS3 and its kin, and when it is asked what it is. The code alone
//! does not tell all: a DS3-L says it is a DS3, and a YC600 that it is a QS1. So the name follows from the first
//! digits of the serial number where those are known, and how a limit is told follows from the code.

use super::wire::ids::InverterSerial;
use super::wire::payload::LimitScale;

/// Inverters that are built alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InverterFamily {
    /// Two inputs, the older ones.
    Yc600,
    /// Three phases; nobody has described what they measure.
    Yc1000,
    /// Four inputs.
    Qs1,
    /// Two inputs, the newer ones.
    Ds3,
    /// Four inputs, the newer ones.
    Qs2,
    /// Three phases; nobody has described what they measure.
    Qt2,
}

/// What is known of one kind of inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InverterModel {
    /// Name on the label.
    pub name: &'static str,
    /// What it is built like.
    pub family: InverterFamily,
    /// What it gives at most, in W; of a series, what the largest of it does.
    pub nameplate: u16,
    /// Inputs for panels.
    pub inputs: u8,
    /// How its limit can be told: the first that reads back as it was set. Empty where nobody knows.
    pub limits: &'static [LimitScale],
}

use InverterFamily::{Ds3, Qs1, Qs2, Qt2, Yc600, Yc1000};

const NO_LIMIT: &[LimitScale] = &[];
const DS3_LIMIT: &[LimitScale] = &[LimitScale::Ds3];
const QS1_LIMIT: &[LimitScale] = &[LimitScale::Qs1];
/// A YC600 takes what a QS1 does, though the maker's gateways tell it otherwise: how, follows from the code that it tells.
const FINE_LIMIT: &[LimitScale] = &[LimitScale::Qs1, LimitScale::Yc600];
const COARSE_LIMIT: &[LimitScale] = &[LimitScale::Qs1, LimitScale::Yc600Coarse];

#[rustfmt::skip]
const fn model(name: &'static str, family: InverterFamily, nameplate: u16, inputs: u8, limits: &'static [LimitScale]) -> InverterModel {
    InverterModel { name, family, nameplate, inputs, limits }
}

/// By the code that an inverter tells.
#[rustfmt::skip]
pub static MODEL_CODES: &[(u8, InverterModel)] = &[
    (0x05, model("YC600",  Yc600,   550, 2, FINE_LIMIT)),
    (0x06, model("YC1000", Yc1000, 1000, 4, FINE_LIMIT)),
    (0x07, model("YC600",  Yc600,   550, 2, COARSE_LIMIT)),
    (0x08, model("QS1",    Qs1,    1200, 4, QS1_LIMIT)),
    (0x17, model("YC600B", Yc600,   550, 2, COARSE_LIMIT)),
    (0x18, model("QS1A",   Qs1,    1500, 4, QS1_LIMIT)),
    (0x20, model("DS3",    Ds3,     880, 2, DS3_LIMIT)),
    (0x21, model("DS3-H",  Ds3,     960, 2, DS3_LIMIT)),
    (0x22, model("DS3-L",  Ds3,     730, 2, DS3_LIMIT)),
    (0x29, model("QT2",    Qt2,    2000, 4, NO_LIMIT)),
    (0x32, model("QT2",    Qt2,    2000, 4, NO_LIMIT)),
    (0x36, model("QS2",    Qs2,    2200, 4, NO_LIMIT)),
];

/// By the first three digits of a serial number.
#[rustfmt::skip]
pub static MODEL_PREFIXES: &[(u16, InverterModel)] = &[
    (406, model("YC600",  Yc600,   550, 2, QS1_LIMIT)),
    (407, model("YC600",  Yc600,   550, 2, QS1_LIMIT)),
    (408, model("YC600",  Yc600,   550, 2, QS1_LIMIT)),
    (409, model("YC600",  Yc600,   550, 2, QS1_LIMIT)),
    (501, model("YC1000", Yc1000, 1000, 4, QS1_LIMIT)),
    (502, model("YC1000", Yc1000, 1000, 4, QS1_LIMIT)),
    (503, model("YC1000", Yc1000, 1000, 4, QS1_LIMIT)),
    (504, model("YC1000", Yc1000, 1000, 4, QS1_LIMIT)),
    (702, model("DS3-S",  Ds3,     600, 2, DS3_LIMIT)),
    (703, model("DS3-L",  Ds3,     730, 2, DS3_LIMIT)),
    (704, model("DS3",    Ds3,     880, 2, DS3_LIMIT)),
    (705, model("DS3",    Ds3,     880, 2, DS3_LIMIT)),
    (706, model("DS3-H",  Ds3,     960, 2, DS3_LIMIT)),
    (707, model("DS3",    Ds3,     880, 2, DS3_LIMIT)),
    (801, model("QS1",    Qs1,    1200, 4, QS1_LIMIT)),
    (802, model("QS1",    Qs1,    1200, 4, QS1_LIMIT)),
    (804, model("QS1A",   Qs1,    1500, 4, QS1_LIMIT)),
    (805, model("QS1A",   Qs1,    1500, 4, QS1_LIMIT)),
    (806, model("QS1A",   Qs1,    1500, 4, QS1_LIMIT)),
    (901, model("QT2",    Qt2,    2000, 4, NO_LIMIT)),
];

/// By the first two digits, of what is not among [`MODEL_PREFIXES`].
#[rustfmt::skip]
pub static MODEL_SERIES: &[(u16, InverterModel)] = &[
    (40, model("YC600 series",  Yc600,   600, 2, QS1_LIMIT)),
    (50, model("YC1000 series", Yc1000, 1000, 4, QS1_LIMIT)),
    (70, model("DS3 series",    Ds3,    2000, 2, DS3_LIMIT)),
    (80, model("QS1 series",    Qs1,    1500, 4, QS1_LIMIT)),
    (90, model("QT2 series",    Qt2,    3600, 4, NO_LIMIT)),
];

fn find<Key: PartialEq>(table: &[(Key, InverterModel)], wanted: &Key) -> Option<InverterModel> {
    let found = table.iter().find(|(key, _)| key == wanted);
    found.map(|(_, model)| *model)
}

impl InverterModel {
    /// That of an inverter, as far as its serial number and its code tell, if it has told it.
    pub fn of(serial: InverterSerial, code: Option<u8>) -> Option<Self> {
        let prefix = serial.prefix();
        let by_code = code.and_then(|code| find(MODEL_CODES, &code));
        let Some(printed) = find(MODEL_PREFIXES, &prefix) else {
            return by_code.or_else(|| find(MODEL_SERIES, &(prefix / 10)));
        };
        let Some(told) = by_code else {
            return Some(printed);
        };
        let is_kin = told.family == printed.family;
        Some(Self {
            // Which of a family it is, the code does not tell well enough to say that it gives too much.
            nameplate: if is_kin {
                told.nameplate.max(printed.nameplate)
            } else {
                printed.nameplate
            },
            limits: told.limits,
            ..printed
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(serial: &str, code: Option<u8>) -> Option<InverterModel> {
        InverterModel::of(serial.parse().unwrap(), code)
    }

    #[test]
    fn no_row_stands_twice() {
        let codes: BTreeSet<_> = MODEL_CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), MODEL_CODES.len());
        for table in [MODEL_PREFIXES, MODEL_SERIES] {
            let prefixes: BTreeSet<_> = table.iter().map(|(prefix, _)| *prefix).collect();
            assert_eq!(prefixes.len(), table.len());
        }
        for (prefix, model) in MODEL_PREFIXES {
            let series = find(MODEL_SERIES, &(prefix / 10)).unwrap();
            assert_eq!(series.family, model.family, "{prefix}");
            assert_eq!(series.inputs, model.inputs, "{prefix}");
            assert!(series.nameplate >= model.nameplate, "{prefix}");
        }
    }

    #[test]
    fn the_name_is_that_of_the_serial_number_and_the_limit_that_of_the_code() {
        let yc600 = of("408000990001", Some(0x08)).unwrap();
        assert_eq!(
            (yc600.name, yc600.inputs, yc600.limits),
            ("YC600", 2, QS1_LIMIT)
        );
        let yc600 = of("408000990001", Some(0x07)).unwrap();
        assert_eq!((yc600.name, yc600.limits), ("YC600", COARSE_LIMIT));
        let small = of("703000990001", Some(0x20)).unwrap();
        assert_eq!((small.name, small.nameplate), ("DS3-L", 880));
        let large = of("704000990001", Some(0x21)).unwrap();
        assert_eq!((large.name, large.nameplate), ("DS3", 960));
        let unknown = of("709000990001", None).unwrap();
        assert_eq!((unknown.name, unknown.nameplate), ("DS3 series", 2000));
        assert_eq!(of("709000990001", Some(0x21)).unwrap().name, "DS3-H");
        let three_phase = of("901000990001", Some(0x29)).unwrap();
        assert_eq!((three_phase.family, three_phase.limits), (Qt2, NO_LIMIT));
        assert_eq!(of("990000990001", None), None);
        assert_eq!(of("990000990001", Some(0x99)), None);
    }
}
