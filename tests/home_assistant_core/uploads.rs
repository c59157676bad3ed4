//! What the history is sent to: each is a device with how it is, what waits, when something arrived last and what was
//! given up.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::{Decimal, Device, Metric, Quantity};

use crate::announced::devices;
use crate::harness::Harness;
use crate::languages::agree;
use crate::plant::{Pace, Program};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::view::{DEADLINE, View};

/// Slots that are there before anything is sent.
const SLOTS: i64 = 24;

/// The devices: the bridge, a pump, and two uploads.
const DEVICES: usize = 4;

/// Two hours of a charger, up to an hour ago.
fn fill(path: &Path) {
    let history = History::open_stepped(path, &HistorySettings::default(), TimeZone::UTC);
    let mut device = Device::new("victron", "HQ2123ABCDE", "Charger", "Victron Energy");
    device.metrics = vec![Metric::measurement("panel_power", Quantity::Power)];
    let device = Arc::new(device);
    history.describe(&device);
    let now = Timestamp::now() - SignedDuration::from_hours(1);
    for slot in 0..SLOTS {
        let at = now - SignedDuration::from_secs(slot * 300);
        let value = Decimal::integer(slot).into();
        history.record(&device.id, at, None, [("panel_power", value)]);
    }
    history.tick(now + SignedDuration::from_mins(30));
    history.flush(DEADLINE);
    history.close();
}

/// A service that answers everything like this; its port.
async fn service(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = Vec::new();
                while !is_whole(&asked) {
                    if matches!(stream.read_buf(&mut asked).await, Ok(0) | Err(_)) {
                        return;
                    }
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    port
}

/// Whether a request has come with all of its body.
fn is_whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split_once("content-length: ");
    let length = length.and_then(|(_, rest)| rest.lines().next()?.parse::<usize>().ok());
    body.len() >= length.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_assistant_shows_uploads() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    fill(&path);
    let takes = service("HTTP/1.1 204 No Content\r\n\r\n").await;
    let refuses = service("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await;
    let since = (Timestamp::now() - SignedDuration::from_hours(48)).to_zoned(TimeZone::UTC);
    let section = |port: u16| {
        format!(
            "[[influxdb]]\nurl = \"http://127.0.0.1:{port}\"\ndatabase = \"wattbridge\"\ndevices = [\"victron_*\"]\n\
             since = \"{}\"\n",
            since.date()
        )
    };
    let sections = [
        format!("[history]\npath = \"{}\"\n", path.display()),
        "[[text]]\nid = \"pump\"\ncommand = [\"echo\", \"42\"]\ninterval = \"1s\"\n\
         values = [{ id = \"power\", quantity = \"power\" }]\n"
            .to_owned(),
        section(takes),
        section(refuses),
    ];
    let mut program = Program::new(broker.port(), &[], folder.path());
    program.configure(Pace::Unlimited, &sections);
    let view = View::open(broker.port());
    home_assistant.start(broker.port());
    program.start();
    let all = |heard: &crate::view::Heard| devices(heard).len() == DEVICES;
    view.until("all devices", all).await;
    let id = |port: u16| format!("export_influxdb_127_0_0_1_{port}_wattbridge");
    let topic = |port: u16| format!("wattbridge/{}/state", id(port));
    let is_there = |value: &Json| value.is_string();
    view.until_value(&topic(takes), "last_success", is_there)
        .await;
    view.until_value(&topic(takes), "pending", |waiting| *waiting == 0)
        .await;
    view.until_value(&topic(refuses), "health", |health| *health == "refused")
        .await;
    agree(&home_assistant, &view, "with two uploads");

    let registry = home_assistant.devices();
    let states = home_assistant.states();
    let device = |port: u16| {
        let mut all = registry.iter();
        let found = all.find(|it| it["identifiers"][0][1] == id(port).as_str());
        found.unwrap_or_else(|| panic!("no device {}", id(port)))
    };
    let shown = |port: u16, key: &str| {
        let unique = format!("{}_{key}", id(port));
        let mut all = device(port)["entities"].as_array().unwrap().iter();
        let entity = all.find(|it| it["unique_id"] == unique.as_str());
        let entity = entity.unwrap_or_else(|| panic!("no {unique}"));
        let mut all = states.iter();
        let state = all.find(|it| it["entity_id"] == entity["entity_id"]);
        (
            entity["entity_category"].clone(),
            state.unwrap_or_else(|| panic!("no state of {unique}")),
        )
    };
    for port in [takes, refuses] {
        assert_eq!(device(port)["via_device"], "wattbridge");
        for (key, device_class, state_class) in [
            ("pending", Json::Null, json!("measurement")),
            ("given_up", Json::Null, json!("measurement")),
            ("last_success", json!("timestamp"), Json::Null),
            ("problem", json!("problem"), Json::Null),
            ("reason", Json::Null, Json::Null),
        ] {
            let (category, state) = shown(port, key);
            assert_eq!(category, "diagnostic", "{key}");
            assert_eq!(state["device_class"], device_class, "{key}");
            assert_eq!(state["state_class"], state_class, "{key}");
            assert_eq!(state["unit"], Json::Null, "{key}");
        }
    }
    let state = |port, key| shown(port, key).1["state"].as_str().unwrap().to_owned();
    let success: Timestamp = state(takes, "last_success").parse().unwrap();
    assert!(Timestamp::now().duration_since(success) < SignedDuration::from_mins(10));
    assert_eq!(state(takes, "pending"), "0");
    assert_eq!(state(takes, "problem"), "off");
    assert_eq!(state(refuses, "last_success"), "unknown");
    assert_eq!(state(refuses, "problem"), "on");
    assert!(state(refuses, "pending").parse::<i64>().unwrap() >= SLOTS);
    for port in [takes, refuses] {
        assert_eq!(state(port, "given_up"), "0");
    }
    assert_eq!(home_assistant.complaints(), [""; 0], "at the end");
}
