//! A section that runs a program again and again, and reads what it prints.

use std::sync::Arc;
use std::time::Duration;

use super::config::TextConfig;
use super::lines::LineSplitter;
use super::sensor::Sensor;
use super::values::Rules;
use super::{ADAPTER, KIND, command, health, metrics};
use crate::clock::Moment;
use crate::device::{Adapter as _, BoxFuture, Context, Probed, Source, SourceError};
use crate::links::Links;
use crate::model::{Health, Metric, Report};

/// Between two tries of one reading.
const AGAIN: Duration = Duration::from_secs(1);

/// One configured program.
#[derive(Debug)]
pub struct Program {
    pub config: Arc<TextConfig>,
    pub rules: Arc<Rules>,
}

impl Source for Program {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        ADAPTER.spoken()
    }

    fn label(&self) -> String {
        self.config.word().to_owned()
    }

    fn own_metrics(&self) -> Vec<Metric> {
        metrics::of(&self.config.values)
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move {
            let stop = context.stop.clone();
            // Whatever it waits for is dropped when it is told to stop, and the program is killed.
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                result = self.repeat(&context) => result,
            }
        })
    }

    fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move {
            let mut sensor = self.sensor();
            let read = self.run_once(&mut sensor).await;
            read.map_err(|why| why.sentence())?;
            let reports = sensor.reading(Moment::NONE);
            let read = reports.iter().find_map(|report| match report {
                Report::Readings(readings) => Some(readings),
                _ => None,
            });
            let words = read.map(|readings| metrics::in_words(&self.config.values, readings));
            Ok(Probed::from(words.unwrap_or_default()))
        })
    }
}

impl Program {
    fn sensor(&self) -> Sensor {
        Sensor::new(&self.config, Arc::clone(&self.rules))
    }

    async fn repeat(&self, context: &Context) -> Result<(), SourceError> {
        // A recording is no reason to run anything.
        if context.links.is_replay() {
            return Err(SourceError::RecordingEnded);
        }
        let mut sensor = self.sensor();
        context.reports.send(sensor.description()).await?;
        loop {
            let begun = context.clock.monotonic();
            let mut result = self.run_once(&mut sensor).await;
            for _ in 1..self.config.tries {
                if result.is_ok() {
                    break;
                }
                context.clock.sleep(AGAIN).await;
                result = self.run_once(&mut sensor).await;
            }
            let now = context.clock.moment();
            let reports = match result {
                Ok(()) => {
                    context.traffic.count_good();
                    sensor.reading(now)
                }
                Err(why) => {
                    context.traffic.count_bad();
                    sensor.failed(now, why)
                }
            };
            for report in reports {
                context.reports.send(report).await?;
            }
            let interval = self.config.interval.get();
            let left = interval.checked_sub(now.since(begun));
            context
                .clock
                .sleep(left.unwrap_or(AGAIN.min(interval)))
                .await;
        }
    }

    /// Runs the program once and reads what it prints.
    async fn run_once(&self, sensor: &mut Sensor) -> Result<(), Health> {
        sensor.begin();
        let printed = command::run(&self.config.command, self.config.timeout.get()).await;
        let printed = printed.map_err(|error| health::program(&error))?;
        let mut lines = LineSplitter::default();
        lines.push(&printed);
        lines.finish();
        while let Some(line) = lines.next() {
            sensor.take(&line);
        }
        if sensor.has_values() {
            return Ok(());
        }
        let why = sensor.unfit().cloned();
        Err(why.unwrap_or_else(health::printed_nothing))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use tokio::sync::{mpsc, watch};
    use tokio_util::sync::CancellationToken;

    use super::super::config::ValueConfig;
    use super::*;
    use crate::clock::Clock;
    use crate::device::{Reports, Traffic};
    use crate::links::Recording;
    use crate::store::Memory;

    #[tokio::test]
    async fn no_program_is_run_while_a_recording_is_played() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("ran");
        let config = TextConfig {
            command: vec!["touch".to_owned(), marker.display().to_string()],
            values: vec![ValueConfig {
                id: "x".to_owned(),
                ..ValueConfig::default()
            }],
            ..TextConfig::default()
        };
        let rules = Arc::new(Rules::new(&config).unwrap());
        let program = Program {
            config: Arc::new(config),
            rules,
        };
        let text = "# wattbridge recording 1\n# adapter: text\n# started: 2026-06-21T10:00:00Z\n";
        let recording = Recording::parse(text).unwrap();
        let clock = Clock::manual(recording.started, TimeZone::UTC);
        let (reports, _bridge) = mpsc::channel(64);
        let context = Context {
            reports: Reports::new(0, reports),
            commands: mpsc::channel(1).1,
            forgotten: mpsc::unbounded_channel().1,
            stop: CancellationToken::new(),
            links: Links::replayed(recording.script(), clock.clone()),
            clock,
            reserved: Arc::new([]),
            operators: watch::Sender::new(0).subscribe(),
            memory: Memory::passing(),
            traffic: Arc::new(Traffic::default()),
        };
        let ended = Arc::new(program).run(context).await;
        assert!(matches!(ended, Err(SourceError::RecordingEnded)));
        assert!(!marker.exists());
    }
}
