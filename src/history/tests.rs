//! Values go in at the handle, answers come out of the reader.

mod brought_in;
mod clock;
mod damage;
mod house;
mod kept;
mod succession;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::pace::SlotPace;
use super::place::HistoryPlace;
use super::*;
use crate::clock::Clock;
use crate::model::{
    Days, Decimal, Device, DeviceId, EnergyPart, Health, HealthCode, Metric, Quantity, Reading,
    Value,
};

const SOON: Duration = Duration::from_secs(20);

fn vienna() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn wh(value: i64) -> Value {
    Decimal::from_watt_hours(value).into()
}

fn number(value: i64) -> Value {
    Decimal::integer(value).into()
}

/// An inverter with everything.
fn inverter() -> Device {
    let mut device = Device::new("test", "roof", "Roof", "nobody");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun),
        Metric::lifetime("energy_total", Quantity::Energy)
            .decimals(1)
            .part(EnergyPart::SunEnergy),
        Metric::daily("energy_today", Quantity::Energy)
            .decimals(3)
            .part(EnergyPart::SunEnergy),
        Metric::measurement("panel_1_power", Quantity::Power),
        Metric::measurement("signal", Quantity::SignalQuality).diagnostic(),
    ];
    device
}

fn meter() -> Device {
    let mut device = Device::new("test", "meter", "Meter", "nobody");
    device.metrics = vec![
        Metric::measurement("power_net", Quantity::Power).part(EnergyPart::Grid),
        Metric::lifetime("energy_import", Quantity::Energy)
            .decimals(3)
            .part(EnergyPart::GridImport),
        Metric::lifetime("energy_export", Quantity::Energy)
            .decimals(3)
            .part(EnergyPart::GridExport),
    ];
    device
}

fn roles(devices: &[&Device]) -> HouseRoles {
    let parts = devices.iter().flat_map(|device| {
        device.metrics.iter().filter_map(|metric| {
            let part = metric.part?.part;
            Some((part, device.id.clone(), metric.key.to_string()))
        })
    });
    HouseRoles::of(parts)
}

struct Kept {
    history: History,
    roof: Device,
    meter: Device,
}

impl Kept {
    fn at(path: &Path) -> Self {
        Self::with(path, &HistorySettings::default())
    }

    fn with(path: &Path, settings: &HistorySettings) -> Self {
        Self::of(History::open_stepped(path, settings, vienna()))
    }

    /// By a clock, behind another one.
    fn by(path: &Path, clock: &Clock, before: Option<Departing>) -> Self {
        let place = HistoryPlace::Disk(path.to_owned());
        let pace = SlotPace::Clock(clock.clone());
        let settings = HistorySettings::default();
        Self::of(History::start(place, &settings, vienna(), pace, before))
    }

    fn of(history: History) -> Self {
        let (roof, meter) = (inverter(), meter());
        history.describe(&Arc::new(roof.clone()));
        history.describe(&Arc::new(meter.clone()));
        history.set_roles(roles(&[&roof, &meter]));
        Self {
            history,
            roof,
            meter,
        }
    }

    fn says(&self, device: &Device, at: Timestamp, key: &'static str, value: Value) {
        self.history.record(&device.id, at, None, [(key, value)]);
    }

    fn written(&self, now: Timestamp) {
        self.history.tick(now);
        self.history.flush(SOON);
    }
}

/// What the file says.
fn ask(path: &Path, sql: &str) -> Vec<(i64, i64)> {
    let file = Connection::open(path).unwrap();
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// What it says of the slots of a series, in the order of time.
fn slots(path: &Path, columns: &str, key: &str) -> Vec<(i64, i64)> {
    let sql = format!(
        "SELECT {columns} FROM slot JOIN series ON id = series WHERE key = '{key}' ORDER BY end"
    );
    ask(path, &sql)
}

/// What it says of a day of a series.
fn day(path: &Path, key: &str, date: i64) -> Option<(Option<i64>, DayFlags)> {
    let file = Connection::open(path).unwrap();
    let sql =
        "SELECT value, flags FROM day JOIN series ON id = series WHERE key = ?1 AND date = ?2";
    file.query_row(sql, (key, date), |row| {
        Ok((row.get(0)?, DayFlags(row.get(1)?)))
    })
    .optional()
    .unwrap()
}

fn day_value(path: &Path, key: &str, date: i64) -> Option<i64> {
    day(path, key, date)?.0
}

fn day_flags(path: &Path, key: &str, date: i64) -> DayFlags {
    day(path, key, date).unwrap().1
}

/// The names of all files beside it, and its own.
fn names(path: &Path) -> Vec<String> {
    let all = std::fs::read_dir(path.parent().unwrap()).unwrap();
    all.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Waits for what comes by itself.
fn awaited(what: &str, mut is_there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < SOON, "{what} does not come");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn in_folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("house-history.db");
    (folder, path)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}
