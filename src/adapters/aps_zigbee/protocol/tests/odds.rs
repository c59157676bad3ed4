//! Everything that a stick and the air can do otherwise: the conversation copes.

use super::*;
use crate::adapters::aps_zigbee::wire::ids::ShortAddress;

const SECOND: Duration = Duration::from_secs(1);

fn faulty(list: &str, is_paired: bool, faults: &[&str]) -> Bench {
    let mut settings = StickSettings::new(listed(list), is_paired.then(gateway));
    settings.faults = faults.iter().map(|it| it.parse().unwrap()).collect();
    let begin = date(2026, 6, 21).at(10, 0, 0, 0).to_zoned(zone()).unwrap();
    Bench::of(settings, &begin, |_, _| {}, |_| {})
}

/// After so many minutes all have been read in the last ten, and no more energy is told than there was.
fn copes(bench: &mut Bench, minutes: u64, what: &str) {
    bench.minutes(minutes);
    let since = bench.reports.len();
    bench.minutes(10);
    let stick = bench.stick_id();
    assert_eq!(
        bench.code(&stick),
        Some(HealthCode::Online),
        "{what} {:?}",
        bench.health(&stick)
    );
    let really = bench.stick.truth();
    for (id, truth) in bench.ids().iter().zip(&really.inverters) {
        assert_eq!(bench.code(id), Some(HealthCode::Online), "{what} {id}");
        let fresh = bench.reports[since..].iter().filter(|report| {
            matches!(report, Report::Readings(it) if it.device.as_str() == *id && it.get("dc_power").is_some())
        });
        assert!(fresh.count() > 0, "{what} {id}");
        let told = bench.number(id, "energy_total").unwrap();
        let really = truth.produced.iter().sum::<u64>() as f64 / 1e9;
        assert!(
            told <= really * 1.001 + 1e-6,
            "{what} {id}: {told} of {really}"
        );
    }
}

#[test]
fn sticks_that_are_slow_or_odd_are_brought_up() {
    for faults in [
        &["slow-reset=200ms"][..],
        &["slow-reset=4s"],
        &["slow-reset=20s"],
        &["boot-loader=150s"],
        &["boot-loader=20s", "slow-start=20s"],
        &["slow-start=28s"],
        &["needs-waking"],
        &["stray", "split=3"],
        &["noise=7@every=5"],
        &["wrong-sum@every=9"],
        &["glued", "stray"],
        &["slow-answer=700ms"],
        &["no-confirm@every=3"],
        &["stick-restart@2m.."],
        &["address-foreign@..2m"],
    ] {
        let mut bench = faulty("DS3,YC600,QS1", true, faults);
        copes(&mut bench, 12, &format!("{faults:?}"));
    }
}

#[test]
fn messages_that_are_not_taken_are_sent_again() {
    for status in ["01", "02", "10", "11", "B8", "C2"] {
        let fault = format!("refuse={status}@every=9");
        let mut bench = faulty("DS3,YC600", true, &[&fault]);
        copes(&mut bench, 20, &fault);
        let wrong = bench.reports.iter().filter(
            |report| matches!(report, Report::Health(_, health) if health.code.is_problem()),
        );
        assert_eq!(wrong.count(), 0, "{fault}");
    }
    // For good: told as it is, and over when it is.
    for status in ["01", "02", "C2"] {
        let fault = format!("refuse={status}@..10m");
        let mut bench = faulty("DS3", true, &[&fault]);
        bench.minutes(9);
        let health = bench.health(&bench.stick_id()).unwrap();
        assert_eq!(health.code, HealthCode::Degraded, "{fault} {health:?}");
        assert!(health.detail.contains("refuses"), "{fault} {health:?}");
        copes(&mut bench, 25, &fault);
    }
}

#[test]
fn a_stick_that_hears_nobody_is_told_and_started_anew() {
    let mut bench = faulty("DS3,YC600", true, &[]);
    bench.minutes(30);
    let starts = bench.stick.stick().counts().starts;
    bench.stick.stick().deafen();
    copes(&mut bench, 90, "deaf");
    assert!(bench.stick.stick().counts().starts > starts);
    let stick = bench.stick_id();
    let deaf = bench.reports.iter().filter(|report| {
        matches!(report, Report::Health(id, it) if id.as_str() == stick && it.detail.contains("hears no inverter"))
    });
    assert_eq!(deaf.count(), 1);
}

#[test]
fn cables_are_pulled_in_the_middle_of_anything() {
    for script in [
        "on FE00210120 count 1\n close",
        "on FE00270027 count 2\n after 100\n close",
        "on FE00260026 count 1\n after 900\n close",
        "on FE??2401* count 3\n after 150\n close",
    ] {
        let mut bench = faulty("DS3,YC600", true, &[]);
        bench.stick.stick().set_script(script.parse().unwrap());
        copes(&mut bench, 8, script);
    }
}

#[test]
fn the_air_may_lose_delay_and_repeat() {
    for faults in [
        &["lost@20%"][..],
        &["no-route@20%"],
        &["no-ack@20%"],
        &["late=6s@every=2"],
        &["late=3500ms@every=3", "repeated@every=2"],
        &["repeated"],
        &["looped"],
        &["patience=2"],
        &["other-gateway=7s"],
        &["other-gateway=5s", "late=2s", "repeated"],
        &["inverter-restart@3m.."],
        &["zeros"],
        &["no-panel=2"],
    ] {
        let mut bench = faulty("DS3,YC600,QS1", true, faults);
        copes(&mut bench, 30, &format!("{faults:?}"));
        let really = bench.stick.truth().produced() as f64 / 1e9;
        let told = bench.ids();
        let told = told
            .iter()
            .filter_map(|id| bench.number(id, "energy_total"));
        let told: f64 = told.sum();
        assert!(told >= 0.9 * really, "{faults:?} {told} of {really}");
    }
}

#[test]
fn late_answers_count_for_whose_they_are() {
    let mut bench = faulty("DS3,DS3,YC600", true, &["late=5s"]);
    copes(&mut bench, 60, "late");
    let really = bench.stick.truth();
    for (id, truth) in bench.ids().iter().zip(&really.inverters) {
        let told = bench.number(id, "energy_total").unwrap();
        let really = truth.produced.iter().sum::<u64>() as f64 / 1e9;
        assert!(told >= 0.9 * really, "{id}: {told} of {really}");
        let address = bench.values(id, "address").next_back().unwrap();
        assert_eq!(
            address,
            &Value::Text(truth.address.to_string().into()),
            "{id}"
        );
    }
}

#[test]
fn relayed_inverters_are_read_and_keep_their_way() {
    let manners = |index, manners: &mut InverterManners| {
        manners.relays = match index {
            1 => vec![0],
            2 => vec![1, 0],
            _ => Vec::new(),
        };
        manners.delay = Duration::from_millis(800);
    };
    let mut bench = Bench::with("DS3,QS1,YC600", true, manners, |_| {});
    copes(&mut bench, 10, "relays");
    let ids = bench.ids();
    let relays: Vec<_> = ids.iter().map(|id| bench.number(id, "relays")).collect();
    assert_eq!(relays, [Some(0.0), Some(1.0), Some(2.0)]);
}

#[test]
fn twenty_inverters_are_read_once_in_their_interval() {
    let mut bench = faulty("10xDS3,6xQS1,4xYC600", true, &["lost@5%"]);
    bench.minutes(3);
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.minutes(10);
    for id in bench.ids() {
        let count = bench.values(&id, "dc_power").count();
        assert!((8..=11).contains(&count), "{id} {count}");
    }
}

#[test]
fn at_dawn_energy_is_counted_however_often_they_start() {
    let mut settings = StickSettings::new(listed("YC600,DS3"), Some(gateway()));
    settings.faults = vec!["flapping".parse().unwrap()];
    let begin = date(2026, 6, 21).at(4, 0, 0, 0).to_zoned(zone()).unwrap();
    let mut bench = Bench::of(settings, &begin, |_, _| {}, |_| {});
    bench.minutes(60 * 6);
    let truth = bench.stick.truth();
    for (id, really) in bench.ids().iter().zip(&truth.inverters) {
        assert!(really.starts >= 3, "{id} {}", really.starts);
        let told = bench.number(id, "energy_total").unwrap();
        let really = really.produced.iter().sum::<u64>() as f64 / 1e9;
        assert!(
            (0.97..=1.0).contains(&(told / really)),
            "{id} {told} of {really}"
        );
    }
}

#[test]
fn inverters_that_another_gateway_takes_are_told_and_found_when_they_are_paired_again() {
    let mut bench = faulty("DS3,YC600", true, &[]);
    bench.minutes(10);
    let mesh = &mut bench.stick.stick().mesh;
    mesh.take_away(None, "AAA3011B9780".parse().unwrap());
    bench.minutes(20);
    for id in bench.ids() {
        let health = bench.health(&id).unwrap();
        assert_eq!(health.code, HealthCode::OutOfContact, "{health:?}");
        assert!(health.advice.contains("pair it again"), "{health:?}");
    }
    for id in bench.ids() {
        bench.command(&id, "pair", Value::Unknown);
        bench.minutes(4);
    }
    copes(&mut bench, 5, "paired again");
}

#[test]
fn inverters_are_paired_however_they_answer() {
    for faults in [
        &["pair-on-ask"][..],
        &["pair-on-move"],
        &["pair-on-ask", "pair-on-move"],
        &["pair-round=3"],
        &["pair-round=2", "no-echo"],
        &["pair-others"],
        &["needs-waking"],
        &["slow-reset=3s", "slow-start=9s"],
        &["split=20", "stray"],
    ] {
        let mut bench = faulty("DS3,QS1", false, faults);
        bench.minutes(1);
        for id in bench.ids() {
            bench.command(&id, "pair", Value::Unknown);
            bench.minutes(5);
        }
        copes(&mut bench, 2, &format!("{faults:?}"));
        let truth = bench.stick.truth();
        for (place, really) in truth.inverters.iter().enumerate() {
            let serial = bench.config.inverters[place];
            let known = bench.conversation.inverters[&serial]
                .remembered
                .place
                .address();
            assert_eq!(known, Some(really.address), "{faults:?}");
        }
    }
}

/// One that freezes while it pairs its first inverter; three minutes later.
fn frozen_while_pairing() -> (Bench, String) {
    let mut bench = faulty("DS3,YC600", false, &[]);
    bench.minutes(1);
    let id = bench.ids()[0].clone();
    bench.command(&id, "pair", Value::Unknown);
    bench.run(12 * SECOND);
    assert_eq!(bench.code(&id), Some(HealthCode::Retrying));
    bench.stick.stick().freeze();
    bench.minutes(3);
    (bench, id)
}

#[test]
fn a_stick_that_freezes_while_it_pairs_ends_the_pairing() {
    let (mut bench, id) = frozen_while_pairing();
    let is_reason = |report: &&Report| {
        matches!(report, Report::Health(device, health)
        if device.as_str() == id && health.detail.contains("did not get ready")
            && health.advice.contains("status of the stick"))
    };
    assert_eq!(bench.reports.iter().filter(is_reason).count(), 1);
    assert_eq!(bench.code(&id), Some(HealthCode::NoData));
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Silent));
    bench.stick.replug();
    bench.minutes(12);
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(4);
    assert_eq!(
        bench.code(&id),
        Some(HealthCode::Online),
        "{:?}",
        bench.health(&id)
    );
}

#[test]
fn why_a_frozen_stick_has_not_paired_stays_to_be_read() {
    let (bench, id) = frozen_while_pairing();
    let health = bench.health(&id).unwrap();
    assert!(health.detail.contains("did not get ready"), "{health:?}");
}

#[test]
fn an_address_in_the_other_order_of_its_bytes_is_found() {
    let swap = |config: &mut ZigbeeConfig| {
        for address in config.addresses.values_mut() {
            *address = ShortAddress::swapped(*address);
        }
    };
    let mut bench = Bench::with("DS3", true, |_, _| {}, swap);
    copes(&mut bench, 60, "swapped");
}

#[test]
fn limits_survive_what_the_stick_and_the_inverter_do() {
    for faults in [
        &["limit-ignored@first=1"][..],
        &["limit-refused@first=1"],
        &["lost@20%"],
        &["no-confirm@every=2"],
        &["late=2s"],
        &["repeated"],
        &["looped"],
        &["other-gateway=3s"],
    ] {
        let mut bench = faulty("DS3,YC600", true, faults);
        bench.minutes(4);
        for id in bench.ids() {
            let set = bench.command(&id, "power_limit", Decimal::integer(130).into());
            bench.minutes(3);
            let Some(Ok(value)) = bench.answer(set) else {
                panic!("{faults:?} {id} {:?}", bench.answer(set))
            };
            let watts = value.as_number().unwrap().to_f64();
            assert!((watts - 130.0).abs() < 0.1, "{faults:?} {id} {watts}");
        }
        let truth = bench.stick.truth();
        for really in &truth.inverters {
            let watts = really.limit.watts().to_f64();
            assert!((watts - 130.0).abs() < 0.1, "{faults:?} {watts}");
        }
    }
}

#[test]
fn a_stick_without_a_paired_inverter_tells_what_it_is() {
    let mut bench = faulty("DS3", false, &[]);
    bench.minutes(5);
    let stick = bench.stick_id();
    assert_eq!(bench.number(&stick, "inverters_paired"), Some(0.0));
    for key in ["stick_firmware", "ecu_id"] {
        let told = bench.values(&stick, key).next_back();
        assert!(matches!(told, Some(Value::Text(_))), "{key} {told:?}");
    }
}

#[test]
fn who_cannot_be_read_is_told_and_the_others_are_read() {
    let mut bench = faulty("YC600,sealed,QT2", true, &[]);
    bench.minutes(5);
    let ids = bench.ids();
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::Online));
    for (id, words) in [(&ids[1], "encrypted"), (&ids[2], "model 29")] {
        let health = bench.health(id).unwrap();
        assert_eq!(health.code, HealthCode::Unsupported, "{health:?}");
        assert!(health.detail.contains(words), "{health:?}");
        for key in ["power", "energy_total", "temperature", "panel_1_power"] {
            assert_eq!(bench.number(id, key), None, "{id} {key}");
        }
    }
}

#[test]
fn an_old_firmware_of_the_stick_loses_the_newer_kinds_only() {
    let mut bench = faulty("YC600,DS3", true, &["old-firmware"]);
    bench.minutes(30);
    let ids = bench.ids();
    assert_eq!(bench.code(&ids[0]), Some(HealthCode::Online));
    assert!(bench.number(&ids[0], "power").is_some());
    assert_eq!(bench.code(&ids[1]), Some(HealthCode::OutOfContact));
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    // The stick is left as it is.
    assert_eq!(bench.reopened, 0);
}

#[test]
fn nights_pass_without_a_word_of_trouble_and_limits_are_set_again() {
    let mut settings = StickSettings::new(listed("DS3,YC600,QS1"), Some(gateway()));
    settings.faults = vec!["limit-forgotten".parse().unwrap()];
    let begin = date(2026, 6, 21).at(10, 0, 0, 0).to_zoned(zone()).unwrap();
    let mut bench = Bench::of(
        settings,
        &begin,
        |_, _| {},
        |config| config.keep_limit = true,
    );
    bench.minutes(3);
    for id in bench.ids() {
        bench.command(&id, "power_limit", Decimal::integer(180).into());
    }
    bench.minutes(60 * 26);
    let truth = bench.stick.truth();
    for really in &truth.inverters {
        let watts = really.limit.watts().to_f64();
        assert!((watts - 180.0).abs() < 0.1, "{watts}");
    }
    copes(&mut bench, 1, "a night");
}
