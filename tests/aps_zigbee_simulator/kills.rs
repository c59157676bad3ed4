//! The program is killed at any moment, and inverters start anew meanwhile: no counter falls.

use serde_json::Value as Json;

use crate::site::{Site, ids, section, settings, stick_id, tcp};

const KEYS: [&str; 4] = [
    "energy_total",
    "energy_today",
    "panel_1_energy_total",
    "panel_1_energy_today",
];

async fn story(is_saved_at_once: bool) {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = tcp(settings(0xd8, "DS3,YC600", true)).await;
    site.home.write(&[section(0xd8, &stick, "")]);
    if !is_saved_at_once {
        site.save_as_usual();
    }
    let ids = ids(&stick);
    let begun: Vec<u64> = produced(&stick);
    for kill in 0..4 {
        let mut mark = site.wire.mark();
        let mut bridge = site.run();
        // Each time the end comes after another number of answers.
        for _ in 0..=kill % 2 {
            for id in &ids {
                let before = site.wire.states(id).last().map(|state| state["ts"].clone());
                let is_new = |state: &Json| {
                    state["energy_total"].is_number() && Some(&state["ts"]) != before.as_ref()
                };
                site.online(mark, id, is_new).await;
            }
            mark = site.wire.mark();
            if kill == 3 {
                stick.restart_inverter(None);
            }
        }
        bridge.kill().await;
        if kill == 1 {
            stick.restart_inverter(None);
        }
    }
    let mark = site.wire.mark();
    let mut bridge = site.run();
    for id in &ids {
        site.online(mark, id, |state| state["energy_total"].is_number())
            .await;
    }
    assert!(bridge.end().await.success());
    let produced = produced(&stick);
    for (place, id) in ids.iter().enumerate() {
        for key in KEYS {
            never_falls(&site, id, key);
        }
        let most = (produced[place] - begun[place]) as f64 / 1e9;
        let told = numbers(&site.wire.states(id), "energy_total");
        let gained = told.last().unwrap() - told.first().unwrap();
        assert!(gained <= most + 0.002, "{gained} kWh of {most} kWh");
        // What came between the last answer and a start of the inverter is lost.
        assert!(gained > 0.3 * most, "{gained} kWh of {most} kWh");
    }
    for key in ["energy_total", "energy_today"] {
        never_falls(&site, &stick_id(0xd8), key);
    }
    stick.stop().await;
}

/// What each has produced, in micro-watt-hours.
fn produced(stick: &wattbridge::adapters::aps_zigbee::simulator::SimulatedStick) -> Vec<u64> {
    let truth = stick.truth();
    truth
        .inverters
        .iter()
        .map(|it| it.produced.iter().sum())
        .collect()
}

fn numbers(states: &[Json], key: &str) -> Vec<f64> {
    states
        .iter()
        .filter_map(|state| state[key].as_f64())
        .collect()
}

fn never_falls(site: &Site, id: &str, key: &str) {
    let shown = numbers(&site.wire.states(id), key);
    assert!(shown.is_sorted(), "{id} {key}: {shown:?}");
    assert!(shown.len() > 5, "{id} {key}: {shown:?}");
}

#[tokio::test]
async fn no_energy_falls_when_the_program_is_killed_at_default_settings() {
    story(false).await;
}

#[tokio::test]
async fn no_energy_falls_when_the_program_is_killed_and_each_value_is_saved() {
    story(true).await;
}
