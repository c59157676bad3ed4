//! Sums over devices of several adapters.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;
use wattbridge::adapters::smart_meter::simulator::Fixed;

use crate::gateway::{Gateway, Plan as Ecu};
use crate::home::Home;
use crate::meter::{KEY, Line, Plan, id};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Mark, Wire, kept};

/// A meter that shows this power all the time.
async fn meter(model: &str, power: i32) -> Line {
    let fixed = Fixed {
        power: Some(power),
        ..Fixed::default()
    };
    Line::tcp(Plan {
        models: &[model],
        fixed,
        ..Plan::default()
    })
    .await
}

fn section(line: &Line, name: &str) -> String {
    line.section(&format!("key = \"{KEY}\"\nname = \"{name}\""))
}

fn grid(more: &str) -> String {
    format!(
        "[[sum]]\nid = \"grid\"\nname = \"Both meters\"\nplus = [\"smart_meter_*/power_import\"]\n{more}\n"
    )
}

fn number(state: &Json) -> Option<i64> {
    state["power"].as_i64()
}

fn reason(state: &Json) -> &str {
    state["reason"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_sum_is_right_or_stands_still_or_is_unknown() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let (one, other) = (
        meter("tinetz", 1000).await,
        meter("tinetz-single", 500).await,
    );
    let ecu = Gateway::start(Ecu::default()).await;
    let house = format!(
        "[[sum]]\nid = \"house\"\nplus = [\"sum_grid/power\"]\nminus = [\"{}/power\"]\nfreeze_for = \"2s\"\n\
         area = \"Cellar\"\nenergy = true\n",
        ecu.id()
    );
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(
        broker.port(),
        &[
            house,
            grid("freeze_for = \"2s\""),
            section(&one, "Flat"),
            section(&other, "Workshop"),
            ecu.section(),
        ],
    );
    let mut bridge = home.run();
    let right = |state: &Json| number(state) == Some(1500) && state["health"] == "online";
    wire.state("both", 0, "sum_grid", right).await;
    let powers = || -> BTreeSet<i64> {
        let states = wire.states(&ecu.id());
        states.iter().filter_map(number).collect()
    };
    let follows = |state: &Json| number(state).is_some_and(|it| powers().contains(&(1500 - it)));
    let (_, mark) = wire.state("all three", 0, "sum_house", follows).await;

    other.simulator.unplug();
    let frozen = |state: &Json| state["health"] == "degraded";
    let (state, mark) = wire.state("stands still", mark, "sum_grid", frozen).await;
    assert_eq!(number(&state), Some(1500), "{state}");
    assert!(reason(&state).contains("Workshop is missing"), "{state}");
    wire.state("stands still too", mark, "sum_house", frozen)
        .await;
    let lost = |state: &Json| state["health"] == "stale";
    for sum in ["sum_grid", "sum_house"] {
        let (state, _) = wire.state("unknown", mark, sum, lost).await;
        assert!(state["power"].is_null(), "{state}");
        wire.available(mark, sum, false).await;
    }
    let mark = wire.mark();
    other.simulator.plug();
    wire.state("both again", mark, "sum_grid", right).await;
    wire.state("all again", mark, "sum_house", |state| {
        number(state).is_some()
    })
    .await;

    // Whatever was said was said of all.
    let said = wire.states("sum_grid");
    let numbers: BTreeSet<i64> = said.iter().filter_map(number).collect();
    assert_eq!(numbers, [1500].into());
    let house: Vec<i64> = wire.states("sum_house").iter().filter_map(number).collect();
    let powers = powers();
    assert!(house.iter().all(|it| powers.contains(&(1500 - it))));

    let announced = wire.on("homeassistant/device/sum_house/config");
    let announced = announced.last().unwrap().json();
    assert_eq!(announced["device"]["manufacturer"], "wattbridge");
    assert_eq!(announced["device"]["suggested_area"], "Cellar");
    assert_eq!(announced["components"]["power"]["device_class"], "power");
    assert_eq!(
        announced["components"]["energy_computed"]["device_class"],
        "energy"
    );
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn the_first_sum_is_of_all_meters_of_a_line() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    // The first is named by its first telegram, the other by its second.
    let line = Line::tcp(Plan {
        models: &["e450", "tinetz"],
        fixed: Fixed {
            power: Some(1000),
            ..Fixed::default()
        },
        interval: Duration::from_secs(2),
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    let section = line.section(&format!("key = \"{KEY}\""));
    let home = Home::new(broker.port(), &[section, grid("")]);
    let mut bridge = home.run();
    let some = |state: &Json| number(state).is_some();
    let (state, _) = wire.state("the first sum", 0, "sum_grid", some).await;
    assert_eq!(number(&state), Some(2000), "{state}");
    assert!(bridge.end().await.success());
}

/// The sum waits for the second meter, and shows nothing while the first one goes on.
async fn stands_without_the_workshop(wire: &Wire, from: Mark) -> Mark {
    let waits = |state: &Json| reason(state).contains("Workshop is missing");
    let (_, mut seen) = wire.state("waits", from, "sum_grid", waits).await;
    for _ in 0..8 {
        let online = |state: &Json| state["health"] == "online";
        seen = wire.state("the other", seen, &id("tinetz"), online).await.1;
    }
    let since = wire.all().split_off(from);
    let mut sums = since
        .iter()
        .filter(|seen| seen.topic == "wattbridge/sum_grid/state")
        .peekable();
    assert!(sums.peek().is_some());
    assert!(sums.all(|seen| seen.json()["power"].is_null()));
    seen
}

#[tokio::test]
async fn a_device_that_is_switched_off_does_not_hold_up_the_others() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let (one, other) = (
        meter("tinetz", 1000).await,
        meter("tinetz-single", 500).await,
    );
    let other = |more: &str| section(&other, "Workshop") + more;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[grid(""), section(&one, "Flat"), other("")]);
    let mut bridge = home.run();
    let shows = |power| move |state: &Json| number(state) == Some(power);
    wire.state("both", 0, "sum_grid", shows(1500)).await;
    assert!(bridge.end().await.success());

    home.write(&[grid(""), section(&one, "Flat"), other("enabled = false\n")]);
    let mark = wire.mark();
    let mut bridge = home.run();
    wire.state("the one", mark, "sum_grid", shows(1000)).await;
    assert!(bridge.end().await.success());
    // A mistake in the section is not its end.
    home.write(&[grid(""), section(&one, "Flat"), other("enabeld = false\n")]);
    let mark = wire.mark();
    let mut bridge = home.run();
    stands_without_the_workshop(&wire, mark).await;
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn a_restart_waits_for_every_member_and_a_removed_sum_is_cleared() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let (one, other) = (
        meter("tinetz", 1000).await,
        meter("tinetz-single", 500).await,
    );
    let meters = || [section(&one, "Flat"), section(&other, "Workshop")];
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &meters());
    home.write(&[&meters()[..], &[grid("")]].concat());
    let mut bridge = home.run();
    let right = |state: &Json| number(state) == Some(1500);
    wire.state("both", 0, "sum_grid", right).await;
    assert!(bridge.end().await.success());

    other.simulator.unplug();
    let mark = wire.mark();
    let mut bridge = home.run();
    let seen = stands_without_the_workshop(&wire, mark).await;
    other.simulator.plug();
    wire.state("both again", seen, "sum_grid", right).await;
    let checked = home.done(&["check"]).await;
    assert!(
        checked.out.contains("2 device sections, 1 sum."),
        "{checked:?}"
    );
    let shown = home.done(&["discovery", "--topics"]).await;
    assert!(
        shown.out.contains("homeassistant/device/sum_grid/config"),
        "{shown:?}"
    );
    assert!(bridge.end().await.success());

    // A mistake in the section is not its end.
    home.write(&[&meters()[..], &[grid("nimus = []")]].concat());
    let checked = home.done(&["check"]).await;
    assert_eq!(checked.code, Some(2));
    assert!(
        checked.err.contains("nimus") && checked.err.contains("minus"),
        "{checked:?}"
    );
    let mark = wire.mark();
    let mut bridge = home.run();
    let unusable = |state: &Json| state["health"] == "misconfigured" && state["power"].is_null();
    wire.state("cannot be used", mark, "sum_grid", unusable)
        .await;
    assert!(bridge.end().await.success());
    let config = "homeassistant/device/sum_grid/config";
    assert!(kept(broker.port()).await.contains_key(config));

    home.write(&meters());
    let mark = wire.mark();
    let mut bridge = home.run();
    wire.text(mark, config, "").await;
    assert!(bridge.end().await.success());
}
