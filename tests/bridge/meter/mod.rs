//! Smart meters on a pseudo-terminal or a TCP port, read by the real program.
//!
//! The simulated meters send every 300 ms instead of every 5 s.

mod check;
mod keys;
mod line;
mod outputs;
mod recorded;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use wattbridge::adapters::smart_meter::simulator::{
    Fixed, MODELS, MeterFault, MeterSettings, Model, ROOF, Sample, SimulatedMeters,
};
use wattbridge::simulation::{FaultRule, House, SimPlace, Sky};

use crate::home::Home;
use crate::support::ports::free_address;
use crate::wire::{Mark, Wire};

/// Not one that anybody has.
pub(crate) const KEY: &str = "7E11AA5500C3F00DCAFE0123456789AB";
/// The same for the tag.
pub(crate) const AUTHENTICATION_KEY: &str = "AA7E11550FC3F00DCAFE0123456789AB";

/// How often a meter sends.
const INTERVAL: Duration = Duration::from_millis(300);

pub(crate) fn model(name: &str) -> &'static Model {
    Model::named(name).unwrap()
}

/// The device id of a simulated meter.
pub(crate) fn id(name: &str) -> String {
    format!("smart_meter_{}", model(name).number.to_lowercase())
}

/// What a line is made of.
pub(crate) struct Plan<'a> {
    pub(crate) models: &'a [&'a str],
    pub(crate) faults: &'a [&'a str],
    pub(crate) fixed: Fixed,
    pub(crate) interval: Duration,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            models: &["tinetz"],
            faults: &[],
            fixed: Fixed::default(),
            interval: INTERVAL,
        }
    }
}

/// Simulated meters on one line.
pub(crate) struct Line {
    pub(crate) simulator: SimulatedMeters,
}

impl Line {
    /// On a serial port in this folder.
    pub(crate) async fn serial(folder: &Path, plan: Plan<'_>) -> Self {
        let path: PathBuf = folder.join("ttyMeter");
        Self::at(SimPlace::Terminal(path), plan).await
    }

    pub(crate) async fn tcp(plan: Plan<'_>) -> Self {
        Self::at(SimPlace::Tcp(free_address()), plan).await
    }

    async fn at(place: SimPlace, plan: Plan<'_>) -> Self {
        let meter = |name: &&str| {
            let model = model(name);
            let tag = model.security & 0x10 != 0;
            let authentication = tag.then(|| AUTHENTICATION_KEY.parse().unwrap());
            (model, KEY.parse().unwrap(), authentication)
        };
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let now = jiff::Zoned::now();
        let settings = MeterSettings {
            meters: plan.models.iter().map(meter).collect(),
            interval: plan.interval,
            house: House::new(&now.with_time_zone(zone), Sky::default()).with_roof(ROOF),
            fixed: plan.fixed,
            faults: faults(plan.faults),
        };
        Self {
            simulator: SimulatedMeters::start(settings, place).await.unwrap(),
        }
    }

    /// The section that reads it.
    pub(crate) fn section(&self, more: &str) -> String {
        format!(
            "[[smart_meter]]\nport = \"{}\"\nsilent_after = \"5s\"\n{more}\n",
            self.simulator.address()
        )
    }

    pub(crate) fn set_faults(&self, words: &[&str]) {
        self.simulator.set_faults(&faults(words));
    }
}

pub(crate) fn faults(words: &[&str]) -> Vec<FaultRule<MeterFault>> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

/// The key, and every value at once.
pub(crate) fn keyed(line: &Line) -> Vec<String> {
    vec![line.section(&format!("key = \"{KEY}\""))]
}

/// Whether a state has what the meter said last, as far as the model carries it.
pub(crate) fn is_true(state: &Json, sample: &Sample) -> bool {
    let kilo = |value: u32| f64::from(value) / 1000.0;
    let same = |key: &str, value: f64| state[key].as_f64() == Some(value);
    same("energy_import", kilo(sample.energy_import))
        && same("energy_export", kilo(sample.energy_export))
        && same("power_import", sample.power_import.into())
        && same("power_export", sample.power_export.into())
        && same(
            "power_net",
            f64::from(sample.power_import) - f64::from(sample.power_export),
        )
}

/// Waits for a state that is right, and says how it looks.
pub(crate) async fn until_true(
    wire: &Wire,
    from: Mark,
    name: &str,
    line: &Line,
    index: usize,
) -> Json {
    let right = |state: &Json| {
        let samples = line.simulator.samples();
        samples
            .get(index)
            .is_some_and(|sample| is_true(state, sample))
    };
    wire.state("the values of the meter", from, &id(name), right)
        .await
        .0
}

#[tokio::test]
async fn every_model_is_read_without_being_told_which() {
    let broker =
        crate::support::mosquitto::Mosquitto::launch(&crate::support::mosquitto::Setup::default());
    let Some(broker) = broker else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let mut lines = Vec::new();
    let mut sections = Vec::new();
    for model in MODELS {
        let plan = Plan {
            models: &[model.name],
            ..Plan::default()
        };
        let line = Line::tcp(plan).await;
        let more = format!("key = \"{KEY}\"\nauthentication_key = \"{AUTHENTICATION_KEY}\"");
        sections.push(line.section(&more));
        lines.push(line);
    }
    let home = Home::new(broker.port(), &sections);
    let mut program = home.run();
    for (model, line) in MODELS.iter().zip(&lines) {
        let state = until_true(&wire, 0, model.name, line, 0).await;
        assert_eq!(state["health"], "online", "{}: {state}", model.name);
        let phases = ["voltage_l1", "voltage_l2", "current_l3"].map(|key| !state[key].is_null());
        let expected = match model.name {
            "tinetz-single" => [true, false, false],
            "am550" | "e450-tariffs" => [false, false, false],
            _ => [true, true, true],
        };
        assert_eq!(phases, expected, "{}: {state}", model.name);
    }
    assert!(program.end().await.success());
    // What came over the wire has no more digits than the meter sent.
    for message in wire.all() {
        assert!(
            !message.text.contains("00000000"),
            "{} {}",
            message.topic,
            message.text
        );
    }
}
