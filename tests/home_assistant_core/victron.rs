//! What Home Assistant has to show of Victron devices, of sums over them, and of a program that prints
//! a line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::announced::entities;
use crate::cables::{DEVICES, id, serial, topic, unique};
use crate::house::House;
use crate::meters;
use crate::view::Heard;

/// Those with panels.
const SOLAR: [&str; 3] = ["mppt-75-15", "mppt-150-70", "multi-rs"];

/// What may be written to any of them.
const WRITTEN: &[u16] = &[MODE, RELAY, NETWORK_MODE, CURRENT_LIMIT, LOAD_CONTROL];
const MODE: u16 = 0x0200;
const RELAY: u16 = 0x034e;
const NETWORK_MODE: u16 = 0x200e;
const CURRENT_LIMIT: u16 = 0x2015;
const LOAD_CONTROL: u16 = 0xedab;

/// What a shunt measures: a battery, or a solar charger.
const MEASURES: u16 = 0xeeb8;
const A_BATTERY: i16 = 0;
const A_CHARGER: i16 = -9;

/// Waits until every device has been asked for everything.
pub(crate) async fn until_introduced(house: &House) {
    let last: Vec<String> = DEVICES
        .iter()
        .flat_map(|page| page.last.iter().map(|key| unique(page.name, key)))
        .collect();
    let known = |heard: &Heard| {
        let entities = entities(heard);
        last.iter().all(|id| entities.contains_key(id))
    };
    house
        .view
        .until("everything of Victron devices", known)
        .await;
}

pub(crate) async fn until_online(house: &House) {
    let devices = DEVICES.iter().map(|page| id(page.name));
    let others = ["sum_pv", "sum_house", "text_boiler"].map(str::to_owned);
    for device in devices.chain(others) {
        house.until_online_at(&device).await;
    }
}

/// What a user reads on the page of each device.
pub(crate) fn pages_are_right(house: &House) {
    let devices = house.home_assistant.devices();
    for page in DEVICES {
        let serial = serial(page.name);
        let is_it = |device: &&Json| device["serial_number"] == serial;
        let device = devices.iter().find(is_it).unwrap();
        let expected = [
            ("name", format!("{} {}", page.model, &serial[7..])),
            ("manufacturer", "Victron Energy".to_owned()),
            ("model", page.model.to_owned()),
            ("sw_version", page.firmware.to_owned()),
            ("via_device", "wattbridge".to_owned()),
        ];
        for (key, expected) in expected {
            assert_eq!(device[key], expected.as_str(), "{key} of {serial}");
        }
        let entities = device["entities"].as_array().unwrap();
        let of_category = |category: &str| {
            let is_it = |entity: &&Json| entity["entity_category"] == category;
            let found: Vec<&Json> = entities.iter().filter(is_it).collect();
            found
        };
        let controls = of_category("config");
        assert!(
            controls
                .iter()
                .all(|entity| entity["disabled_by"] == "integration"),
            "{controls:?}"
        );
        let controls: BTreeSet<String> = controls
            .iter()
            .map(|entity| entity["unique_id"].as_str().unwrap().to_owned())
            .collect();
        let expected = page
            .controls
            .iter()
            .map(|key| unique(page.name, &format!("set_{key}")));
        assert_eq!(controls, expected.collect(), "{serial}");
    }
}

/// What nobody but a person can tell to be right: the class of each kind of value, and its unit.
pub(crate) fn classes_are_right(house: &House) {
    let states = house.home_assistant.states();
    let entities = house.entity_ids();
    let entity = |unique_id: &str| {
        let id = &entities[unique_id];
        let is_it = |state: &&Json| state["entity_id"] == id.as_str();
        states.iter().find(is_it).unwrap()
    };
    #[rustfmt::skip]
    let expected = [
        ("mppt-75-15", "panel_power", Some("power"), Some("measurement"), Some("W")),
        ("mppt-75-15", "energy_total", Some("energy"), Some("total_increasing"), Some("kWh")),
        ("mppt-75-15", "energy_today", Some("energy"), Some("total_increasing"), Some("kWh")),
        // A number that neither measures nor counts: statistics of it would be nonsense.
        ("mppt-75-15", "energy_yesterday", Some("energy"), None, Some("kWh")),
        ("mppt-75-15", "power_max_yesterday", Some("power"), None, Some("W")),
        ("mppt-75-15", "state", Some("enum"), None, None),
        ("mppt-75-15", "load_output", None, None, None),
        ("bmv-712", "state_of_charge", Some("battery"), Some("measurement"), Some("%")),
        // A share, but not how full something is.
        ("bmv-712", "mid_point_deviation", None, Some("measurement"), Some("%")),
        ("bmv-712", "energy_charged", Some("energy"), Some("total_increasing"), Some("kWh")),
        ("bmv-712", "battery_power", Some("power"), Some("measurement"), Some("W")),
        ("bmv-712", "consumed_charge", None, Some("measurement"), Some("Ah")),
        ("bmv-712", "time_to_go", Some("duration"), Some("measurement"), Some("min")),
        ("bmv-712", "last_full_charge", Some("timestamp"), None, None),
        ("phoenix", "ac_output_apparent_power", Some("apparent_power"), Some("measurement"), Some("VA")),
        ("orion-xs", "input_voltage", Some("voltage"), Some("measurement"), Some("V")),
        ("multi-rs", "tracker_2_power", Some("power"), Some("measurement"), Some("W")),
        ("energy-meter", "energy_produced", Some("energy"), Some("total_increasing"), Some("kWh")),
    ];
    for (name, key, class, state_class, unit) in expected {
        let state = entity(&unique(name, key));
        let found = ["device_class", "state_class", "unit"].map(|key| state[key].as_str());
        assert_eq!(found, [class, state_class, unit], "{key} of {name}");
    }
    let sum = entity("sum_pv_energy_computed");
    assert_eq!(sum["state_class"], "total_increasing");
    let water = entity("text_boiler_water");
    assert_eq!(
        (&water["device_class"], &water["unit"]),
        (&json!("temperature"), &json!("°C"))
    );

    let is_ours = |id: &&String| id.starts_with("victron_");
    let words = entities.keys().filter(is_ours).filter_map(|unique_id| {
        let is_it = |state: &&Json| state["entity_id"] == entities[unique_id].as_str();
        let state = states.iter().find(is_it)?;
        (state["device_class"] == "enum").then_some((unique_id, state))
    });
    let mut count = 0;
    for (unique_id, state) in words {
        let options = state["attributes"]["options"].as_array().unwrap();
        assert!(options.contains(&"other".into()), "{unique_id}");
        assert!(options.contains(&state["state"]), "{unique_id}: {state}");
        count += 1;
    }
    assert!(count > DEVICES.len(), "{count} entities with options");
}

/// Values of several devices make one, and what the program prints is there.
pub(crate) fn values_pass_through(house: &House) {
    let monitor = house.victron.device("bmv-712");
    monitor.set_label("P", Some("-480"));
    let mut expected = vec![
        (unique("bmv-712", "battery_power"), "-480"),
        ("sum_pv_power".to_owned(), "5020"),
        ("sum_house_power".to_owned(), "5500"),
        ("text_boiler_water".to_owned(), "51.5"),
    ];
    for (name, watts) in SOLAR.into_iter().zip(["120", "1900", "3000"]) {
        house.victron.device(name).set_label("PPV", Some(watts));
        expected.push((unique(name, "panel_power"), watts));
    }
    house.until_states(&expected);
    house.victron.print("53.0");
    house.until_state("text_boiler_water", "53");
}

/// The cable of a device was pulled.
pub(crate) async fn cable_is_missed(house: &House) {
    let unreachable = |health: &Json| health == "unreachable";
    let state = topic(&id("multi-rs"), "state");
    house.view.until_value(&state, "health", unreachable).await;
    let keys = ["panel_power", "energy_total", "state", "tracker_1_power"];
    let mut expected = Vec::from(keys.map(|key| (unique("multi-rs", key), "unavailable")));
    expected.push((unique("multi-rs", "problem"), "on"));
    // Better what was than too little.
    for (sum, last) in [("sum_pv", "5020"), ("sum_house", "5500")] {
        expected.push((format!("{sum}_problem"), "on"));
        expected.push((format!("{sum}_power"), last));
    }
    house.until_states(&expected);
    let status = house.state(&unique("multi-rs", "reason")).unwrap();
    assert!(status.starts_with("Unreachable: "), "{status}");
    let status = house.state("sum_pv_reason").unwrap();
    assert!(status.contains("Multi RS"), "{status}");
}

/// The cable is there again.
pub(crate) fn cable_is_back(house: &House) {
    house.until_states(&[
        (unique("multi-rs", "panel_power"), "3000"),
        ("sum_pv_problem".to_owned(), "off"),
        ("sum_house_problem".to_owned(), "off"),
    ]);
}

/// A shunt is set to measure something else, and back.
pub(crate) async fn a_shunt_changes(house: &House) {
    let meter = house.victron.device("energy-meter");
    let of_a_meter = ["energy_produced", "energy_consumed"];
    let of_a_battery = ["energy_charged", "energy_discharged", "state_of_charge"];
    let keys = |keys: &[&str]| -> Vec<String> {
        keys.iter().map(|key| unique("energy-meter", key)).collect()
    };
    let (of_a_meter, of_a_battery) = (keys(&of_a_meter), keys(&of_a_battery));
    for (measures, come, go) in [
        (A_BATTERY, &of_a_battery, &of_a_meter),
        (A_CHARGER, &of_a_meter, &of_a_battery),
    ] {
        meter.set_register(MEASURES, &measures.to_le_bytes());
        let changed = |heard: &Heard| {
            let entities = entities(heard);
            come.iter().all(|id| entities.contains_key(id))
                && go.iter().all(|id| !entities.contains_key(id))
        };
        house
            .view
            .until("a shunt that measures something else", changed)
            .await;
        house.is_well("with a shunt that measures something else");
        let there = house.entity_ids();
        assert!(come.iter().all(|id| there.contains_key(id)));
        assert!(!go.iter().any(|id| there.contains_key(id)));
    }
}

/// The device begins a new day.
pub(crate) fn a_day_ends(house: &House) {
    let name = "mppt-75-15";
    let number = |key: &str| -> f64 { house.state(&unique(name, key)).unwrap().parse().unwrap() };
    let (today, total) = (number("energy_today"), number("energy_total"));
    assert!(today > 0.0);
    let device = house.victron.device(name);
    device.next_day();
    let text: BTreeMap<String, String> = device.text().into_iter().collect();
    assert_eq!(text["H20"], "0");
    let yesterday = text["H22"].parse::<f64>().unwrap() / 100.0;
    assert!(yesterday >= today);
    house.until_states(&[
        (unique(name, "energy_yesterday"), &yesterday.to_string()),
        (unique(name, "energy_today"), "0"),
    ]);
    assert!(number("energy_total") >= total);
    house.is_well("on a new day");
}

/// Switches on what can be set.
pub(crate) fn switch_controls_on(house: &House) {
    for (name, key) in [
        ("bmv-712", "relay"),
        ("mppt-75-15", "load_output"),
        ("mppt-75-15", "mode"),
        ("mppt-75-15", "charge_current_limit"),
        ("mppt-75-15", "lift_charge_current_limit"),
        ("phoenix", "mode"),
    ] {
        house.switch_on(&unique(name, &format!("set_{key}")));
    }
}

/// What is set in Home Assistant is set on the device, and shown.
pub(crate) async fn controls_work(house: &House) {
    let charger = house.victron.device("mppt-75-15");
    let of_charger = |key: &str| unique("mppt-75-15", key);
    let nothing = json!({});

    let (load, is_on) = (of_charger("set_load_output"), of_charger("load_output"));
    let before = charger.register(LOAD_CONTROL);
    assert_eq!(before, Some(vec![4]));
    house.until_state(&load, "on");
    house.call("switch.turn_off", &load, &nothing);
    house.until_states(&[(load.clone(), "off"), (is_on.clone(), "off")]);
    assert_eq!(charger.register(LOAD_CONTROL), Some(vec![0]));
    house.call("switch.turn_on", &load, &nothing);
    house.until_states(&[(load, "on"), (is_on, "on")]);
    assert_eq!(charger.register(LOAD_CONTROL), before);

    let mode = of_charger("set_mode");
    for (option, number) in [("off", 4), ("charger on", 1)] {
        house.call("select.select_option", &mode, &json!({ "option": option }));
        house.until_states(&[(mode.clone(), option), (of_charger("mode"), option)]);
        assert_eq!(charger.register(MODE), Some(vec![number]));
    }

    let limit = of_charger("set_charge_current_limit");
    house.call("number.set_value", &limit, &json!({ "value": 5.5 }));
    house.until_states(&[(limit, "5.5"), (of_charger("charge_current_limit"), "5.5")]);
    assert_eq!(charger.register(CURRENT_LIMIT), Some(vec![55, 0]));
    assert_eq!(charger.register(NETWORK_MODE), Some(vec![5]));
    let lift = of_charger("set_lift_charge_current_limit");
    house.call("button.press", &lift, &nothing);
    let result = topic(&id("mppt-75-15"), "result/lift_charge_current_limit");
    let is_ok = |ok: &Json| *ok == true;
    house.view.until_any_value(&result, "ok", is_ok).await;

    let monitor = house.victron.device("bmv-712");
    let relay = unique("bmv-712", "set_relay");
    for (action, state, number) in [("turn_on", "on", 1), ("turn_off", "off", 0)] {
        house.call(&format!("switch.{action}"), &relay, &nothing);
        house.until_states(&[(relay.clone(), state), (unique("bmv-712", "relay"), state)]);
        assert_eq!(monitor.register(RELAY), Some(vec![number]));
    }

    let mode = unique("phoenix", "set_mode");
    let eco = json!({ "option": "eco" });
    house.call("select.select_option", &mode, &eco);
    house.until_state(&mode, "eco");
    let inverter = house.victron.device("phoenix");
    assert_eq!(inverter.register(MODE), Some(vec![5]));

    for (name, device) in &house.victron.devices {
        for written in device.writes() {
            assert!(WRITTEN.contains(&written.register), "{name}: {written:?}");
            assert!(written.flags.is_ok(), "{name}: {written:?}");
        }
    }
}

/// What was there for a while only, by the names of Home Assistant.
pub(crate) fn gone() -> Vec<String> {
    let keys = ["charged_energy", "discharged_energy", "state_of_charge"];
    let of_a_shunt = "sensor.smartshunt_500a_50mv_0088";
    keys.iter()
        .map(|key| format!("{of_a_shunt}_{key}"))
        .collect()
}

/// Home Assistant takes the yields for its panels, and the shunt for its battery.
pub(crate) fn energy_counts(house: &House) {
    let entities = house.entity_ids();
    let entity = |name: &str, key: &str| entities[&unique(name, key)].clone();
    let mut sources = meters::energy_sources(house);
    sources.extend(SOLAR.map(|name| {
        json!({
            "type": "solar", "config_entry_solar_forecast": null,
            "stat_energy_from": entity(name, "energy_total"),
            "stat_rate": entity(name, "panel_power"),
        })
    }));
    let battery = |from: &str| {
        json!({
            "type": "battery",
            "stat_energy_from": entity("bmv-712", from),
            "stat_energy_to": entity("bmv-712", "energy_charged"),
            // Home Assistant counts discharging as positive, battery monitors count charging so.
            "power_config": { "stat_rate_inverted": entity("bmv-712", "battery_power") },
            "stat_soc": entity("bmv-712", "state_of_charge"),
        })
    };
    let with = |battery: Json| {
        let mut sources = sources.clone();
        sources.push(battery);
        json!({ "energy_sources": sources })
    };
    let (said, is_content) = house
        .home_assistant
        .energy(&with(battery("energy_discharged")));
    assert!(is_content, "{said}");
    let counters = SOLAR.map(|name| entity(name, "energy_total"));
    for counter in counters.iter().chain([
        &entity("bmv-712", "energy_discharged"),
        &entity("bmv-712", "energy_charged"),
    ]) {
        assert!(said.contains(&format!("{counter}: sum, kWh")), "{said}");
    }
    assert!(
        !said.contains(&entity("mppt-75-15", "energy_yesterday")),
        "{said}"
    );
    let (said, is_content) = house.home_assistant.energy(&with(battery("battery_power")));
    assert!(!is_content, "{said}");
}
