//! The sections `[mqtt]` and `[home_assistant]` of the configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Period, Secret, SecretError, Settings};

use super::entry::kept;
use super::session;
use super::topics::{self, Topics};

/// Where the MQTT broker is. It has to be the broker that Home Assistant uses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MqttSettings {
    /// Name or address of the computer on which the broker runs.
    pub host: String,
    /// Port of the broker. Left out, it is 1883, and 8883 with TLS.
    pub port: Option<u16>,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password of that user.
    pub password: Option<Secret>,
    /// The name by which the broker tells its clients apart: two that run at the same time need
    /// two names. Left out, it is made from `base_topic`.
    pub client_id: Option<String>,
    /// All topics of wattbridge begin with this. A second wattbridge on the same broker needs
    /// another one.
    pub base_topic: String,
    /// A sign of life is sent to the broker when there was nothing else to send for so long.
    pub keep_alive: Period,
    /// Encryption of the connection to the broker.
    pub tls: TlsSettings,
}

/// Encryption of the connection to the broker.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// Whether the connection is encrypted.
    pub enabled: bool,
    /// File with the certificate of the authority that signed the broker's certificate. Left out,
    /// the public authorities that web browsers trust count.
    pub ca_file: Option<PathBuf>,
    /// File with the certificate by which wattbridge shows the broker who it is, if it wants one.
    pub client_certificate: Option<PathBuf>,
    /// File with the private key of that certificate.
    pub client_key: Option<PathBuf>,
    /// The name in the broker's certificate, if it is not the one in `host`.
    pub server_name: Option<String>,
}

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
}

impl Default for MqttSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: None,
            username: None,
            password: None,
            client_id: None,
            base_topic: "wattbridge".to_owned(),
            keep_alive: Period::seconds(30),
            tls: TlsSettings::default(),
        }
    }
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
        }
    }
}

impl MqttSettings {
    /// The port, chosen by the kind of connection if the configuration does not say.
    pub fn port(&self) -> u16 {
        let usual = if self.tls.enabled { 8883 } else { 1883 };
        self.port.unwrap_or(usual)
    }

    /// The client id. The one made from the base topic is the same in every run, so that the broker
    /// ends a connection that an earlier run left behind.
    pub fn client_id(&self) -> String {
        let made = || match self.base_topic.as_str() {
            "wattbridge" => "wattbridge".to_owned(),
            other => format!("wattbridge-{}", other.replace('/', "-")),
        };
        self.client_id.clone().unwrap_or_else(made)
    }

    /// What the session needs; for [`session::probe`] too.
    ///
    /// # Errors
    ///
    /// If the password cannot be read.
    pub fn connection(&self) -> Result<session::Settings, SecretError> {
        let reveal = |password: &Secret| password.reveal().map(|words| words.as_str().to_owned());
        Ok(session::Settings {
            host: self.host.clone(),
            port: self.port(),
            client_id: self.client_id(),
            username: self.username.clone(),
            password: self.password.as_ref().map(reveal).transpose()?,
            keep_alive: self.keep_alive.get(),
            tls: self.tls.enabled.then(|| session::Tls {
                ca_file: self.tls.ca_file.clone(),
                client_certificate: self.tls.client_certificate.clone(),
                client_key: self.tls.client_key.clone(),
                server_name: self.tls.server_name.clone(),
            }),
            will: Some(kept(topics::status(&self.base_topic), "offline")),
        })
    }
}

impl HomeAssistantSettings {
    /// After how long without news a measurement counts as unavailable.
    pub fn expire_after(&self) -> Period {
        let usual = || Period::from(self.heartbeat.get() * 3 + Period::minutes(1).get());
        self.expire_after.unwrap_or_else(usual)
    }

    /// Whether the user does not want to see this entity.
    pub(super) fn excludes(&self, device: &str, key: &str) -> bool {
        let this = |word: &String| {
            let of_device = word.strip_prefix(device).and_then(|w| w.strip_prefix('_'));
            word == key || of_device == Some(key)
        };
        self.exclude.iter().any(this)
    }

    pub(super) fn topics(&self, mqtt: &MqttSettings) -> Topics {
        let usual = || format!("{}/status", self.discovery_prefix);
        let birth = self.status_topic.clone().unwrap_or_else(usual);
        Topics::new(&mqtt.base_topic, &self.discovery_prefix, birth)
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

impl Settings for MqttSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.host.trim().is_empty() || self.host.contains(['/', ' ']) {
            complaints.push(Complaint::new(
                "host",
                format!("\"{}\" is not the name or address of a computer", self.host),
                "write \"192.168.1.10\" or \"homeassistant.local\", without \"mqtt://\"",
            ));
        }
        if self.port == Some(0) {
            complaints.push(Complaint::new(
                "port",
                "port 0 does not exist",
                "brokers listen on 1883, with TLS on 8883",
            ));
        }
        if self.client_id.as_deref() == Some("") {
            complaints.push(Complaint::new(
                "client_id",
                "it is empty",
                "leave it out, or give it a name of its own",
            ));
        }
        if self.password.is_some() && self.username.is_none() {
            complaints.push(Complaint::new(
                "password",
                "there is a password but no user name",
                "add username",
            ));
        }
        complaints.extend(check_topic("base_topic", &self.base_topic));
        if !(Period::seconds(5)..=Period::hours(18)).contains(&self.keep_alive) {
            complaints.push(Complaint::new(
                "keep_alive",
                format!("{} is out of bounds", self.keep_alive),
                "choose something from 5s to 18h; 30s suits most",
            ));
        }
        complaints.extend(self.tls.check());
        complaints
    }
}

impl TlsSettings {
    fn check(&self) -> Option<Complaint> {
        let given = [
            self.ca_file.is_some(),
            self.client_certificate.is_some(),
            self.client_key.is_some(),
            self.server_name.is_some(),
        ];
        if !self.enabled && given.contains(&true) {
            return Some(Complaint::new(
                "tls.enabled",
                "there are settings for TLS but it is not switched on",
                "add enabled = true, or remove the others",
            ));
        }
        if self.client_certificate.is_some() != self.client_key.is_some() {
            return Some(Complaint::new(
                "tls.client_certificate",
                "client_certificate and client_key only work together",
                "give both or none",
            ));
        }
        None
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
        complaints
    }
}

/// What is wrong with a topic from the configuration.
fn check_topic(field: &'static str, topic: &str) -> Option<Complaint> {
    let (what, advice) = if topic.is_empty() {
        ("it is empty", "leave it out for the usual one")
    } else if topic.contains(['+', '#']) {
        ("+ and # are wildcards", "write a topic without them")
    } else if topic.starts_with('/') || topic.ends_with('/') || topic.contains("//") {
        (
            "one of its levels is empty",
            "write it without slashes at its ends and without double slashes",
        )
    } else if topic.starts_with('$') {
        (
            "topics that begin with $ belong to the broker",
            "write it without the $",
        )
    } else if topic.chars().any(|c| c.is_control() || c.is_whitespace()) {
        (
            "there is a space or an invisible character in it",
            "write it without",
        )
    } else if topic.len() > 200 {
        ("it is very long", "200 characters are the most")
    } else {
        return None;
    };
    Some(Complaint::new(
        field,
        format!("\"{topic}\": {what}"),
        advice,
    ))
}

#[cfg(test)]
mod tests;
