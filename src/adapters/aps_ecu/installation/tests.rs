use std::collections::BTreeMap;

use jiff::civil::{DateTime, date};

use super::super::wire::{
    Body, EcuId, EcuInfo, Group, Quad, Record, RecordType, Signal, Telemetry, Uid,
};
use super::*;
use crate::model::Value;

const DS3: &str = "704000000001";
const QT2: &str = "901000000001";

fn now() -> Timestamp {
    "2026-06-21T10:01:00Z".parse().unwrap()
}

fn noon() -> DateTime {
    date(2026, 6, 21).at(12, 0, 0, 0)
}

fn midnight() -> DateTime {
    date(2026, 6, 21).at(23, 0, 0, 0)
}

fn info() -> EcuInfo {
    EcuInfo {
        ecu: "216000000001".parse::<EcuId>().unwrap(),
        group: Group::G11,
        model: *b"01",
        lifetime_wh: 4_358_100,
        power_w: 654,
        today_wh: 3100,
        last_upload: None,
        registered: 2,
        online: 2,
        channel: "10".into(),
        firmware: "ECU_R_1.3.6C".into(),
        time_zone: "Etc/GMT-8".into(),
        mac_ethernet: None,
        mac_wifi: None,
        tail: Vec::new(),
    }
}

fn record(uid: &str, kind: RecordType, online: bool, power: &[u16], voltage: &[u16]) -> Record {
    let body = Body {
        frequency_dhz: if online { 499 } else { 0 },
        temperature_raw: if online { 125 } else { 100 },
        power_w: Quad::new(power),
        voltage_v: Quad::new(voltage),
    };
    Record::new(uid.parse::<Uid>().unwrap(), online, kind, Some(body))
}

fn ds3(online: bool) -> Record {
    record(DS3, RecordType::T01, online, &[211, 214], &[240, 241])
}

fn qt2(online: bool) -> Record {
    record(
        QT2,
        RecordType::T02,
        online,
        &[26, 27, 28, 29],
        &[390, 391, 383],
    )
}

fn unheard(uid: &str) -> Record {
    Record::new(uid.parse().unwrap(), false, RecordType::T00, None)
}

fn telemetry(at: DateTime, records: Vec<Record>) -> Telemetry {
    Telemetry {
        model: "01".into(),
        at: Some(at),
        declared: records.len() as u16,
        records,
        undecoded: Vec::new(),
    }
}

fn answers(at: DateTime, records: Vec<Record>) -> Answers {
    Answers {
        info: Some(info()),
        telemetry: Some(telemetry(at, records)),
        ..Answers::default()
    }
}

fn installation() -> Installation {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let mut installation = Installation::new(Config::default(), Remembered::default(), zone);
    installation.meet("216000000001", now());
    installation
}

/// What the reports say, by device.
#[derive(Default)]
struct Said {
    devices: BTreeMap<String, Device>,
    values: BTreeMap<String, BTreeMap<String, Value>>,
    health: BTreeMap<String, Health>,
    gone: Vec<String>,
}

fn said(reports: Vec<Report>) -> Said {
    let mut said = Said::default();
    for report in reports {
        match report {
            Report::Device(device) => drop(said.devices.insert(device.serial.clone(), *device)),
            Report::Readings(readings) => {
                let serial = readings
                    .device
                    .as_str()
                    .trim_start_matches("aps_ecu_")
                    .to_owned();
                let values = readings
                    .values
                    .into_iter()
                    .map(|r| (r.key.into_owned(), r.value));
                said.values.insert(serial, values.collect());
            }
            Report::Health(id, health) => {
                let serial = id.as_str().trim_start_matches("aps_ecu_").to_owned();
                said.health.insert(serial, health);
            }
            Report::Gone(id) => said.gone.push(id.to_string()),
            Report::Source(_) | Report::Complete(_) => {}
        }
    }
    said
}

impl Said {
    fn json(&self, serial: &str, key: &str) -> String {
        self.values[serial][key].to_json().to_string()
    }

    fn code(&self, serial: &str) -> HealthCode {
        self.health[serial].code
    }
}

#[test]
fn a_sunny_noon() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(true), qt2(true)]);
    let entries = vec![(DS3.parse().unwrap(), 171), (QT2.parse().unwrap(), 0)];
    answers.signal = Some(Signal { entries });
    let said = said(installation.reports(&answers, now()));

    let ecu = &said.devices["216000000001"];
    assert_eq!(
        (ecu.name.as_str(), ecu.model.as_deref()),
        ("ECU-R 0001", Some("ECU-R"))
    );
    assert_eq!(ecu.rated_power, Some(6 * 700));
    assert_eq!(said.devices[DS3].via.as_ref(), Some(&ecu.id));
    assert_eq!(said.json("216000000001", "energy_total"), "4358.1");
    assert_eq!(said.json("216000000001", "energy_today"), "3.1");
    // 12:00 in Berlin, whatever zone an ECU-R names.
    assert_eq!(
        said.json("216000000001", "data_time"),
        "\"2026-06-21T10:00:00+00:00\""
    );
    assert_eq!(said.json(DS3, "power"), "425");
    assert_eq!(said.json(DS3, "panel_2_power"), "214");
    assert_eq!(said.json(DS3, "voltage"), "240");
    assert_eq!(said.json(DS3, "temperature"), "25");
    assert_eq!(said.json(DS3, "frequency"), "49.9");
    assert_eq!(said.json(DS3, "signal_quality"), "67");
    assert_eq!(said.json(QT2, "voltage_l3_l1"), "383");
    assert_eq!(said.json(QT2, "signal_quality"), "null");
    assert!(
        said.health
            .values()
            .all(|health| health.code == HealthCode::Online)
    );
}

#[test]
fn uploads_are_told_by_ecus_that_know_of_them() {
    let mut installation = installation();
    let mut round = |last_upload| {
        let mut answers = answers(noon(), vec![ds3(true)]);
        answers.info = Some(EcuInfo {
            last_upload,
            ..info()
        });
        let said = said(installation.reports(&answers, now()));
        let device = said.devices.get("216000000001");
        let has = device.map(|ecu| ecu.metric("last_upload").is_some());
        (has, said.values["216000000001"].contains_key("last_upload"))
    };
    assert_eq!(round(None), (Some(false), false));
    assert_eq!(round(Some(noon())), (Some(true), true));
    // Once is enough: the entity does not come and go.
    assert_eq!(round(None), (None, true));
}

#[test]
fn every_declared_value_is_said_and_nothing_else() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(true), qt2(false), unheard("806000000001")]);
    answers.signal = Some(Signal {
        entries: Vec::new(),
    });
    let said = said(installation.reports(&answers, now()));
    for (serial, device) in &said.devices {
        let declared: Vec<&str> = device
            .metrics
            .iter()
            .filter(|metric| metric.derived.is_none())
            .map(|metric| metric.key.as_ref())
            .collect();
        for key in said.values[serial].keys() {
            assert!(
                declared.contains(&key.as_str()),
                "{serial} says {key} undeclared"
            );
        }
        for key in declared {
            assert!(
                said.values[serial].contains_key(key),
                "{serial} leaves out {key}"
            );
        }
    }
}

#[test]
fn an_inverter_that_sleeps_has_no_voltage_but_no_power_either() {
    let mut installation = installation();
    let mut night = answers(midnight(), vec![ds3(false), unheard(QT2)]);
    if let Some(info) = &mut night.info {
        (info.power_w, info.online) = (0, 0);
    }
    let said = said(installation.reports(&night, now()));
    assert_eq!(said.json(DS3, "power"), "0");
    assert_eq!(said.json(DS3, "online"), "\"OFF\"");
    for key in ["voltage", "frequency", "temperature"] {
        assert_eq!(said.json(DS3, key), "null", "{key}");
    }
    assert_eq!(said.json(QT2, "power"), "null");
    assert_eq!(said.code("216000000001"), HealthCode::Asleep);
    assert_eq!(said.code(DS3), HealthCode::Asleep);
    assert_eq!(said.code(QT2), HealthCode::Asleep);
}

#[test]
fn no_inverter_at_noon_is_a_problem() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(false)]);
    answers.info.as_mut().unwrap().online = 0;
    let said = said(installation.reports(&answers, now()));
    assert_eq!(said.code("216000000001"), HealthCode::OutOfContact);
}

#[test]
fn an_inverter_that_is_lost_while_others_work_is_a_problem_after_an_hour() {
    let mut installation = installation();
    installation.reports(&answers(noon(), vec![ds3(true), qt2(true)]), now());
    let mut later = |minutes: u64| {
        let answers = answers(noon(), vec![ds3(false), qt2(true)]);
        let now = now() + std::time::Duration::from_secs(minutes * 60);
        said(installation.reports(&answers, now)).health[DS3].clone()
    };
    assert_eq!(later(30).code, HealthCode::Asleep);
    let health = later(90);
    assert_eq!(health.code, HealthCode::OutOfContact);
    assert!(
        health.sentence().contains("not heard since 2026-"),
        "{}",
        health.sentence()
    );
}

#[test]
fn a_known_inverter_keeps_its_entities_when_the_ecu_forgets_it() {
    let mut installation = installation();
    let first = said(installation.reports(&answers(noon(), vec![ds3(true), qt2(true)]), now()));
    let again = said(installation.reports(&answers(noon(), vec![unheard(DS3), qt2(true)]), now()));
    assert!(
        !again.devices.contains_key(DS3),
        "nothing about it has changed"
    );
    for key in first.values[DS3].keys() {
        assert!(again.values[DS3].contains_key(key), "{key}");
    }
    assert_eq!(again.json(DS3, "panel_1_power"), "null");

    let absent = said(installation.reports(&answers(noon(), vec![qt2(true)]), now()));
    assert_eq!(absent.code(DS3), HealthCode::OutOfContact);
    let month = now() + std::time::Duration::from_secs(31 * 86_400);
    let gone = said(installation.reports(&answers(noon(), vec![qt2(true)]), month));
    assert_eq!(gone.gone, ["aps_ecu_704000000001"]);
}

#[test]
fn an_empty_list_keeps_everything_and_says_so() {
    let mut installation = installation();
    installation.reports(&answers(noon(), vec![ds3(true)]), now());
    let month = now() + std::time::Duration::from_secs(31 * 86_400);
    let said = said(installation.reports(&answers(noon(), Vec::new()), month));
    assert!(said.gone.is_empty());
    assert_eq!(said.code(DS3), HealthCode::NoData);
}

#[test]
fn the_ecu_listed_as_an_inverter_is_none() {
    let mut installation = installation();
    let records = vec![ds3(true), unheard("216000000001")];
    let said = said(installation.reports(&answers(noon(), records), now()));
    assert_eq!(said.devices.len(), 2);
    assert_eq!(said.devices["216000000001"].model.as_deref(), Some("ECU-R"));
}

#[test]
fn values_that_no_longer_change_are_stale() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(true)]);
    let fresh = said(installation.reports(&answers, now()));
    assert_eq!(fresh.code(DS3), HealthCode::Online);
    answers.repeated = true;
    let stale = said(installation.reports(&answers, now()));
    assert_eq!(stale.code(DS3), HealthCode::Stale);
    assert!(stale.health[DS3].sentence().contains("12:00"));
    // They would be shown as if they were good.
    assert!(stale.values.is_empty());
}

#[test]
fn a_zero_of_today_is_passed_over_and_then_unknown() {
    let mut installation = installation();
    let mut zero = answers(noon(), vec![ds3(true)]);
    if let Some(info) = &mut zero.info {
        info.today_wh = 0;
    }
    let mut said_today = |minutes: u64| {
        let now = now() + std::time::Duration::from_secs(minutes * 60);
        let said = said(installation.reports(&zero, now));
        said.values["216000000001"].get("energy_today").cloned()
    };
    assert_eq!(said_today(0), None);
    assert_eq!(said_today(5), None);
    assert_eq!(said_today(10), Some(Value::Unknown));
}

#[test]
fn what_succeeded_counts_when_telemetry_fails() {
    let mut installation = installation();
    installation.reports(&answers(noon(), vec![ds3(true)]), now());
    let half = Answers {
        info: Some(info()),
        no_telemetry: Some(Health::new(HealthCode::NoData).seen("no data yet")),
        ..Answers::default()
    };
    let said = said(installation.reports(&half, now()));
    assert_eq!(said.json("216000000001", "power"), "654");
    assert_eq!(said.code("216000000001"), HealthCode::Online);
    assert_eq!(said.code(DS3), HealthCode::NoData);
}

#[test]
fn names_and_limits_of_the_user_win() {
    let names = BTreeMap::from([(DS3.to_owned(), "Garage".to_owned())]);
    let config = Config {
        name: Some("Roof".into()),
        area: Some("Attic".into()),
        max_power: Some(1200),
        names,
        ..Config::default()
    };
    let mut installation = Installation::new(config, Remembered::default(), TimeZone::UTC);
    installation.meet("216000000001", now());
    let said = said(installation.reports(&answers(noon(), vec![ds3(true)]), now()));
    assert_eq!(said.devices["216000000001"].name, "Roof");
    assert_eq!(said.devices["216000000001"].rated_power, Some(1200));
    assert_eq!(said.devices[DS3].name, "Garage");
    assert_eq!(said.devices[DS3].area.as_deref(), Some("Attic"));
}

#[test]
fn a_restart_remembers_the_inverters() {
    let mut before = installation();
    before.reports(&answers(noon(), vec![ds3(true)]), now());
    let text = serde_json::to_string(before.remembered()).unwrap();
    let known: Remembered = serde_json::from_str(&text).unwrap();
    let after = Installation::new(Config::default(), known, TimeZone::UTC);
    assert!(after.is_identified());
    let health = after.health_of_all(&Health::new(HealthCode::Unreachable));
    assert_eq!(health.len(), 2);
}

#[test]
fn an_ecu_is_not_complete_before_its_inverters_are_known() {
    let mut installation = installation();
    let mut complete = |answers: &Answers| {
        let reports = installation.reports(answers, now());
        let place = |wanted: &dyn Fn(&Report) -> bool| reports.iter().position(wanted);
        let not_yet = place(&|it| *it == Report::Complete(false));
        let done = place(&|it| *it == Report::Complete(true));
        let device = place(&|it| matches!(it, Report::Device(_)));
        assert!(device.is_none() || not_yet < device && not_yet.is_some());
        assert!(done.is_none() || device < done);
        done.is_some()
    };
    let only_info = Answers {
        info: Some(info()),
        ..Answers::default()
    };
    assert!(!complete(&only_info));
    assert!(!complete(&answers(noon(), Vec::new())));
    assert!(!complete(&answers(noon(), vec![ds3(true)])));
    assert!(complete(&answers(noon(), vec![ds3(true), qt2(true)])));
    assert!(complete(&only_info));
}

#[test]
fn an_exchanged_ecu_leaves_no_ghost() {
    let mut installation = installation();
    installation.reports(&answers(noon(), vec![ds3(true)]), now());
    assert!(!installation.meet("216000000002", now()));
    assert!(installation.meet("216000000002", now()));
    let mut other = answers(noon(), vec![ds3(true)]);
    other.info.as_mut().unwrap().ecu = "216000000002".parse().unwrap();
    let first = said(installation.reports(&other, now()));
    assert_eq!(first.code("216000000001"), HealthCode::Unreachable);
    assert_eq!(first.code("216000000002"), HealthCode::Online);
    let via = first.devices[DS3].via.as_ref().unwrap();
    assert_eq!(via.as_str(), "aps_ecu_216000000002");
    let month = now() + std::time::Duration::from_secs(31 * 86_400);
    let later = said(installation.reports(&other, month));
    assert_eq!(later.gone, ["aps_ecu_216000000001"]);
}

#[test]
fn a_list_without_inverters_by_day_is_no_fault_of_theirs() {
    let mut installation = installation();
    installation.reports(&answers(noon(), vec![ds3(true)]), now());
    let said = said(installation.reports(&answers(noon(), Vec::new()), now()));
    assert_eq!(said.code("216000000001"), HealthCode::Online);
    assert_eq!(said.code(DS3), HealthCode::NoData);
}
