//! Sticks, the program with its folder, a broker, and somebody who listens.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wattbridge::adapters::aps_zigbee::simulator::{SimulatedStick, StickSettings, ZigbeeList};
use wattbridge::simulation::{House, SimPlace, Sky};

use crate::home::Home;
use crate::process::{Process, wattbridge};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::ports::free_address;
use crate::wire::{Mark, Seen, Wire};

/// At a stick's place it is morning whenever somebody looks.
const NOW: &str = "2026-06-21T10:00:00[Europe/Vienna]";

/// The id of the network of a stick.
pub(crate) fn network(number: u8) -> String {
    format!("{number:02X}A3011B9780")
}

/// The device of a stick.
pub(crate) fn stick_id(number: u8) -> String {
    format!("aps_zigbee_{}", network(number).to_lowercase())
}

/// A stick that starts fast, with inverters that are paired with it, or with nobody.
pub(crate) fn settings(number: u8, inverters: &str, is_paired: bool) -> StickSettings {
    let list: ZigbeeList = inverters.parse().unwrap();
    let gateway = network(number).parse().unwrap();
    let mut settings = StickSettings::new(list.0, is_paired.then_some(gateway));
    settings.reset_takes = Duration::from_millis(60);
    settings.start_takes = Duration::from_millis(1000);
    settings
}

/// The serial numbers of its inverters.
pub(crate) fn serials(stick: &SimulatedStick) -> Vec<String> {
    let truth = stick.truth();
    truth
        .inverters
        .iter()
        .map(|it| it.serial.to_string())
        .collect()
}

/// The devices of its inverters.
pub(crate) fn ids(stick: &SimulatedStick) -> Vec<String> {
    let serials = serials(stick);
    serials
        .iter()
        .map(|it| format!("aps_zigbee_{it}"))
        .collect()
}

/// The section for a stick and all its inverters. Addresses are written of those that are paired with it.
pub(crate) fn section(number: u8, stick: &SimulatedStick, more: &str) -> String {
    let gateway = network(number).parse().ok();
    let truth = stick.truth();
    let paired = truth.inverters.iter().filter(|it| it.gateway == gateway);
    let addresses: Vec<String> = paired
        .map(|it| format!("{} = \"{}\"", it.serial, it.address))
        .collect();
    format!(
        "[[aps_zigbee]]\nport = \"{}\"\necu_id = \"{}\"\ninverters = {:?}\naddresses = {{ {} }}\ninterval = \"15s\"\n{more}\n",
        stick.address(),
        network(number),
        serials(stick),
        addresses.join(", ")
    )
}

/// A stick that is to be had by TCP.
pub(crate) async fn tcp(settings: StickSettings) -> SimulatedStick {
    start(settings, SimPlace::Tcp(free_address())).await
}

async fn start(settings: StickSettings, place: SimPlace) -> SimulatedStick {
    let now: Zoned = NOW.parse().unwrap();
    let house = House::new(&now, Sky::default());
    SimulatedStick::start(settings, house, place).await.unwrap()
}

pub(crate) struct Site {
    pub(crate) wire: Wire,
    pub(crate) home: Home,
    _broker: Mosquitto,
}

impl Site {
    /// `None` where there is no Mosquitto.
    pub(crate) async fn open() -> Option<Self> {
        let broker = Mosquitto::launch(&Setup::default())?;
        let wire = Wire::tap(broker.port()).await;
        let home = Home::new(broker.port(), &[]);
        Some(Self {
            wire,
            home,
            _broker: broker,
        })
    }

    /// The name of a serial port.
    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join("zigbee0")
    }

    /// A stick that is plugged in.
    pub(crate) async fn plugged(&self, settings: StickSettings) -> SimulatedStick {
        start(settings, SimPlace::Terminal(self.path())).await
    }

    /// Starts the program. It is noon where it runs, so that no day ends meanwhile.
    pub(crate) fn run(&self) -> Process {
        let mut command = wattbridge(self.home.path(), &["run"]);
        let hour = Zoned::now().with_time_zone(TimeZone::UTC).hour();
        command.env("TZ", format!("NOON{}", hour - 12));
        Process::of(command)
    }

    /// Takes away the line by which everything is saved at once.
    pub(crate) fn save_as_usual(&self) {
        let text = std::fs::read_to_string(self.home.file()).unwrap();
        let text = text.replace("save_every = \"0s\"", "");
        std::fs::write(self.home.file(), text).unwrap();
    }

    /// Waits until a device is online and tells a state that is wanted.
    pub(crate) async fn online(
        &self,
        from: Mark,
        id: &str,
        wanted: impl Fn(&Json) -> bool,
    ) -> (Json, Mark) {
        let is_wanted = |state: &Json| state["health"] == "online" && wanted(state);
        self.wire.state("online", from, id, is_wanted).await
    }

    /// Waits until the reason of a device's health has these words.
    pub(crate) async fn reason(&self, from: Mark, id: &str, words: &str) -> (Json, Mark) {
        let has = |state: &Json| state["reason"].as_str().unwrap_or_default().contains(words);
        self.wire.state(words, from, id, has).await
    }

    /// Gives a command, and waits for what comes of it.
    pub(crate) async fn command(&self, id: &str, key: &str, word: &str) -> Json {
        let mark = self.wire.mark();
        let topic = format!("wattbridge/{id}/cmd/{key}");
        self.wire.say(&topic, word, false).await;
        let topic = format!("wattbridge/{id}/result/{key}");
        let is_result = |seen: &Seen| seen.topic == topic;
        self.wire.until(&topic, mark, is_result).await.0.json()
    }

    /// What was announced of a device last: the keys of its entities.
    pub(crate) fn entities(&self, id: &str) -> Vec<String> {
        let said = self.wire.on(&format!("homeassistant/device/{id}/config"));
        let last = said.last().unwrap().json();
        let components = last["components"].as_object().unwrap();
        components.keys().cloned().collect()
    }
}

/// Whether a value is there.
pub(crate) fn has(key: &'static str) -> impl Fn(&Json) -> bool {
    move |state| state[key].is_number()
}
