//! The section `[[victron]]` of the configuration file.

use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, DeviceKey, DeviceKeys, Period, Settings};
use crate::links::{Address, AddressError};

/// The word for all cables there are.
const AUTO: &str = "auto";

/// VE.Direct cables: all that are plugged in, or one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VictronConfig {
    /// `auto` finds every VE.Direct USB cable, also one that is plugged in later. Or the serial port
    /// of one device, best by its lasting name as in `/dev/serial/by-id/usb-VictronEnergy...`, or a
    /// TCP server as in `tcp://192.168.1.9:2001`.
    pub port: Port,
    /// Whether devices are asked for what they do not tell by themselves, such as their serial
    /// number and temperatures. Nothing is written. Set to false to only listen.
    pub ask: bool,
    /// The most power in watts that can flow through a device. Power above it, and energy that would
    /// need it, are held back. Left out: what a solar charger can move by its name, and 50 kW for any
    /// other device; a shunt of 2000 A at 48 V measures up to 96000.
    pub max_power: Option<u32>,
    /// How long a device may say nothing before it counts as silent, or asleep if it has no power at
    /// night.
    pub silent_after: Period,
}

impl Default for VictronConfig {
    fn default() -> Self {
        Self {
            port: Port::Auto,
            ask: true,
            max_power: None,
            silent_after: Period::seconds(30),
        }
    }
}

impl Settings for VictronConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (
            DeviceKey::Enabled,
            "Set to false to leave the devices alone without losing this section.",
        ),
        (
            DeviceKey::Name,
            "What the device is called, if the port is that of one device. Left out: the name it was \
             given in VictronConnect, or its model and the end of its serial number.",
        ),
        (
            DeviceKey::Names,
            "What several devices are called, by serial number: `names = { HQ2015ABCDE = \"Roof\" }`.",
        ),
        (DeviceKey::Area, "The room to propose for the devices."),
        (
            DeviceKey::ForgetAfter,
            "How long a device whose cable is gone is kept.",
        ),
        (
            DeviceKey::AllowControl,
            "Set to true for switches and numbers that change settings of the devices: mode, load \
             output, relay, limit of the charge current.",
        ),
    ];

    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.max_power == Some(0) {
            complaints.push(Complaint::new(
                "max_power",
                "0 watts would hold back every value",
                "write what can flow through the device, or leave it out",
            ));
        }
        let bounds = [Period::seconds(5), Period::days(1)];
        let period = ("silent_after", self.silent_after, bounds);
        complaints.extend(Complaint::of_periods([period]));
        complaints
    }

    fn check_beside(&self, keys: &DeviceKeys) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.port == Port::Auto && keys.name.is_some() {
            complaints.push(Complaint::new(
                "name",
                "with port = \"auto\" there may be several devices, and only one can have this name",
                "write names = { SERIAL = \"Name\" } with the serial number of each",
            ));
        }
        if keys.allow_control && !self.ask {
            complaints.push(Complaint::new(
                "allow_control",
                "devices that are only listened to cannot be controlled",
                "leave out ask = false, or allow_control = true",
            ));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_for_one_device_and_only_who_is_asked_is_controlled() {
        let fields = |config: &VictronConfig, keys: &DeviceKeys| -> Vec<&'static str> {
            let complaints = config.check_beside(keys);
            complaints.iter().map(|one| one.field).collect()
        };
        let one = VictronConfig {
            port: "/dev/ttyUSB0".to_owned().try_into().unwrap(),
            ..VictronConfig::default()
        };
        let named = DeviceKeys {
            name: Some("Roof".to_owned()),
            ..DeviceKeys::default()
        };
        assert_eq!(fields(&VictronConfig::default(), &named), ["name"]);
        assert_eq!(fields(&one, &named), [""; 0]);
        let listens = VictronConfig {
            ask: false,
            ..VictronConfig::default()
        };
        let allowed = DeviceKeys {
            allow_control: true,
            ..DeviceKeys::default()
        };
        assert_eq!(fields(&listens, &allowed), ["allow_control"]);
        assert_eq!(fields(&VictronConfig::default(), &allowed), [""; 0]);
    }
}
