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

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use self::simulation::House;
use crate::clock::Clock;
use crate::config::{Problems, Section, SectionDoc};
use crate::links::{Address, Endpoint, Links, Mask};
use crate::model::{Command, CommandOutcome, DeviceId, Metric, Report};
use crate::store::Memory;

pub mod aps_ecu;
mod dump;
pub mod kaifa;
pub mod simulation;
pub mod text;
pub mod victron;

/// Every adapter there is.
pub static ADAPTERS: &[&dyn Adapter] = &[
    &aps_ecu::ADAPTER,
    &kaifa::ADAPTER,
    &text::ADAPTER,
    &victron::ADAPTER,
];

/// A future that lives on its own.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The adapter of this kind. Hyphens do for underscores, as on the command line.
pub fn find(kind: &str) -> Option<&'static dyn Adapter> {
    let kind = kind.replace('-', "_");
    ADAPTERS
        .iter()
        .copied()
        .find(|adapter| adapter.kind() == kind)
}

/// What the program can do with one kind of device.
pub trait Adapter: Send + Sync + fmt::Debug {
    /// Its name in the configuration and in device ids, `snake_case`: `aps_ecu`.
    fn kind(&self) -> &'static str;

    /// What it connects, in a few words.
    fn title(&self) -> &'static str;

    /// The tables of all metrics that its devices can have.
    fn tables(&self) -> &'static [&'static [Metric]];

    /// Its section of the configuration, for checking and for the documentation.
    fn page(&self) -> SectionDoc<'static>;

    /// The keys of its section that an address on the command line stands for.
    fn address(&self, text: &str) -> Vec<(&'static str, String)>;

    /// Makes a source of a section.
    fn configure(&self, section: &Section) -> Result<Arc<dyn Source>, Problems>;

    /// Makes a decoder that reads as a section says.
    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems>;

    /// Makes serial numbers and the like unrecognisable in recordings of what a section says.
    fn mask(&self, section: &Section) -> Result<Mask, Problems>;

    /// The keys of a section that a masked recording is read with, and their values; for everybody
    /// to see.
    fn mask_settings(&self, _section: &Section) -> Keys {
        Keys::new()
    }

    /// What to know of a masked recording, if anything.
    fn mask_note(&self, _section: &Section) -> Option<String> {
        None
    }

    /// Finds devices in the network, where they can be found.
    fn scanner(&self) -> Option<&'static dyn Scanner> {
        None
    }

    /// The other end of the wire.
    fn simulator(&self) -> Option<&'static dyn Tool> {
        None
    }

    /// Starts simulated devices of a house for the demo, until `stop`, and returns the keys of a
    /// section for each of them.
    fn demonstrate(
        &self,
        _house: House,
        _stop: CancellationToken,
    ) -> Task<Result<Vec<Keys>, ToolError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Commands for this kind of device only: `wattbridge aps-ecu history`.
    fn tools(&self) -> &'static [&'static dyn Tool] {
        &[]
    }
}

/// Keys of a section and their values, as on the command line.
pub type Keys = Vec<(String, String)>;

/// Reads bytes as its adapter would, without a device.
pub trait Decoder {
    /// Labels the bytes of all messages from now on, which takes longer than to decode them.
    fn annotate(&mut self);

    /// Takes bytes, cut anywhere.
    fn push(&mut self, bytes: &[u8]);

    /// The next thing that could be decoded, or that had to be refused.
    fn next(&mut self) -> Option<Result<Decoded, Undecoded>>;

    /// At the end of the bytes: what is left over, if it looks like the beginning of something.
    fn finish(&mut self) -> Option<String>;
}

/// What one message says.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// What the adapter would report.
    pub reports: Vec<Report>,
    /// What it says besides, as JSON objects.
    pub notes: Vec<serde_json::Value>,
    /// Its bytes, labelled; empty unless that was asked for.
    pub annotation: String,
}

/// What had to be refused.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Undecoded {
    /// Where, and why.
    pub reason: String,
    /// Its bytes, labelled, as far as they can be; empty unless that was asked for.
    pub annotation: String,
}

impl From<String> for Undecoded {
    fn from(reason: String) -> Self {
        Self {
            reason,
            annotation: String::new(),
        }
    }
}

/// Looks for devices in the network.
pub trait Scanner: Send + Sync {
    /// What is looked for, as on the command line: `ecu`.
    fn name(&self) -> &'static str;

    /// Where they listen.
    fn port(&self) -> u16;

    /// Asks one address.
    fn look(&self, endpoint: Endpoint) -> Task<Finding>;
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing that listens.
    Nothing,
    /// Something listens, but it is not what is looked for.
    SomethingElse(String),
    /// A device.
    Found(String),
}

/// A command of its own for one kind of device.
pub trait Tool: Send + Sync {
    /// Its command line.
    fn command(&self) -> clap::Command;

    /// Does it.
    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> Task<Result<(), ToolError>>;
}

/// A tool failed; the words are for the user.
pub type ToolError = Box<dyn std::error::Error + Send + Sync>;

/// One configured section of an adapter, ready to run.
pub trait Source: Send + Sync + fmt::Debug {
    /// The adapter's kind, as in the configuration: `aps_ecu`.
    fn adapter(&self) -> &'static str;

    /// What a person calls it: `192.168.1.50`.
    fn label(&self) -> String;

    /// The port it has for itself, where it has one: nothing else opens that.
    fn port(&self) -> Option<&Address> {
        None
    }

    /// What it is found again by after a restart. Two sections never share one.
    fn key(&self) -> String {
        format!("{}@{}", self.adapter(), self.label())
    }

    /// What its devices can report beyond the tables of the adapter.
    fn own_metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// The serial numbers that it has names for.
    fn named(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Reads the device until told to stop. Trouble with the device is reported as health and
    /// never ends the task; an error means that the adapter itself cannot go on for now.
    fn run(self: Arc<Self>, context: Context) -> Task<Result<(), SourceError>>;

    /// Tries the device once: what answered, or why not and what to do about it.
    fn probe(self: Arc<Self>, links: Links) -> Task<Result<Probed, String>>;
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
    pub links: Links,
    /// Ports that other sources have for themselves.
    pub reserved: Arc<[Address]>,
    /// How many of those who may give commands are there at the moment. What must not go on
    /// unattended ends when there is nobody.
    pub operators: watch::Receiver<usize>,
    /// What it remembers over restarts.
    pub memory: Memory,
    /// Counts its messages.
    pub traffic: Arc<Traffic>,
}

/// A command on its way to an adapter, and where the answer goes.
#[derive(Debug)]
pub struct PendingCommand {
    /// The command, already checked against the device's controls.
    pub command: Command,
    /// Takes the outcome.
    pub reply: oneshot::Sender<CommandOutcome>,
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
