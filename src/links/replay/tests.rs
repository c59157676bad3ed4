use jiff::tz::TimeZone;

use super::super::{Links, Parity, Recording, SerialSettings};
use super::*;

const HEAD: &str =
    "# wattbridge recording 1\n# adapter: smart_meter\n# started: 2026-06-21T10:00:00.000Z\n";
const SETTINGS: SerialSettings = SerialSettings::new(2400, Parity::Even);
const SECOND: Duration = Duration::from_secs(1);

/// Links that play these lines, the clock they move, and where they lead to.
fn replay(lines: &str) -> (Links, Clock, Address) {
    let recording = Recording::parse(&format!("{HEAD}{lines}")).unwrap();
    let clock = Clock::manual(recording.started, TimeZone::UTC);
    let links = Links::replayed(recording.script(), clock.clone());
    (links, clock, "/dev/ttyUSB0".parse().unwrap())
}

fn at(clock: &Clock, millis: i64) -> bool {
    let start: Timestamp = "2026-06-21T10:00:00Z".parse().unwrap();
    clock.now().as_millisecond() == start.as_millisecond() + millis
}

const PUSHED: &str = "0.000 1 open /dev/ttyUSB0\n1.000 1 < 01\n6.500 1 < 0203\n7.000 1 close\n";

#[tokio::test]
async fn silence_is_seen_before_what_came_after_it() {
    let (links, clock, address) = replay(PUSHED);
    let mut connection = links.open(&address, &SETTINGS, SECOND).await.unwrap();
    let mut bytes = Vec::new();
    let within = SECOND * 2;
    assert_eq!(connection.receive_within(&mut bytes, within).await, Ok(1));
    assert!(at(&clock, 1000));
    for millis in [3000, 5000] {
        let silence = connection.receive_within(&mut bytes, within).await;
        let timed_out = LinkError::TimedOut {
            address: address.clone(),
            after: within,
        };
        assert_eq!(silence, Err(timed_out));
        assert!(at(&clock, millis), "{}", clock.now());
    }
    assert_eq!(connection.receive_within(&mut bytes, within).await, Ok(2));
    assert!(at(&clock, 6500));
    assert_eq!(bytes, [1, 2, 3]);
    assert_eq!(connection.receive_within(&mut bytes, within).await, Ok(0));
    assert!(at(&clock, 7000));
    assert!(matches!(connection.ended(), LinkError::Unplugged(_)));
    let next = links.open(&address, &SETTINGS, SECOND).await;
    assert_eq!(next.unwrap_err(), LinkError::RecordingEnded);
}

#[tokio::test]
async fn one_deadline_holds_for_all_that_is_received_until_then() {
    let (links, clock, address) = replay(PUSHED);
    let mut connection = links.open(&address, &SETTINGS, SECOND).await.unwrap();
    let mut bytes = Vec::new();
    let deadline = Instant::now() + SECOND * 4;
    assert_eq!(connection.receive(&mut bytes, deadline).await, Ok(1));
    let silence = connection.receive(&mut bytes, deadline).await;
    assert!(matches!(silence, Err(LinkError::TimedOut { .. })));
    assert!(at(&clock, 4000), "{}", clock.now());
    // A deadline that has passed does not move the clock.
    let silence = connection.receive(&mut bytes, deadline).await;
    assert!(matches!(silence, Err(LinkError::TimedOut { .. })));
    assert!(at(&clock, 4000), "{}", clock.now());
    let deadline = Instant::now() + SECOND * 4;
    assert_eq!(connection.receive(&mut bytes, deadline).await, Ok(2));
    assert!(at(&clock, 6500), "{}", clock.now());
}

#[tokio::test]
async fn a_port_that_could_not_be_opened_cannot_be_opened_again() {
    let (links, clock, address) = replay(
        "0.500 1 fail there is no serial port /dev/ttyUSB0\n2.000 2 open /dev/ttyUSB0\n2.100 2 < 07\n",
    );
    let error = links.open(&address, &SETTINGS, SECOND).await.unwrap_err();
    assert!(error.to_string().contains("no serial port"), "{error}");
    assert!(at(&clock, 500));
    let mut connection = links.open(&address, &SETTINGS, SECOND).await.unwrap();
    assert!(at(&clock, 2000));
    let mut bytes = Vec::new();
    assert_eq!(connection.receive_within(&mut bytes, SECOND).await, Ok(1));
    assert_eq!(connection.send(b"hello", SECOND).await, Ok(()));
}

#[tokio::test]
async fn others_get_a_turn_before_the_clock_moves_on() {
    let (links, clock, address) = replay(PUSHED);
    let mut connection = links.open(&address, &SETTINGS, SECOND).await.unwrap();
    let mut bytes = Vec::new();
    connection.receive_within(&mut bytes, SECOND).await.unwrap();
    let other = tokio::spawn(async move { at(&clock, 1000) });
    connection
        .receive_within(&mut bytes, SECOND * 9)
        .await
        .unwrap();
    assert!(other.await.unwrap());
}
