//! The run loop: listen, report, and open the port again whenever it goes away.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::KIND;
use super::autobaud::Autobaud;
use super::port::{OPEN, PAUSES, Port, unreachable};
use super::probe::probe;
use super::reception::{Heard, Reception};
use crate::device::{BoxFuture, Context, PendingCommand, Probed, Source, SourceError};
use crate::links::{Address, Backoff, LinkError, Links};
use crate::model::{CommandOutcome, Health, HealthCode, Report};

/// How long nothing may come from an open port before it is opened anew: some adapters forget how
/// to talk.
const DEAD: Duration = Duration::from_secs(5 * 60);
/// How often the passing of time is looked at while bytes come.
const TICK: Duration = Duration::from_secs(5);
/// Waits are never shorter, whatever the clocks say.
const SHORTEST: Duration = Duration::from_millis(10);

impl Source for Port {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn label(&self) -> String {
        self.address.to_string()
    }

    fn port(&self) -> Option<&Address> {
        Some(&self.address)
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move { Run::new(&self, context).run().await })
    }

    fn named(&self) -> Vec<&str> {
        self.config.names.keys().map(String::as_str).collect()
    }

    fn probe(self: Arc<Self>, links: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move { probe(&self, &links).await })
    }
}

/// A run of the loop.
struct Run<'a> {
    source: &'a Port,
    context: Context,
    reception: Reception,
    autobaud: Autobaud,
    backoff: Backoff,
    /// Frames so far, and when the first came.
    frames: u64,
    first: Option<Instant>,
    /// Whether all meters are named, as far as can be known.
    named_all: bool,
    tick: Option<Duration>,
}

/// Why listening ended.
enum End {
    Stopped,
    /// The port has to be opened in another way.
    Reopen,
    /// The port was closed, or went away; whether telegrams came before.
    Closed(LinkError, bool),
    /// The port cannot be opened.
    Failed(LinkError),
}

impl<'a> Run<'a> {
    fn new(source: &'a Port, context: Context) -> Self {
        let config = source.config.clone();
        let autobaud = Autobaud::new(&config, context.memory.get("line"));
        let zone = config
            .time_zone
            .as_ref()
            .map_or_else(|| context.clock.zone().clone(), crate::config::Zone::get);
        let reception = Reception::new(
            config,
            Arc::clone(&source.keys),
            Arc::clone(&source.profiles),
            zone,
            context.memory.get("meters").unwrap_or_default(),
            context.clock.now(),
        );
        Self {
            source,
            context,
            reception,
            autobaud,
            backoff: Backoff::default(),
            frames: 0,
            first: None,
            named_all: false,
            tick: None,
        }
    }

    async fn run(mut self) -> Result<(), SourceError> {
        let stop = self.context.stop.clone();
        if !self.source.config.enabled {
            let reports = self
                .reception
                .health_of_all(&Health::new(HealthCode::Disabled));
            self.send(reports).await?;
            stop.cancelled().await;
            return Ok(());
        }
        // Those of an earlier run are known already.
        self.named_all = !self.reception.remembered().is_empty();
        if !self.named_all {
            self.send(vec![Report::Complete(false)]).await?;
        }
        loop {
            let error = match self.listen(&stop).await? {
                End::Stopped => break,
                End::Reopen => continue,
                // Servers are restarted; it is trouble only if nothing else comes of it.
                End::Closed(error, true) => error,
                End::Closed(error, false) | End::Failed(error) => {
                    self.context.traffic.count_bad();
                    let health = unreachable(&error);
                    self.reception.closed(health.clone());
                    let reports = self.reception.health_of_all(&health);
                    self.send(reports).await?;
                    error
                }
            };
            let pause = self.backoff.after(&error);
            tracing::debug!("{error}; opening it again in {pause:?}");
            if !self.wait(pause, &stop).await {
                break;
            }
        }
        self.remember();
        Ok(())
    }

    /// Opens the port and listens until it is closed.
    async fn listen(&mut self, stop: &CancellationToken) -> Result<End, SourceError> {
        let way = self.autobaud.way();
        let (links, address, settings) =
            (&self.context.links, &self.source.address, way.settings());
        let mut connection = tokio::select! {
            () = stop.cancelled() => return Ok(End::Stopped),
            opened = links.open(address, &settings, OPEN) => match opened {
                Ok(connection) => connection,
                Err(LinkError::RecordingEnded) => return Err(SourceError::RecordingEnded),
                Err(error) => return Ok(End::Failed(error)),
            }
        };
        tracing::debug!("{address} is open ({way})");
        self.autobaud.reopened();
        let opened = self.context.clock.now();
        self.reception.opened(opened);
        let mut buffer = Vec::with_capacity(512);
        let clock = self.context.clock.clone();
        let (mut heard, mut is_quiet) = (clock.monotonic(), false);
        let (mut last, before) = (Instant::now(), self.frames);
        loop {
            let patience = self.patience(clock.monotonic().saturating_sub(heard), last);
            tokio::select! {
                () = stop.cancelled() => return Ok(End::Stopped),
                Some(pending) = self.context.commands.recv() => refuse(pending),
                received = connection.receive_within(&mut buffer, patience) => match received {
                    Ok(0) => return Ok(End::Closed(connection.ended(), self.frames > before)),
                    Ok(_) => {
                        (heard, is_quiet) = (clock.monotonic(), false);
                        last = Instant::now();
                        self.autobaud.bytes(last);
                        self.reception.push(&buffer, clock.now());
                        buffer.clear();
                    }
                    Err(LinkError::TimedOut { .. }) => {
                        is_quiet = true;
                        self.reception.idle(clock.monotonic().saturating_sub(heard));
                    }
                    Err(error) => return Ok(End::Closed(error, self.frames > before)),
                }
            }
            self.hear().await?;
            self.pass_time(is_quiet).await?;
            self.call_the_roll().await?;
            if self.autobaud.advance(Instant::now()) {
                self.tell_search();
                connection.close().await;
                return Ok(End::Reopen);
            }
            if last.elapsed() >= DEAD {
                tracing::debug!(
                    "{}: opening it again, for nothing comes",
                    self.source.address
                );
                connection.close().await;
                return Ok(End::Reopen);
            }
        }
    }

    /// How long to wait for bytes until something else is to be done. The line has been `quiet` for
    /// so long; bytes came `last` then.
    fn patience(&self, quiet: Duration, last: Instant) -> Duration {
        let pauses = PAUSES.into_iter().filter(|_| self.reception.is_waiting());
        let pause = pauses
            .filter_map(|pause| pause.checked_sub(quiet))
            .find(|left| !left.is_zero());
        let silence = self.reception.until_silence(self.context.clock.now());
        let roll = self.first.filter(|_| !self.named_all);
        let roll = roll.map(|first| first + self.source.config.silent_after.get());
        let now = Instant::now();
        let moments = [Some(last + DEAD), self.autobaud.due(), roll]
            .into_iter()
            .flatten();
        let moments = moments.map(|moment| moment.saturating_duration_since(now));
        let all = moments.chain(pause).chain(silence);
        all.min().unwrap_or(DEAD).max(SHORTEST)
    }

    fn tell_search(&self) {
        let (address, way) = (&self.source.address, self.autobaud.way());
        if self.autobaud.is_round() {
            tracing::debug!("{address}: trying {way}");
        } else {
            tracing::info!("{address}: no telegram among the bytes, trying {way}");
        }
    }

    /// A frame has arrived whole: the line is spoken as it should be.
    fn frame(&mut self) {
        self.frames += 1;
        self.first.get_or_insert_with(Instant::now);
        self.autobaud.frame();
        self.backoff.reset();
    }

    /// Reads what has arrived.
    async fn hear(&mut self) -> Result<(), SourceError> {
        let now = self.context.clock.now();
        while let Some(heard) = self.reception.next(now) {
            match heard {
                Heard::Telegram { reports, .. } => {
                    self.context.traffic.count_good();
                    self.frame();
                    self.send(reports).await?;
                    self.remember();
                }
                Heard::Unreadable { shut, reports, .. } => {
                    let detail = shut.detail.unwrap_or_else(|| shut.why.sentence());
                    tracing::debug!("{}: {detail}", self.source.address);
                    self.context.traffic.count_bad();
                    self.frame();
                    self.send(reports).await?;
                }
                Heard::Repeated | Heard::Unconfirmed => self.frame(),
                Heard::Refused(refused) => {
                    tracing::debug!("{}: {refused}", self.source.address);
                    if refused.reason.is_foreign() {
                        self.frame();
                    }
                    if refused.reason.is_checksum_error() {
                        self.context.traffic.count_bad();
                    }
                }
            }
        }
        Ok(())
    }

    /// Says when all meters of a first start are named. One that cannot be named is not waited for
    /// longer than a meter may be silent.
    async fn call_the_roll(&mut self) -> Result<(), SourceError> {
        if self.named_all {
            return Ok(());
        }
        let patience = self.source.config.silent_after.get();
        let is_late = self.first.is_some_and(|first| first.elapsed() >= patience);
        self.named_all = is_late || self.reception.has_named_all();
        if self.named_all {
            self.send(vec![Report::Complete(true)]).await?;
        }
        Ok(())
    }

    async fn pass_time(&mut self, is_quiet: bool) -> Result<(), SourceError> {
        let elapsed = self.context.clock.monotonic();
        let is_recent = |at: Duration| elapsed.saturating_sub(at) < TICK;
        if !is_quiet && self.tick.is_some_and(is_recent) {
            return Ok(());
        }
        self.tick = Some(elapsed);
        let reports = self.reception.tick(self.context.clock.now(), elapsed);
        self.send(reports).await
    }

    /// Waits, refusing commands meanwhile. False when told to stop.
    async fn wait(&mut self, pause: Duration, stop: &CancellationToken) -> bool {
        let sleep = self.context.clock.sleep(pause);
        let mut sleep = std::pin::pin!(sleep);
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = &mut sleep => return true,
                Some(pending) = self.context.commands.recv() => refuse(pending),
            }
        }
    }

    fn remember(&self) {
        let memory = &self.context.memory;
        memory.put("meters", &self.reception.remembered());
        if let Some(way) = self.autobaud.proven() {
            memory.put("line", &way);
        }
    }

    async fn send(&self, reports: Vec<Report>) -> Result<(), SourceError> {
        for report in reports {
            self.context.reports.send(report).await?;
        }
        Ok(())
    }
}

fn refuse(pending: PendingCommand) {
    let result = Err("a smart meter has nothing that can be set".to_owned());
    // The asker may have stopped waiting.
    let _ = pending.reply.send(CommandOutcome { result });
}
