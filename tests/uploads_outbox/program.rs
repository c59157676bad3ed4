//! The program itself: killed while it sends, and what its commands say.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use wattbridge::history::{History, HistorySettings};
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
