//! What is announced: simulated ECUs behind the real program, and an invented device with controls.

use std::borrow::Cow;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::civil::time;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::adapters::aps_ecu::simulator::{EcuSettings, Model, Plant, SimulatedEcu};
use wattbridge::bridge::Hub;
use wattbridge::model::{
    CommandOutcome, Control, ControlKind, Decimal, Device, DeviceState, Health, Metric, OnOff,
    Quantity, Value,
};
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, run};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::simulation::{House, Sky};
use wattbridge::store::Identity;

use crate::support::ports::free_address;

/// Serial numbers of the simulated ECUs.
pub(crate) const PRO: &str = "216200000001";
pub(crate) const SMALL: &str = "216300000001";

/// An ECU in the afternoon, which has new values every second. Not at noon: what looks like night then
/// is taken for a failure.
pub(crate) async fn simulate(
    model: Model,
    serial: &str,
    inverters: &str,
    fault: &[&str],
) -> SimulatedEcu {
    let list = inverters.parse().unwrap();
    let plant = Plant::new(model, serial.parse().unwrap(), &list).unwrap();
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let now = jiff::Zoned::now().with_time_zone(zone);
    let start = now.with().time(time(16, 0, 0, 0)).build().unwrap();
    let settings = EcuSettings {
        house: House::new(&start, Sky::default()),
        cycle: std::time::Duration::from_secs(1),
        faults: fault.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..EcuSettings::new(plant)
    };
    let simulator = SimulatedEcu::start(settings, free_address()).await;
    simulator.unwrap()
}

/// How often values may change in Home Assistant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As the user gets it.
    Usual,
    /// Each change goes through.
    Unlimited,
}

/// The real program.
pub(crate) struct Program {
    folder: TempDir,
    broker: u16,
    ecus: Vec<u16>,
    root: PathBuf,
    running: Option<Child>,
}

impl Program {
    /// For these ECUs, and the cables below this folder. It has to be configured before it is started.
    pub(crate) fn new(broker: u16, ecus: &[&SimulatedEcu], root: &Path) -> Self {
        let port = |ecu: &&SimulatedEcu| ecu.listens().port();
        Self {
            folder: tempfile::tempdir().unwrap(),
            broker,
            ecus: ecus.iter().map(port).collect(),
            root: root.to_owned(),
            running: None,
        }
    }

    /// Writes its configuration: the ECUs, and these sections.
    pub(crate) fn configure(&self, pace: Pace, sections: &[String]) {
        let mut config = format!(
            "[mqtt]\nport = {}\n[store]\npath = \"store.db\"\n",
            self.broker
        );
        if pace == Pace::Unlimited {
            config.push_str("[home_assistant]\npace = { \"*\" = { every = \"0s\" } }\n");
        }
        for port in &self.ecus {
            config.push_str(&format!(
                "[[aps_ecu]]\nhost = \"127.0.0.1\"\nport = {port}\ninterval = \"1s\"\n\
                 night_interval = \"1s\"\nquiet = \"\"\n",
            ));
        }
        config.extend(sections.iter().map(String::as_str));
        fs::write(self.folder.path().join("wattbridge.toml"), config).unwrap();
    }

    pub(crate) fn start(&mut self) {
        let log = self.folder.path().join("log");
        let log = File::options().append(true).create(true).open(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_wattbridge"))
            .args(["run", "--root"])
            .arg(&self.root)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.running = Some(child.unwrap());
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn stop(&mut self) {
        let mut child = self.running.take().unwrap();
        let pid = child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.unwrap().success());
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("what the program said:\n{log}");
        }
    }
}

/// The base topic of the invented device, so that the program does not take it for one of its own
/// that is gone.
pub(crate) const BASE: &str = "second";

/// A device with a control of each kind, on a bridge of its own. It does what it is told, apart from
/// a limit of 13 W.
pub(crate) struct Invented {
    /// What it was told, in order.
    pub(crate) commands: mpsc::UnboundedReceiver<(String, Json)>,
    hub: Hub,
    _stop: DropGuard,
}

impl Invented {
    pub(crate) fn start(broker: u16) -> Self {
        let (hub, mut pending) = Hub::new();
        let device = device();
        hub.put_device(Arc::new(bridge()), state(&bridge(), false));
        hub.put_device(Arc::new(device.clone()), state(&device, false));
        let stop = CancellationToken::new();
        let mqtt = MqttSettings {
            port: Some(broker),
            base_topic: BASE.to_owned(),
            ..MqttSettings::default()
        };
        tokio::spawn(run(
            mqtt,
            HomeAssistantSettings::default(),
            Identity::named(BASE),
            hub.feed(),
            stop.clone(),
        ));
        let (heard, commands) = mpsc::unbounded_channel();
        let device_hub = hub.clone();
        tokio::spawn(async move {
            while let Some(pending) = pending.recv().await {
                let command = pending.command;
                let is_refused = command.value == Value::Number(Decimal::integer(13));
                let result = if is_refused {
                    Err("the device does not like this number".to_owned())
                } else {
                    Ok(command.value.clone())
                };
                if let Value::OnOff(on) = command.value {
                    device_hub.put_state(state(&device, on));
                }
                heard.send((command.key, command.value.to_json())).unwrap();
                pending.reply.send(CommandOutcome { result }).unwrap();
            }
        });
        Self {
            commands,
            hub,
            _stop: stop.drop_guard(),
        }
    }
}

impl Invented {
    /// Takes the devices out of Home Assistant.
    pub(crate) fn remove(&self) {
        for device in [device(), bridge()] {
            self.hub.remove(&device.id);
        }
    }
}

fn bridge() -> Device {
    let mut device = Device::new("wattbridge", BASE, "Second bridge", "wattbridge");
    device.serial = String::new();
    device.metrics = vec![Metric::text("note").named("Note")];
    device
}

fn device() -> Device {
    let mut device = Device::new("invented", "1", "Invented charger", "Invented Works");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::on_off("load", OnOff::Plain).named("Load output"),
    ];
    let control = |key: &'static str, name: &'static str, kind: ControlKind| Control {
        key: key.into(),
        name: name.into(),
        kind,
        is_setup: false,
    };
    let limit = ControlKind::Number {
        quantity: Quantity::Power,
        min: Decimal::integer(0),
        max: Decimal::integer(500),
        step: Decimal::integer(1),
    };
    let modes = vec![Cow::Borrowed("eco"), Cow::Borrowed("full")];
    device.controls = vec![
        control("load", "Load", ControlKind::Switch),
        control("limit", "Limit", limit),
        control("mode", "Mode", ControlKind::Select(modes)),
        control("restart", "Restart", ControlKind::Button),
    ];
    device
}

fn state(device: &Device, load: bool) -> Arc<DeviceState> {
    let values = [
        (Cow::Borrowed("power"), Value::from(Decimal::integer(120))),
        (Cow::Borrowed("load"), Value::OnOff(load)),
    ];
    Arc::new(DeviceState {
        device: device.id.clone(),
        at: Some(jiff::Timestamp::now()),
        values: values.into(),
        health: Health::ONLINE,
        era: 0,
        held: Default::default(),
    })
}
