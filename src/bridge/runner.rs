//! The loop that everything passes through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Span;

use super::hub::Hub;
use super::ingest::Ingest;
use super::own_device::{self, SourceView, Totals};
use super::sums::{Sum, SumSettings};
use super::supervisor::{Incident, span_of, supervise};
use crate::clock::Clock;
use crate::device::{ConfiguredSource, Context, PendingCommand, Reports, Source, Traffic};
use crate::history::History;
use crate::links::{Address, Links};
use crate::model::{CommandOutcome, DeviceId, Health, HealthCode, Reading, Refusal, Report};
use crate::say;
use crate::store::{Memory, Saved, Store};

/// Reports that may wait before sources are slowed down.
const REPORTS: usize = 1024;
/// Commands that may wait for one source.
const COMMANDS: usize = 8;
/// How often the bridge's own device is refreshed.
const OWN_DEVICE: Duration = Duration::from_secs(60);
/// How soon it is when devices come, go, or fare otherwise. Such news come in groups.
const OWN_DEVICE_SOON: Duration = Duration::from_secs(1);
/// Far enough away for a deadline that cannot be reckoned with.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// What a bridge is made of.
#[derive(Debug)]
pub struct Setup {
    /// The sources to run, but for those that are switched off.
    pub sources: Vec<ConfiguredSource>,
    /// The sums over their devices.
    pub sums: Vec<SumSettings>,
    /// Adapters with a section that cannot be used: what was announced for them stays.
    pub incomplete: Vec<&'static str>,
    /// How many sections cannot be used.
    pub refused: usize,
    /// The id of this bridge, which tells several in one home apart.
    pub instance: String,
    /// The time.
    pub clock: Clock,
    /// Opens connections.
    pub links: Links,
    /// Saves what must survive a restart.
    pub store: Store,
    /// What was saved.
    pub saved: Saved,
    /// How often the counters of one device are saved at most.
    pub save_every: Duration,
    /// Keeps what is shown.
    pub history: History,
}

/// The bridge, ready to run.
#[derive(Debug)]
pub struct Bridge {
    setup: Setup,
    hub: Hub,
    commands: mpsc::Receiver<PendingCommand>,
    ingest: Ingest,
    started: Timestamp,
    /// What was last told of the bridge's own device.
    told: Vec<Reading>,
}

/// How the bridge reaches a running source.
struct SourceTask {
    source: Arc<dyn Source>,
    key: String,
    /// What lines of the log are about that are written because of it.
    span: Span,
    traffic: Arc<Traffic>,
    /// Leads to the latest run of the source.
    reins: Arc<Mutex<Reins>>,
    restarts: u64,
    /// How the source itself is, while that is not to be seen from its devices: the adapter is
    /// down, or no device has answered yet.
    own_health: Option<Health>,
    /// Whether any of its devices is known.
    named: bool,
    /// Whether it says that there are others that it has not named yet.
    more_to_come: bool,
}

/// What goes to a source that runs.
struct Reins {
    commands: mpsc::Sender<PendingCommand>,
    forgotten: mpsc::UnboundedSender<DeviceId>,
}

impl Reins {
    /// Those of a source that starts, and their other ends.
    fn new() -> (
        Self,
        mpsc::Receiver<PendingCommand>,
        mpsc::UnboundedReceiver<DeviceId>,
    ) {
        let (commands, pending) = mpsc::channel(COMMANDS);
        let (forgotten, gone) = mpsc::unbounded_channel();
        let reins = Self {
            commands,
            forgotten,
        };
        (reins, pending, gone)
    }
}

impl SourceTask {
    const fn is_settled(&self) -> bool {
        self.named && !self.more_to_come
    }

    /// Tells the source that the bridge has forgotten a device of its.
    fn forget(&self, id: DeviceId) {
        // One that does not run at the moment, or remembers no devices, need not know.
        let _ = lock(&self.reins).forgotten.send(id);
    }
}

impl Bridge {
    /// Prepares a bridge; the hub's feeds already show the devices of an earlier run.
    pub fn new(mut setup: Setup) -> (Self, Hub) {
        let (hub, commands) = Hub::new();
        for sum in setup.sums.drain(..) {
            let source = Arc::new(Sum::new(sum, hub.clone()));
            setup.sources.push(source.into());
        }
        let sources = setup.sources.iter();
        let mut ingest = Ingest::new(
            hub.clone(),
            setup.store.clone(),
            setup.clock.clone(),
            setup.save_every,
            sources.clone().map(|it| it.keys.clone()).collect(),
            &mut setup.saved,
        )
        .kept_in(setup.history.clone());
        let indices: BTreeMap<String, usize> = sources
            .enumerate()
            .map(|(index, it)| (it.source.key(), index))
            .collect();
        ingest.restore(&mut setup.saved, &setup.incomplete, |key| {
            indices.get(key).copied()
        });
        for (index, it) in setup.sources.iter().enumerate() {
            if !it.keys.enabled {
                ingest.put_health_of_source(index, &Health::new(HealthCode::Disabled));
            }
        }
        for adapter in &setup.incomplete {
            hub.set_settled(adapter, false);
        }
        let started = setup.clock.now();
        let bridge = Self {
            setup,
            hub: hub.clone(),
            commands,
            ingest,
            started,
            told: Vec::new(),
        };
        bridge.settle(&bridge.settled_sources());
        (bridge, hub)
    }

    /// Runs until `stop`, or until every source has ended by itself.
    pub async fn run(mut self, stop: CancellationToken) {
        let (reports, mut inbox) = mpsc::channel(REPORTS);
        let (incidents, mut news) = mpsc::channel(16);
        let tasks = TaskTracker::new();
        let mut lines = Vec::new();
        for (index, it) in self.setup.sources.iter().enumerate() {
            let (mut line, context) = self.prepare(index, &it.source, &reports, &stop);
            if !it.keys.enabled {
                // Its devices say so themselves, if any are known.
                line.own_health = (!line.named).then(|| Health::new(HealthCode::Disabled));
            } else {
                let source = Arc::clone(&it.source);
                tasks.spawn(supervise(
                    index,
                    source,
                    line.span.clone(),
                    context,
                    incidents.clone(),
                    stop.clone(),
                ));
            }
            lines.push(line);
        }
        // A bridge of which all is switched off waits to be stopped, too.
        let is_any_off = self.setup.sources.iter().any(|it| !it.keys.enabled);
        let _stays_open = is_any_off.then(|| reports.clone());
        drop((reports, incidents));
        let sources = self.setup.sources.iter().map(|it| &it.source);
        let own = own_device::describe(&self.setup.instance, sources);
        let own_id = own.id.clone();
        let own_index = self.setup.sources.len();
        self.ingest
            .take(own_index, "", Report::Device(Box::new(own)));
        self.ingest.take(
            own_index,
            "",
            Report::Health(own_id.clone(), Health::ONLINE),
        );
        // The bridge's own device is refreshed at once, then when there is news, else now and then.
        let mut refresh = Instant::now();
        let mut anew = self.hub.anew();
        loop {
            // All that is due at a time of its own, so that nothing has to be looked for.
            let now = self.setup.clock.monotonic();
            let due = self.ingest.deadline();
            let due_in = due.map_or(NEVER, |due| due.saturating_sub(now).min(NEVER));
            tokio::select! {
                () = stop.cancelled() => break,
                report = inbox.recv() => {
                    let Some((index, report)) = report else { break };
                    let is_news = self.is_news(&report);
                    let changed = self.take(&mut lines, index, report);
                    if is_news || changed {
                        refresh = refresh.min(Instant::now() + OWN_DEVICE_SOON);
                    }
                }
                Ok(()) = anew.changed() => {
                    for id in self.hub.take_anew() {
                        self.ingest.begin_anew(&id);
                    }
                }
                Some(incident) = news.recv() => {
                    self.note(&mut lines, incident);
                    refresh = refresh.min(Instant::now() + OWN_DEVICE_SOON);
                }
                Some(pending) = self.commands.recv() => self.forward(&lines, pending),
                is_saved = self.ingest.arrival() => self.ingest.has_arrived(is_saved),
                () = sleep(due_in), if due.is_some() => {
                    let is_news = self.ingest.on_time();
                    for (index, id) in self.ingest.take_forgotten() {
                        if let Some(line) = lines.get(index) {
                            line.forget(id);
                        }
                    }
                    if is_news {
                        refresh = refresh.min(Instant::now() + OWN_DEVICE_SOON);
                    }
                }
                () = sleep_until(refresh) => {
                    refresh = Instant::now() + OWN_DEVICE;
                    self.refresh_own(&own_id, &lines);
                }
            }
        }
        tasks.close();
        // Sources stop at their next waiting point; one that does not is dropped with the runtime.
        let _ = tokio::time::timeout(Duration::from_secs(3), tasks.wait()).await;
        self.ingest.save_all();
    }

    /// What is kept of a source, and what each of its runs begins with.
    fn prepare(
        &self,
        index: usize,
        source: &Arc<dyn Source>,
        reports: &mpsc::Sender<(usize, Report)>,
        stop: &CancellationToken,
    ) -> (SourceTask, impl Fn() -> Context + use<>) {
        let key = source.key();
        let traffic = Arc::new(Traffic::default());
        let reins = Arc::new(Mutex::new(Reins::new().0));
        let memory = Memory::new(self.setup.store.clone(), &key, &self.setup.saved);
        let context = {
            let (reports, stop) = (Reports::new(index, reports.clone()), stop.clone());
            let (clock, links) = (self.setup.clock.clone(), self.setup.links.clone());
            let (traffic, reins) = (Arc::clone(&traffic), Arc::clone(&reins));
            let (reserved, operators) = (self.reserved_beside(index), self.hub.operators());
            move || {
                let (new, commands, forgotten) = Reins::new();
                *lock(&reins) = new;
                Context {
                    reports: reports.clone(),
                    commands,
                    forgotten,
                    stop: stop.clone(),
                    clock: clock.clone(),
                    links: links.clone(),
                    reserved: Arc::clone(&reserved),
                    operators: operators.clone(),
                    memory: memory.clone(),
                    traffic: Arc::clone(&traffic),
                }
            }
        };
        let named = self.ingest.knows_source(index);
        let line = SourceTask {
            source: Arc::clone(source),
            key,
            span: span_of(&**source),
            traffic,
            reins,
            restarts: 0,
            own_health: None,
            named,
            more_to_come: false,
        };
        (line, context)
    }

    /// Ports that other sources than this one have for themselves.
    fn reserved_beside(&self, index: usize) -> Arc<[Address]> {
        let sources = self.setup.sources.iter().enumerate();
        let others = sources.filter(|(other, _)| *other != index);
        let ports = others.filter_map(|(_, it)| it.source.port().cloned());
        ports.collect()
    }

    /// Takes a report; true if it changes how a source itself is.
    fn take(&mut self, lines: &mut [SourceTask], index: usize, report: Report) -> bool {
        let Some(line) = lines.get_mut(index) else {
            return false;
        };
        let span = line.span.clone();
        let _about = span.enter();
        let was_settled = line.is_settled();
        match &report {
            Report::Device(_) => line.named = true,
            Report::Complete(complete) => line.more_to_come = !complete,
            _ => {}
        }
        let settles = line.is_settled() != was_settled;
        let health = match &report {
            Report::Source(health) => {
                let before = line.own_health.as_ref().map(|before| before.code);
                if health.code.is_problem() && before != Some(health.code) {
                    tracing::warn!("{}: {}", line.key, health.sentence());
                }
                Some(health.clone())
            }
            // That all have been named says nothing of how the source is.
            Report::Complete(true) => line.own_health.clone(),
            _ => None,
        };
        let changed = line.own_health != health;
        line.own_health = health;
        self.ingest.take(index, &line.key, report);
        if settles {
            self.settle(&lines.iter().map(SourceTask::is_settled).collect::<Vec<_>>());
        }
        changed
    }

    /// Whether the bridge's own device looks different after a report.
    fn is_news(&self, report: &Report) -> bool {
        match report {
            Report::Device(_) | Report::Gone(_) => true,
            Report::Health(id, health) | Report::Absent(id, health) => {
                self.ingest.is_news(id, health)
            }
            Report::Readings(_)
            | Report::Late(_)
            | Report::Days(_)
            | Report::Source(_)
            | Report::Complete(_) => false,
        }
    }

    fn note(&mut self, lines: &mut [SourceTask], incident: Incident) {
        match incident {
            Incident::Failed {
                source,
                error,
                pause,
            } => {
                let Some(line) = lines.get_mut(source) else {
                    return;
                };
                let span = line.span.clone();
                let _about = span.enter();
                line.restarts += 1;
                let health = Health::new(HealthCode::Restarting)
                    .seen(say!("{error}; next start in {pause}", error, pause))
                    .advise(say!("Please report this with the log."));
                tracing::error!("{}: {}", line.key, health.sentence());
                self.ingest.put_health_of_source(source, &health);
                line.own_health = Some(health);
            }
            Incident::Ended(source) => tracing::debug!("source {source} has ended"),
        }
    }

    fn forward(&self, lines: &[SourceTask], pending: PendingCommand) {
        let source = self.ingest.source_of(&pending.command.device);
        let refused = match source.and_then(|index| lines.get(index)) {
            Some(line) => match lock(&line.reins).commands.try_send(pending) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(pending)) => (pending, Refusal::Busy),
                Err(mpsc::error::TrySendError::Closed(pending)) => (pending, Refusal::NotConnected),
            },
            None => (pending, Refusal::NotConnected),
        };
        let (pending, refusal) = refused;
        let outcome = CommandOutcome {
            result: Err(refusal.to_string()),
        };
        // The asker may have stopped waiting.
        let _ = pending.reply.send(outcome);
    }

    fn refresh_own(&mut self, id: &DeviceId, lines: &[SourceTask]) {
        let totals = Totals {
            started: self.started,
            devices: self.ingest.len().saturating_sub(1),
            values_held: self.ingest.values_held(),
            readings_late: self.ingest.readings_late(),
            store_failing: self.setup.store.is_failing() || self.ingest.is_disk_stuck(),
            refused: self.setup.refused,
            output: self.hub.trouble().or_else(|| self.setup.history.trouble()),
        };
        let views: Vec<SourceView<'_>> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| SourceView {
                source: &line.source,
                traffic: &line.traffic,
                restarts: line.restarts,
                health: line
                    .own_health
                    .as_ref()
                    .or_else(|| self.ingest.health_of_source(index)),
            })
            .collect();
        let readings = own_device::read(id, self.setup.clock.now(), &totals, &views);
        let health = own_device::health(&totals, &views);
        // Whoever has been told all that needs no word that it is still so.
        if self.told != readings.values {
            self.told.clone_from(&readings.values);
            self.ingest
                .take(lines.len(), "", Report::Readings(readings));
        }
        let health = Report::Health(id.clone(), health);
        self.ingest.take(lines.len(), "", health);
    }

    fn settled_sources(&self) -> Vec<bool> {
        (0..self.setup.sources.len())
            .map(|index| self.ingest.knows_source(index))
            .collect()
    }

    /// An adapter has settled when each of its sources has named its devices.
    fn settle(&self, settled: &[bool]) {
        let adapters = || self.setup.sources.iter().map(|it| it.source.adapter());
        for adapter in adapters() {
            let complete = !self.setup.incomplete.contains(&adapter);
            let mut of_adapter = adapters().zip(settled);
            let all = of_adapter.all(|(other, settled)| other != adapter || *settled);
            self.hub.set_settled(adapter, complete && all);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
