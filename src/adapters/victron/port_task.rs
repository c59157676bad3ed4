//! One port: opens it, listens, asks, and opens it again whenever it goes away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::device::Remembered;
use super::health;
use super::reception::Reception;
use crate::clock::Clock;
use crate::device::{PendingCommand, SourceError, Traffic};
use crate::links::{Address, Backoff, LinkError, Links, Parity, SerialSettings};
use crate::model::{CommandOutcome, Report, Value};
use crate::store::Memory;

/// How long opening the port may take.
pub const OPEN: Duration = Duration::from_secs(10);
/// How long the line may take a question.
const SEND: Duration = Duration::from_secs(2);
/// How often is looked whether who gave a command still waits for it.
const ASKERS: Duration = Duration::from_millis(500);
/// Time is looked at no more often than this.
const SHORTEST: Duration = Duration::from_millis(50);
/// How long nothing may come from an open port before it is opened anew: some adapters forget how
/// to talk.
const DEAD: Duration = Duration::from_secs(10 * 60);

/// How every VE.Direct port is set.
pub const SETTINGS: SerialSettings = SerialSettings {
    baud: 19_200,
    parity: Parity::None,
};

/// What a line tells.
#[derive(Debug)]
pub enum News {
    /// For the bridge.
    Report(Report),
    /// What to remember of the device.
    Remember(Remembered),
}

/// What a line works with.
#[derive(Debug)]
pub struct PortTask {
    pub config: Arc<Config>,
    pub address: Address,
    /// What a device without a serial number is known by.
    pub identity: String,
    pub known: Remembered,
    /// Where the days of devices are kept.
    pub memory: Memory,
    pub links: Links,
    pub clock: Clock,
    pub traffic: Arc<Traffic>,
    pub operators: watch::Receiver<usize>,
    pub commands: mpsc::Receiver<PendingCommand>,
    pub news: mpsc::Sender<News>,
    pub stop: CancellationToken,
}

/// A line at work.
struct Run {
    line: PortTask,
    reception: Reception,
    backoff: Backoff,
    waiting: BTreeMap<u64, oneshot::Sender<CommandOutcome>>,
    next_id: u64,
    remembered: Remembered,
    /// Blocks that were counted already, good and damaged.
    counted: (u64, u64),
    has_complained: bool,
}

/// Why listening ended.
enum End {
    Stopped,
    /// The port was closed, or went away; whether anything good came before.
    Closed(LinkError, bool),
    Failed(LinkError),
}

impl PortTask {
    /// Runs until it is stopped.
    pub async fn run(self) -> Result<(), SourceError> {
        let reception = Reception::new(
            Arc::clone(&self.config),
            self.identity.clone(),
            self.known.clone(),
            self.clock.zone().clone(),
        );
        let run = Run {
            remembered: self.known.clone(),
            line: self,
            reception,
            backoff: Backoff::default(),
            waiting: BTreeMap::new(),
            next_id: 0,
            counted: (0, 0),
            has_complained: false,
        };
        run.run().await
    }
}

impl Run {
    async fn run(mut self) -> Result<(), SourceError> {
        let stop = self.line.stop.clone();
        loop {
            let (error, was_good) = match self.listen(&stop).await? {
                End::Stopped => return Ok(()),
                End::Closed(error, was_good) => (error, was_good),
                End::Failed(error) => (error, false),
            };
            self.reception.cut();
            // Servers are restarted; it is trouble only if nothing else comes of it.
            if !was_good || error.is_unplugged() {
                self.line.traffic.count_bad();
                let reports = self.reception.closed(&health::unreachable(&error));
                self.tell(reports).await?;
            }
            self.answer();
            let pause = self.backoff.after(&error);
            tracing::debug!("{error}; opening it again in {pause:?}");
            if !self.wait(pause, &stop).await {
                return Ok(());
            }
        }
    }

    /// Opens the port and listens until it is closed.
    async fn listen(&mut self, stop: &CancellationToken) -> Result<End, SourceError> {
        let (links, address) = (self.line.links.clone(), self.line.address.clone());
        let mut connection = tokio::select! {
            () = stop.cancelled() => return Ok(End::Stopped),
            opened = links.open(&address, &SETTINGS, OPEN) => match opened {
                Ok(connection) => connection,
                Err(LinkError::RecordingEnded) => return Err(SourceError::RecordingEnded),
                Err(error) => return Ok(End::Failed(error)),
            }
        };
        tracing::debug!("{address} is open");
        let mut heard = self.line.clock.moment();
        self.reception.opened(heard);
        let before = self.counted.0;
        let mut buffer = Vec::with_capacity(512);
        loop {
            let pause = self.pause();
            let mut reports = tokio::select! {
                () = stop.cancelled() => return Ok(End::Stopped),
                Some(pending) = self.line.commands.recv() => {
                    self.begin(pending);
                    Vec::new()
                }
                received = connection.receive_within(&mut buffer, pause) => match received {
                    Ok(0) => return Ok(End::Closed(connection.ended(), self.counted.0 > before)),
                    Ok(_) => {
                        heard = self.line.clock.moment();
                        let reports = self.reception.push(&buffer, heard, |_| {});
                        buffer.clear();
                        reports
                    }
                    Err(LinkError::TimedOut { .. }) => Vec::new(),
                    Err(error) => return Ok(End::Closed(error, self.counted.0 > before)),
                }
            };
            let now = self.line.clock.moment();
            reports.append(&mut self.reception.tick(now));
            self.count();
            self.tell(reports).await?;
            let memory = &self.line.memory;
            self.reception.keep(
                now,
                |key| memory.get(key),
                |key, kept| memory.put(key, kept),
            );
            for (id, reply) in &self.waiting {
                if reply.is_closed() {
                    self.reception.withdraw(*id);
                }
            }
            self.waiting.retain(|_, reply| !reply.is_closed());
            let is_attended = *self.line.operators.borrow() > 0;
            while let Some(bytes) = self.reception.next_request(now, is_attended) {
                if let Err(error) = connection.send(&bytes, SEND).await {
                    return Ok(End::Closed(error, self.counted.0 > before));
                }
            }
            self.answer();
            self.complain();
            if now.since(heard.steady) >= DEAD {
                tracing::debug!("{address}: opening it again, for nothing comes");
                connection.close().await;
                return Ok(End::Closed(
                    LinkError::TimedOut {
                        address,
                        after: DEAD,
                    },
                    true,
                ));
            }
        }
    }

    /// How long nothing needs to be looked at, unless something comes.
    fn pause(&self) -> Duration {
        let now = self.line.clock.monotonic();
        let pause = self.reception.due(now).saturating_sub(now).max(SHORTEST);
        if self.waiting.is_empty() {
            pause
        } else {
            pause.min(ASKERS)
        }
    }

    /// Counts the blocks that have come since.
    fn count(&mut self) {
        let counts = self.reception.counts();
        let now = (counts.blocks + counts.answers, counts.damaged);
        for _ in self.counted.0..now.0 {
            self.line.traffic.count_good();
            self.backoff.reset();
        }
        for _ in self.counted.1..now.1 {
            self.line.traffic.count_bad();
        }
        self.counted = now;
    }

    /// Begins to carry out a command.
    fn begin(&mut self, pending: PendingCommand) {
        let PendingCommand { command, reply } = pending;
        let is_ours = self.reception.unit().id().as_ref() == Some(&command.device);
        self.next_id += 1;
        let id = self.next_id;
        let begun = if is_ours {
            self.reception
                .command(id, &command.key, &command.value, self.line.clock.moment())
        } else {
            Err("another device is at that port now".to_owned())
        };
        match begun {
            Ok(None) => {
                self.waiting.insert(id, reply);
            }
            Ok(Some(value)) => answer(reply, Ok(value)),
            Err(why) => answer(reply, Err(why)),
        }
    }

    /// Answers the commands that have come to their end.
    fn answer(&mut self) {
        for finished in self.reception.finished() {
            if let Some(reply) = self.waiting.remove(&finished.id) {
                answer(reply, finished.result);
            }
        }
    }

    fn complain(&mut self) {
        if self.reception.is_complaining() && !std::mem::replace(&mut self.has_complained, true) {
            tracing::warn!(
                "{}: the device says that it gets damaged questions, so it is asked nothing for a while; its text is \
                 read as before. Check that the cable sends at all, and that nothing else is connected to its line.",
                self.line.address
            );
        }
    }

    /// Waits, refusing commands meanwhile. False when told to stop.
    async fn wait(&mut self, pause: Duration, stop: &CancellationToken) -> bool {
        let sleep = self.line.clock.sleep(pause);
        let mut sleep = std::pin::pin!(sleep);
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = &mut sleep => return true,
                Some(pending) = self.line.commands.recv() => {
                    let why = "the device is not connected at the moment; try again when it is";
                    answer(pending.reply, Err(why.to_owned()));
                }
            }
        }
    }

    async fn tell(&mut self, reports: Vec<Report>) -> Result<(), SourceError> {
        for report in reports {
            self.send(News::Report(report)).await?;
        }
        if *self.reception.unit().remembered() != self.remembered {
            self.remembered = self.reception.unit().remembered().clone();
            self.send(News::Remember(self.remembered.clone())).await?;
        }
        Ok(())
    }

    async fn send(&self, news: News) -> Result<(), SourceError> {
        let sent = self.line.news.send(news).await;
        sent.map_err(|_| SourceError::BridgeEnded)
    }
}

fn answer(reply: oneshot::Sender<CommandOutcome>, result: Result<Value, String>) {
    // The asker may have stopped waiting.
    let _ = reply.send(CommandOutcome { result });
}
