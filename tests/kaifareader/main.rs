//! What users of the program kaifareader find here: its topics on a real Mosquitto, its file on real
//! disks, and the way from its configuration to ours.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod migrate;
mod solarview;
#[path = "../support/mod.rs"]
mod support;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use wattbridge::bridge::Hub;
use wattbridge::clock::Clock;
use wattbridge::history::History;
use wattbridge::model::{Decimal, Device, DeviceState, Health, Metric, Quantity, Value};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::{Context, Outlet, Running};
use wattbridge::store::Identity;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(30);

fn me() -> Identity {
    Identity::named("b2c3d4")
}

fn mqtt(port: u16) -> MqttSettings {
    MqttSettings {
        port: Some(port),
        ..MqttSettings::default()
    }
}

/// An output at work.
fn run(outlet: impl Outlet + 'static, hub: &Hub, port: u16, stop: &CancellationToken) -> Running {
    Arc::new(outlet).run(Context {
        feed: hub.feed(),
        mqtt: mqtt(port),
        bridge: me(),
        clock: Clock::system(),
        past: History::off().reader(),
        stop: stop.clone(),
    })
}

fn meter(serial: &str) -> Device {
    let mut device = Device::new("smart_meter", serial, "Meter", "Kaifa");
    let total = |key| Metric::lifetime(key, Quantity::Energy).decimals(3);
    device.metrics = vec![total("energy_import"), total("energy_export")];
    device
}

/// A hub that knows some meters.
fn hub(devices: &[Device]) -> Hub {
    let hub = Hub::new().0;
    for device in devices {
        let state = DeviceState {
            device: device.id.clone(),
            at: None,
            values: [].into(),
            health: Health::ONLINE,
            era: 0,
            held: Default::default(),
        };
        hub.put_device(Arc::new(device.clone()), Arc::new(state));
    }
    hub
}

/// The state after a telegram of that second, with its totals in watt-hours.
fn telegram(device: &Device, second: i64, totals: [Option<i64>; 2]) -> Arc<DeviceState> {
    let [import, export] = totals.map(|total| Value::from(total.map(Decimal::from_watt_hours)));
    Arc::new(DeviceState {
        device: device.id.clone(),
        at: Some(Timestamp::from_second(second).unwrap()),
        values: [
            ("energy_import".into(), import),
            ("energy_export".into(), export),
        ]
        .into(),
        health: Health::ONLINE,
        era: 0,
        held: Default::default(),
    })
}
