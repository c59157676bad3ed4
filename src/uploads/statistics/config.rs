//! The section `[statistics]`.

use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::{Complaint, Secret, Settings};
use crate::home_assistant::CoreAddress;

/// What is written to Home Assistant's long-term statistics.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StatisticsSettings {
    /// Whether anything is written.
    pub enabled: bool,
    /// Whether hours that Home Assistant has missed are written into the statistics of its own entities. Only hours of
    /// counters, and only where both ends of the gap fit.
    pub fill_gaps: bool,
    /// Whether statistics are kept beside those of the entities, under names that begin with `wattbridge:`.
    pub own: bool,
    /// Where Home Assistant is, as in `http://homeassistant.local:8123` or `https://home.example.org`; `ws://` and `wss://`
    /// will do too. Left out in the app of Home Assistant, which knows.
    pub url: Option<String>,
    /// A long-lived token of an administrator. Left out in the app of Home Assistant.
    pub token: Option<Secret>,
    /// A PEM file with the authorities to trust for `https`, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Devices, or single values of them, as in `"aps_ecu_*"` or `"victron_*/panel_power"`. Left out: every device
    /// that is not behind another one.
    pub devices: Vec<String>,
    /// From which day on the history is taken along. Left out: from now on.
    #[schemars(with = "Option<String>")]
    pub since: Option<Date>,
    /// Where Home Assistant is, as an app of it knows.
    #[serde(skip)]
    pub beside: Option<CoreAddress>,
}

impl Default for StatisticsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            fill_gaps: true,
            own: false,
            url: None,
            token: None,
            ca_file: None,
            devices: Vec::new(),
            since: None,
            beside: None,
        }
    }
}

impl Settings for StatisticsSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut complain = |field, what: &str, hint: &str| {
            complaints.push(Complaint::new(field, what, hint));
        };
        if let Some(url) = &self.url
            && CoreAddress::new(url, Zeroizing::default()).is_err()
        {
            let hint = "write it like url = \"http://192.168.1.10:8123\"";
            complain("url", "this is not where Home Assistant answers", hint);
        }
        match (&self.url, &self.token) {
            (Some(_), None) => {
                let hint =
                    "write token = { file = \"...\" } with a long-lived token of an administrator";
                complain("token", "Home Assistant wants a token", hint);
            }
            (None, Some(_)) => {
                let hint = "write it like url = \"http://192.168.1.10:8123\"";
                complain("url", "nobody knows where Home Assistant is", hint);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        if self.enabled && !self.fill_gaps && !self.own {
            let hint = "write fill_gaps = true or own = true, or take the section away";
            complain("fill_gaps", "there is nothing to do", hint);
        }
        complaints
    }
}
