//! Where a section leads to: its secrets go there, and to nobody else.

use super::super::file::{File, Top};
use super::super::messages;
use super::super::tree::{Node, Value};
use super::kinds::SectionKinds;

/// Keys that say so.
const LEADS_TO: [&str; 7] = ["host", "port", "tls", "url", "server", "address", "ca_file"];

/// Every section of a kind.
pub fn of_kind<'f>(
    file: &'f File,
    kinds: &'f SectionKinds,
    kind: &'f str,
) -> impl Iterator<Item = &'f Top> {
    let is_it = move |top: &&Top| messages::is_same(kinds.name(&top.name), kind);
    file.tops.iter().filter(is_it)
}

/// Whether a section leads to another place than before. What a device says is sent to nobody, so that its
/// address may change.
pub fn leads_elsewhere(old: &File, new: &File, kinds: &SectionKinds, kind: &str) -> bool {
    if kinds.find(kind).is_some_and(|kind| kind.can_be_left_out) {
        return false;
    }
    LEADS_TO.iter().any(|key| {
        let all = |file| {
            let tops = of_kind(file, kinds, kind);
            let values = tops.filter_map(|top| top.node().get(key).map(|entry| entry.node.clone()));
            values.collect::<Vec<Node>>()
        };
        let (old, new) = (all(old), all(new));
        old.len() != new.len() || !old.iter().zip(&new).all(|(old, new)| is_same_way(old, new))
    })
}

/// A port is the same one with its quotes, which are a slip that is mended, and without.
fn is_same_way(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Text(words), Value::Integer(number))
        | (Value::Integer(number), Value::Text(words)) => *words == number.to_string(),
        _ => same(one, other),
    }
}

/// Whether two values are the same, however they are written.
pub fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Table(one), Value::Table(other)) => {
            one.len() == other.len()
                && one.iter().all(|entry| {
                    let twin = other.iter().find(|twin| twin.name == entry.name);
                    twin.is_some_and(|twin| same(&entry.node, &twin.node))
                })
        }
        (Value::Text(one) | Value::Loose(one), Value::Text(other) | Value::Loose(other))
        | (Value::Date(one), Value::Date(other)) => one == other,
        (Value::Integer(one), Value::Integer(other)) => one == other,
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Bool(one), Value::Bool(other)) => one == other,
        _ => false,
    }
}
