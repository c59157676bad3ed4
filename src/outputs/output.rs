//! What an output is: the traits that each implements, and what it works with.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::mqtt::MqttSettings;
use crate::bridge::Feed;
use crate::clock::Clock;
use crate::config::{File, Problems, Secret, SecretError, SectionDoc};
use crate::history::HistoryReader;
use crate::store::Identity;

/// A way out for readings.
pub trait Output: Send + Sync + fmt::Debug {
    /// The name of its section in the configuration file, which is also its name in the log.
    fn name(&self) -> &'static str;

    /// Its section of the configuration, for the documentation.
    fn page(&self) -> SectionDoc<'static>;

    /// Reads its section.
    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems>;
}

/// An output as its section says.
pub trait Outlet: Send + Sync + fmt::Debug {
    /// Whether it is switched on.
    fn is_enabled(&self) -> bool;

    /// Whether it publishes to the MQTT broker of `[mqtt]`.
    fn needs_broker(&self) -> bool {
        false
    }

    /// The secrets of its section, each with its key.
    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        Vec::new()
    }

    /// The keys of values that its section names, each with the key of the section they stand in.
    fn named_keys(&self) -> Vec<(&'static str, &str)> {
        Vec::new()
    }

    /// Tries what it passes readings on to, other than the broker.
    fn probe(&self) -> Waiting<Vec<Tried>> {
        Box::pin(async { Vec::new() })
    }

    /// Passes on what the feed delivers until told to stop or the bridge has ended. Trouble that may
    /// pass, such as a broker that does not answer, is waited out inside.
    fn run(self: Arc<Self>, context: Context) -> Running;
}

/// What a running output works with.
#[derive(Debug)]
pub struct Context {
    /// Brings the news of the bridge, and takes commands for it.
    pub feed: Feed,
    /// The broker, for those that publish there.
    pub mqtt: MqttSettings,
    /// Which bridge this is, of all that use the same broker.
    pub bridge: Identity,
    /// The time.
    pub clock: Clock,
    /// What is kept of the past.
    pub past: HistoryReader,
    /// Cancelled when it should end.
    pub stop: CancellationToken,
}

/// What was tried, and what became of it.
pub type Tried = (String, Result<String, String>);

/// Something that takes its time.
pub type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An output at work.
pub type Running = Waiting<Result<(), OutputError>>;

/// Why an output cannot work at all, whatever is waited for.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A password is not where the configuration says.
    #[error("[mqtt] password: {0}")]
    Password(#[from] SecretError),
}
