//! The source: one port, or every VE.Direct cable there is, each with a line of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::config::{Config, Port};
use super::port_task::{News, PortTask};
use super::ports::{Generation, Ports};
use super::slots::Slots;
use super::{KIND, cables, health, probe};
use crate::device::{BoxFuture, Context, PendingCommand, Probed, Source, SourceError};
use crate::links::{Address, Links, PortChange, PortInfo, PortWatch};
use crate::model::{CommandOutcome, DeviceId, Report};

/// Commands that may wait for one line.
const COMMANDS: usize = 8;
/// News that may wait.
const NEWS: usize = 64;
/// How long devices may take to introduce themselves.
const INTRODUCTIONS: Duration = Duration::from_secs(60);

/// One section of the configuration.
#[derive(Debug)]
pub struct Cables {
    pub config: Arc<Config>,
}

impl Source for Cables {
    fn adapter(&self) -> &'static str {
        KIND
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

/// A line: its place, and which one of those there.
type Name = (String, Generation);

struct Run {
    config: Arc<Config>,
    context: Context,
    slots: Slots,
    open: Ports<Reins>,
    /// Where each device is now.
    homes: BTreeMap<DeviceId, String>,
    lines: JoinSet<(Name, Result<(), SourceError>)>,
    news: mpsc::Sender<(Name, News)>,
    inbox: mpsc::Receiver<(Name, News)>,
    /// Ports whose device has not introduced itself yet.
    expected: BTreeSet<String>,
    is_complete: bool,
}

impl Run {
    fn new(config: Arc<Config>, context: Context) -> Self {
        let (news, inbox) = mpsc::channel(NEWS);
        Self {
            config,
            slots: context.memory.get("slots").unwrap_or_default(),
            context,
            open: Ports::new(),
            homes: BTreeMap::new(),
            lines: JoinSet::new(),
            news,
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
        let clock = self.context.clock.clone();
        let introduced = clock.sleep(INTRODUCTIONS);
        let mut introduced = std::pin::pin!(introduced);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some((name, news)) = self.inbox.recv() => self.hear(name, news).await?,
                Some(pending) = self.context.commands.recv() => self.forward(pending),
                Some(ended) = self.lines.join_next() => self.ended(ended)?,
                change = next(&mut watch) => self.change(change).await?,
                () = &mut introduced, if !self.is_complete => self.complete().await?,
                Some(id) = self.context.forgotten.recv() => self.forget(&id),
            }
        }
        // Each line has been told to stop, too, and none may wait for its news to be heard.
        self.inbox.close();
        while self.lines.join_next().await.is_some() {}
        Ok(())
    }

    /// A cable was plugged in.
    fn appear(&mut self, port: &PortInfo) {
        let path = port.by_id.clone().unwrap_or_else(|| port.path.clone());
        let is_reserved = |address: &Address| {
            address
                .serial()
                .is_some_and(|reserved| cables::same(reserved, &path))
        };
        if self.context.reserved.iter().any(is_reserved) {
            tracing::debug!("{} belongs to another section", path.display());
            return;
        }
        tracing::info!("found a VE.Direct cable: {}", path.display());
        let address = Address::Serial(path);
        let place = cables::identity(&address, std::slice::from_ref(port));
        if self.open.appear(&place, &address) {
            self.start(place, address);
        }
    }

    fn start(&mut self, place: String, address: Address) {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (sender, mut news) = mpsc::channel(1);
        let stop = self.context.stop.child_token();
        let known = self.slots.known(&place);
        let line = PortTask {
            config: Arc::clone(&self.config),
            identity: place.clone(),
            address: address.clone(),
            known,
            memory: self.context.memory.clone(),
            links: self.context.links.clone(),
            clock: self.context.clock.clone(),
            traffic: Arc::clone(&self.context.traffic),
            operators: self.context.operators.clone(),
            commands: inbox,
            news: sender,
            stop: stop.clone(),
        };
        let reins = Reins { commands, stop };
        let generation = self.open.begin(place.clone(), address, reins);
        self.expected.insert(place.clone());
        let (name, all) = ((place, generation), self.news.clone());
        self.lines.spawn(async move {
            // What a line says gets its name on the way.
            let relay = async {
                while let Some(news) = news.recv().await {
                    if all.send((name.clone(), news)).await.is_err() {
                        break;
                    }
                }
            };
            let (result, ()) = tokio::join!(line.run(), relay);
            (name, result)
        });
    }

    fn ended(
        &mut self,
        ended: Result<(Name, Result<(), SourceError>), tokio::task::JoinError>,
    ) -> Result<(), SourceError> {
        if let Ok(((place, generation), _)) = &ended
            && let Some(address) = self.open.end(place, *generation)
        {
            self.start(place.clone(), address);
        }
        match ended {
            Ok(((place, _), Ok(()))) => {
                tracing::debug!("a line at {place} has ended");
                Ok(())
            }
            // The last line that plays a recording ends the source; so does a bridge that has ended.
            Ok((_, Err(error))) if self.lines.is_empty() => Err(error),
            Ok((_, Err(SourceError::RecordingEnded))) => Ok(()),
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
                let path = port.by_id.clone().unwrap_or_else(|| port.path.clone());
                let address = Address::Serial(path);
                let place = cables::identity(&address, &[port]);
                if let Some(reins) = self.open.vanish(&place, &address) {
                    reins.stop.cancel();
                    self.expected.remove(&place);
                    tracing::info!("{place} was unplugged");
                }
                self.tell_absent().await
            }
            _ => Ok(()),
        }
    }

    /// Says of every device whose cable is not there that it is so.
    async fn tell_absent(&mut self) -> Result<(), SourceError> {
        for (place, identity) in self.slots.devices() {
            let id = DeviceId::new(KIND, identity);
            let elsewhere = self.homes.get(&id).is_some_and(|home| home != place);
            if !self.open.is_plugged(place) && !elsewhere {
                self.report(Report::Absent(id, health::unplugged())).await?;
            }
        }
        if self.open.is_empty() && self.config.port == Port::Auto {
            self.report(Report::Source(health::no_cable())).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, name: Name, news: News) -> Result<(), SourceError> {
        let (place, generation) = name;
        if !self.open.counts(&place, generation) {
            return Ok(());
        }
        let report = match news {
            News::Remember(device) => {
                if let Some(former) = self.slots.take(&place, device) {
                    self.homes.remove(&DeviceId::new(KIND, &former));
                }
                self.remember();
                return Ok(());
            }
            News::Report(report) => report,
        };
        match &report {
            Report::Device(device) => {
                self.homes.insert(device.id.clone(), place.clone());
                self.expected.remove(&place);
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
        let result =
            Err("the device is not connected at the moment; try again when it is".to_owned());
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
        self.homes.remove(id);
        self.slots
            .forget(|identity| DeviceId::new(KIND, identity) == *id);
        self.remember();
    }

    fn remember(&self) {
        self.context.memory.put("slots", &self.slots);
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
