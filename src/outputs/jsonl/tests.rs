//! The lines in files, in pipes, and with readers of every kind.

use std::fs::File as OpenFile;
use std::io::{BufRead as _, BufReader};
use std::process::Command;
use std::sync::mpsc;
use std::{fs, thread};

use serde_json::Value as Json;
use tokio::task::{JoinHandle, yield_now};
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::bridge::Hub;
use crate::history::History;
use crate::model::{Decimal, Device, DeviceState, Health, Metric, Quantity};
use crate::outputs::mqtt::MqttSettings;
use crate::store::Identity;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);

struct Plant {
    hub: Hub,
    device: Device,
    stop: CancellationToken,
}

impl Plant {
    fn new() -> Self {
        let mut device = Device::new("text", "1", "Sensor", "Nobody");
        device.metrics = vec![Metric::measurement("power", Quantity::Power)];
        Self {
            hub: Hub::new().0,
            device,
            stop: CancellationToken::new(),
        }
    }

    fn start(&self, path: &Path) -> JoinHandle<()> {
        let settings = JsonlSettings {
            enabled: true,
            path: Some(path.to_owned()),
        };
        let running = Arc::new(settings).run(Context {
            feed: self.hub.feed(),
            mqtt: MqttSettings::default(),
            bridge: Identity::named("b2c3d4"),
            clock: Clock::system(),
            past: History::off().reader(),
            stop: self.stop.clone(),
        });
        tokio::spawn(async { running.await.unwrap() })
    }

    fn put(&self, power: i64) {
        let state = DeviceState {
            device: self.device.id.clone(),
            at: Some("2026-03-01T12:00:00Z".parse().unwrap()),
            values: [("power".into(), Decimal::integer(power).into())].into(),
            health: Health::ONLINE,
            era: 0,
            held: Default::default(),
        };
        let device = Arc::new(self.device.clone());
        self.hub.put_device(device, Arc::new(state));
    }
}

/// The log of this thread, in a file.
struct Log {
    path: PathBuf,
    _guard: DefaultGuard,
}

impl Log {
    fn new(folder: &Path) -> Self {
        let path = folder.join("log");
        let subscriber = tracing_subscriber::fmt()
            .with_writer(Arc::new(OpenFile::create(&path).unwrap()))
            .with_ansi(false)
            .finish();
        Self {
            path,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    fn lines(&self, words: &str) -> usize {
        let text = fs::read_to_string(&self.path).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

/// The power that a line tells of, if it does.
fn power(line: &str) -> Option<i64> {
    let line: Json = serde_json::from_str(line).unwrap();
    line.pointer("/readings/power")?.as_i64()
}

fn powers(path: &Path) -> Vec<i64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(power).collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            yield_now().await;
        }
    };
    let result = tokio::time::timeout(DEADLINE, wait).await;
    result.unwrap_or_else(|_| panic!("never: {what}"));
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// The powers in all that is read of a pipe, as they come, from when it is opened.
fn read(pipe: &Path) -> mpsc::Receiver<i64> {
    let (sender, powers) = mpsc::channel();
    let pipe = pipe.to_owned();
    thread::spawn(move || {
        let lines = BufReader::new(OpenFile::open(pipe).unwrap()).lines();
        for power in lines.filter_map(|line| power(&line.unwrap())) {
            if sender.send(power).is_err() {
                return;
            }
        }
    });
    powers
}

#[test]
fn a_path_has_to_name_a_file() {
    let check = |text: &str| toml::from_str::<JsonlSettings>(text).unwrap().check().len();
    assert_eq!(check("enabled = true"), 0);
    assert_eq!(check("path = \"/var/log/wattbridge.jsonl\""), 0);
    for path in ["", "/", ".."] {
        assert_eq!(check(&format!("path = \"{path}\"")), 1, "{path:?}");
    }
}

#[tokio::test]
async fn lines_go_to_the_end_of_the_file_and_to_a_new_one_if_it_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattbridge.jsonl");
    fs::write(&path, "{\"from\":\"before\"}\n").unwrap();
    let plant = Plant::new();
    plant.put(1);
    let output = plant.start(&path);
    let lines = || fs::read_to_string(&path).map_or(0, |text| text.lines().count());
    until("what was there already", || lines() == 3).await;
    plant.put(2);
    until("the second value", || lines() == 4).await;
    let moved = folder.path().join("wattbridge.jsonl.1");
    fs::rename(&path, &moved).unwrap();
    plant.put(3);
    until("a new file", || powers(&path) == [3]).await;
    fs::remove_file(&path).unwrap();
    // What waits at the end is written.
    plant.put(4);
    plant.put(5);
    plant.stop.cancel();
    output.await.unwrap();
    assert_eq!(powers(&path), [4, 5]);
    let text = fs::read_to_string(&moved).unwrap();
    let (before, text) = text.split_once('\n').unwrap();
    assert_eq!(before, "{\"from\":\"before\"}");
    assert_eq!(text.lines().filter_map(power).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_line_that_was_cut_costs_no_other_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattbridge.jsonl");
    fs::write(&path, "{\"device\":\"x\",\"rea").unwrap();
    let plant = Plant::new();
    plant.put(1);
    let output = plant.start(&path);
    let later = || {
        let text = fs::read_to_string(&path).unwrap();
        text.lines().skip(1).filter_map(power).collect::<Vec<_>>()
    };
    until("the value", || later() == [1]).await;
    plant.stop.cancel();
    output.await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    let broken: Vec<_> = text.lines().filter(|line| !whole(line)).collect();
    assert_eq!(broken, ["{\"device\":\"x\",\"rea"]);
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattbridge.toml");
    fs::write(&path, "[jsonl]\nenabled = true\n").unwrap();
    let settings = JsonlSettings {
        enabled: true,
        path: Some(path.clone()),
    };
    let told = settings.probe().await.remove(0).1.unwrap_err();
    assert!(told.contains("Choose another path in [jsonl]"), "{told}");
    let plant = Plant::new();
    plant.put(1);
    let output = plant.start(&path);
    plant.stop.cancel();
    output.await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, "[jsonl]\nenabled = true\n");
}

#[tokio::test]
async fn a_folder_that_is_not_there_costs_lines_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/wattbridge.jsonl");
    let log = Log::new(folder.path());
    let plant = Plant::new();
    let output = plant.start(&path);
    until("a warning", || {
        plant.put(1);
        plant.put(2);
        log.lines("Make the folder, or correct path in [jsonl]. Lines are left out") == 1
    })
    .await;
    fs::create_dir(path.parent().unwrap()).unwrap();
    until("the file", || {
        plant.put(3);
        plant.put(4);
        !powers(&path).is_empty()
    })
    .await;
    until("good news", || log.lines("is written again") == 1).await;
    // That lines come faster than a slow disk takes them may be told as well.
    assert_eq!(log.lines("Make the folder"), 1);
    plant.stop.cancel();
    output.await.unwrap();
}

/// A pipe that nobody reads at first, then somebody who goes away, then somebody else.
#[tokio::test]
async fn readers_come_and_go_and_hold_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let log = Log::new(folder.path());
    let plant = Plant::new();
    let output = plant.start(&pipe);
    for power in 0..5000 {
        plant.put(power);
        yield_now().await;
    }
    let first = read(&pipe);
    let mut seen = Vec::new();
    until("the latest value", || {
        first.try_recv().is_ok_and(|power| power == 4999)
    })
    .await;
    drop(first);
    // Until a new reader is there, lines go nowhere.
    let mut next = 5000;
    while log.lines("Nobody reads it any more") == 0 {
        plant.put(next);
        next += 1;
        yield_now().await;
    }
    let second = read(&pipe);
    let read = tokio::time::timeout(DEADLINE, async {
        loop {
            plant.put(next);
            next += 1;
            yield_now().await;
            seen.extend(second.try_iter());
            if seen.len() > 10 {
                break;
            }
        }
    });
    read.await.unwrap();
    assert!(seen.is_sorted(), "{seen:?}");
    until("good news", || log.lines("is written again") == 1).await;
    assert_eq!(log.lines("Nobody reads it any more"), 1);
    // News come faster here than anybody reads; each time it is told once.
    let told = || log.lines("what is too much is left out");
    until("good news", || {
        told() == log.lines("is read fast enough again")
    })
    .await;
    assert!((1..5).contains(&told()), "{}", told());
    plant.stop.cancel();
    output.await.unwrap();
}

/// Who does not read at all is told of, and not waited for at the end.
#[tokio::test]
async fn it_ends_though_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let log = Log::new(folder.path());
    let plant = Plant::new();
    plant.put(1);
    let output = plant.start(&pipe);
    yield_now().await;
    tokio::time::pause();
    tokio::time::advance(DEADLINE).await;
    until("a warning", || {
        log.lines("is not read as fast as news come") == 1
    })
    .await;
    plant.stop.cancel();
    yield_now().await;
    tokio::time::advance(DEADLINE).await;
    output.await.unwrap();
    assert_eq!(log.lines("WARN"), 1);
    // What still waits there would keep this test from ending.
    let reader = read(&pipe);
    assert_eq!(reader.recv().unwrap(), 1);
}

#[tokio::test]
async fn a_file_is_tried_without_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let tried = async |path: &Path| {
        let settings = JsonlSettings {
            enabled: true,
            path: Some(path.to_owned()),
        };
        settings.probe().await.remove(0).1
    };
    let path = folder.path().join("wattbridge.jsonl");
    assert_eq!(tried(&path).await, Ok("it can be written".to_owned()));
    assert!(!path.exists());
    let told = tried(folder.path()).await.unwrap_err();
    assert!(told.contains("has to be a file in that folder"), "{told}");
    let told = tried(&folder.path().join("no/file")).await.unwrap_err();
    assert!(told.contains("Make the folder"), "{told}");
    assert!(JsonlSettings::default().probe().await.is_empty());
}
