//! Against a broker that says what a test tells it to say.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wattbridge::outputs::mqtt::session::{Clip, Event, Message, SessionError, Settings, probe};

use super::{Peer, message, received, settings};

/// CONNACK, accepted, no properties.
const ACCEPTED: [u8; 5] = [0x20, 0x03, 0x00, 0x00, 0x00];

struct Scripted {
    listener: TcpListener,
}

impl Scripted {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    fn settings(&self) -> Settings {
        settings(self.listener.local_addr().unwrap().port(), "me")
    }

    /// Takes a connection, reads the CONNECT, answers.
    async fn accept(&self, answer: &[u8]) -> TcpStream {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let connect = packet(&mut stream).await;
        assert_eq!(connect[0], 0x10);
        stream.write_all(answer).await.unwrap();
        stream
    }
}

/// Reads one packet of less than 16 KiB.
async fn packet(stream: &mut TcpStream) -> Vec<u8> {
    let kind = stream.read_u8().await.unwrap();
    let mut length = usize::from(stream.read_u8().await.unwrap());
    if length >= 128 {
        length = length - 128 + 128 * usize::from(stream.read_u8().await.unwrap());
    }
    let mut packet = vec![0; length];
    stream.read_exact(&mut packet).await.unwrap();
    packet.insert(0, kind);
    packet
}

async fn refusal(answer: &[u8]) -> SessionError {
    let broker = Scripted::new().await;
    let settings = Settings {
        username: Some("solar".into()),
        password: Some("very-secret".into()),
        ..broker.settings()
    };
    let (result, stream) = tokio::join!(probe(&settings), async {
        let stream = broker.accept(answer).await;
        drop(stream);
    });
    let () = stream;
    let error = result.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("very-secret"));
    error
}

#[tokio::test]
async fn each_refusal_is_explained() {
    type Check = fn(&SessionError) -> bool;
    let cases: [(&[u8], Check, &str); 12] = [
        (
            &[0x20, 0x03, 0x00, 0x86, 0x00],
            |e| matches!(e, SessionError::BadCredentials { .. }),
            "user `solar`",
        ),
        (
            &[0x20, 0x03, 0x00, 0x87, 0x00],
            |e| matches!(e, SessionError::NotAuthorised { .. }),
            "wattbridge needs MQTT 5",
        ),
        (
            &[0x20, 0x03, 0x00, 0x84, 0x00],
            |e| matches!(e, SessionError::OldProtocol { .. }),
            "speaks only MQTT 3.1.1",
        ),
        (
            &[0x20, 0x03, 0x00, 0x85, 0x00],
            |e| matches!(e, SessionError::BadClientId { .. }),
            "`me-check`",
        ),
        (
            &[0x20, 0x03, 0x00, 0x89, 0x00],
            |e| matches!(e, SessionError::ServerBusy { .. }),
            "server busy",
        ),
        (
            &[0x20, 0x03, 0x00, 0x8A, 0x00],
            |e| matches!(e, SessionError::RefusedByBroker { .. }),
            "banned",
        ),
        // As a broker of MQTT 3.1.1 says it.
        (
            &[0x20, 0x02, 0x00, 0x01],
            |e| matches!(e, SessionError::OldProtocol { .. }),
            "MQTT 5",
        ),
        (
            &[0x20, 0x02, 0x00, 0x04],
            |e| matches!(e, SessionError::BadCredentials { .. }),
            "`password`",
        ),
        (
            &[0x20, 0x02, 0x00, 0x05],
            |e| matches!(e, SessionError::NotAuthorised { .. }),
            "speaks only MQTT 3.1.1",
        ),
        (
            &[],
            |e| matches!(e, SessionError::ClosedEarly { tls: false, .. }),
            "8883",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            |e| matches!(e, SessionError::NotMqtt { .. }),
            "is the port right",
        ),
        // The alert of a TLS server.
        (
            &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46],
            |e| matches!(e, SessionError::NotMqtt { .. }),
            "8883",
        ),
    ];
    for (answer, check, words) in cases {
        let error = refusal(answer).await;
        assert!(check(&error), "{answer:02x?}: {error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_takeover_is_named_as_the_cause() {
    // With and without the optional properties.
    for farewell in [&[0xE0, 0x02, 0x8E, 0x00][..], &[0xE0, 0x01, 0x8E]] {
        let broker = Scripted::new().await;
        let mut peer = Peer::start(broker.settings());
        let mut stream = broker.accept(&ACCEPTED).await;
        peer.connected().await;
        stream.write_all(farewell).await.unwrap();
        drop(stream);
        let error = peer.disconnected().await;
        assert!(matches!(error, SessionError::TakenOver { .. }), "{error}");
        assert!(error.to_string().contains("`me`"), "{error}");
    }
}

#[tokio::test]
async fn the_end_of_the_broker_is_named_as_the_cause() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    stream.write_all(&[0xE0, 0x01, 0x8B]).await.unwrap();
    drop(stream);
    let error = peer.disconnected().await;
    assert!(
        error.to_string().contains("server shutting down"),
        "{error}"
    );
}

#[tokio::test]
async fn what_came_before_the_loss_is_not_lost() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    // Many messages and the end in one write, so that they are likely to be read as one.
    let publish = [0x30, 0x06, 0x00, 0x01, b'a', 0x00, b'h', b'i'];
    let mut bytes = publish.repeat(100);
    bytes.extend_from_slice(&[0xE0, 0x02, 0x8B, 0x00]);
    stream.write_all(&bytes).await.unwrap();
    drop(stream);
    for _ in 0..100 {
        assert_eq!(peer.received().await, received("a", "hi", false));
    }
    peer.disconnected().await;
}

#[tokio::test]
async fn a_refused_subscription_is_an_error() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    let (result, ()) = tokio::join!(peer.session.subscribe(&["a/#", "b"]), async {
        let subscribe = packet(&mut stream).await;
        assert_eq!(subscribe[0], 0x82);
        let answer = [0x90, 0x05, subscribe[1], subscribe[2], 0x00, 0x01, 0x87];
        stream.write_all(&answer).await.unwrap();
    });
    let error = result.unwrap_err();
    let expected = SessionError::SubscriptionRefused {
        filters: "`b`".into(),
        reason: "not authorized".into(),
    };
    assert_eq!(error, expected);
}

/// What is logged while it lives, on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn refused_messages_are_warned_of_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());

    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    for topic in ["first", "second"] {
        peer.session.publish(message(topic, "hi")).await.unwrap();
        assert_eq!(packet(&mut stream).await[0], 0x32);
    }
    let refusals = [0x40, 3, 0, 1, 0x87, 0x40, 3, 0, 2, 0x87];
    stream.write_all(&refusals).await.unwrap();
    // Whatever follows is read after them.
    stream.write_all(&[0x30, 4, 0, 1, b'a', 0]).await.unwrap();
    assert_eq!(peer.received().await, received("a", "", false));
    drop(stream);
    peer.disconnected().await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    assert!(warnings[0].contains("first"), "{text}");
    assert!(warnings[0].contains("not authorized"), "{text}");
    assert!(warnings[0].contains("acl_file"), "{text}");
    assert_eq!(text.matches("refused a message").count(), 2, "{text}");
}

#[tokio::test]
async fn expiry_retain_and_quality_go_out_as_asked() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    let lasting = Message {
        retain: true,
        expiry: Some(Duration::from_secs(120)),
        ..message("a", "hi")
    };
    peer.session.publish(lasting).await.unwrap();
    let expected = [0x33, 0, 1, b'a', 0, 1, 5, 0x02, 0, 0, 0, 120, b'h', b'i'];
    assert_eq!(packet(&mut stream).await, expected);
}

#[tokio::test]
async fn quality_is_lowered_to_what_the_broker_can_do() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    // Maximum QoS 0.
    let mut stream = broker
        .accept(&[0x20, 0x05, 0x00, 0x00, 0x02, 0x24, 0x00])
        .await;
    peer.connected().await;
    peer.session.publish(message("a", "hi")).await.unwrap();
    assert_eq!(packet(&mut stream).await, [0x30, 0, 1, b'a', 0, b'h', b'i']);
}

#[tokio::test]
async fn a_huge_message_is_refused_before_it_is_read() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    // PUBLISH with 2 MiB to come.
    stream
        .write_all(&[0x30, 0x80, 0x80, 0x80, 0x01])
        .await
        .unwrap();
    let error = peer.disconnected().await;
    assert!(
        matches!(error, SessionError::ReceivedTooLarge { .. }),
        "{error}"
    );
}

/// A PUBLISH of QoS 0.
fn publish(topic: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = 2 + topic.len() + 1 + payload.len();
    let mut packet = vec![0x30];
    for place in 0..3 {
        let digit = (length >> (7 * place)) as u8 & 0x7f;
        packet.push(if place < 2 { digit | 0x80 } else { digit });
    }
    packet.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    packet.extend_from_slice(topic);
    packet.push(0);
    packet.extend_from_slice(payload);
    packet
}

/// Nobody looks at what is received, and there is no end of it: yet messages go out, and the latest
/// of what came is there.
#[tokio::test]
async fn a_storm_that_nobody_looks_at_stops_no_message() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(Settings {
        clip: Clip::new(|topic| if topic.len() < 100 { 5 } else { usize::MAX }),
        ..broker.settings()
    });
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    // The longest topics there are, 100 MB of them.
    let packet = publish(&[b'a'; 65535], &[b'x'; 65536]);
    for _ in 0..800 {
        stream.write_all(&packet).await.unwrap();
    }
    let large = publish(b"large", &[b'y'; 1_000_000]);
    for _ in 0..20 {
        stream.write_all(&large).await.unwrap();
    }
    peer.session.publish(message("out", "hi")).await.unwrap();
    assert_eq!(self::packet(&mut stream).await[0], 0x32);
    stream.write_all(&publish(b"last", b"!")).await.unwrap();
    let mut bytes = 0;
    let mut large = 0;
    loop {
        let message = peer.received().await;
        if message.topic == "last" {
            break;
        }
        if message.topic == "large" {
            assert_eq!(message.payload, b"yyyyy");
            large += 1;
        }
        bytes += message.topic.len() + message.payload.len();
    }
    assert_eq!(large, 20);
    assert!(bytes <= 8 * 1024 * 1024, "{bytes}");
}

#[tokio::test]
async fn garbage_ends_a_connection_and_nothing_else() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let garbage: [&[u8]; 6] = [
        &[0x00; 64],
        &[0xff; 64],
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        // A topic that is longer than its packet, one that is not text, a wildcard.
        &[0x30, 0x04, 0xff, 0xff, 0x00, 0x00],
        &[0x30, 0x05, 0x00, 0x02, 0xff, 0xfe, 0x00],
        // Answers to what nobody asked.
        &[0x90, 0x04, 0x12, 0x34, 0x00, 0x00, 0x40, 0x02, 0xab, 0xcd],
    ];
    for bytes in &garbage[..2] {
        let mut stream = broker.accept(&ACCEPTED).await;
        peer.connected().await;
        stream.write_all(bytes).await.unwrap();
        drop(stream);
        loop {
            match peer.next().await {
                Some(Event::Received(_)) => {}
                Some(Event::Disconnected(_)) => break,
                other => panic!("{other:?}"),
            }
        }
    }
    // Each in a connection of its own, for the pause grows with each.
    for bytes in garbage {
        let broker = Scripted::new().await;
        let mut peer = Peer::start(broker.settings());
        let mut stream = broker.accept(&ACCEPTED).await;
        peer.connected().await;
        stream.write_all(bytes).await.unwrap();
        drop(stream);
        while !matches!(peer.next().await, Some(Event::Disconnected(_))) {}
    }
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_noticed() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(Settings {
        keep_alive: Duration::from_secs(1),
        ..broker.settings()
    });
    let _stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    let error = peer.disconnected().await;
    assert!(
        error.to_string().contains("did not answer a ping"),
        "{error}"
    );
}

#[tokio::test]
async fn close_does_not_say_goodbye_when_the_last_messages_did_not_arrive() {
    let broker = Scripted::new().await;
    let mut peer = Peer::start(broker.settings());
    let mut stream = broker.accept(&ACCEPTED).await;
    peer.connected().await;
    let last = vec![message("status", "offline")];
    peer.session.close(last, Duration::from_millis(200)).await;
    assert_eq!(packet(&mut stream).await[0], 0x32);
    // No DISCONNECT: a real broker publishes the will now.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [0_u8; 0]);
}
