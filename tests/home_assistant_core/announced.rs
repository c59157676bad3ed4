//! What was announced on the broker, held against what Home Assistant made of it: all of it.
//!
//! Values change while we look. So each is held against everything that was published since shortly
//! before the look, and who calls this looks again until all is right.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::view::Heard;

/// An entity as it was announced.
#[derive(Debug)]
pub(crate) struct Entity {
    device: Json,
    root: Json,
    component: Map<String, Json>,
}

impl Entity {
    pub(crate) fn id(&self) -> &str {
        self.text("unique_id").unwrap()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.component.get(key).and_then(Json::as_str)
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.component.get("enabled_by_default") != Some(&Json::Bool(false))
    }

    /// Its name; Home Assistant's own word for the class if it was announced without one.
    fn name(&self) -> String {
        let class = || {
            let words = self.text("device_class").unwrap().replace('_', " ");
            words[..1].to_uppercase() + &words[1..]
        };
        self.text("name").map_or_else(class, str::to_owned)
    }

    fn platform(&self) -> &str {
        self.text("platform").unwrap()
    }

    /// Whether its state follows from what is published: not that of a button, which is when it was
    /// pressed, nor of what shows only the outcome of a command, which is not kept.
    fn tells_its_state(&self) -> bool {
        let outcome = |topic: &str| topic.contains("/result/");
        self.platform() != "button" && !self.text("state_topic").is_some_and(outcome)
    }

    /// The states that Home Assistant may show, given what was published.
    fn possible_states(&self, heard: &Heard) -> BTreeSet<String> {
        let mut possible = BTreeSet::new();
        let topics = self.component.get("availability");
        let topics = topics.unwrap_or(&self.root["availability"]);
        let mut may_be_available = true;
        for topic in topics.as_array().unwrap() {
            let messages = messages(heard, topic["topic"].as_str().unwrap());
            let online = |message: &Vec<u8>| message.as_slice() == b"online";
            if messages.is_empty() || !messages.iter().all(online) {
                possible.insert("unavailable".to_owned());
            }
            may_be_available &= messages.iter().any(online);
        }
        if may_be_available {
            let topic = self.text("state_topic");
            let topic = topic.unwrap_or_else(|| self.root["state_topic"].as_str().unwrap());
            let messages = messages(heard, topic);
            if self.tells_its_state() {
                possible.extend(messages.iter().map(|message| self.state(message)));
            }
            if messages.is_empty() {
                possible.insert("unknown".to_owned());
            }
        }
        possible
    }

    /// The state that follows from a message.
    fn state(&self, message: &[u8]) -> String {
        let value = match self.text("value_template") {
            Some(template) => {
                let key = template.strip_prefix("{{ value_json.").unwrap();
                let key = key.strip_suffix(" }}").unwrap();
                // What can be chosen, if the device is in no other state.
                let (key, condition) = key.split_once(" if ").unwrap_or((key, ""));
                let json: Json = serde_json::from_slice(message).unwrap();
                let value = json
                    .get(key)
                    .unwrap_or_else(|| panic!("no {key} in {json}"))
                    .clone();
                let options = self.component.get("options").and_then(Json::as_array);
                let is_choice = || options.is_some_and(|options| options.contains(&value));
                if condition.is_empty() || is_choice() {
                    value
                } else {
                    Json::Null
                }
            }
            None => String::from_utf8(message.to_vec()).unwrap().into(),
        };
        let shown = match &value {
            Json::Null => "unknown".to_owned(),
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        if self.text("payload_on") == Some(&shown) {
            "on".to_owned()
        } else if self.text("payload_off") == Some(&shown) {
            "off".to_owned()
        } else {
            shown
        }
    }
}

/// All entities announced, by their unique id.
pub(crate) fn entities(heard: &Heard) -> BTreeMap<String, Entity> {
    let mut entities = BTreeMap::new();
    for root in configs(heard) {
        // One that is on its way out has lost all but its platform.
        let stays = |component: &&Json| component.get("unique_id").is_some();
        for component in root["components"]
            .as_object()
            .unwrap()
            .values()
            .filter(stays)
        {
            let entity = Entity {
                device: root["device"].clone(),
                component: component.as_object().unwrap().clone(),
                root: root.clone(),
            };
            let before = entities.insert(entity.id().to_owned(), entity);
            assert!(before.is_none(), "announced twice: {before:?}");
        }
    }
    entities
}

/// Name and parent of all devices announced.
pub(crate) fn devices(heard: &Heard) -> BTreeMap<String, Option<String>> {
    let name = |device: &Json| device["name"].as_str().unwrap().to_owned();
    let id = |device: &Json| device["identifiers"][0].as_str().unwrap().to_owned();
    let all: Vec<Json> = configs(heard).map(|root| root["device"].clone()).collect();
    let names: BTreeMap<String, String> = all.iter().map(|one| (id(one), name(one))).collect();
    // The parent may still be to come.
    let parent = |device: &Json| {
        let id = device["via_device"].as_str()?;
        Some(names.get(id).map_or(id, String::as_str).to_owned())
    };
    all.iter().map(|one| (name(one), parent(one))).collect()
}

/// What is not as announced, in words: entities, their classes and their states.
/// `switched_on` has the unique ids of what is shown though it is off by default.
pub(crate) fn differences(
    heard: &Heard,
    registry: &[Json],
    states: &[Json],
    switched_on: &BTreeSet<String>,
) -> Vec<String> {
    let announced = entities(heard);
    let mut wrong = Vec::new();
    let mut registered = BTreeMap::new();
    for device in registry {
        for entity in device["entities"].as_array().unwrap() {
            let id = entity["unique_id"].as_str().unwrap();
            registered.insert(id, (device, entity));
        }
    }
    let states: BTreeMap<&str, &Json> = states
        .iter()
        .map(|state| (state["entity_id"].as_str().unwrap(), state))
        .collect();
    for id in registered.keys().filter(|id| !announced.contains_key(**id)) {
        wrong.push(format!("{id} was never announced"));
    }
    for (id, entity) in &announced {
        let mut check = |what: &str, is: &Json, expected: Json| {
            if *is != expected {
                wrong.push(format!("{id}: {what} is {is}, not {expected}"));
            }
        };
        let Some((device, registered)) = registered.get(id.as_str()) else {
            wrong.push(format!("{id} is missing"));
            continue;
        };
        check(
            "device",
            &device["identifiers"][0][1],
            entity.device["identifiers"][0].clone(),
        );
        for key in [
            "manufacturer",
            "model",
            "model_id",
            "serial_number",
            "sw_version",
            "configuration_url",
        ] {
            check(key, &device[key], entity.device[key].clone());
        }
        let is_enabled = entity.is_enabled() || switched_on.contains(id);
        let disabled = if is_enabled {
            Json::Null
        } else {
            "integration".into()
        };
        check("disabled", &registered["disabled_by"], disabled);
        check(
            "category",
            &registered["entity_category"],
            optional(entity.text("entity_category")),
        );
        check("name", &registered["original_name"], entity.name().into());
        let entity_id = registered["entity_id"].as_str().unwrap();
        check(
            "domain",
            &entity_id.split('.').next().into(),
            entity.platform().into(),
        );
        let Some(state) = states.get(entity_id) else {
            if is_enabled {
                wrong.push(format!("{id} has no state"));
            }
            continue;
        };
        check(
            "device class",
            &state["device_class"],
            optional(entity.text("device_class")),
        );
        check(
            "state class",
            &state["state_class"],
            optional(entity.text("state_class")),
        );
        check(
            "unit",
            &state["unit"],
            optional(entity.text("unit_of_measurement")),
        );
        let name = format!("{} {}", device["name"].as_str().unwrap(), entity.name());
        check("full name", &state["name"], name.into());
        check(
            "options",
            &state["attributes"]["options"],
            entity.component.get("options").cloned().unwrap_or_default(),
        );
        let possible = entity.possible_states(heard);
        let shown = state["state"].as_str().unwrap();
        if entity.tells_its_state() && !possible.contains(shown) {
            wrong.push(format!("{id} is {shown}, not one of {possible:?}"));
        }
    }
    wrong
}

/// The same for what Home Assistant wrote to its disk, which has the classes of the entities that
/// are switched off too.
pub(crate) fn differences_on_disk(heard: &Heard, written: &[Json]) -> Vec<String> {
    let mut wrong = Vec::new();
    let by_id: BTreeMap<&str, &Json> = written
        .iter()
        .map(|entity| (entity["unique_id"].as_str().unwrap_or(""), entity))
        .collect();
    for (id, entity) in &entities(heard) {
        let Some(written) = by_id.get(id.as_str()) else {
            wrong.push(format!("{id} was not written down"));
            continue;
        };
        let capability = |key: &str| {
            written["capabilities"]
                .get(key)
                .cloned()
                .unwrap_or_default()
        };
        let announced = |key: &str| entity.component.get(key).cloned().unwrap_or_default();
        for (what, is, expected) in [
            (
                "device class",
                written["original_device_class"].clone(),
                announced("device_class"),
            ),
            (
                "unit",
                written["unit_of_measurement"].clone(),
                announced("unit_of_measurement"),
            ),
            (
                "state class",
                capability("state_class"),
                announced("state_class"),
            ),
            ("options", capability("options"), announced("options")),
            ("icon", written["original_icon"].clone(), announced("icon")),
        ] {
            if is != expected {
                wrong.push(format!("{id}: {what} is {is} on disk, not {expected}"));
            }
        }
    }
    wrong
}

fn configs(heard: &Heard) -> impl Iterator<Item = Json> {
    let is_config = |topic: &str| topic.starts_with("homeassistant/device/");
    heard
        .iter()
        .filter(move |(topic, _)| is_config(topic))
        .filter_map(|(_, messages)| {
            let last = messages.last().filter(|last| !last.is_empty())?;
            Some(serde_json::from_slice(last).unwrap())
        })
}

fn messages<'h>(heard: &'h Heard, topic: &str) -> &'h [Vec<u8>] {
    heard.get(topic).map_or(&[], Vec::as_slice)
}

fn optional(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}
