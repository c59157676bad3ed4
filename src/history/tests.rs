//! Values go in at the handle, answers come out of the reader.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::*;
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
        let history = History::open_stepped(path, settings, vienna());
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

fn day_value(path: &Path, key: &str, date: i64) -> Option<i64> {
    let sql = format!(
        "SELECT 0, value FROM day JOIN series ON series.id = day.series WHERE key = '{key}' AND date = {date}"
    );
    ask(path, &sql).first().map(|(_, value)| *value)
}

fn day_flags(path: &Path, key: &str, date: i64) -> DayFlags {
    let sql = format!(
        "SELECT 0, flags FROM day JOIN series ON series.id = day.series WHERE key = '{key}' AND date = {date}"
    );
    DayFlags(ask(path, &sql)[0].1)
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

#[test]
fn slots_hours_and_days_are_written() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let start = at("2026-06-15T10:00:00Z");
    for minute in 1..=70_i64 {
        let now = start + SignedDuration::from_mins(minute);
        kept.says(&kept.roof, now, "power", number(minute * 10));
        kept.says(&kept.roof, now, "energy_today", wh(minute));
        kept.says(&kept.roof, now, "signal", number(50));
    }
    kept.written(at("2026-06-15T11:20:00Z"));
    let slots = ask(
        &path,
        "SELECT end, value FROM slot WHERE series = (SELECT id FROM series WHERE key = 'power' AND device <> 'house')",
    );
    assert_eq!(slots.len(), 14);
    assert_eq!(slots[0], (start.as_second() + 300, 30));
    let hours = ask(
        &path,
        "SELECT start, value FROM hour WHERE series = (SELECT id FROM series WHERE key = 'power' AND device <> 'house')",
    );
    assert_eq!(hours, [(start.as_second(), 305)]);
    assert_eq!(day_value(&path, "energy_today", 20_260_615), Some(70));
    let keys = ask(&path, "SELECT count(*), 0 FROM series WHERE key = 'signal'");
    assert_eq!(keys, [(0, 0)], "diagnostics are not kept");
    kept.history.close();
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_slot_goes_on_after_a_restart_and_a_day_too() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.meter,
        at("2026-06-14T20:00:00Z"),
        "energy_import",
        wh(1_000_000),
    );
    kept.says(
        &kept.meter,
        at("2026-06-15T10:01:00Z"),
        "energy_import",
        wh(1_001_600),
    );
    for (minute, value) in [(1, 100), (2, 200)] {
        let now = at("2026-06-15T10:00:00Z") + SignedDuration::from_mins(minute);
        kept.says(&kept.roof, now, "power", number(value));
    }
    kept.history.tick(at("2026-06-15T10:02:30Z"));
    kept.history.close();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T10:04:00Z"), "power", number(600));
    kept.says(
        &kept.meter,
        at("2026-06-15T10:06:00Z"),
        "energy_import",
        wh(1_006_400),
    );
    kept.written(at("2026-06-15T10:20:00Z"));
    let slots = ask(
        &path,
        "SELECT value, max FROM slot WHERE series = (SELECT id FROM series WHERE key = 'power' AND device <> 'house')",
    );
    assert_eq!(slots, [(300, 600)]);
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(6400));
}

#[test]
fn late_values_land_where_they_belong_in_any_order() {
    let mut minutes: Vec<i64> = (0..30).map(|slot| slot * 5 + 2).collect();
    let mut results = Vec::new();
    for turn in 0..3 {
        let (_folder, path) = in_folder();
        let kept = Kept::at(&path);
        let start = at("2026-06-15T08:00:00Z");
        let moment = |minute: i64| start + SignedDuration::from_mins(minute);
        kept.says(
            &kept.meter,
            at("2026-06-14T20:00:00Z"),
            "energy_import",
            wh(1000),
        );
        kept.written(at("2026-06-15T20:00:00Z"));
        match turn {
            0 => {}
            1 => minutes.reverse(),
            _ => minutes.rotate_left(11),
        }
        for minute in &minutes {
            let values = [("energy_import", wh(1000 + minute * 10))];
            kept.history
                .late(&kept.meter.id, moment(*minute), None, values);
            if turn > 0 {
                kept.history.flush(SOON);
            }
        }
        // It cannot have been less than before, nor more than after.
        for odd in [500, 900_000] {
            let values = [("energy_import", wh(odd))];
            kept.history.late(&kept.meter.id, moment(71), None, values);
        }
        kept.history.flush(SOON);
        results.push((
            ask(&path, "SELECT end, value FROM slot ORDER BY end, series"),
            ask(
                &path,
                "SELECT start, value FROM hour ORDER BY start, series",
            ),
            ask(
                &path,
                "SELECT date, value FROM day WHERE value IS NOT NULL ORDER BY date, series",
            ),
        ));
        assert_eq!(
            day_value(&path, "energy_import", 20_260_615),
            Some(147 * 10)
        );
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn a_day_that_changes_late_changes_the_next_one() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.meter,
        at("2026-06-13T10:00:00Z"),
        "energy_import",
        wh(1000),
    );
    kept.says(
        &kept.meter,
        at("2026-06-15T10:00:00Z"),
        "energy_import",
        wh(9000),
    );
    kept.written(at("2026-06-15T20:00:00Z"));
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(8000));
    kept.history.late(
        &kept.meter.id,
        at("2026-06-14T10:00:00Z"),
        None,
        [("energy_import", wh(6000))],
    );
    kept.history.flush(SOON);
    assert_eq!(day_value(&path, "energy_import", 20_260_614), Some(5000));
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(3000));
    kept.says(
        &kept.meter,
        at("2026-06-15T20:10:00Z"),
        "energy_import",
        wh(9500),
    );
    kept.written(at("2026-06-15T21:00:00Z"));
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(3500));
}

#[test]
fn the_house_is_exact_by_its_counters() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let start = at("2026-06-15T00:00:00Z");
    let (mut import, mut export) = (5_000_000, 7_000_000);
    kept.says(
        &kept.meter,
        at("2026-06-14T21:00:00Z"),
        "energy_import",
        wh(import),
    );
    kept.says(
        &kept.meter,
        at("2026-06-14T21:00:00Z"),
        "energy_export",
        wh(export),
    );
    kept.says(
        &kept.roof,
        at("2026-06-14T21:00:00Z"),
        "energy_today",
        wh(0),
    );
    for slot in 1..=200_i64 {
        let now = start + SignedDuration::from_mins(slot * 5);
        let net = if slot % 2 == 0 { 600 } else { -1200 };
        import += if net > 0 { 50 } else { 0 };
        export += if net < 0 { 101 } else { 0 };
        for (device, key, value) in [
            (&kept.roof, "power", number(2000)),
            (&kept.roof, "panel_1_power", number(1000)),
            (&kept.roof, "energy_today", wh(slot * 167)),
            (&kept.meter, "power_net", number(net)),
            (&kept.meter, "energy_import", wh(import)),
            (&kept.meter, "energy_export", wh(export)),
        ] {
            kept.says(device, now, key, value);
        }
    }
    kept.written(at("2026-06-15T20:00:00Z"));
    let reader = kept.history.reader();
    let day = (date(2026, 6, 15), date(2026, 6, 16));
    let table = block_on(reader.energy(By::Day, day.0, day.1, EnergyOf::Total)).unwrap();
    let row = |key: &str| {
        let row = table.rows.iter().find(|row| row.series.key == key);
        row.unwrap_or_else(|| panic!("{key}")).wh[0].unwrap()
    };
    let (sun, import, export) = (200 * 167, 100 * 50, 100 * 101);
    assert_eq!(
        (row("sun"), row("import"), row("export")),
        (sun, import, export)
    );
    assert_eq!(row("house"), sun + import - export);
    assert_eq!(row("sun_grid"), export);
    assert_eq!(row("grid_house"), import);
    assert_eq!(row("sun_house"), sun - export);
    let of_battery = table
        .rows
        .iter()
        .find(|row| row.series.key.contains("battery"));
    assert_eq!(of_battery, None);

    let wanted = vec![SeriesKey::house("house"), SeriesKey::house("sun_grid")];
    let curves = block_on(reader.power(wanted, day.0, day.1, 300)).unwrap();
    assert_eq!(curves.start, at("2026-06-14T22:00:00Z"));
    assert_eq!(curves.series[0].values.len(), 288);
    assert_eq!(
        curves.series[0].values[24..27],
        [Some(800), Some(2600), Some(800)]
    );
    assert_eq!(
        (curves.series[1].values[24], curves.series[1].scale),
        (Some(100_000), 3)
    );
    assert_eq!(curves.series[0].values[10], None);
    let hours = block_on(reader.power(vec![SeriesKey::house("sun")], day.0, day.1, 3600)).unwrap();
    assert_eq!(hours.series[0].values.iter().flatten().count(), 17);

    let panels = block_on(reader.energy(By::Month, day.0, day.1, EnergyOf::Panel)).unwrap();
    assert_eq!(panels.rows[0].wh, [Some(16_667)]);
    let devices = block_on(reader.energy(By::Day, day.0, day.1, EnergyOf::Device)).unwrap();
    let keys: Vec<_> = devices
        .rows
        .iter()
        .map(|row| row.series.key.as_str())
        .collect();
    assert_eq!(keys, ["energy_import", "energy_export", "energy_today"]);
    let statistics = block_on(reader.statistics(day.0, day.1)).unwrap();
    let row = statistics
        .iter()
        .find(|row| row.series.key == "energy_today")
        .unwrap();
    // A day that is not over is not the best one yet.
    assert_eq!((row.sum_wh, row.mean_day_wh, row.best), (sun, sun, None));
    assert_eq!(row.peak.map(|peak| peak.watts), Some(2000));
}

#[test]
fn a_night_is_no_gap_and_brings_0() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let health = |text: &str, code| {
        kept.history
            .health(&kept.roof.id, at(text), &Health::new(code));
    };
    // The day before, as else the first day is none that is whole.
    kept.says(&kept.roof, at("2026-06-14T19:00:00Z"), "power", number(5));
    kept.written(at("2026-06-14T19:10:00Z"));
    health("2026-06-14T19:05:00Z", HealthCode::Asleep);
    kept.written(at("2026-06-15T03:50:00Z"));
    health("2026-06-15T04:00:00Z", HealthCode::Online);
    kept.says(&kept.roof, at("2026-06-15T04:01:00Z"), "power", number(5));
    kept.written(at("2026-06-15T04:10:00Z"));
    assert!(!day_flags(&path, "power", 20_260_615).has(DayFlags::GAP));
    let night = ask(
        &path,
        "SELECT count(*), max(value) FROM slot JOIN series ON id = series WHERE key = 'sun'",
    );
    assert_eq!(night, [(109, 5)]);
    health("2026-06-15T10:00:00Z", HealthCode::Unreachable);
    health("2026-06-15T11:00:00Z", HealthCode::Online);
    kept.says(&kept.roof, at("2026-06-15T11:01:00Z"), "power", number(5));
    kept.written(at("2026-06-15T12:00:00Z"));
    assert!(day_flags(&path, "power", 20_260_615).has(DayFlags::GAP));

    let reader = kept.history.reader();
    let record = reader.health(kept.roof.id.clone(), 2, at("2026-06-15T12:00:00Z"));
    let record = block_on(record).unwrap();
    assert_eq!(record.changes.len(), 4);
    assert_eq!(record.changes[0].code, Some(HealthCode::Online));
    let today = record.days[1];
    assert_eq!(
        (today.online, today.asleep, today.trouble, today.unknown),
        (7.0, 6.0, 1.0, 0.0)
    );
    assert_eq!(record.days[0].unknown, 21.0 + 5.0 / 60.0);
}

#[test]
fn what_a_device_remembers_fills_what_was_not_measured_wholly() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    for (moment, energy) in [
        ("2026-06-14T05:00:00Z", 0),
        ("2026-06-14T10:00:00Z", 1000),
        ("2026-06-15T05:00:00Z", 0),
        ("2026-06-15T05:25:00Z", 20),
        ("2026-06-15T05:50:00Z", 900),
    ] {
        kept.says(&kept.roof, at(moment), "energy_today", wh(energy));
    }
    let asleep = Health::new(HealthCode::Asleep);
    kept.history
        .health(&kept.roof.id, at("2026-06-14T20:00:00Z"), &asleep);
    kept.written(at("2026-06-16T10:00:00Z"));
    let mut days = Days::new(kept.roof.id.clone());
    for day in 13..=16 {
        let reading = Reading {
            key: "energy_today".into(),
            value: wh(5000 + i64::from(day)),
        };
        days.days.insert(date(2026, 6, day), vec![reading]);
    }
    kept.history.days(&days);
    kept.history.flush(SOON);
    let value = |day: i64| day_value(&path, "energy_today", 20_260_600 + day);
    assert_eq!(value(13), Some(5013), "not known at all");
    assert_eq!(value(14), Some(5014), "measured with a gap");
    assert_eq!(value(15), Some(900), "measured wholly");
    assert_eq!(value(16), None, "not over");
    assert!(day_flags(&path, "energy_today", 20_260_613).has(DayFlags::IMPORTED));
    assert_eq!(day_value(&path, "sun_energy", 20_260_613), Some(5013));
    // More that is measured of such a day does not take it back.
    kept.history.late(
        &kept.roof.id,
        at("2026-06-14T12:00:00Z"),
        None,
        [("energy_today", wh(1500))],
    );
    kept.history.flush(SOON);
    assert_eq!(value(14), Some(5014));
}

#[test]
fn a_day_is_corrected_for_ever() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.roof,
        at("2026-06-15T05:00:00Z"),
        "energy_today",
        wh(0),
    );
    kept.says(
        &kept.roof,
        at("2026-06-15T05:05:00Z"),
        "energy_today",
        wh(70),
    );
    kept.written(at("2026-06-15T06:00:00Z"));
    let series = SeriesKey::new(&kept.roof.id, "energy_today");
    let correct = |value: Option<i64>| {
        let value = value.map(Decimal::from_watt_hours);
        let before = kept
            .history
            .correct(&series, date(2026, 6, 15), value)
            .unwrap();
        before.map(Decimal::to_watt_hours)
    };
    assert_eq!(correct(Some(5000)), Some(70));
    kept.says(
        &kept.roof,
        at("2026-06-15T06:05:00Z"),
        "energy_today",
        wh(90),
    );
    kept.written(at("2026-06-15T07:00:00Z"));
    assert_eq!(day_value(&path, "energy_today", 20_260_615), Some(5000));
    assert_eq!(day_value(&path, "sun_energy", 20_260_615), Some(5000));
    assert!(day_flags(&path, "energy_today", 20_260_615).has(DayFlags::CORRECTED));
    assert_eq!(correct(None), Some(5000));
    assert_eq!(day_value(&path, "energy_today", 20_260_615), Some(90));
    let nothing = SeriesKey::new(&kept.roof.id, "nothing");
    let error = kept
        .history
        .correct(&nothing, date(2026, 6, 15), None)
        .unwrap_err();
    assert!(error.to_string().contains("test_roof/nothing"), "{error}");
}

#[test]
fn what_others_have_kept_is_taken_over() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let now = Timestamp::now();
    let hours_ago = |hours: i64| now - SignedDuration::from_hours(hours);
    kept.says(&kept.roof, hours_ago(30), "power", number(100));
    kept.written(hours_ago(29));
    let today = now.to_zoned(vienna()).date();
    let yesterday = today.yesterday().unwrap();
    let imported = Imported {
        device: kept.roof.clone(),
        metric: kept.roof.metrics[0].clone(),
        days: vec![
            (
                yesterday.yesterday().unwrap().yesterday().unwrap(),
                Decimal::integer(7),
            ),
            (today, Decimal::integer(9)),
        ],
        values: vec![
            (hours_ago(30), Decimal::integer(900)),
            (hours_ago(28), Decimal::integer(200)),
        ],
    };
    // What was measured stays, its bounds too.
    assert_eq!(kept.history.import(imported).unwrap(), 2);
    let slots = ask(
        &path,
        "SELECT value, coalesce(max, value) FROM slot JOIN series ON id = series WHERE key = 'power' ORDER BY end",
    );
    assert_eq!(slots, [(100, 100), (200, 200)]);
    let days = ask(
        &path,
        "SELECT value, flags FROM day JOIN series ON id = series WHERE key = 'power' ORDER BY date LIMIT 1",
    );
    assert_eq!(days, [(7, DayFlags::IMPORTED.0)]);
}

#[test]
fn slots_go_after_their_time_and_days_stay() {
    let (_folder, path) = in_folder();
    let settings = HistorySettings {
        keep_slots: crate::config::Period::days(15),
        ..HistorySettings::default()
    };
    let kept = Kept::with(&path, &settings);
    let start = at("2026-06-01T12:00:00Z");
    for day in 0..40 {
        let now = start + SignedDuration::from_hours(24 * day);
        kept.says(&kept.roof, now, "power", number(5));
        kept.written(now + SignedDuration::from_mins(10));
    }
    let slots = ask(
        &path,
        "SELECT count(*), min(end) FROM slot JOIN series ON id = series WHERE key = 'power'",
    );
    assert!(slots[0].0 <= 16, "{slots:?}");
    let days = ask(
        &path,
        "SELECT count(*), 0 FROM day JOIN series ON id = series WHERE key = 'power'",
    );
    assert_eq!(days, [(40, 0)]);
}

#[test]
fn more_decimals_change_nothing_that_is_kept() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:00:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let mut finer = kept.roof.clone();
    finer.metrics[0].decimals = 1;
    kept.history.describe(&Arc::new(finer));
    kept.says(
        &kept.roof,
        at("2026-06-15T06:02:00Z"),
        "power",
        Decimal::new(5005, 1).into(),
    );
    kept.written(at("2026-06-15T06:10:00Z"));
    kept.history.describe(&Arc::new(kept.roof.clone()));
    let wanted = vec![SeriesKey::new(&kept.roof.id, "power")];
    let reader = kept.history.reader();
    let curves = reader.power(wanted, date(2026, 6, 15), date(2026, 6, 16), 300);
    let curves = block_on(curves).unwrap();
    assert_eq!(curves.series[0].scale, 1);
    let known: Vec<_> = curves.series[0].values.iter().flatten().copied().collect();
    assert_eq!(known, [5000, 5005]);
}

#[test]
fn what_is_usual_is_known_from_the_days_before() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    // Over a change of the clock: the sun's shadow goes by the time on the wall, near enough.
    let noon = |day: Date| day.at(12, 2, 0, 0).to_zoned(vienna()).unwrap().timestamp();
    let days: Vec<Date> = (0..14)
        .map(|back| {
            date(2026, 3, 31)
                .checked_sub(jiff::Span::new().days(14 - back))
                .unwrap()
        })
        .collect();
    for (day, power) in days.iter().zip((0..14).map(|it| it * 100)) {
        kept.says(&kept.roof, noon(*day), "power", number(power));
        kept.written(noon(*day) + SignedDuration::from_mins(10));
    }
    let series = SeriesKey::new(&kept.roof.id, "power");
    let usual = block_on(kept.history.reader().usual(series, date(2026, 3, 31))).unwrap();
    assert_eq!(usual.mean.len(), 288);
    let known: Vec<_> = usual
        .mean
        .iter()
        .enumerate()
        .filter(|(_, it)| it.is_some())
        .collect();
    assert_eq!(known, [(144, &Some(650))]);
    assert_eq!((usual.low[144], usual.high[144]), (Some(260), Some(1040)));
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_one_that_goes_is_made_again() {
    let (folder, path) = in_folder();
    std::fs::write(&path, "no database at all. ".repeat(500)).unwrap();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:30:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let count = || {
        ask(
            &path,
            "SELECT count(*), 0 FROM slot JOIN series ON id = series WHERE key = 'power'",
        )[0]
        .0
    };
    assert_eq!(count(), 1);
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.contains("damaged")));
    assert_eq!(kept.history.trouble(), None);
    // Somebody throws it away while it is used: what is still in memory comes back.
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("house-history.db{end}")));
    }
    kept.says(&kept.roof, at("2026-06-15T06:02:00Z"), "power", number(700));
    kept.written(at("2026-06-15T06:10:00Z"));
    assert_eq!(count(), 2);
    let series = block_on(kept.history.reader().series()).unwrap();
    assert!(series.iter().any(|info| info.series.key == "power"));
    // Damaged while it is used.
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::remove_file(folder.path().join("house-history.db-wal")).unwrap();
    std::fs::write(&path, vec![0x55; usize::try_from(length).unwrap()]).unwrap();
    kept.says(&kept.roof, at("2026-06-15T06:12:00Z"), "power", number(700));
    kept.written(at("2026-06-15T06:20:00Z"));
    assert!(count() >= 1);
}

#[test]
fn a_file_that_cannot_be_opened_costs_the_history_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("house-history.db");
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:00:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let trouble = kept.history.trouble().unwrap();
    assert_eq!(trouble.code, HealthCode::Degraded);
    let asked = block_on(kept.history.reader().series());
    assert!(matches!(asked, Err(HistoryError::File(_))));
    // It comes: nothing is lost that is still in memory.
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    kept.written(at("2026-06-15T06:05:00Z"));
    assert_eq!(kept.history.trouble(), None);
    let slots = ask(
        &path,
        "SELECT value, 0 FROM slot JOIN series ON id = series WHERE key = 'power'",
    );
    assert_eq!(slots, [(500, 0)]);
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let (_folder, path) = in_folder();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:00:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    assert!(
        kept.history
            .trouble()
            .unwrap()
            .advice
            .contains("newer version")
    );
    kept.history.close();
    let version = ask(&path, "SELECT user_version, 0 FROM pragma_user_version");
    assert_eq!(version, [(99, 0)]);
}

#[test]
fn in_memory_it_answers_too() {
    let history = History::in_memory(vienna());
    let roof = inverter();
    history.describe(&Arc::new(roof.clone()));
    let now = Timestamp::now();
    let before = now - SignedDuration::from_hours(2);
    history.late(&roof.id, before, None, [("power", number(500))]);
    history.flush(SOON);
    let series = block_on(history.reader().series()).unwrap();
    assert_eq!(series.len(), 4);
    let size = block_on(history.reader().size()).unwrap();
    assert!(size.newest_slot.is_some_and(|newest| newest >= before));
}

#[test]
fn without_a_history_nothing_fails() {
    let history = History::off();
    let id = DeviceId::new("test", "roof");
    history.record(&id, Timestamp::now(), None, [("power", number(5))]);
    history.tick(Timestamp::now());
    history.flush(SOON);
    let asked = block_on(history.reader().size());
    assert!(matches!(asked, Err(HistoryError::Off)));
    history.close();
}
