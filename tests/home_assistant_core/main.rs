//! A real Home Assistant Core, told of everything by nothing but discovery.
//!
//! What it made of the announcements is held against them, entity by entity, in good times and bad.
//! See `harness` for what this needs; without it the test passes over.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod announced;
mod app;
mod cables;
mod dashboard;
mod harness;
mod house;
#[path = "../web_server/http.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod http;
mod languages;
mod meters;
mod p1;
mod plant;
#[path = "../support/mod.rs"]
mod support;
mod uploads;
mod victron;
mod view;
mod zigbee;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use serde_json::{Value as Json, json};
use wattbridge::adapters::aps_ecu::simulator::Model;
use wattbridge::adapters::solaredge::simulator::{InverterSettings, SimulatedCapture};

use announced::{devices, differences_on_disk, entities};
use cables::Cables;
use harness::Harness;
use house::House;
use meters::Meters;
use plant::{BASE, Invented, PRO, Pace, Program, SMALL, simulate};
use support::mosquitto::{Mosquitto, Setup};
use view::{DEADLINE, View};

/// One product of each kind of record, and one inverter that is never heard.
const INVERTERS: &str = "DS3,QS1,YC1000,QT2,DS3-L";

/// An inverter, its optimizers and its meter.
const ROOF: usize = 1 + OPTIMIZERS + 1;
const OPTIMIZERS: usize = 30;

/// An inverter with as many optimizers as a roof has, at a late morning that really is now.
async fn roof() -> SimulatedCapture {
    let now = jiff::Zoned::now();
    let settings = InverterSettings {
        optimizers: OPTIMIZERS,
        interval: 10,
        ..InverterSettings::new(wattbridge::simulation::House::of_the_demo(&now))
    };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    SimulatedCapture::start(settings, listen).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_assistant_shows_what_is_announced() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    let pro = simulate(Model::EcuRPro, PRO, INVERTERS, &["missing=5"]).await;
    // Not only missing now, but never heard since the ECU started.
    pro.reboot();
    let small = simulate(Model::EcuB, SMALL, "YC600", &[]).await;
    let meters = Meters::start().await;
    let victron = Cables::start().await;
    let roof = roof().await;
    let stick = zigbee::start().await;
    let garage = zigbee::section(&stick);
    let with = |mut sections: Vec<String>| {
        sections.push(victron.section());
        sections.push(garage.clone());
        sections.push(format!("[[solaredge]]\ncapture = \"{}\"\n", roof.address()));
        sections
    };
    let mut program = Program::new(broker.port(), &[&pro], victron.root());
    // A second bridge, as people have one at the roof and one at the meter.
    let nothing_plugged = tempfile::tempdir().unwrap();
    let mut second = Program::new(broker.port(), &[&small], nothing_plugged.path());
    second.configure(Pace::Unlimited, &[]);
    program.configure(Pace::Unlimited, &with(meters.sections_without_a_key()));
    let sections = with(meters.sections());
    let house = House {
        home_assistant,
        view: View::open(broker.port()),
        pro,
        small,
        meters,
        victron,
        stick,
        switched_on: RefCell::default(),
        names: RefCell::default(),
    };
    let mut step = Steps::new();

    step.begin("everything is new, and the key of a meter is missing");
    house.home_assistant.start(broker.port());
    program.start();
    second.start();
    let all = 12 + cables::COUNT + ROOF + zigbee::COUNT;
    let all_devices = |heard: &view::Heard| devices(heard).len() == all;
    house.view.until("all devices", all_devices).await;
    meters::stand_in_is_there(&house).await;
    victron::until_introduced(&house).await;
    house.is_well("without a key");

    step.begin("the key is configured");
    program.stop();
    program.configure(Pace::Unlimited, &sections);
    program.start();
    house.until_online().await;
    house.view.until("all devices", all_devices).await;
    let count = house.is_well("with all keys");
    meters::stand_in_is_gone(&house);
    let (shown, hidden) = shown(&house.view.heard());
    assert!(
        2 * shown > hidden && shown + hidden == count,
        "{shown} shown, {hidden} hidden"
    );
    optimizers_bury_nothing(&house);
    devices_are_a_tree(&house);
    victron::pages_are_right(&house);
    zigbee::pages_are_right(&house);
    victron::classes_are_right(&house);
    victron::values_pass_through(&house);

    step.begin("an ECU cannot be reached, and two cables are pulled");
    let counted = meters::counted(&house);
    house.meters.unplug();
    house.victron.unplug();
    house.pro.set_fault("refuse".parse().unwrap());
    house
        .view
        .until_text(&House::topic(PRO, "availability"), "offline")
        .await;
    meters::until_unreachable(&house).await;
    victron::cable_is_missed(&house).await;
    house.is_well("without the ECU, the meter and the inverter");
    meters::cable_is_missed(&house);
    for key in ["power", "energy_total"] {
        house.until_state(&format!("aps_ecu_{PRO}_{key}"), "unavailable");
    }
    house.until_state(&format!("aps_ecu_{PRO}_problem"), "on");
    let pro = format!("aps_ecu_{PRO}");
    let own = format!("wattbridge_{}", house.view.bridge_of(&pro));
    let other = format!(
        "wattbridge_{}",
        house.view.bridge_of(&format!("aps_ecu_{SMALL}"))
    );
    assert_ne!(own, other);
    house.until_state(&format!("{own}_problem"), "on");
    house.meters.plug();
    house.victron.plug();
    house.pro.clear_fault("refuse");
    house.until_online().await;
    victron::cable_is_back(&house);
    house.is_well("with all of them again");
    assert!(meters::counted(&house) >= counted);
    house.until_state(&format!("{own}_problem"), "off");

    step.begin("night");
    for ecu in [&house.pro, &house.small] {
        ecu.set_fault("sleep".parse().unwrap());
    }
    for serial in [PRO, SMALL] {
        let asleep = |health: &Json| health == "asleep";
        house
            .view
            .until_value(&House::topic(serial, "state"), "health", asleep)
            .await;
    }
    house.is_well("at night");
    house.until_state(&format!("aps_ecu_{PRO}_power"), "0");
    house.until_state(&format!("aps_ecu_{PRO}_problem"), "off");
    for ecu in [&house.pro, &house.small] {
        ecu.clear_fault("sleep");
    }
    house.until_online().await;
    house.is_well("in the morning");

    step.begin("a shunt is used for something else, and a day ends");
    victron::a_shunt_changes(&house).await;
    victron::a_day_ends(&house);

    step.begin("Home Assistant is restarted");
    let mut invented = Invented::start(broker.port());
    house
        .view
        .until_text(&format!("{BASE}/invented_1/availability"), "online")
        .await;
    house.agree("with an invented device");
    switch_controls_on(&house);
    victron::switch_controls_on(&house);
    zigbee::switch_controls_on(&house);
    house.home_assistant.restart();
    let disabled = differences_on_disk(
        &house.view.heard(),
        &house.home_assistant.written_entities(),
    );
    assert!(disabled.is_empty(), "{}", disabled.join("\n"));

    step.begin("controls");
    zigbee::controls_begin(&house).await;
    controls_work(&house, &mut invented).await;
    victron::controls_work(&house).await;
    zigbee::controls_end(&house).await;
    invented.remove();
    house.view.until("the removal", all_devices).await;
    // Two more: a limit that was set is told by one, and can be restored with the other.
    assert_eq!(
        house.is_well("after the restart, without the invented device"),
        count + 2
    );

    step.begin("the broker loses everything");
    broker.kill();
    house.view.clear();
    broker.start();
    house.view.until("all devices", all_devices).await;
    house.until_online().await;
    house.agree("with the new broker");
    // It may say that the broker went away.
    let about_the_broker = |line: &String| line.contains("[homeassistant.components.mqtt.client]");
    let complaints = house.home_assistant.complaints();
    let others = complaints.iter().filter(|line| !about_the_broker(line));
    assert_eq!(
        others.collect::<Vec<_>>(),
        [""; 0],
        "after the loss of the broker"
    );
    house.home_assistant.mark();

    step.begin("the program is stopped and started, at the usual pace");
    program.stop();
    let status = format!("wattbridge/{}/status", house.view.bridge_of(&pro));
    house.view.until_text(&status, "offline").await;
    house.is_well("without the program");
    house.until_state(&format!("{own}_connectivity"), "off");
    house.until_state(&format!("{pro}_power"), "unavailable");
    // What is the other bridge's goes on.
    house.until_state(&format!("{other}_connectivity"), "on");
    let power = house.state(&format!("aps_ecu_{SMALL}_power"));
    assert!(power.is_some_and(|power| power.parse::<f64>().is_ok()));
    program.configure(Pace::Usual, &sections);
    program.start();
    house.view.until_text(&status, "online").await;
    house.until_online().await;
    assert_eq!(house.is_well("with the program again"), count + 2);
    second.stop();
    house.is_well("without the second bridge");
    house.until_state(&format!("aps_ecu_{SMALL}_power"), "unavailable");
    house.until_state(&format!("{own}_connectivity"), "on");
    second.start();
    house.until_online().await;

    step.begin("energy dashboard");
    energy_counts(&house);
    meters::energy_counts(&house);
    victron::energy_counts(&house);

    step.begin("changes are counted");
    meters::pace_is_kept(&house).await;
    assert_eq!(house.home_assistant.complaints(), [""; 0], "at the end");
    step.begin("end");
}

fn shown(heard: &view::Heard) -> (usize, usize) {
    let all = entities(heard);
    let shown = all.values().filter(|entity| entity.is_enabled()).count();
    (shown, all.len() - shown)
}

/// Of an optimizer nobody has to see more than what its panel gives, and how it is.
fn optimizers_bury_nothing(house: &House) {
    let heard = house.view.heard();
    let all = entities(&heard);
    let of_optimizers = |id: &&String| id.starts_with("solaredge_10");
    let shown = all
        .iter()
        .filter(|(id, entity)| of_optimizers(id) && entity.is_enabled());
    let keys = shown.map(|(id, _)| id.splitn(4, '_').last().unwrap_or_default());
    let mut counts = BTreeMap::<&str, usize>::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    let expected = ["energy_today", "power", "problem", "reason"];
    let expected = expected.map(|key| (key, OPTIMIZERS));
    assert_eq!(counts, BTreeMap::from(expected));
}

/// Inverters behind their ECU, ECUs behind the bridge.
fn devices_are_a_tree(house: &House) {
    let in_home_assistant = house.home_assistant.devices().into_iter().map(|device| {
        let text = |key: &str| device[key].as_str().map(str::to_owned);
        (text("name").unwrap(), text("via_device"))
    });
    let tree: BTreeMap<_, _> = in_home_assistant.collect();
    assert_eq!(tree, devices(&house.view.heard()));
    let parent = |name: &str| tree[name].as_deref();
    for inverter in [
        "DS3 0001",
        "QS1 0001",
        "YC1000 0001",
        "QT2 0001",
        "DS3-L 0001",
    ] {
        assert_eq!(parent(inverter), Some("ECU-R-Pro 0001"), "{inverter}");
    }
    assert_eq!(parent("YC600 0001"), Some("ECU-B 0001"));
    for ecu in ["ECU-R-Pro 0001", "ECU-B 0001", "Total PV power", "Boiler"] {
        assert_eq!(parent(ecu), Some("wattbridge"), "{ecu}");
    }
    assert_eq!(parent("wattbridge"), None);
}

/// The controls of the invented device, off by default, as a user switches them on.
fn switch_controls_on(house: &House) {
    for key in ["load", "limit", "mode", "restart"] {
        house.switch_on(&format!("invented_1_set_{key}"));
    }
}

async fn controls_work(house: &House, invented: &mut Invented) {
    let mut told = async |key: &str, value: Json| {
        let next = tokio::time::timeout(DEADLINE, invented.commands.recv()).await;
        let command = next.unwrap_or_else(|_| panic!("no command for {key}"));
        assert_eq!(command.unwrap(), (key.to_owned(), value));
    };
    let result = |key: &str| format!("{BASE}/invented_1/result/{key}");
    let call = |action: &str, key: &str, data: Json| {
        let unique_id = format!("invented_1_set_{key}");
        house.call(action, &unique_id, &data);
        unique_id
    };

    let switch = call("switch.turn_on", "load", json!({}));
    told("load", "ON".into()).await;
    house.until_state(&switch, "on");
    house.until_state("invented_1_load", "on");

    let limit = call("number.set_value", "limit", json!({ "value": 250 }));
    told("limit", 250.into()).await;
    house
        .view
        .until_value(&result("limit"), "value", |value| *value == 250)
        .await;
    house.until_state(&limit, "250");
    // A refusal is told, and what was set before stays.
    call("number.set_value", "limit", json!({ "value": 13 }));
    told("limit", 13.into()).await;
    house
        .view
        .until_value(&result("limit"), "ok", |ok| *ok == false)
        .await;
    assert_eq!(house.state(&limit).as_deref(), Some("250"));
    call("number.set_value", "limit", json!({ "value": 251 }));
    told("limit", 251.into()).await;
    house.until_state(&limit, "251");

    let mode = call("select.select_option", "mode", json!({ "option": "eco" }));
    told("mode", "eco".into()).await;
    house.until_state(&mode, "eco");

    call("button.press", "restart", json!({}));
    told("restart", Json::Null).await;
    house
        .view
        .until_value(&result("restart"), "ok", |ok| *ok == true)
        .await;
}

/// Home Assistant takes all energy for its dashboard, and above all that of the ECUs.
fn energy_counts(house: &House) {
    // If Home Assistant made its statistics of five minutes while these were there, it misses them
    // now.
    let mut gone = victron::gone();
    gone.push("sensor.invented_charger_power".to_owned());
    let gone = json!({ "statistic_ids": gone });
    house.home_assistant.ask("recorder/clear_statistics", &gone);
    // What was never heard has counted nothing yet.
    let counts = |state: &Json| {
        state["device_class"] == "energy"
            && !state["state_class"].is_null()
            && state["state"] != "unknown"
    };
    let states = house.home_assistant.states();
    let all: Vec<Json> = states
        .iter()
        .filter(|state| counts(state))
        .map(|state| json!({ "stat_consumption": state["entity_id"] }))
        .collect();
    let all = json!({ "energy_sources": [], "device_consumption": all });
    let (said, is_content) = house.home_assistant.energy(&all);
    assert!(is_content, "{said}");
    for serial in [PRO, SMALL] {
        let entity = house.entity_id(&format!("aps_ecu_{serial}_energy_total"));
        assert!(said.contains(&format!("{entity}: sum, kWh")), "{said}");
    }
    zigbee::energy_counts(house, &said);
}

struct Steps(Instant);

impl Steps {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn begin(&mut self, what: &str) {
        eprintln!("{:5.1} s: {what}", self.0.elapsed().as_secs_f64());
    }
}
