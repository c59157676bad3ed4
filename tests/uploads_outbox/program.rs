//! The program itself: killed while it sends, and what its commands say.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use wattbridge::history::{Cursor, Cursors, GivenUp, History, HistorySettings};
use wattbridge::model::{Decimal, Device, Metric, Quantity};

use crate::receiver::Receiver;
use crate::sender::{PATIENCE, truth};

/// `wattbridge run`, ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattbridge"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WATTBRIDGE") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path) -> Program {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = command(folder);
    let child = command.arg("run").stdout(Stdio::null()).stderr(log).spawn();
    Program(child.unwrap())
}

/// What a command says, and whether it worked.
fn says(folder: &Path, arguments: &[&str]) -> (String, bool) {
    let Output {
        stdout,
        stderr,
        status,
    } = command(folder).args(arguments).output().unwrap();
    let said = [stdout, stderr].concat();
    (String::from_utf8(said).unwrap(), status.success())
}

/// Three days of a charger, up to an hour ago.
fn fill(folder: &Path) {
    let path = folder.join("history.db");
    let history = History::open_stepped(&path, &HistorySettings::default(), TimeZone::UTC);
    let mut device = Device::new("victron", "HQ2123ABCDE", "Charger", "Victron Energy");
    device.metrics = vec![Metric::measurement("panel_power", Quantity::Power)];
    let device = std::sync::Arc::new(device);
    history.describe(&device);
    let now = Timestamp::now() - SignedDuration::from_hours(1);
    for slot in 0..3 * 288 {
        let at = now - SignedDuration::from_secs(slot * 300);
        let value = Decimal::integer(slot % 100).into();
        history.record(&device.id, at, None, [("panel_power", value)]);
    }
    history.tick(now + SignedDuration::from_mins(30));
    history.flush(PATIENCE);
    history.close();
}

fn configure(folder: &Path, url: &str) {
    let since = (Timestamp::now() - SignedDuration::from_hours(24 * 5)).to_zoned(TimeZone::UTC);
    let text = format!(
        "[home_assistant]\nenabled = false\n\n[history]\npath = \"history.db\"\n\n[[text]]\nid = \"pump\"\n\
         command = [\"echo\", \"42\"]\ninterval = \"1s\"\nvalues = [{{ id = \"power\", quantity = \"power\" }}]\n\n\
         [[influxdb]]\nurl = \"{url}\"\ndatabase = \"wattbridge\"\ndevices = [\"victron_*\"]\nsince = \"{}\"\n",
        since.date()
    );
    std::fs::write(folder.join("wattbridge.toml"), text).unwrap();
}

async fn awaited(what: &str, mut look: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_killed_while_it_sends_and_nothing_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(folder);
    let away = format!("http://127.0.0.1:{}", crate::ports::free_port());
    configure(folder, &away);
    let (said, works) = says(folder, &["check", "--connect"]);
    assert!(!works, "{said}");
    assert!(said.contains("127.0.0.1"), "{said}");
    let (said, works) = says(folder, &["export", "status"]);
    assert!(works && said.contains("it has never run"), "{said}");
    let (said, works) = says(folder, &["export", "preview", "influxdb", "--limit", "1"]);
    assert!(works, "{said}");
    let line = format!("POST {away}/write?db=wattbridge&precision=s\n");
    assert!(said.starts_with(&line), "{said}");
    assert!(
        said.contains("\nwattbridge,device=victron_hq2123abcde panel_power="),
        "{said}"
    );
    {
        let _program = run(folder);
        awaited("it says that the server is away", || {
            says(folder, &["export", "status"])
                .0
                .contains("864 slots wait")
        })
        .await;
        awaited("how it is", || {
            says(folder, &["export", "status"])
                .0
                .contains("cannot be reached")
        })
        .await;
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        assert!(log.contains("cannot be reached"), "{log}");
    }
    let receiver = Receiver::start().await;
    configure(folder, &receiver.url);
    let arrived = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let own = std::sync::Arc::clone(&arrived);
    receiver.kept().hook = Some(Box::new(move |_| {
        own.store(true, std::sync::atomic::Ordering::Relaxed);
        // Stored, and never answered.
        Some((None, true))
    }));
    {
        let _program = run(folder);
        awaited("rows", || {
            arrived.load(std::sync::atomic::Ordering::Relaxed)
        })
        .await;
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        let server = receiver.url.replace("http://", "").replace(['.', ':'], "_");
        let words = format!("influxdb_{server}_wattbridge: goes on where influxdb_");
        assert!(log.contains(&words), "{log}");
        assert!(log.contains("864 slots wait"), "{log}");
    }
    receiver.kept().hook = None;
    let mut truth = truth(&folder.join("history.db"));
    truth.retain(|(device, _), _| device.starts_with("victron"));
    let _program = run(folder);
    awaited("all rows", || receiver.kept().points == truth).await;
    awaited("the cursor", || {
        let said = says(folder, &["export", "status"]).0;
        said.contains("nothing waits") && said.contains("Online")
    })
    .await;
    let (said, works) = says(folder, &["export", "retry", "influxdb"]);
    assert!(works && said.contains("within a minute"), "{said}");
    let (said, works) = says(folder, &["export", "given-up", "influxdb"]);
    assert!(works && said.contains("Nothing was given up"), "{said}");
    let (said, works) = says(folder, &["export", "status", "--config", "wattbridge.toml"]);
    assert!(works, "{said}");
    let (said, works) = says(
        folder,
        &["export", "skip", "pvoutput", "--until", "2026-01-01"],
    );
    assert!(!works && said.contains("there is no target"), "{said}");
}

/// What a target has left behind that has run once.
async fn has_run(folder: &Path, target: &str, again: bool) {
    let cursors = Cursors::beside(&folder.join("history.db")).unwrap();
    let cursor = Cursor {
        done: Timestamp::now().as_second() - 86_400,
        again,
        ..Cursor::default()
    };
    cursors.save(target, cursor, Vec::new()).await.unwrap();
    let given = GivenUp {
        slot: Timestamp::now().as_second() / 300 * 300 - 100_200,
        reason: "the inputs have later values".to_owned(),
    };
    cursors.give_up(target, vec![given]).await.unwrap();
}

#[tokio::test]
async fn what_is_given_up_stays_so_where_nothing_is_taken_late_and_whoever_looks_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(folder);
    configure(folder, "http://127.0.0.1:9");
    let toml = std::fs::read_to_string(folder.join("wattbridge.toml")).unwrap();
    let toml = format!("{toml}\n[emoncms]\nurl = \"http://127.0.0.1:9\"\nkey = \"k\"\n");
    std::fs::write(folder.join("wattbridge.toml"), toml).unwrap();
    has_run(folder, "emoncms_127_0_0_1", false).await;
    has_run(folder, "influxdb_127_0_0_1_9_wattbridge", true).await;
    // One that nobody names any more, and none that is new.
    has_run(folder, "influxdb_nas_wattbridge", true).await;
    let path = folder.join("history.db");
    // As a version leaves it that is still to come.
    let file = rusqlite::Connection::open(&path).unwrap();
    let newer = wattbridge::history::steps().len() as i64 + 1;
    file.pragma_update(None, "user_version", newer).unwrap();
    drop(file);
    let before = std::fs::read(&path).unwrap();
    for (arguments, words) in [
        (&["export", "status"][..], "1 given up"),
        (
            &["export", "status"],
            "influxdb_nas_wattbridge\n  no section names it any more; 27",
        ),
        (
            &["check"],
            "Upload influxdb_nas_wattbridge: no section names it any more",
        ),
        (
            &["export", "given-up", "emoncms"],
            "the inputs have later values",
        ),
        (
            &["export", "preview", "influxdb", "--limit", "1"],
            "panel_power=",
        ),
    ] {
        let (said, works) = says(folder, arguments);
        assert!(works && said.contains(words), "{said}");
    }
    assert!(std::fs::read(&path).unwrap() == before);
    let (said, works) = says(folder, &["export", "retry", "emoncms"]);
    assert!(!works && said.contains("newer version"), "{said}");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", newer - 1).unwrap();
    drop(file);
    let (said, works) = says(folder, &["export", "retry", "emoncms"]);
    assert!(works && said.contains("within a minute"), "{said}");
    assert!(said.contains("takes nothing twice"), "{said}");
    let cursors = Cursors::beside(&path).unwrap();
    assert!(
        cursors
            .load("emoncms_127_0_0_1")
            .await
            .unwrap()
            .unwrap()
            .hurry
    );
    assert_eq!(
        cursors.given_up("emoncms_127_0_0_1").await.unwrap().len(),
        1
    );
    let (said, works) = says(folder, &["export", "retry", "influxdb"]);
    assert!(
        works && said.contains("1 slot that was given up once more"),
        "{said}"
    );
    let today = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .date()
        .tomorrow()
        .unwrap()
        .to_string();
    let skip = ["export", "skip", "influxdb_nas_wattbridge", "--until"];
    let (said, works) = says(folder, &[&skip[..], &["2026-01-01"]].concat());
    assert!(!works && said.contains("forgotten as a whole"), "{said}");
    let (said, works) = says(folder, &[&skip[..], &[today.as_str()]].concat());
    assert!(works && said.contains("is forgotten"), "{said}");
    let (said, _) = says(folder, &["export", "status"]);
    assert!(!said.contains("no section names it"), "{said}");
}
