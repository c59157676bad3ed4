//! The section `[mqtt]` of the configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, Period, Secret, SecretError, Settings};

use super::{Lookup, session};
use crate::store::Identity;

/// Where the MQTT broker is. For Home Assistant it has to be the broker that it uses too.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MqttSettings {
    /// Name or address of the computer on which the broker runs. Left out, it is this computer; in the
    /// Home Assistant app, the broker that Home Assistant knows of.
    pub host: Option<String>,
    /// Port of the broker. Left out, it is 1883, and 8883 with TLS.
    pub port: Option<u16>,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password of that user.
    pub password: Option<Secret>,
    /// The name by which the broker tells its clients apart: two that run at the same time need
    /// two names. Left out, it is made from the id of this bridge, which its store keeps.
    pub client_id: Option<String>,
    /// All topics of wattbridge begin with this. Any number of them share a broker, with the same
    /// one too.
    pub base_topic: String,
    /// A sign of life is sent to the broker when there was nothing else to send for so long.
    pub keep_alive: Period,
    /// Encryption of the connection to the broker.
    pub tls: TlsSettings,
    /// Who knows where the broker is, if `host` is left out.
    #[serde(skip)]
    pub lookup: Lookup,
}

/// Encryption of the connection to the broker.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// Whether the connection is encrypted.
    pub enabled: bool,
    /// File with the certificate of the authority that signed the broker's certificate, or with the
    /// broker's own if there is no authority. Left out, the public authorities that web browsers
    /// trust count.
    pub ca_file: Option<PathBuf>,
    /// File with the certificate by which wattbridge shows the broker who it is, if it wants one.
    pub client_certificate: Option<PathBuf>,
    /// File with the private key of that certificate.
    pub client_key: Option<PathBuf>,
    /// The name in the broker's certificate, if it is not the one in `host`.
    pub server_name: Option<String>,
}

impl Default for MqttSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            username: None,
            password: None,
            client_id: None,
            base_topic: "wattbridge".to_owned(),
            keep_alive: Period::seconds(30),
            tls: TlsSettings::default(),
            lookup: None,
        }
    }
}

impl MqttSettings {
    /// The port, chosen by the kind of connection if the configuration does not say.
    pub fn port(&self) -> u16 {
        let usual = if self.tls.enabled { 8883 } else { 1883 };
        self.port.unwrap_or(usual)
    }

    /// The client id. That of a bridge is the same in every run, so that the broker ends a
    /// connection that an earlier run left behind.
    pub fn client_id(&self, bridge: &Identity) -> String {
        let made = || format!("wattbridge-{}", bridge.id());
        self.client_id.clone().unwrap_or_else(made)
    }

    /// What a session needs; for [`session::probe`] too. Without a will.
    ///
    /// # Errors
    ///
    /// If the password cannot be read.
    pub fn connection(&self, bridge: &Identity) -> Result<session::Settings, SecretError> {
        let reveal = |password: &Secret| password.reveal().map(|words| words.as_str().to_owned());
        Ok(session::Settings {
            host: self.host.clone().unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: self.port(),
            client_id: self.client_id(bridge),
            username: self.username.clone(),
            password: self.password.as_ref().map(reveal).transpose()?,
            keep_alive: self.keep_alive.get(),
            tls: self.tls.enabled.then(|| session::Tls {
                ca_file: self.tls.ca_file.clone(),
                client_certificate: self.tls.client_certificate.clone(),
                client_key: self.tls.client_key.clone(),
                server_name: self.tls.server_name.clone(),
            }),
            lookup: self.lookup.clone().filter(|_| self.host.is_none()),
            remedy: None,
            will: None,
            clip: session::Clip::default(),
        })
    }

    /// The same for one more session of this program, which needs a client id of its own.
    ///
    /// # Errors
    ///
    /// If the password cannot be read.
    pub fn connection_of(
        &self,
        output: &str,
        bridge: &Identity,
    ) -> Result<session::Settings, SecretError> {
        Ok(session::Settings {
            client_id: format!("{}-{output}", self.client_id(bridge)),
            ..self.connection(bridge)?
        })
    }
}

impl Settings for MqttSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let host = self.host.as_deref().unwrap_or("127.0.0.1");
        if host.trim().is_empty() || host.contains(['/', ' ', '@']) {
            complaints.push(Complaint::new(
                "host",
                format!("\"{host}\" is not the name or address of a computer"),
                "write \"192.168.1.10\" or \"homeassistant.local\", without \"mqtt://\"; user and password have keys of their own",
            ));
        } else if let Some((name, port)) = host.split_once(':')
            // A bare IPv6 address has more colons.
            && port.parse::<u16>().is_ok()
        {
            complaints.push(Complaint::new(
                "host",
                format!("\"{host}\" is a name and a port in one"),
                format!("write host = \"{name}\" and below it port = {port}"),
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

/// What is wrong with a topic from the configuration.
pub fn check_topic(field: &'static str, topic: &str) -> Option<Complaint> {
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
