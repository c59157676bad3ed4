//! What Home Assistant is sent of every simulated device: its discovery message and its state, whole.
//!
//! Each device is read by its adapter, and what it says goes through the bridge, as in the program. Time is
//! tokio's and the house stands in Vienna, so that the same bytes come in every run and in every zone. Every
//! model that can be simulated has a file in `tests/snapshots`. If a change of them is meant, write them anew
//! with `INSTA_UPDATE=always cargo test --test announcements`, and read the difference.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use jiff::Zoned;
use tokio::task::yield_now;
use tokio::time::{Instant, advance};
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::aps_ecu::simulator::{
    self as ecu, EcuSettings, Inverter, Plant, SimulatedEcu, product_names,
};
use wattbridge::adapters::aps_zigbee::simulator::{
    SimulatedStick, StickSettings, USUAL_GATEWAY, ZigbeeList,
};
use wattbridge::adapters::smart_meter::simulator::{self as meter, MeterSettings, SimulatedMeters};
use wattbridge::adapters::smart_meter::wire::Key;
use wattbridge::adapters::solaredge::simulator::{InverterSettings, SimulatedCapture};
use wattbridge::adapters::text::simulator::SimulatedSensor;
use wattbridge::adapters::victron::simulator::{MODELS, SimulatedVictron, VictronSettings};
use wattbridge::adapters::{ADAPTERS, aps_ecu, aps_zigbee, smart_meter, solaredge, text, victron};
use wattbridge::bridge::{Bridge, Known, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::{File, Section};
use wattbridge::device::{Adapter, ConfiguredSource};
use wattbridge::history::History;
use wattbridge::links::Links;
use wattbridge::model::DeviceId;
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, preview, preview_state};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::simulation::{House, SimPlace, Sky};
use wattbridge::store::{Identity, Store};
use wattbridge::uploads::{self, Uploads};
use wattbridge::words::Language;

const NOW: &str = "2026-06-21T11:00:00[Europe/Vienna]";
/// After so long even a device that is asked one question after the other has told everything.
const TOLD: Duration = Duration::from_secs(120);
/// What passes at once, and how often everybody has a turn meanwhile.
const STEP: Duration = Duration::from_millis(20);
const TURNS: u32 = 4;
const BRIDGE: &str = "b2c3d4";

fn house() -> House {
    House::new(&NOW.parse().unwrap(), Sky::default())
}

fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// The devices of a section, after a while, with their states.
async fn read(adapter: &dyn Adapter, section: &Section) -> Vec<Known> {
    let source = adapter.configure(section).unwrap();
    read_source(source, adapter.kind()).await
}

/// The devices of a source, after a while, with their states.
async fn read_source(source: ConfiguredSource, kind: &str) -> Vec<Known> {
    let now: Zoned = NOW.parse().unwrap();
    let clock = Clock::following_tokio(now.timestamp(), now.time_zone().clone());
    // The device is at work already when somebody comes to listen, and nothing ends while it speaks.
    pass(Duration::from_millis(500)).await;
    let (store, saved) = Store::in_memory();
    let (bridge, hub) = Bridge::new(Setup {
        sources: vec![source],
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: BRIDGE.to_owned(),
        clock,
        links: Links::new(),
        store,
        saved,
        save_every: Duration::MAX,
        history: History::off(),
    });
    let view = hub.view();
    drop(hub);
    let stop = CancellationToken::new();
    let running = tokio::spawn(bridge.run(stop.clone()));
    pass(TOLD).await;
    let mut known = view.snapshot();
    known.retain(|known| known.device.adapter == kind);
    stop.cancel();
    running.await.unwrap();
    known
}

/// The same of a section with these keys.
async fn read_with(adapter: &dyn Adapter, keys: &[(&str, &str)]) -> Vec<Known> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let keys: Vec<_> = keys.iter().map(owned).collect();
    let section = Section::from_pairs(adapter.kind(), &keys).unwrap();
    read(adapter, &section).await
}

/// Lets time pass, a little at once: left alone, a paused clock runs ahead of bytes on their way.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        advance(STEP).await;
        for _ in 0..TURNS {
            yield_now().await;
        }
    }
}

/// All messages about these devices, as people read them.
fn messages(known: &[Known], language: Language) -> String {
    let devices: Vec<_> = known.iter().map(|known| (*known.device).clone()).collect();
    let mqtt = MqttSettings::default();
    let settings = HomeAssistantSettings {
        language,
        ..HomeAssistantSettings::default()
    };
    let announced = preview(&devices, &mqtt, &settings, &Identity::named(BRIDGE));
    let mut text = String::new();
    for ((topic, mut announcement), known) in announced.into_iter().zip(known) {
        announcement["origin"]["sw"] = "<version>".into();
        let state: serde_json::Value =
            serde_json::from_slice(&preview_state(known, language)).unwrap();
        let state_topic = announcement["state_topic"].as_str().unwrap();
        text += &format!("{topic}\n{announcement:#}\n\n{state_topic}\n{state:#}\n\n");
    }
    text
}

/// Compares what is sent with the file of this device. Where it was read differs from run to run.
fn compare(kind: &str, name: &str, about: &str, address: &str, known: &[Known]) {
    // One device of each adapter is enough to see how it is in German.
    if IN_GERMAN.contains(&(kind, name)) {
        let about = format!("{about}, in German");
        compare_in(Language::De, kind, name, &about, address, known);
    }
    compare_in(Language::En, kind, name, about, address, known);
}

/// Those that are announced in German too.
const IN_GERMAN: [(&str, &str); 8] = [
    ("aps_ecu", "ds3"),
    ("aps_zigbee", "unpaired"),
    ("export", "influxdb"),
    ("smart_meter", "dsmr5-four"),
    ("smart_meter", "e450"),
    ("solaredge", "three-phases"),
    ("text", "clamp"),
    ("victron", "mppt-75-15"),
];

fn compare_in(
    language: Language,
    kind: &str,
    name: &str,
    about: &str,
    address: &str,
    known: &[Known],
) {
    assert!(!known.is_empty(), "{kind}: {name}: no device");
    let mut text = messages(known, language);
    // A device without a serial number is known by its port, and called by the end of it.
    let port = address.rsplit(':').next().unwrap();
    let id = format!("127_0_0_1_{port}");
    if text.contains(&id) {
        text = text.replace(&id, "127_0_0_1_<port>");
        text = text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:<port>");
        let end = &port[port.len().saturating_sub(4)..];
        text = text.replace(&format!(" {end}\",\n"), " <port>\",\n");
    }
    let mut settings = insta::Settings::clone_current();
    let folder = match language {
        Language::En => snapshots().join(kind),
        language => snapshots().join(language.code()).join(kind),
    };
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(about);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

fn plant(model: ecu::Model, inverters: &str) -> Plant {
    let serial = model.serial(1).unwrap();
    Plant::new(model, serial, &inverters.parse().unwrap()).unwrap()
}

/// Where an ECU was, and its devices: itself first.
async fn read_ecu(plant: Plant) -> (String, Vec<Known>) {
    let settings = EcuSettings {
        house: house(),
        ..EcuSettings::new(plant)
    };
    let simulator = SimulatedEcu::start(settings, anywhere()).await.unwrap();
    let port = simulator.listens().port().to_string();
    let keys = [("host", "127.0.0.1"), ("port", &port)];
    let known = read_with(&aps_ecu::ADAPTER, &keys).await;
    (simulator.address().to_owned(), known)
}

fn ecus() -> impl Iterator<Item = (String, ecu::Model)> {
    let models = ecu::Model::value_variants().iter();
    models.map(|model| (model.name().to_lowercase(), *model))
}

#[tokio::test(start_paused = true)]
async fn every_ecu() {
    for (name, model) in ecus() {
        let (address, known) = read_ecu(plant(model, "DS3")).await;
        let about = format!("{} with an inverter", model.name());
        compare("aps_ecu", &name, &about, &address, &known[..1]);
    }
}

#[tokio::test(start_paused = true)]
async fn every_inverter() {
    let plant = plant(ecu::Model::EcuR, &product_names().join(","));
    let (address, known) = read_ecu(plant.clone()).await;
    for Inverter { uid, product } in plant.inverters {
        let id = DeviceId::new("aps_ecu", &uid.to_string());
        let found = known.iter().find(|known| known.device.id == id).cloned();
        let (name, about) = (
            product.name.to_lowercase(),
            format!("inverter {}", product.name),
        );
        compare("aps_ecu", &name, &about, &address, found.as_slice());
    }
}

/// A stick, an inverter of each kind that answers in its own way, one that nobody can read, and one that is not
/// paired.
const STICK: [(&str, &str); 6] = [
    ("stick", "a stick with five inverters"),
    ("yc600", "inverter YC600"),
    ("qs1", "inverter QS1"),
    ("ds3", "inverter DS3"),
    ("qt2", "inverter QT2, which nobody can read"),
    ("unpaired", "inverter DS3-L, not paired"),
];

#[tokio::test(start_paused = true)]
async fn a_stick_and_its_inverters() {
    let list: ZigbeeList = "YC600,QS1,DS3,QT2,DS3-L".parse().unwrap();
    let settings = StickSettings::new(list.0, USUAL_GATEWAY.parse().ok());
    let simulator = SimulatedStick::start(settings, house(), SimPlace::Tcp(anywhere()))
        .await
        .unwrap();
    let inverters = simulator.truth().inverters;
    let serials: Vec<_> = inverters.iter().map(|it| it.serial.to_string()).collect();
    let (_, paired) = inverters.split_last().unwrap();
    let addresses = paired
        .iter()
        .map(|it| format!("{} = \"{}\"", it.serial, it.address));
    let addresses: Vec<_> = addresses.collect();
    let section = format!(
        "[[aps_zigbee]]\nport = \"{}\"\necu_id = \"{USUAL_GATEWAY}\"\ninverters = {serials:?}\n\
         addresses = {{ {} }}\nallow_control = true\n",
        simulator.address(),
        addresses.join(", ")
    );
    let file = File::parse(&section, "a stick").unwrap();
    let known = read(&aps_zigbee::ADAPTER, &file.sections("aps_zigbee")[0]).await;
    let ids = [USUAL_GATEWAY.to_owned()].into_iter().chain(serials);
    for ((name, about), id) in STICK.into_iter().zip(ids) {
        let id = DeviceId::new("aps_zigbee", &id);
        let found = known.iter().find(|known| known.device.id == id).cloned();
        compare(
            "aps_zigbee",
            name,
            about,
            simulator.address(),
            found.as_slice(),
        );
    }
}

/// Of meters with a P1 port those that have between them all that any of them tells, with what is behind them.
const P1: [&str; 5] = ["dsmr22", "dsmr5-four", "fluvius", "smarty", "warmtelink"];

fn meters() -> impl Iterator<Item = &'static meter::Model> {
    let p1 = meter::P1_MODELS.iter();
    let p1 = p1.filter(|model| P1.contains(&model.name));
    meter::MODELS.iter().chain(p1)
}

#[tokio::test(start_paused = true)]
async fn every_meter() {
    let hex = "0123456789ABCDEF0123456789ABCDEF";
    let key = || hex.parse::<Key>().unwrap();
    for model in meters() {
        let settings = MeterSettings {
            meters: vec![(model, key(), Some(key()))],
            house: house(),
            interval: Duration::from_secs(5),
            fixed: meter::Fixed::default(),
            faults: Vec::new(),
        };
        let simulator = SimulatedMeters::start(settings, SimPlace::Tcp(anywhere()))
            .await
            .unwrap();
        let keys = [("port", simulator.address()), ("key", hex)];
        let known = read_with(&smart_meter::ADAPTER, &keys).await;
        compare(
            "smart_meter",
            model.name,
            model.about,
            simulator.address(),
            &known,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_victron_device() {
    for model in MODELS {
        let settings = VictronSettings {
            house: house(),
            ..VictronSettings::new(model)
        };
        let simulator = SimulatedVictron::start(settings, SimPlace::Tcp(anywhere()))
            .await
            .unwrap();
        // What can be set is shown only then.
        let keys = [("port", simulator.address()), ("allow_control", "true")];
        let known = read_with(&victron::ADAPTER, &keys).await;
        compare(
            "victron",
            model.name,
            model.about,
            simulator.address(),
            &known,
        );
    }
}

/// Inverters with one phase and with three, and what can be behind them.
const SOLAREDGE: [(&str, usize, bool, &str); 2] = [
    (
        "one-phase",
        1,
        false,
        "one phase, two optimizers and a meter",
    ),
    (
        "three-phases",
        3,
        true,
        "three phases, two optimizers, a meter and a battery",
    ),
];

#[tokio::test(start_paused = true)]
async fn solaredge_inverters() {
    for (name, phases, has_battery, about) in SOLAREDGE {
        let settings = InverterSettings {
            phases,
            has_battery,
            optimizers: 2,
            interval: 10,
            ..InverterSettings::new(house())
        };
        let simulator = SimulatedCapture::start(settings, anywhere()).await.unwrap();
        let keys = [("capture", simulator.address())];
        let known = read_with(&solaredge::ADAPTER, &keys).await;
        compare("solaredge", name, about, simulator.address(), &known);
    }
}

/// The example of the page.
#[tokio::test(start_paused = true)]
async fn the_text_sensor() {
    let line = b"12.4A\r\n".to_vec();
    let simulator = SimulatedSensor::start(SimPlace::Tcp(anywhere()), vec![line], None);
    let simulator = simulator.await.unwrap();
    let page = text::ADAPTER.page();
    let example = page.example.replace("/dev/ttyACM0", simulator.address());
    let file = File::parse(&example, "the example").unwrap();
    let known = read(&text::ADAPTER, &file.sections("text")[0]).await;
    let about = "the ammeter of the page";
    compare("text", "clamp", about, simulator.address(), &known);
}

/// What the history is sent to is a device as well. Without a history there is nothing to send.
#[tokio::test(start_paused = true)]
async fn an_upload() {
    let section = "[[influxdb]]\nurl = \"http://nas:8086\"\ndatabase = \"wattbridge\"\n";
    let file = File::parse(section, "an upload").unwrap();
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    let source = uploads.sources(&History::off()).remove(0);
    let known = read_source(source, uploads::KIND).await;
    let about = "an upload to InfluxDB";
    compare(uploads::KIND, "influxdb", about, "nas:8086", &known);
}

#[test]
fn every_snapshot_has_its_device_and_every_adapter_its_snapshots() {
    let inverters = product_names().into_iter().map(str::to_lowercase);
    let meters = meters().map(|model| model.name.to_owned());
    let victrons = MODELS.iter().map(|model| model.name.to_owned());
    let simulated: BTreeMap<&str, Vec<String>> = BTreeMap::from([
        (
            "aps_ecu",
            ecus().map(|(name, _)| name).chain(inverters).collect(),
        ),
        (
            "aps_zigbee",
            STICK.map(|(name, _)| name.to_owned()).to_vec(),
        ),
        ("smart_meter", meters.collect()),
        (
            "solaredge",
            SOLAREDGE.map(|(name, ..)| name.to_owned()).to_vec(),
        ),
        ("text", vec!["clamp".to_owned()]),
        ("victron", victrons.collect()),
    ]);
    let adapters = ADAPTERS.iter().filter(|it| it.simulator().is_some());
    for kind in adapters.map(|adapter| adapter.kind()) {
        let known = simulated.get(kind);
        let known = known.unwrap_or_else(|| panic!("{kind} has no snapshots here"));
        for file in fs::read_dir(snapshots().join(kind)).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let is_left = |name: &str| !known.iter().any(|known| known == name);
            let left = file.strip_suffix(".snap").filter(|name| is_left(name));
            assert_eq!(left, None, "{kind} simulates no such device");
        }
    }
}

#[test]
fn every_adapter_is_announced_in_german_too() {
    let simulated = ADAPTERS.iter().filter(|it| it.simulator().is_some());
    for kind in simulated.map(|adapter| adapter.kind()) {
        let names = IN_GERMAN.iter().filter(|(of, _)| *of == kind);
        for (_, name) in names.clone() {
            let file = format!("de/{kind}/{name}.snap");
            assert!(snapshots().join(&file).is_file(), "{file}");
        }
        assert_ne!(names.count(), 0, "{kind}");
    }
}
