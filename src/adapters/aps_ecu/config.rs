//! The section `[[aps_ecu]]` of the configuration file.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Time;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::wire::Uid;
use crate::config::{Complaint, DeviceKey, DeviceKeys, Period, Secret, Settings, Zone};

/// One ECU-R, ECU-R-Pro, ECU-B or ECU-C.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EcuConfig {
    /// Address or name of the ECU. An ECU-R or ECU-B answers on its Wi-Fi address only.
    pub host: String,
    /// TCP port of the ECU.
    pub port: u16,
    /// Serial numbers of inverters to leave out: ids that somebody typed into the ECU and that no
    /// inverter has, or inverters that another section reads.
    pub ignore: BTreeSet<String>,
    /// How often the ECU is asked by day. It has new values every 5 minutes only, and more frequent
    /// questions make it hang: less than a minute is for simulators, on this host only.
    pub interval: Period,
    /// Ask shortly after the ECU has new values, instead of at fixed times.
    pub phase_lock: bool,
    /// How often it is asked while no inverter works.
    pub night_interval: Period,
    /// The time of day at which the ECU maintains itself and is left alone; an empty text for never.
    pub quiet: Quiet,
    /// How long one answer may take.
    pub timeout: Period,
    /// The time zone that the ECU's clock is set to. Left out: as the ECU says, else as this host.
    pub time_zone: Option<Zone>,
    /// The most power in watts that the installation can produce. Energy values that would need
    /// more are held back. Left out: what its inverters can deliver.
    pub max_power: Option<u32>,
    /// Restarts an ECU-R-Pro or ECU-C that has not answered for 15 minutes, at most once an hour
    /// and four times a day. It does so by writing these settings of the ECU's own access point, as
    /// its web page would; they must be yours. Needs `allow_control`.
    pub restart: Option<Restart>,
}

/// The access point of the ECU itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// Name of the ECU's own Wi-Fi.
    pub ssid: String,
    /// Password of the ECU's own Wi-Fi, 8 to 63 characters.
    pub password: Secret,
}

impl Default for EcuConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 8899,
            ignore: BTreeSet::new(),
            interval: Period::minutes(5),
            phase_lock: true,
            night_interval: Period::minutes(20),
            quiet: Quiet::default(),
            timeout: Period::seconds(5),
            time_zone: None,
            max_power: None,
            restart: None,
        }
    }
}

impl Settings for EcuConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (
            DeviceKey::Enabled,
            "Set to false to leave the ECU alone without losing this section.",
        ),
        (
            DeviceKey::Name,
            "What the ECU is called. Left out: its product and the end of its serial number.",
        ),
        (
            DeviceKey::Names,
            "What inverters are called, by serial number: `names = { 704000000001 = \"Garage\" }`.",
        ),
        (
            DeviceKey::Area,
            "The room to propose for the ECU and its inverters.",
        ),
        (
            DeviceKey::ForgetAfter,
            "How long an inverter that the ECU no longer lists is kept.",
        ),
        (
            DeviceKey::AllowControl,
            "Allows wattbridge to write to the ECU, which it does only to restart it: see `restart`.",
        ),
    ];

    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.host.trim().is_empty() {
            complaints.push(Complaint::new(
                "host",
                "the address of the ECU is missing",
                "write host = \"192.168.1.50\"; `wattbridge scan ecu 192.168.1.0/24` finds it",
            ));
        } else if self.host.contains(['/', ' ']) || self.host.matches(':').count() == 1 {
            complaints.push(Complaint::new(
                "host",
                format!("\"{}\" is not an address or a name", self.host),
                "write the bare address, as in host = \"192.168.1.50\"; the port has its own key",
            ));
        }
        if self.port == 0 {
            complaints.push(Complaint::new(
                "port",
                "port 0 does not exist",
                "leave it out: 8899 is right",
            ));
        }
        let simulated = self.is_on_this_host();
        if self.interval < Period::minutes(1) && !simulated {
            complaints.push(Complaint::new(
                "interval",
                format!("{} is too often for an ECU", self.interval),
                "write at least \"1m\"; more frequent questions make the ECU hang and bring nothing new",
            ));
        }
        if self.night_interval < self.interval {
            complaints.push(Complaint::new(
                "night_interval",
                "the night interval is shorter than the one by day",
                "make it at least as long as interval",
            ));
        }
        for (field, period) in [("interval", self.interval), ("timeout", self.timeout)] {
            if period.get().is_zero() {
                complaints.push(Complaint::new(
                    field,
                    "it cannot be zero",
                    "leave it out for the default",
                ));
            }
        }
        for (field, period, most) in [
            ("timeout", self.timeout, Period::minutes(1)),
            ("interval", self.interval, Period::days(1)),
            ("night_interval", self.night_interval, Period::days(1)),
        ] {
            if period > most {
                complaints.push(Complaint::new(
                    field,
                    format!("{period} is too long"),
                    format!("write at most \"{most}\", or leave it out for the default"),
                ));
            }
        }
        complaints.extend(no_serial("ignore", &self.ignore));
        if self.max_power == Some(0) {
            complaints.push(Complaint::new(
                "max_power",
                "0 watts would hold back every value",
                "write the power of all panels together, or leave it out",
            ));
        }
        complaints
    }

    fn check_beside(&self, keys: &DeviceKeys) -> Vec<Complaint> {
        let mut complaints = Vec::from_iter(no_serial("names", keys.names.keys()));
        if self.restart.is_some() && !keys.allow_control {
            complaints.push(Complaint::new(
                "restart",
                "restarting the ECU writes to it, which is not allowed",
                "add allow_control = true, or remove restart",
            ));
        }
        complaints
    }
}

/// What is wrong with the first of these that is no serial number of an inverter.
fn no_serial<'a>(
    field: &'static str,
    serials: impl IntoIterator<Item = &'a String>,
) -> Option<Complaint> {
    let is_wrong = |serial: &&String| serial.parse::<Uid>().is_err();
    let wrong = serials.into_iter().find(is_wrong)?;
    Some(Complaint::new(
        field,
        format!("\"{wrong}\" is no serial number of an inverter"),
        "write its 12 digits as they are on its label, such as 704000000001",
    ))
}

impl EcuConfig {
    /// Only a simulator can be on this host, and it may be asked as often as one likes.
    pub fn is_on_this_host(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse()
                .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

/// A time of day from when until when, written `"02:40-03:20"`; may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet(Option<(Time, Time)>);

impl Default for Quiet {
    fn default() -> Self {
        Self(Some((
            jiff::civil::time(2, 40, 0, 0),
            jiff::civil::time(3, 20, 0, 0),
        )))
    }
}

impl Quiet {
    /// How long it lasts.
    pub fn length(self) -> std::time::Duration {
        self.0
            .and_then(|(from, _)| self.remaining(from))
            .unwrap_or_default()
    }

    /// How long the quiet time still lasts at this time of day; `None` outside of it.
    pub fn remaining(self, now: Time) -> Option<std::time::Duration> {
        let (from, until) = self.0?;
        let inside = if from <= until {
            (from..until).contains(&now)
        } else {
            now >= from || now < until
        };
        let seconds = |time: Time| time.duration_since(Time::midnight()).as_secs();
        let left = (seconds(until) - seconds(now)).rem_euclid(86_400);
        inside.then(|| std::time::Duration::from_secs(left.unsigned_abs()))
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((from, until)) => {
                write!(f, "{}-{}", from.strftime("%H:%M"), until.strftime("%H:%M"))
            }
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Quiet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
        text.split_once('-')
            .and_then(|(from, until)| Some((time(from)?, time(until)?)))
            .filter(|(from, until)| from != until)
            .map(|window| Self(Some(window)))
            .ok_or_else(|| format!("\"{text}\" is not a time of day; write it like \"02:40-03:20\", or \"\" for never"))
    }
}

impl Serialize for Quiet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quiet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Quiet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quiet".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "time of day" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;
    use std::time::Duration;

    #[test]
    fn quiet_times_may_pass_midnight() {
        let quiet: Quiet = "23:50-00:10".parse().unwrap();
        assert_eq!(
            quiet.remaining(time(23, 55, 0, 0)),
            Some(Duration::from_secs(900))
        );
        assert_eq!(
            quiet.remaining(time(0, 9, 0, 0)),
            Some(Duration::from_secs(60))
        );
        assert_eq!(quiet.remaining(time(0, 10, 0, 0)), None);
        assert_eq!(
            "".parse::<Quiet>().unwrap().remaining(time(3, 0, 0, 0)),
            None
        );
        assert_eq!(Quiet::default().to_string(), "02:40-03:20");
        assert_eq!(Quiet::default().length(), Duration::from_secs(2400));
        assert_eq!(quiet.length(), Duration::from_secs(1200));
        assert!("2-3".parse::<Quiet>().is_err() && "02:40-02:40".parse::<Quiet>().is_err());
    }

    #[test]
    fn an_ecu_is_not_asked_too_often() {
        let config = |host: &str| EcuConfig {
            host: host.to_owned(),
            interval: Period::seconds(5),
            ..EcuConfig::default()
        };
        assert_eq!(config("192.168.1.50").check()[0].field, "interval");
        assert!(config("127.0.0.1").check().is_empty());
        assert_eq!(EcuConfig::default().check()[0].field, "host");
        assert_eq!(config("http://127.0.0.1/").check()[0].field, "host");
    }

    #[test]
    fn what_is_no_serial_number_of_an_inverter_is_named() {
        let config = EcuConfig {
            host: "192.168.1.50".to_owned(),
            ignore: BTreeSet::from(["704000000001".to_owned(), "70400000001".to_owned()]),
            ..EcuConfig::default()
        };
        let keys = DeviceKeys {
            names: [("7040-0001".to_owned(), "Garage".to_owned())].into(),
            ..DeviceKeys::default()
        };
        let complaints = [config.check(), config.check_beside(&keys)].concat();
        let fields: Vec<_> = complaints.iter().map(|it| it.field).collect();
        assert_eq!(fields, ["ignore", "names"]);
        assert!(complaints[0].what.contains("\"70400000001\""));
    }

    #[test]
    fn nothing_is_restarted_that_must_not_be_written_to() {
        let config = EcuConfig {
            restart: Some(Restart {
                ssid: "ECU".to_owned(),
                password: Secret::new("12345678"),
            }),
            ..EcuConfig::default()
        };
        let mut keys = DeviceKeys::default();
        assert_eq!(config.check_beside(&keys)[0].field, "restart");
        keys.allow_control = true;
        assert_eq!(config.check_beside(&keys), []);
    }
}
