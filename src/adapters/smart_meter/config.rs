//! The section `[[smart_meter]]` of the configuration file.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::wire::{AUTO, Profile, Profiles};
use crate::config::{Complaint, DeviceKey, Period, Secret, Settings, Zone};
use crate::links::Address;

/// One customer interface: a serial port, or a TCP server that passes one on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeterConfig {
    /// The serial port of the M-Bus adapter, best by its lasting name as in
    /// `/dev/serial/by-id/usb-...`, or a TCP server as in `tcp://192.168.1.9:2001`.
    pub port: Option<Address>,
    /// The key to the telegrams, from your grid operator: 32 hexadecimal digits, with or without
    /// spaces, or 16 characters. Meters that do not encrypt need none.
    pub key: Option<Secret>,
    /// Keys of several meters, each by the meter's system title (16 hexadecimal digits, see the
    /// status of the meter) or by any other name; those are tried in turn.
    pub keys: BTreeMap<String, Secret>,
    /// The authentication key, where the operator gives a second one. Without it telegrams are read
    /// too, but nobody checks that they are genuine.
    pub authentication_key: Option<Secret>,
    /// Authentication keys of several meters, by the same names as `keys`.
    pub authentication_keys: BTreeMap<String, Secret>,
    /// Bits per second of the serial port. Left out: found out.
    pub baud: Option<u32>,
    /// Parity of the serial port: auto, even, odd or none. Auto finds out and remembers.
    pub parity: Parity,
    /// How the values are laid out, where a telegram does not say so itself: auto, or the name of
    /// one of the layouts in docs/devices/smart-meter.md or of one below `profiles`.
    pub profile: String,
    /// Layouts for meters that this program does not know yet.
    pub profiles: Vec<Profile>,
    /// The time zone that the meter's clock is set to, for meters that do not say it. Left out: as
    /// this host.
    pub time_zone: Option<Zone>,
    /// The most power in watts that can flow through the meter. Power above it, and energy that
    /// would need it, are held back.
    pub max_power: u32,
    /// How long no telegram may come before the meter counts as silent. One that sends less often
    /// has time for six telegrams, half an hour at most.
    pub silent_after: Period,
}

impl Default for MeterConfig {
    fn default() -> Self {
        Self {
            port: None,
            key: None,
            keys: BTreeMap::new(),
            authentication_key: None,
            authentication_keys: BTreeMap::new(),
            baud: None,
            parity: Parity::Auto,
            profile: AUTO.to_owned(),
            profiles: Vec::new(),
            time_zone: None,
            max_power: 100_000,
            silent_after: Period::minutes(1),
        }
    }
}

impl Settings for MeterConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (
            DeviceKey::Enabled,
            "Set to false to leave the meter alone without losing this section.",
        ),
        (
            DeviceKey::Name,
            "What the meter is called. Left out: \"Smart meter\" and the end of its number.",
        ),
        (
            DeviceKey::Names,
            "What several meters are called, by meter number: `names = { 1KFM0200654321 = \"Flat\" }`.",
        ),
        (DeviceKey::Area, "The room to propose for the meter."),
        (
            DeviceKey::ForgetAfter,
            "How long a meter that another one has taken the place of is kept.",
        ),
    ];

    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.port.is_none() {
            complaints.push(Complaint::new(
                "port",
                "the port of the meter is missing",
                "write port = \"/dev/serial/by-id/usb-...\", or \"tcp://192.168.1.9:2001\"; \
                 `wattbridge ports` lists them",
            ));
        }
        if self
            .baud
            .is_some_and(|baud| !(50..=4_000_000).contains(&baud))
        {
            complaints.push(Complaint::new(
                "baud",
                "no serial port has that many bits per second",
                "leave it out: it is found out",
            ));
        }
        if self.max_power == 0 {
            complaints.push(Complaint::new(
                "max_power",
                "0 watts would hold back every value",
                "write what your connection can carry, or leave it out",
            ));
        }
        let bounds = [Period::seconds(5), Period::days(1)];
        complaints.extend(Complaint::of_periods([(
            "silent_after",
            self.silent_after,
            bounds,
        )]));
        let profiles = Profiles::new(self.profiles.clone());
        if let Err(error) = profiles.check() {
            complaints.push(Complaint::new(
                "profiles",
                error.to_string(),
                error.advice(),
            ));
        }
        if self.profile != AUTO && profiles.get(&self.profile).is_none() {
            complaints.push(Complaint::new(
                "profile",
                format!("there is no layout \"{}\"", self.profile),
                format!("write one of {AUTO}, {}", profiles.names().join(", ")),
            ));
        }
        complaints
    }
}

/// The parity bit of a serial port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parity {
    /// Found out.
    #[default]
    Auto,
    /// As the standard says.
    Even,
    /// Hardly ever.
    Odd,
    /// No such bit.
    None,
}

/// Every parity and its word.
const PARITIES: [(&str, Parity); 4] = [
    ("auto", Parity::Auto),
    ("even", Parity::Even),
    ("odd", Parity::Odd),
    ("none", Parity::None),
];

impl Serialize for Parity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = PARITIES.iter().find(|(_, parity)| parity == self);
        serializer.serialize_str(word.map_or("auto", |(word, _)| word))
    }
}

impl<'de> Deserialize<'de> for Parity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = PARITIES.iter().find(|(word, _)| *word == text);
        found.map(|(_, parity)| *parity).ok_or_else(|| {
            de::Error::custom(format!(
                "\"{text}\" is not a parity; write auto, even, odd or none"
            ))
        })
    }
}

impl JsonSchema for Parity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Parity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "auto, even, odd or none" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(config: MeterConfig) -> Vec<&'static str> {
        let config = MeterConfig {
            port: Some("/dev/ttyUSB0".parse().unwrap()),
            ..config
        };
        config.check().iter().map(|one| one.field).collect()
    }

    #[test]
    fn what_can_never_work_is_refused() {
        let usual = MeterConfig::default;
        assert_eq!(complaints(usual()), [""; 0]);
        assert_eq!(usual().check()[0].field, "port");
        let speed = |baud| MeterConfig {
            baud: Some(baud),
            ..usual()
        };
        assert_eq!(complaints(speed(7)), ["baud"]);
        let profile = MeterConfig {
            profile: "no-such".to_owned(),
            ..usual()
        };
        assert_eq!(complaints(profile), ["profile"]);
        let silent = MeterConfig {
            silent_after: Period::seconds(1),
            ..usual()
        };
        assert_eq!(complaints(silent), ["silent_after"]);
        let own = r#"{ "name": "own", "fields": ["1.0.1.8.0 1 V"] }"#;
        let own = MeterConfig {
            profiles: vec![serde_json::from_str(own).unwrap()],
            ..usual()
        };
        assert_eq!(complaints(own), ["profiles"]);
    }
}
