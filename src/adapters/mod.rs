//! The device adapters: one folder each, and one visible list.
//!
//! An adapter turns what a device says on its wire into [`Report`]s. It knows nothing of topics or
//! of what Home Assistant calls things. A new device is one folder beside these and one line in
//! [`ADAPTERS`]; nothing else names it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bridge::PendingCommand;
use crate::clock::Clock;
use crate::links::TcpLink;
use crate::model::Report;
use crate::store::Memory;

pub mod aps_ecu;

/// A future that lives on its own.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One configured section of an adapter, ready to run.
pub trait Source: Send + Sync + fmt::Debug {
    /// The adapter's kind, as in the configuration: `aps_ecu`.
    fn adapter(&self) -> &'static str;

    /// What a person calls it: `192.168.1.50`.
    fn label(&self) -> String;

    /// What it is found again by after a restart. Two sections never share one.
    fn key(&self) -> String {
        format!("{}@{}", self.adapter(), self.label())
    }

    /// Reads the device until told to stop. Trouble with the device is reported as health and
    /// never ends the task; an error means that the adapter itself cannot go on for now.
    fn run(self: Arc<Self>, context: Context) -> Task<Result<(), SourceError>>;

    /// Tries the device once: what answered, or why not and what to do about it.
    fn probe(self: Arc<Self>, tcp: TcpLink) -> Task<Result<String, String>>;
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

/// What a running source works with.
#[derive(Debug)]
pub struct Context {
    /// Takes its reports.
    pub reports: Reports,
    /// Brings commands for its devices.
    pub commands: mpsc::Receiver<PendingCommand>,
    /// Cancelled when it should end.
    pub stop: CancellationToken,
    /// The time.
    pub clock: Clock,
    /// Opens its connections.
    pub tcp: TcpLink,
    /// What it remembers over restarts.
    pub memory: Memory,
    /// Counts its messages.
    pub traffic: Arc<Traffic>,
}

/// Takes the reports of one source to the bridge.
#[derive(Debug, Clone)]
pub struct Reports {
    source: usize,
    sender: mpsc::Sender<(usize, Report)>,
}

impl Reports {
    /// The way for the source of this index.
    pub const fn new(source: usize, sender: mpsc::Sender<(usize, Report)>) -> Self {
        Self { source, sender }
    }

    /// Hands a report over, waiting while the bridge is busy.
    pub async fn send(&self, report: Report) -> Result<(), SourceError> {
        self.sender
            .send((self.source, report))
            .await
            .map_err(|_| SourceError::BridgeEnded)
    }
}

/// Messages of one source since the start.
#[derive(Debug, Default)]
pub struct Traffic {
    good: AtomicU64,
    bad: AtomicU64,
}

impl Traffic {
    /// Counts a message that was understood.
    pub fn count_good(&self) {
        self.good.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message that failed or did not come.
    pub fn count_bad(&self) {
        self.bad.fetch_add(1, Ordering::Relaxed);
    }

    /// Messages understood so far.
    pub fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Messages that failed so far.
    pub fn bad(&self) -> u64 {
        self.bad.load(Ordering::Relaxed)
    }
}
