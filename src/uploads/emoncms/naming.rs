//! Which node and input a value goes to.

use std::collections::{BTreeMap, BTreeSet};

use super::config::EmoncmsSettings;
use super::labels::{has_labels, on_cable};
use super::names::{Named, default_node, input_name, node_name};
use crate::model::DeviceId;
use crate::uploads::{Choice, LoadDevice, LoadSlot, LoadValue};

/// How everything is called.
#[derive(Debug)]
pub struct Naming {
    choice: Choice,
    node: Option<String>,
    pvmonit: bool,
    single: BTreeMap<(String, String), Named>,
    taken: BTreeSet<(String, String)>,
    /// The device whose inputs have plain names in a node that does not follow from its id: the first that came. The
    /// others of that node have their own name before that of the input.
    owners: BTreeMap<String, String>,
}

impl Naming {
    /// That of a section.
    pub fn new(settings: &EmoncmsSettings) -> Self {
        let single = settings.names.single.iter().filter_map(|(value, name)| {
            let (device, key) = value.split_once('/')?;
            Some(((device.to_owned(), key.to_owned()), Named::new(name)))
        });
        let single: BTreeMap<_, _> = single.collect();
        let taken = single
            .values()
            .filter_map(|named| Some((named.node.clone()?, named.input.clone())));
        Self {
            choice: Choice::new(&settings.devices),
            node: settings.node.as_deref().map(node_name),
            pvmonit: settings.names.pvmonit,
            taken: taken.collect(),
            single,
            owners: BTreeMap::new(),
        }
    }

    /// Whether a value has a name of its own.
    pub fn names(&self, device: &DeviceId, key: &str) -> bool {
        let place = (device.as_str().to_owned(), key.to_owned());
        self.single.contains_key(&place)
    }

    /// Whose names are plain where several devices share a node.
    pub const fn owners(&self) -> &BTreeMap<String, String> {
        &self.owners
    }

    /// Takes that up again.
    pub fn remember(&mut self, owners: BTreeMap<String, String>) {
        self.owners = owners;
    }

    fn node(&self, device: &LoadDevice) -> String {
        match &self.node {
            Some(node) => node.clone(),
            None if self.pvmonit && !device.name.trim().is_empty() => node_name(&device.name),
            None => default_node(&device.id),
        }
    }

    /// Node, input and number of every value of a slot that has a number.
    pub fn numbers(&mut self, slot: &LoadSlot) -> Vec<(String, String, String)> {
        // Who has got another name leaves the old one to others.
        for device in &slot.devices {
            let node = self.node(device);
            let id = device.id.as_str();
            self.owners.retain(|own, owner| owner != id || *own == node);
        }
        let mut numbers = Vec::new();
        for device in &slot.devices {
            let node = self.node(device);
            for (key, value) in &device.values {
                let place = (device.id.as_str().to_owned(), key.clone());
                // States come of all devices of which anything is wanted.
                let is_named = self.single.contains_key(&place);
                if !is_named && !self.choice.names_value(&device.id, key) {
                    continue;
                }
                let (node, input, number) = if let Some(named) = self.single.get(&place) {
                    let node = named.node.clone().unwrap_or_else(|| node.clone());
                    (node, named.input.clone(), number(&device.id, key, value))
                } else if self.pvmonit && has_labels(&device.id) {
                    let Some((label, number)) = on_cable(key, value) else {
                        continue;
                    };
                    let input = self.plain_or_own(&node, device, label);
                    (node.clone(), input, Some(number.to_string()))
                } else {
                    let Some(number) = plain_number(value) else {
                        continue;
                    };
                    let input = self.plain_or_own(&node, device, key);
                    (node.clone(), input, Some(number))
                };
                numbers.extend(number.map(|number| (node, input, number)));
            }
        }
        numbers
    }

    fn plain_or_own(&mut self, node: &str, device: &LoadDevice, input: &str) -> String {
        let own = default_node(&device.id);
        let id = device.id.as_str();
        let is_plain = match self.owners.get(node) {
            Some(owner) => owner == id,
            None => {
                if own.len() == id.len() && own == node {
                    // Nobody else has that id.
                    true
                } else {
                    self.owners.insert(node.to_owned(), id.to_owned());
                    true
                }
            }
        };
        let input = input_name(input);
        if is_plain && !self.taken.contains(&(node.to_owned(), input.clone())) {
            input
        } else {
            input_name(&format!("{own}_{input}"))
        }
    }
}

/// The number of a value that has a name of its own: in our unit, of a state that of the cable.
fn number(device: &DeviceId, key: &str, value: &LoadValue) -> Option<String> {
    match value {
        LoadValue::Text(_) if has_labels(device) => {
            on_cable(key, value).map(|(_, number)| number.to_string())
        }
        value => plain_number(value),
    }
}

fn plain_number(value: &LoadValue) -> Option<String> {
    match value {
        LoadValue::Number { number, .. } => Some(number.shortest()),
        LoadValue::OnOff(on) => Some(if *on { "1" } else { "0" }.to_owned()),
        LoadValue::Text(_) => None,
    }
}
