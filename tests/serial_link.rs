//! Links over real pseudo-terminals and sockets: whatever an adapter reads comes this way.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

#[path = "support/ports.rs"]
mod ports;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wattbridge::clock::Clock;
use wattbridge::links::{
    Address, Connection, Event, Happening, LinkError, Links, Parity, PseudoTerminal, Recorder,
    Recording, Reopening, SerialSettings,
};

/// Longer than anything takes here, unless it never happens.
const PATIENCE: Duration = Duration::from_secs(30);
const METER: SerialSettings = SerialSettings::new(2400, Parity::Even);

/// A pseudo-terminal in a folder that vanishes with it.
struct Port {
    terminal: PseudoTerminal,
    address: Address,
    _folder: TempDir,
}

impl Port {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let terminal = PseudoTerminal::new(folder.path().join("ttyUSB0")).unwrap();
        let address = Address::Serial(terminal.path().to_owned());
        Self {
            terminal,
            address,
            _folder: folder,
        }
    }

    async fn open(&self, links: &Links) -> Result<Connection, LinkError> {
        links.open(&self.address, &METER, PATIENCE).await
    }

    /// The next bytes that come in at the other end, as many as these.
    async fn take(&mut self, count: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        while taken.len() < count {
            if let Happening::Received(bytes) = self.terminal.next().await.unwrap() {
                taken.extend(bytes);
            }
        }
        taken
    }
}

async fn receive(connection: &mut Connection, count: usize) -> Vec<u8> {
    let mut received = Vec::new();
    while received.len() < count {
        let more = connection.receive_within(&mut received, PATIENCE).await;
        assert_ne!(more.unwrap(), 0, "ended after {received:?}");
    }
    received
}

#[tokio::test]
async fn every_byte_passes_unchanged_both_ways() {
    let mut port = Port::new();
    let mut connection = port.open(&Links::new()).await.unwrap();
    assert_eq!(connection.address(), &port.address);
    // Each of them also after each of those that a terminal treats in its own way.
    let special = [0x03, 0x04, 0x0a, 0x0d, 0x11, 0x13, 0x1a, 0x7f, 0xff];
    let mut all: Vec<u8> = (0..=255).collect();
    all.extend(
        special
            .iter()
            .flat_map(|special| [*special, 0, *special, 0xff, *special]),
    );
    port.terminal.send(&all).await.unwrap();
    assert_eq!(receive(&mut connection, all.len()).await, all);
    connection.send(&all, PATIENCE).await.unwrap();
    assert_eq!(port.take(all.len()).await, all);
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let port = Port::new();
    let mut connection = port.open(&Links::new()).await.unwrap();
    let within = Duration::from_millis(1);
    let silence = connection.receive_within(&mut Vec::new(), within).await;
    let Err(LinkError::TimedOut { address, .. }) = silence else {
        panic!("{silence:?}");
    };
    assert_eq!(address, port.address);
}

#[tokio::test]
async fn a_second_user_is_refused_until_the_first_is_done() {
    let mut port = Port::new();
    let links = Links::new();
    let mut first = port.open(&links).await.unwrap();
    for _ in 0..3 {
        let error = port.open(&links).await.unwrap_err();
        assert!(matches!(error, LinkError::Busy(_)), "{error:?}");
        assert!(error.to_string().contains("another program"), "{error}");
    }
    // The first has not noticed.
    port.terminal.send(b"hello").await.unwrap();
    assert_eq!(receive(&mut first, 5).await, b"hello");
    first.close().await;
    port.open(&links).await.unwrap();
}

#[tokio::test]
async fn an_unplugged_port_is_noticed_and_used_again_when_it_is_back() {
    let mut port = Port::new();
    let links = Links::new();
    let mut reopening = Reopening::default();
    for _ in 0..3 {
        let mut connection = port.open(&links).await.unwrap();
        port.terminal.send(b"hello").await.unwrap();
        assert_eq!(receive(&mut connection, 5).await, b"hello");
        reopening.reset();

        port.terminal.unplug();
        // However often it is asked.
        for _ in 0..3 {
            let end = connection.receive_within(&mut Vec::new(), PATIENCE).await;
            assert_eq!(end, Ok(0));
        }
        let error = connection.send(b"hello", PATIENCE).await.unwrap_err();
        assert_eq!(error, connection.ended());
        assert!(matches!(error, LinkError::Unplugged(_)), "{error:?}");
        connection.close().await;

        let missing = port.open(&links).await.unwrap_err();
        assert!(
            matches!(missing, LinkError::NoSuchPort { .. }),
            "{missing:?}"
        );
        assert!(missing.advice().to_string().contains("at present there is"));
        assert_eq!(reopening.after(&missing), Duration::from_secs(1));
        port.terminal.plug().unwrap();
    }
    assert_eq!(port.terminal.openings(), 3);
}

#[tokio::test]
async fn unplugging_ends_a_wait_that_is_under_way() {
    let mut port = Port::new();
    let mut connection = port.open(&Links::new()).await.unwrap();
    let mut buffer = Vec::new();
    let (received, ()) = tokio::join!(connection.receive_within(&mut buffer, PATIENCE), async {
        tokio::task::yield_now().await;
        port.terminal.unplug();
    });
    assert_eq!(received, Ok(0));
}

#[tokio::test]
async fn a_port_of_nobody_in_the_group_may_not_be_opened() {
    use std::os::unix::fs::PermissionsExt;
    let port = Port::new();
    let device = std::fs::canonicalize(port.terminal.path()).unwrap();
    std::fs::set_permissions(&device, std::fs::Permissions::from_mode(0o0)).unwrap();
    match port.open(&Links::new()).await {
        // Root may do anything.
        Ok(_) => assert!(std::fs::File::open(&device).is_ok()),
        Err(error) => {
            assert!(matches!(error, LinkError::NotPermitted(_)), "{error:?}");
            assert!(error.advice().to_string().contains("dialout"));
        }
    }
}

#[tokio::test]
async fn a_port_of_another_machine_comes_by_tcp() {
    let place = ports::free_address();
    let listener = TcpListener::bind(place).await.unwrap();
    let address: Address = format!("tcp://{place}").parse().unwrap();
    let links = Links::new();
    let (opened, accepted) =
        tokio::join!(links.open(&address, &METER, PATIENCE), listener.accept());
    let (mut connection, (mut server, _)) = (opened.unwrap(), accepted.unwrap());
    let all: Vec<u8> = (0..=255).collect();
    server.write_all(&all).await.unwrap();
    assert_eq!(receive(&mut connection, all.len()).await, all);
    connection.send(&all, PATIENCE).await.unwrap();
    let mut back = vec![0; all.len()];
    server.read_exact(&mut back).await.unwrap();
    assert_eq!(back, all);
    drop(server);
    let end = connection.receive_within(&mut Vec::new(), PATIENCE).await;
    assert_eq!(end, Ok(0));
    assert!(matches!(connection.ended(), LinkError::Closed(_)));

    drop((connection, listener));
    let error = links.open(&address, &METER, PATIENCE).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused(_)), "{error:?}");
    assert!(error.to_string().starts_with(&place.to_string()), "{error}");
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets time pass without waiting for it.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn what_a_device_pushes_is_recorded_and_played_again() {
    let mut port = Port::new();
    let page = Page::default();
    let started = "2026-06-21T10:00:00Z".parse().unwrap();
    let mask = Box::new(|bytes: &[u8]| bytes.to_ascii_uppercase());
    let recorder =
        Recorder::new(Box::new(page.clone()), "smart_meter", started, Some(mask)).unwrap();
    let links = Links::recorded(recorder.clone());
    let mut connection = port.open(&links).await.unwrap();
    for message in [b"first message", b"other message"] {
        port.terminal.send(message).await.unwrap();
        assert_eq!(receive(&mut connection, message.len()).await, message);
        pass(Duration::from_secs(5)).await;
    }
    port.terminal.unplug();
    let end = connection.receive_within(&mut Vec::new(), PATIENCE).await;
    assert_eq!(end, Ok(0));
    drop(connection);
    port.open(&links).await.unwrap_err();
    recorder.finish().unwrap();

    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let recording = Recording::parse(&text).unwrap();
    let path = port.address.to_string();
    let events: Vec<&Event> = recording.lines.iter().map(|line| &line.event).collect();
    assert_eq!(events[0], &Event::Open(path.clone()));
    assert_eq!(events[1], &Event::Received(b"FIRST MESSAGE".to_vec()));
    assert_eq!(events[2], &Event::Received(b"OTHER MESSAGE".to_vec()));
    assert_eq!(events[3], &Event::Close);
    let Event::Fail(words) = events[4] else {
        panic!("{text}");
    };
    assert!(words.contains("no serial port") && words.contains(&path));

    let clock = Clock::manual(recording.started, TimeZone::UTC);
    let links = Links::replayed(recording.script(), clock.clone());
    let mut connection = port.open(&links).await.unwrap();
    assert_eq!(receive(&mut connection, 13).await, b"FIRST MESSAGE");
    let first = clock.now();
    let second = Duration::from_secs(1);
    let silence = connection.receive_within(&mut Vec::new(), second).await;
    assert!(matches!(silence, Err(LinkError::TimedOut { .. })));
    assert_eq!(clock.now(), first + second);
    assert_eq!(receive(&mut connection, 13).await, b"OTHER MESSAGE");
    assert!(clock.now() >= first + Duration::from_secs(5));
    let end = connection.receive_within(&mut Vec::new(), PATIENCE).await;
    assert_eq!(end, Ok(0));
    port.open(&links).await.unwrap_err();
    let over = port.open(&links).await.unwrap_err();
    assert_eq!(over, LinkError::RecordingEnded);
}

#[tokio::test]
async fn something_else_than_a_port_is_no_port() {
    let address = Address::Serial(Path::new("/dev/null").to_owned());
    let error = Links::new().open(&address, &METER, PATIENCE).await;
    assert!(matches!(error, Err(LinkError::NotSerial(_))));
}
