//! How long it takes to send a year of the past to services that have just been configured.
//!
//! * `influxdb`: a year of a simulated house from the file of its history, to a web server on this computer that
//!   swallows everything
//! * `mysql`: what waits at most for a database, the records of 30 days of a roof with 12 optimizers, to a program that
//!   swallows everything
//!
//! All between is real: the outbox, what the services are told, sockets and pipes.
//!
//! With `UPLOADS_DAYS=365` it sends so many days once to each receiver, also to InfluxDB 1 and MariaDB where they are
//! installed, and prints for each, between tabs: receiver, rows, MB sent, seconds, rows a second, memory in MiB before
//! and at most. Records go 30 days at a time, as no more of them wait.

// What goes wrong in here shall end it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod past;
#[path = "../../tests/support/ports.rs"]
#[allow(dead_code, reason = "each program uses a part of it")]
mod ports;
mod receivers;
#[path = "../../tests/uploads_mysql/server.rs"]
#[allow(dead_code, reason = "each program uses a part of it")]
mod server;
#[path = "../../tests/house_year/house.rs"]
mod year_house;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use tokio::runtime::Runtime;
use wattbridge::clock::Clock;
use wattbridge::config::File;
use wattbridge::history::{History, HistorySettings};
use wattbridge::uploads::{NextRound, Rounds, Uploads};

use past::zone;
use receivers::{Influx, Received, Swallower, swallow};
use server::Server as MariaDb;

const BEGIN: Date = date(2026, 1, 1);
/// Records that are older do not wait any longer.
const RECORDS_WAIT: i64 = 30;

fn runtime() -> Runtime {
    // As the program itself.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

fn midnight(date: Date) -> Timestamp {
    date.to_zoned(zone()).unwrap().timestamp()
}

/// Sends all that a file has and the section wants, and says how long that took.
fn send(runtime: &Runtime, file: &Path, toml: &str, end: Timestamp) -> Duration {
    let read = File::parse(toml, "bench").unwrap();
    let (uploads, problems) = Uploads::read(&read);
    assert!(problems.is_empty(), "{problems}");
    let target = uploads.all().next().unwrap();
    let history = History::open_stepped(file, &HistorySettings::default(), zone());
    history.tick(end);
    history.flush(Duration::from_secs(60));
    let clock = Clock::manual(end, zone());
    let took = runtime.block_on(async {
        let plan = target.plan.as_ref();
        let begun = Instant::now();
        let mut rounds = Rounds::begin(target.upload, plan, history.clone(), clock.clone())
            .await
            .unwrap();
        loop {
            match rounds.round().await {
                NextRound::Now => {}
                NextRound::After(wait) => {
                    let state = rounds.state();
                    assert!(
                        !state.health.code.is_problem(),
                        "{}",
                        state.health.sentence()
                    );
                    let wait = SignedDuration::try_from(wait).unwrap();
                    clock.move_to(clock.now() + wait + SignedDuration::from_secs(1));
                }
                NextRound::Slot => break,
            }
        }
        let state = rounds.state();
        assert_eq!((state.pending, state.given_up), (0, 0), "{state:?}");
        begun.elapsed()
    });
    history.close();
    took
}

fn influxdb(url: &str, devices: &str) -> String {
    format!(
        "[[influxdb]]\nurl = \"{url}\"\ndatabase = \"wattbridge\"\nsince = \"{BEGIN}\"\ndevices = [{devices}]\n"
    )
}

fn mysql(command: &[String]) -> String {
    format!("[mysql]\ncommand = {command:?}\n")
}

/// A file with the past, made when it is measured for the first time, and what sends it.
struct Past {
    folder: tempfile::TempDir,
    toml: String,
    end: Timestamp,
}

impl Past {
    fn new(make: impl FnOnce(&Path) -> (String, Timestamp)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (toml, end) = make(folder.path());
        Self { folder, toml, end }
    }

    /// Sends a copy of it, as it stays as it is.
    fn send(&self, runtime: &Runtime) -> Duration {
        let round = tempfile::tempdir_in(self.folder.path()).unwrap();
        let copy = round.path().join("history.db");
        fs::copy(self.folder.path().join("history.db"), &copy).unwrap();
        send(runtime, &copy, &self.toml, self.end)
    }
}

fn uploads(c: &mut Criterion) {
    let runtime = runtime();
    let (mut slots, mut records) = (None, None);
    let mut group = c.benchmark_group("uploads_year");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function(BenchmarkId::new("influxdb", "365 days"), |b| {
        let past = slots.get_or_insert_with(|| {
            Past::new(|folder| {
                let end = past::fill(&folder.join("history.db"), BEGIN, 365);
                (influxdb(&Swallower::start().url, ""), end)
            })
        });
        b.iter_custom(|rounds| (0..rounds).map(|_| past.send(&runtime)).sum());
    });
    group.bench_function(BenchmarkId::new("mysql", "30 days"), |b| {
        let past = records.get_or_insert_with(|| {
            Past::new(|folder| {
                let toml = mysql(&receivers::swallowing(&folder.join("swallowed")));
                let file = folder.join("history.db");
                let end = past::fill_records(&file, &toml, date(2026, 6, 1), RECORDS_WAIT);
                (toml, end)
            })
        });
        b.iter_custom(|rounds| (0..rounds).map(|_| past.send(&runtime)).sum());
    });
    group.finish();
}

/// A line of `/proc/self/status`, in MiB.
fn memory(key: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// Sends a file with the memory watched; how long it took, and the memory before and at most.
fn watched(runtime: &Runtime, file: &Path, toml: &str, end: Timestamp) -> (Duration, [f64; 2]) {
    // The most begins anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    (send(runtime, file, toml, end), [before, memory("VmHWM:")])
}

fn tell(receiver: &str, received: &Received, took: Duration, [before, most]: [f64; 2]) {
    let Received { rows, bytes } = received;
    let (seconds, megabytes) = (took.as_secs_f64(), *bytes as f64 / 1e6);
    let speed = *rows as f64 / seconds;
    println!(
        "{receiver}\t{rows}\t{megabytes:.1}\t{seconds:.1}\t{speed:.0}\t{before:.1}\t{most:.1}"
    );
}

/// So many days of slots to everything that takes them.
fn send_slots(runtime: &Runtime, folder: &Path, days: i64) {
    let file = folder.join("slots.db");
    let begun = Instant::now();
    let end = past::fill(&file, BEGIN, days);
    println!("slots made in {:.0?}", begun.elapsed());
    let copy = folder.join("copy.db");
    let watched = |url: &str, devices: &str| {
        fs::copy(&file, &copy).unwrap();
        watched(runtime, &copy, &influxdb(url, devices), end)
    };
    for (devices, name) in [("", "what is left out"), ("\"*\"", "every device")] {
        let web = Swallower::start();
        let (took, memory) = watched(&web.url, devices);
        tell(&format!("swallower, {name}"), &web.received(), took, memory);
        let Some(influx) = Influx::start(&runtime_folder(folder, name)) else {
            continue;
        };
        let (took, memory) = watched(&influx.url, devices);
        // What it got is what the other one got.
        tell(
            &format!("InfluxDB 1, {name}"),
            &web.received(),
            took,
            memory,
        );
        let (there, sent) = (influx.lines(), web.received().rows);
        assert_eq!(there, sent, "lines in InfluxDB");
    }
}

fn runtime_folder(folder: &Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name.replace(' ', "_"));
    fs::create_dir_all(&path).unwrap();
    path
}

/// So many days of records to everything that takes them, as many at a time as wait at most.
fn send_records(runtime: &Runtime, folder: &Path, days: i64) {
    let log = folder.join("swallowed");
    let swallowing = mysql(&receivers::swallowing(&log));
    let mariadb = MariaDb::start();
    let into_mariadb = mariadb.as_ref().map(|server| mysql(&server.command()));
    let mut all = [(Duration::ZERO, [f64::MAX, 0.0]); 2];
    let mut making = Duration::ZERO;
    for first in (0..days).step_by(RECORDS_WAIT as usize) {
        let days = RECORDS_WAIT.min(days - first);
        for (place, toml) in [Some(&swallowing), into_mariadb.as_ref()]
            .into_iter()
            .enumerate()
        {
            let Some(toml) = toml else { continue };
            let file = folder.join("records.db");
            let _ = fs::remove_file(&file);
            let begun = Instant::now();
            let end = past::fill_records(&file, toml, BEGIN + first.days(), days);
            making += begun.elapsed();
            let (took, [before, most]) = watched(runtime, &file, toml, end);
            let (total, [least, greatest]) = &mut all[place];
            *total += took;
            *least = least.min(before);
            *greatest = greatest.max(most);
        }
    }
    println!("records made in {making:.0?}");
    let received = Received::read(&log);
    let [(took, memory), (by_mariadb, of_mariadb)] = all;
    tell("swallower, records", &received, took, memory);
    if let Some(server) = mariadb {
        let rows = ["telemetry_optimizers", "telemetry_inverter_3phase"]
            .map(|table| server.number(&format!("SELECT count(*) FROM {table}")));
        let there = u64::try_from(rows.iter().sum::<i64>()).unwrap();
        assert_eq!(there, received.rows, "rows in MariaDB");
        tell("MariaDB, records", &received, by_mariadb, of_mariadb);
    }
}

criterion_group!(benches, uploads);

fn main() {
    if let Some(log) = receivers::swallowed_log() {
        return swallow(&log);
    }
    if let Ok(days) = std::env::var("UPLOADS_DAYS") {
        let days = days.parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        println!("receiver\trows\tMB\ts\trows/s\tMiB before\tMiB at most");
        send_slots(&runtime(), folder.path(), days);
        send_records(&runtime(), folder.path(), days);
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
