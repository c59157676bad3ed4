//! What the simulation tells is possible, agrees with itself, and is the same each time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use wattbridge::model::{Decimal, DeviceId, HealthCode, Report, Value};
use wattbridge::simulation::year::{HouseYear, TimedReport, YearPlan, YearTruth};

use crate::house;

fn midnight(zone: &TimeZone, date: jiff::civil::Date) -> Timestamp {
    date.to_zoned(zone.clone()).unwrap().timestamp()
}

/// So many days from a date on.
pub fn plan(from: jiff::civil::Date, days: i64) -> YearPlan {
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let begin = midnight(&zone, from);
    let end = midnight(&zone, from + days.days());
    YearPlan::new(house::devices(), zone, begin, end)
}

fn told(plan: YearPlan) -> (Vec<TimedReport>, YearTruth) {
    let year = HouseYear::new(plan);
    let mut told = Vec::new();
    let truth = year.tell(|report| told.push(report));
    (told, truth)
}

fn wh(value: &Value) -> i64 {
    value.as_number().unwrap().to_watt_hours()
}

#[test]
fn a_year_is_possible_and_balanced() {
    let days = if cfg!(debug_assertions) { 90 } else { 365 };
    let (told, truth) = told(plan(date(2026, 1, 1), days));
    assert_eq!(truth.days.len() as i64, days);
    assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let whole = truth.total();
    let balance =
        whole.sun + whole.import + whole.discharged - whole.house - whole.export - whole.charged;
    // Each number of each day is rounded for itself.
    assert!(balance.abs() < 6 * days, "{balance}");
    for (date, day) in &truth.days {
        let minutes = match (date.month(), date.day()) {
            (3, 29) => 1380,
            (10, 25) => 1500,
            _ => 1440,
        };
        assert_eq!(day.minutes, minutes, "{date}");
        assert!(
            (2_000..70_000).contains(&day.house),
            "{date}: {}",
            day.house
        );
        assert!(day.sun < 65_000, "{date}: {}", day.sun);
    }
    println!(
        "{days} days: sun {} house {} import {} export {} charged {} discharged {} kWh, {} reports",
        whole.sun / 1000,
        whole.house / 1000,
        whole.import / 1000,
        whole.export / 1000,
        whole.charged / 1000,
        whole.discharged / 1000,
        told.len(),
    );
    if days == 365 {
        // 6 kWp in the middle of Europe, and a house with a heat pump.
        assert!(
            (5_000_000..10_500_000).contains(&whole.sun),
            "{}",
            whole.sun
        );
        assert!(
            (4_000_000..10_000_000).contains(&whole.house),
            "{}",
            whole.house
        );
        let month = |month: i8| {
            let days = truth.days.iter().filter(|(date, _)| date.month() == month);
            days.map(|(_, day)| day.sun).sum::<i64>()
        };
        assert!(month(6) > 3 * month(12), "{} {}", month(6), month(12));
        let best = truth.days.values().map(|day| day.sun).max().unwrap();
        let june = truth.days.iter().filter(|(date, _)| date.month() == 6);
        let worst = june.map(|(_, day)| day.sun).min().unwrap();
        assert!(best > 3 * worst, "weather: {best} {worst}");
    }
}

#[test]
fn meter_counters_and_the_truth_agree_to_the_watt_hour() {
    let (told, truth) = told(plan(date(2026, 6, 1), 14));
    let mut ends: BTreeMap<(DeviceId, String), (i64, i64)> = BTreeMap::new();
    let mut first = BTreeMap::new();
    for report in &told {
        let Report::Readings(readings) = &report.report else {
            continue;
        };
        for reading in &readings.values {
            if reading.key.starts_with("energy_") && reading.key != "energy_today" {
                let key = (readings.device.clone(), reading.key.to_string());
                let value = wh(&reading.value);
                first.entry(key.clone()).or_insert(value);
                let (last, gained) = ends.entry(key).or_insert((value, 0));
                assert!(value >= *last, "a counter fell");
                *gained += value - *last;
                *last = value;
            }
        }
    }
    let whole = truth.total();
    for (key, (_, gained)) in &ends {
        assert_eq!(whole.counters[key], *gained, "{key:?}");
    }
    let meter = DeviceId::new("smart_meter", "1KFM0200654321");
    for (date, day) in &truth.days {
        let import = day.counters[&(meter.clone(), "energy_import".to_owned())];
        // The first report is heard after the first five minutes.
        let is_edge = *date == jiff::civil::date(2026, 6, 1) || day.is_cut;
        if !is_edge {
            assert!(
                (import - day.import).abs() <= 1,
                "{date}: {import} {}",
                day.import
            );
        }
    }
    assert_eq!(truth.days.values().filter(|day| day.is_cut).count(), 2);
    assert!(whole.deaf > 600);
}

#[test]
fn nights_are_silent_and_an_inverter_is_lost() {
    let (told, truth) = told(plan(date(2026, 6, 1), 14));
    let mut asleep = BTreeSet::new();
    let mut lost = BTreeSet::new();
    let mut unheard = BTreeSet::new();
    for report in &told {
        match &report.report {
            Report::Health(device, health) => {
                match health.code {
                    HealthCode::Asleep => asleep.insert(device.clone()),
                    HealthCode::OutOfContact => lost.insert(device.clone()),
                    HealthCode::Silent => unheard.insert(device.clone()),
                    HealthCode::Online => false,
                    other => panic!("{other:?}"),
                };
                if health.code.is_problem() {
                    assert!(!health.advice.is_empty());
                }
            }
            Report::Readings(readings) if readings.device.as_str().starts_with("aps_ecu") => {
                let hour = report
                    .at
                    .to_zoned(TimeZone::get("Europe/Vienna").unwrap())
                    .hour();
                assert!((4..22).contains(&hour), "{hour}");
            }
            _ => {}
        }
    }
    assert_eq!(asleep.len(), 7);
    assert_eq!(
        lost,
        BTreeSet::from([DeviceId::new("aps_ecu", "801000000002")])
    );
    assert_eq!(
        unheard,
        BTreeSet::from([DeviceId::new("smart_meter", "1KFM0200654321")])
    );
    let gone: Vec<i64> = truth
        .days
        .values()
        .map(|day| {
            day.panels[&(
                DeviceId::new("aps_ecu", "801000000002"),
                "panel_1_power".to_owned(),
            )]
        })
        .collect();
    assert_eq!(gone.iter().filter(|wh| **wh == 0).count(), 1, "{gone:?}");
}

#[test]
fn one_panel_is_dirty_and_one_stands_in_the_shade() {
    let year = HouseYear::new(plan(date(2026, 6, 1), 14));
    let panels = &year.plant().panels;
    assert_eq!(panels.len(), 16);
    assert_eq!(year.plant().planes.len(), 2);
    let truth = year.tell(|_| {});
    let whole = truth.total();
    let of =
        |place: usize| whole.panels[&(panels[place].device.clone(), panels[place].key.clone())];
    let dirty = panels.iter().position(|panel| panel.share < 0.9).unwrap();
    let shaded = panels.iter().position(|panel| panel.is_shaded).unwrap();
    // Of one plane, and not of the inverter that is lost.
    let (of_dirty, of_shaded, good) = (of(dirty), of(shaded), of(0));
    assert!(
        (0.83..0.87).contains(&(of_dirty as f64 / good as f64)),
        "{of_dirty} {good}"
    );
    assert!(
        (0.65..0.95).contains(&(of_shaded as f64 / good as f64)),
        "{of_shaded} {good}"
    );
}

#[test]
fn it_is_the_same_each_time_and_another_seed_is_another_year() {
    let few = || plan(date(2026, 3, 27), 3);
    let (first, _) = told(few());
    let (second, _) = told(few());
    assert_eq!(first, second);
    let (other, _) = told(YearPlan { seed: 2, ..few() });
    assert_ne!(first, other);
}

#[test]
fn it_ends_with_what_comes_after() {
    let meter = DeviceId::new("smart_meter", "1KFM0200654321");
    let battery = DeviceId::new("victron", "HQ2000000012");
    let ecu = DeviceId::new("aps_ecu", "216200000001");
    let ends = [
        (&meter, "energy_import", "12345.678"),
        (&battery, "energy_charged", "65.43"),
        (&battery, "state_of_charge", "87.7"),
        (&ecu, "energy_today", "10.55"),
        (&ecu, "energy_total", "3.2"),
    ];
    let mut plan = plan(date(2026, 3, 27), 5);
    plan.end -= 9.hours();
    plan.ends = ends
        .iter()
        .map(|(device, key, value)| {
            (
                ((*device).clone(), (*key).to_owned()),
                value.parse::<Decimal>().unwrap(),
            )
        })
        .collect();
    let wanted = plan.ends.clone();
    let (told, _) = told(plan);
    let mut last = BTreeMap::new();
    for report in told {
        if let Report::Readings(readings) = report.report {
            for reading in readings.values {
                last.insert(
                    (readings.device.clone(), reading.key.to_string()),
                    reading.value,
                );
            }
        }
    }
    for (key, value) in wanted {
        assert_eq!(last[&key], Value::Number(value), "{key:?}");
    }
}
