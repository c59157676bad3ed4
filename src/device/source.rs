//! One configured section at work.

use std::fmt;
use std::sync::Arc;

use super::{BoxFuture, Context};
use crate::config::DeviceKeys;
use crate::links::{Address, Links};
use crate::model::{DeviceId, Metric};

/// One configured section of an adapter, ready to run.
pub trait Source: Send + Sync + fmt::Debug {
    /// The adapter's kind, as in the configuration: `aps_ecu`.
    fn adapter(&self) -> &'static str;

    /// The same as people say it: `APS ECU`.
    fn spoken(&self) -> &'static str;

    /// What a person calls it: `192.168.1.50`.
    fn label(&self) -> String;

    /// The port it has for itself, where it has one: nothing else opens that.
    fn port(&self) -> Option<&Address> {
        None
    }

    /// Devices that its section lists by their numbers: two sections never share one.
    fn listed(&self) -> Vec<DeviceId> {
        Vec::new()
    }

    /// What it has for itself beside its port and its devices.
    fn reserved(&self) -> Vec<Reserved> {
        Vec::new()
    }

    /// What it is found again by after a restart. Two sections never share one.
    fn key(&self) -> String {
        format!("{}@{}", self.adapter(), self.label())
    }

    /// What its devices can report beyond the tables of the adapter.
    fn own_metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// Reads the device until told to stop. Trouble with the device is reported as health and
    /// never ends the task; an error means that the adapter itself cannot go on for now.
    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>>;

    /// Tries the device once: what answered, or why not and what to do about it.
    fn probe(self: Arc<Self>, links: Links) -> BoxFuture<Result<Probed, String>>;
}

/// Something that only one section may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// Two sections with the same one are one too many.
    pub key: String,
    /// What it is, for people; what follows says that another section has it as well.
    pub words: String,
    /// What to do where two have it.
    pub advice: String,
}

/// A source, and what its section says of its devices: that is carried out by the bridge.
#[derive(Debug, Clone)]
pub struct ConfiguredSource {
    /// What reaches the devices.
    pub source: Arc<dyn Source>,
    /// What the user wants of them.
    pub keys: DeviceKeys,
}

impl ConfiguredSource {
    /// The source of a section that says this of its devices.
    pub fn new(source: impl Source + 'static, keys: DeviceKeys) -> Self {
        Self {
            source: Arc::new(source),
            keys,
        }
    }
}

impl<S: Source + 'static> From<Arc<S>> for ConfiguredSource {
    /// A source of whose devices nothing is said.
    fn from(source: Arc<S>) -> Self {
        Self {
            source,
            keys: DeviceKeys::default(),
        }
    }
}

/// What answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probed {
    /// In words.
    pub words: String,
    /// Which devices those are, as far as they say: two sections never share one.
    pub devices: Vec<DeviceId>,
}

impl From<String> for Probed {
    fn from(words: String) -> Self {
        Self {
            words,
            devices: Vec::new(),
        }
    }
}

/// An adapter cannot go on and should be started again later.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The bridge takes no more reports, because the program ends.
    #[error("the bridge has ended")]
    BridgeEnded,
    /// The recording that is replayed has been played to its end.
    #[error("the recording has ended")]
    RecordingEnded,
}
