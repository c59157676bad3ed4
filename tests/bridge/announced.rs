//! What Home Assistant is told of an ECU and its inverters, and whether the values are true.

use serde_json::{Value as Json, json};
use wattbridge::adapters::aps_ecu::wire::{Record, RecordType};

use crate::gateway::{ECU_PRO, Gateway, Plan, inverter_id};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Wire, kept};

/// What the state of an inverter has to say, from its record.
fn expected(record: &Record, voltages: &[&str]) -> Json {
    let body = record.body.as_ref().unwrap();
    let mut values = json!({
        "power": record.total_power_w(),
        "online": "ON",
        "frequency": f64::from(body.frequency_dhz) / 10.0,
        "temperature": record.temperature_c(),
        "health": "online",
        "connectivity": "ON",
        "problem": "OFF",
        "reason": "Online",
    });
    for (index, power) in body.power_w.iter().enumerate() {
        values[format!("panel_{}_power", index + 1)] = json!(power);
    }
    for (key, voltage) in voltages.iter().zip(body.voltage_v.iter()) {
        values[*key] = json!(voltage);
    }
    values
}

fn contains(state: &Json, expected: &Json) -> bool {
    let number = |value: &Json| value.as_f64();
    expected.as_object().unwrap().iter().all(|(key, value)| {
        let found = &state[key];
        found == value || (number(value).is_some() && number(found) == number(value))
    })
}

/// An announcement and a state of one device fit each other.
fn check_announcement(id: &str, config: &Json, state: &Json, via: &str) {
    assert_eq!(config["device"]["identifiers"], json!([id]));
    assert_eq!(config["device"]["via_device"], json!(via));
    assert_eq!(config["origin"]["name"], "wattbridge");
    assert_eq!(config["state_topic"], format!("wattbridge/{id}/state"));
    let topics = json!([
        { "topic": "wattbridge/status" },
        { "topic": format!("wattbridge/{id}/availability") }
    ]);
    assert_eq!(config["availability"], topics);
    let components = config["components"].as_object().unwrap();
    assert!(components.len() > 5, "{id}: {config}");
    for (key, component) in components {
        assert_eq!(component["unique_id"], format!("{id}_{key}"));
        let template = component["value_template"].as_str().unwrap();
        assert_eq!(template, format!("{{{{ value_json.{key} }}}}"));
        let state = state.as_object().unwrap();
        assert!(state.contains_key(key), "{id} lacks {key}: {state:?}");
    }
    for key in ["reason", "connectivity", "problem", "health"] {
        let own = json!([{ "topic": "wattbridge/status" }]);
        assert_eq!(components[key]["availability"], own, "{id} {key}");
    }
    // The state says nothing that was not announced, but for the time.
    for key in state.as_object().unwrap().keys() {
        let is_other = ["ts", "status_detail", "status_advice"].contains(&key.as_str());
        assert!(is_other || components.contains_key(key), "{id}: {key}");
    }
}

/// Runs the program with an ECU and compares all that is announced and said with the truth.
async fn everything_is_true(plan: Plan<'_>) {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(plan).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let ids = gateway.inverter_ids();
    for id in ids.iter().chain([&gateway.id()]) {
        wire.available(0, id, true).await;
    }

    // Time stands still, so that all answers agree. What was published in this moment already is
    // not published again, so that the search begins at the start.
    gateway.handle.set_speed(0.0);
    let (info, telemetry) = (gateway.info().await, gateway.telemetry().await);
    let truth = gateway.handle.truth();
    assert_eq!(telemetry.records.len(), ids.len());
    let configs = kept(broker.port()).await;
    let config = |id: &str| -> Json {
        let text = configs.get(&format!("homeassistant/device/{id}/config"));
        serde_json::from_str(text.unwrap_or_else(|| panic!("{id} is not announced"))).unwrap()
    };
    let ecu = json!({
        "power": truth.power_w,
        "energy_total": (truth.lifetime_wh / 100) as f64 / 10.0,
        "energy_today": (truth.today_wh / 10) as f64 / 100.0,
        "inverters": truth.registered,
        "inverters_online": truth.online,
        "firmware": info.firmware,
        "restart_needed": "OFF",
        "counter_guard": "All values good",
        "health": "online",
        "reason": "Online",
    });
    let id = gateway.id();
    let (state, _) = wire
        .state("the truth", 0, &id, |state| contains(state, &ecu))
        .await;
    check_announcement(&id, &config(&id), &state, "wattbridge_bridge");

    for record in &telemetry.records {
        let own = inverter_id(record.uid);
        let voltages: &[&str] = match (record.kind, record.uid.to_string().starts_with('9')) {
            (_, true) => &["voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1"],
            (RecordType::T02, _) => &["voltage_l1", "voltage_l2", "voltage_l3"],
            (RecordType::T03, _) => &["voltage"],
            _ => &["voltage", "voltage_2"],
        };
        let values = expected(record, voltages);
        let (state, _) = wire
            .state("the truth", 0, &own, |state| contains(state, &values))
            .await;
        check_announcement(&own, &config(&own), &state, &id);
        assert!(state["signal_quality"].is_number(), "{state}");
        assert!(state["energy_computed"].is_number(), "{state}");
        assert_eq!(config(&own)["device"]["model"], record.product_name());
    }

    let announcements = configs.keys().filter(|topic| topic.ends_with("/config"));
    assert_eq!(
        announcements.count(),
        ids.len() + 2,
        "and the bridge itself"
    );
    // Nothing has changed since, so each device was announced only once.
    for id in ids.iter().chain([&id]) {
        let topic = format!("homeassistant/device/{id}/config");
        assert_eq!(wire.on(&topic).len(), 1, "{id}\n{}", bridge.said());
    }
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
    assert_eq!(bridge.count(&["ERROR"]), 0, "{}", bridge.said());
}

#[tokio::test]
async fn all_products_behind_one_ecu() {
    everything_is_true(Plan {
        inverters: "2xDS3,QS1,YC1000,QT2,YC600",
        ..Plan::default()
    })
    .await;
}

/// Their number is a line feed in the frame, and the answers of this ECU are of the other group.
#[tokio::test]
async fn exactly_ten_inverters() {
    everything_is_true(Plan {
        serial: ECU_PRO,
        inverters: "4xDS3,3xQS1A,YC1000,2xQT2",
        ..Plan::default()
    })
    .await;
}

#[tokio::test]
async fn sixty_inverters_need_more_than_one_buffer() {
    everything_is_true(Plan {
        inverters: "40xDS3,20xQS1",
        ..Plan::default()
    })
    .await;
}

#[tokio::test]
async fn answers_that_come_byte_by_byte() {
    everything_is_true(Plan {
        inverters: "2xDS3,QS1",
        faults: &["split=1"],
        ..Plan::default()
    })
    .await;
}

#[tokio::test]
async fn garbage_around_every_answer() {
    everything_is_true(Plan {
        inverters: "2xDS3,QS1",
        faults: &["garbage-before=7", "garbage-after=9"],
        ..Plan::default()
    })
    .await;
}
