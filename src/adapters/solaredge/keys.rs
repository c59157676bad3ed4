//! The keys of the configuration.

use std::collections::BTreeMap;

use super::config::SolarEdgeConfig;
use super::sessions::Sessions;
use super::wire::{DeviceKey, DeviceKeyError, Serial};
use crate::config::{Secret, SecretError};

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// It is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is no key.
    #[error(transparent)]
    Key(#[from] DeviceKeyError),
}

/// The keys of a section.
#[derive(Debug, Default)]
pub struct UnitKeys {
    by_serial: BTreeMap<Serial, DeviceKey>,
    nameless: Option<DeviceKey>,
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
        Ok(Self {
            by_serial,
            nameless,
        })
    }

    /// Sessions that are opened with them.
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.by_serial.clone(), self.nameless.clone())
    }
}
