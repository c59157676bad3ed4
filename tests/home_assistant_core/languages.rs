//! The same devices in another language: what is shown is said in it, and all that history and automations rest on
//! stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value as Json;
use wattbridge::adapters::aps_ecu::simulator::Model;

use crate::announced::{devices, differences, entities};
use crate::harness::Harness;
use crate::plant::{PRO, Pace, Program, SMALL, simulate};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::view::{DEADLINE, View};

/// What Home Assistant has of every entity, by unique id: its entity id, and the name it was announced with.
type Registered = BTreeMap<String, (String, String)>;

fn registered(home_assistant: &Harness) -> Registered {
    let all = home_assistant.devices();
    let entities = all.iter().flat_map(|it| it["entities"].as_array().unwrap());
    let text = |entity: &Json, key: &str| entity[key].as_str().unwrap_or_default().to_owned();
    entities
        .map(|it| {
            let about = (text(it, "entity_id"), text(it, "original_name"));
            (text(it, "unique_id"), about)
        })
        .collect()
}

/// Waits until all is in Home Assistant as it was announced, and it has nothing to complain about.
pub(crate) fn agree(home_assistant: &Harness, view: &View, when: &str) {
    let since = Instant::now();
    loop {
        view.forget_the_past();
        let (devices, states) = (home_assistant.devices(), home_assistant.states());
        let wrong = differences(&view.heard(), &devices, &states, &BTreeSet::new());
        if wrong.is_empty() {
            break;
        }
        let words = wrong.join("\n");
        assert!(since.elapsed() < DEADLINE, "{when}:\n{words}");
    }
    assert_eq!(home_assistant.complaints(), [""; 0], "{when}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_assistant_shows_german() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    let pro = simulate(Model::EcuRPro, PRO, "DS3", &[]).await;
    let small = simulate(Model::EcuB, SMALL, "YC600", &[]).await;
    let nothing_plugged = tempfile::tempdir().unwrap();
    let mut program = Program::new(broker.port(), &[&pro], nothing_plugged.path());
    let view = View::open(broker.port());
    program.configure(Pace::Unlimited, &[]);
    home_assistant.start(broker.port());
    program.start();
    let until = |count| view.until("all devices", move |heard| devices(heard).len() == count);
    until(3).await;
    let topic = |what: &str| format!("wattbridge/aps_ecu_{PRO}/{what}");
    view.until_text(&topic("availability"), "online").await;
    agree(&home_assistant, &view, "in English");
    let english = registered(&home_assistant);

    // The other ECU is new, and is met in German only.
    let port = small.listens().port();
    let sections = [
        "[place]\nlanguage = \"de\"\n".to_owned(),
        format!(
            "[[aps_ecu]]\nhost = \"127.0.0.1\"\nport = {port}\ninterval = \"1s\"\nquiet = \"\"\n"
        ),
    ];
    program.stop();
    program.configure(Pace::Unlimited, &sections);
    program.start();
    until(5).await;
    view.until_text(&topic("availability"), "online").await;
    agree(&home_assistant, &view, "in German");
    let german = registered(&home_assistant);
    let energy = format!("aps_ecu_{PRO}_energy_total");
    let status = format!("aps_ecu_{PRO}_reason");
    assert_eq!(english[&energy].1, "Lifetime energy");
    assert_eq!(german[&energy].1, "Energie gesamt");
    assert_eq!(english[&status].1, german[&status].1, "the same word");
    let power = format!("aps_ecu_{PRO}_power");
    assert_eq!(
        english[&power].1, german[&power].1,
        "Home Assistant's own word"
    );
    for (unique_id, (entity_id, name)) in &english {
        let (now, _) = &german[unique_id];
        assert_eq!(entity_id, now, "{unique_id}, {name}");
    }
    let others = german.keys().filter(|id| !english.contains_key(*id));
    let others: Vec<_> = others.collect();
    let is_new = |id: &&String| id.contains(SMALL) || id.contains("aps_ecu_4");
    assert!(
        !others.is_empty() && others.iter().all(|id| is_new(id) || !id.contains(PRO)),
        "{others:?}"
    );
    // What is new gets its entity id from its German name.
    let (entity_id, _) = &german[&format!("aps_ecu_{SMALL}_energy_total")];
    assert_eq!(entity_id, "sensor.ecu_b_0001_energie_gesamt");

    // A trouble is told in German, and its code is the same.
    pro.set_fault("refuse".parse().unwrap());
    let is_unreachable = |health: &Json| health == "unreachable";
    view.until_value(&topic("state"), "health", is_unreachable)
        .await;
    agree(&home_assistant, &view, "in trouble");
    let states = home_assistant.states();
    let (entity_id, _) = &german[&status];
    let shown = states
        .iter()
        .find(|state| state["entity_id"] == entity_id.as_str());
    let shown = shown.unwrap();
    let words = shown["state"].as_str().unwrap();
    assert!(words.starts_with("Nicht erreichbar: "), "{words}");
    assert!(
        words.contains("lehnt die Verbindung ab. Die ECU startet neu"),
        "{words}"
    );
    assert_eq!(shown["attributes"]["code"], "unreachable");
    let advice = shown["attributes"]["advice"].as_str().unwrap();
    assert!(advice.starts_with("Die ECU startet neu"), "{advice}");
    program.stop();
    let all = entities(&view.heard());
    assert!(all.contains_key(&status));
}
