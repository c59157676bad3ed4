//! What a configuration says that is no mistake and yet surely not meant.

use std::collections::BTreeSet;

use super::setup::Configured;
use crate::adapters::ADAPTERS;
use crate::bridge::own_metrics;
use crate::config::{nearest, quoted};

/// One sentence each, with what to do.
pub(super) fn remarks(configured: &Configured) -> Vec<String> {
    let mut remarks = configured.exposed.clone();
    if configured.outputs.switched_on().is_empty() {
        remarks.push(
            "Nothing is passed on to anybody: every output is switched off. Take enabled = false out of [home_assistant]."
                .to_owned(),
        );
    }
    let known = Keys::of(configured);
    for (place, word) in configured.outputs.home_assistant.named_keys() {
        if let Some(hint) = known.complain(word) {
            remarks.push(format!(
                "[home_assistant] {place}: no device here has {}; {hint}.",
                quoted(word)
            ));
        }
    }
    remarks
}

/// Every key that a device of this configuration can have.
struct Keys(BTreeSet<String>);

impl Keys {
    fn of(configured: &Configured) -> Self {
        let tables = ADAPTERS.iter().flat_map(|adapter| adapter.tables());
        let tables = tables.flat_map(|table| table.iter().cloned());
        let own = configured.sources.iter().flat_map(|it| it.own_metrics());
        let all = tables.chain(own).chain(own_metrics(&configured.sources));
        Self(all.map(|metric| metric.key.into_owned()).collect())
    }

    /// A key alone stands for all devices, one behind a device id for that one.
    fn complain(&self, word: &str) -> Option<String> {
        let is_key = |word: &str| self.0.contains(word);
        let behind = |(at, _): (usize, char)| word.get(at + 1..).is_some_and(is_key);
        if is_key(word) || word.match_indices('_').map(|(at, _)| (at, '_')).any(behind) {
            return None;
        }
        let meant = nearest(word, self.0.iter().map(String::as_str));
        Some(meant.map_or_else(
            || "`wattbridge discovery` shows what there is".to_owned(),
            |meant| format!("did you mean {}?", quoted(meant)),
        ))
    }
}
