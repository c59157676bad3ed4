//! The section `[pvoutput]`.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Secret, Settings};
use crate::http::HttpServer;

/// Where it is, unless the section says another place.
pub const PVOUTPUT: &str = "https://pvoutput.org";

/// Which system gets what.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PvOutputSettings {
    /// Whether anything is sent.
    pub enabled: bool,
    /// The number of the system, as PVOutput's settings page shows it. It has to be there.
    pub system_id: String,
    /// The API key, from the same page. A read-only key will not do. It has to be there.
    pub key: Option<Secret>,
    /// Whose energy and power is generated: a device, as in `"aps_ecu_216000000001"`, one counter of it, as in
    /// `"solaredge_7e000001/energy_total"`, or `"house"` for all panels of the house.
    pub generation: Option<String>,
    /// The power that belongs to it, as device and key. Left out: `power` or `panel_power` of that device.
    pub generation_power: Option<String>,
    /// Whose energy and power is consumed, in the same way. `"house"` is what the house uses; a meter's import is that
    /// only where nothing is generated.
    pub consumption: Option<String>,
    /// The power that belongs to it. Left out: `power`, `power_import` or `power_net` of that device.
    pub consumption_power: Option<String>,
    /// A temperature in °C, as in `"aps_ecu_802000000011/temperature"`.
    pub temperature: Option<String>,
    /// A voltage in V, in the same way.
    pub voltage: Option<String>,
    /// Up to six values more, for donors: `{ v7 = "victron_hq2123abcde/battery_voltage" }`.
    pub extended: PvOutputExtended,
    /// From which day on the history is taken along, as far back as PVOutput takes it. Left out: from now on.
    #[schemars(with = "Option<String>")]
    pub since: Option<Date>,
    /// Another address, for tests. Left out: `https://pvoutput.org`.
    pub url: Option<HttpServer>,
}

/// Values for donors, each as device and key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PvOutputExtended {
    /// The first.
    pub v7: Option<String>,
    /// The second.
    pub v8: Option<String>,
    /// The third.
    pub v9: Option<String>,
    /// The fourth.
    pub v10: Option<String>,
    /// The fifth.
    pub v11: Option<String>,
    /// The sixth.
    pub v12: Option<String>,
}

impl PvOutputExtended {
    /// All six, each with its key in the section.
    pub fn all(&self) -> [(&'static str, Option<&String>); 6] {
        [
            ("extended.v7", self.v7.as_ref()),
            ("extended.v8", self.v8.as_ref()),
            ("extended.v9", self.v9.as_ref()),
            ("extended.v10", self.v10.as_ref()),
            ("extended.v11", self.v11.as_ref()),
            ("extended.v12", self.v12.as_ref()),
        ]
    }
}

impl Default for PvOutputSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            system_id: String::new(),
            key: None,
            generation: None,
            generation_power: None,
            consumption: None,
            consumption_power: None,
            temperature: None,
            voltage: None,
            extended: PvOutputExtended::default(),
            since: None,
            url: None,
        }
    }
}

impl PvOutputSettings {
    /// What names a value, and so has to have a device and a key.
    pub fn values(&self) -> Vec<(&'static str, &String)> {
        let plain = [
            ("generation_power", self.generation_power.as_ref()),
            ("consumption_power", self.consumption_power.as_ref()),
            ("temperature", self.temperature.as_ref()),
            ("voltage", self.voltage.as_ref()),
        ];
        let all = plain.into_iter().chain(self.extended.all());
        all.filter_map(|(field, name)| Some((field, name?)))
            .collect()
    }

    /// What names a device, with or without a key.
    pub fn devices(&self) -> Vec<(&'static str, &String)> {
        let all = [
            ("generation", self.generation.as_ref()),
            ("consumption", self.consumption.as_ref()),
        ];
        let all = all.into_iter();
        all.filter_map(|(field, name)| Some((field, name?)))
            .collect()
    }
}

impl Settings for PvOutputSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(&self.system_id) {
            let what = if self.system_id.is_empty() {
                "nobody knows which system it is"
            } else {
                "the id of a system is a number"
            };
            let advice = "write system_id = \"12345\" with the System Id from PVOutput's settings";
            complaints.push(Complaint::new("system_id", what, advice));
        }
        if self.key.is_none() {
            let what = "PVOutput wants a key";
            let advice = "write key = { file = \"...\" } with the API Key from PVOutput's settings";
            complaints.push(Complaint::new("key", what, advice));
        }
        if self.generation.is_none() && self.consumption.is_none() {
            let what = "there is nothing to send";
            let advice = "write generation = \"...\" with the id of a device";
            complaints.push(Complaint::new("generation", what, advice));
        }
        for (field, name) in self.devices() {
            let (device, key) = name
                .split_once('/')
                .map_or((name.as_str(), "key"), |both| both);
            if device.is_empty() || key.is_empty() || key.contains('/') || name.contains('*') {
                let what = "this names no device";
                let advice = "write the id of one device, such as \"aps_ecu_216000000001\"; several are added up by a [[sum]]";
                complaints.push(Complaint::new(field, what, advice));
            }
        }
        for (field, name) in self.values() {
            let is_value = name.split_once('/').is_some_and(|(device, key)| {
                !device.is_empty() && !key.is_empty() && !key.contains('/')
            });
            if !is_value || name.contains('*') {
                let what = "this names no value of a device";
                let advice = "write device and key, such as \"aps_ecu_802000000011/temperature\"";
                complaints.push(Complaint::new(field, what, advice));
            }
        }
        for (field, power, of) in [
            ("generation_power", &self.generation_power, &self.generation),
            (
                "consumption_power",
                &self.consumption_power,
                &self.consumption,
            ),
        ] {
            if power.is_some() && of.is_none() {
                let what = "there is a power without an energy";
                let advice = "name the device as generation or consumption too";
                complaints.push(Complaint::new(field, what, advice));
            }
        }
        complaints
    }
}
