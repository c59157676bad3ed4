//! The program is killed at any moment, at the settings that people have: no counter falls, begins
//! with a false value, or shows more than there is.

use std::fs;
use std::time::Duration;

use serde_json::Value as Json;
use wattbridge::adapters::text::simulator::SimulatedSensor;

use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::text::{bytes, on_port, talker};
use crate::wire::Wire;

const ID: &str = "text_clamp";
/// Its power in watts, all the time.
const POWER: u32 = 3600;

/// A sensor that says its power and its counter ten times a second.
fn clamp(home: u16, save_every: Option<&str>, sensor: &SimulatedSensor) -> Home {
    let section = on_port(
        "clamp",
        sensor,
        r#"
pattern = 'P=(?<p>\d+) E=(?<e>\d+\.\d+)'
values = [
    { id = "power", quantity = "power", group = "p", energy = true },
    { id = "counter", quantity = "energy", group = "e", counter = true },
]
"#,
    );
    let home = Home::new(home, &[section]);
    let text = fs::read_to_string(home.file()).unwrap();
    let set = save_every.map(|every| format!("save_every = \"{every}\""));
    let text = text.replace("save_every = \"0s\"", &set.unwrap_or_default());
    fs::write(home.file(), text).unwrap();
    home
}

fn say(sensor: &SimulatedSensor, watt_hours: u64) {
    let energy = format!("{}.{:03}", watt_hours / 1000, watt_hours % 1000);
    sensor.set_lines(bytes(&[&format!("P={POWER} E={energy}\r\n")]));
}

fn numbers(states: &[Json], key: &str) -> Vec<f64> {
    states
        .iter()
        .filter_map(|state| state[key].as_f64())
        .collect()
}

async fn story(save_every: Option<&str>) {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let sensor = talker(&[]).await;
    let wire = Wire::tap(broker.port()).await;
    let home = clamp(broker.port(), save_every, &sensor);
    let mut counter = 1_000_000;
    say(&sensor, counter);
    let begun = std::time::Instant::now();
    for kill in 0..8 {
        let mark = wire.mark();
        let mut bridge = home.run();
        let all = |state: &Json| state["counter"].is_number() && state["energy_total"].is_number();
        let (_, mut mark) = wire.state("counters", mark, ID, all).await;
        // Each time the end comes after another number of values.
        for _ in 0..=kill * 3 {
            counter += 7;
            say(&sensor, counter);
            mark = wire
                .state("power", mark, ID, |state| state["power"] == POWER)
                .await
                .1;
        }
        bridge.kill().await;
    }
    let states = wire.states(ID);
    let shown = numbers(&states, "counter");
    assert!(shown.is_sorted(), "{shown:?}");
    assert!(
        shown
            .iter()
            .all(|shown| (1000.0..=counter as f64 / 1000.0).contains(shown))
    );
    assert!(shown.last() > shown.first(), "{shown:?}");
    let computed = numbers(&states, "energy_total");
    assert!(computed.is_sorted(), "{computed:?}");
    // Nothing is made up to be on the safe side.
    let most = begun.elapsed().as_secs_f64() * f64::from(POWER) / 3_600_000.0;
    assert!(computed.last() <= Some(&most), "{computed:?} of {most}");

    // The device has lost some of it too, and says less than has been shown: after a power cut.
    let last = *shown.last().unwrap();
    say(&sensor, (last * 1000.0) as u64 - 5);
    let mark = wire.mark();
    let mut bridge = home.run();
    let held = |state: &Json| {
        let words = state["counter_guard"].as_str().unwrap_or_default();
        state["power"].is_number() && words.contains("which is less")
    };
    let (_, mark) = wire.state("held", mark, ID, held).await;
    say(&sensor, counter + 3);
    let back = |state: &Json| state["counter"].as_f64() >= Some(last);
    wire.state("believed", mark, ID, back).await;
    let shown = numbers(&wire.states(ID), "counter");
    assert!(shown.is_sorted(), "{shown:?}");
    assert!(bridge.end().await.success());
    sensor.stop().await;
}

#[tokio::test]
async fn no_counter_falls_when_the_program_is_killed_at_default_settings() {
    story(None).await;
}

#[tokio::test]
async fn no_counter_falls_when_the_program_is_killed_and_each_value_is_saved() {
    story(Some("0s")).await;
}

/// Numbers that no home has, on the way to everything that adds them up.
#[tokio::test]
async fn a_line_of_nonsense_makes_no_energy() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let sensor = talker(&[]).await;
    let wire = Wire::tap(broker.port()).await;
    let home = clamp(broker.port(), Some("0s"), &sensor);
    say(&sensor, 1_000_000);
    let mut bridge = home.run();
    let good = |state: &Json| {
        state["power"] == POWER && state["counter"].is_number() && state["energy_total"].is_number()
    };
    let (_, mark) = wire.state("good", 0, ID, good).await;
    sensor.set_lines(bytes(&["P=999999999999 E=999999999.999\r\n"]));
    let degraded = |state: &Json| state["health"] == "degraded";
    let (state, mark) = wire.state("doubted", mark, ID, degraded).await;
    assert!(state["power"].is_null(), "{state}");
    let reason = state["reason"].as_str().unwrap();
    assert!(
        reason.contains("more than 50000 W") && reason.contains("max_power"),
        "{reason}"
    );
    say(&sensor, 1_000_001);
    wire.state("good again", mark, ID, good).await;
    let states = wire.states(ID);
    assert!(
        numbers(&states, "energy_total")
            .iter()
            .all(|energy| *energy < 1.0)
    );
    assert!(
        numbers(&states, "counter")
            .iter()
            .all(|energy| *energy < 1001.0)
    );
    assert!(
        numbers(&states, "power")
            .iter()
            .all(|power| *power <= f64::from(POWER))
    );
    assert!(bridge.end().await.success());
    assert_eq!(
        bridge.count(&["WARN", "Power is unknown"]),
        1,
        "{}",
        bridge.said()
    );
    sensor.stop().await;
}

/// The sensor stays on its port and says no more: whatever is known of the port, its values are old.
#[tokio::test]
async fn a_sensor_that_says_no_more_has_no_values() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let sensor = talker(&[]).await;
    let wire = Wire::tap(broker.port()).await;
    let home = clamp(broker.port(), Some("0s"), &sensor);
    let text = fs::read_to_string(home.file()).unwrap();
    let silent = format!(
        "silent_after = \"{}s\"\npattern",
        Duration::from_secs(3).as_secs()
    );
    fs::write(home.file(), text.replacen("pattern", &silent, 1)).unwrap();
    say(&sensor, 1_000_000);
    let mut bridge = home.run();
    let good = |state: &Json| state["power"] == POWER && state["counter"].is_number();
    let (_, mark) = wire.state("good", 0, ID, good).await;
    sensor.set_lines(Vec::new());
    let unknown = |state: &Json| state["power"].is_null() && state["connectivity"] == "OFF";
    let (state, next) = wire.state("unknown", mark, ID, unknown).await;
    assert_eq!(state["counter"], 1000, "{state}");
    wire.available(mark, ID, false).await;
    say(&sensor, 1_000_002);
    wire.state("good again", next, ID, good).await;
    assert!(bridge.end().await.success());
    sensor.stop().await;
}
