//! A history with records in it, and a target at work on them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wattbridge::config::File;
use wattbridge::device::Source as _;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::{Device, Health, HealthCode, Metric, Quantity, Readings, Report, Value};
use wattbridge::uploads::{NamedTarget, UploadSource, Uploads};

use crate::alone::alone;

const PATIENCE: Duration = Duration::from_secs(60);

/// The targets of a section that runs this command.
pub(crate) fn named(command: &[String]) -> NamedTarget {
    let words: Vec<_> = command.iter().map(|word| format!("{word:?}")).collect();
    let toml = format!("[mysql]\ncommand = [{}]\n", words.join(", "));
    let file = File::parse(&toml, "test.toml").unwrap_or_else(|problems| panic!("{problems}"));
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    uploads.all().next().unwrap()
}

pub(crate) struct House {
    pub(crate) history: History,
    pub(crate) target: NamedTarget,
}

/// What the device of a target has said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) health: Option<Health>,
    pub(crate) pending: Option<i64>,
    pub(crate) given_up: Option<i64>,
}

impl Said {
    /// Nothing waits, and all is well.
    pub(crate) fn is_through(&self) -> bool {
        let is_online = self
            .health
            .as_ref()
            .is_some_and(|it| it.code == HealthCode::Online);
        is_online && self.pending == Some(0)
    }

    pub(crate) fn words(&self) -> String {
        let health = self.health.as_ref();
        health.map(Health::sentence).unwrap_or_default()
    }
}

impl House {
    pub(crate) fn new(path: &std::path::Path, command: &[String]) -> Self {
        let history = History::open_stepped(path, &HistorySettings::default(), TimeZone::UTC);
        let house = Self {
            history,
            target: named(command),
        };
        // Records are wanted from now on.
        let _ = house.source();
        house
    }

    fn source(&self) -> Arc<UploadSource> {
        let plan = Arc::clone(&self.target.plan);
        Arc::new(UploadSource::new(
            self.target.upload,
            plan,
            self.history.clone(),
        ))
    }

    /// A record of an optimizer.
    pub(crate) fn panel(&self, serial: &str, at: i64, uptime: &str) {
        let mut device = Device::new("solaredge", serial, "Optimizer", "SolarEdge");
        device.metrics = vec![Metric::measurement("panel_voltage", Quantity::Voltage)];
        let at = Timestamp::from_second(at).unwrap();
        let mut readings = Readings::new(device.id.clone(), at);
        for (key, value) in [
            ("panel_voltage", "31"),
            ("output_voltage", "30"),
            ("current", "4"),
            ("temperature", "30"),
            ("uptime", uptime),
            ("energy_since_wake", "0.203"),
        ] {
            let value: wattbridge::model::Decimal = value.parse().unwrap();
            readings.push(key, Value::from(value));
        }
        let received = at.checked_add(jiff::SignedDuration::from_secs(10)).unwrap();
        self.history.record_as_said(&device, &readings, received);
    }

    /// The target is at work until something holds.
    pub(crate) async fn run(&self, mut until: impl FnMut(&Said) -> bool) -> Said {
        let (sender, mut reports) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let context = alone(sender, &stop);
        let running = tokio::spawn(self.source().run(context));
        let begin = Instant::now();
        let mut said = Said::default();
        while !until(&said) {
            let left = PATIENCE.saturating_sub(begin.elapsed());
            let next = tokio::time::timeout(left, reports.recv()).await;
            let Ok(Some(message)) = next else {
                panic!("nothing more is said: {said:?}");
            };
            match message.1 {
                Report::Readings(readings) => {
                    let count = |key| readings.get(key).and_then(Value::as_number);
                    let count = |key| count(key).map(wattbridge::model::Decimal::mantissa);
                    said.pending = count("pending");
                    said.given_up = count("given_up");
                }
                Report::Health(_, health) => said.health = Some(health),
                _ => {}
            }
        }
        stop.cancel();
        let _ = running.await;
        said
    }
}
