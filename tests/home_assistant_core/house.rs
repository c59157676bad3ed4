//! The house: a Home Assistant, somebody who listens, and everything that is simulated.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::{Value as Json, json};
use wattbridge::adapters::aps_ecu::simulator::SimulatedEcu;
use wattbridge::adapters::aps_zigbee::simulator::SimulatedStick;

use crate::announced::{differences, entities};
use crate::cables::Cables;
use crate::harness::Harness;
use crate::meters::Meters;
use crate::plant::{PRO, SMALL};
use crate::victron;
use crate::view::{DEADLINE, View};
use crate::zigbee;

/// Home Assistant, and what it is told of.
pub(crate) struct House {
    pub(crate) home_assistant: Harness,
    pub(crate) view: View,
    pub(crate) pro: SimulatedEcu,
    pub(crate) small: SimulatedEcu,
    pub(crate) meters: Meters,
    pub(crate) victron: Cables,
    pub(crate) stick: SimulatedStick,
    /// Unique ids of what the user switched on.
    pub(crate) switched_on: RefCell<BTreeSet<String>>,
    /// What Home Assistant called entities when we looked last, by unique id.
    pub(crate) names: RefCell<BTreeMap<String, String>>,
}

impl House {
    /// A topic of an ECU.
    pub(crate) fn topic(serial: &str, what: &str) -> String {
        format!("wattbridge/aps_ecu_{serial}/{what}")
    }

    /// Waits until everything is in Home Assistant as it was announced, and returns how many
    /// entities that are.
    pub(crate) fn agree(&self, when: &str) -> usize {
        let since = Instant::now();
        loop {
            self.view.forget_the_past();
            let devices = self.home_assistant.devices();
            let states = self.home_assistant.states();
            let heard = self.view.heard();
            let wrong = differences(&heard, &devices, &states, &self.switched_on.borrow());
            if wrong.is_empty() {
                let count = entities(&heard).len();
                let waited = since.elapsed().as_secs_f64();
                eprintln!("  {waited:4.1} s until {count} entities agree {when}");
                return count;
            }
            assert!(
                since.elapsed() < DEADLINE,
                "{when}, {} differences:\n{}",
                wrong.len(),
                wrong.join("\n")
            );
        }
    }

    /// Agrees, and Home Assistant has nothing to complain about.
    pub(crate) fn is_well(&self, when: &str) -> usize {
        let count = self.agree(when);
        assert_eq!(self.home_assistant.complaints(), [""; 0], "{when}");
        count
    }

    /// Waits until all ECUs, meters, Victron devices and inverters of the stick are heard.
    pub(crate) async fn until_online(&self) {
        for serial in [PRO, SMALL] {
            self.until_online_at(&format!("aps_ecu_{serial}")).await;
        }
        self.meters.until_online(&self.view).await;
        victron::until_online(self).await;
        zigbee::until_online(self).await;
    }

    /// Waits until the device with this id is heard.
    pub(crate) async fn until_online_at(&self, id: &str) {
        let topic = |what: &str| format!("wattbridge/{id}/{what}");
        self.view.until_text(&topic("availability"), "online").await;
        let online = |health: &Json| health == "online";
        self.view
            .until_value(&topic("state"), "health", online)
            .await;
    }

    /// Switches on an entity that is off by default, as a user does. It works after a restart.
    pub(crate) fn switch_on(&self, unique_id: &str) {
        let entity = self.entity_id(unique_id);
        let wish = json!({ "entity_id": entity, "disabled_by": null });
        self.home_assistant
            .ask("config/entity_registry/update", &wish);
        self.switched_on.borrow_mut().insert(unique_id.to_owned());
    }

    /// Calls an action for an entity, once it is there.
    pub(crate) fn call(&self, action: &str, unique_id: &str, data: &Json) {
        // Home Assistant has subscribed to what tells the state when it shows one.
        let is_there = || {
            self.state(unique_id)
                .is_some_and(|state| state != "unavailable")
        };
        let since = Instant::now();
        while !is_there() {
            assert!(since.elapsed() < DEADLINE, "{unique_id} is not there");
        }
        self.home_assistant
            .call(action, &self.entity_id(unique_id), data);
    }

    /// The state of an entity with this unique id.
    pub(crate) fn state(&self, unique_id: &str) -> Option<String> {
        self.states_of(&[unique_id]).remove(0)
    }

    fn states_of(&self, unique_ids: &[&str]) -> Vec<Option<String>> {
        let states = self.home_assistant.states();
        let state = |unique_id: &&str| {
            let entity = self.names.borrow().get(*unique_id).cloned()?;
            let is_it = |state: &&Json| state["entity_id"] == entity.as_str();
            let state = states.iter().find(is_it)?;
            Some(state["state"].as_str().unwrap().to_owned())
        };
        let found: Vec<_> = unique_ids.iter().map(state).collect();
        if found.iter().all(Option::is_some) {
            return found;
        }
        *self.names.borrow_mut() = self.entity_ids();
        unique_ids.iter().map(state).collect()
    }

    /// Waits until an entity shows this.
    pub(crate) fn until_state(&self, unique_id: &str, wanted: &str) {
        self.until_states(&[(unique_id.to_owned(), wanted)]);
    }

    /// Waits until each of these entities shows what it has to at the same time.
    pub(crate) fn until_states(&self, wanted: &[(String, &str)]) {
        let since = Instant::now();
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
        loop {
            let states = self.states_of(&ids);
            let pairs = wanted.iter().zip(&states);
            let mut others = pairs.filter(|((_, wanted), state)| state.as_deref() != Some(wanted));
            let Some(((id, wanted), state)) = others.next() else {
                return;
            };
            assert!(
                since.elapsed() < DEADLINE,
                "{id} is {state:?}, not {wanted}"
            );
        }
    }

    /// What Home Assistant calls the entity with this unique id.
    pub(crate) fn entity_id(&self, unique_id: &str) -> String {
        self.entity_ids().remove(unique_id).unwrap()
    }

    /// What Home Assistant calls each entity, by unique id.
    pub(crate) fn entity_ids(&self) -> BTreeMap<String, String> {
        let devices = self.home_assistant.devices();
        let entities = devices
            .iter()
            .flat_map(|device| device["entities"].as_array().unwrap());
        let text = |entity: &Json, key: &str| entity[key].as_str().unwrap().to_owned();
        entities
            .map(|entity| (text(entity, "unique_id"), text(entity, "entity_id")))
            .collect()
    }
}
