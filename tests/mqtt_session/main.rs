//! The MQTT session against a real Mosquitto, and against a scripted broker where Mosquitto is too
//! well-behaved.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod reconnect;
mod scripted;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::outputs::mqtt::session::{
    Clip, Event, Events, Incoming, Message, Qos, Session, SessionError, Settings, probe,
};

use support::mosquitto::{Mosquitto, Setup};
use support::ports::free_port;

const DEADLINE: Duration = Duration::from_secs(20);

fn settings(port: u16, client_id: &str) -> Settings {
    Settings {
        host: "127.0.0.1".into(),
        port,
        client_id: client_id.into(),
        username: None,
        password: None,
        keep_alive: Duration::from_secs(30),
        tls: None,
        lookup: None,
        remedy: None,
        will: None,
        clip: Clip::default(),
    }
}

fn message(topic: &str, payload: &str) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.into(),
        qos: Qos::AtLeastOnce,
        retain: false,
        expiry: None,
    }
}

fn retained(topic: &str, payload: &str) -> Message {
    Message {
        retain: true,
        ..message(topic, payload)
    }
}

fn received(topic: &str, payload: &str, retain: bool) -> Incoming {
    Incoming {
        topic: topic.into(),
        payload: payload.into(),
        retain,
    }
}

/// A session with its events; gone when dropped.
struct Peer {
    session: Session,
    events: Events,
    stop: DropGuard,
}

impl Peer {
    fn start(settings: Settings) -> Self {
        let stop = CancellationToken::new();
        let (session, events) = Session::start(settings, stop.clone());
        Self {
            session,
            events,
            stop: stop.drop_guard(),
        }
    }

    async fn connect(port: u16, client_id: &str) -> Self {
        let mut peer = Self::start(settings(port, client_id));
        peer.connected().await;
        peer
    }

    async fn next(&mut self) -> Option<Event> {
        let event = timeout(DEADLINE, self.events.recv()).await;
        event.expect("no event within the deadline")
    }

    /// Skips failed attempts.
    async fn connected(&mut self) {
        loop {
            match self.next().await {
                Some(Event::Connected) => return,
                Some(Event::Disconnected(_)) => {}
                other => panic!("expected a connection, got {other:?}"),
            }
        }
    }

    async fn disconnected(&mut self) -> SessionError {
        match self.next().await {
            Some(Event::Disconnected(error)) => error,
            other => panic!("expected the end of the connection, got {other:?}"),
        }
    }

    async fn received(&mut self) -> Incoming {
        match self.next().await {
            Some(Event::Received(message)) => message,
            other => panic!("expected a message, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_arrive_and_old_ones_are_marked() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let a = Peer::connect(broker.port(), "a").await;
    let mut b = Peer::connect(broker.port(), "b").await;
    assert!(a.session.is_connected());

    a.session.publish(retained("home/old", "1")).await.unwrap();
    // The answer to SUBSCRIBE shows that the broker has the message before it.
    a.session.subscribe(&["home/none"]).await.unwrap();
    b.session.subscribe(&["home/+", "house/#"]).await.unwrap();
    assert_eq!(b.received().await, received("home/old", "1", true));

    a.session.publish(retained("home/old", "2")).await.unwrap();
    let qos0 = Message {
        qos: Qos::AtMostOnce,
        ..message("house/a/b", "three")
    };
    a.session.publish(qos0).await.unwrap();
    assert_eq!(b.received().await, received("home/old", "2", false));
    assert_eq!(b.received().await, received("house/a/b", "three", false));
}

#[tokio::test]
async fn the_will_is_published_when_the_session_is_dropped() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut observer = Peer::connect(broker.port(), "observer").await;
    observer.session.subscribe(&["status"]).await.unwrap();

    let mut mortal = Peer::start(Settings {
        will: Some(retained("status", "offline")),
        ..settings(broker.port(), "mortal")
    });
    mortal.connected().await;
    drop(mortal);
    assert_eq!(
        observer.received().await,
        received("status", "offline", false)
    );

    // It was retained, as asked for.
    let mut late = Peer::connect(broker.port(), "late").await;
    late.session.subscribe(&["status"]).await.unwrap();
    assert_eq!(late.received().await, received("status", "offline", true));
}

#[tokio::test]
async fn close_delivers_the_last_messages_and_no_will() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut observer = Peer::connect(broker.port(), "observer").await;
    observer.session.subscribe(&["#"]).await.unwrap();

    let mut polite = Peer::start(Settings {
        will: Some(message("status", "will")),
        ..settings(broker.port(), "polite")
    });
    polite.connected().await;
    for number in 0..50 {
        let text = number.to_string();
        polite
            .session
            .publish(message("state", &text))
            .await
            .unwrap();
    }
    // Both may come from the same signal, in any order.
    let other_handle = polite.session.clone();
    polite.stop.disarm().cancel();
    let last = vec![
        message("a/availability", "offline"),
        retained("status", "offline"),
    ];
    polite.session.close(last, DEADLINE).await;
    assert_eq!(polite.events.recv().await, None);
    let late = other_handle.publish(message("x", "y")).await;
    assert_eq!(late, Err(SessionError::NotConnected));

    broker.wait_for_log("Client polite disconnected");
    let sentinel = Peer::connect(broker.port(), "sentinel").await;
    sentinel
        .session
        .publish(message("sentinel", ""))
        .await
        .unwrap();
    for number in 0..50 {
        assert_eq!(
            observer.received().await,
            received("state", &number.to_string(), false)
        );
    }
    assert_eq!(
        observer.received().await,
        received("a/availability", "offline", false)
    );
    assert_eq!(
        observer.received().await,
        received("status", "offline", false)
    );
    assert_eq!(observer.received().await, received("sentinel", "", false));
}

#[tokio::test]
async fn close_without_a_connection_ends_at_once() {
    let peer = Peer::start(settings(free_port(), "lonely"));
    let last = vec![message("status", "offline")];
    timeout(DEADLINE, peer.session.close(last, 10 * DEADLINE))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_explained() {
    let setup = Setup {
        user: Some(("solar", "right")),
        ..Setup::default()
    };
    let Some(broker) = Mosquitto::launch(&setup) else {
        return;
    };
    let with = |password: &str| Settings {
        username: Some("solar".into()),
        password: Some(password.into()),
        ..settings(broker.port(), "guest")
    };
    probe(&with("right")).await.unwrap();
    for wrong in [with("wrong-secret"), settings(broker.port(), "guest")] {
        let error = probe(&wrong).await.unwrap_err();
        assert!(
            matches!(
                error,
                SessionError::NotAuthorised { .. } | SessionError::BadCredentials { .. }
            ),
            "{error}"
        );
        let text = format!("{error} {error:?}");
        assert!(text.contains("`username` and `password`"), "{text}");
        assert!(!text.contains("wrong-secret"), "{text}");
    }
}

#[tokio::test]
async fn a_probe_does_not_disturb_the_running_session() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut settings = settings(broker.port(), "main");
    settings.will = Some(message("status", "offline"));
    let mut peer = Peer::start(settings.clone());
    peer.connected().await;
    peer.session.subscribe(&["status", "end"]).await.unwrap();
    probe(&settings).await.unwrap();
    broker.wait_for_log("Client main-check disconnected");
    peer.session.publish(message("end", "")).await.unwrap();
    assert_eq!(peer.received().await, received("end", "", false));
}

#[tokio::test]
async fn four_hundred_discovery_messages_in_a_row() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut observer = Peer::connect(broker.port(), "observer").await;
    let peer = Peer::connect(broker.port(), "announcer").await;
    let payload = "x".repeat(10_000);
    for number in 0..400 {
        let topic = format!("homeassistant/device/{number}/config");
        peer.session
            .publish(retained(&topic, &payload))
            .await
            .unwrap();
    }
    peer.session
        .close(Vec::from([message("end", "")]), DEADLINE)
        .await;
    observer
        .session
        .subscribe(&["homeassistant/device/+/config"])
        .await
        .unwrap();
    for _ in 0..400 {
        let message = observer.received().await;
        assert!(message.retain);
        assert_eq!(message.payload.len(), 10_000);
    }
}

#[tokio::test]
async fn a_consumer_that_publishes_first_and_reads_later_gets_everything() {
    // Mosquitto itself drops what it has to queue for a slow client, unless told otherwise.
    let setup = Setup {
        extra: vec!["max_queued_messages 0".into()],
        ..Setup::default()
    };
    let Some(broker) = Mosquitto::launch(&setup) else {
        return;
    };
    let mut peer = Peer::connect(broker.port(), "echo").await;
    peer.session.subscribe(&["echo"]).await.unwrap();
    // Three times what the event channel holds.
    for number in 0..3000 {
        let text = number.to_string();
        peer.session.publish(message("echo", &text)).await.unwrap();
    }
    for number in 0..3000 {
        assert_eq!(
            peer.received().await,
            received("echo", &number.to_string(), false)
        );
    }
}

#[tokio::test]
async fn a_message_too_large_for_the_broker_costs_only_itself() {
    let setup = Setup {
        extra: vec!["max_packet_size 2000".into()],
        ..Setup::default()
    };
    let Some(broker) = Mosquitto::launch(&setup) else {
        return;
    };
    let mut peer = Peer::connect(broker.port(), "large").await;
    peer.session.subscribe(&["a"]).await.unwrap();
    let error = peer
        .session
        .publish(message("a", &"x".repeat(3000)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SessionError::MessageTooLarge { limit: 2000, .. }),
        "{error}"
    );
    peer.session.publish(message("a", "small")).await.unwrap();
    assert_eq!(peer.received().await, received("a", "small", false));
}

#[tokio::test]
async fn a_bad_topic_costs_only_itself() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut peer = Peer::connect(broker.port(), "bad").await;
    for topic in ["", "a/#", "a/+/b", "a\0b", &"x".repeat(70_000)] {
        let error = peer.session.publish(message(topic, "")).await.unwrap_err();
        assert!(matches!(error, SessionError::BadTopic { .. }), "{error}");
    }
    let error = peer.session.subscribe(&["a/#/b"]).await.unwrap_err();
    assert!(matches!(error, SessionError::BadTopic { .. }), "{error}");
    peer.session.subscribe(&["a"]).await.unwrap();
    peer.session.publish(message("a", "")).await.unwrap();
    assert_eq!(peer.received().await, received("a", "", false));
}

#[tokio::test]
async fn an_unknown_name_is_explained() {
    let settings = Settings {
        host: "no-such-broker.invalid".into(),
        ..settings(1883, "lost")
    };
    let error = probe(&settings).await.unwrap_err();
    // Some resolvers take their time to say so.
    assert!(
        matches!(
            error,
            SessionError::NameNotFound { .. } | SessionError::TimedOut { .. }
        ),
        "{error}"
    );
}
