//! The end of the program, expected or not, and what the next run knows.

use std::fs;

use serde_json::Value as Json;

use crate::gateway::{ECU_PRO, Gateway, Plan};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Wire, kept};

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

fn config(id: &str) -> String {
    format!("homeassistant/device/{id}/config")
}

#[tokio::test]
async fn a_farewell_a_kill_and_what_is_remembered() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let (id, inverters) = (gateway.id(), gateway.inverter_ids());
    let mut bridge = home.run();
    wire.state("online", 0, &id, is_on).await;
    wire.state("online", 0, &inverters[0], is_on).await;
    gateway.handle.set_speed(0.0);
    let mark = wire.mark();
    let stale = |state: &Json| state["health"] == "stale";
    wire.state("values that stand still", mark, &inverters[0], stale)
        .await;
    let last = |id: &str, key: &str| -> Json {
        let states = wire.states(id).into_iter().rev();
        let mut known = states.map(|state| state[key].clone());
        known.find(Json::is_number).unwrap()
    };
    let total = last(&id, "energy_total");
    let computed = last(&inverters[0], "energy_computed");

    let mark = wire.mark();
    assert!(bridge.end().await.success());
    let status = format!("wattbridge/{}/status", wire.bridge(mark, false).await);
    assert_eq!(kept(broker.port()).await[&status], "offline");
    // No sign of life is left behind, nor anything else.
    let left = ["wattbridge-history.db", "wattbridge.db", "wattbridge.toml"];
    assert_eq!(home.files(), left);

    // The next run knows all of them although the ECU is away.
    gateway.fault("refuse");
    gateway.handle.wait_for_port(false).await;
    broker_forgets(&wire, &broker).await;
    let mark = wire.mark();
    let mut bridge = home.run();
    for own in inverters.iter().chain([&id]) {
        wire.until(own, mark, |seen| seen.topic == config(own))
            .await;
        wire.available(mark, own, false).await;
    }
    let away = |state: &Json| state["health"] == "unreachable";
    // Nothing is said of a counter that has not been read in this run.
    let (state, _) = wire.state("away", mark, &id, away).await;
    assert!(state["energy_total"].is_null(), "{state}");
    let (state, _) = wire.state("away", mark, &inverters[0], away).await;
    assert!(state["energy_computed"].is_null(), "{state}");

    let mark = wire.mark();
    bridge.kill().await;
    wire.text(mark, &status, "offline").await;
    gateway.handle.clear_faults();
    gateway.handle.set_speed(20.0);
    let mark = wire.mark();
    let mut bridge = home.run();
    wire.text(mark, &status, "online").await;
    let counts = |state: &Json| is_on(state) && state["energy_computed"].is_number();
    let (state, _) = wire.state("back", mark, &inverters[0], counts).await;
    assert!(
        state["energy_computed"].as_f64() >= computed.as_f64(),
        "{state}"
    );
    let fits = |state: &Json| state["energy_total"].as_f64() >= total.as_f64();
    wire.state("back", mark, &id, fits).await;
    for state in wire.states(&id) {
        assert!(state["energy_total"].is_null() || state["energy_total"].as_f64() >= Some(4321.0));
    }
    for own in inverters.iter().chain([&id]) {
        let cleared = wire
            .on(&config(own))
            .iter()
            .filter(|it| it.text.is_empty())
            .count();
        assert_eq!(cleared, 1, "only by us");
    }
    assert!(bridge.end().await.success());
}

/// Clears what the broker keeps, as a new broker would have nothing.
async fn broker_forgets(wire: &Wire, broker: &Mosquitto) {
    for topic in kept(broker.port()).await.into_keys() {
        wire.say(&topic, "", true).await;
    }
}

#[tokio::test]
async fn a_section_that_is_removed_takes_its_devices_along() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let stays = Gateway::start(Plan::default()).await;
    let goes = Gateway::start(Plan {
        serial: ECU_PRO,
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[stays.section(), goes.section()]);
    let mut bridge = home.run();
    let gone: Vec<_> = goes.inverter_ids().into_iter().chain([goes.id()]).collect();
    for id in gone.iter().chain([&stays.id()]) {
        wire.available(0, id, true).await;
    }
    assert!(bridge.end().await.success());

    // A mistake in the section is not its end.
    home.write(&[stays.section(), goes.section() + "timeuot = \"1s\"\n"]);
    let mark = wire.mark();
    let mut bridge = home.run();
    wire.available(mark, &stays.id(), true).await;
    // Reading back takes five seconds; by then it would have happened.
    let rounds = stays.handle.requests(30);
    stays.handle.wait_for_requests(30, rounds + 18).await;
    let kept_now = kept(broker.port()).await;
    assert!(gone.iter().all(|id| kept_now.contains_key(&config(id))));
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["removed a device"]), 0, "{}", bridge.said());

    home.write(&[stays.section()]);
    // What stays is away: it is known from the store, so it is not in doubt.
    stays.fault("refuse");
    let mark = wire.mark();
    let mut bridge = home.run();
    for id in &gone {
        wire.text(mark, &config(id), "").await;
    }
    let kept = kept(broker.port()).await;
    let left: Vec<_> = kept
        .keys()
        .filter(|topic| topic.ends_with("/config"))
        .collect();
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(bridge.end().await.success());
}

/// After a restart of the ECU its inverters are not known for some minutes. With an empty store,
/// only the broker knows of them by then.
#[tokio::test]
async fn inverters_are_not_obsolete_before_the_ecu_has_listed_them() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let ids = gateway.inverter_ids();
    for id in &ids {
        wire.available(0, id, true).await;
    }
    assert!(bridge.end().await.success());
    fs::remove_file(home.path().join("wattbridge.db")).unwrap();

    // No cycle comes any more, so it has no data.
    gateway.handle.set_speed(0.0);
    gateway.handle.reboot();
    let mark = wire.mark();
    let mut bridge = home.run();
    wire.available(mark, &gateway.id(), true).await;
    let rounds = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, rounds + 22).await;
    let kept = kept(broker.port()).await;
    assert!(
        ids.iter().all(|id| kept.contains_key(&config(id))),
        "{}",
        bridge.said()
    );

    gateway.handle.set_speed(20.0);
    for id in &ids {
        wire.state("online", mark, id, is_on).await;
        assert!(
            wire.on(&config(id))
                .iter()
                .all(|seen| !seen.text.is_empty())
        );
    }
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn inverters_that_leave_and_join_at_run_time() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan {
        inverters: "2xDS3,QS1",
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let ids = gateway.inverter_ids();
    for id in &ids {
        wire.state("online", 0, id, is_on).await;
    }
    gateway.fault("lost-inverter=2");
    let mark = wire.mark();
    let lost = |state: &Json| state["health"] == "out_of_contact";
    let (state, mark) = wire.state("lost", mark, &ids[1], lost).await;
    let reason = state["reason"].as_str().unwrap();
    assert!(
        reason.contains("the ECU no longer lists this inverter"),
        "{reason}"
    );

    let uid = gateway.handle.add_inverter("YC1000").unwrap();
    let joined = crate::gateway::inverter_id(uid);
    wire.state("joined", mark, &joined, is_on).await;
    let announced = wire.on(&config(&joined)).pop().unwrap().json();
    assert_eq!(announced["device"]["via_device"], gateway.id());
    gateway.handle.clear_faults();
    wire.state("found", mark, &ids[1], is_on).await;
    let cleared = |id: &String| wire.on(&config(id)).iter().any(|it| it.text.is_empty());
    assert!(!ids.iter().any(cleared));
    assert!(bridge.end().await.success());
}
