//! What is sent of a slot.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::Naming;
use crate::uploads::LoadSlot;

/// So many items and so much text go out in one request; some servers take no more than a megabyte.
const MOST_ITEMS: usize = 500;
const MOST_BYTES: usize = 300_000;

/// What one node gets for one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The end of the slot, in seconds since 1970.
    pub end: i64,
    /// Its name.
    pub node: String,
    /// Inputs and numbers, as they are written.
    pub values: Vec<(String, String)>,
}

/// Per input the newest time that has arrived, if emoncms knows one.
pub type Inputs = BTreeMap<String, Option<i64>>;

impl Item {
    /// What of it has not arrived.
    pub fn without(mut self, inputs: &Inputs) -> Option<Self> {
        let end = self.end;
        self.values.retain(|(input, _)| {
            let newest = inputs.get(input).copied().flatten();
            newest.is_none_or(|newest| newest < end)
        });
        (!self.values.is_empty()).then_some(self)
    }

    /// About so much text.
    fn length(&self) -> usize {
        let values = self.values.iter();
        let values: usize = values
            .map(|(input, text)| input.len() + text.len() + 4)
            .sum();
        self.node.len() + values + 16
    }
}

/// The items of a slot: one for each node that gets anything.
pub fn items_of(naming: &mut Naming, slot: &LoadSlot) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for (node, input, number) in naming.numbers(slot) {
        let item = match items.iter_mut().find(|item| item.node == node) {
            Some(item) => item,
            None => {
                items.push(Item {
                    end: slot.end,
                    node,
                    values: Vec::new(),
                });
                let Some(item) = items.last_mut() else {
                    continue;
                };
                item
            }
        };
        // Two values of one name would be one there: the first stays.
        if !item.values.iter().any(|(own, _)| *own == input) {
            item.values.push((input, number));
        }
    }
    items
}

/// Whether these items are too many for one request.
pub fn is_too_much(items: &[Item]) -> bool {
    items.len() > MOST_ITEMS || items.iter().map(Item::length).sum::<usize>() > MOST_BYTES
}

/// The nodes of these items.
pub fn nodes_of(items: &[Item]) -> BTreeSet<String> {
    items.iter().map(|item| item.node.clone()).collect()
}

/// The fields `time` and `data` of the form.
pub fn fields(items: &[Item]) -> (String, String) {
    let time = items.first().map_or(0, |item| item.end);
    let mut data = String::from("[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            data.push(',');
        }
        let node = quoted(&item.node);
        data.push_str(&format!("[{},{node},{{", item.end - time));
        for (at, (input, number)) in item.values.iter().enumerate() {
            if at > 0 {
                data.push(',');
            }
            data.push_str(&format!("{}:{number}", quoted(input)));
        }
        data.push_str("}]");
    }
    data.push(']');
    (time.to_string(), data)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
