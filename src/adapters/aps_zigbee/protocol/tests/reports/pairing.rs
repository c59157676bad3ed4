//! Inverters that cannot be paired, or are silent then.

use super::*;

/// Report 3.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_mistyped_serial_number_is_not_paired_because_a_neighbour_repeats_it() {
    let echo = bytes_of("r-pair-any-serial");
    let [message] = &heard(&echo)[..] else {
        panic!("one message")
    };
    let mistyped = InverterSerial::of_wire(message.data[..].try_into().unwrap()).unwrap();
    let through = message.last_hop;
    let mut bench = Bench::with(
        "DS3",
        true,
        |_, _| {},
        |config| config.inverters.push(mistyped),
    );
    bench.minutes(2);
    let id = format!("aps_zigbee_{mistyped}");
    bench.script(&format!(
        "on FE??2402*\n after 20\n send {}",
        Hex::of(&echo)
    ));
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(6);
    let health = bench.health(&id).unwrap();
    assert_eq!(health.code, HealthCode::NoData, "{health:?}");
    let words = format!("passed on by {through}");
    assert!(health.detail.contains(&words), "{health:?}");
    assert!(
        health.advice.contains("serial number against the label"),
        "{health:?}"
    );
    assert_eq!(bench.remembered_address(1), None);
    // Who repeated it is another one that is known.
    assert!(bench.polls(ShortAddress::GATEWAY).is_empty());
    // All four requests, three times.
    let requests = bench.requests();
    let foreign = requests
        .iter()
        .filter(|(_, it)| matches!(it, ZnpRequest::SendForeign(_)));
    assert_eq!(foreign.count(), 12);
    let neighbour = bench.ids()[0].clone();
    assert_eq!(bench.code(&neighbour), Some(HealthCode::Online));
}

/// Report 4.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_address_is_that_of_who_answers_behind_the_echo_of_a_neighbour() {
    for id in ["pair-ds3-1-answer", "pair-2-true-answer"] {
        let mut bytes = bytes_of(id);
        if id == "pair-2-true-answer" {
            bytes = [bytes_of("pair-1-echo-by-other-inverter"), bytes].concat();
        }
        let messages = heard(&bytes);
        let [echo, answer] = &messages[..] else {
            panic!("{id}: {messages:?}")
        };
        let is_by_neighbour = echo.last_hop != answer.source;
        assert_eq!(is_by_neighbour, id == "pair-2-true-answer", "{id}");
        let tail = answer.data.last_chunk().copied().unwrap();
        let serial = InverterSerial::of_wire(tail).unwrap();
        let mut bench = Bench::with(
            "QS1",
            true,
            |_, _| {},
            |config| config.inverters.push(serial),
        );
        bench.minutes(2);
        let device = format!("aps_zigbee_{serial}");
        let telemetry = PanelTelemetry {
            serial,
            ..ds3(500, [1000, 1000], 40)
        };
        bench.script(&format!(
            "on FE??2402*\n after 20\n send {}\n{}\n after 400\n send {}",
            Hex::of(&bytes),
            poll_of(answer.source),
            Hex::of(&answered(&telemetry, answer.source))
        ));
        bench.command(&device, "pair", Value::Unknown);
        bench.minutes(2);
        assert_eq!(bench.remembered_address(1), Some(answer.source), "{id}");
        assert_eq!(bench.code(&device), Some(HealthCode::Online), "{id}");
        if is_by_neighbour {
            assert!(bench.polls(echo.last_hop).is_empty(), "{id}");
        }
        // All four requests although the answer came to the first.
        let requests = bench.requests();
        let foreign = requests
            .iter()
            .filter(|(_, it)| matches!(it, ZnpRequest::SendForeign(_)));
        assert_eq!(foreign.count(), 4, "{id}");
    }
}

/// Report 4: what stands before the serial number in the answer means nothing.
#[test]
fn an_answer_counts_whatever_its_first_bytes_are() {
    for second in [0xff, 0x1a, 0x0e, 0x00] {
        let manners = move |_, manners: &mut InverterManners| manners.second = Some(second);
        let mut bench = Bench::with("DS3,YC600", false, manners, |_| {});
        bench.minutes(1);
        for id in bench.ids() {
            bench.command(&id, "pair", Value::Unknown);
        }
        bench.minutes(4);
        for id in bench.ids() {
            assert_eq!(
                bench.code(&id),
                Some(HealthCode::Online),
                "{id} {second:02x}"
            );
        }
    }
}

/// Report 10.
#[test]
fn an_inverter_that_is_paired_and_tells_nothing_shows_what_came() {
    let pair = |bench: &mut Bench| {
        bench.minutes(1);
        let id = bench.ids()[0].clone();
        bench.command(&id, "pair", Value::Unknown);
        bench.minutes(6);
        bench.health(&id).unwrap().clone()
    };
    // Nothing.
    let health = pair(&mut Bench::faulty("DS3-L", false, &["old-firmware"]));
    assert_eq!(health.code, HealthCode::NoData, "{health:?}");
    assert!(
        health.detail.contains("it told its address, 0x"),
        "{health:?}"
    );
    assert!(
        health.detail.contains("does not answer there"),
        "{health:?}"
    );
    // It encrypts.
    let mut bench = Bench::faulty("sealed", false, &[]);
    let health = pair(&mut bench);
    assert_eq!(health.code, HealthCode::Unsupported, "{health:?}");
    assert!(health.detail.contains("encrypted"), "{health:?}");
    assert!(health.advice.contains("aps_ecu"), "{health:?}");
    let id = bench.ids()[0].clone();
    assert_eq!(bench.number(&id, "power"), None);
    // Another inverter answers where it is said to be.
    let mut bench = Bench::with(
        "DS3,DS3",
        true,
        |_, _| {},
        |config| {
            let second = config.inverters[1];
            config.addresses.remove(&second);
        },
    );
    let [first, second] = bench.config.inverters[..] else {
        panic!("two")
    };
    let mesh = &mut bench.stick.stick().mesh;
    let taken = mesh.inverter(first).unwrap().address;
    mesh.take_away(Some(second), "AAA3011B9780".parse().unwrap());
    mesh.inverter(second).unwrap().address = taken;
    let id = bench.ids()[1].clone();
    bench.minutes(1);
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(6);
    let health = bench.health(&id).unwrap();
    let words = format!("another inverter answers, {first}");
    assert_eq!(health.code, HealthCode::NoData, "{health:?}");
    assert!(health.detail.contains(&words), "{health:?}");
    assert_eq!(bench.number(&id, "power"), None);
}

/// Report 13.
#[test]
fn three_that_are_paired_one_after_the_other_are_all_asked() {
    let mut bench = Bench::new("DS3,DS3,DS3", false);
    bench.minutes(1);
    let stick = bench.stick_id();
    bench.command(&stick, "pairing", Value::OnOff(true));
    bench.minutes(10);
    let addresses: Vec<_> = (0..3)
        .map(|place| bench.remembered_address(place))
        .collect();
    let truth = bench.stick.truth();
    let really: Vec<_> = truth.inverters.iter().map(|it| Some(it.address)).collect();
    assert_eq!(addresses, really);
    assert_eq!(bench.last(&stick, "pairing"), &Value::OnOff(false));
    // From now on they are asked, and the stick is left as it is.
    let (starts, resets) = (bench.stick.stick().counts().starts, bench.resets());
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.minutes(30);
    for (place, id) in bench.ids().into_iter().enumerate() {
        let powers = bench.numbers(&id, "power");
        assert!(powers.len() >= 27, "{id} {}", powers.len());
        assert_eq!(bench.remembered_address(place), addresses[place]);
    }
    assert_eq!(bench.stick.stick().counts().starts, starts);
    assert_eq!(bench.resets(), resets);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
}

/// Report 14: the way there is fine, the inverter is silent.
#[test]
fn one_answer_per_start_of_the_stick_is_the_inverter_and_the_stick_is_left_alone() {
    let mut bench = Bench::faulty("DS3-H", true, &["one-answer"]);
    bench.minutes(10);
    let id = bench.ids()[0].clone();
    assert_eq!(
        bench.numbers(&id, "power").first().map(|it| *it > 0.0),
        Some(true)
    );
    let (starts, resets) = (bench.stick.stick().counts().starts, bench.resets());
    bench.minutes(180);
    assert_eq!(
        bench.stick.stick().counts().starts,
        starts,
        "it is started anew"
    );
    assert_eq!(bench.resets(), resets);
    let health = bench.health(&id).unwrap();
    assert_eq!(health.code, HealthCode::OutOfContact, "{health:?}");
    assert!(health.detail.contains("takes the questions"), "{health:?}");
    assert!(health.advice.contains("firmware"), "{health:?}");
}

/// Report 21.
#[test]
fn who_answers_only_after_a_night_is_advised_to_switch_the_inverter_off() {
    let mut bench = Bench::faulty("DS3", false, &["pair-restarted"]);
    bench.minutes(1);
    let id = bench.ids()[0].clone();
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(6);
    let health = bench.health(&id).unwrap();
    assert_eq!(health.code, HealthCode::NoData, "{health:?}");
    assert!(
        health.advice.contains("(AC and DC) for five minutes"),
        "{health:?}"
    );
    bench.stick.stick().mesh.restart_all();
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(3);
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
}
