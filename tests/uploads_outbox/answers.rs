//! What receivers say, and how long is waited.

use std::time::Duration;

use jiff::SignedDuration;
use wattbridge::history::Cursors;
use wattbridge::model::HealthCode;
use wattbridge::uploads::NextRound;

use crate::receiver::Receiver;
use crate::sender::{House, START, moment};

const SINCE: &str = "since = \"2026-06-15\"";

fn parse_error() -> Option<(u16, String)> {
    let body =
        r#"{"error":"unable to parse 'wattbridge,device=x power=NaN 1764333000': invalid number"}"#;
    Some((400, body.to_owned()))
}

#[tokio::test]
async fn halving_finds_the_one_slot_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(300);
    let bad = START + 137 * 300;
    receiver.kept().hook = Some(Box::new(move |body| {
        body.contains(&bad.to_string())
            .then(|| (parse_error(), false))
    }));
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    sender.work_on().await;
    let mut truth = house.truth();
    for times in truth.values_mut() {
        times.remove(&bad);
    }
    let points = receiver.kept().points.clone();
    assert_eq!(points, truth);
    let requests = receiver.kept().bodies.len();
    assert!(requests < 40, "{requests}");
    let given_up = house.history.cursors().given_up(&sender.named.id).await;
    let given_up = given_up.unwrap();
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].slot, bad);
    assert!(
        given_up[0].reason.contains("invalid number"),
        "{given_up:?}"
    );
    assert_eq!(sender.rounds.state().given_up, 1);
    assert_eq!(sender.rounds.state().health.code, HealthCode::Online);
}

/// More are refused than are remembered: it ends all the same.
#[tokio::test]
async fn what_is_refused_without_end_ends() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(1010);
    receiver.kept().hook = Some(Box::new(|_| Some((parse_error(), false))));
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    sender.work_on().await;
    let cursors = house.history.cursors();
    let given_up = cursors.given_up(&sender.named.id).await.unwrap();
    assert_eq!(given_up.len(), 1000);
    assert_eq!(given_up[999].slot, START + 1010 * 300);
    // That nothing arrives is told, with the reason, until something does.
    assert_eq!(sender.rounds.state().health.code, HealthCode::Degraded);
    assert!(
        sender.health().contains("invalid number"),
        "{}",
        sender.health()
    );
    // Mended, and tried once more.
    receiver.kept().hook = None;
    let slots = cursors.take_back(&sender.named.id).await.unwrap();
    assert_eq!(slots.len(), 1000);
    sender.work_on().await;
    let kept = receiver.kept();
    let of_energy = &kept.points[&("victron_hq2123abcde".to_owned(), "energy_total".to_owned())];
    assert_eq!(of_energy.len(), 1000);
}

/// A fault that passes must not cost all that waits.
#[tokio::test]
async fn what_is_refused_without_end_goes_slowly() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(500);
    receiver.kept().hook = Some(Box::new(|_| Some((parse_error(), false))));
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    let began = house.clock.now();
    while house.clock.now().duration_since(began) < SignedDuration::from_mins(30) {
        if let NextRound::After(wait) = sender.work().await {
            let wait = SignedDuration::try_from(wait).unwrap();
            house
                .clock
                .move_to(house.clock.now() + wait + SignedDuration::from_secs(1));
        }
    }
    let state = sender.rounds.state();
    assert!((9..20).contains(&state.given_up), "{state:?}");
    assert_eq!(state.health.code, HealthCode::Degraded, "{state:?}");
    receiver.kept().hook = None;
    sender.work_on().await;
    let state = sender.rounds.state();
    assert_eq!(state.health.code, HealthCode::Online, "{state:?}");
    let kept = receiver.kept();
    let of_energy = &kept.points[&("victron_hq2123abcde".to_owned(), "energy_total".to_owned())];
    assert_eq!(of_energy.len(), 500 - state.given_up);
}

/// A bad request for another reason than a line is nobody's fault among the slots.
#[tokio::test]
async fn nothing_is_given_up_for_a_request_that_is_wrong_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(50);
    for body in [
        "<html>The plain HTTP request was sent to HTTPS port</html>",
        r#"{"error":"database is required"}"#,
        "",
    ] {
        let said = (Some((400, body.to_owned())), false);
        receiver.kept().next.push_back(said);
    }
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    let wait = sender.work().await;
    assert!(matches!(wait, NextRound::After(_)), "{wait:?}");
    assert_eq!(sender.rounds.state().health.code, HealthCode::Retrying);
    sender.work_on().await;
    assert_eq!(sender.rounds.state().given_up, 0);
    assert_eq!(receiver.kept().points, house.truth());
}

#[tokio::test]
async fn what_a_server_asks_for_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::new(folder.path());
    house.live(5);
    // One that can tell of a pause.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pauses = ["17", "99999999999999999999999", "18446744073709551615"];
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        for pause in pauses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 10_000];
            let _ = stream.read(&mut bytes).await.unwrap();
            let answer = format!(
                "HTTP/1.1 429 X\r\nRetry-After: {pause}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.read(&mut bytes).await;
        }
    });
    let toml = format!("[[influxdb]]\nurl = \"{url}\"\ndatabase = \"wattbridge\"\n{SINCE}\n");
    let mut sender = house.sender(&toml).await;
    let wait = sender.work().await;
    assert_eq!(wait, NextRound::After(Duration::from_secs(17)));
    assert_eq!(sender.rounds.state().health.code, HealthCode::Retrying);
    let now = house.clock.now();
    house.clock.move_to(now + SignedDuration::from_secs(16));
    let wait = sender.work().await;
    assert_eq!(wait, NextRound::After(Duration::from_secs(1)));
    for _ in 0..2 {
        let now = house.clock.now();
        house.clock.move_to(now + SignedDuration::from_hours(7));
        let NextRound::After(wait) = sender.work().await else {
            panic!()
        };
        // What is no number is no wish; and nobody waits for ever.
        assert!(wait >= Duration::from_secs(30) && wait <= Duration::from_secs(6 * 3600));
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_hold_ends_when_somebody_hurries() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(5);
    let no = r#"{"error":"database not found: \"wattbridge\""}"#;
    receiver
        .kept()
        .next
        .push_back((Some((404, no.to_owned())), false));
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    let wait = sender.work().await;
    assert_eq!(wait, NextRound::After(Duration::from_secs(300)));
    assert_eq!(sender.rounds.state().health.code, HealthCode::Refused);
    let words = sender.health();
    assert!(words.contains("CREATE DATABASE wattbridge"), "{words}");
    assert_eq!(sender.rounds.state().pending, 5);
    let cursor = house.history.cursors().load(&sender.named.id).await;
    assert_eq!(cursor.unwrap().unwrap().health, words);
    assert!(!sender.rounds.is_hurried().await);
    let beside = Cursors::beside(&house.path).unwrap();
    assert!(beside.hurry(&sender.named.id).await.unwrap());
    assert!(sender.rounds.is_hurried().await);
    assert_eq!(sender.work().await, NextRound::Slot);
    assert_eq!(receiver.kept().points, house.truth());
    assert_eq!(sender.rounds.state().pending, 0);
    assert!(!sender.rounds.is_hurried().await);
}

#[tokio::test]
async fn nothing_is_sent_while_the_clock_is_not_set_and_a_clock_that_was_ahead_is_forgiven() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(5);
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    for wrong in [
        "1970-01-01T00:03:00Z",
        "2025-12-31T00:00:00Z",
        "2026-06-14T23:00:00Z",
    ] {
        house.clock.move_to(wrong.parse().unwrap());
        let wait = sender.work().await;
        assert!(matches!(wait, NextRound::After(_)), "{wait:?}");
        assert_eq!(sender.rounds.state().health.code, HealthCode::Degraded);
        let words = sender.health();
        assert!(words.contains("clock"), "{words}");
    }
    assert!(receiver.kept().bodies.is_empty());
    // A year ahead for a while, which moved the cursor.
    let cursors = house.history.cursors();
    house.clock.move_to(moment(START + 5 * 300 + 100));
    sender.work_on().await;
    let cursor = cursors.load(&sender.named.id).await.unwrap().unwrap();
    let ahead = wattbridge::history::Cursor {
        done: START + 365 * 86_400,
        ..cursor
    };
    cursors
        .save(&sender.named.id, ahead, Vec::new())
        .await
        .unwrap();
    let mut sender = house.sender(&receiver.toml(SINCE)).await;
    sender.work_on().await;
    house.live(4);
    sender.work_on().await;
    assert_eq!(receiver.kept().points, house.truth());
}

#[tokio::test]
async fn pauses_grow_and_a_server_that_is_away_for_long_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let mut house = House::new(folder.path());
    house.live(5);
    let port = crate::ports::free_port();
    let toml = format!(
        "[[influxdb]]\nurl = \"http://127.0.0.1:{port}\"\ndatabase = \"wattbridge\"\n{SINCE}\n"
    );
    let mut sender = house.sender(&toml).await;
    for pause in [30, 60, 120, 240, 480, 900, 900] {
        let NextRound::After(wait) = sender.work().await else {
            panic!()
        };
        let pause = f64::from(pause);
        let wait = wait.as_secs_f64();
        assert!((pause..=pause * 1.1).contains(&wait), "{wait} {pause}");
        let now = house.clock.now();
        house
            .clock
            .move_to(now + SignedDuration::try_from_secs_f64(wait + 0.001).unwrap());
    }
    assert_eq!(sender.rounds.state().health.code, HealthCode::Unreachable);
    assert_eq!(sender.rounds.state().pending, 5);
}
