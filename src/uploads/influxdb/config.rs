//! The section `[[influxdb]]`.

use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Secret, Settings};
use crate::http::HttpServer;

/// Where and what InfluxDB gets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InfluxSettings {
    /// Whether anything is sent.
    pub enabled: bool,
    /// Where it is, as in `http://nas:8086`. It has to be there.
    pub url: Option<HttpServer>,
    /// The version of InfluxDB: 1, 2 or 3. VictoriaMetrics is 1.
    #[schemars(range(min = 1, max = 3))]
    pub version: u8,
    /// The database, in versions 1 and 3.
    pub database: Option<String>,
    /// The retention policy, in version 1. Left out: the one that InfluxDB takes.
    pub retention_policy: Option<String>,
    /// The user, in version 1.
    pub username: Option<String>,
    /// The password to it.
    pub password: Option<Secret>,
    /// The organisation, in version 2.
    pub org: Option<String>,
    /// The bucket, in version 2.
    pub bucket: Option<String>,
    /// The token, in versions 2 and 3.
    pub token: Option<Secret>,
    /// What the measurement is called.
    pub measurement: String,
    /// Tags beside `device`: `name`, the name of the device. When a name changes a new series begins.
    pub tags: Vec<InfluxTag>,
    /// Whether states and texts are sent as well, and on and off. VictoriaMetrics cannot keep them.
    pub texts: bool,
    /// Devices, or single values of them, as in `"aps_ecu_*"` or `"victron_*/panel_power"`. Left out: every device
    /// that is not behind another one.
    pub devices: Vec<String>,
    /// From which day on the history is taken along. Left out: from now on.
    #[schemars(with = "Option<String>")]
    pub since: Option<Date>,
    /// A PEM file with the authorities to trust for `https`, instead of the public ones.
    pub ca_file: Option<PathBuf>,
}

/// What is told of a device beside its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InfluxTag {
    /// Its id, which is always there.
    Device,
    /// What people call it.
    Name,
}

impl Default for InfluxSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            version: 1,
            database: None,
            retention_policy: None,
            username: None,
            password: None,
            org: None,
            bucket: None,
            token: None,
            measurement: "wattbridge".to_owned(),
            tags: Vec::new(),
            texts: false,
            devices: Vec::new(),
            since: None,
            ca_file: None,
        }
    }
}

impl Settings for InfluxSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut missing = |field, what: &str, hint: &str| {
            complaints.push(Complaint::new(field, what, hint));
        };
        if self.url.is_none() {
            let hint = "write its address, such as url = \"http://192.168.1.10:8086\"";
            missing("url", "nobody knows where InfluxDB is", hint);
        }
        if !(1..=3).contains(&self.version) {
            missing(
                "version",
                "there is no such version",
                "write 1, 2 or 3; VictoriaMetrics is 1",
            );
        }
        if self.version == 2 {
            for (field, value) in [("org", &self.org), ("bucket", &self.bucket)] {
                if value.as_ref().is_none_or(String::is_empty) {
                    let hint = format!("write {field} = \"...\", as InfluxDB's own page shows it");
                    missing(field, "version 2 needs an organisation and a bucket", &hint);
                }
            }
        } else if self.database.as_ref().is_none_or(String::is_empty) {
            let hint = "write database = \"wattbridge\" after you have made it there";
            missing("database", "nobody knows which database to write to", hint);
        }
        if self.version >= 2 && self.token.is_none() {
            let hint = "write token = { file = \"...\" } with a token that may write";
            missing("token", "versions 2 and 3 want a token", hint);
        }
        if self.measurement.is_empty() || self.measurement.contains(['\n', '\r', '\\']) {
            missing(
                "measurement",
                "this is no name",
                "write measurement = \"wattbridge\"",
            );
        }
        complaints
    }
}

impl InfluxSettings {
    /// Database or bucket.
    pub fn place(&self) -> &str {
        let place = if self.version == 2 {
            &self.bucket
        } else {
            &self.database
        };
        place.as_deref().unwrap_or_default()
    }
}
