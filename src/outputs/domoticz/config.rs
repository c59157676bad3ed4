//! The sections `[[domoticz]]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::part::DomoticzValue;
use crate::config::{Complaint, Period, Secret, Settings};
use crate::http::HttpServer;
use crate::outputs::mqtt::check_topic;

/// One device of Domoticz, and what it is told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DomoticzSettings {
    /// Whether anything is sent.
    pub enabled: bool,
    /// The number of the device, as Domoticz lists it under Setup, Devices. It has to be there.
    #[schemars(range(min = 1))]
    pub idx: u32,
    /// What kind of device it is there. It has to be there.
    pub kind: Option<DomoticzKind>,
    /// The power, as `"device/key"`: of the kinds `kwh` and `usage`.
    pub power: Option<String>,
    /// The counter, as `"device/key"`: of the kind `kwh`. One that goes on for ever, not one of the day.
    pub energy: Option<String>,
    /// The device: of the kinds `p1` and `current3`.
    pub device: Option<String>,
    /// The value, as `"device/key"`: of all other kinds.
    pub value: Option<String>,
    /// Domoticz is told at most once in this time, and at least each 5 minutes.
    pub every: Period,
    /// The topic on which Domoticz listens, at the broker of `[mqtt]`.
    pub topic: String,
    /// The address of Domoticz, as in `http://192.168.1.10:8080`, if it is to be told without a broker.
    pub url: Option<HttpServer>,
    /// A user of Domoticz that may change the device, with `url`.
    pub user: Option<String>,
    /// The password of that user.
    pub password: Option<Secret>,
    /// A PEM file with the authorities to trust for `https`, instead of the public ones.
    pub ca_file: Option<PathBuf>,
}

/// A kind of device in Domoticz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DomoticzKind {
    /// General, kWh: power and a counter.
    Kwh,
    /// P1 Smart Meter: a meter of the grid, both directions.
    P1,
    /// Usage (Electric): power.
    Usage,
    /// Temperature.
    Temperature,
    /// Voltage.
    Voltage,
    /// Current of one phase.
    Current,
    /// Percentage.
    Percentage,
    /// Custom Sensor: any number.
    Custom,
    /// Text.
    Text,
    /// CURRENT: three phases.
    Current3,
    /// Not to be used: Domoticz adds up whatever comes, so that what comes twice counts twice.
    Incremental,
}

impl DomoticzKind {
    /// Which keys name what it is told.
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Kwh => &["power", "energy"],
            Self::Usage => &["power"],
            Self::P1 | Self::Current3 => &["device"],
            _ => &["value"],
        }
    }
}

impl Default for DomoticzSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            idx: 0,
            kind: None,
            power: None,
            energy: None,
            device: None,
            value: None,
            every: Period::seconds(10),
            topic: "domoticz/in".to_owned(),
            url: None,
            user: None,
            password: None,
            ca_file: None,
        }
    }
}

impl DomoticzSettings {
    /// What names values or a device, each with its key.
    pub fn named(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("power", self.power.as_deref()),
            ("energy", self.energy.as_deref()),
            ("device", self.device.as_deref()),
            ("value", self.value.as_deref()),
        ]
    }

    fn check_named(&self, kind: DomoticzKind) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (field, named) in self.named() {
            let is_wanted = kind.keys().contains(&field);
            let (what, advice) = match named {
                None if !is_wanted => continue,
                None if field == "device" => (
                    "this kind is told of a device".to_owned(),
                    "write its id, such as device = \"kaifa_1kfm0200000001\"",
                ),
                None => (
                    format!("this kind needs {field}"),
                    "write \"device/key\", as `wattbridge discovery` shows them",
                ),
                Some(_) if !is_wanted => (
                    "this kind has nothing of it".to_owned(),
                    "leave it out, or choose another kind",
                ),
                Some(name) if field == "device" && name.contains('/') => (
                    format!("\"{name}\" is a value and no device"),
                    "write the id of the device alone",
                ),
                Some(name) if field != "device" && DomoticzValue::read(name).is_none() => (
                    format!("\"{name}\" is no device and key"),
                    "write both with a slash between, such as \"aps_ecu_216000000001/power\"",
                ),
                Some(_) => continue,
            };
            complaints.push(Complaint::new(field, what, advice));
        }
        complaints
    }

    fn check_login(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.password.is_some() && self.user.is_none() {
            let what = "there is a password but no user";
            complaints.push(Complaint::new("password", what, "add user"));
        }
        if self.url.is_none() && (self.user.is_some() || self.ca_file.is_some()) {
            let field = if self.user.is_some() {
                "user"
            } else {
                "ca_file"
            };
            let what = "it is for the way over HTTP, and there is no url";
            let advice = "add url, or leave it out; the broker's login stands in [mqtt]";
            complaints.push(Complaint::new(field, what, advice));
        }
        complaints
    }
}

impl Settings for DomoticzSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.idx == 0 {
            let what = "nobody knows which device of Domoticz is meant";
            let advice = "write its number, which Domoticz shows under Setup, Devices";
            complaints.push(Complaint::new("idx", what, advice));
        }
        match self.kind {
            None => {
                let what = "nobody knows what kind of device it is in Domoticz";
                let advice = "write kind = \"kwh\", or another one";
                complaints.push(Complaint::new("kind", what, advice));
            }
            Some(DomoticzKind::Incremental) => {
                let what = "an incremental counter adds up all that comes, so that what comes twice counts twice";
                let advice = "make a device \"Electric (Instant+Counter)\" in Domoticz and write kind = \"kwh\"";
                complaints.push(Complaint::new("kind", what, advice));
            }
            Some(kind) => complaints.extend(self.check_named(kind)),
        }
        complaints.extend(check_topic("topic", &self.topic));
        let bounds = [Period::seconds(1), Period::minutes(5)];
        complaints.extend(Complaint::of_periods([("every", self.every, bounds)]));
        complaints.extend(self.check_login());
        complaints
    }
}
