//! The sections `[[ecu_json]]`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Settings};
use crate::model::Device;

/// The messages of RPI-ECU and ESP32-ECU, for what was built upon them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EcuJsonSettings {
    /// Whether they are published.
    pub enabled: bool,
    /// The format, by its number in RPI-ECU: 1 to 5.
    #[schemars(range(min = 1, max = 5))]
    pub format: u8,
    /// The topic. If it ends with `/`, the `idx` of the inverter is put behind it. It has to be there.
    pub topic: String,
    /// The inverters by their serial number or device id, each with its `idx` and its `number` in RPI-ECU.
    pub inverters: BTreeMap<String, EcuInverter>,
    /// The energies: `today`, as RPI-ECU has them, or `total`, a counter that goes on for ever.
    pub energy: EcuEnergy,
}

/// What RPI-ECU calls an inverter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EcuInverter {
    /// The number of its device in Domoticz, and the end of its topic.
    pub idx: u32,
    /// Its place in the list of RPI-ECU, from 0.
    #[serde(default)]
    pub number: u32,
}

/// Which energies are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EcuEnergy {
    /// From midnight on.
    #[default]
    Today,
    /// From ever on.
    Total,
}

impl Default for EcuJsonSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            format: 3,
            topic: String::new(),
            inverters: BTreeMap::new(),
            energy: EcuEnergy::default(),
        }
    }
}

impl EcuJsonSettings {
    /// What this device is called, if it is one of the inverters: the word of the section, and the rest.
    pub fn inverter(&self, device: &Device) -> Option<(&str, EcuInverter)> {
        let is_named = |word: &str| {
            word.eq_ignore_ascii_case(device.id.as_str())
                || word.eq_ignore_ascii_case(&device.serial)
        };
        let mut all = self.inverters.iter();
        let (word, inverter) = all.find(|(word, _)| is_named(word))?;
        Some((word, *inverter))
    }

    /// The topic of an inverter.
    pub fn topic_of(&self, inverter: EcuInverter) -> String {
        if self.topic.ends_with('/') {
            format!("{}{}", self.topic, inverter.idx)
        } else {
            self.topic.clone()
        }
    }

    /// Formats 3 and 4 are kept by the broker.
    pub const fn is_retained(&self) -> bool {
        matches!(self.format, 3 | 4)
    }
}

impl Settings for EcuJsonSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut complain = |field, what: &str, advice: &str| {
            complaints.push(Complaint::new(field, what, advice));
        };
        if !(1..=5).contains(&self.format) {
            let advice = "write 1 for Domoticz, 2, 3, 4, or 5 for ThingSpeak";
            complain("format", "there is no such format", advice);
        }
        let topic = &self.topic;
        let what = if topic.is_empty() {
            Some("nobody knows where to publish")
        } else if topic.contains(['+', '#']) || topic.starts_with('$') {
            Some("nothing can be published there")
        } else if topic.chars().any(char::is_control) {
            Some("there is an invisible character in it")
        } else if topic.len() > 200 {
            Some("it is longer than 200 characters")
        } else {
            None
        };
        if let Some(what) = what {
            let advice =
                "write the topic that RPI-ECU sends to, such as \"domoticz/in\" or \"rpiecu/out/\"";
            complain("topic", what, advice);
        }
        if self.inverters.is_empty() {
            let advice = "write inverters = { \"802000000011\" = { idx = 901, number = 0 } }, with each of your own";
            complain("inverters", "no inverter is named", advice);
        }
        let topics: BTreeSet<u32> = self.inverters.values().map(|it| it.idx).collect();
        if topics.len() < self.inverters.len() {
            let advice = "give each inverter the idx that it has in RPI-ECU";
            complain("inverters", "two inverters have the same idx", advice);
        }
        complaints
    }
}
