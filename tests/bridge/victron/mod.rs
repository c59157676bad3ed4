//! Victron devices on pseudo-terminals and TCP ports, read by the real program.
//!
//! The simulated devices send ten times a second instead of once. Where time stands still for them,
//! what they say is the same all the time, and so has to be what the program says.

mod audit;
mod cables;
mod commands;
mod control;
mod families;
mod faults;
mod hex;
mod limit;
mod said;
mod shunt;
mod sun;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::{
    Model, Pace, SimulatedVictron, VictronFault, VictronSettings,
};
use wattbridge::simulation::{FaultRule, SimPlace};

use self::audit::audit;
use crate::home::Home;
use crate::process::{Done, Process};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::ports::free_address;
use crate::wire::{Mark, Wire};

/// What takes a second on a real line.
const INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn model(name: &str) -> &'static Model {
    Model::named(name).unwrap()
}

/// A device whose time stands still.
pub(crate) fn still(name: &str) -> VictronSettings {
    let pace = Pace {
        interval: INTERVAL,
        ..Pace::default()
    };
    let settings = VictronSettings::new(model(name));
    VictronSettings {
        pace,
        house: settings.house.at_speed(0.0),
        ..settings
    }
}

/// The same with something that goes wrong.
pub(crate) fn faulty(name: &str, faults: &[&str]) -> VictronSettings {
    VictronSettings {
        faults: rules(faults),
        ..still(name)
    }
}

pub(crate) fn rules(faults: &[&str]) -> Vec<FaultRule<VictronFault>> {
    faults.iter().map(|text| text.parse().unwrap()).collect()
}

/// The device id of a simulated device that tells its serial number.
pub(crate) fn id(name: &str) -> String {
    format!("victron_{}", model(name).serial.to_lowercase())
}

/// The device id of one that is known by its cable.
pub(crate) fn cable_id(number: u32) -> String {
    format!("victron_ve0000{number:02}")
}

/// A broker, somebody who listens, and a folder for the program with simulated cables below it.
pub(crate) struct House {
    pub(crate) broker: Mosquitto,
    pub(crate) wire: Wire,
    pub(crate) home: Home,
}

impl House {
    /// With a section for all cables, and what is written below it.
    pub(crate) async fn open(more: &str) -> Option<Self> {
        Self::with(&[format!("[[victron]]\nsilent_after = \"5s\"\n{more}\n")]).await
    }

    pub(crate) async fn with(sections: &[String]) -> Option<Self> {
        let broker = Mosquitto::launch(&Setup::default())?;
        let wire = Wire::tap(broker.port()).await;
        let home = Home::new(broker.port(), sections);
        std::fs::create_dir_all(home.path().join("root/dev/serial/by-id")).unwrap();
        Some(Self { broker, wire, home })
    }

    /// The name of a cable among the ports.
    pub(crate) fn path(&self, number: u32) -> PathBuf {
        let name = format!("usb-VictronEnergy_BV_VE_Direct_cable_VE0000{number:02}-if00-port0");
        self.home.path().join("root/dev/serial/by-id").join(name)
    }

    /// Plugs a device in with the cable of this number.
    pub(crate) async fn cable(&self, number: u32, settings: VictronSettings) -> SimulatedVictron {
        let place = SimPlace::Terminal(self.path(number));
        SimulatedVictron::start(settings, place).await.unwrap()
    }

    pub(crate) fn run(&self) -> Process {
        Process::start(self.home.path(), &["run", "--root", "root"])
    }

    pub(crate) async fn check(&self) -> Done {
        self.home
            .done(&["check", "--connect", "--root", "root"])
            .await
    }

    /// Waits until a device is online and tells a state that is wanted.
    pub(crate) async fn online(
        &self,
        from: Mark,
        id: &str,
        wanted: impl Fn(&Json) -> bool,
    ) -> (Json, Mark) {
        let wanted = |state: &Json| state["health"] == "online" && wanted(state);
        self.wire.state("online", from, id, wanted).await
    }

    /// Waits until all that a device tells has been announced, which takes a moment for what it has
    /// told later than the rest.
    async fn announced(&self, id: &str) {
        let topic = format!("homeassistant/device/{id}/config");
        loop {
            let mark = self.wire.mark();
            let said = self.wire.on(&topic);
            let Some(last) = said.last().filter(|seen| !seen.text.is_empty()) else {
                return;
            };
            let (last, states) = (last.json(), self.wire.states(id));
            let state = states.last().and_then(Json::as_object);
            let is_there =
                |key: &String| audit::is_beside(key) || last["components"][key].is_object();
            if state.is_none_or(|state| state.keys().all(is_there)) {
                return;
            }
            self.wire
                .until(&topic, mark, |seen| seen.topic == topic)
                .await;
        }
    }

    /// Ends the program in order and looks at all that was said: only these devices, and nothing
    /// that cannot be.
    pub(crate) async fn close(
        &self,
        mut program: Process,
        ids: &[String],
        devices: &[&SimulatedVictron],
    ) {
        for id in ids {
            self.announced(id).await;
        }
        assert!(program.end().await.success());
        audit(&self.wire, ids);
        for device in devices {
            audit::harmless(device);
        }
    }
}

/// A device at a TCP port.
pub(crate) async fn tcp(settings: VictronSettings) -> SimulatedVictron {
    let place = SimPlace::Tcp(free_address());
    SimulatedVictron::start(settings, place).await.unwrap()
}
