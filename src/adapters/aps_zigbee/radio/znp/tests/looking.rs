//! Whether there is a stick, and the right one.

use super::*;

#[test]
fn wrong_firmwares_are_told_before_anything_is_written() {
    let stock = Bench::but(|request, _| {
        (*request == ZnpRequest::Ping).then(|| at_once(&[ZnpMessage::Pong(0x0179)]))
    });
    let of_reset = |product| {
        Bench::but(move |request, _| match request {
            ZnpRequest::Ping => Some(Vec::new()),
            ZnpRequest::Reset(_) => Some(at_once(&[reset_of(product)])),
            _ => None,
        })
    };
    let refusing = Bench::but(|request, _| {
        let is_write = matches!(request, ZnpRequest::WriteConfiguration { .. });
        let refused = ZnpMessage::Refused {
            reason: 2,
            command: 0x2605,
        };
        is_write.then(|| at_once(&[refused]))
    });
    let mute = Bench::but(|request, _| {
        matches!(request, ZnpRequest::WriteConfiguration { .. }).then(Vec::new)
    });
    for (mut bench, firmware, writes) in [
        (stock, StickFirmware::StockHome12, 0),
        (of_reset(0), StickFirmware::StockHome12, 0),
        (of_reset(1), StickFirmware::Cc26xx, 0),
        (refusing, StickFirmware::Stock30, 1),
        (mute, StickFirmware::Stock30, 3),
    ] {
        bench.pass(secs(20));
        let RadioState::Trouble(RadioTrouble::WrongFirmware(found)) = bench.state() else {
            panic!("{firmware:?}: {:?}", bench.state());
        };
        assert_eq!(found, firmware);
        let is_write =
            |request: &ZnpRequest| matches!(request, ZnpRequest::WriteConfiguration { .. });
        assert_eq!(bench.count(is_write), writes, "{firmware:?}");
        // The trouble stays while it is tried again.
        bench.pass(secs(640));
        assert_eq!(bench.reopened.len(), 1);
        assert_eq!(bench.troubles().len(), 1, "{:?}", bench.troubles());
    }
}

#[test]
fn wiring_is_told_apart() {
    let silent = Bench::new(|_, _| Vec::new());
    let bridged =
        Bench::new(|request, _| vec![(Duration::from_millis(1), request.encode().unwrap())]);
    let noisy = Bench::new(|_, _| vec![(Duration::from_millis(1), vec![0x80, 0xfe, 0x00])]);
    for (mut bench, expected, after) in [
        (silent, RadioTrouble::NoByte, 165),
        // That needs no patience with a boot loader.
        (bridged, RadioTrouble::OwnBytes, 10),
        (noisy, RadioTrouble::Garbage { bytes: 0 }, 165),
    ] {
        bench.pass(secs(after));
        let found = match bench.troubles().first() {
            Some(RadioTrouble::Garbage { bytes }) if *bytes > 0 => {
                RadioTrouble::Garbage { bytes: 0 }
            }
            other => other.unwrap().clone(),
        };
        assert_eq!(found, expected);
        assert!(bench.count(|request| matches!(request, ZnpRequest::Loopback(_))) >= 1);
        assert!(bench.skips >= 1 && bench.pulses >= 1);
    }
}

#[test]
fn silence_is_tried_again_for_ever_with_longer_pauses() {
    let mut bench = Bench::new(|_, _| Vec::new());
    bench.pass(secs(4000));
    let pauses: Vec<u64> = bench
        .reopened
        .windows(2)
        .map(|two| (two[1] - two[0]).as_secs())
        .collect();
    assert!(
        bench.reopened[0] > secs(250) && bench.reopened[0] < secs(270),
        "{:?}",
        bench.reopened
    );
    // Each attempt takes some seconds.
    let expected = [36, 126, 606, 606];
    for (pause, expected) in pauses.iter().zip(expected) {
        assert!(pause.abs_diff(expected) <= 3, "{pauses:?}");
    }
    assert!(pauses.len() > 5);
    // Told once, not with each attempt.
    assert_eq!(bench.troubles(), [RadioTrouble::NoByte]);
    let states = bench
        .notices
        .iter()
        .filter(|(_, notice)| matches!(notice, RadioNotice::State(_)));
    assert_eq!(states.count(), 3);
}

#[test]
fn the_boot_loader_is_given_its_time() {
    let mut stick = Good::default();
    let mut bench = Bench::new(move |request, now| {
        if now < secs(100 + 120) {
            Vec::new()
        } else {
            stick.answer(request)
        }
    });
    bench.pass(secs(115));
    assert_eq!(bench.state(), RadioState::Starting(StartStep::BootLoader));
    bench.pass(secs(25));
    assert!(bench.is_ready());
    assert!(bench.troubles().is_empty());
}

#[test]
fn a_stick_that_says_it_has_started_is_not_kept_waiting() {
    let mut is_there = false;
    let mut stick = Good::default();
    let mut bench = Bench::new(move |request, now| {
        is_there |= now > secs(500);
        if is_there {
            stick.answer(request)
        } else {
            Vec::new()
        }
    });
    // It gets its power in the middle of a long pause.
    bench.until(secs(550));
    assert!(matches!(
        bench.state(),
        RadioState::Trouble(RadioTrouble::NoByte)
    ));
    bench.say(&reset_of(2));
    bench.pass(secs(15));
    assert!(bench.is_ready());
}
