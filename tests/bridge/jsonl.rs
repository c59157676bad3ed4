//! Lines of JSON for pipes and scripts, by themselves: there is no broker and no section for one.

use std::fs::{self, File};
use std::path::Path;

use serde_json::Value;
use tokio::time::sleep;

use crate::Duration;
use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::process::{Process, wattbridge};

/// A folder with a configuration of nothing but this output and an ECU.
fn home(gateway: &Gateway, jsonl: &str) -> Home {
    let home = Home::new(0, &[]);
    let text = format!(
        "[home_assistant]\nenabled = false\n\n[jsonl]\nenabled = true\n{jsonl}\n{}",
        gateway.section()
    );
    fs::write(home.file(), text).unwrap();
    home
}

/// Every line of a file; each has to be JSON.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The last one may be on its way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().map(serde_json::from_str);
    lines.map(|line| line.expect(&text)).collect()
}

/// Waits for a line.
async fn until(what: &str, path: &Path, is_it: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..12_000 {
        if let Some(line) = lines(path).into_iter().find(&is_it) {
            return line;
        }
        // There is no event to wait for.
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what} in\n{}", fs::read_to_string(path).unwrap());
}

#[tokio::test]
async fn standard_output_is_lines_of_json_and_nothing_else() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = home(&gateway, "");
    let out = home.path().join("out");
    let mut command = wattbridge(home.path(), &["run"]);
    command.stdout(File::create(&out).unwrap());
    let mut bridge = Process::of(command);
    let id = gateway.inverter_ids().remove(0);
    let of_inverter = |line: &Value| line["device"] == id.as_str();
    let line = until("a reading", &out, |line| {
        of_inverter(line) && line["readings"]["power"].is_number()
    })
    .await;
    assert_eq!(line["serial"], id.trim_start_matches("aps_ecu_"));
    assert!(
        line["at"].is_string() && line["model"].is_string(),
        "{line}"
    );
    // What the bridge says of the connection is a line of its own.
    assert!(line["readings"].get("problem").is_none(), "{line}");
    until("a status", &out, |line| {
        of_inverter(line) && line["status"] == "online" && line["reason"] == "Online"
    })
    .await;
    gateway.fault("refuse");
    let ecu = gateway.id();
    until("a reason for no more of them", &out, |line| {
        line["device"] == ecu.as_str() && line["status"] == "unreachable"
    })
    .await;
    assert!(bridge.end().await.success());
    // The log is elsewhere, and so is the broker that nobody has.
    assert_eq!(bridge.count(&["wattbridge has stopped."]), 1);
    assert_eq!(bridge.count(&["MQTT"]), 0, "{}", bridge.said());
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_nothing() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = home(&gateway, "");
    let (reader, pipe) = std::io::pipe().unwrap();
    let mut command = wattbridge(home.path(), &["run"]);
    command.stdout(pipe);
    let mut bridge = Process::of(command);
    drop(reader);
    bridge
        .until_said("Nobody reads the standard output any more")
        .await;
    let rounds = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, rounds + 5).await;
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 1, "{}", bridge.said());
}

#[tokio::test]
async fn a_file_is_tried_by_check_and_has_every_update() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = home(&gateway, "path = \"wattbridge.jsonl\"\n");
    let checked = home.done(&["check", "--connect"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked
            .out
            .contains("ok      wattbridge.jsonl: it can be written"),
        "{checked:?}"
    );
    assert!(!checked.out.contains("MQTT"), "{checked:?}");
    let path = home.path().join("wattbridge.jsonl");
    assert!(!path.exists());

    let mut bridge = home.run();
    let id = gateway.inverter_ids().remove(0);
    let is_reading = |line: &&Value| line["device"] == id.as_str() && line["readings"].is_object();
    let count = |path: &Path| lines(path).iter().filter(is_reading).count();
    until("some lines", &path, |_| count(&path) >= 3).await;
    // As a program that rotates logs does.
    let moved = home.path().join("wattbridge.jsonl.1");
    fs::rename(&path, &moved).unwrap();
    until("some more", &path, |_| count(&path) >= 3).await;
    assert!(bridge.end().await.success());
    // Times never run backwards, neither in a file nor from one to the next.
    let both = [lines(&moved), lines(&path)].concat();
    let times = both.iter().filter(is_reading);
    let times: Vec<&str> = times.filter_map(|line| line["at"].as_str()).collect();
    assert!(times.len() >= 6 && times.is_sorted(), "{times:?}");
}
