//! One device as the bridge keeps it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::connection::{self, COUNTER_GUARD};
use super::counting::Counting;
use crate::model::{Behavior, Decimal, Device, DeviceState, Health, HealthCode, Metric, Value};
use crate::store::{Counter, Store};

/// One device: its description, its state, and what is remembered of its counters.
#[derive(Debug)]
pub(super) struct Entry {
    /// `None` for a device of a section that cannot be used.
    pub(super) source: Option<usize>,
    /// Whether its source has reported it in this run, so that it is that source's alone.
    pub(super) claimed: bool,
    /// When its source last had values of it, or claimed it.
    pub(super) heard: Option<Timestamp>,
    pub(super) device: Arc<Device>,
    /// The hub holds the same one until it changes.
    pub(super) state: Arc<DeviceState>,
    pub(super) counting: BTreeMap<Cow<'static, str>, Counting>,
    /// Words about each counter that is held back at the moment.
    pub(super) holds: BTreeMap<Cow<'static, str>, String>,
    pub(super) saved_at: Option<Timestamp>,
    pub(super) unsaved: bool,
}

impl Entry {
    /// A device that nothing has been heard of yet.
    pub(super) fn new(source: Option<usize>, device: Arc<Device>) -> Self {
        let state = DeviceState {
            device: device.id.clone(),
            at: None,
            values: BTreeMap::new(),
            health: Health::new(HealthCode::Starting),
        };
        Self {
            source,
            claimed: false,
            heard: None,
            device,
            state: Arc::new(state),
            counting: BTreeMap::new(),
            holds: BTreeMap::new(),
            saved_at: None,
            unsaved: false,
        }
    }

    /// Takes over a description. Values of metrics that stay are kept, counters go on from what
    /// was saved.
    pub(super) fn describe(
        &mut self,
        device: Arc<Device>,
        saved_counters: &mut BTreeMap<Counter, serde_json::Value>,
    ) {
        self.device = device;
        let metrics = &self.device.metrics;
        let state = Arc::make_mut(&mut self.state);
        state
            .values
            .retain(|key, _| metrics.iter().any(|metric| metric.key == *key));
        for metric in metrics {
            if metric.is_counter() && !self.counting.contains_key(&metric.key) {
                let counter = Counter {
                    device: self.device.id.to_string(),
                    key: metric.key.to_string(),
                };
                let counting = Counting::new(metric, saved_counters.remove(&counter));
                let last = counting.last().map(|last| last.rounded(metric.decimals));
                state.values.insert(metric.key.clone(), Value::from(last));
                self.counting.insert(metric.key.clone(), counting);
            }
            state
                .values
                .entry(metric.key.clone())
                .or_insert(Value::Unknown);
        }
        connection::describe(&mut state.values, &state.health);
        self.describe_holds();
    }

    /// Logs when a counter begins or ends to be held back, and remembers the words.
    pub(super) fn note_hold(
        &mut self,
        metric: &Metric,
        held: Option<String>,
        restarted: Option<Decimal>,
    ) {
        let name = &self.device.name;
        let title = metric.title();
        if let Some(from) = restarted {
            // A counter of the day begins every day; nobody's statistics mind.
            let advice = if metric.behavior == Behavior::DailyCounter {
                "Nothing needs to be done."
            } else {
                "If the device was not exchanged, note the date: statistics will show a new meter."
            };
            tracing::warn!(
                "{name}: {title} starts anew after {from}: three values in a row agree. {advice}"
            );
        }
        match held {
            Some(words) => {
                if !self.holds.contains_key(&metric.key) {
                    tracing::warn!(
                        "{name}: {title} {words}. Nothing needs to be done; if it lasts, restart the device."
                    );
                }
                self.holds
                    .insert(metric.key.clone(), format!("{title} {words}"));
            }
            None => {
                if self.holds.remove(&metric.key).is_some() {
                    tracing::info!("{name}: {title} is good again.");
                }
            }
        }
    }

    pub(super) fn describe_holds(&mut self) {
        if self.device.metric(&COUNTER_GUARD.key).is_some() {
            let words = self.holds.values().cloned().collect::<Vec<_>>().join("; ");
            let words = if words.is_empty() {
                "All values good".to_owned()
            } else {
                words
            };
            Arc::make_mut(&mut self.state)
                .values
                .insert(COUNTER_GUARD.key.clone(), connection::cut(words).into());
        }
    }

    /// What its counters have to go on from, should the device come back.
    pub(super) fn put_aside(self) -> impl Iterator<Item = (Counter, serde_json::Value)> {
        let device = self.device.id.to_string();
        self.counting.into_iter().map(move |(key, counting)| {
            let counter = Counter {
                device: device.clone(),
                key: key.into_owned(),
            };
            (counter, json!(counting))
        })
    }

    pub(super) fn save(&mut self, store: &Store, now: Timestamp) {
        for (key, counting) in &self.counting {
            store.save_counter(&self.device.id, key, &json!(counting));
        }
        self.saved_at = Some(now);
        self.unsaved = false;
    }
}
