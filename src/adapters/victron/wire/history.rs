//! What solar chargers remember of the last 30 days; read by HEX, one register a day.
//!
//! The whole life, register 0x104F, 19 bytes in version 0 and 34 in version 1:
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | version |
//! | 1 | 1 | which list of errors |
//! | 2 | 4 | last errors |
//! | 6 | 4 | yield since the user's reset, 0.01 kWh |
//! | 10 | 4 | yield, 0.01 kWh |
//! | 14 | 2 | highest panel voltage, 0.01 V |
//! | 16 | 2 | highest battery voltage, 0.01 V |
//! | 18 | 1 | days there are |
//! | 19 | 2 | lowest battery voltage, 0.01 V (version 1) |
//!
//! A day, register 0x1050 for today up to 0x106E for 30 days ago, 34 bytes:
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | version |
//! | 1 | 4 | yield, 0.01 kWh |
//! | 5 | 4 | energy of the load output, 0.01 kWh |
//! | 9, 11 | 2 | highest and lowest battery voltage, 0.01 V |
//! | 13 | 1 | which list of errors |
//! | 14 | 4 | errors |
//! | 18, 20, 22 | 2 | minutes of bulk, absorption and float |
//! | 24 | 4 | highest power, W |
//! | 28 | 2 | highest battery current, 0.1 A |
//! | 30 | 2 | highest panel voltage, 0.01 V |
//! | 32 | 2 | number of the day |
//!
//! A day of each tracker of an RS unit, register 0x10A0 for today and on:
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 1 | 2 | number of the day |
//! | 3, 11, 19 | 4 x 2 | yield in 0.01 kWh, highest power in W, highest voltage in 0.01 V |

use super::hex::{Flags, Value};
use super::registers::unsigned;
use crate::model::Decimal;

/// Register of the whole life.
pub const TOTALS: u16 = 0x104f;
/// Register of today.
pub const TODAY: u16 = 0x1050;
/// Register of today by tracker.
pub const TRACKERS_TODAY: u16 = 0x10a0;
/// How many days back there are.
pub const DAYS: u16 = 30;

/// Why a value is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The register holds something else.
    #[error("register {0:#06x} is none of the history")]
    Register(u16),
    /// The device has no record there, or an error.
    #[error("register {register:#06x} has no record: {flags}")]
    Empty {
        /// Which register.
        register: u16,
        /// What the device says.
        flags: Flags,
    },
    /// The record is too short.
    #[error("the record of register {register:#06x} has {have} bytes instead of {need}")]
    Short {
        /// Which register.
        register: u16,
        /// Bytes it has.
        have: usize,
        /// Bytes it needs.
        need: usize,
    },
}

/// A record of the history.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The whole life.
    Totals(Totals),
    /// A day.
    Day(Day),
    /// A day by tracker.
    Trackers(TrackersDay),
}

/// The whole life of a charger. Values it does not have are `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Layout of the record.
    pub version: u8,
    /// The last errors, latest first; 0 is none.
    pub errors: [u8; 4],
    /// kWh since the user's reset.
    pub yield_user: Option<Decimal>,
    /// kWh.
    pub yield_total: Option<Decimal>,
    /// V.
    pub panel_voltage_most: Option<Decimal>,
    /// V.
    pub battery_voltage_most: Option<Decimal>,
    /// V; newer firmware only.
    pub battery_voltage_least: Option<Decimal>,
    /// Days the charger remembers.
    pub days: Option<u8>,
}

/// One day of a charger. Values it does not have are `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Layout of the record.
    pub version: u8,
    /// 0 is today.
    pub days_ago: u16,
    /// The charger's own number of the day; it counts on where text has `HSDS`.
    pub number: Option<u16>,
    /// kWh.
    pub energy: Option<Decimal>,
    /// kWh out of the load output.
    pub load_energy: Option<Decimal>,
    /// V.
    pub battery_voltage_most: Option<Decimal>,
    /// V.
    pub battery_voltage_least: Option<Decimal>,
    /// Errors of the day; 0 is none.
    pub errors: [u8; 4],
    /// Minutes.
    pub bulk: Option<u16>,
    /// Minutes.
    pub absorption: Option<u16>,
    /// Minutes.
    pub float: Option<u16>,
    /// W.
    pub power_most: Option<u32>,
    /// A.
    pub battery_current_most: Option<Decimal>,
    /// V.
    pub panel_voltage_most: Option<Decimal>,
}

/// One day of the trackers of an RS unit.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackersDay {
    /// 0 is today.
    pub days_ago: u16,
    /// The device's own number of the day.
    pub number: Option<u16>,
    /// The trackers, first to fourth.
    pub trackers: [TrackerDay; 4],
}

/// One day of a tracker.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrackerDay {
    /// kWh.
    pub energy: Option<Decimal>,
    /// W.
    pub power_most: Option<u32>,
    /// V.
    pub voltage_most: Option<Decimal>,
}

impl Record {
    /// Reads the record in an answer.
    ///
    /// # Errors
    /// If there is none in it.
    pub fn decode(value: &Value<'_>) -> Result<Self, RecordError> {
        let register = value.register;
        let need = match register {
            TOTALS => 19,
            _ if ago(register, TODAY).is_some() => 34,
            _ if ago(register, TRACKERS_TODAY).is_some() => 27,
            _ => return Err(RecordError::Register(register)),
        };
        if !value.flags.is_ok() {
            let flags = value.flags;
            return Err(RecordError::Empty { register, flags });
        }
        let have = value.bytes.len();
        if have < need {
            return Err(RecordError::Short {
                register,
                have,
                need,
            });
        }
        let bytes = Bytes(value.bytes);
        Ok(if register == TOTALS {
            Self::Totals(bytes.totals())
        } else if let Some(days_ago) = ago(register, TODAY) {
            Self::Day(bytes.day(days_ago))
        } else {
            Self::Trackers(bytes.trackers(register.saturating_sub(TRACKERS_TODAY)))
        })
    }
}

fn ago(register: u16, today: u16) -> Option<u16> {
    let days = register.checked_sub(today)?;
    (days <= DAYS).then_some(days)
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn raw(&self, at: usize, size: usize) -> Option<u32> {
        let bytes = self.0.get(at..at + size)?;
        u32::try_from(unsigned(bytes)??).ok()
    }

    fn word(&self, at: usize) -> Option<u16> {
        u16::try_from(self.raw(at, 2)?).ok()
    }

    fn number(&self, at: usize, size: usize, decimals: u8) -> Option<Decimal> {
        Some(Decimal::new(i64::from(self.raw(at, size)?), decimals))
    }

    fn errors(&self, at: usize) -> [u8; 4] {
        let bytes = self.0.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().unwrap_or_default()
    }

    fn version(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    fn totals(&self) -> Totals {
        Totals {
            version: self.version(),
            errors: self.errors(2),
            yield_user: self.number(6, 4, 2),
            yield_total: self.number(10, 4, 2),
            panel_voltage_most: self.number(14, 2, 2),
            battery_voltage_most: self.number(16, 2, 2),
            days: self.raw(18, 1).and_then(|days| u8::try_from(days).ok()),
            battery_voltage_least: (self.version() >= 1)
                .then(|| self.number(19, 2, 2))
                .flatten(),
        }
    }

    fn day(&self, days_ago: u16) -> Day {
        Day {
            version: self.version(),
            days_ago,
            number: self.word(32),
            energy: self.number(1, 4, 2),
            load_energy: self.number(5, 4, 2),
            battery_voltage_most: self.number(9, 2, 2),
            battery_voltage_least: self.number(11, 2, 2),
            errors: self.errors(14),
            bulk: self.word(18),
            absorption: self.word(20),
            float: self.word(22),
            power_most: self.raw(24, 4),
            battery_current_most: self.number(28, 2, 1),
            panel_voltage_most: self.number(30, 2, 2),
        }
    }

    fn trackers(&self, days_ago: u16) -> TrackersDay {
        let tracker = |index: usize| TrackerDay {
            energy: self.number(3 + 2 * index, 2, 2),
            power_most: self.raw(11 + 2 * index, 2),
            voltage_most: self.number(19 + 2 * index, 2, 2),
        };
        TrackersDay {
            days_ago,
            number: self.word(1),
            trackers: [tracker(0), tracker(1), tracker(2), tracker(3)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_is_not_there_is_no_day_of_zeros() {
        let empty = Value {
            register: TODAY + 10,
            flags: Flags::PARAMETER,
            bytes: &[],
        };
        let error = Record::decode(&empty).unwrap_err();
        assert!(matches!(error, RecordError::Empty { .. }), "{error}");
    }

    #[test]
    fn a_record_that_is_too_short_or_none_is_refused() {
        let decode = |register, bytes| Record::decode(&Value::new(register, bytes));
        assert!(matches!(
            decode(TODAY, &[0; 33]),
            Err(RecordError::Short { have: 33, .. })
        ));
        assert_eq!(decode(0xed8d, &[0; 34]), Err(RecordError::Register(0xed8d)));
        assert_eq!(
            decode(TODAY + 31, &[0; 34]),
            Err(RecordError::Register(TODAY + 31))
        );
    }

    #[test]
    fn what_a_charger_does_not_have_is_unknown() {
        let Ok(Record::Day(day)) = Record::decode(&Value::new(TODAY + 3, &[0xff; 34])) else {
            panic!("no day");
        };
        assert_eq!(day.days_ago, 3);
        assert_eq!(
            (day.energy, day.load_energy, day.power_most),
            (None, None, None)
        );
        assert_eq!((day.number, day.battery_current_most), (None, None));
    }

    #[test]
    fn each_tracker_has_its_own_day() {
        let mut bytes = [0; 27];
        bytes[1] = 7;
        bytes[5] = 50;
        bytes[13] = 200;
        bytes[21] = 100;
        let record = Record::decode(&Value::new(TRACKERS_TODAY + 1, &bytes)).unwrap();
        let Record::Trackers(day) = record else {
            panic!("{record:?}");
        };
        assert_eq!((day.days_ago, day.number), (1, Some(7)));
        let second = TrackerDay {
            energy: Some(Decimal::new(5, 1)),
            power_most: Some(200),
            voltage_most: Some(Decimal::integer(1)),
        };
        assert_eq!(day.trackers[1], second);
    }
}
