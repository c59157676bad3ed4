//! The history that is made of the simulated house agrees with what really happened, to the watt-hour.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::ToSpan;
use jiff::civil::{Date, date};
use wattbridge::history::{
    By, DayFlags, EnergyOf, EnergyTable, History, HistoryReader, HistorySettings, HouseRoles,
};
use wattbridge::model::{DeviceId, Report};
use wattbridge::simulation::year::{HouseYear, YearPlan, YearTruth};

use crate::simulation::plan;

/// Tells a history all of a time of the house, as the bridge does it.
pub fn feed(file: &Path, plan: YearPlan) -> YearTruth {
    let zone = plan.zone.clone();
    let end = plan.end;
    let year = HouseYear::new(plan);
    let history = History::open_stepped(file, &HistorySettings::default(), zone);
    assert!(history.is_on());
    history.set_roles(HouseRoles::of(year.parts()));
    let mut waited = i64::MIN;
    let truth = year.tell(|timed| {
        match timed.report {
            Report::Device(device) => history.describe(&Arc::new(*device)),
            Report::Health(device, health) => history.health(&device, timed.at, &health),
            Report::Readings(readings) => {
                let values = readings.values.into_iter();
                let values = values.map(|reading| (reading.key, reading.value));
                history.record(&readings.device, timed.at, readings.day, values);
            }
            _ => {}
        }
        if timed.at.as_second() >= waited + 5 * 86_400 {
            waited = timed.at.as_second();
            history.tick(timed.at);
            history.flush(Duration::from_secs(60));
        }
    });
    history.tick(end + 1.hour());
    history.flush(Duration::from_secs(60));
    history.close();
    truth
}

fn reader(file: &Path, zone: &jiff::tz::TimeZone) -> HistoryReader {
    HistoryReader::open(file, zone.clone())
}

fn rows(table: &EnergyTable) -> BTreeMap<(DeviceId, String), Vec<Option<i64>>> {
    let rows = table.rows.iter();
    rows.map(|row| {
        (
            (row.series.device.clone(), row.series.key.clone()),
            row.wh.clone(),
        )
    })
    .collect()
}

/// Every counter of the truth against a day of the history.
fn compare(file: &Path, plan: &YearPlan, truth: &YearTruth, from: Date, to: Date) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let reader = reader(file, &plan.zone);
    let (devices, total, panels) = runtime.block_on(async {
        let of = |of| reader.energy(By::Day, from, to, of);
        let devices = of(EnergyOf::Device).await.unwrap();
        (
            devices,
            of(EnergyOf::Total).await.unwrap(),
            of(EnergyOf::Panel).await.unwrap(),
        )
    });
    assert_eq!(devices.dates.len(), truth.days.len());
    let by_device = rows(&devices);
    assert!(by_device.len() >= 8, "{:?}", by_device.keys());
    let mut compared = 0;
    for ((device, key), energies) in &by_device {
        for (energy, (date, day)) in energies.iter().zip(&truth.days) {
            let Some(true_energy) = day.counters.get(&(device.clone(), key.clone())) else {
                continue;
            };
            assert_eq!(*energy, Some(*true_energy), "{device}/{key} on {date}");
            compared += 1;
        }
    }
    assert!(compared > 5 * truth.days.len(), "{compared}");

    let house = rows(&total);
    let of = |key: &str| &house[&(DeviceId::new("house", ""), key.to_owned())];
    let meter = DeviceId::new("smart_meter", "1KFM0200654321");
    let battery = DeviceId::new("victron", "HQ2000000012");
    for (place, (date, day)) in truth.days.iter().enumerate() {
        let counter = |device: &DeviceId, key: &str| {
            day.counters.get(&(device.clone(), key.to_owned())).copied()
        };
        assert_eq!(
            of("import")[place],
            counter(&meter, "energy_import"),
            "{date}"
        );
        assert_eq!(
            of("export")[place],
            counter(&meter, "energy_export"),
            "{date}"
        );
        assert_eq!(
            of("charged")[place],
            counter(&battery, "energy_charged"),
            "{date}"
        );
        assert_eq!(
            of("discharged")[place],
            counter(&battery, "energy_discharged"),
            "{date}"
        );
        // What a counter of the day gains unheard before it begins anew is lost; two devices count in steps of 10 Wh.
        if day.deaf > 0 || place == 0 {
            continue;
        }
        let sun = of("sun")[place].unwrap();
        assert!((sun - day.sun).abs() <= 20, "{date}: {sun} {}", day.sun);
        let taken = of("house")[place].unwrap();
        assert!(
            (taken - day.house).abs() <= 50,
            "{date}: {taken} {}",
            day.house
        );
        let own = of("sun_house")[place].unwrap_or(0) + of("battery_house")[place].unwrap_or(0);
        assert!(own <= taken + 20, "{date}: {own} {taken}");
    }
    // Panels have no counters here: their days are made of their powers.
    let by_panel = rows(&panels);
    let mut compared = 0;
    for ((device, key), energies) in &by_panel {
        for (energy, (date, day)) in energies.iter().zip(&truth.days) {
            let Some(true_energy) = day.panels.get(&(device.clone(), key.clone())) else {
                continue;
            };
            if day.deaf > 0 || *true_energy == 0 {
                continue;
            }
            let energy = energy.unwrap();
            assert!(
                (energy - true_energy).abs() <= 2,
                "{device}/{key} on {date}: {energy} {true_energy}"
            );
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn a_fortnight_in_summer_is_kept_to_the_watt_hour() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let plan = plan(date(2026, 6, 1), 14);
    let truth = feed(&file, plan.clone());
    compare(&file, &plan, &truth, date(2026, 6, 1), date(2026, 6, 15));
    // Whoever looks is told on which days values are missing.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let days = runtime.block_on(reader(&file, &plan.zone).energy(
        By::Day,
        date(2026, 6, 1),
        date(2026, 6, 15),
        EnergyOf::Total,
    ));
    let days = days.unwrap();
    let import = days
        .rows
        .iter()
        .find(|row| row.series.key == "import")
        .unwrap();
    for (place, (date, day)) in truth.days.iter().enumerate().skip(1) {
        if day.deaf > 60 {
            assert!(import.flags[place].has(DayFlags::GAP), "{date}");
        }
    }
}

#[test]
fn days_of_23_and_25_hours_are_kept_to_the_watt_hour() {
    for first in [date(2026, 3, 25), date(2026, 10, 21)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.db");
        let plan = plan(first, 8);
        let truth = feed(&file, plan.clone());
        let changed = truth.days.values().filter(|day| day.minutes != 1440);
        assert_eq!(changed.count(), 1);
        compare(&file, &plan, &truth, first, first + 8.days());
    }
}

/// With a release build; says how long it took.
#[test]
#[ignore = "takes long without optimization"]
fn a_year_is_kept_in_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let plan = plan(date(2026, 1, 1), 365);
    let begun = Instant::now();
    HouseYear::new(plan.clone()).tell(|_| {});
    let alone = begun.elapsed();
    let begun = Instant::now();
    let truth = feed(&file, plan.clone());
    let took = begun.elapsed();
    let size = std::fs::metadata(&file).unwrap().len();
    let values: usize = plan.devices.iter().map(|device| device.metrics.len()).sum();
    println!(
        "a year of {values} values: simulated in {alone:?}, kept in {took:?}, {:.1} MB",
        size as f64 / 1e6
    );
    compare(&file, &plan, &truth, date(2026, 1, 1), date(2027, 1, 1));
}
