//! Cables, ports and noise.

use serde_json::Value as Json;
use wattbridge::adapters::smart_meter::simulator::Fixed;

use super::{Line, Plan, id, keyed, until_true};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

fn reason(state: &Json) -> &str {
    state["reason"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_pulled_cable_is_said_and_plugging_it_in_again_is_enough() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let line = Line::serial(home.path(), Plan::default()).await;
    home.write(&keyed(&line));
    let mut program = home.run();
    let meter = id("tinetz");
    until_true(&wire, 0, "tinetz", &line, 0).await;

    for _ in 0..2 {
        let mark = wire.mark();
        line.simulator.unplug();
        let mark = wire.available(mark, &meter, false).await;
        let gone = |state: &Json| state["health"] == "unreachable";
        let (state, mark) = wire
            .state("the reason", mark.saturating_sub(1), &meter, gone)
            .await;
        assert!(reason(&state).contains("Unreachable"), "{state}");
        assert!(
            !state["energy_import"].is_null() && state["power_import"].is_null(),
            "{state}"
        );
        line.simulator.plug();
        wire.available(mark, &meter, true).await;
        until_true(&wire, mark, "tinetz", &line, 0).await;
    }
    assert!(program.end().await.success());
    let counters = wire.states(&meter);
    let counters = counters
        .iter()
        .filter_map(|state| state["energy_import"].as_f64());
    assert!(counters.is_sorted());
}

#[tokio::test]
async fn text_in_clear_on_a_serial_port_is_read_without_a_key() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let plan = Plan {
        models: &["p1"],
        ..Plan::default()
    };
    let line = Line::serial(home.path(), plan).await;
    home.write(&[line.section("")]);
    let mut program = home.run();
    let state = until_true(&wire, 0, "p1", &line, 0).await;
    assert_eq!(state["health"], "online", "{state}");
    assert!(program.end().await.success());
}

#[tokio::test]
async fn a_serial_server_that_restarts_is_found_again() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let line = Line::tcp(Plan::default()).await;
    let home = Home::new(broker.port(), &keyed(&line));
    let _program = home.run();
    until_true(&wire, 0, "tinetz", &line, 0).await;
    let mark = wire.mark();
    line.simulator.unplug();
    let mark = wire.available(mark, &id("tinetz"), false).await;
    line.simulator.plug();
    let mark = wire.available(mark, &id("tinetz"), true).await;
    until_true(&wire, mark, "tinetz", &line, 0).await;
}

#[tokio::test]
async fn the_parity_is_found_out_and_remembered() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let plan = Plan {
        faults: &["wrong-parity"],
        ..Plan::default()
    };
    let line = Line::serial(home.path(), plan).await;
    home.write(&keyed(&line));
    let mut program = home.run();
    until_true(&wire, 0, "tinetz", &line, 0).await;
    assert_eq!(
        program.count(&["trying 2400 baud, even parity"]),
        1,
        "{}",
        program.said()
    );
    assert!(program.end().await.success());

    // The next run begins with what worked.
    line.set_faults(&[]);
    let mark = wire.mark();
    let program = home.run();
    until_true(&wire, mark, "tinetz", &line, 0).await;
    assert_eq!(program.count(&["trying"]), 0, "{}", program.said());
}

#[tokio::test]
async fn each_kind_of_nothing_has_its_own_words() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let line = Line::tcp(Plan::default()).await;
    let home = Home::new(broker.port(), &keyed(&line));
    let _program = home.run();
    until_true(&wire, 0, "tinetz", &line, 0).await;
    let meter = id("tinetz");
    for (fault, health, words) in [
        ("silence", "silent", "customer interface is switched on"),
        ("cut", "garbled", "each of them is damaged"),
        ("other-bus", "unsupported", "another kind of M-Bus"),
        ("wrong-key", "key_wrong", "no key that is configured"),
    ] {
        let mark = wire.mark();
        line.set_faults(&[fault]);
        let there = |state: &Json| state["health"] == health;
        let (state, mark) = wire.state(fault, mark, &meter, there).await;
        assert!(reason(&state).contains(words), "{fault}: {state}");
        line.set_faults(&[]);
        let back = |state: &Json| state["health"] == "online";
        wire.state("the end of it", mark, &meter, back).await;
    }
}

#[tokio::test]
async fn damage_never_reaches_the_energy_dashboard() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let plan = Plan {
        // Some 36 Wh in each second, so that every telegram has another value.
        fixed: Fixed {
            power: Some(90_000),
            energy_import: Some(5_000_000),
            ..Fixed::default()
        },
        ..Plan::default()
    };
    let line = Line::tcp(plan).await;
    let home = Home::new(broker.port(), &keyed(&line));
    let mut program = home.run();
    let meter = id("tinetz");
    until_true(&wire, 0, "tinetz", &line, 0).await;
    let sent = line.simulator.sent();
    line.set_faults(&[
        "flip@30%",
        "lose@10%",
        "noise=30@20%",
        "cut@5%",
        "zero@15%",
        "jump=300@10%",
        "repeat@10%",
        "midstart@10%",
    ]);
    let mut mark = wire.mark();
    while line.simulator.sent() < sent + 60 {
        mark = wire.state("any", mark, &meter, |_| true).await.1;
    }
    line.set_faults(&[]);
    let state = until_true(&wire, mark, "tinetz", &line, 0).await;
    let truth = state["energy_import"].as_f64().unwrap();
    assert!(program.end().await.success());

    let states = wire.states(&meter);
    let imports: Vec<f64> = states
        .iter()
        .filter_map(|state| state["energy_import"].as_f64())
        .collect();
    assert!(imports.len() > 30 && imports.is_sorted(), "{imports:?}");
    assert!(
        imports
            .iter()
            .all(|import| (5000.0..=truth).contains(import)),
        "{imports:?}"
    );
    let number = |key: &str| states.last().unwrap()[key].as_f64().unwrap();
    assert!(
        number("checksum_errors") > 0.0,
        "{}",
        states.last().unwrap()
    );
    let held = states
        .iter()
        .filter(|state| state["counter_guard"].to_string().contains("held"));
    assert!(held.count() > 0, "{}", states.last().unwrap());
}
