//! Nothing from outside stops it, fills it or speaks through it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::mqtt::session::{Event, Events, Session};

use crate::DEADLINE;
use crate::gateway::{Gateway, Plan, section};
use crate::home::Home;
use crate::process::{Process, fed};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

/// Sees the states of one device and nothing of the flood.
struct States {
    events: Events,
    _stop: DropGuard,
}

impl States {
    async fn of(port: u16, id: &str) -> Self {
        let settings = MqttSettings {
            port: Some(port),
            ..MqttSettings::default()
        };
        let mut settings = settings.connection().unwrap();
        settings.client_id = "states".to_owned();
        let stop = CancellationToken::new();
        let (session, mut events) = Session::start(settings, stop.clone());
        while events.recv().await != Some(Event::Connected) {}
        let topic = format!("wattbridge/{id}/state");
        session.subscribe(&[&topic]).await.unwrap();
        // Keeps the session until the test is over.
        let stop = stop.drop_guard();
        std::mem::forget(session);
        Self {
            events,
            _stop: stop,
        }
    }

    /// So many states that were published from now on.
    async fn more(&mut self, count: usize, when: &str) {
        while self.events.try_recv().is_some() {}
        for _ in 0..count {
            let next = timeout(DEADLINE, self.events.recv()).await;
            assert!(next.is_ok(), "no states {when}");
        }
    }
}

/// Somebody on the broker who writes as fast as it goes, without a client library in the way.
fn flood(port: u16, topic: &str, payload: &[u8], count: usize) -> Arc<AtomicUsize> {
    let mut packet = vec![0x30];
    let mut length = 2 + topic.len() + payload.len();
    while length >= 128 {
        packet.push((length % 128) as u8 | 0x80);
        length /= 128;
    }
    packet.push(length as u8);
    packet.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    packet.extend_from_slice(topic.as_bytes());
    packet.extend_from_slice(payload);
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // MQTT 3.1.1, clean session, client id "flood".
        stream
            .write_all(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05flood")
            .unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        let at_once = (100_000 / packet.len()).clamp(1, 500);
        let packets = packet.repeat(at_once);
        for _ in 0..count.div_ceil(at_once) {
            stream.write_all(&packets).unwrap();
            counter.fetch_add(at_once, Ordering::Relaxed);
        }
        // The broker takes them in order, so that this is answered behind them.
        stream.write_all(&[0xc0, 0]).unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
        counter.store(usize::MAX, Ordering::Relaxed);
    });
    sent
}

/// The most memory it ever had, in MB.
fn peak(bridge: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", bridge.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_commands_stops_nothing_and_fills_nothing() {
    // More than this the broker would drop itself.
    let setup = Setup {
        extra: vec![
            "max_queued_messages 0".to_owned(),
            "max_queued_bytes 0".to_owned(),
        ],
        ..Setup::default()
    };
    let Some(broker) = Mosquitto::launch(&setup) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut states = States::of(broker.port(), &gateway.id()).await;
    let mut bridge = home.run();
    states.more(2, "before").await;
    let before = peak(&bridge);

    let topic = format!("wattbridge/{}/cmd/nothing", gateway.id());
    for (payload, count) in [
        (&b"x\n2026-01-01 forged"[..], 100_000),
        (&[b'x'; 1_000_000], 400),
    ] {
        let sent = flood(broker.port(), &topic, payload, count);
        while sent.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        states.more(3, "during the flood").await;
        while sent.load(Ordering::Relaxed) != usize::MAX {
            states.more(1, "while the flood lasts").await;
        }
        states.more(5, "after the flood").await;
    }
    let after = peak(&bridge);
    assert!(after < before + 64, "{before} MB became {after} MB");
    let health = home.done(&["health"]).await;
    assert_eq!(health.code, Some(0), "{health:?}");
    assert!(bridge.end().await.success());
    let said = bridge.said();
    assert!(said.lines().count() < 100, "{said}");
    assert!(said.contains("more like this: "), "{said}");
    assert!(
        !said.lines().any(|line| line.starts_with("2026-01-01")),
        "{said}"
    );
}

#[tokio::test]
async fn a_command_writes_no_line_of_its_own() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    wire.available(0, &gateway.id(), true).await;
    let topic = format!("wattbridge/{}\u{202e}/cmd/a", gateway.id());
    wire.say(&topic, "ON", false).await;
    let topic = format!("wattbridge/{}/cmd/restart", gateway.id());
    let words = "ON\n2026-11-28 10:00:00  INFO all is well\u{1b}[2J\r\u{9b}A";
    wire.say(&topic, words, false).await;
    bridge.until_said("command not carried out").await;
    assert!(bridge.end().await.success());
    let said = bridge.said();
    let forged = |line: &str| line.contains("all is well") && !line.contains("not carried out");
    assert!(!said.lines().any(forged), "{said}");
    assert!(
        !said.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}']),
        "{said}"
    );
}

/// Terminal escapes in a recording and in what a device says.
#[tokio::test]
async fn a_file_does_not_speak_to_the_terminal() {
    let home = Home::new(1883, &[]);
    let head = "# wattbridge recording 1\n# adapter: aps_ecu\n# started: 2026-06-21T10:00:00Z\n";
    let recording = format!("{head}0 1 open \u{1b}]0;owned\u{7}\u{9b}2J\n0 1 < 00\n0.1 1 close\n");
    let escapes = ['\u{1b}', '\u{7}', '\u{9b}', '\r'];
    let played = fed(home.path(), &["replay", "-"], recording.as_bytes()).await;
    let garbage = "APS\u{1b}[2J0064\u{9b}0001\u{7}END\n".repeat(3);
    let args = ["decode", "aps-ecu", "--annotate", "-"];
    let decoded = fed(home.path(), &args, garbage.as_bytes()).await;
    let line = ["decode", "text", "--annotate", "-"];
    let text = fed(home.path(), &line, garbage.as_bytes()).await;
    for done in [played, decoded, text] {
        assert!(!done.err.is_empty() || !done.out.is_empty(), "{done:?}");
        assert!(
            !done.err.contains(escapes) && !done.out.contains(escapes),
            "{done:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_configuration_is_refused_in_a_few_words() {
    let home = Home::new(1883, &[]);
    let done = home.done(&["check", "--config", "/dev/zero"]).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("larger than 1 MiB"), "{done:?}");
    let done = home.done(&["check", "--config", "."]).await;
    assert!(done.err.contains("is a directory"), "{done:?}");
    fs::write(
        home.file(),
        "[mqtt]\nusername = \"a\"\npassword = { file = \"/dev/zero\" }\n",
    )
    .unwrap();
    let done = home.done(&["check"]).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("no ordinary file"), "{done:?}");
    // Of a thousand mistakes nobody reads more than the first.
    let keys: String = (0..20_000)
        .map(|n| format!("unheard_of_{n} = \"something {n}\"\n"))
        .collect();
    let sections: String = (0..2000).map(|n| format!("[unheard_of_{n}]\n")).collect();
    for (text, words) in [
        (format!("[mqtt]\n{keys}"), "and 19960 more unknown keys"),
        (sections, "and 1951 more"),
    ] {
        fs::write(home.file(), text).unwrap();
        let done = home.done(&["check"]).await;
        assert_eq!(done.code, Some(2));
        assert!(done.err.contains(words), "{done:?}");
        assert!(done.err.len() < 30_000, "{}", done.err.len());
    }
}

#[tokio::test]
async fn what_it_writes_is_for_its_owner() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    wire.available(0, &gateway.id(), true).await;
    let address = format!("127.0.0.1:{}", gateway.port());
    let args = [
        "record", "aps-ecu", &address, "--out", "made", "--for", "100ms",
    ];
    home.done(&args).await;
    let files = home.files();
    assert!(files.contains(&"made".to_owned()), "{files:?}");
    assert!(files.contains(&"wattbridge.db-wal".to_owned()), "{files:?}");
    for file in files {
        let about = fs::metadata(home.path().join(&file)).unwrap();
        let is_sign_of_life = file.ends_with(".alive");
        assert!(
            is_sign_of_life || about.permissions().mode() & 0o077 == 0,
            "{file}"
        );
    }
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn secrets_that_everybody_can_read_are_warned_of() {
    let home = Home::new(1883, &[]);
    let login = "[mqtt]\nusername = \"a\"\npassword = \"swordfish\"\n";
    fs::write(home.file(), login.to_owned() + &section(8899)).unwrap();
    assert_eq!(home.done(&["check"]).await.err, "");
    fs::set_permissions(home.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let done = home.done(&["check"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains("chmod 600 wattbridge.toml"), "{done:?}");
    assert!(!done.err.contains("swordfish"), "{done:?}");
}
