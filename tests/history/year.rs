//! A year of 40 values: how large it is, what is written, how long questions take. Not part of a usual run:
//! `cargo nextest run --release --test history --run-ignored only -E 'test(year)' --no-capture`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use wattbridge::history::{By, EnergyOf, History, HistoryReader, HouseRoles, SeriesKey};
use wattbridge::model::{Decimal, Device, EnergyPart, Health, HealthCode, Metric, Quantity, Value};

use super::{SOON, named, stepped, vienna};

/// A number that looks like chance and is always the same.
fn noise(seed: i64, most: i64) -> i64 {
    let mixed = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    i64::try_from((mixed >> 33) % most.unsigned_abs()).unwrap_or(0)
}

/// 10 counters and 20 other values by day only, 10 at all times: those of an installation with an ECU, three
/// inverters, a meter and a battery.
fn devices() -> [Device; 2] {
    let mut roof = Device::new("test", "roof", "Roof", "nobody");
    roof.metrics = vec![
        Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun),
        Metric::daily("energy_today", Quantity::Energy)
            .decimals(3)
            .part(EnergyPart::SunEnergy),
    ];
    for panel in 0..19 {
        let power = Metric::measurement("", Quantity::Power);
        roof.metrics
            .push(named(format!("panel_{panel}_power"), power));
    }
    for counter in 0..7 {
        let energy = Metric::lifetime("", Quantity::ReactiveEnergy).decimals(3);
        roof.metrics
            .push(named(format!("counter_{counter}"), energy));
    }
    let mut meter = Device::new("test", "meter", "Meter", "nobody");
    meter.metrics = vec![
        Metric::measurement("power_net", Quantity::Power).part(EnergyPart::Grid),
        Metric::lifetime("energy_import", Quantity::Energy)
            .decimals(3)
            .part(EnergyPart::GridImport),
        Metric::lifetime("energy_export", Quantity::Energy)
            .decimals(3)
            .part(EnergyPart::GridExport),
    ];
    for phase in 0..9 {
        let voltage = Metric::measurement("", Quantity::Voltage).decimals(1);
        meter
            .metrics
            .push(named(format!("voltage_{phase}"), voltage));
    }
    [roof, meter]
}

/// How bright it is, in percent: from 6 to 20 o'clock.
fn light(second: i64) -> i64 {
    let minute = second.rem_euclid(86_400) / 60;
    let from_noon = (minute - 13 * 60).abs();
    (100 - from_noon * 100 / 420).max(0)
}

struct Feeder {
    history: History,
    devices: [Arc<Device>; 2],
    counters: [i64; 10],
}

impl Feeder {
    fn new(history: History) -> Self {
        let devices = devices().map(Arc::new);
        for device in &devices {
            history.describe(device);
        }
        let parts = devices.iter().flat_map(|device| {
            let metrics = device.metrics.iter();
            metrics.filter_map(|it| Some((it.part?.part, device.id.clone(), it.key.to_string())))
        });
        history.set_roles(HouseRoles::of(parts));
        Self {
            history,
            devices,
            counters: [1_000_000; 10],
        }
    }

    /// One slot with five values each, at whose end so many seconds have passed.
    fn slot(&mut self, end: i64) {
        let [roof, meter] = self.devices.clone();
        let light = light(end);
        for part in (0..5).map(|it| end - it * 60) {
            let at = Timestamp::from_second(part).unwrap();
            let mut values: Vec<(String, Value)> = Vec::new();
            let number = |value: i64| Value::from(Decimal::integer(value));
            if light > 0 {
                let power = light * 80 + noise(part, 200);
                if end.rem_euclid(86_400) < 300 * 80 {
                    self.counters[0] = 0;
                }
                self.counters[0] += power / 60;
                values.push(("power".into(), number(power)));
                let today = Decimal::from_watt_hours(self.counters[0] % 100_000);
                values.push(("energy_today".into(), today.into()));
                for panel in 0..19 {
                    let power = number(light * 4 + noise(part + panel * 7919, 40));
                    values.push((format!("panel_{panel}_power"), power));
                }
                for counter in 0..7_usize {
                    let total = &mut self.counters[counter + 1];
                    *total += 3;
                    let total = Decimal::from_watt_hours(*total);
                    values.push((format!("counter_{counter}"), total.into()));
                }
                self.history.record(&roof.id, at, None, values);
            }
            let net = 400 + noise(part, 300) - light * 70;
            self.counters[8] += net.max(0) / 60;
            self.counters[9] += (-net).max(0) / 60;
            let mut values: Vec<(String, Value)> = vec![
                ("power_net".into(), number(net)),
                (
                    "energy_import".into(),
                    Decimal::from_watt_hours(self.counters[8]).into(),
                ),
                (
                    "energy_export".into(),
                    Decimal::from_watt_hours(self.counters[9]).into(),
                ),
            ];
            for phase in 0..9 {
                let voltage = Decimal::new(2300 + noise(part + phase, 60), 1);
                values.push((format!("voltage_{phase}"), voltage.into()));
            }
            self.history.record(&meter.id, at, None, values);
        }
        let state = |code| Health::new(code);
        let code = if light > 0 {
            HealthCode::Online
        } else {
            HealthCode::Asleep
        };
        let at = Timestamp::from_second(end).unwrap();
        self.history.health(&roof.id, at, &state(code));
        self.history
            .health(&meter.id, at, &state(HealthCode::Online));
    }
}

/// Bytes that this process has had written, as the system counts them.
fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |about| about.len())
}

#[test]
#[ignore = "takes minutes and measures"]
#[allow(clippy::print_stdout, reason = "figures are what it is for")]
fn a_year() {
    // On a disk, not in memory, so that the system counts what is written.
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let path = folder.path().join("history.db");
    let begin = Instant::now();
    let history = stepped(&path, vienna());
    let mut feeder = Feeder::new(history.clone());
    let start: Timestamp = "2025-06-01T00:00:00Z".parse().unwrap();
    let mut now = start.as_second();
    for day in 0..365 {
        for _ in 0..288 {
            now += 300;
            feeder.slot(now);
        }
        history.tick(Timestamp::from_second(now + 360).unwrap());
        if day % 4 == 0 {
            history.flush(SOON);
        }
    }
    history.flush(SOON);
    println!("made in {:?}", begin.elapsed());
    let reader = history.reader();
    ask(&reader, date(2026, 5, 31));
    let answers = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let size = answers.block_on(reader.size()).unwrap();
    println!("{:.1} MB, {} series", size.bytes as f64 / 1e6, size.series);
    drop(reader);
    // A day as it is in life: five minutes, then a write.
    let before = written();
    let file = length(&path);
    for _ in 0..288 {
        now += 300;
        feeder.slot(now);
        history.tick(Timestamp::from_second(now + 60).unwrap());
        history.flush(SOON);
    }
    let log = length(&folder.path().join("history.db-wal"));
    println!(
        "a day: {:.2} MB written, the file grew by {:.2} MB, its log has {:.2} MB",
        (written() - before) as f64 / 1e6,
        (length(&path) - file) as f64 / 1e6,
        log as f64 / 1e6
    );
    history.close();
    for table in ["slot", "hour", "day", "health", "event"] {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let rows: i64 = connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .unwrap();
        println!("{table}: {rows} rows");
    }
    assert!(size.bytes < 110_000_000, "{size:?}");
}

#[allow(clippy::print_stdout, reason = "figures are what it is for")]
fn ask(reader: &HistoryReader, last: Date) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let back = |days: i64| last.checked_sub(jiff::Span::new().days(days)).unwrap();
    let end = last.tomorrow().unwrap();
    let device = devices()[0].id.clone();
    let sun = SeriesKey::house("sun");
    let panels: Vec<_> = (0..19)
        .map(|panel| SeriesKey::new(&device, format!("panel_{panel}_power")))
        .collect();
    macro_rules! time {
        ($what:literal, $question:expr) => {{
            let mut best = Duration::MAX;
            for _ in 0..30 {
                let begin = Instant::now();
                runtime.block_on($question).unwrap();
                best = best.min(begin.elapsed());
            }
            println!("{}: {:.1} ms", $what, best.as_secs_f64() * 1000.0);
        }};
    }
    time!(
        "power of a day",
        reader.power(vec![sun.clone()], last, end, 300)
    );
    time!(
        "power of all panels, a day",
        reader.power(panels.clone(), last, end, 300)
    );
    time!(
        "power of 30 days by hours",
        reader.power(vec![sun.clone()], back(29), end, 3600)
    );
    time!("usual", reader.usual(sun.clone(), last));
    time!(
        "14 days of all panels",
        reader.power(panels.clone(), back(13), end, 300)
    );
    time!(
        "energy of a month",
        reader.energy(By::Day, back(29), end, EnergyOf::Total)
    );
    time!(
        "energy of a year by months",
        reader.energy(By::Month, back(364), end, EnergyOf::Total)
    );
    time!(
        "energy of a year, panels",
        reader.energy(By::Day, back(364), end, EnergyOf::Panel)
    );
    time!("statistics of a year", reader.statistics(back(364), end));
    let now = end.to_zoned(vienna()).unwrap().timestamp() - SignedDuration::from_hours(1);
    time!("health of 30 days", reader.health(device.clone(), 30, now));
}
