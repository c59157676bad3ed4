use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wattbridge::clock::Clock;
use wattbridge::links::capture::{CaptureFormat, CaptureWriter, LinkType, Segment};
use wattbridge::links::{Address, CaptureAddress, LinkError, Links, Recorder, Recording};

use super::PATIENCE;
use super::arrived::Arrived;

/// Set where a test runs in a program of its own, whose standard input is a pipe.
const CHILD: &str = "WATTBRIDGE_TEST_STANDARD_INPUT";

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A capture with segments of these payloads.
pub(crate) fn capture(format: CaptureFormat, link: LinkType, payloads: &[&str]) -> Vec<u8> {
    let mut writer = CaptureWriter::new(format, link);
    for (index, payload) in payloads.iter().enumerate() {
        let segment = Segment {
            sequence: 1000 * index as u32,
            payload: payload.as_bytes(),
            ..Segment::between(end("10.0.0.2:1000"), end("10.0.0.1:22222"))
        };
        let at = Duration::from_secs(1_800_000_000 + index as u64);
        writer.packet(at, &segment.encode(link));
    }
    writer.take()
}

fn payloads(arrived: &Arrived) -> Vec<String> {
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    arrived
        .segments
        .iter()
        .map(|came| text(&came.payload))
        .collect()
}

fn files(paths: &[PathBuf]) -> Address {
    Address::Capture(CaptureAddress::Files(paths.to_vec()))
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test]
async fn files_of_all_kinds_follow_one_another_though_one_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name, bytes: &[u8]| written(folder.path(), name, bytes);
    let mut cut = capture(CaptureFormat::Pcap, LinkType::ETHERNET, &["one", "lost"]);
    cut.truncate(cut.len() - 5);
    let paths = [
        path("a.pcap", &cut),
        path(
            "b",
            &capture(CaptureFormat::PcapNg, LinkType::RAW, &["two"]),
        ),
        path("empty", &[]),
        path(
            "c",
            &capture(
                CaptureFormat::PcapModified,
                LinkType::ETHERNET,
                &["three", "four"],
            ),
        ),
    ];
    let links = Links::new();
    let mut arrived = Arrived::open(&links, &files(&paths)).await.unwrap();
    while arrived.more().await.unwrap() > 0 {}
    assert_eq!(payloads(&arrived), ["one", "two", "three", "four"]);
    assert_eq!(arrived.segments[1].link, LinkType::RAW);
    assert_eq!(arrived.segments[2].link, LinkType::ETHERNET);
    let over = arrived.connection.ended();
    assert!(matches!(over, LinkError::CaptureEnded(_)), "{over}");
    drop(arrived);
    // They are not read a second time.
    for _ in 0..2 {
        let again = Arrived::open(&links, &files(&paths)).await;
        assert!(matches!(again, Err(LinkError::CaptureEnded(_))));
    }
}

#[tokio::test]
async fn a_connection_that_is_opened_in_the_middle_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let large = "x".repeat(30_000);
    let payloads: Vec<&str> = vec![&large; 60];
    let bytes = capture(CaptureFormat::Pcap, LinkType::ETHERNET, &payloads);
    let address = files(&[written(folder.path(), "a", &bytes)]);
    let links = Links::new();
    let mut first = Arrived::open(&links, &address).await.unwrap();
    first.more().await.unwrap();
    let before = first.segments.len();
    assert!((1..60).contains(&before));
    // One at a time.
    let busy = Arrived::open(&links, &address).await.err().unwrap();
    assert!(busy.to_string().contains("another section"), "{busy}");
    drop(first);
    let mut second = Arrived::open(&links, &address).await.unwrap();
    while second.more().await.unwrap() > 0 {}
    assert_eq!(before + second.segments.len(), 60);
    assert!(
        second
            .segments
            .iter()
            .all(|came| came.payload.len() == 30_000)
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fine = || {
        let bytes = capture(CaptureFormat::Pcap, LinkType::ETHERNET, &["fine"]);
        written(folder.path(), "fine", &bytes)
    };
    let missing = folder.path().join("missing");
    let error = Arrived::open(&Links::new(), &files(&[fine(), missing.clone()])).await;
    let name = missing.display().to_string();
    assert_eq!(error.err(), Some(LinkError::NoSuchFile(name)));
    let error = Arrived::open(&Links::new(), &files(&[folder.path().to_owned()])).await;
    assert!(matches!(error.err(), Some(LinkError::UnreadableFile(..))));

    // What is no capture is told, and those that follow are read all the same.
    let text = written(folder.path(), "text", b"this is not what was meant");
    let links = Links::new();
    let address = files(&[text.clone(), fine()]);
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    let error = arrived.more().await.unwrap_err();
    assert!(error.to_string().contains("text: byte 0"), "{error}");
    drop(arrived);
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    arrived.until(|arrived| !arrived.segments.is_empty()).await;
    assert_eq!(payloads(&arrived), ["fine"]);
    assert_eq!(arrived.more().await, Ok(0));

    // Alone, it is told until it has ended.
    let links = Links::new();
    let address = files(&[text]);
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    let error = arrived.more().await.unwrap_err();
    assert!(matches!(error, LinkError::NotACapture(..)), "{error}");
    drop(arrived);
    let again = Arrived::open(&links, &address).await.err();
    assert!(again.is_some());
}

#[tokio::test]
async fn who_writes_into_a_named_pipe_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let is_made = Command::new("mkfifo").arg(&path).status();
    if !is_made.is_ok_and(|status| status.success()) {
        eprintln!("passed over: there is no mkfifo here");
        return;
    }
    let links = Links::new();
    let address = files(std::slice::from_ref(&path));
    for round in ["one", "two"] {
        // Nobody writes yet, and nothing waits for that.
        let mut arrived = Arrived::open(&links, &address).await.unwrap();
        let soon = Duration::from_millis(1);
        let silence = arrived
            .connection
            .receive_within(&mut Vec::new(), soon)
            .await;
        assert!(matches!(silence, Err(LinkError::TimedOut { .. })));
        let path = path.clone();
        let writer = std::thread::spawn(move || {
            let mut pipe = File::options().write(true).open(path).unwrap();
            let bytes = capture(CaptureFormat::PcapNg, LinkType::ETHERNET, &[round]);
            pipe.write_all(&bytes).unwrap();
        });
        arrived.until(|arrived| !arrived.segments.is_empty()).await;
        assert_eq!(payloads(&arrived), [round]);
        writer.join().unwrap();
        assert_eq!(arrived.more().await, Ok(0));
    }
}

/// Runs itself again with a pipe as its standard input.
#[test]
fn standard_input_is_read_to_its_end_and_never_again() {
    if std::env::var_os(CHILD).is_some() {
        return read_standard_input();
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("pipes::standard_input_is_read_to_its_end_and_never_again")
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = capture(CaptureFormat::Pcap, LinkType::ETHERNET, &["one", "two"]);
    // Cut within a packet.
    let (one, two) = bytes.split_at(bytes.len() - 10);
    input.write_all(one).unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.contains("the first has come") {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    input.write_all(two).unwrap();
    drop(input);
    output.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
}

#[allow(
    clippy::print_stdout,
    reason = "the other half of the test waits for it"
)]
fn read_standard_input() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let (links, address) = (Links::new(), Address::Capture(CaptureAddress::Stdin));
        let mut arrived = Arrived::open(&links, &address).await.unwrap();
        arrived.until(|arrived| !arrived.segments.is_empty()).await;
        println!("the first has come");
        while arrived.more().await.unwrap() > 0 {}
        assert_eq!(payloads(&arrived), ["one", "two"]);
        drop(arrived);
        for _ in 0..2 {
            let over = Arrived::open(&links, &address).await.err().unwrap();
            assert!(matches!(over, LinkError::CaptureEnded(_)), "{over}");
            assert!(
                over.advice()
                    .to_string()
                    .contains("start it again together")
            );
        }
    });
}

#[tokio::test]
async fn a_server_that_sends_a_capture_is_read_like_any_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let address: Address = address.parse().unwrap();
    let links = Links::new();
    let (arrived, accepted) = tokio::join!(Arrived::open(&links, &address), listener.accept());
    let (mut arrived, (mut server, _)) = (arrived.unwrap(), accepted.unwrap());
    let bytes = capture(CaptureFormat::Pcap, LinkType::ETHERNET, &["one", "two"]);
    for part in bytes.chunks(7) {
        server.write_all(part).await.unwrap();
    }
    arrived.until(|arrived| arrived.segments.len() == 2).await;
    assert_eq!(payloads(&arrived), ["one", "two"]);
    drop(server);
    assert_eq!(arrived.more().await, Ok(0));
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_capture_is_recorded_and_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(CaptureFormat::Pcap, LinkType::ETHERNET, &["one", "two"]);
    let address = files(&[written(folder.path(), "a", &bytes)]);
    let page = Page::default();
    let started = "2026-06-21T10:00:00Z".parse().unwrap();
    let recorder = Recorder::new(Box::new(page.clone()), "solaredge", started, None).unwrap();
    let links = Links::recorded(recorder.clone());
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    while arrived.more().await.unwrap() > 0 {}
    let nothing_to_say = arrived.connection.send(b"x", PATIENCE).await;
    assert!(matches!(nothing_to_say, Err(LinkError::Broken(..))));
    drop(arrived);
    recorder.finish().unwrap();

    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(&format!(" open {address}")), "{text}");
    let recording = Recording::parse(&text).unwrap();
    let clock = Clock::manual(recording.started, TimeZone::UTC);
    let links = Links::replayed(recording.script(), clock);
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    while arrived.more().await.unwrap() > 0 {}
    assert_eq!(payloads(&arrived), ["one", "two"]);
}
