//! Curves, energies, statistics and health of a simulated house.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use serde_json::Value as Json;
use wattbridge::model::EnergyPart;

use crate::served::{Served, numbers, rows};

const FROM: Date = date(2026, 3, 20);
const DAYS: i64 = 14;
/// With a day of 23 hours in it.
const PERIOD: &str = "from=2026-03-20&to=2026-04-03";
const PRICES: &str = "currency = \"EUR\"\nexport = 0.08\n\
    import = [{ from = \"2026-01-01\", price = 0.34 }, { from = \"2026-03-28\", price = 0.31 }]\n";

/// What a counter gained on each day, by the truth.
fn gains(served: &Served, name: &str, key: &str) -> Vec<Option<i64>> {
    let id = &served.named(name).id;
    let counter = (id.clone(), key.to_owned());
    let days = served.truth.days.values();
    days.map(|day| Some(day.counters.get(&counter).copied().unwrap_or(0)))
        .collect()
}

fn sum(values: &[Option<i64>]) -> i64 {
    values.iter().flatten().sum()
}

#[tokio::test]
async fn sums_agree_with_the_truth_to_the_watt_hour() {
    let served = Served::days(FROM, DAYS, PRICES).await;
    let total = served
        .json(&format!("history/energy?by=day&of=total&{PERIOD}"))
        .await;
    assert_eq!(total["dates"].as_array().unwrap().len(), 14);
    assert_eq!(total["dates"][9], "2026-03-29");
    let by_key = rows(&total);
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for (key, name, counter) in [
        ("import", "Meter", "energy_import"),
        ("export", "Meter", "energy_export"),
        ("charged", "Battery", "energy_charged"),
        ("discharged", "Battery", "energy_discharged"),
    ] {
        let told = numbers(&by_key[&format!("house/{key}")]["wh"]);
        let gained = gains(&served, name, counter);
        assert_eq!(told, gained, "{key}");
        assert!(sum(&told) > 1_000, "{key}");
        sums.insert(key, sum(&told));
    }
    // Months are their days.
    let months = served
        .json(&format!("history/energy?by=month&of=total&{PERIOD}"))
        .await;
    assert_eq!(
        months["dates"],
        serde_json::json!(["2026-03-01", "2026-04-01"])
    );
    let years = served
        .json(&format!("history/energy?by=year&{PERIOD}"))
        .await;
    for answer in [&months, &years] {
        let by_key = rows(answer);
        for (key, whole) in &sums {
            let wh = numbers(&by_key[&format!("house/{key}")]["wh"]);
            assert_eq!(sum(&wh), *whole, "{key}");
        }
    }
    counters_of_devices_are_exact(&served).await;
    statistics_are_those_sums(&served, &sums).await;
    panels_are_near_the_truth(&served).await;
    curves_have_the_slots_of_their_days(&served).await;
    every_gap_has_its_reason(&served).await;
    guests_read_no_serial_number(&served).await;
}

/// Every counter of every device, and the sun as the sum of those that bring it.
async fn counters_of_devices_are_exact(served: &Served) {
    let answer = served
        .json(&format!("history/energy?by=day&of=device&{PERIOD}"))
        .await;
    let by_key = rows(&answer);
    let mut sun = [0; DAYS as usize];
    let mut exact = 0;
    for device in &served.devices {
        for metric in device.metrics.iter().filter(|metric| metric.is_counter()) {
            let Some(row) = by_key.get(&format!("{}/{}", served.reference(&device.id), metric.key))
            else {
                continue;
            };
            let told = numbers(&row["wh"]);
            let counter = (device.id.clone(), metric.key.to_string());
            for (index, (told, day)) in told.iter().zip(served.truth.days.values()).enumerate() {
                let gained = day.counters.get(&counter).copied();
                assert_eq!(
                    told.unwrap_or(0),
                    gained.unwrap_or(0),
                    "{} {index}",
                    device.name
                );
                exact += 1;
                let is_sun = metric
                    .part
                    .is_some_and(|it| it.part == EnergyPart::SunEnergy);
                if is_sun && device.via.is_none() {
                    sun[index] += told.unwrap_or(0);
                }
            }
        }
    }
    // Six inverters, the ECU, the meter twice, the charger, the battery twice.
    assert_eq!(exact, 12 * DAYS);
    let total = served
        .json(&format!("history/energy?by=day&{PERIOD}"))
        .await;
    let told = numbers(&rows(&total)["house/sun"]["wh"]);
    let told: Vec<i64> = told.into_iter().map(Option::unwrap).collect();
    assert_eq!(told, sun);
    assert!(sun.iter().all(|wh| *wh > 1_000));
}

async fn statistics_are_those_sums(served: &Served, sums: &BTreeMap<&str, i64>) {
    let answer = served.json(&format!("history/statistics?{PERIOD}")).await;
    assert_eq!(answer["currency"], "EUR");
    let by_key = rows(&answer);
    for (key, whole) in sums {
        let row = &by_key[&format!("house/{key}")];
        assert_eq!(row["sum_wh"], *whole, "{key}");
        assert_eq!(row["of"], "total");
        assert_eq!(row["days"], 14);
        let gained = match *key {
            "import" => gains(served, "Meter", "energy_import"),
            "export" => gains(served, "Meter", "energy_export"),
            _ => continue,
        };
        let most = gained.iter().flatten().max().unwrap();
        assert_eq!(row["best"]["wh"], *most);
        let at = gained
            .iter()
            .position(|it| it.as_ref() == Some(most))
            .unwrap();
        let day = FROM + jiff::ToSpan::days(at as i64);
        assert_eq!(row["best"]["date"], day.to_string());
        // By the price of each day, to the millionth.
        let micros: i64 = (0..)
            .zip(&gained)
            .map(|(day, wh)| {
                let price = match *key {
                    "export" => 80,
                    _ if day < 8 => -340,
                    _ => -310,
                };
                wh.unwrap() * price
            })
            .sum();
        let money = row["money"].as_f64().unwrap();
        assert_eq!((money * 1e6).round() as i64, micros, "{key}");
    }
    let panels = by_key.values().filter(|row| row["of"] == "panel").count();
    assert_eq!(panels, 16);
    let device = by_key.values().find(|row| row["of"] == "device").unwrap();
    assert_eq!(device["money"], Json::Null);
}

async fn panels_are_near_the_truth(served: &Served) {
    let answer = served
        .json(&format!("history/energy?by=day&of=panel&{PERIOD}"))
        .await;
    let by_key = rows(&answer);
    assert_eq!(by_key.len(), 16);
    let lost = served.named("Inverter 801000000002").id.clone();
    for day in served.truth.days.values() {
        assert_eq!(day.panels.len(), 16);
    }
    for (device, key) in served.truth.days[&FROM].panels.keys() {
        let row = &by_key[&format!("{}/{key}", served.reference(device))];
        let told = numbers(&row["wh"]);
        for (told, day) in told.iter().zip(served.truth.days.values()) {
            let truth = day.panels[&(device.clone(), key.clone())];
            if *device == lost || day.deaf > 0 {
                assert!(
                    told.is_none_or(|told| told <= truth + 20),
                    "{key} {told:?} {truth}"
                );
                continue;
            }
            // Means of five minutes, in whole watts.
            let told = told.unwrap();
            assert!(
                (told - truth).abs() <= 20 + truth / 100,
                "{key} {told} {truth}"
            );
        }
    }
    // The same by roof/power.
    let day = served.json("roof/power?day=2026-03-29").await;
    assert_eq!(day["panels"].as_object().unwrap().len(), 16);
    for (id, values) in day["panels"].as_object().unwrap() {
        assert_eq!(values.as_array().unwrap().len(), 276);
        let table = numbers(&by_key[id]["wh"])[9];
        assert_eq!(day["energy"][id].as_i64(), table, "{id}");
    }
}

async fn curves_have_the_slots_of_their_days(served: &Served) {
    let meter = served.reference(&served.named("Meter").id);
    let path = |step: i64, day: &str, next: &str| {
        format!("history/power?series=house/sun,{meter}/power_net&from={day}&to={next}&step={step}")
    };
    let day = served.json(&path(300, "2026-03-29", "2026-03-30")).await;
    assert_eq!(
        (&day["t0"], &day["step"]),
        (&Json::from(1_774_738_800), &Json::from(300))
    );
    for series in day["series"].as_array().unwrap() {
        assert_eq!(series["v"].as_array().unwrap().len(), 276);
    }
    assert_eq!(day["series"][0]["ref"], "house");
    assert_eq!(day["series"][1]["ref"], meter);
    let hours = served.json(&path(3600, "2026-03-20", "2026-04-03")).await;
    let values = numbers(&hours["series"][0]["v"]);
    assert_eq!(values.len(), 14 * 24 - 1);
    assert!(values.iter().flatten().any(|watts| *watts > 500));
    // What is usual has a slot for each of the day.
    let usual = served.json("history/usual?key=sun&day=2026-04-02").await;
    for (low, high) in numbers(&usual["low"]).iter().zip(numbers(&usual["high"])) {
        assert!(low.is_none() && high.is_none() || low.unwrap() <= high.unwrap());
    }
    assert_eq!(numbers(&usual["mean"]).len(), 288);
    assert!(
        numbers(&usual["mean"])
            .iter()
            .flatten()
            .any(|watts| *watts > 100)
    );
}

async fn every_gap_has_its_reason(served: &Served) {
    let lost = served.reference(&served.named("Inverter 801000000002").id);
    let record = served.json(&format!("devices/{lost}/health?days=14")).await;
    let days = record["days"].as_array().unwrap();
    assert_eq!(days.len(), 14);
    for day in days {
        let hours: f64 = ["online", "asleep", "trouble", "unknown"]
            .iter()
            .map(|kind| day[kind].as_f64().unwrap())
            .sum();
        let whole = match day["date"].as_str().unwrap() {
            "2026-03-29" => 23.0,
            // It is ten minutes to midnight.
            "2026-04-02" => 24.0 - 1.0 / 6.0,
            _ => 24.0,
        };
        assert!((hours - whole).abs() < 0.01, "{day}");
    }
    let changes = record["changes"].as_array().unwrap();
    assert!(
        changes
            .windows(2)
            .all(|pair| pair[0]["at"].as_i64() >= pair[1]["at"].as_i64())
    );
    let asleep = changes.iter().filter(|it| it["code"] == "asleep").count();
    assert!(asleep >= 10, "{asleep}");
    assert!(
        changes
            .iter()
            .all(|it| it["words"].as_str().is_some_and(|it| !it.is_empty()))
    );
}

async fn guests_read_no_serial_number(served: &Served) {
    let meter = served.reference(&served.named("Meter").id);
    let lost = served.reference(&served.named("Inverter 801000000002").id);
    for path in [
        format!("history/power?series=house/sun,{meter}/power_net&from=2026-03-29&to=2026-03-30"),
        "history/usual?key=sun&day=2026-04-02".to_owned(),
        format!("history/energy?by=day&of=total&{PERIOD}"),
        format!("history/energy?by=day&of=device&{PERIOD}"),
        format!("history/energy?by=day&of=panel&{PERIOD}"),
        format!("history/statistics?{PERIOD}"),
        format!("history.csv?of=days&{PERIOD}"),
        "history.csv?of=slots&from=2026-03-29&to=2026-03-30".to_owned(),
        format!("devices/{lost}/health"),
        "roof".to_owned(),
        "roof/power?day=2026-03-29".to_owned(),
        "roof/weak".to_owned(),
    ] {
        let answer = served.get_as_guest(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let text = answer.text().to_lowercase();
        for device in &served.devices {
            for secret in [device.serial.to_lowercase(), device.id.to_string()] {
                assert!(!text.contains(&secret), "{path} tells {secret}");
            }
        }
    }
}

#[tokio::test]
async fn questions_without_an_answer_say_what_to_ask() {
    let served = Served::new().await;
    let meter = served.reference(&served.named("Meter").id);
    for (path, words) in [
        (
            "history/power?series=house/sun&from=2025-01-01&to=2026-01-01",
            "step=3600",
        ),
        (
            "history/power?series=house/sun&from=2026-01-02&to=2026-01-01",
            "the day after",
        ),
        (
            "history/power?series=house/sun&from=2026-1-2&to=2026-01-03",
            "2026-06-14",
        ),
        (
            "history/power?series=house/sun&from=2026-01-01&to=2026-01-02&step=60",
            "step=300",
        ),
        (
            "history/power?series=sun&from=2026-01-01&to=2026-01-02",
            "REF/KEY",
        ),
        ("history/power?from=2026-01-01&to=2026-01-02", "series"),
        ("history/usual?day=2026-01-01", "key=sun"),
        (
            "history/energy?by=week&from=2026-01-01&to=2026-01-02",
            "description",
        ),
        (
            "history/energy?by=day&from=2000-01-01&to=2026-01-02",
            "months or years",
        ),
        (
            "history/statistics?from=1970-01-01&to=2026-01-02",
            "fewer days",
        ),
        (
            "history.csv?of=slots&from=2020-01-01&to=2026-01-02",
            "fewer days",
        ),
        ("roof/power?day=today", "2026-06-14"),
        (&format!("devices/{meter}/health?days=0"), "days=30"),
        (&format!("devices/{meter}/health?days=401"), "days=30"),
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        let text = answer.text();
        assert!(text.contains(words), "{path}: {text}");
    }
    // Nothing is kept: that is said, with what to do.
    for path in [
        "history/power?series=house/sun&from=2026-01-01&to=2026-01-02",
        "history/energy?by=year&from=2000-01-01&to=2026-01-02",
        "history/statistics?from=2026-01-01&to=2026-01-02",
        "history.csv?from=2026-01-01&to=2026-01-02",
        "roof/power?day=2026-01-01",
        &format!("devices/{meter}/health"),
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(
            answer.json()["hint"]
                .as_str()
                .unwrap()
                .contains("[history]")
        );
    }
}
