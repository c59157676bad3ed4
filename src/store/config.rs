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
    /// How often the counters of one device are written at most. Longer spares an SD card; after a
    /// power cut the counters continue from what was written last, so that no more than what was
    /// counted in this time is lost.
    pub save_every: Period,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            path: None,
            save_every: Period::minutes(1),
        }
    }
}

impl Settings for StoreSettings {}
