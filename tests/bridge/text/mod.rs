//! Sensors that print text, on pseudo-terminals and TCP ports or as programs, read by the real
//! program.

mod command;
mod port;
mod recorded;

use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use wattbridge::adapters::text::simulator::SimulatedSensor;
use wattbridge::simulation::SimPlace;

use crate::home::Home;
use crate::support::ports::free_address;

/// A clamp ammeter that answers to a byte.
pub(crate) async fn clamp(folder: &Path, lines: &[&str]) -> SimulatedSensor {
    let place = SimPlace::Terminal(folder.join("ttyClamp"));
    SimulatedSensor::start(place, bytes(lines), None)
        .await
        .unwrap()
}

/// A sensor that talks by itself, ten times a second.
pub(crate) async fn talker(lines: &[&str]) -> SimulatedSensor {
    let place = SimPlace::Tcp(free_address());
    let every = Some(Duration::from_millis(100));
    SimulatedSensor::start(place, bytes(lines), every)
        .await
        .unwrap()
}

pub(crate) fn bytes(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

/// What reads the clamp.
pub(crate) const CLAMP: &str = r#"
baud = 19200
ask = '\n'
pattern = '^(\d\d+\.\d)A$'
interval = "200ms"
timeout = "1s"
tries = 1
values = [
    { id = "current", quantity = "current" },
    { id = "power", quantity = "power", scale = 230, ceiling = 1500, energy = true },
]
"#;

/// A section of this name.
pub(crate) fn section(id: &str, more: &str) -> String {
    format!("[[text]]\nid = \"{id}\"\n{more}\n")
}

/// The section of a sensor on a port.
pub(crate) fn on_port(id: &str, sensor: &SimulatedSensor, more: &str) -> String {
    section(id, &format!("port = \"{}\"\n{more}", sensor.address()))
}

/// The section of a script in this folder.
pub(crate) fn script(home: &Home, id: &str, content: &str, more: &str) -> String {
    let path = home.path().join(format!("{id}.sh"));
    std::fs::write(&path, content).unwrap();
    let more = format!("command = [\"/bin/sh\", \"{}\"]\n{more}", path.display());
    section(id, &more)
}

pub(crate) fn reason(state: &Json) -> &str {
    state["reason"].as_str().unwrap_or_default()
}
