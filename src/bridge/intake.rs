//! From reports to states: every value passes here once, in one direction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::claims::Claims;
use super::connection;
use super::counting::Reported;
use super::entry::Entry;
use super::hub::Hub;
use crate::clock::Clock;
use crate::model::{
    Decimal, Device, DeviceId, Health, HealthCode, Metric, Readings, Report, Role, Value,
};
use crate::store::{Counter, Saved, Store};

/// Turns the reports of all sources into the states that the hub holds.
#[derive(Debug)]
pub(super) struct Intake {
    hub: Hub,
    store: Store,
    clock: Clock,
    /// How often the counters of one device are saved at most.
    save_every: Duration,
    entries: BTreeMap<DeviceId, Entry>,
    /// Counters of devices that are not there yet, or no more.
    saved_counters: BTreeMap<Counter, serde_json::Value>,
    claims: Claims,
    held: u64,
}

impl Intake {
    pub(super) fn new(
        hub: Hub,
        store: Store,
        clock: Clock,
        save_every: Duration,
        saved_counters: BTreeMap<Counter, serde_json::Value>,
    ) -> Self {
        Self {
            hub,
            store,
            clock,
            save_every,
            entries: BTreeMap::new(),
            saved_counters,
            claims: Claims::default(),
            held: 0,
        }
    }

    /// Brings back the devices of an earlier run, each with the index of the source that reaches it
    /// now, and forgets those that no section of the configuration reaches any more. Adapters with
    /// a section that cannot be used are `incomplete`: it may be the one that reaches them, so they
    /// stay and say so, until a source claims them.
    pub(super) fn restore(
        &mut self,
        saved: &mut Saved,
        incomplete: &[&str],
        source_of: impl Fn(&str) -> Option<usize>,
    ) {
        for saved in saved.devices.drain(..) {
            match source_of(&saved.source) {
                Some(source) => self.put_device(Some(source), saved.device),
                None if incomplete.contains(&saved.device.adapter.as_ref()) => {
                    let id = saved.device.id.clone();
                    self.put_device(None, saved.device);
                    self.put_health(&id, unusable());
                }
                None => self.store.forget_device(&saved.device.id),
            }
        }
    }

    /// Takes a report of the source with this index and key.
    pub(super) fn take(&mut self, source: usize, key: &str, report: Report) {
        let Some(report) = self.admit(source, key, report) else {
            return;
        };
        match report {
            Report::Device(device) => self.take_device(source, key, *device),
            Report::Gone(id) => {
                self.claims.forget(&id, source);
                if let Some(mut entry) = self.entries.remove(&id) {
                    entry.save(&self.store, self.clock.now());
                    self.saved_counters.extend(entry.put_aside());
                    tracing::info!("{id} is gone.");
                    self.store.forget_device(&id);
                    self.hub.remove(&id);
                }
            }
            Report::Readings(readings) => self.put_readings(&readings),
            Report::Health(id, health) => {
                // The bridge's own device only sums up what was said about each source.
                if !key.is_empty() {
                    self.log_health(&id, &health);
                }
                self.put_health(&id, health);
            }
            // Kept by the runner, beside what it knows of the source itself.
            Report::Source(_) | Report::Complete(_) => {}
        }
    }

    /// Gives every device of a source the same health, as when its adapter failed.
    pub(super) fn put_health_of_source(&mut self, source: usize, health: &Health) {
        let of_source =
            |(id, entry): (&DeviceId, &Entry)| (entry.source == Some(source)).then(|| id.clone());
        let ids: Vec<DeviceId> = self.entries.iter().filter_map(of_source).collect();
        for id in ids {
            self.log_health(&id, health);
            self.put_health(&id, health.clone());
        }
    }

    /// The source that reaches a device.
    pub(super) fn source_of(&self, id: &DeviceId) -> Option<usize> {
        self.entries.get(id)?.source
    }

    /// How a device is.
    pub(super) fn health_of(&self, id: &DeviceId) -> Option<&Health> {
        self.entries.get(id).map(|entry| &entry.state.health)
    }

    /// The state of a source's first device without a parent: how the source itself is.
    pub(super) fn health_of_source(&self, source: usize) -> Option<&Health> {
        let mut of_source = self
            .entries
            .values()
            .filter(|entry| entry.source == Some(source));
        of_source
            .find(|entry| entry.device.via.is_none())
            .map(|entry| &entry.state.health)
    }

    /// Whether any device of a source is known.
    pub(super) fn knows_source(&self, source: usize) -> bool {
        self.entries
            .values()
            .any(|entry| entry.source == Some(source))
    }

    /// How many devices there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many values have been held back since the start.
    pub(super) const fn values_held(&self) -> u64 {
        self.held
    }

    /// Saves every counter that has changed since it was last saved.
    pub(super) fn save_counters(&mut self) {
        let now = self.clock.now();
        for entry in self.entries.values_mut().filter(|entry| entry.unsaved) {
            entry.save(&self.store, now);
        }
    }

    /// Lets a report pass, if its device is this source's. One device reached in two ways stays with
    /// the source that reported it first, until that source has lost it.
    fn admit(&mut self, source: usize, key: &str, report: Report) -> Option<Report> {
        let id = match &report {
            Report::Device(device) => &device.id,
            Report::Gone(id) | Report::Health(id, _) => id,
            Report::Readings(readings) => &readings.device,
            Report::Source(_) | Report::Complete(_) => return Some(report),
        }
        .clone();
        let has_values = matches!(report, Report::Readings(_));
        match self.entries.get(&id) {
            Some(entry) if entry.claimed && entry.source != Some(source) => {
                let now = self.clock.now();
                if !(has_values && self.claims.passes(source, entry, now)) {
                    if self.claims.keep(&id, source, report) {
                        tracing::warn!(
                            "{key} reaches {id}, which another section reaches too; its values are left out \
                             while the other one has them. Remove one of the two sections, unless you have just moved the device."
                        );
                    }
                    return None;
                }
                self.hand_over(&id, source, key);
            }
            None if matches!(report, Report::Readings(_) | Report::Health(..)) => {
                self.hand_over(&id, source, key);
            }
            _ => {}
        }
        Some(report)
    }

    /// Puts in place what this source has said of a device while another one held it.
    fn hand_over(&mut self, id: &DeviceId, source: usize, key: &str) {
        let Some((device, health)) = self.claims.release(id, source) else {
            return;
        };
        if let Some(entry) = self.entries.get(id) {
            let (before, device) = (entry.source, Device::clone(&entry.device));
            let description = Report::Device(Box::new(device));
            if let Some(before) = before {
                self.claims.keep(id, before, description);
            }
        }
        tracing::info!("{id} is reached by {key} now.");
        self.take_device(source, key, device);
        self.put_health(id, health);
    }

    fn take_device(&mut self, source: usize, key: &str, device: Device) {
        let id = device.id.clone();
        let before = self.entries.get(&id);
        let before = before.map(|entry| (entry.source, Arc::clone(&entry.device)));
        self.claims.forget(&id, source);
        self.put_device(Some(source), device);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let is_same_source = before
            .as_ref()
            .is_some_and(|(before, _)| *before == Some(source));
        if !entry.claimed || !is_same_source {
            entry.heard = Some(self.clock.now());
        }
        entry.claimed = true;
        // The bridge's own device belongs to no source and comes anew with each start.
        if !key.is_empty()
            && before.is_none_or(|(from, device)| from != Some(source) || device != entry.device)
        {
            self.store.save_device(key, &entry.device);
        }
    }

    fn put_device(&mut self, source: Option<usize>, mut device: Device) {
        device
            .metrics
            .retain(|metric| !connection::is_ours(&metric.key));
        let ours: Vec<Metric> = connection::metrics(&device).collect();
        device.metrics.extend(ours);
        let device = Arc::new(device);
        let fresh = || Entry::new(source, Arc::clone(&device));
        let entry = self.entries.entry(device.id.clone()).or_insert_with(fresh);
        entry.source = source;
        entry.describe(device, &mut self.saved_counters);
        self.hub
            .put_device(Arc::clone(&entry.device), Arc::clone(&entry.state));
    }

    fn put_readings(&mut self, readings: &Readings) {
        let Some(entry) = self.entries.get_mut(&readings.device) else {
            tracing::debug!(
                "readings of {}, which nobody has described",
                readings.device
            );
            return;
        };
        entry.heard = Some(self.clock.now());
        self.claims.holder_reports(&readings.device);
        let day = readings
            .day
            .unwrap_or_else(|| readings.at.to_zoned(self.clock.zone().clone()).date());
        let device = Arc::clone(&entry.device);
        let mut good: BTreeMap<&str, Option<Decimal>> = BTreeMap::new();
        for reading in &readings.values {
            let Some(metric) = device.metric(&reading.key).filter(|m| m.derived.is_none()) else {
                tracing::debug!(
                    "{} reports \"{}\", which it has not declared",
                    device.id,
                    reading.key
                );
                continue;
            };
            let value = match (
                entry.counting.get_mut(&metric.key),
                reading.value.as_number(),
            ) {
                (Some(counting), Some(number)) => {
                    let reported = Reported {
                        value: number,
                        heard: self.clock.now(),
                        measured: readings.at,
                        day,
                    };
                    let outcome = counting.judge(metric, &reported, power_limit(&device, metric));
                    entry.unsaved = true;
                    if outcome.held.is_some() {
                        self.held += 1;
                    } else {
                        good.insert(&metric.key, Some(number));
                    }
                    entry.note_hold(metric, outcome.held, outcome.restarted_from);
                    Value::from(outcome.show)
                }
                _ => {
                    good.insert(&metric.key, reading.value.as_number());
                    reading.value.clone()
                }
            };
            let state = Arc::make_mut(&mut entry.state);
            state.values.insert(metric.key.clone(), value);
        }
        for metric in device
            .metrics
            .iter()
            .filter(|metric| metric.derived.is_some())
        {
            if let Some(counting) = entry.counting.get_mut(&metric.key)
                && let Some(number) = counting.origin().and_then(|origin| good.get(origin))
            {
                counting.derive(*number, readings.at, day);
                entry.unsaved = true;
                let value = counting.last().map(|value| value.rounded(metric.decimals));
                let state = Arc::make_mut(&mut entry.state);
                state.values.insert(metric.key.clone(), Value::from(value));
            }
        }
        Arc::make_mut(&mut entry.state).at = Some(readings.at);
        entry.describe_holds();
        // Before the state goes out: a killed program must not begin below what it has told.
        let now = self.clock.now();
        let due = |at: Timestamp| now.duration_since(at).unsigned_abs() >= self.save_every;
        if entry.unsaved && entry.saved_at.is_none_or(due) {
            entry.save(&self.store, now);
        }
        self.hub.put_state(Arc::clone(&entry.state));
    }

    fn log_health(&self, id: &DeviceId, health: &Health) {
        let entry = self.entries.get(id);
        let Some(entry) = entry.filter(|entry| entry.state.health.code != health.code) else {
            return;
        };
        let name = &entry.device.name;
        let parent = entry.device.via.as_ref();
        let parent = parent.and_then(|via| self.health_of(via));
        let says_the_same = |parent: &Health| {
            parent.code == health.code
                || (!health.detail.is_empty() && parent.detail == health.detail)
        };
        let is_echo = health.code != HealthCode::Online && parent.is_some_and(says_the_same);
        if is_echo {
            // One trouble, one message: the device that all others are behind has told it.
            tracing::debug!("{name}: {}", health.sentence());
        } else if health.code.is_problem() {
            tracing::warn!("{name}: {}", health.sentence());
        } else {
            tracing::info!("{name}: {}", health.sentence());
        }
    }

    fn put_health(&mut self, id: &DeviceId, health: Health) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.state.health == health {
            return;
        }
        let state = Arc::make_mut(&mut entry.state);
        if !health.code.has_data() {
            // What was measured before is no longer so; what was counted still is, and what is
            // known of the connection.
            for metric in &entry.device.metrics {
                if !metric.is_counter() && metric.role != Role::Connection {
                    state.values.insert(metric.key.clone(), Value::Unknown);
                }
            }
        }
        connection::describe(&mut state.values, &health);
        state.health = health;
        entry.describe_holds();
        self.hub.put_state(Arc::clone(&entry.state));
    }
}

/// How a device is whose section cannot be used.
fn unusable() -> Health {
    Health::new(HealthCode::Misconfigured)
        .seen("its section cannot be used")
        .advise("Run `wattbridge check`.")
}

/// The most that a counter of this device can gain per hour: watts for kilowatt-hours.
fn power_limit(device: &Device, metric: &Metric) -> u32 {
    use crate::model::Quantity::{Energy, ReactiveEnergy};
    /// No home moves more.
    const ANY_HOME: u32 = 50_000;
    match metric.quantity {
        Some(Energy | ReactiveEnergy) => device.rated_power.unwrap_or(ANY_HOME),
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests;
