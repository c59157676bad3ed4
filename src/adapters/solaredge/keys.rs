//! The keys of the configuration.

use std::collections::BTreeMap;

use super::config::SolarEdgeConfig;
use super::sessions::Sessions;
use super::wire::{DeviceKey, DeviceKeyError, Frame, Handshake, Serial, function};
use crate::config::{Secret, SecretError};
use crate::hex;

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// It is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is no key.
    #[error(transparent)]
    Key(#[from] DeviceKeyError),
    /// It is no beginning of a session.
    #[error("the beginning of a session is 34 bytes, which are 68 hexadecimal digits")]
    Session,
}

/// The keys of a section.
#[derive(Debug, Default)]
pub struct UnitKeys {
    by_serial: BTreeMap<Serial, DeviceKey>,
    nameless: Option<DeviceKey>,
    handshakes: BTreeMap<Serial, Handshake>,
}

impl UnitKeys {
    /// Reads the keys. An error comes with the name of the field.
    pub fn read(config: &SolarEdgeConfig) -> Result<Self, (&'static str, KeyTrouble)> {
        let read = |field, secret: &Secret| {
            let words = secret.reveal().map_err(|error| (field, error.into()))?;
            words
                .parse::<DeviceKey>()
                .map_err(|error| (field, KeyTrouble::from(error)))
        };
        let nameless = config
            .key
            .as_ref()
            .map(|key| read("key", key))
            .transpose()?;
        let mut by_serial = BTreeMap::new();
        for (name, secret) in &config.keys {
            // Names that are none have been complained of.
            if let Ok(serial) = name.parse() {
                by_serial.insert(serial, read("keys", secret)?);
            }
        }
        let mut handshakes = BTreeMap::new();
        for (name, secret) in &config.sessions {
            let words = secret
                .reveal()
                .map_err(|error| ("sessions", error.into()))?;
            let handshake = handshake(&words).ok_or(("sessions", KeyTrouble::Session))?;
            if let Ok(serial) = name.parse() {
                handshakes.insert(serial, handshake);
            }
        }
        Ok(Self {
            by_serial,
            nameless,
            handshakes,
        })
    }

    /// Sessions that are opened with them.
    pub fn sessions(&self) -> Sessions {
        let mut sessions = Sessions::new(self.by_serial.clone(), self.nameless.clone());
        for (unit, handshake) in &self.handshakes {
            sessions.remember(*unit, *handshake);
        }
        sessions
    }
}

/// The handshake in 34 bytes, or in the frame around them.
fn handshake(words: &str) -> Option<Handshake> {
    let digits: String = words.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = hex::bytes(&digits)?;
    match Frame::exactly(&bytes) {
        Ok(frame) if frame.function == function::SESSION_KEY => Handshake::new(frame.data),
        _ => Handshake::new(&bytes),
    }
}
