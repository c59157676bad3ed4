//! What is said is so: values that are not known are not shown, and who asks hears what becomes of it.

use super::*;

fn faulty(list: &str, is_paired: bool, faults: &[&str]) -> Bench {
    let mut bench = Bench::new(list, is_paired);
    bench.minutes(3);
    for fault in faults {
        bench.stick.stick().faults.set(fault.parse().unwrap());
    }
    bench
}

/// Everything that a stick can have, and the words of it.
const TROUBLES: &[(&str, &str)] = &[
    ("mute", "does not answer"),
    ("own-bytes", "comes straight back"),
    ("refuse=02", "refuses what it is told"),
    ("freeze=2", "does not answer any more"),
];

#[test]
fn with_a_stick_that_does_not_work_no_value_stays() {
    for (fault, words) in TROUBLES {
        let mut bench = faulty("DS3,YC600", true, &[fault]);
        bench.minutes(30);
        let stick = bench.stick_id();
        let health = bench.health(&stick).unwrap();
        assert!(health.detail.contains(words), "{fault} {health:?}");
        assert!(health.code.is_problem(), "{fault} {health:?}");
        for id in bench.ids() {
            let health = bench.health(&id).unwrap();
            assert!(!health.code.has_data(), "{fault} {health:?}");
            assert!(health.detail.contains(words), "{fault} {health:?}");
        }
        // When it works again, they are online as soon as they have answered, and not before.
        bench.stick.stick().faults.replace(&[]);
        bench.stick.replug();
        bench.reports.retain(|it| matches!(it, Report::Device(_)));
        bench.minutes(15);
        for id in bench.ids() {
            let mut of_it = bench.reports.iter().filter(|report| match report {
                Report::Health(of, health) => of.as_str() == id && health.code.has_data(),
                Report::Readings(readings) => {
                    readings.device.as_str() == id && readings.get("voltage").is_some()
                }
                _ => false,
            });
            assert!(
                matches!(of_it.next(), Some(Report::Readings(_))),
                "{fault} {id}"
            );
            assert_eq!(bench.code(&id), Some(HealthCode::Online), "{fault} {id}");
        }
    }
}

#[test]
fn who_presses_pair_hears_why_that_cannot_be() {
    // A refusal shows only when something is sent.
    for (fault, words) in TROUBLES.iter().filter(|(fault, _)| *fault != "refuse=02") {
        let mut bench = faulty("DS3", false, &[fault]);
        bench.minutes(30);
        let id = bench.ids()[0].clone();
        let health = bench.health(&id).unwrap();
        assert!(health.detail.contains(words), "{fault} {health:?}");
        let pair = bench.command(&id, "pair", Value::Unknown);
        let why = bench.answer(pair).unwrap().as_ref().unwrap_err();
        assert!(why.contains(words), "{fault} {why}");
        // And it is not done some day when nobody expects it.
        bench.stick.stick().faults.replace(&[]);
        bench.stick.replug();
        bench.minutes(30);
        assert_eq!(
            bench.code(&bench.stick_id()),
            Some(HealthCode::Online),
            "{fault}"
        );
        let health = bench.health(&id).unwrap();
        assert_eq!(health.code, HealthCode::NoData, "{fault} {health:?}");
    }
}

#[test]
fn a_stick_that_starts_over_and_over_is_told() {
    let mut bench = faulty("DS3", true, &[]);
    for _ in 0..4 {
        bench.stick.replug();
        bench.minutes(2);
    }
    let stick = bench.stick_id();
    let health = bench.health(&stick).unwrap();
    assert!(health.detail.contains("again and again"), "{health:?}");
    assert!(health.code.is_problem());
    // Its inverters are read all the same.
    assert_eq!(bench.code(&bench.ids()[0]), Some(HealthCode::Online));
    // After an hour without another one it is well again.
    bench.minutes(62);
    assert_eq!(bench.code(&stick), Some(HealthCode::Online));
}

#[test]
fn in_the_dark_all_together_give_nothing_and_that_is_known() {
    let nowhere = |config: &mut ZigbeeConfig| (config.latitude, config.longitude) = (None, None);
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, nowhere);
    bench.minutes(60 * 14);
    let stick = bench.stick_id();
    assert_eq!(bench.number(&stick, "power"), Some(0.0));
    for id in bench.ids() {
        assert_eq!(bench.number(&id, "power"), Some(0.0), "{id}");
    }
}

#[test]
fn an_inverter_that_was_out_of_contact_has_no_power_at_night() {
    let mut bench = faulty("DS3,YC600", true, &[]);
    let serial = bench.config.inverters[0];
    let id = bench.ids()[0].clone();
    bench
        .stick
        .stick()
        .mesh
        .inverter(serial)
        .unwrap()
        .manners
        .loss = 1.0;
    bench.minutes(60 * 5);
    assert_eq!(bench.code(&id), Some(HealthCode::OutOfContact));
    let before = bench.reports.len();
    bench.minutes(60 * 9);
    assert_eq!(bench.code(&id), Some(HealthCode::Asleep));
    let told = bench.reports[before..].iter().any(|report| match report {
        Report::Readings(readings) => {
            readings.device.as_str() == id
                && readings.get("power") == Some(&Value::from(Decimal::integer(0)))
        }
        _ => false,
    });
    assert!(told);
    // The same if the stick was away at night.
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.handle(Input::Closed);
    bench.handle(Input::Unreachable(&crate::links::LinkError::RecordingEnded));
    bench.stick.replug();
    bench.handle(Input::Opened);
    bench.minutes(3);
    assert_eq!(bench.number(&id, "power"), Some(0.0));
    // The same if the program starts at night, and what was counted is known.
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.restart();
    bench.minutes(3);
    assert_eq!(bench.number(&id, "power"), Some(0.0));
    assert!(bench.number(&id, "energy_total").is_some());
}

#[test]
fn answers_that_cannot_be_believed_are_not_taken_for_silence() {
    let mut bench = faulty("DS3", true, &["lost"]);
    let serial = bench.config.inverters[0];
    let id = bench.ids()[0].clone();
    let source = bench.stick.truth().inverters[0].address;
    // A page without its sum.
    let page = [0xfb, 0xfb, 6, 0xbb, 1, 2, 3, 4, 5, 0, 0, 0xfe, 0xfe];
    for _ in 0..12 {
        bench.minutes(1);
        let message = overheard(source, 0x0106, [&serial.wire()[..], &page].concat());
        let bytes = message.encode().unwrap();
        bench.handle(Input::Bytes(&bytes));
    }
    let health = bench.health(&id).unwrap();
    assert_eq!(health.code, HealthCode::Garbled, "{health:?}");
    assert!(health.detail.contains("it answers"), "{health:?}");
}

#[test]
fn a_limit_that_was_forgotten_is_set_again_though_the_first_look_fails() {
    let mut settings = StickSettings::new(listed("DS3"), Some(gateway()));
    settings.faults = vec!["limit-forgotten".parse().unwrap()];
    let begin = date(2026, 6, 21).at(20, 0, 0, 0).to_zoned(zone()).unwrap();
    let keep = |config: &mut ZigbeeConfig| config.keep_limit = true;
    let mut bench = Bench::of(settings, &begin, |_, _| {}, keep);
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let set = bench.command(&id, "power_limit", Decimal::integer(180).into());
    bench.minutes(1);
    assert!(bench.answer(set).unwrap().is_ok());
    let limit = |bench: &mut Bench| bench.stick.truth().inverters[0].limit.watts().to_f64();
    assert!((limit(&mut bench) - 180.0).abs() < 0.1);
    // Until it answers the next morning, and then settings do not come through for a while.
    let morning = date(2026, 6, 22).at(4, 0, 0, 0).to_zoned(zone()).unwrap();
    let mut is_due = false;
    while !is_due {
        bench.run(Duration::from_millis(500));
        let mut all = bench.conversation.inverters.values();
        is_due = bench.now().wall > morning.timestamp() && all.any(|it| it.limit_due.is_some());
    }
    assert!(limit(&mut bench) > 400.0);
    bench.stick.stick().faults.set("lost".parse().unwrap());
    bench.minutes(5);
    bench.stick.stick().faults.remove("lost");
    assert!(limit(&mut bench) > 400.0);
    bench.minutes(20);
    assert!((limit(&mut bench) - 180.0).abs() < 0.1);
}

#[test]
fn an_input_without_a_panel_is_not_shown_after_a_day() {
    let missing = |_, manners: &mut InverterManners| manners.missing_inputs = vec![1];
    let mut bench = Bench::with("DS3", true, missing, |_| {});
    let id = bench.ids()[0].clone();
    let has = |bench: &Bench, key: &str| {
        let described = bench.reports.iter().rev().find_map(|report| match report {
            Report::Device(it) if it.id.as_str() == id => Some(it.clone()),
            _ => None,
        });
        described.unwrap().metrics.iter().any(|it| it.key == key)
    };
    // On the first day it had one until the clock began.
    bench.minutes(60 * 24);
    assert!(has(&bench, "panel_2_power"));
    bench.minutes(60 * 24);
    assert!(has(&bench, "panel_1_power") && !has(&bench, "panel_2_power"));
    bench.restart();
    bench.minutes(3);
    assert!(!has(&bench, "panel_2_power"));
    let serial = bench.config.inverters[0];
    bench
        .stick
        .stick()
        .mesh
        .inverter(serial)
        .unwrap()
        .manners
        .missing_inputs
        .clear();
    bench.minutes(3);
    assert!(has(&bench, "panel_2_power"));
}

#[test]
fn firmware_is_asked_once_after_pairing_where_no_answer_tells_it() {
    let mut bench = faulty("YC600,DS3", false, &[]);
    for id in bench.ids() {
        bench.command(&id, "pair", Value::Unknown);
        bench.minutes(3);
    }
    for serial in &bench.config.inverters {
        let firmware = &bench.conversation.inverters[serial].remembered.firmware;
        assert!(firmware.is_some(), "{serial}");
    }
    bench.minutes(60 * 30);
    let is_info = |bytes: &[u8]| bytes.windows(4).any(|it| it == [0xfb, 0xfb, 6, 0xdc]);
    let asked = bench
        .sent
        .iter()
        .filter(|(_, bytes)| is_info(bytes))
        .count();
    assert_eq!(asked, 1);
}

#[test]
fn the_stick_stays_online_while_an_inverter_is_paired() {
    let far = |place, manners: &mut InverterManners| manners.is_in_reach = place == 0;
    let mut bench = Bench::with("DS3,YC600", false, far, |_| {});
    bench.minutes(3);
    let (stick, ids) = (bench.stick_id(), bench.ids());
    let before = bench.reports.len();
    for id in &ids {
        bench.command(id, "pair", Value::Unknown);
        bench.minutes(6);
    }
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::Online));
    assert_eq!(bench.code(&ids[1]), Some(HealthCode::NoData));
    let said = bench.reports[before..]
        .iter()
        .filter(|report| matches!(report, Report::Health(of, _) if of.as_str() == stick));
    assert_eq!(said.count(), 0);
}

#[test]
fn no_limit_is_written_while_the_one_before_cannot_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let (store, known) = crate::store::Store::open(&file.join("store.db"));
    let mut bench = Bench::new("DS3", true);
    bench.memory = Memory::new(store, "zigbee", &known);
    bench.restart();
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let before = bench.stick.truth().inverters[0].limit;
    for _ in 0..3 {
        let set = bench.command(&id, "power_limit", Decimal::integer(150).into());
        bench.minutes(2);
        let why = bench.answer(set).unwrap().as_ref().unwrap_err();
        assert!(why.contains("cannot be saved"), "{why}");
        assert_eq!(bench.stick.truth().inverters[0].limit, before);
    }
}

#[test]
fn while_the_stick_takes_no_messages_no_power_stays() {
    let mut bench = faulty("DS3,YC600", true, &["refuse=11"]);
    bench.minutes(20);
    let stick = bench.stick_id();
    let health = bench.health(&stick).unwrap();
    assert!(health.detail.contains("busy"), "{health:?}");
    assert_eq!(bench.number(&stick, "power"), None);
    assert_eq!(bench.number(&stick, "inverters_online"), Some(0.0));
    for id in bench.ids() {
        assert!(!bench.health(&id).unwrap().code.has_data(), "{id}");
    }
    bench.stick.stick().faults.replace(&[]);
    bench.minutes(3);
    assert!(bench.number(&stick, "power").is_some());
    assert_eq!(bench.code(&stick), Some(HealthCode::Online));
}

#[test]
fn by_day_all_that_are_gone_do_not_give_nothing_but_nobody_knows_what() {
    let nowhere = |config: &mut ZigbeeConfig| (config.latitude, config.longitude) = (None, None);
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, nowhere);
    bench.minutes(8);
    bench.stick.stick().faults.set("night".parse().unwrap());
    bench.minutes(20);
    let stick = bench.stick_id();
    assert_eq!(
        bench.values(&stick, "power").next_back(),
        Some(&Value::Unknown)
    );
    assert_eq!(bench.number(&stick, "inverters_online"), Some(0.0));
    // It is never called asleep at noon.
    for id in bench.ids() {
        assert_eq!(bench.code(&id), Some(HealthCode::OutOfContact), "{id}");
        let asleep = bench.reports.iter().any(|report| {
            matches!(report, Report::Health(of, health) if of.as_str() == id && health.code == HealthCode::Asleep)
        });
        assert!(!asleep, "{id}");
    }
}

#[test]
fn one_that_is_gone_after_a_start_does_not_keep_its_power() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(2);
    bench.stick.stick().faults.set("night".parse().unwrap());
    bench.minutes(7);
    for id in bench.ids() {
        assert!(!bench.health(&id).unwrap().code.has_data(), "{id}");
    }
    assert_eq!(bench.number(&bench.stick_id(), "power"), None);
}
