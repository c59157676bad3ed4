//! What every section of the configuration file has in common.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::device_keys::{DeviceKey, DeviceKeys};
use super::period::Period;

/// The typed form of one section.
///
/// Its fields, their documentation and their defaults are the single source of the file format:
/// the parser, the list of known keys and `docs/configuration.md` all come from them. Derive
/// `Deserialize` with `#[serde(default, deny_unknown_fields)]`.
pub trait Settings: DeserializeOwned + JsonSchema {
    /// Which of the keys that sections of devices have in common stand beside its own, and what is
    /// said of each in `docs/configuration.md`.
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[];

    /// Rules that types alone cannot express.
    fn check(&self) -> Vec<Complaint> {
        Vec::new()
    }

    /// Such rules between its own keys and those in common.
    fn check_beside(&self, _keys: &DeviceKeys) -> Vec<Complaint> {
        Vec::new()
    }
}

/// A value of the right type that still cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The key within the section, dotted for keys of inner tables.
    pub field: &'static str,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub advice: String,
}

impl Complaint {
    /// A complaint about `field`.
    pub fn new(field: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            field,
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// Complaints about the lengths of time that are out of bounds: key, value, and the least and the
    /// most that can be.
    pub fn of_periods(
        periods: impl IntoIterator<Item = (&'static str, Period, [Period; 2])>,
    ) -> impl Iterator<Item = Self> {
        let complain = |(field, period, [least, most]): (_, Period, [Period; 2])| {
            let what = || format!("{period} is not between {least} and {most}");
            (period < least || period > most)
                .then(|| Self::new(field, what(), "leave it out for the default"))
        };
        periods.into_iter().filter_map(complain)
    }
}
