//! An ECU that is away, in every way it can be, and comes back.

use serde_json::{Value as Json, json};

use crate::between::Between;
use crate::gateway::{Gateway, Plan, section};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

async fn away(fault: &str, code: &str, advice: &str) {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let section = gateway.section().replace("\"1s\"", "\"300ms\"");
    let home = Home::new(broker.port(), &[section]);
    let mut bridge = home.run();
    let (id, inverter) = (gateway.id(), gateway.inverter_ids().remove(0));
    let (before, mark) = wire.state("online", 0, &inverter, is_on).await;
    let (_, mark) = wire.state("online", mark, &id, is_on).await;
    assert!(before["energy_computed"].is_number());

    gateway.fault(fault);
    let mark = wire.available(mark, &id, false).await;
    let (state, _) = wire
        .state("away", mark, &id, |state| state["health"] == code)
        .await;
    for key in ["power", "inverters_online", "data_time"] {
        assert_eq!(state[key], Json::Null, "{key} of {state}");
    }
    let reason = state["reason"].as_str().unwrap();
    assert!(reason.contains(advice), "{reason}");
    assert_eq!(state["connectivity"], "OFF");
    assert_eq!(state["problem"], "ON");
    let known = wire.states(&id);
    let good = |state: &&Json| state["connectivity"] == "ON";
    let last = &known.iter().rfind(good).unwrap()["energy_total"];
    assert!(last.is_number());
    assert_eq!(&state["energy_total"], last, "counters are kept");
    let restart = |state: &Json| state["restart_needed"] == "ON";
    let (state, _) = wire.state("restart needed", mark, &id, restart).await;
    assert_eq!(state["power"], Json::Null);
    wire.available(0, &inverter, false).await;
    let gone = |state: &Json| state["health"] == code;
    let (state, _) = wire.state("away", 0, &inverter, gone).await;
    assert_eq!(state["power"], Json::Null);
    assert!(state["energy_computed"].is_number(), "{state}");
    assert!(
        state["reason"]
            .as_str()
            .unwrap()
            .contains("the ECU does not deliver data")
    );

    gateway.handle.clear_faults();
    let back = wire.available(mark, &id, true).await;
    let (state, _) = wire.state("back", back - 1, &id, is_on).await;
    assert_eq!(state["restart_needed"], "OFF");
    assert_eq!(state["problem"], "OFF");
    // Whose counters have to be saved first comes a moment later.
    wire.available(mark, &inverter, true).await;
    for id in [&id, &inverter] {
        assert_eq!(
            wire.availability(id),
            ["online", "offline", "online"],
            "{id}"
        );
    }
    assert!(bridge.end().await.success());
    // However many rounds it took, and however many inverters there are.
    assert_eq!(bridge.count(&["WARN"]), 1, "{}", bridge.said());
}

#[tokio::test]
async fn an_ecu_that_refuses() {
    away(
        "refuse",
        "unreachable",
        "If it lasts, press its AP button, or switch the ECU off and on.",
    )
    .await;
}

#[tokio::test]
async fn an_ecu_that_hangs() {
    away(
        "hang",
        "silent",
        "Close other programs and apps that talk to the ECU.",
    )
    .await;
}

#[tokio::test]
async fn an_ecu_that_hangs_up() {
    away(
        "empty",
        "silent",
        "Close other programs and apps that talk to the ECU.",
    )
    .await;
}

/// All tries of one round fail, of the first question or of the one about the inverters.
#[tokio::test]
async fn a_single_missed_round_makes_nothing_unavailable() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let mut between = Between::start(gateway.handle.listens()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[section(between.port())]);
    let mut bridge = home.run();
    let (id, inverter) = (gateway.id(), gateway.inverter_ids().remove(0));
    let (_, mut mark) = wire.state("online", 0, &inverter, is_on).await;
    let mut refused = 0;
    for command in ["0001", "0002", "0030"] {
        refused += 4;
        between.block(command);
        between.refused(refused).await;
        between.unblock();
        if command != "0030" {
            let retrying = |state: &Json| state["health"] == "retrying";
            let (state, next) = wire.state("retrying", mark, &inverter, retrying).await;
            assert!(state["power"].is_number(), "{state}");
            assert_eq!(state["connectivity"], "ON");
            mark = next;
        }
        mark = wire.state("online", mark, &inverter, is_on).await.1;
        mark = wire.state("online", mark, &id, is_on).await.1;
    }
    for id in [&id, &inverter] {
        assert_eq!(wire.availability(id), ["online"], "{id}");
    }
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
}

/// The ECU itself works, only its list of inverters does not come any more.
#[tokio::test]
async fn inverters_that_are_not_told_of_become_unavailable() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let between = Between::start(gateway.handle.listens()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[section(between.port())]);
    let mut bridge = home.run();
    let (id, inverter) = (gateway.id(), gateway.inverter_ids().remove(0));
    let (_, mark) = wire.state("online", 0, &inverter, is_on).await;
    between.block("0002");
    let mark = wire.available(mark, &inverter, false).await;
    let silent = |state: &Json| state["health"] == "silent";
    let (state, mark) = wire.state("silent", mark, &inverter, silent).await;
    assert_eq!(state["power"], Json::Null);
    let (state, mark) = wire.state("the ECU", mark, &id, is_on).await;
    assert!(
        state["reason"]
            .as_str()
            .unwrap()
            .contains("without inverters")
    );
    between.unblock();
    wire.available(mark, &inverter, true).await;
    assert_eq!(wire.availability(&id), ["online"]);
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 2, "{}", bridge.said());
}

/// Valid answers that repeat themselves are no values.
#[tokio::test]
async fn values_that_stand_still_are_no_values() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let (id, inverter) = (gateway.id(), gateway.inverter_ids().remove(0));
    let (_, mark) = wire.state("online", 0, &inverter, is_on).await;
    gateway.fault("stale");
    let asked = gateway.handle.requests(2);
    let mark = wire.available(mark, &inverter, false).await;
    assert!(
        gateway.handle.requests(2) >= asked + 3,
        "not after the first"
    );
    let stale = |state: &Json| state["health"] == "stale";
    let (state, mark) = wire.state("stale", mark, &inverter, stale).await;
    let reason = state["reason"].as_str().unwrap();
    assert!(
        reason.contains("the ECU repeats its values of 12:"),
        "{reason}"
    );
    assert!(reason.contains("Switch the ECU off and on."), "{reason}");
    // More rounds of the same bring no values back.
    let asked = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, asked + 3).await;
    gateway.handle.clear_faults();
    let mark = wire.available(mark, &inverter, true).await;
    for id in [&id, &inverter] {
        let states = wire.states(id);
        let first = states
            .iter()
            .position(|it| it["health"] == "stale")
            .unwrap();
        let rest = states.iter().skip(first);
        let stale: Vec<_> = rest.take_while(|it| it["health"] == "stale").collect();
        assert!(
            stale.iter().all(|it| it["power"] == json!(null)),
            "{stale:?}"
        );
    }
    wire.state("back", mark - 2, &inverter, is_on).await;
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 1, "{}", bridge.said());
}
