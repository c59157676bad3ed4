//! Night: the inverters sleep, and nothing is wrong.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::gateway::{DAY, ECU_PRO, ECU_R, Gateway, Plan};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

/// The older firmware writes 0 degrees into the records of inverters that are off, the newer one
/// -100: neither was measured.
async fn nightfall(serial: &str) {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan {
        serial,
        inverters: "DS3,QS1,QT2",
        start: DAY.at(18, 0, 0, 0),
        speed: 300.0,
        cycle: Duration::from_secs(10),
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let works = |state: &Json| state["temperature"].is_number();
    let (id, ids) = (gateway.id(), gateway.inverter_ids());
    for inverter in &ids {
        wire.state("by day", 0, inverter, works).await;
        // Our own time passes too slowly beside that of the inverters for much energy.
        let counted = |state: &Json| state["energy_computed"].is_number();
        wire.state("some energy", 0, inverter, counted).await;
    }
    gateway.fault("sleep");
    let mark = wire.mark();
    let asleep = |state: &Json| state["health"] == "asleep" && state["online"] == "OFF";
    for inverter in &ids {
        let (state, _) = wire.state("asleep", mark, inverter, asleep).await;
        assert_eq!(state["power"], 0, "{state}");
        let unknown = ["temperature", "frequency", "signal_quality"];
        let all = state.as_object().unwrap().keys();
        let voltages = all.filter(|key| key.starts_with("voltage"));
        for key in unknown.into_iter().chain(voltages.map(String::as_str)) {
            assert_eq!(state[key], Json::Null, "{key} of {state}");
        }
        assert!(state["energy_computed"].is_number(), "{state}");
        assert_eq!(state["connectivity"], "ON");
        assert_eq!(state["problem"], "OFF");
    }
    let resting = |state: &Json| state["health"] == "asleep";
    let (state, mark) = wire.state("asleep", mark, &id, resting).await;
    assert_eq!(state["power"], 0);
    assert_eq!(state["inverters_online"], 0);
    assert_eq!(state["energy_total"].as_f64().map(f64::floor), Some(4321.0));
    assert!(state["energy_today"].as_f64() > Some(0.0));

    // The night goes on, and is over.
    let asked = gateway.handle.requests(2);
    gateway.handle.wait_for_requests(2, asked + 3).await;
    gateway.handle.clear_faults();
    for inverter in &ids {
        wire.state("awake", mark, inverter, |state| state["health"] == "online")
            .await;
    }
    for id in ids.iter().chain([&id]) {
        assert_eq!(wire.availability(id), ["online"], "{id}");
        for state in wire.states(id) {
            let cold = state["temperature"].as_f64() < Some(5.0);
            let measured = state.get("temperature").is_some_and(Json::is_number);
            assert!(!(cold && measured), "{state}");
        }
    }
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
}

#[tokio::test]
async fn night_falls_on_an_ecu_r() {
    nightfall(ECU_R).await;
}

#[tokio::test]
async fn night_falls_on_an_ecu_r_pro() {
    nightfall(ECU_PRO).await;
}

/// The first thing that is ever heard of an inverter is that it sleeps.
#[tokio::test]
async fn a_start_in_the_night() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan {
        inverters: "DS3,YC1000",
        start: DAY.at(23, 0, 0, 0),
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    for id in gateway.inverter_ids() {
        let asleep =
            |state: &Json| state["health"] == "asleep" && state["energy_computed"].is_number();
        let (state, _) = wire.state("asleep", 0, &id, asleep).await;
        assert_eq!(state["power"], json!(0));
        assert_eq!(state["temperature"], Json::Null);
        assert_eq!(state["energy_computed"], json!(0));
    }
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
}
