//! The section `[store]` of the configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Period, Settings};

/// Where is kept what must survive a restart.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// The SQLite file. Left out: beside the configuration file, with its name and the ending
    /// `.db`. One program for one store: while it runs, a second one with the same store is refused.
    pub path: Option<PathBuf>,
    /// How often counters are written at most, and so how old those may be that change all the time:
    /// what is shown has been written before, so that no power cut makes a counter fall. Longer
    /// spares an SD card. A counter that changes more rarely is written and shown at once.
    pub save_every: Period,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            path: None,
            save_every: Period::seconds(30),
        }
    }
}

impl Settings for StoreSettings {}
