//! The section `[mysql]`.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Settings};

/// How the database is reached.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MysqlSettings {
    /// Whether anything is written.
    pub enabled: bool,
    /// The client program and its arguments, as in `["mariadb", "--defaults-extra-file=/etc/wattbridge/my.cnf",
    /// "solaredge"]`. It gets statements on its standard input. It has to be there, with the user and the password in an
    /// option file.
    pub command: Vec<String>,
    /// Devices, as in `"solaredge_7e*"`. Left out: all inverters and optimizers.
    pub devices: Vec<String>,
}

impl Default for MysqlSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            command: Vec::new(),
            devices: Vec::new(),
        }
    }
}

impl Settings for MysqlSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.program().is_empty() {
            complaints.push(Complaint::new(
                "command",
                "no client program is named",
                "write command = [\"mariadb\", \"--defaults-extra-file=/etc/wattbridge/my.cnf\", \"solaredge\"]",
            ));
        }
        if self.is_client() && self.command.iter().any(|word| is_password(word)) {
            complaints.push(Complaint::new(
                "command",
                "everybody who lists processes sees a password that stands here",
                "write it into an option file that only wattbridge may read, and name that with --defaults-extra-file=",
            ));
        }
        complaints
    }
}

impl MysqlSettings {
    fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    /// Whether it is the client itself and not a program around it, whose options nobody knows.
    fn is_client(&self) -> bool {
        let name = Path::new(self.program()).file_name();
        name.is_some_and(|name| name == "mariadb" || name == "mysql")
    }

    /// The words that say which database it is.
    pub fn telling(&self) -> impl Iterator<Item = &str> {
        let words = self.command.iter().map(String::as_str);
        words.filter(|word| !is_password(word))
    }

    /// The host that is named, if any is.
    pub fn host(&self) -> Option<&str> {
        let mut words = self.telling();
        while let Some(word) = words.next() {
            if matches!(word, "-h" | "--host") {
                return words.next();
            }
            let behind = word.strip_prefix("--host=");
            let behind = behind.or_else(|| word.strip_prefix("-h").filter(|it| !it.is_empty()));
            if let Some(host) = behind {
                return Some(host);
            }
        }
        None
    }
}

fn is_password(word: &str) -> bool {
    word.starts_with("--password") || word.starts_with("-p")
}
