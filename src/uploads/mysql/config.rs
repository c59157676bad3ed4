//! The section `[mysql]`.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Settings, is_password_option, names_password};

/// How the database is reached.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MysqlSettings {
    /// Whether anything is written.
    pub enabled: bool,
    /// What the database is called in Home Assistant and in commands. What waits is kept under this name, so that it
    /// stays when `command` changes.
    pub name: String,
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
            name: "database".to_owned(),
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
        if !self.name.contains(|c: char| c.is_ascii_alphanumeric()) {
            complaints.push(Complaint::new(
                "name",
                "this is no name",
                "write the name of the database, as in name = \"solaredge\"",
            ));
        }
        if self.has_password() {
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

    /// Whether a password is among the words, also within a word for a shell. `-p` is one behind the name of the client
    /// alone: to other programs it is something else, such as a port.
    fn has_password(&self) -> bool {
        let words = self.command.iter();
        let words = words.flat_map(|word| word.split_whitespace());
        let mut is_behind_client = false;
        for word in words.map(|word| word.trim_matches(['"', '\''])) {
            if names_password(word) || (is_behind_client && is_password_option(word)) {
                return true;
            }
            let program = Path::new(word).file_name();
            is_behind_client |= program.is_some_and(|it| it == "mariadb" || it == "mysql");
        }
        false
    }
}
