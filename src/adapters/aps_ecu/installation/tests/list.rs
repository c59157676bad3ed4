//! Who is an inverter, and who is one no more.

use super::*;

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
fn an_inverter_that_is_no_longer_listed_has_no_values_and_is_absent() {
    let mut installation = installation();
    let first = installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let mut without = |minutes: u64| {
        let answers = answers(cycle(minutes.cast_signed()), vec![qt2(true)]);
        said(installation.reports(&answers, after(minutes)))
    };
    // It may be a single bad list.
    let once = without(5);
    assert_eq!(once.code(DS3), HealthCode::Retrying);
    assert!(once.absent.is_empty());
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
    assert_eq!(twice.absent, ["aps_ecu_704000000001"]);
    // A list that is not whole, or no news, shows nobody's absence.
    let mut partly = answers(cycle(15), vec![qt2(true)]);
    partly.telemetry.as_mut().unwrap().declared = 2;
    let mut repeated = answers(cycle(10), vec![qt2(true)]);
    repeated.repeated = true;
    for unclear in [&partly, &repeated, &answers(cycle(20), Vec::new())] {
        let said = said(installation.reports(unclear, after(20)));
        assert!(!said.code(DS3).has_data() && said.absent.is_empty());
    }
    let absent = |installation: &mut Installation, records| {
        said(installation.reports(&answers(cycle(25), records), after(25))).absent
    };
    assert_eq!(
        absent(&mut installation, vec![qt2(true)]),
        ["aps_ecu_704000000001"]
    );
    assert_eq!(
        absent(&mut installation, vec![ds3(true), qt2(true)]),
        [""; 0]
    );
}

#[test]
fn what_the_bridge_has_forgotten_is_no_more_and_described_anew_when_it_is_back() {
    let mut installation = installation();
    let both = answers(noon(), vec![ds3(true), qt2(true)]);
    let id = installation.twice(&both).devices[DS3].id.clone();
    installation.twice(&answers(cycle(5), vec![qt2(true)]));
    installation.forget(&id);
    let without = said(installation.reports(&answers(cycle(10), vec![qt2(true)]), after(10)));
    assert!(!without.health.contains_key(DS3) && without.code(QT2) == HealthCode::Online);
    assert!(!installation.remembered().inverters.contains_key(DS3));
    assert!(installation.twice(&both).devices.contains_key(DS3));
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
    let config = EcuConfig {
        ignore: [QT2.to_owned()].into(),
        ..EcuConfig::default()
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
    for minutes in [5, HOUR] {
        let said = said(installation.reports(&partly, after(minutes)));
        assert!(said.absent.is_empty());
        assert_eq!(said.code(DS3), HealthCode::NoData);
        assert_eq!(said.code("216000000001"), HealthCode::Degraded);
        let sentence = said.health["216000000001"].sentence();
        assert!(sentence.contains("only 1 of the 2 inverters"), "{sentence}");
    }
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
fn an_empty_list_keeps_everything_and_says_so() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true)]));
    let said = said(installation.reports(&answers(noon(), Vec::new()), after(HOUR)));
    assert!(said.absent.is_empty());
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
fn a_restart_remembers_the_inverters() {
    let mut before = installation();
    before.twice(&answers(noon(), vec![ds3(true)]));
    let text = serde_json::to_string(before.remembered()).unwrap();
    let known: Remembered = serde_json::from_str(&text).unwrap();
    let after = Installation::new(EcuConfig::default(), known, TimeZone::UTC);
    assert!(after.is_identified());
    let health = after.health_of_all(&Health::new(HealthCode::Unreachable));
    assert_eq!(health.len(), 2);
}

#[test]
fn what_a_version_remembered_that_counted_absences_itself_is_read() {
    let text = r#"{
        "ecu": { "current": "216000000001", "answers": 3, "replaced": {
            "216000000002": { "absence": { "length": { "secs": 300, "nanos": 0 }, "times": 2 }, "was_real": true } } },
        "inverters": { "704000000001": { "product": "DS3", "channels": 2, "voltages": 1, "raw": false,
            "absence": { "length": { "secs": 300, "nanos": 0 }, "times": 2 }, "heard": null } } }"#;
    let known: Remembered = serde_json::from_str(text).unwrap();
    let mut installation = Installation::new(EcuConfig::default(), known, TimeZone::UTC);
    let said = said(installation.reports(&answers(noon(), vec![ds3(true)]), now()));
    assert_eq!(said.code(DS3), HealthCode::Online);
    assert_eq!(said.absent, ["aps_ecu_216000000002"]);
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
    let former = DeviceId::new(KIND, "216000000001");
    assert_eq!(first.absent, [former.as_str()]);
    installation.forget(&former);
    let later = said(installation.reports(&other, after(5)));
    assert!(later.absent.is_empty() && !later.health.contains_key("216000000001"));
}

#[test]
fn a_list_without_inverters_by_day_is_no_fault_of_theirs() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true)]));
    let said = said(installation.reports(&answers(noon(), Vec::new()), now()));
    assert_eq!(said.code("216000000001"), HealthCode::Online);
    assert_eq!(said.code(DS3), HealthCode::NoData);
}
