use std::collections::BTreeMap;

use jiff::civil::{DateTime, date};

use super::super::wire::{
    Body, EcuId, EcuInfo, Group, Quad, Record, RecordType, Signal, Telemetry, Uid,
};
use super::*;
use crate::model::Value;
use jiff::Timestamp;

const DS3: &str = "704000000001";
const QT2: &str = "901000000001";

const HOUR: u64 = 60;
const MONTH: u64 = 31 * 24 * HOUR;

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
    let mut installation = Installation::new(Config::default(), Remembered::default(), zone);
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
fn no_inverter_at_noon_is_a_problem() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(false)]);
    answers.info.as_mut().unwrap().online = 0;
    let first = installation.twice(&answers);
    assert_eq!(first.code("216000000001"), HealthCode::Retrying);
    let mut later = |minutes: i64| {
        answers.telemetry.as_mut().unwrap().at = Some(cycle(minutes));
        said(installation.reports(&answers, after(minutes.unsigned_abs())))
    };
    assert_eq!(later(5).code("216000000001"), HealthCode::Retrying);
    let said = later(10);
    assert_eq!(said.code("216000000001"), HealthCode::Degraded);
    assert_eq!(said.json("216000000001", "power"), "null");
    assert_eq!(said.json(DS3, "power"), "null");
    // The same words, so that one of them is enough for the log.
    assert_eq!(said.code(DS3), HealthCode::OutOfContact);
    assert_eq!(said.health[DS3].detail, said.health["216000000001"].detail);
}

#[test]
fn an_inverter_that_is_lost_while_others_work_is_a_problem_after_an_hour() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let mut later = |minutes: u64| {
        let answers = answers(cycle(minutes.cast_signed()), vec![ds3(false), qt2(true)]);
        said(installation.reports(&answers, after(minutes)))
    };
    let said = later(30);
    assert_eq!(said.code(DS3), HealthCode::Retrying);
    // It delivered much when it was last heard: nobody knows what it does now.
    assert_eq!(said.json(DS3, "power"), "null");
    assert_eq!(said.json(DS3, "online"), "\"OFF\"");
    let said = later(90);
    assert_eq!(said.code(DS3), HealthCode::OutOfContact);
    let sentence = said.health[DS3].sentence();
    assert!(sentence.contains("not heard since 2026-"), "{sentence}");
}

#[test]
fn the_night_does_not_count_for_an_inverter_that_wakes_later_than_others() {
    let mut installation = installation();
    let mut round = |at: DateTime, minutes: u64, awake: &[bool; 2]| {
        let mut answers = answers(at, vec![ds3(awake[0]), qt2(awake[1])]);
        answers.info.as_mut().unwrap().online = awake.iter().filter(|it| **it).count() as u16;
        said(installation.reports(&answers, after(minutes)))
            .health
            .remove(DS3)
    };
    for (at, minutes) in [(midnight(), 0), (midnight(), 5)] {
        round(at, minutes, &[false, false]);
    }
    let night = 8 * HOUR;
    let morning = |minutes: u64| {
        let span = jiff::Span::new().minutes(minutes.cast_signed());
        date(2026, 6, 22).at(6, 0, 0, 0).saturating_add(span)
    };
    for minutes in [0, 10, 55] {
        let health = round(morning(minutes), night + minutes, &[false, true]).unwrap();
        assert_eq!(health, Health::new(HealthCode::Asleep), "{minutes}");
    }
    let health = round(morning(70), night + 70, &[false, true]).unwrap();
    assert_eq!(health.code, HealthCode::OutOfContact);
}

#[test]
fn one_cycle_without_any_inverter_is_neither_night_nor_zero_watts() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    for (minutes, records) in [
        (5, vec![ds3(false), qt2(false)]),
        (10, vec![unheard(DS3), unheard(QT2)]),
    ] {
        let mut blank = answers(cycle(minutes), records);
        let info = blank.info.as_mut().unwrap();
        (info.online, info.power_w) = (0, 0);
        let said = said(installation.reports(&blank, after(minutes.unsigned_abs())));
        assert_eq!(installation.sky(), Sky::Missed);
        for serial in ["216000000001", DS3, QT2] {
            assert_eq!(said.code(serial), HealthCode::Retrying, "{serial}");
            assert_eq!(said.json(serial, "power"), "null", "{serial}");
        }
        assert_eq!(said.json(DS3, "panel_1_power"), "null");
    }
    let good =
        said(installation.reports(&answers(cycle(15), vec![ds3(true), qt2(true)]), after(15)));
    assert_eq!(good.code(DS3), HealthCode::Online);
}

#[test]
fn a_known_inverter_keeps_its_entities_when_the_ecu_forgets_it() {
    let mut installation = installation();
    let first = installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let again = said(installation.reports(&answers(noon(), vec![unheard(DS3), qt2(true)]), now()));
    assert!(
        !again.devices.contains_key(DS3),
        "nothing about it has changed"
    );
    for key in first.values[DS3].keys() {
        assert!(again.values[DS3].contains_key(key), "{key}");
    }
    assert_eq!(again.json(DS3, "panel_1_power"), "null");
}

#[test]
fn an_inverter_that_is_no_longer_listed_has_no_values_and_is_forgotten_in_time() {
    let mut installation = installation();
    let first = installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let mut without = |minutes: u64| {
        let answers = answers(cycle(minutes.cast_signed()), vec![qt2(true)]);
        said(installation.reports(&answers, after(minutes)))
    };
    // It may be a single bad list.
    let once = without(5);
    assert_eq!(once.code(DS3), HealthCode::Retrying);
    for (key, value) in &first.values[DS3] {
        assert!(
            *value != Value::Unknown && once.json(DS3, key) == "null",
            "{key}"
        );
    }
    let twice = without(10);
    assert_eq!(twice.code(DS3), HealthCode::OutOfContact);
    assert!(!twice.code(DS3).has_data());
    assert!(
        !twice.values.contains_key(DS3),
        "nothing is told of it any more"
    );
    assert!(without(29 * 24 * HOUR).gone.is_empty());
    assert_eq!(without(MONTH).gone, ["aps_ecu_704000000001"]);
}

#[test]
fn setting_the_clock_makes_nobody_forget_an_inverter() {
    for years in [-50, 50] {
        let mut installation = installation();
        installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
        let without = answers(cycle(5), vec![qt2(true)]);
        for minutes in [5, 10, 15] {
            let mut set = after(minutes);
            set.wall += jiff::SignedDuration::from_hours(24 * 365 * years);
            let said = said(installation.reports(&without, set));
            assert!(said.gone.is_empty(), "{years}");
        }
        let back =
            said(installation.reports(&answers(cycle(20), vec![ds3(true), qt2(true)]), after(20)));
        assert_eq!(back.code(DS3), HealthCode::Online);
    }
}

#[test]
fn ids_that_change_with_every_list_make_no_device() {
    let mut installation = installation();
    for round in 0..50_u32 {
        let list = (0..40).map(|index| {
            let uid = format!("704{:09}", round * 40 + index);
            record(&uid, RecordType::T01, true, &[211, 214], &[240, 241])
        });
        let mut hostile = answers(cycle(i64::from(round) * 5), list.collect());
        hostile.info.as_mut().unwrap().registered = u16::MAX;
        let said = said(installation.reports(&hostile, after(u64::from(round) * 5)));
        assert!(!said.devices.keys().any(|serial| serial.starts_with("704")));
        assert!(installation.remembered().inverters.is_empty());
    }
}

#[test]
fn one_misread_id_is_no_device() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let misread = record(
        "704000000081",
        RecordType::T01,
        true,
        &[211, 214],
        &[240, 241],
    );
    let said = said(installation.reports(&answers(cycle(5), vec![misread, qt2(true)]), after(5)));
    assert!(said.devices.is_empty());
    assert_eq!(said.code(DS3), HealthCode::Retrying);
}

#[test]
fn the_id_of_another_ecu_is_no_inverter() {
    let mut installation = installation();
    let said = installation.twice(&answers(noon(), vec![ds3(true), unheard("216200000002")]));
    assert_eq!(said.devices.len(), 2, "{:?}", said.devices.keys());
}

#[test]
fn an_ignored_id_is_no_inverter_and_goes_away_if_it_was_one() {
    let mut before = installation();
    before.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let config = Config {
        ignore: [QT2.to_owned()].into(),
        ..Config::default()
    };
    let known = before.remembered().clone();
    let mut installation = Installation::new(config, known, TimeZone::UTC);
    let said = said(installation.reports(&answers(cycle(5), vec![ds3(true), qt2(true)]), now()));
    assert_eq!(said.gone, ["aps_ecu_901000000001"]);
    assert!(said.devices.contains_key(DS3) && !said.health.contains_key(QT2));
    assert!(installation.complete);
}

#[test]
fn what_of_a_list_cannot_be_read_is_said_and_nobody_counts_as_unlisted() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let mut partly = answers(cycle(5), vec![qt2(true)]);
    partly.telemetry.as_mut().unwrap().declared = 2;
    for minutes in [5, MONTH] {
        let said = said(installation.reports(&partly, after(minutes)));
        assert!(said.gone.is_empty());
        assert_eq!(said.code(DS3), HealthCode::NoData);
        assert_eq!(said.code("216000000001"), HealthCode::Degraded);
        let sentence = said.health["216000000001"].sentence();
        assert!(sentence.contains("only 1 of the 2 inverters"), "{sentence}");
    }
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
fn the_ecus_own_date_counts_until_its_shift_is_learned() {
    // In Los Angeles, on a host whose clock is at UTC: it is tomorrow here already.
    let mut installation =
        Installation::new(Config::default(), Remembered::default(), TimeZone::UTC);
    installation.meet("216000000001");
    let at = date(2026, 6, 21).at(20, 0, 0, 0);
    let mut moment = after(0);
    moment.wall = "2026-06-22T03:01:00Z".parse().unwrap();
    installation.time().note(at, moment);
    let reports = installation.reports(&answers(at, vec![ds3(true)]), moment);
    let day = reports.iter().find_map(|report| match report {
        Report::Readings(readings) => readings.day,
        _ => None,
    });
    assert_eq!(day, Some(date(2026, 6, 21)));
}

/// In Sydney, on a host whose clock is at UTC.
#[test]
fn the_quiet_time_is_that_of_the_ecus_clock() {
    use super::super::schedule::{Cycle, Round, Schedule, Wait};
    let mut installation =
        Installation::new(Config::default(), Remembered::default(), TimeZone::UTC);
    let mut schedule = Schedule::new(Pace::new(&Config::default()), Cycle::default());
    let mut plan = |installation: &mut Installation, wall: &str| {
        let moment = Moment {
            wall: wall.parse().unwrap(),
            steady: Duration::ZERO,
        };
        let local = installation.time().local(moment).time();
        schedule.after(Round::Asleep, local)
    };
    let noon = date(2026, 6, 21).at(12, 45, 0, 0);
    for learned in [false, true] {
        let wall = "2026-06-21T02:46:00Z";
        let moment = Moment {
            wall: wall.parse().unwrap(),
            steady: Duration::ZERO,
        };
        installation.time().note(noon, moment);
        if learned {
            installation.time().learn(noon, moment.wall);
        }
        assert!(
            matches!(plan(&mut installation, wall), Wait::Round(_)),
            "it is noon there"
        );
    }
    // And at 02:30 there, twenty minutes later is within it.
    let wait = plan(&mut installation, "2026-06-21T16:31:00Z");
    assert!(matches!(wait, Wait::Quiet(_)), "{wait:?}");
}

#[test]
fn an_ecu_may_deliver_what_its_inverters_that_are_not_known_yet_can() {
    let mut installation = installation();
    let rated = |said: Said| said.devices["216000000001"].rated_power;
    let said = installation.twice(&answers(noon(), vec![ds3(true)]));
    assert_eq!(rated(said), Some(1200 + 4 * 1250));
    let said = installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    assert_eq!(rated(said), Some(1200 + 2500));
}

#[test]
fn values_hold_for_longer_than_the_ecu_is_ever_left_alone() {
    let mut installation = installation();
    let said = installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    for device in said.devices.values() {
        assert!(
            device
                .patience
                .is_some_and(|it| it > Duration::from_secs(3600))
        );
    }
    assert_eq!(said.devices[DS3].rated_power, Some(1200));
}

#[test]
fn an_empty_list_keeps_everything_and_says_so() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true)]));
    let said = said(installation.reports(&answers(noon(), Vec::new()), after(MONTH)));
    assert!(said.gone.is_empty());
    assert_eq!(said.code(DS3), HealthCode::NoData);
}

#[test]
fn the_ecu_listed_as_an_inverter_is_none() {
    let mut installation = installation();
    let records = vec![ds3(true), unheard("216000000001")];
    let said = installation.twice(&answers(noon(), records));
    assert_eq!(said.devices.len(), 2);
    assert_eq!(said.devices["216000000001"].model.as_deref(), Some("ECU-R"));
}

#[test]
fn values_that_no_longer_change_are_stale() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(true)]);
    let fresh = installation.twice(&answers);
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
    installation.meet("216000000001");
    let said = installation.twice(&answers(noon(), vec![ds3(true)]));
    assert_eq!(said.devices["216000000001"].name, "Roof");
    assert_eq!(said.devices["216000000001"].rated_power, Some(1200));
    assert_eq!(said.devices[DS3].name, "Garage");
    assert_eq!(said.devices[DS3].area.as_deref(), Some("Attic"));
}

#[test]
fn a_restart_remembers_the_inverters() {
    let mut before = installation();
    before.twice(&answers(noon(), vec![ds3(true)]));
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
    assert!(!complete(&answers(noon(), vec![ds3(true), qt2(true)])));
    assert!(complete(&answers(noon(), vec![ds3(true), qt2(true)])));
    assert!(complete(&only_info));
}

#[test]
fn an_exchanged_ecu_leaves_no_ghost() {
    let mut installation = installation();
    for _ in 0..3 {
        installation.meet("216000000001");
    }
    installation.twice(&answers(noon(), vec![ds3(true)]));
    assert!(!installation.meet("216000000002"));
    assert!(installation.meet("216000000002"));
    let mut other = answers(noon(), vec![ds3(true)]);
    other.info.as_mut().unwrap().ecu = "216000000002".parse().unwrap();
    let first = said(installation.reports(&other, now()));
    assert_eq!(first.code("216000000001"), HealthCode::Unreachable);
    assert_eq!(first.code("216000000002"), HealthCode::Online);
    let via = first.devices[DS3].via.as_ref().unwrap();
    assert_eq!(via.as_str(), "aps_ecu_216000000002");
    let later = said(installation.reports(&other, after(MONTH)));
    assert_eq!(later.gone, ["aps_ecu_216000000001"]);
}

#[test]
fn a_list_without_inverters_by_day_is_no_fault_of_theirs() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true)]));
    let said = said(installation.reports(&answers(noon(), Vec::new()), now()));
    assert_eq!(said.code("216000000001"), HealthCode::Online);
    assert_eq!(said.code(DS3), HealthCode::NoData);
}

/// What happens between two rounds, and how the ECU lists three inverters then.
#[derive(Debug, Clone)]
struct Step {
    minutes: u64,
    /// By how much somebody sets the clock meanwhile.
    set: i64,
    listed: [bool; 3],
    online: [bool; 3],
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    use proptest::prelude::*;
    let often = prop_oneof![3 => Just(true), 1 => Just(false)];
    let set = prop_oneof![2 => Just(0_i64), 1 => -2_000_000_000..2_000_000_000_i64];
    let three = || [often.clone(), often.clone(), often.clone()];
    (1_u64..40, set, three(), three()).prop_map(|(minutes, set, listed, online)| Step {
        minutes,
        set,
        listed,
        online,
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever somebody does to the clock: nothing is forgotten too early, who works is online, the
    /// ECU is asked neither too often nor too rarely, and its own clock is known.
    #[test]
    fn setting_the_clock_harms_nothing(steps in proptest::collection::vec(step(), 1..40)) {
        use super::super::schedule::{Cycle, Pace, Round, Schedule, Wait};
        const UIDS: [&str; 3] = ["704000000001", "704000000002", "901000000001"];
        let config = Config::default();
        let pace = Pace::new(&config);
        let mut schedule = Schedule::new(pace, Cycle::default());
        let mut installation = installation();
        let (mut moment, mut ecu_clock) = (after(0), noon());
        for step in steps {
            let passed = Duration::from_secs(step.minutes * 60);
            moment.steady += passed;
            moment.wall = moment.wall.saturating_add(passed).unwrap();
            let set = jiff::SignedDuration::from_secs(step.set);
            moment.wall = moment.wall.saturating_add(set).unwrap();
            ecu_clock = ecu_clock.saturating_add(jiff::SignedDuration::try_from(passed).unwrap());
            if step.set != 0 {
                installation.time().forget();
            }
            installation.time().note(ecu_clock, moment);
            installation.time().learn(ecu_clock, moment.wall);
            // A shift has steps of a quarter of an hour.
            let off = installation.time().local(moment).duration_since(ecu_clock);
            proptest::prop_assert!(off.abs() < jiff::SignedDuration::from_mins(15), "{:?}", off);

            let place = |index: usize| step.listed[index].then(|| {
                record(UIDS[index], RecordType::T01, step.online[index], &[211, 214], &[240, 241])
            });
            let records: Vec<Record> = (0..3).filter_map(place).collect();
            let mut round = answers(ecu_clock, records);
            let working = (0..3).filter(|it| step.listed[*it] && step.online[*it]).count();
            let info = round.info.as_mut().unwrap();
            (info.registered, info.online) = (3, working as u16);
            let said = said(installation.reports(&round, moment));
            for (index, uid) in UIDS.iter().enumerate() {
                let works = step.listed[index] && step.online[index];
                if let Some(health) = said.health.get(*uid).filter(|_| works) {
                    proptest::prop_assert_eq!(health.code, HealthCode::Online);
                }
            }
            // Forty rounds are far less than the thirty days.
            proptest::prop_assert!(said.gone.is_empty());
            let kind = if installation.sky() == Sky::Asleep {
                Round::Asleep
            } else {
                Round::Fresh { age: installation.time().age(ecu_clock, moment.wall) }
            };
            let local = installation.time().local(moment).time();
            let wait = match schedule.after(kind, local) {
                Wait::Round(wait) | Wait::Quiet(wait) => wait,
            };
            proptest::prop_assert!(wait >= pace.least && wait < pace.patience(), "{:?}", wait);
        }
    }
}
