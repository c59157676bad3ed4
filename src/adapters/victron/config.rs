//! The section `[[victron]]` of the configuration file.

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Period, Settings};
use crate::links::{Address, AddressError};

/// The word for all cables there are.
const AUTO: &str = "auto";

/// VE.Direct cables: all that are plugged in, or one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `auto` finds every VE.Direct USB cable, also one that is plugged in later. Or the serial port
    /// of one device, best by its lasting name as in `/dev/serial/by-id/usb-VictronEnergy...`, or a
    /// TCP server as in `tcp://192.168.1.9:2001`.
    pub port: Port,
    /// Set to false to leave the devices alone without losing this section.
    pub enabled: bool,
    /// What the device is called, if the port is that of one device. Left out: the name it was given
    /// in VictronConnect, or its model and the end of its serial number.
    pub name: Option<String>,
    /// What several devices are called, by serial number: `names = { HQ2015ABCDE = "Roof" }`.
    #[serde(deserialize_with = "crate::config::names")]
    pub names: BTreeMap<String, String>,
    /// The room to propose for the devices.
    pub area: Option<String>,
    /// Whether devices are asked for what they do not tell by themselves, such as their serial
    /// number and temperatures. Nothing is written. Set to false to only listen.
    pub ask: bool,
    /// Set to true for switches and numbers that change settings of the devices: mode, load output,
    /// relay, limit of the charge current.
    pub allow_control: bool,
    /// The most power in watts that can flow through a device. Power above it, and energy that would
    /// need it, are held back. Left out: what a solar charger can move by its name, and 50 kW for any
    /// other device; a shunt of 2000 A at 48 V measures up to 96000.
    pub max_power: Option<u32>,
    /// How long a device may say nothing before it counts as silent, or asleep if it has no power at
    /// night.
    pub silent_after: Period,
    /// How long a device whose cable is gone is kept.
    pub forget_after: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: Port::Auto,
            enabled: true,
            name: None,
            names: BTreeMap::new(),
            area: None,
            ask: true,
            allow_control: false,
            max_power: None,
            silent_after: Period::seconds(30),
            forget_after: Period::days(30),
        }
    }
}

impl Settings for Config {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.port == Port::Auto && self.name.is_some() {
            complaints.push(Complaint::new(
                "name",
                "with port = \"auto\" there may be several devices, and only one can have this name",
                "write names = { SERIAL = \"Name\" } with the serial number of each",
            ));
        }
        if self.allow_control && !self.ask {
            complaints.push(Complaint::new(
                "allow_control",
                "devices that are only listened to cannot be controlled",
                "leave out ask = false, or allow_control = true",
            ));
        }
        if self.max_power == Some(0) {
            complaints.push(Complaint::new(
                "max_power",
                "0 watts would hold back every value",
                "write what can flow through the device, or leave it out",
            ));
        }
        let periods = [
            (
                "silent_after",
                self.silent_after,
                [Period::seconds(5), Period::days(1)],
            ),
            (
                "forget_after",
                self.forget_after,
                [Period::hours(1), Period::days(36_500)],
            ),
        ];
        complaints.extend(Complaint::of_periods(periods));
        complaints
    }
}

/// Where devices are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Port {
    /// At every VE.Direct USB cable.
    Auto,
    /// There.
    At(Address),
}

impl TryFrom<String> for Port {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        if text.eq_ignore_ascii_case(AUTO) {
            Ok(Self::Auto)
        } else {
            Address::from_str(&text).map(Self::At)
        }
    }
}

impl From<Port> for String {
    fn from(port: Port) -> Self {
        match port {
            Port::Auto => AUTO.to_owned(),
            Port::At(address) => address.to_string(),
        }
    }
}

impl JsonSchema for Port {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Port".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "auto, serial port or tcp://HOST:PORT" })
    }
}
