//! The run loop: ask or listen, or run the program; report; open the port again when it goes away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::Config;
use super::exchange::{Failure, OPEN, QUIET, ask, idle, settings};
use super::lines::LineSplitter;
use super::program::run_program;
use super::section::Text;
use super::sensor::Sensor;
use super::{KIND, health, metrics, probe};
use crate::device::{BoxFuture, Context, PendingCommand, Probed, Source, SourceError};
use crate::links::{Address, Backoff, Connection, LinkError, Links};
use crate::model::{CommandOutcome, Health, HealthCode, Metric, Report};

/// Between two tries of one reading.
const AGAIN: Duration = Duration::from_secs(1);
/// Waits are never shorter, whatever the clocks say.
const SHORTEST: Duration = Duration::from_millis(10);
/// How long nothing may come from a port that talks by itself before it is opened anew, unless its sensor may be
/// silent for longer: some adapters forget how to talk.
const DEAD: Duration = Duration::from_secs(5 * 60);
/// Lines in a row that cannot be read before it is said, where none has been read yet: the first
/// may be of any kind.
const UNFIT: u32 = 3;

impl Source for Text {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn label(&self) -> String {
        self.config.word().to_owned()
    }

    fn port(&self) -> Option<&Address> {
        self.config.port.as_ref()
    }

    fn own_metrics(&self) -> Vec<Metric> {
        metrics::of(&self.config.values)
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move {
            let (mut run, mut commands, stop) = Run::new(&self, context);
            // Whatever it waits for is dropped when it is told to stop, and a program is killed.
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                result = run.run() => result,
                () = refuse_all(&mut commands) => Ok(()),
            }
        })
    }

    fn probe(self: Arc<Self>, links: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move { probe::probe(&self, &links).await.map(Probed::from) })
    }
}

/// A run of the loop.
struct Run<'a> {
    config: &'a Config,
    context: Context,
    sensor: Sensor,
}

impl<'a> Run<'a> {
    fn new(
        source: &'a Text,
        mut context: Context,
    ) -> (
        Self,
        mpsc::Receiver<PendingCommand>,
        tokio_util::sync::CancellationToken,
    ) {
        let (_, none) = mpsc::channel(1);
        let commands = std::mem::replace(&mut context.commands, none);
        let stop = context.stop.clone();
        let sensor = Sensor::new(&source.config, Arc::clone(&source.rules));
        let run = Self {
            config: &source.config,
            context,
            sensor,
        };
        (run, commands, stop)
    }

    async fn run(&mut self) -> Result<(), SourceError> {
        self.send(vec![self.sensor.description()]).await?;
        if !self.config.enabled {
            let now = self.context.clock.moment();
            let reports = self.sensor.gone(now, Health::new(HealthCode::Disabled));
            self.send(reports).await?;
            return std::future::pending().await;
        }
        match &self.config.port {
            Some(address) => self.read_port(address).await,
            // A recording is no reason to run anything.
            None if self.context.links.is_replay() => Err(SourceError::RecordingEnded),
            None => self.run_program().await,
        }
    }

    async fn run_program(&mut self) -> Result<(), SourceError> {
        loop {
            let begun = self.context.clock.monotonic();
            let mut result = self.run_once().await;
            for _ in 1..self.config.tries {
                if result.is_ok() {
                    break;
                }
                self.context.clock.sleep(AGAIN).await;
                result = self.run_once().await;
            }
            self.tell(result).await?;
            self.context.clock.sleep(self.left(begun)).await;
        }
    }

    async fn run_once(&mut self) -> Result<(), Health> {
        let (program, within) = (&self.config.command, self.config.timeout.get());
        run_program(program, within, &mut self.sensor).await
    }

    async fn read_port(&mut self, address: &Address) -> Result<(), SourceError> {
        let question = self.config.question();
        let (settings, mut backoff) = (settings(self.config), Backoff::new());
        loop {
            let opened = self.context.links.open(address, &settings, OPEN);
            let (error, worked) = match opened.await {
                Ok(connection) => {
                    let before = self.context.traffic.good();
                    let error = if question.is_empty() {
                        self.listen(connection).await?
                    } else {
                        self.question(connection, &question).await?
                    };
                    (error, self.context.traffic.good() > before)
                }
                Err(LinkError::RecordingEnded) => return Err(SourceError::RecordingEnded),
                Err(error) => (Some(error), false),
            };
            let Some(error) = error else { continue };
            if worked {
                // Servers are restarted; it is trouble only if nothing else comes of it.
                backoff.reset();
            } else {
                self.context.traffic.count_bad();
                let now = self.context.clock.moment();
                let reports = self.sensor.gone(now, health::unreachable(&error));
                self.send(reports).await?;
            }
            let pause = backoff.after(&error);
            tracing::debug!(
                "{}: {error}; opening it again in {pause:?}",
                self.sensor.id()
            );
            self.context.clock.sleep(pause).await;
        }
    }

    /// Asks in the configured rhythm until the port is gone; returns why it is.
    async fn question(
        &mut self,
        mut connection: Connection,
        question: &[u8],
    ) -> Result<Option<LinkError>, SourceError> {
        let within = self.config.timeout.get();
        let (mut lines, clock) = (LineSplitter::from_the_middle(), self.context.clock.clone());
        // Half of an answer to somebody else may be waiting.
        if let Err(error) = idle(&mut connection, QUIET, &mut lines, &clock).await {
            return Ok(Some(error));
        }
        loop {
            let begun = self.context.clock.monotonic();
            let (port, sensor) = (&mut connection, &mut self.sensor);
            let mut result = ask(port, question, within, &mut lines, sensor).await;
            for _ in 1..self.config.tries {
                if !matches!(result, Err(Failure::Nothing(_))) {
                    break;
                }
                if let Err(error) = idle(port, AGAIN, &mut lines, &clock).await {
                    return Ok(Some(error));
                }
                result = ask(port, question, within, &mut lines, sensor).await;
            }
            let result = match result {
                Ok(()) => Ok(()),
                Err(Failure::Nothing(why)) => Err(why),
                Err(Failure::Lost(error)) => return Ok(Some(error)),
            };
            self.tell(result).await?;
            let left = self.left(begun);
            if let Err(error) = idle(&mut connection, left, &mut lines, &clock).await {
                return Ok(Some(error));
            }
        }
    }

    /// Reads lines as they come until the port is gone; returns why it is, or nothing if it is only
    /// to be opened anew.
    async fn listen(
        &mut self,
        mut connection: Connection,
    ) -> Result<Option<LinkError>, SourceError> {
        self.sensor.begin();
        let (mut lines, mut buffer) = (LineSplitter::from_the_middle(), Vec::new());
        let clock = self.context.clock.clone();
        let (opened, dead) = (clock.monotonic(), DEAD.max(self.sensor.patience()));
        let (mut heard, mut unfit) = (Instant::now(), 0_u32);
        loop {
            let patience = if lines.is_open() {
                QUIET
            } else {
                let trial = self
                    .sensor
                    .patience()
                    .checked_sub(clock.monotonic() - opened);
                let silence = self.sensor.until_silence(clock.moment());
                let told = [trial, silence]
                    .into_iter()
                    .flatten()
                    .filter(|left| !left.is_zero());
                let dead = dead.saturating_sub(heard.elapsed());
                told.min().map_or(dead, |told| told.min(dead)).max(SHORTEST)
            };
            match connection.receive_within(&mut buffer, patience).await {
                Ok(0) => return Ok(Some(connection.ended())),
                Ok(_) => {
                    heard = Instant::now();
                    lines.push(&buffer);
                    buffer.clear();
                }
                Err(LinkError::TimedOut { .. }) => lines.quiet(),
                Err(error) => return Ok(Some(error)),
            }
            while let Some(line) = lines.next() {
                self.sensor.take(&line);
                if self.sensor.has_values() {
                    unfit = 0;
                    self.tell(Ok(())).await?;
                } else {
                    unfit = unfit.saturating_add(1);
                    self.context.traffic.count_bad();
                }
            }
            let now = self.context.clock.moment();
            let waited = self.context.clock.monotonic().saturating_sub(opened);
            let is_due = waited >= self.sensor.patience() || unfit >= UNFIT;
            if is_due && self.sensor.is_silent(now) {
                let why = self.sensor.unfit().cloned();
                let patience = self.sensor.patience();
                let why = why.unwrap_or_else(|| health::nothing_comes(patience));
                let reports = self.sensor.gone(now, why);
                self.send(reports).await?;
            }
            if heard.elapsed() >= dead {
                connection.close().await;
                return Ok(None);
            }
        }
    }

    /// Reports how a reading went.
    async fn tell(&mut self, result: Result<(), Health>) -> Result<(), SourceError> {
        let now = self.context.clock.moment();
        let reports = match result {
            Ok(()) => {
                self.context.traffic.count_good();
                self.sensor.reading(now)
            }
            Err(why) => {
                self.context.traffic.count_bad();
                self.sensor.failed(now, why)
            }
        };
        self.send(reports).await
    }

    /// What is left of the interval that began then.
    fn left(&self, begun: Duration) -> Duration {
        let interval = self.config.interval.get();
        let past = self.context.clock.monotonic().saturating_sub(begun);
        interval.checked_sub(past).unwrap_or(AGAIN.min(interval))
    }

    async fn send(&self, reports: Vec<Report>) -> Result<(), SourceError> {
        for report in reports {
            self.context.reports.send(report).await?;
        }
        Ok(())
    }
}

/// Refuses commands for as long as any come.
async fn refuse_all(commands: &mut mpsc::Receiver<PendingCommand>) {
    while let Some(pending) = commands.recv().await {
        let result = Err("a sensor has nothing that can be set".to_owned());
        // The asker may have stopped waiting.
        let _ = pending.reply.send(CommandOutcome { result });
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use tokio_util::sync::CancellationToken;

    use super::super::config::ValueConfig;
    use super::super::values::Rules;
    use super::*;
    use crate::clock::Clock;
    use crate::device::{Reports, Traffic};
    use crate::links::Recording;
    use crate::store::{Memory, Store};

    fn source(config: Config) -> Arc<Text> {
        let config = Config {
            values: vec![ValueConfig {
                id: "x".to_owned(),
                ..ValueConfig::default()
            }],
            ..config
        };
        let rules = Arc::new(Rules::new(&config).unwrap());
        Arc::new(Text { config, rules })
    }

    /// What a source needs to run, and what keeps it running.
    fn context(links: Links, clock: Clock) -> (Context, mpsc::Receiver<(usize, Report)>) {
        let (reports, bridge) = mpsc::channel(64);
        let (store, saved) = Store::in_memory();
        let context = Context {
            reports: Reports::new(0, reports),
            commands: mpsc::channel(1).1,
            stop: CancellationToken::new(),
            clock,
            links,
            reserved: Arc::new([]),
            operators: tokio::sync::watch::Sender::new(0).subscribe(),
            memory: Memory::new(store, "text@text", &saved),
            traffic: Arc::new(Traffic::default()),
        };
        (context, bridge)
    }

    #[tokio::test]
    async fn no_program_is_run_while_a_recording_is_played() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("ran");
        let source = source(Config {
            command: vec!["touch".to_owned(), marker.display().to_string()],
            ..Config::default()
        });
        let text = "# wattbridge recording 1\n# adapter: text\n# started: 2026-06-21T10:00:00Z\n";
        let recording = Recording::parse(text).unwrap();
        let clock = Clock::manual(recording.started, TimeZone::UTC);
        let links = Links::replayed(recording.script(), clock.clone());
        let (context, _bridge) = context(links, clock);
        let ended = source.run(context).await;
        assert!(matches!(ended, Err(SourceError::RecordingEnded)));
        assert!(!marker.exists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_may_be_silent_for_long_stays_open_for_as_long() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let source = source(Config {
            port: Some(
                format!("tcp://{}", listener.local_addr().unwrap())
                    .parse()
                    .unwrap(),
            ),
            silent_after: crate::config::Period::minutes(20),
            ..Config::default()
        });
        let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let (context, _bridge) = context(Links::new(), clock);
        tokio::spawn(source.run(context));
        let first = listener.accept().await.unwrap();
        let again = tokio::time::timeout(minutes(19), listener.accept()).await;
        assert!(again.is_err(), "it was opened anew");
        let again = tokio::time::timeout(minutes(2), listener.accept()).await;
        assert!(again.is_ok(), "it was not");
        drop(first);
    }
}
