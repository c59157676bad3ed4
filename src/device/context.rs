//! What a running source works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::SourceError;
use crate::clock::Clock;
use crate::links::{Address, Links};
use crate::model::{Command, CommandOutcome, DeviceId, Report};
use crate::store::Memory;

/// What a running source works with.
#[derive(Debug)]
pub struct Context {
    /// Takes its reports.
    pub reports: Reports,
    /// Brings commands for its devices, each for something that one of them can have set.
    pub commands: mpsc::Receiver<PendingCommand>,
    /// Brings the devices that the bridge has forgotten because they were absent for too long. Who
    /// remembers devices forgets them too, and describes one anew if it comes back.
    pub forgotten: mpsc::UnboundedReceiver<DeviceId>,
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

impl Context {
    /// That of a part of the source, which ends with it and has reports and commands of its own.
    pub fn part(&self, reports: Reports, commands: mpsc::Receiver<PendingCommand>) -> Self {
        Self {
            reports,
            commands,
            // The source itself knows who is where.
            forgotten: mpsc::unbounded_channel().1,
            stop: self.stop.child_token(),
            clock: self.clock.clone(),
            links: self.links.clone(),
            reserved: Arc::clone(&self.reserved),
            operators: self.operators.clone(),
            memory: self.memory.clone(),
            traffic: Arc::clone(&self.traffic),
        }
    }
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
