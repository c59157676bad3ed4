//! The section `[history]` of the configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Period, Settings};

/// What is kept of the past, for the page and for uploads.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySettings {
    /// Whether anything is kept at all.
    pub enabled: bool,
    /// The SQLite file. Left out: beside the store, with its name and the ending `-history.db`. It may lie on
    /// another disk and may be thrown away at any time: counters do not depend on it.
    pub path: Option<PathBuf>,
    /// How long the values of each five minutes are kept, some 60 MB a year for 40 values. Those of hours and days
    /// stay for ever.
    pub keep_slots: Period,
    /// Values that are kept beside the usual ones, such as `"victron_hq2123abcde/voltage_min"` or `"victron_*/charge_cycles"`:
    /// the id of the device and the key of the value, as in its MQTT topic; `*` stands for any text. Kept anyway are all
    /// measurements and counters that are on by default and no diagnostics.
    pub also: Vec<String>,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            keep_slots: Period::days(731),
            also: Vec::new(),
        }
    }
}

impl Settings for HistorySettings {
    fn check(&self) -> Vec<Complaint> {
        let is_place = |place: &&String| {
            let parts = place.split_once('/');
            parts.is_none_or(|(device, key)| {
                device.is_empty() || key.is_empty() || key.contains('/')
            })
        };
        let odd = self.also.iter().find(is_place);
        let odd = odd.map(|place| {
            Complaint::new(
                "also",
                format!("\"{place}\" is not a value of a device"),
                "write the id of the device, a slash and the key, such as \"smart_meter_1/voltage_l1\"",
            )
        });
        let periods = [(
            "keep_slots",
            self.keep_slots,
            [Period::days(15), Period::days(36_525)],
        )];
        odd.into_iter()
            .chain(Complaint::of_periods(periods))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_cannot_be_kept() {
        let complaints = |text: &str| {
            let settings: HistorySettings = toml::from_str(text).unwrap();
            settings.check().len()
        };
        assert_eq!(complaints(""), 0);
        assert_eq!(complaints("keep_slots = \"1y\"\nalso = [\"a_1/b\"]"), 0);
        for wrong in [
            "keep_slots = \"1h\"",
            "also = [\"power\"]",
            "also = [\"a/b/c\"]",
        ] {
            assert_eq!(complaints(wrong), 1, "{wrong}");
        }
    }
}
