//! What must be true of everything that was ever said, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::SimulatedVictron;

use crate::wire::{Mark, Wire};

/// What may ever be written to a device: mode and who sets it, load output, relay, limit of the
/// charge current and that it is controlled from afar.
const WRITTEN: &[u16] = &[0x0200, 0x0202, 0xedab, 0x034e, 0x200e, 0x2015];

/// Nothing but what is known to do no harm was written.
pub(super) fn harmless(device: &SimulatedVictron) {
    for written in device.writes() {
        assert!(WRITTEN.contains(&written.register), "{written:?}");
        if written.register == 0x200e {
            assert_eq!(written.value, [0x05], "{written:?}");
        }
    }
}

/// All announcements of a device behind a mark, without what they take back.
pub(super) fn announcements(wire: &Wire, from: Mark, id: &str) -> Vec<Json> {
    let topic = format!("homeassistant/device/{id}/config");
    let all = wire.all().into_iter().skip(from);
    let said = all.filter(|seen| seen.topic == topic && !seen.old && !seen.text.is_empty());
    said.map(|seen| seen.json()).collect()
}

/// The keys of the entities in an announcement. One that is taken back has a platform only.
pub(super) fn entities(announcement: &Json) -> BTreeSet<String> {
    let components = announcement["components"].as_object().into_iter().flatten();
    let there = components.filter(|(_, component)| component["unique_id"].is_string());
    there.map(|(key, _)| key.clone()).collect()
}

/// Looks at all announcements and states of Victron devices, in order.
pub(super) fn audit(wire: &Wire, ids: &[String]) {
    let mut components: BTreeMap<(String, String), Json> = BTreeMap::new();
    let mut removed = BTreeSet::new();
    for seen in wire.all().iter().filter(|seen| !seen.old) {
        let Some(id) = device(&seen.topic, "homeassistant/device/", "/config") else {
            continue;
        };
        if seen.text.is_empty() {
            removed.insert(id);
            continue;
        }
        assert!(ids.contains(&id), "{id} does not exist");
        let announced = seen.json();
        for key in entities(&announced) {
            let component = announced["components"][&key].clone();
            components.insert((id.clone(), key), component);
        }
    }
    let mut counters: BTreeMap<(String, String), f64> = BTreeMap::new();
    for seen in wire.all() {
        let Some(id) = device(&seen.topic, "wattbridge/", "/state") else {
            continue;
        };
        assert!(!seen.text.contains("00000000"), "{}", seen.text);
        let state = seen.json();
        for (key, value) in state.as_object().into_iter().flatten() {
            if is_beside(key) {
                continue;
            }
            let place = (id.clone(), key.clone());
            let Some(component) = components.get(&place) else {
                // What is told later than the rest is announced a moment later, and perhaps the
                // device had gone by then.
                assert!(removed.contains(&id), "{place:?} is not announced");
                continue;
            };
            let options = component["options"].as_array();
            let is_option = |options: &Vec<Json>| value.is_null() || options.contains(value);
            assert!(options.is_none_or(is_option), "{place:?} is {value}");
            // The yield of today begins anew, and the other is set to 0 by people.
            let begins_anew = key == "energy_today" || key == "energy_resettable";
            let counts = component["state_class"] == "total_increasing" && !begins_anew;
            if let (Some(now), true) = (value.as_f64(), counts) {
                let before = counters.insert(place.clone(), now);
                assert!(
                    before.is_none_or(|before| before <= now),
                    "{place:?} falls to {now}"
                );
            }
        }
    }
}

/// Whether a key of a state is no entity of its own.
pub(super) fn is_beside(key: &str) -> bool {
    ["ts", "status_detail", "status_advice"].contains(&key)
}

/// The Victron device that a topic is about.
fn device(topic: &str, before: &str, after: &str) -> Option<String> {
    let id = topic.strip_prefix(before)?.strip_suffix(after)?;
    id.starts_with("victron_").then(|| id.to_owned())
}
