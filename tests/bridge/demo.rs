//! `wattbridge demo`, as somebody sees it who has nothing yet.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Stdio;

use rustix::termios::{Winsize, tcsetwinsize};
use tokio::time::timeout;
use wattbridge::links::{Happening, PseudoTerminal};

use crate::DEADLINE;
use crate::home::Home;
use crate::process::{Process, wattbridge};
use crate::support::ports::free_port;
use crate::wire::{Seen, Wire};

/// Each device, what it is called, and values that it must have. None of its values may be missing that
/// makes the Energy dashboard.
const DEVICES: [(&str, &str, &[&str]); 8] = [
    (
        "aps_ecu_216200000001",
        "Solar roof",
        &["power", "energy_total", "energy_today"],
    ),
    ("aps_ecu_216300000001", "Garage", &["power", "energy_total"]),
    ("aps_ecu_406200000001", "YC600 0001", &["power"]),
    (
        "aps_zigbee_d8a3011b9780",
        "Garage roof",
        &["power", "energy_total", "energy_today"],
    ),
    (
        "aps_zigbee_801000123403",
        "QS1 3403",
        &["power", "energy_total"],
    ),
    (
        "smart_meter_1kfm0200654321",
        "Grid meter",
        &[
            "power_import",
            "power_export",
            "energy_import",
            "energy_export",
        ],
    ),
    ("victron_hq000000015", "Shed roof", &["panel_power"]),
    ("victron_hq000000012", "Shed battery", &["state_of_charge"]),
];

#[tokio::test]
async fn every_device_of_the_demo_is_read_and_announced() {
    let port = free_port();
    let home = Home::new(1883, &[]);
    let mut demo = Process::start(home.path(), &["demo", "--port", &port.to_string()]);
    demo.until_said("MQTT broker").await;
    let wire = Wire::tap(port).await;
    for (id, name, keys) in DEVICES {
        let config = format!("homeassistant/device/{id}/config");
        wire.until(&config, 0, |seen| seen.topic == config).await;
        let all = |state: &serde_json::Value| keys.iter().all(|key| state[*key].is_number());
        wire.state(name, 0, id, all).await;
        wire.available(0, id, true).await;
        demo.until_said(&format!("announced  {name}")).await;
        demo.until_said(&format!("read       {name}")).await;
    }
    assert!(demo.end().await.success());
    assert_eq!(demo.count(&["WARN"]), 0, "{}", demo.said());
    // Into a pipe go plain lines.
    assert!(!demo.said().contains('\x1b'), "{}", demo.said());
    // Nothing was written, so that nothing is left over.
    assert_eq!(home.files(), ["wattbridge.toml"]);
}

#[tokio::test]
async fn every_device_with_energy_is_named_for_the_energy_dashboard() {
    let port = free_port();
    let home = Home::new(1883, &[]);
    let mut demo = Process::start(home.path(), &["demo", "--port", &port.to_string()]);
    demo.until_said("Energy dashboard: ").await;
    let said = demo.said();
    let (_, rest) = said.split_once("Energy dashboard: ").unwrap();
    let named = rest.lines().next().unwrap().split(", ");
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let wire = Wire::tap(port).await;
    // Until all are announced, and those that are named with their energy.
    let mut with_energy = BTreeSet::new();
    let mut mark = 0;
    let mut waited_for: BTreeSet<&str> = DEVICES.iter().map(|(_, name, _)| *name).collect();
    while !waited_for.is_empty() || !named.is_subset(&with_energy) {
        let is_config = |seen: &Seen| {
            seen.topic.starts_with("homeassistant/device/") && seen.topic.ends_with("/config")
        };
        let (seen, next) = wire.until("an announcement", mark, is_config).await;
        mark = next;
        let config = seen.json();
        let name = config["device"]["name"].as_str().unwrap().to_owned();
        waited_for.remove(name.as_str());
        let via = config["device"]["via_device"].as_str().unwrap_or_default();
        let mut components = config["components"].as_object().unwrap().iter();
        let has_energy = components.any(|(key, component)| {
            component["device_class"] == "energy" && !key.contains("energy_today")
        });
        if via.starts_with("wattbridge_") && has_energy {
            with_energy.insert(name);
        }
    }
    assert_eq!(named, with_energy);
    assert!(demo.end().await.success());
}

#[tokio::test]
async fn the_demo_ends_by_itself_after_the_time_that_was_asked_for() {
    let home = Home::new(1883, &[]);
    let mut demo = Process::start(home.path(), &["demo", "--port", "0", "--for", "1s"]);
    assert!(demo.ended().await.success(), "{}", demo.said());
}

#[tokio::test]
async fn on_a_terminal_there_is_a_picture_and_the_terminal_is_given_back() {
    let home = Home::new(1883, &[]);
    let mut terminal = PseudoTerminal::new(home.path().join("terminal")).unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(terminal.path())
        .unwrap();
    // High enough for every inverter.
    let size = Winsize {
        ws_row: 48,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&slave, size).unwrap();
    let mut command = wattbridge(home.path(), &["demo", "--port", "0"]);
    command
        .env("TERM", "xterm-256color")
        .stdout(Stdio::from(slave));
    let mut demo = Process::of(command);
    let mut shown = String::new();
    let everything = async {
        loop {
            if let Happening::Received(bytes) = terminal.next().await.unwrap() {
                shown.push_str(&String::from_utf8_lossy(&bytes));
            }
            let (_, last) = shown.rsplit_once("\x1b[1;1H").unwrap_or_default();
            if DEVICES.iter().all(|(_, name, _)| last.contains(name)) {
                return;
            }
        }
    };
    let found = timeout(DEADLINE, everything).await;
    assert!(found.is_ok(), "{shown:?}");
    let (_, last) = shown.rsplit_once("\x1b[1;1H").unwrap();
    assert!(last.contains("127.0.0.1:"), "the address stays: {last:?}");
    assert!(shown.contains("\x1b[?25l"), "{shown:?}");

    let reading = async {
        while !shown.ends_with("\x1b[?25h") {
            if let Happening::Received(bytes) = terminal.next().await.unwrap() {
                shown.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    };
    let (ended, restored) = tokio::join!(demo.end(), timeout(DEADLINE, reading));
    assert!(ended.success(), "{}", demo.said());
    assert!(restored.is_ok(), "{shown:?}");
}
