mod list;
mod time;

use std::collections::BTreeMap;

use jiff::civil::{DateTime, date};

use super::super::wire::{
    Body, EcuId, EcuInfo, Group, Quad, Record, RecordType, Signal, Telemetry, Uid,
};
use super::*;
use crate::model::Value;

const DS3: &str = "704000000001";
const QT2: &str = "901000000001";

const HOUR: u64 = 60;

fn now() -> Moment {
    after(0)
}

/// So many minutes later.
fn after(minutes: u64) -> Moment {
    let wall: Timestamp = "2026-06-21T10:01:00Z".parse().unwrap();
    let steady = Duration::from_secs(minutes * 60);
    let wall = wall + steady;
    Moment { wall, steady }
}

/// The ECU's cycle so many minutes after noon.
fn cycle(minutes: i64) -> DateTime {
    noon().saturating_add(jiff::Span::new().minutes(minutes))
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
    let mut installation = Installation::new(EcuConfig::default(), Remembered::default(), zone);
    installation.meet("216000000001");
    installation
}

impl Installation {
    /// What is said of answers that come twice, as inverters have to be listed twice.
    fn twice(&mut self, answers: &Answers) -> Said {
        let mut reports = self.reports(answers, now());
        reports.extend(self.reports(answers, now()));
        said(reports)
    }
}

/// What the reports say, by device.
#[derive(Default)]
struct Said {
    devices: BTreeMap<String, Device>,
    values: BTreeMap<String, BTreeMap<String, Value>>,
    health: BTreeMap<String, Health>,
    absent: Vec<String>,
    gone: Vec<String>,
}

fn said(reports: Vec<Report>) -> Said {
    let mut said = Said::default();
    for report in reports {
        if let Report::Absent(id, _) = &report {
            said.absent.push(id.to_string());
        }
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
            Report::Health(id, health) | Report::Absent(id, health) => {
                let serial = id.as_str().trim_start_matches("aps_ecu_").to_owned();
                said.health.insert(serial, health);
            }
            Report::Gone(id) => said.gone.push(id.to_string()),
            Report::Late(_) | Report::Days(_) | Report::Source(_) | Report::Complete(_) => {}
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
    let said = installation.twice(&answers);

    let ecu = &said.devices["216000000001"];
    assert_eq!(
        (ecu.name.as_str(), ecu.model.as_deref()),
        ("ECU-R 0001", Some("ECU-R"))
    );
    assert_eq!(ecu.rated_power, Some(1200 + 2500));
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
    answers.info.as_mut().unwrap().registered = 3;
    answers.signal = Some(Signal {
        entries: Vec::new(),
    });
    let said = installation.twice(&answers);
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
    let said = installation.twice(&night);
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
fn a_lifetime_below_today_is_not_known_until_it_can_be() {
    let mut installation = installation();
    let mut round = |lifetime_wh, today_wh| {
        let mut answers = answers(noon(), vec![ds3(true)]);
        let info = answers.info.as_mut().unwrap();
        (info.lifetime_wh, info.today_wh) = (lifetime_wh, today_wh);
        said(installation.reports(&answers, now())).json("216000000001", "energy_total")
    };
    assert_eq!(round(0, 9010), "null");
    assert_eq!(round(9000, 9010), "9", "its steps are coarser");
    assert_eq!(round(1_234_700, 9020), "1234.7");
    // From now on the guard knows better: it holds the last good value.
    assert_eq!(round(0, 9030), "0");
}

#[test]
fn a_new_ecu_begins_at_zero() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(true)]);
    let info = answers.info.as_mut().unwrap();
    (info.lifetime_wh, info.today_wh, info.power_w, info.online) = (0, 0, 0, 0);
    let said = said(installation.reports(&answers, now()));
    assert_eq!(said.json("216000000001", "energy_total"), "0");
}

#[test]
fn an_unlisted_three_phase_inverter_is_named_by_its_family_and_its_voltages_by_their_height() {
    let mut installation = installation();
    let uid = "902000000001";
    let three = |online| {
        record(
            uid,
            RecordType::T05,
            online,
            &[26, 27, 28, 29],
            &[390, 391, 383],
        )
    };
    let said = installation.twice(&answers(noon(), vec![ds3(true), three(true)]));
    assert_eq!(said.devices[uid].name, "QT2 series 0001");
    assert_eq!(said.json(uid, "voltage_l3_l1"), "383");

    // Of one whose family is not known either, the day shows it.
    let other = "999000000001";
    let of = |online, volts: u16| {
        record(
            other,
            RecordType::T02,
            online,
            &[26, 27, 28, 29],
            &[volts; 3],
        )
    };
    let night = answers(cycle(5), vec![ds3(true), of(false, 0)]);
    let device = installation.twice(&night).devices.remove(other).unwrap();
    assert_eq!(device.name, "APsystems inverter 0001");
    let has = |device: &Device, key: &str| device.metric(key).is_some();
    assert!(!has(&device, "voltage_l1"));
    let day = installation.twice(&answers(cycle(10), vec![ds3(true), of(true, 400)]));
    assert!(has(&day.devices[other], "voltage_l1_l2") && !has(&day.devices[other], "voltage_l1"));
}

#[test]
fn the_name_of_an_unlisted_inverter_survives_a_restart_of_the_ecu() {
    let mut installation = installation();
    let uid = "705000000001";
    let heard = record(uid, RecordType::T01, true, &[150, 152], &[235, 236]);
    let said = installation.twice(&answers(noon(), vec![heard]));
    assert_eq!(said.devices[uid].name, "DS3 series 0001");
    let said = installation.twice(&answers(cycle(5), vec![unheard(uid)]));
    assert!(said.devices.is_empty());
}

#[test]
fn an_inverter_that_is_online_without_values_has_none() {
    let mut installation = installation();
    let mut blank = record(DS3, RecordType::T01, true, &[0, 0], &[0, 0]);
    let body = blank.body.as_mut().unwrap();
    (body.frequency_dhz, body.temperature_raw) = (0, 0);
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let said = said(installation.reports(&answers(cycle(5), vec![blank, qt2(true)]), after(5)));
    for key in [
        "power",
        "panel_1_power",
        "voltage",
        "frequency",
        "temperature",
    ] {
        assert_eq!(said.json(DS3, key), "null", "{key}");
    }
    assert_eq!(said.code(DS3), HealthCode::Retrying);
}

#[test]
fn data_that_nobody_has_described_is_raw_and_the_status_says_so() {
    let mut installation = installation();
    let mut longer = record(DS3, RecordType::T04, true, &[150, 152], &[235, 236]);
    longer.raw.extend([0, 7, 0, 8]);
    longer.body = None;
    let said = installation.twice(&answers(noon(), vec![longer, qt2(true)]));
    assert_eq!(said.json(DS3, "power"), "null");
    assert!(said.json(DS3, "raw_record").len() > 50);
    assert_eq!(
        (said.code(DS3), said.code(QT2)),
        (HealthCode::Degraded, HealthCode::Online)
    );
    let sentence = said.health[DS3].sentence();
    assert!(sentence.contains("type 04, 25 bytes"), "{sentence}");
}

#[test]
fn a_zero_of_today_is_passed_over_and_then_unknown() {
    let mut installation = installation();
    let mut zero = answers(noon(), vec![ds3(true)]);
    if let Some(info) = &mut zero.info {
        info.today_wh = 0;
    }
    let mut said_today = |minutes: u64| {
        let said = said(installation.reports(&zero, after(minutes)));
        said.values["216000000001"].get("energy_today").cloned()
    };
    assert_eq!(said_today(0), None);
    assert_eq!(said_today(5), None);
    assert_eq!(said_today(10), Some(Value::Unknown));
}

#[test]
fn what_succeeded_counts_when_telemetry_fails() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true)]));
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

/// The bridge leaves out what is older than what is there.
#[test]
fn nothing_of_an_ecu_is_said_to_be_older_than_what_was_said_before() {
    let mut installation = installation();
    let mut said = Vec::new();
    let untold = || Answers {
        telemetry: None,
        ..answers(noon(), vec![])
    };
    // What tells no time; then what is some minutes old, as it always is.
    said.extend(installation.reports(&untold(), after(0)));
    said.extend(installation.reports(&answers(noon(), vec![ds3(true)]), after(1)));
    // An outage, from which it comes back with values of three minutes ago.
    said.extend(installation.set_restart_needed(true, after(20)));
    said.extend(installation.set_restart_needed(false, after(43)));
    said.extend(installation.reports(&answers(cycle(40), vec![ds3(true)]), after(43)));
    // A question about the inverters without an answer, and the next one at once.
    said.extend(installation.reports(&untold(), after(48)));
    said.extend(installation.reports(&answers(cycle(45), vec![ds3(true)]), after(49)));
    let mut before = BTreeMap::new();
    let readings = said.into_iter().filter_map(|report| match report {
        Report::Readings(readings) => Some(readings),
        _ => None,
    });
    for Readings { device, at, .. } in readings {
        let last = before.insert(device.clone(), at).unwrap_or(at);
        assert!(last <= at, "{device}: {at} after {last}");
    }
    assert_eq!(before.len(), 2, "{before:?}");
}

#[test]
fn limits_of_the_user_win() {
    let config = EcuConfig {
        max_power: Some(1200),
        ..EcuConfig::default()
    };
    let mut installation = Installation::new(config, Remembered::default(), TimeZone::UTC);
    installation.meet("216000000001");
    let said = installation.twice(&answers(noon(), vec![ds3(true)]));
    assert_eq!(said.devices["216000000001"].rated_power, Some(1200));
}
