//! The source: one port, or every VE.Direct cable there is, each with a line of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::config::{Port, VictronConfig};
use super::device::Remembered;
use super::ports::Ports;
use super::protocol::Conversation;
use super::slots::Slots;
use super::{ADAPTER, KIND, cables, health, probe};
use crate::device::{
    Adapter as _, BoxFuture, Context, PendingCommand, Probed, Reports, Source, SourceError, Start,
    line,
};
use crate::links::{Address, Links, PortChange, PortInfo, PortWatch};
use crate::model::{CommandOutcome, DeviceId, Refusal, Report};

/// Commands that may wait for one line.
const COMMANDS: usize = 8;
/// Reports that may wait.
const REPORTS: usize = 64;
/// How long devices may take to introduce themselves.
const INTRODUCTIONS: Duration = Duration::from_secs(60);

/// One section of the configuration.
#[derive(Debug)]
pub struct Cables {
    pub config: Arc<VictronConfig>,
}

impl Source for Cables {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        ADAPTER.spoken()
    }

    fn label(&self) -> String {
        self.config.port.clone().into()
    }

    fn port(&self) -> Option<&Address> {
        match &self.config.port {
            Port::Auto => None,
            Port::At(address) => Some(address),
        }
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move { Run::new(Arc::clone(&self.config), context).run().await })
    }

    fn probe(self: Arc<Self>, links: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move { probe::probe(&self.config, &links).await })
    }
}

/// Where a line that runs is talked to.
struct Reins {
    commands: mpsc::Sender<PendingCommand>,
    stop: CancellationToken,
}

struct Run {
    config: Arc<VictronConfig>,
    context: Context,
    slots: Slots,
    open: Ports<Reins>,
    /// Where each device is now.
    homes: BTreeMap<DeviceId, String>,
    lines: JoinSet<(usize, Result<(), SourceError>)>,
    /// Takes the reports of every line, with its number.
    reports: mpsc::Sender<(usize, Report)>,
    inbox: mpsc::Receiver<(usize, Report)>,
    /// Ports whose device has not introduced itself yet.
    expected: BTreeSet<String>,
    is_complete: bool,
}

impl Run {
    fn new(config: Arc<VictronConfig>, context: Context) -> Self {
        let (reports, inbox) = mpsc::channel(REPORTS);
        Self {
            config,
            slots: Slots::recall(&context.memory),
            context,
            open: Ports::new(),
            homes: BTreeMap::new(),
            lines: JoinSet::new(),
            reports,
            inbox,
            expected: BTreeSet::new(),
            is_complete: false,
        }
    }

    async fn run(mut self) -> Result<(), SourceError> {
        let stop = self.context.stop.clone();
        self.report(Report::Complete(false)).await?;
        let mut watch = match self.config.port.clone() {
            Port::At(address) => {
                let ports = self.context.links.ports().list();
                let place = cables::identity(&address, &ports);
                self.start(place, address);
                self.tell_absent().await?;
                None
            }
            Port::Auto => {
                let watch = PortWatch::new(self.context.links.ports().clone());
                let ports = watch.known().to_vec();
                for port in ports.iter().filter(|port| cables::is_cable(port)) {
                    self.appear(port);
                }
                self.tell_absent().await?;
                Some(watch)
            }
        };
        // The lines play what was recorded, if anything is.
        let clock = self.context.clock.clone();
        let mut introduced = pin!(clock.sleep_aside(INTRODUCTIONS));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some((line, report)) = self.inbox.recv() => self.hear(line, report).await?,
                Some(pending) = self.context.commands.recv() => self.forward(pending),
                Some(ended) = self.lines.join_next() => {
                    // What a line said last comes before its end.
                    while let Ok((line, report)) = self.inbox.try_recv() {
                        self.hear(line, report).await?;
                    }
                    self.ended(ended)?;
                }
                change = next(&mut watch) => self.change(change).await?,
                () = &mut introduced, if !self.is_complete => self.complete().await?,
                Some(id) = self.context.forgotten.recv() => self.forget(&id),
            }
        }
        // Each line has been told to stop, too, and none may wait for its reports to be heard.
        self.inbox.close();
        while self.lines.join_next().await.is_some() {}
        Ok(())
    }

    /// A cable was plugged in.
    fn appear(&mut self, port: &PortInfo) {
        let address = cables::address(port);
        let is_reserved = |reserved: &Address| match (reserved.serial(), address.serial()) {
            (Some(reserved), Some(path)) => cables::same(reserved, path),
            _ => false,
        };
        if self.context.reserved.iter().any(is_reserved) {
            tracing::debug!("{address} belongs to another section");
            return;
        }
        tracing::info!("found a VE.Direct cable: {address}");
        let place = cables::identity(&address, std::slice::from_ref(port));
        if self.open.appear(&place, &address) {
            self.start(place, address);
        }
    }

    fn start(&mut self, place: String, address: Address) {
        self.expected.insert(place.clone());
        let config = Arc::clone(&self.config);
        let mut conversation = Conversation::new(config, place.clone(), Start::of(&self.context));
        let (commands, inbox) = mpsc::channel(COMMANDS);
        self.open.begin(place, address.clone(), |line| {
            let reports = Reports::new(line, self.reports.clone());
            let mut context = self.context.part(reports, inbox);
            let stop = context.stop.clone();
            let spoken = async move {
                let result = line::run(&mut conversation, &address, &mut context).await;
                (line, result)
            };
            self.lines.spawn(spoken.in_current_span());
            Reins { commands, stop }
        });
    }

    fn ended(
        &mut self,
        ended: Result<(usize, Result<(), SourceError>), tokio::task::JoinError>,
    ) -> Result<(), SourceError> {
        if let Ok((line, _)) = &ended
            && let Some((place, address)) = self.open.end(*line)
        {
            self.start(place, address);
        }
        match ended {
            // The last line that plays a recording ends the source; so does a bridge that has ended.
            Ok((_, Err(error))) if self.lines.is_empty() => Err(error),
            Ok((_, Ok(()) | Err(SourceError::RecordingEnded))) => Ok(()),
            Ok((_, Err(error))) => Err(error),
            Err(panic) => {
                if panic.is_panic() {
                    std::panic::resume_unwind(panic.into_panic());
                }
                Ok(())
            }
        }
    }

    async fn change(&mut self, change: PortChange) -> Result<(), SourceError> {
        match change {
            PortChange::Appeared(port) if cables::is_cable(&port) => {
                self.appear(&port);
                Ok(())
            }
            PortChange::Vanished(port) if cables::is_cable(&port) => {
                let address = cables::address(&port);
                let place = cables::identity(&address, &[port]);
                if let Some(reins) = self.open.vanish(&place, &address) {
                    reins.stop.cancel();
                    self.expected.remove(&place);
                    tracing::info!("{place} was unplugged");
                    if !self.slots.has_device(&place) {
                        let memory = &self.context.memory;
                        memory.forget(&Remembered::key(&place));
                    }
                }
                self.tell_absent().await
            }
            _ => Ok(()),
        }
    }

    /// Says of every device whose cable is not there that it is so.
    async fn tell_absent(&mut self) -> Result<(), SourceError> {
        for (place, id) in self.slots.devices() {
            let elsewhere = self.homes.get(id).is_some_and(|home| home != place);
            if !self.open.is_plugged(place) && !elsewhere {
                self.report(Report::Absent(id.clone(), health::unplugged()))
                    .await?;
            }
        }
        if self.open.is_empty() && self.config.port == Port::Auto {
            self.report(Report::Source(health::no_cable())).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, line: usize, report: Report) -> Result<(), SourceError> {
        let Some(place) = self.open.place(line).map(str::to_owned) else {
            return Ok(());
        };
        match &report {
            Report::Device(device) => {
                let former = self.slots.take(&place, &device.id);
                self.slots.keep(&self.context.memory);
                let is_here = |former: &DeviceId| self.homes.get(former) == Some(&place);
                if let Some(former) = former.filter(is_here) {
                    self.homes.remove(&former);
                }
                self.expected.remove(&place);
                self.homes.insert(device.id.clone(), place);
            }
            // A line that has another device now may not speak for one that was plugged in
            // elsewhere meanwhile.
            Report::Health(id, _) | Report::Absent(id, _)
                if self.homes.get(id).is_some_and(|home| *home != place) =>
            {
                return Ok(());
            }
            _ => {}
        }
        self.report(report).await?;
        if self.expected.is_empty() && !self.is_complete {
            self.complete().await?;
        }
        Ok(())
    }

    fn forward(&self, pending: PendingCommand) {
        let home = self.homes.get(&pending.command.device);
        let reins = home.and_then(|place| self.open.reins(place));
        let refused = match reins {
            Some(reins) => match reins.commands.try_send(pending) {
                Ok(()) => return,
                Err(error) => error.into_inner(),
            },
            None => pending,
        };
        let result = Err(Refusal::NotConnected.to_string());
        // The asker may have stopped waiting.
        let _ = refused.reply.send(CommandOutcome { result });
    }

    /// All devices have said who they are, or will not soon.
    async fn complete(&mut self) -> Result<(), SourceError> {
        self.is_complete = true;
        self.report(Report::Complete(true)).await
    }

    /// A device that was not plugged in is to be kept no longer.
    fn forget(&mut self, id: &DeviceId) {
        let memory = &self.context.memory;
        self.homes.remove(id);
        for place in self.slots.forget(id) {
            memory.forget(&Remembered::key(&place));
        }
        self.slots.keep(memory);
    }

    async fn report(&self, report: Report) -> Result<(), SourceError> {
        self.context.reports.send(report).await
    }
}

/// The next port that comes or goes; never, if ports are not looked for.
async fn next(watch: &mut Option<PortWatch>) -> PortChange {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
