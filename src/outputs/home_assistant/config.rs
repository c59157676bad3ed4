//! The section `[home_assistant]` of the configuration file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, File, Language, Period, PlaceSettings, Problems, Settings};
use crate::outputs::mqtt::{MqttSettings, check_topic};
use crate::store::Identity;

use super::throttle::{self, ThrottleSettings};
use super::topics::Topics;

/// How devices are announced to Home Assistant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HomeAssistantSettings {
    /// Whether devices are announced and their values published at all.
    pub enabled: bool,
    /// The discovery prefix that is set in Home Assistant's MQTT integration.
    pub discovery_prefix: String,
    /// The topic of the birth message that is set in Home Assistant's MQTT integration. Left out,
    /// it is `status` below the discovery prefix.
    pub status_topic: Option<String>,
    /// The payload of that birth message.
    pub birth_payload: String,
    /// Whether the broker keeps the latest values, so that Home Assistant has them at once when it
    /// starts.
    pub retain_states: bool,
    /// Values that do not change are published again after so long.
    pub heartbeat: Period,
    /// Home Assistant shows a measurement as unavailable when nothing was published for so long.
    /// Counters, texts and moments stay. Left out, it is three times `heartbeat` and a minute.
    pub expire_after: Option<Period>,
    /// What not to announce: keys such as `energy_today`, for all devices, or
    /// `aps_ecu_216000000001_energy_today`, for one.
    pub exclude: Vec<String>,
    /// How often values may change in Home Assistant, by keys like those of `exclude`; `"*"` is for
    /// all that are not named. Left out, everything has its usual pace.
    ///
    /// Power changes every 10 seconds at most, other measurements and counters every 30, moments
    /// every minute; a measurement that moves far does so at once: see [Pace](topics.md#pace). Texts
    /// change every 10 seconds at most, and at once with the health; states and on/off values never wait.
    pub pace: BTreeMap<String, ThrottleSettings>,
    /// What names and words are announced in: that of `[place]`.
    #[serde(skip)]
    pub language: Language,
}

impl Default for HomeAssistantSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            discovery_prefix: "homeassistant".to_owned(),
            status_topic: None,
            birth_payload: "online".to_owned(),
            retain_states: true,
            heartbeat: Period::minutes(5),
            expire_after: None,
            exclude: Vec::new(),
            pace: BTreeMap::new(),
            language: Language::default(),
        }
    }
}

impl HomeAssistantSettings {
    /// The section of a file, with the language that is spoken there. What is wrong with `[place]` itself is told by
    /// whoever reads it for all.
    pub fn read(file: &File) -> Result<Self, Problems> {
        let mut settings: Self = file.settings("home_assistant")?;
        let place = file.settings::<PlaceSettings>("place");
        settings.language = place.unwrap_or_default().language;
        Ok(settings)
    }

    /// After how long without news a measurement counts as unavailable.
    pub fn expire_after(&self) -> Period {
        let usual = || Period::from(self.heartbeat.get() * 3 + Period::minutes(1).get());
        self.expire_after.unwrap_or_else(usual)
    }

    /// Whether the user does not want to see this entity.
    pub fn excludes(&self, device: &str, key: &str) -> bool {
        let this = |word: &String| {
            let of_device = word.strip_prefix(device).and_then(|w| w.strip_prefix('_'));
            word == key || of_device == Some(key)
        };
        self.exclude.iter().any(this)
    }

    pub(crate) fn topics(&self, mqtt: &MqttSettings, identity: &Identity) -> Topics {
        let usual = || format!("{}/status", self.discovery_prefix);
        let birth = self.status_topic.clone().unwrap_or_else(usual);
        Topics::new(&mqtt.base_topic, &self.discovery_prefix, birth, identity)
    }

    /// Rules between this section and `[mqtt]`.
    pub fn check_with(&self, mqtt: &MqttSettings) -> Vec<Complaint> {
        let (base, prefix) = (&mqtt.base_topic, &self.discovery_prefix);
        let inside = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
        if base == prefix || inside(base, prefix) {
            return vec![Complaint::new(
                "discovery_prefix",
                format!("the base topic \"{base}\" lies in the discovery prefix \"{prefix}\""),
                "give [mqtt] base_topic another name, \"wattbridge\" for example",
            )];
        }
        Vec::new()
    }
}

impl Settings for HomeAssistantSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        complaints.extend(check_topic("discovery_prefix", &self.discovery_prefix));
        if let Some(topic) = &self.status_topic {
            complaints.extend(check_topic("status_topic", topic));
        }
        if self.heartbeat < Period::seconds(10) {
            complaints.push(Complaint::new(
                "heartbeat",
                format!("{} is very often", self.heartbeat),
                "choose 10s or more; 5m suits most",
            ));
        }
        if self.expire_after() <= self.heartbeat {
            complaints.push(Complaint::new(
                "expire_after",
                format!(
                    "values would expire after {}, before they are published again after {}",
                    self.expire_after(),
                    self.heartbeat
                ),
                "leave it out, or choose at least twice the heartbeat",
            ));
        }
        complaints.extend(throttle::check(&self.pace));
        complaints
    }
}

#[cfg(test)]
mod tests;
