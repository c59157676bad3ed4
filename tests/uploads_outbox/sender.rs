//! A history, and a target at work on it, with a clock that is set and not waited for.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use wattbridge::clock::Clock;
use wattbridge::config::File;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::{Decimal, Device, Metric, Quantity, Value};
use wattbridge::uploads::{NamedTarget, NextRound, Rounds, Uploads};

use crate::receiver::Points;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const START: i64 = 1_781_481_600; // 2026-06-15

pub(crate) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// A charger with three values, whose slots come when they are told.
pub(crate) struct House {
    pub(crate) path: PathBuf,
    pub(crate) history: History,
    pub(crate) device: Arc<Device>,
    pub(crate) clock: Clock,
    /// How many slots there are.
    pub(crate) told: i64,
}

impl House {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("history.db");
        let history = History::open_stepped(&path, &HistorySettings::default(), TimeZone::UTC);
        let mut device = Device::new("victron", "HQ2123ABCDE", "Charger", "Victron Energy");
        device.metrics = vec![
            Metric::measurement("battery_voltage", Quantity::Voltage).decimals(2),
            Metric::lifetime("energy_total", Quantity::Energy).decimals(2),
            Metric::state("state", &[]),
        ];
        let device = Arc::new(device);
        history.describe(&device);
        Self {
            path,
            history,
            device,
            clock: Clock::manual(moment(START), TimeZone::UTC),
            told: 0,
        }
    }

    /// So many more slots; the clock is a minute and more behind the last.
    pub(crate) fn live(&mut self, slots: i64) {
        for _ in 0..slots {
            self.told += 1;
            self.say(self.told, 0);
        }
        let now = moment(START + self.told * 300 + 100);
        self.clock.move_to(now);
        self.history.tick(now);
        self.history.flush(PATIENCE);
    }

    fn say(&self, slot: i64, more: i64) {
        let at = moment(START + slot * 300 - 20);
        let state = if slot % 2 == 0 { "bulk" } else { "float" };
        let values: [(&'static str, Value); 3] = [
            (
                "battery_voltage",
                Decimal::new(2600 + slot % 50 + more, 2).into(),
            ),
            ("energy_total", Decimal::new(3000 + slot, 2).into()),
            ("state", state.into()),
        ];
        self.history.record(&self.device.id, at, None, values);
    }

    /// The device tells of a slot once more.
    pub(crate) fn say_again(&self, slot: i64, more: i64) {
        self.say(slot, more);
    }

    /// What the history has, as InfluxDB gets it.
    pub(crate) fn truth(&self) -> Points {
        truth(&self.path)
    }

    pub(crate) async fn sender(&self, toml: &str) -> Sender {
        Sender::begin(toml, &self.history, &self.clock).await
    }

    pub(crate) async fn dirty(&self, key: &str) -> i64 {
        self.history.cursors().count_dirty(key).await.unwrap()
    }
}

/// What the file of a history has, as InfluxDB gets it: of devices that are not behind another one.
pub(crate) fn truth(path: &Path) -> Points {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut series = BTreeMap::new();
    let mut statement = file
        .prepare("SELECT id, device, key, json FROM series")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let device: String = row.get(1).unwrap();
        let json: String = row.get(3).unwrap();
        let about: serde_json::Value = serde_json::from_str(&json).unwrap();
        if about["via"].is_null() && device != wattbridge::history::HOUSE {
            let decimals = u8::try_from(about["decimals"].as_u64().unwrap_or(0)).unwrap();
            let place: (String, String) = (device, row.get(2).unwrap());
            let id: i64 = row.get(0).unwrap();
            series.insert(id, (place, decimals, BTreeMap::new()));
        }
    }
    let mut statement = file.prepare("SELECT end, series, value FROM slot").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let id: i64 = row.get(1).unwrap();
        if let Some((_, decimals, slots)) = series.get_mut(&id) {
            let number = Decimal::new(row.get(2).unwrap(), *decimals);
            slots.insert(row.get(0).unwrap(), plain(number));
        }
    }
    let all = series
        .into_values()
        .filter(|(_, _, slots)| !slots.is_empty());
    all.map(|(place, _, slots)| (place, slots)).collect()
}

fn plain(number: Decimal) -> String {
    match number.to_string() {
        text if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        text => text,
    }
}

/// A target at work.
pub(crate) struct Sender {
    pub(crate) rounds: Rounds,
    pub(crate) named: NamedTarget,
    clock: Clock,
}

impl Sender {
    pub(crate) async fn begin(toml: &str, history: &History, clock: &Clock) -> Self {
        let named = named(toml);
        let rounds = Rounds::begin(
            named.upload,
            named.plan.as_ref(),
            history.clone(),
            clock.clone(),
        );
        Self {
            rounds: rounds.await.unwrap(),
            named,
            clock: clock.clone(),
        }
    }

    /// Rounds until it waits; for what.
    pub(crate) async fn work(&mut self) -> NextRound {
        for _ in 0..20_000 {
            match self.rounds.round().await {
                NextRound::Now => {}
                wait => return wait,
            }
        }
        panic!("it never ends: {:?}", self.rounds.state());
    }

    /// The same, and whatever it waits for comes at once, but for slots.
    pub(crate) async fn work_on(&mut self) {
        while let NextRound::After(wait) = self.work().await {
            let now = self.clock.now();
            let wait = SignedDuration::try_from(wait).unwrap();
            self.clock
                .move_to(now + wait + SignedDuration::from_secs(1));
        }
    }

    pub(crate) fn health(&self) -> String {
        self.rounds.state().health.sentence()
    }
}

pub(crate) fn named(toml: &str) -> NamedTarget {
    let file = File::parse(toml, "test.toml").unwrap_or_else(|problems| panic!("{problems}"));
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    uploads.all().next().unwrap()
}

/// Works on something until it has waited so often, then drops it, as `kill -9` does: `None`.
pub(crate) async fn killed_after<F: Future>(future: F, waits: usize) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), waits);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(out) => Poll::Ready(Some(out)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
