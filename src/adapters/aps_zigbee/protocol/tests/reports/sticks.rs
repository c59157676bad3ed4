//! Sticks that seem to be dead, or are.

use super::*;
use crate::adapters::aps_zigbee::simulator::SimFirmware;
use crate::links::ControlLine;

/// Report 1.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn after_a_power_loss_of_the_stick_polls_are_refused_and_nobody_has_to_pair_again() {
    let refused = bytes_of("r-poll-cold-boot-02");
    let mut bench = Bench::new("DS3", true);
    bench.minutes(8);
    let id = bench.ids()[0].clone();
    let address = bench.remembered_address(0).unwrap();
    let (resets, polls) = (bench.resets(), bench.polls(address).len());
    bench.script(&format!(
        "{} count 1\n after 5\n send {}",
        poll_of(address),
        Hex::of(&refused)
    ));
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.minutes(3);
    assert!(bench.resets() > resets, "it is not brought up anew");
    assert!(bench.polls(address).len() > polls + 1);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
    assert!(bench.number(&id, "power").is_some());
    assert_eq!(bench.remembered_address(0), Some(address));
    let serial = bench.config.inverters[0];
    assert_eq!(bench.conversation.schedule.failures(serial), 0);
    let foreign = bench.stick.stick().counts().foreign;
    assert_eq!(foreign, 0, "something was paired");
}

/// Report 1, the stick alone was without power; its port stays.
#[test]
fn a_stick_that_was_without_power_is_brought_up_and_asked_as_before() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(8);
    let starts = bench.stick.stick().counts().starts;
    bench.stick.replug();
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.minutes(3);
    assert!(bench.stick.stick().counts().starts > starts + 1);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
    for id in bench.ids() {
        assert!(bench.number(&id, "power").is_some(), "{id}");
    }
}

/// Report 1: the poll that was refused is repeated once the stick works.
#[test]
fn a_refused_poll_is_repeated_once_the_stick_works() {
    let refused = bytes_of("r-poll-cold-boot-02");
    let mut bench = Bench::with(
        "DS3",
        true,
        |_, _| {},
        |config| {
            config.interval = crate::config::Period::seconds(600);
        },
    );
    bench.minutes(8);
    let address = bench.remembered_address(0).unwrap();
    bench.script(&format!(
        "{} count 1\n after 5\n send {}",
        poll_of(address),
        Hex::of(&refused)
    ));
    let before = bench.polls(address).len();
    bench.minutes(20);
    let polls = bench.polls(address);
    let [first, second, ..] = polls[before..] else {
        panic!("{polls:?}")
    };
    assert!(second - first < 30 * SECOND, "{:?}", second - first);
}

/// Report 2.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_stick_that_starts_slowly_does_not_lose_its_address() {
    let late = bytes_of("r-init-write-lost-after-reset");
    let mut bench = Bench::new("QS1", false);
    // The indication comes after three seconds, and the first write of the address is swallowed.
    bench.script(&format!(
        "on FE01410000?? count 2\n after 3000\n send {}\non FE0A26050108* count 1\n drop",
        Hex::of(&late)
    ));
    bench.minutes(1);
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    let requests = bench.requests();
    let resets = requests.windows(2).filter_map(|two| match two {
        [(when, ZnpRequest::Reset(_)), (next, _)] => Some(*next - *when),
        _ => None,
    });
    let waited: Vec<Duration> = resets.collect();
    assert_eq!(waited.len(), 2);
    assert!(waited.iter().all(|it| *it >= 3 * SECOND), "{waited:?}");
    let is_address = |(_, it): &&(Duration, ZnpRequest)| {
        matches!(it, ZnpRequest::WriteConfiguration { item: 1, .. })
    };
    assert_eq!(requests.iter().filter(is_address).count(), 2);
    assert_eq!(bench.stick.stick().network(), Some(gateway().network()));
    // And so it is paired.
    let id = bench.ids()[0].clone();
    bench.command(&id, "pair", Value::Unknown);
    bench.minutes(4);
    assert_eq!(
        bench.code(&id),
        Some(HealthCode::Online),
        "{:?}",
        bench.health(&id)
    );
}

/// Report 2, with an address that is lost for a while whatever is said.
#[test]
fn an_address_that_is_not_kept_is_told_and_written_until_it_is() {
    let mut bench = Bench::faulty("QS1", true, &["address-lost@..3m", "slow-reset=4s"]);
    bench.minutes(2);
    let health = bench.health(&bench.stick_id()).unwrap();
    assert_eq!(health.code, HealthCode::Degraded);
    assert!(
        health.detail.contains("does not keep the network"),
        "{health:?}"
    );
    bench.minutes(6);
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    let id = bench.ids()[0].clone();
    assert!(
        bench.number(&id, "power_counted").is_some() || bench.number(&id, "dc_power").is_some()
    );
}

/// Report 5.
#[test]
fn a_coordinator_that_is_still_starting_is_waited_for() {
    for faults in [
        &["slow-start=9s"][..],
        &["slow-start=9s", "glued"],
        &["slow-start=25s", "glued", "split=7"],
    ] {
        let mut bench = Bench::faulty("DS3", true, faults);
        bench.minutes(2);
        let stick = bench.stick_id();
        assert_eq!(bench.code(&stick), Some(HealthCode::Online), "{faults:?}");
        let healths = bench.healths(&stick);
        let is_wrong = |it: &Health| it.code.is_problem();
        assert!(!healths.iter().any(is_wrong), "{healths:?}");
        assert_eq!(bench.resets(), 2, "{faults:?}");
    }
}

/// Report 5: state 08 and others in the same read as the answer.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn several_frames_in_one_read_are_no_failed_start() {
    let starting = bytes_of("init-devinfo-not-yet");
    // It is another's address, and ours is to be waited for.
    let mut scanner = ZnpScanner::default();
    scanner.push(&starting);
    let mut ours = Vec::new();
    while let Some(ZnpScanned::Frame { frame, .. }) = scanner.next() {
        let mut message = ZnpMessage::decode(frame);
        if let ZnpMessage::DeviceInfo(info) = &mut message {
            info.ieee[..2].fill(0xff);
            info.ieee[2..].copy_from_slice(&gateway().reversed());
        }
        ours.extend(message.encode().unwrap());
    }
    let mut settings = settings("DS3", true, &[]);
    let script = format!("on FE00270027 count 4\n after 10\n send {}", Hex::of(&ours));
    settings.script = script.parse().unwrap();
    let mut bench = Bench::of(settings, &at("2026-06-21T10:00"), |_, _| {}, |_| {});
    bench.minutes(2);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    // Four times it was waited for; what came then was a stick that is nobody's, which is brought up once.
    let requests = bench.requests();
    let asked = requests
        .iter()
        .take_while(|(_, it)| !matches!(it, ZnpRequest::Reset(_)))
        .filter(|(_, it)| *it == ZnpRequest::DeviceInfo)
        .count();
    assert_eq!((asked, bench.resets()), (5, 2));
}

/// Report 18.
#[test]
fn a_stick_that_is_dead_for_days_is_told_once_and_tried_for_ever() {
    let mut bench = Bench::faulty("DS3", true, &[]);
    bench.minutes(60);
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.stick.stick().freeze();
    bench.minutes(60 * 50);
    let stick = bench.stick_id();
    let healths = bench.healths(&stick);
    let [health] = &healths[..] else {
        panic!("{healths:?}")
    };
    assert_eq!(health.code, HealthCode::Silent);
    assert!(
        health.advice.contains("unplug it for ten seconds"),
        "{health:?}"
    );
    let id = bench.ids()[0].clone();
    let told = bench.healths(&id);
    assert!(told.len() <= 5, "{told:?}");
    // It is still tried, and seldom.
    let since = bench.stick.now().steady - 3600 * SECOND;
    let tries = bench.sent.iter().filter(|(at, _)| *at > since).count();
    assert!((3..120).contains(&tries), "{tries}");
    assert!(bench.reopened > 100);
    bench.stick.replug();
    bench.minutes(15);
    assert_eq!(bench.code(&stick), Some(HealthCode::Online));
    assert!(bench.number(&id, "power").is_some());
}

/// Report 18, after so many requests, with a wire to the reset pin.
#[test]
fn a_stick_that_freezes_over_and_over_is_reset_each_time() {
    let settings = settings("DS3", true, &["freeze=120"]);
    let mut bench = Bench::of(
        settings,
        &at("2026-06-21T09:00"),
        |_, _| {},
        |config| {
            config.reset_line = Some(ControlLine::Rts);
        },
    );
    bench.minutes(60 * 8);
    assert!(bench.pulses >= 2, "{}", bench.pulses);
    let id = bench.ids()[0].clone();
    let powers = bench.numbers(&id, "power");
    assert!(powers.len() > 300, "{}", powers.len());
    bench.minutes(10);
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
}

/// Report 19: what the stick says of itself.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_stock_firmware_is_known_by_what_it_says() {
    let ping = bytes_of("r-ping-stock-12");
    let reset = bytes_of("r-reset-ind-cc2652");
    for (script, words) in [
        (
            format!("on FE00210120\n after 5\n send {}", Hex::of(&ping)),
            "Home 1.2",
        ),
        (
            format!("on FE01410000??\n after 900\n send {}", Hex::of(&reset)),
            "CC26xx",
        ),
    ] {
        let mut settings = settings("DS3", true, &[]);
        settings.script = script.parse().unwrap();
        let mut bench = Bench::of(settings, &at("2026-06-21T10:00"), |_, _| {}, |_| {});
        bench.minutes(3);
        let stick = bench.stick_id();
        let health = bench.health(&stick).unwrap();
        assert_eq!(health.code, HealthCode::Unsupported, "{health:?}");
        assert!(health.detail.contains(words), "{health:?}");
        assert!(health.advice.contains("firmware"), "{health:?}");
        let id = bench.ids()[0].clone();
        assert_eq!(bench.code(&id), Some(HealthCode::Unsupported));
        let polls = bench.told_inverters();
        assert!(polls.is_empty(), "{polls:?}");
    }
}

/// Report 19: the whole stick.
#[test]
fn sticks_with_stock_firmware_are_told() {
    for (firmware, words) in [
        (SimFirmware::Home12, "Home 1.2"),
        (SimFirmware::Stock3x0, "CC26xx"),
    ] {
        let mut settings = settings("DS3", true, &[]);
        settings.firmware = firmware;
        let mut bench = Bench::of(settings, &at("2026-06-21T10:00"), |_, _| {}, |_| {});
        bench.minutes(3);
        let health = bench.health(&bench.stick_id()).unwrap();
        assert_eq!(health.code, HealthCode::Unsupported, "{firmware:?}");
        assert!(health.detail.contains(words), "{health:?}");
    }
    // One that has the same name as the right one, and says the same of itself: nobody is heard with it.
    let mut settings = settings("DS3", true, &[]);
    settings.firmware = SimFirmware::Stock30;
    let mut bench = Bench::of(settings, &at("2026-06-21T10:00"), |_, _| {}, |_| {});
    bench.minutes(60);
    let codes = [HealthCode::Degraded, HealthCode::OutOfContact];
    for (id, code) in [bench.stick_id(), bench.ids()[0].clone()]
        .into_iter()
        .zip(codes)
    {
        let health = bench.health(&id).unwrap();
        assert_eq!(health.code, code, "{health:?}");
        assert!(
            health.advice.contains("stock firmware of the same name"),
            "{health:?}"
        );
    }
}

/// Report 19: one that has no simple API and does not even say so.
#[test]
fn a_stick_that_never_answers_its_configuration_has_a_stock_firmware() {
    let mut bench = Bench::faulty("DS3", true, &["no-simple-api"]);
    bench.minutes(3);
    let health = bench.health(&bench.stick_id()).unwrap();
    assert_eq!(health.code, HealthCode::Unsupported, "{health:?}");
    assert!(health.detail.contains("Z-Stack 3.0"), "{health:?}");
    assert!(health.advice.contains("same name"), "{health:?}");
}

/// Report 20: wires.
#[test]
fn wrong_wires_are_told_apart() {
    for (fault, code, words) in [
        ("mute", HealthCode::Silent, "not a single byte"),
        ("own-bytes", HealthCode::Garbled, "comes straight back"),
        (
            "noise=30",
            HealthCode::Garbled,
            "bytes came that mean nothing",
        ),
    ] {
        let faults = if fault == "noise=30" {
            &[fault, "wrong-sum"][..]
        } else {
            &[fault][..]
        };
        let mut bench = Bench::faulty("DS3", true, faults);
        bench.minutes(5);
        let health = bench.health(&bench.stick_id()).unwrap();
        assert_eq!(health.code, code, "{fault} {health:?}");
        assert!(health.detail.contains(words), "{fault} {health:?}");
        let requests = bench.requests();
        let loopback = ZnpRequest::Loopback(vec![0xaa, 0xbb, 0xcc]);
        assert!(requests.iter().any(|(_, it)| *it == loopback), "{fault}");
        assert!(
            bench.sent.iter().any(|(_, it)| *it == [0xef; 256]),
            "{fault}"
        );
        assert!(bench.told_inverters().is_empty(), "{fault}");
        // What was mended works by itself.
        bench.stick.stick().faults.replace(&[]);
        bench.minutes(20);
        let health = bench.health(&bench.stick_id()).unwrap();
        assert_eq!(health.code, HealthCode::Online, "{fault} {health:?}");
    }
}

/// Report 20: bytes that mean nothing around frames that do.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn stray_bytes_around_good_frames_do_no_harm() {
    let burst = bytes_of("r-stray-ef-burst");
    let start = bytes_of("r-stray-f0f8");
    let mut settings = settings("DS3", true, &["stray"]);
    // The second has the address of another stick in it: that one is not well, and is brought up.
    settings.script = format!(
        "on FE00210120 count 1\n after 30\n send {}\non FE00270027 count 1\n after 20\n send {}",
        Hex::of(&burst),
        Hex::of(&start)
    )
    .parse()
    .unwrap();
    let mut bench = Bench::of(settings, &at("2026-06-21T10:00"), |_, _| {}, |_| {});
    bench.minutes(4);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
    let id = bench.ids()[0].clone();
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
}

/// Report 24.
#[test]
fn answers_that_come_in_pieces_are_whole() {
    for faults in [
        &["split=3"][..],
        &["split=1", "pause=2ms"],
        &["split=40", "pause=250ms"],
        &["glued"],
        &["split=50", "pause=120ms", "stray"],
    ] {
        let mut bench = Bench::faulty("DS3,YC600", true, faults);
        bench.minutes(5);
        for id in bench.ids() {
            let powers = bench.numbers(&id, "dc_power");
            assert!(powers.len() >= 3, "{faults:?} {id} {powers:?}");
        }
        assert_eq!(bench.problems(), Vec::<&Health>::new(), "{faults:?}");
    }
}

/// Report 24: no pause ends a frame.
#[test]
fn an_answer_with_a_long_pause_in_it_is_whole() {
    let mut bench = Bench::faulty("DS3", true, &["split=70", "pause=900ms"]);
    bench.minutes(5);
    let id = bench.ids()[0].clone();
    let powers = bench.numbers(&id, "power");
    assert!(powers.len() >= 3, "{powers:?}");
}
