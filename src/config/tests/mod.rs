//! The configuration as its users meet it. The sections here are made up; no adapter is needed.

mod device_keys;
mod environment;
mod hostile;
mod pages;
mod pairs;
mod positions;
mod secrets;
mod shapes;
mod syntax;
mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Complaint, File, Period, Problems, Secret, Settings};

/// A single section.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Mqtt {
    /// Name or address of the broker.
    host: String,
    /// Its port.
    ///
    /// Usually 1883, or 8883 with TLS. Brokers that run as a Home Assistant app show the port on
    /// their page under Network, where it can be changed as well.
    port: u16,
    /// The user; without one wattbridge logs in as nobody.
    username: Option<String>,
    /// The password that goes with it.
    password: Option<Secret>,
    /// Whether the broker keeps states.
    retain: bool,
    /// How often the connection is checked.
    keep_alive: Period,
    /// Encryption.
    tls: Tls,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Tls {
    /// Whether to encrypt.
    enabled: bool,
    /// The broker's certificate authority.
    ca_file: Option<String>,
    /// Which versions to offer.
    version: Version,
}

/// Versions of TLS.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Version {
    /// Whatever the broker offers.
    #[default]
    Any,
    /// 1.3 and nothing older.
    Modern,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 1883,
            username: None,
            password: None,
            retain: true,
            keep_alive: Period::seconds(30),
            tls: Tls::default(),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            enabled: false,
            ca_file: None,
            version: Version::Any,
        }
    }
}

impl Settings for Mqtt {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.host.trim().is_empty() {
            complaints.push(Complaint::new(
                "host",
                "the address is empty",
                "write the broker's name or address",
            ));
        }
        if self.tls.enabled && self.tls.ca_file.is_none() && self.port == 1883 {
            complaints.push(Complaint::new(
                "tls.ca_file",
                "port 1883 has no encryption",
                "use port 8883",
            ));
        }
        complaints
    }
}

/// A device.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Box {
    /// Its address.
    host: String,
    /// Its serial number.
    #[serde(default)]
    serial: String,
    /// How often it is asked.
    #[serde(default = "five_minutes")]
    poll_interval: Period,
    /// Keys by serial number.
    #[serde(default)]
    keys: BTreeMap<String, Secret>,
    /// Peers to listen for.
    #[serde(default)]
    peers: Vec<String>,
    /// The panels of its inverters.
    #[serde(default)]
    panels: Vec<Panel>,
    /// The way to it.
    #[serde(default)]
    link: Link,
}

fn five_minutes() -> Period {
    Period::minutes(5)
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Panel {
    /// What it is called.
    name: String,
    /// Its size in watts.
    watts: u32,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Link {
    #[default]
    None,
    Serial {
        /// The serial port.
        device: String,
    },
    Tcp {
        /// The address.
        address: String,
    },
}

impl Settings for Box {}

fn parse(text: &str) -> File {
    File::parse(text, "wattbridge.toml").unwrap()
}

fn syntax_error(text: &str) -> String {
    File::parse(text, "wattbridge.toml")
        .unwrap_err()
        .to_string()
}

fn mqtt(text: &str) -> Result<Mqtt, Problems> {
    parse(text).settings("mqtt")
}

fn mqtt_error(text: &str) -> String {
    mqtt(text).unwrap_err().to_string()
}

fn boxes(text: &str) -> Vec<Result<Box, Problems>> {
    parse(text)
        .sections("my_box")
        .iter()
        .map(super::Section::read)
        .collect()
}

fn box_error(text: &str) -> String {
    let errors: Vec<_> = boxes(text).into_iter().filter_map(Result::err).collect();
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}
