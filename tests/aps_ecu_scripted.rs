//! ECUs played by scripts that are kept beside the project: what people have met, in small.
//!
//! Without the scripts every test here is ignored; without python3 it passes and says so. The project's own
//! simulator plays the same in `tests/bridge/doubts.rs`.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/vectors.rs"]
mod captures;
#[path = "support/ports.rs"]
mod ports;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::adapters::aps_ecu;
use wattbridge::adapters::aps_ecu::simulator::{EcuSettings, Model, Plant, SimulatedEcu};
use wattbridge::bridge::{Bridge, Feed, News, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::links::Links;
use wattbridge::model::{DeviceState, HealthCode, Update, Value};
use wattbridge::store::Store;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(120);

/// A script that plays an ECU, ended when dropped.
struct Script {
    child: Child,
    port: u16,
}

impl Script {
    fn start(name: &str) -> Option<Self> {
        let folder = captures::path("reports/ecu/servers");
        let script = folder.join(format!("{name}.py"));
        assert!(script.is_file(), "no {}", script.display());
        let port = ports::free_port();
        let child = Command::new("python3")
            .arg(folder.join("server.py"))
            .arg(port.to_string())
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self { child, port }),
            Err(error) => {
                println!("python3: {error}: passing over this test");
                None
            }
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bridge that reads ECUs, and what it says of their devices.
struct Watch {
    feed: Feed,
    seen: Vec<Arc<DeviceState>>,
    _running: JoinHandle<()>,
    _stop: DropGuard,
}

impl Watch {
    fn start(ports: &[u16]) -> Self {
        let source = |port: &u16| {
            let pairs = [
                ("host", "127.0.0.1"),
                ("port", &port.to_string()),
                ("interval", "1s"),
                ("night_interval", "1s"),
                ("quiet", ""),
            ];
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let section = Section::from_pairs("aps_ecu", &pairs).unwrap();
            aps_ecu::ADAPTER.configure(&section).unwrap()
        };
        let (store, saved) = Store::in_memory();
        let (bridge, hub) = Bridge::new(Setup {
            sources: ports.iter().map(source).collect(),
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: "wattbridge".to_owned(),
            clock: Clock::following_tokio(Timestamp::now(), TimeZone::UTC),
            links: Links::new(),
            store,
            saved,
            save_every: Duration::MAX,
            history: wattbridge::history::History::off(),
        });
        let stop = CancellationToken::new();
        let feed = hub.feed();
        Self {
            feed,
            seen: Vec::new(),
            _running: tokio::spawn(bridge.run(stop.clone())),
            _stop: stop.drop_guard(),
        }
    }

    /// Reads on until a state is wanted.
    async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&DeviceState) -> bool,
    ) -> Arc<DeviceState> {
        loop {
            let news = timeout(DEADLINE, self.feed.next()).await;
            let news = news.unwrap_or_else(|_| panic!("waited in vain for {what}"));
            if let Some(News::Update(Update::State(state))) = news {
                self.seen.push(Arc::clone(&state));
                if wanted(&state) {
                    return state;
                }
            }
        }
    }

    /// Everything that was said of a device so far.
    fn of(&self, id: &str) -> Vec<Arc<DeviceState>> {
        let of = self.seen.iter().filter(|state| state.device.as_str() == id);
        of.cloned().collect()
    }
}

fn number(state: &DeviceState, key: &str) -> Option<f64> {
    match state.value(key) {
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn is_on(id: &'static str) -> impl Fn(&DeviceState) -> bool {
    move |state| {
        let device = state.device.as_str();
        device == id && state.health.code == HealthCode::Online && number(state, "power").is_some()
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn an_inverter_taken_off_the_list() {
    let Some(script) = Script::start("k211-inverter-taken-off-the-list") else {
        return;
    };
    let mut watch = Watch::start(&[script.port]);
    let id = "aps_ecu_408000000002";
    watch.until("both", is_on(id)).await;
    let lost = |state: &DeviceState| {
        state.device.as_str() == id && state.health.code == HealthCode::OutOfContact
    };
    let state = watch.until("one", lost).await;
    assert_eq!(state.value("power"), &Value::Unknown);
    assert!(!state.health.code.has_data());
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn answers_without_a_newline() {
    let Some(script) = Script::start("r88-answer-without-newline") else {
        return;
    };
    let mut watch = Watch::start(&[script.port]);
    let state = watch
        .until("an inverter", is_on("aps_ecu_703000000002"))
        .await;
    assert_eq!(number(&state, "power"), Some(238.0));
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn a_lifetime_energy_of_zero_at_the_first_start() {
    let Some(script) = Script::start("k124-k220-lifetime0-at-first-start") else {
        return;
    };
    let mut watch = Watch::start(&[script.port]);
    let counted = |state: &DeviceState| number(state, "energy_total").is_some();
    let first = watch.until("a counter", counted).await;
    assert!(number(&first, "energy_total") > Some(1234.0), "{first:?}");
}

/// One cycle without any inverter, in either form.
#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn one_cycle_without_inverters() {
    for name in [
        "k230-all-inverters-miss-one-cycle-at-noon",
        "ecu-restart-at-noon-type00",
    ] {
        let Some(script) = Script::start(name) else {
            return;
        };
        let mut watch = Watch::start(&[script.port]);
        let id = "aps_ecu_703000000001";
        watch.until("light", is_on(id)).await;
        let blank = |state: &DeviceState| {
            state.device.as_str() == id && *state.value("power") == Value::Unknown
        };
        watch.until("the bad cycle", blank).await;
        watch.until("light again", is_on(id)).await;
        let ours = |state: &&Arc<DeviceState>| state.device.as_str().starts_with("aps_ecu_");
        for state in watch.seen.iter().filter(ours) {
            let code = state.health.code;
            assert!(
                code.has_data() || code == HealthCode::Starting,
                "{name}: {state:?}"
            );
            assert!(
                code != HealthCode::Asleep && !code.is_problem(),
                "{name}: {state:?}"
            );
            assert_ne!(number(state, "power"), Some(0.0), "{name}: {state:?}");
        }
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn an_inverter_that_wakes_later_is_no_problem() {
    let Some(script) = Script::start("k185-second-inverter-wakes-later") else {
        return;
    };
    let mut watch = Watch::start(&[script.port]);
    watch.until("light", is_on("aps_ecu_703000000001")).await;
    for _ in 0..4 {
        watch.until("more", is_on("aps_ecu_703000000001")).await;
    }
    let second = watch.of("aps_ecu_703000000002");
    assert!(!second.is_empty());
    assert!(
        second.iter().all(|state| !state.health.code.is_problem()),
        "{second:?}"
    );
}

/// One ECU still lists an inverter that was moved to the other, and that other ECU too.
#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn an_inverter_that_two_ecus_list_is_of_the_one_that_hears_it() {
    let name = "two-ecus-A-still-lists-moved-inverter-and-B";
    let Some(script) = Script::start(name) else {
        return;
    };
    let plant = Plant::new(
        Model::EcuR,
        "216000000002".parse().unwrap(),
        &"408000000002".parse().unwrap(),
    );
    let settings = EcuSettings {
        cycle: Duration::from_secs(1),
        ..EcuSettings::new(plant.unwrap())
    };
    settings.house.jump_to(date(2026, 6, 21).at(12, 0, 0, 0));
    settings.house.set_speed(60.0);
    let other = SimulatedEcu::start(settings, ports::free_address())
        .await
        .unwrap();
    let mut watch = Watch::start(&[script.port, other.listens().port()]);
    watch
        .until("the one that stayed", is_on("aps_ecu_408000000001"))
        .await;
    watch
        .until("the one that moved", is_on("aps_ecu_408000000002"))
        .await;
    let ecus = watch.feed.snapshot().into_iter();
    let mut ecus = ecus.filter(|known| known.device.id.as_str() == "aps_ecu_216000000002");
    let device = ecus.next().unwrap().device;
    assert_eq!(
        (device.model.as_deref(), &device.via),
        (Some("ECU-R"), &None)
    );
    other.stop().await;
}
