//! Whether the device hears us.

use super::*;

#[test]
fn a_cable_that_cannot_send_is_found_out_and_left_alone_longer_and_longer() {
    let mut bench = Bench::new(Family::Mppt);
    bench.hears = false;
    bench.run(2 * 3600);
    assert_eq!(bench.poller.hearing(), Hearing::No);
    assert!(
        bench
            .sent
            .iter()
            .all(|(_, request)| *request == Request::Ping)
    );
    // A question and its repetitions are one try.
    let mut tries: Vec<Duration> = Vec::new();
    let mut last = None;
    for (at, _) in &bench.sent {
        if last.is_none_or(|last| *at - last > seconds(10)) {
            tries.push(*at);
        }
        last = Some(*at);
    }
    let pauses: Vec<u64> = tries
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs())
        .collect();
    for (pause, least) in pauses.iter().zip([30, 300, 1800, 3600]) {
        assert!((least..least + 15).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() >= 3);
}

#[test]
fn a_device_that_begins_to_hear_is_asked_again() {
    let mut bench = Bench::new(Family::Mppt);
    bench.hears = false;
    bench.run(20);
    assert_eq!(bench.poller.hearing(), Hearing::No);
    bench.hears = true;
    bench.run(60);
    assert_eq!(bench.poller.hearing(), Hearing::Yes);
    assert!(!bench.times(SERIAL).is_empty());
}

#[test]
fn a_device_that_complains_is_left_alone() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(30);
    let complaint = Answer::Malformed.encode();
    for _ in 0..4 {
        bench.say(&complaint);
    }
    assert!(!bench.poller.is_complaining());
    bench.say(&complaint);
    assert!(bench.poller.is_complaining());
    bench.open = None;
    bench.sent.clear();
    bench.run(290);
    assert_eq!(bench.sent, []);
    bench.run(30);
    assert!(!bench.sent.is_empty());
}

#[test]
fn complaints_now_and_then_do_no_harm() {
    let mut bench = Bench::new(Family::Mppt);
    for _ in 0..20 {
        bench.run(30);
        bench.say(&Answer::Malformed.encode());
    }
    assert!(!bench.poller.is_complaining());
    assert_eq!(bench.poller.hearing(), Hearing::Yes);
}
