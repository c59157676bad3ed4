//! From reports to states: every value passes here once, in one direction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::absence::Absences;
use super::configured;
use super::connection;
use super::counting::Counting;
use super::entry::DeviceEntry;
use super::hub::Hub;
use super::own_device;
use super::ownership::Ownership;
use super::patience;
use super::saving::Saving;
use crate::clock::Clock;
use crate::config::DeviceKeys;
use crate::history::History;
use crate::model::reserved::is_reserved;
use crate::model::{Device, DeviceId, Health, HealthCode, Metric, Readings, Report};
use crate::say;
use crate::store::{Counter, Saved, Store};

/// Turns the reports of all sources into the states that the hub holds.
#[derive(Debug)]
pub struct Ingest {
    hub: Hub,
    /// Hears what is shown, when that is shown.
    history: History,
    saving: Saving,
    clock: Clock,
    /// What the section of each source says of its devices.
    keys: Vec<DeviceKeys>,
    entries: BTreeMap<DeviceId, DeviceEntry>,
    /// Counters of an earlier run whose devices are not there yet.
    saved_counters: BTreeMap<Counter, serde_json::Value>,
    /// Counters of devices that have been there in this run.
    aside: BTreeMap<Counter, Counting>,
    ownership: Ownership,
    absences: Absences,
    /// Devices that were absent for too long, each with its source, which is to be told.
    forgotten: Vec<(usize, DeviceId)>,
    held: u64,
    /// Readings that were older than what was there.
    late: u64,
}

impl Ingest {
    /// The counters of one device are saved at most every so often. `keys` is what the section of each
    /// source says of its devices.
    pub fn new(
        hub: Hub,
        store: Store,
        clock: Clock,
        save_every: Duration,
        keys: Vec<DeviceKeys>,
        saved: &mut Saved,
    ) -> Self {
        Self {
            hub,
            history: History::off(),
            absences: Absences::new(store.clone(), saved),
            saving: Saving::new(store, save_every),
            clock,
            keys,
            entries: BTreeMap::new(),
            saved_counters: std::mem::take(&mut saved.counters),
            aside: BTreeMap::new(),
            ownership: Ownership::default(),
            forgotten: Vec::new(),
            held: 0,
            late: 0,
        }
    }

    /// Has a history keep what is shown.
    pub fn kept_in(mut self, history: History) -> Self {
        self.history = history;
        self
    }

    /// Brings back the devices of an earlier run, each with the index of the source that reaches it
    /// now, and forgets those that no section of the configuration reaches any more. Adapters with
    /// a section that cannot be used are `incomplete`: it may be the one that reaches them, so they
    /// stay and say so, until a source claims them.
    pub fn restore(
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
                None => self.saving.store().forget_device(&saved.device.id),
            }
        }
        let entries = &self.entries;
        self.absences.retain(|id| entries.contains_key(id));
    }

    /// Takes a report of the source with this index and key.
    pub fn take(&mut self, source: usize, key: &str, report: Report) {
        // What is too old by now must not look as if it had been confirmed in between.
        self.let_lapse();
        let Some(report) = self.admit(source, key, report) else {
            return;
        };
        match report {
            Report::Device(device) => self.take_device(source, key, *device),
            Report::Gone(id) => self.remove(&id, source),
            Report::Readings(readings) => {
                self.keep_as_said(&readings);
                self.put_readings(&readings);
            }
            Report::Late(readings) => {
                self.keep_as_said(&readings);
                self.put_late(&readings);
            }
            Report::Days(days) => {
                self.saving.store().save_days(&days);
                self.history.days(&days);
            }
            Report::Health(id, health) => self.put_health(&id, health),
            Report::Absent(id, health) => {
                self.put_health(&id, health);
                if self.entries.contains_key(&id) {
                    self.absences.see(&id, self.clock.monotonic());
                }
            }
            // Kept by the runner, beside what it knows of the source itself.
            Report::Source(_) | Report::Complete(_) => {}
        }
    }

    /// A device is one of this source's no more.
    fn remove(&mut self, id: &DeviceId, source: usize) {
        self.ownership.forget(id, source);
        self.absences.end(id, self.clock.monotonic());
        if let Some(mut entry) = self.entries.remove(id) {
            entry.hand_over(self.saving.store());
            self.aside.extend(entry.put_aside());
            tracing::info!("{id} is gone.");
            self.saving.store().forget_device(id);
            self.hub.remove(id);
        }
    }

    /// Gives every device of a source the same health, as when its adapter failed.
    pub fn put_health_of_source(&mut self, source: usize, health: &Health) {
        let of_source = |(id, entry): (&DeviceId, &DeviceEntry)| {
            (entry.source == Some(source)).then(|| id.clone())
        };
        let ids: Vec<DeviceId> = self.entries.iter().filter_map(of_source).collect();
        for id in ids {
            self.put_health(&id, health.clone());
        }
    }

    /// The source that reaches a device.
    pub fn source_of(&self, id: &DeviceId) -> Option<usize> {
        self.entries.get(id)?.source
    }

    /// How a device is.
    pub fn health_of(&self, id: &DeviceId) -> Option<&Health> {
        self.entries.get(id).map(|entry| &entry.state.health)
    }

    /// Whether its source has said something else of how a device is.
    pub fn is_news(&self, id: &DeviceId, health: &Health) -> bool {
        self.entries
            .get(id)
            .is_none_or(|entry| entry.said != *health)
    }

    /// The state of a source's first device without a parent: how the source itself is.
    pub fn health_of_source(&self, source: usize) -> Option<&Health> {
        let mut of_source = self
            .entries
            .values()
            .filter(|entry| entry.source == Some(source));
        of_source
            .find(|entry| entry.device.via.is_none())
            .map(|entry| &entry.state.health)
    }

    /// Whether any device of a source is known.
    pub fn knows_source(&self, source: usize) -> bool {
        self.entries
            .values()
            .any(|entry| entry.source == Some(source))
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether counters cannot be saved because the disk hangs.
    pub fn is_disk_stuck(&self) -> bool {
        self.saving.is_stuck()
    }

    /// Readings so far that were older than what was there.
    pub const fn readings_late(&self) -> u64 {
        self.late
    }

    /// How many values have been held back since the start.
    pub const fn values_held(&self) -> u64 {
        self.held
    }

    /// When [`Self::on_time`] is needed next, by the monotonic clock, if nothing else happens.
    pub fn deadline(&self) -> Option<Duration> {
        let entries = self.entries.values();
        let lapses = entries.clone().filter_map(DeviceEntry::lapses_at).min();
        let saves = entries.filter_map(DeviceEntry::saves_at).min();
        // What is on its way calls by itself.
        let saves = saves.filter(|_| !self.saving.is_under_way());
        let absences = self.absences.due(|id| self.kept(id));
        [lapses, saves, absences].into_iter().flatten().min()
    }

    /// How long a device is kept that is absent.
    fn kept(&self, id: &DeviceId) -> Duration {
        let source = self.source_of(id);
        let keys = source.and_then(|source| self.keys.get(source));
        keys.map_or(Duration::MAX, |keys| keys.forget_after.get())
    }

    /// When the counters of a device are saved.
    #[cfg(test)]
    fn saves_at(&self, id: &DeviceId) -> Option<Duration> {
        self.entries.get(id).and_then(DeviceEntry::saves_at)
    }

    /// Does what time has made due. True if a device is worse off now, or gone.
    pub fn on_time(&mut self) -> bool {
        let has_lapsed = self.let_lapse();
        self.save();
        self.forget_absent() | has_lapsed
    }

    /// Forgets the devices that have been absent for too long. True if there are any.
    fn forget_absent(&mut self) -> bool {
        let now = self.clock.monotonic();
        let over = self.absences.over(now, |id| self.kept(id));
        for id in &over {
            if let Some(source) = self.source_of(id) {
                self.remove(id, source);
                self.forgotten.push((source, id.clone()));
            }
        }
        self.absences.on_time(now);
        !over.is_empty()
    }

    /// The devices that have been forgotten since the last call, each with its source.
    pub fn take_forgotten(&mut self) -> Vec<(usize, DeviceId)> {
        std::mem::take(&mut self.forgotten)
    }

    /// Waits until what was on its way to the disk has arrived, or could not.
    pub async fn arrival(&mut self) -> bool {
        self.saving.ended().await
    }

    /// What was on its way to the disk is saved, or may not be: shows what there is to show now.
    pub fn has_arrived(&mut self, is_saved: bool) {
        let now = self.clock.monotonic();
        let can_save = is_saved && self.saving.can_save();
        for entry in self.entries.values_mut().filter(|it| it.is_on_the_way) {
            entry.has_arrived(is_saved);
            if !is_saved {
                entry.save_from = self.saving.retry(now);
            }
            let has_counted = entry.show_counters(can_save);
            if has_counted {
                entry.keep_counters(&self.history);
            }
            let is_new = entry.has_begun_anew(is_saved, can_save) | has_counted;
            if is_new | std::mem::take(&mut entry.is_kept_back) {
                self.hub.put_state(Arc::clone(&entry.state));
            }
        }
        // What has changed meanwhile.
        self.save();
    }

    /// Hands over to the store what is due, and with it all else that is new.
    fn save(&mut self) {
        let now = self.clock.monotonic();
        let is_due = |entry: &DeviceEntry| entry.saves_at().is_some_and(|at| at <= now);
        if self.saving.is_under_way() || !self.entries.values().any(is_due) {
            return;
        }
        for entry in self.entries.values_mut().filter(|entry| entry.is_unsaved) {
            entry.hand_over(self.saving.store());
            entry.save_from = self.saving.next(now);
        }
        if self.saving.begin() {
            self.has_arrived(true);
        }
    }

    /// Begins the energies anew that are computed for a device: another bridge has counted it meanwhile,
    /// and to go on from here would look as if all that lies between were used at once.
    pub fn begin_anew(&mut self, id: &DeviceId) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.begin_anew();
        entry.show_counters(self.saving.can_save());
        self.hub.put_state(Arc::clone(&entry.state));
        self.save();
    }

    /// Hands over all that has changed, at the end.
    pub fn save_all(&mut self) {
        self.absences.save(self.clock.monotonic());
        for entry in self.entries.values_mut().filter(|entry| entry.is_unsaved) {
            entry.hand_over(self.saving.store());
        }
    }

    /// What nobody has confirmed for too long is unknown. True if there is any.
    fn let_lapse(&mut self) -> bool {
        let now = self.clock.monotonic();
        let is_due = |entry: &DeviceEntry| entry.lapses_at().is_some_and(|at| at <= now);
        let due = self.entries.iter().filter(|(_, entry)| is_due(entry));
        let due: Vec<DeviceId> = due.map(|(id, _)| id.clone()).collect();
        for id in &due {
            let is_new = self.entries.get_mut(id).is_some_and(DeviceEntry::lapse);
            if self.renew_health(id) | is_new
                && let Some(entry) = self.entries.get(id)
            {
                self.hub.put_state(Arc::clone(&entry.state));
            }
        }
        !due.is_empty()
    }

    /// Lets a report pass, if its device is this source's. One device reached in two ways stays with
    /// the source that reported it first, until that source has lost it.
    fn admit(&mut self, source: usize, key: &str, report: Report) -> Option<Report> {
        let id = match &report {
            Report::Device(device) => &device.id,
            Report::Gone(id) | Report::Health(id, _) | Report::Absent(id, _) => id,
            Report::Readings(readings) | Report::Late(readings) => &readings.device,
            Report::Days(days) => &days.device,
            Report::Source(_) | Report::Complete(_) => return Some(report),
        }
        .clone();
        let has_values = matches!(report, Report::Readings(_));
        match self.entries.get(&id) {
            Some(entry) if entry.claimed && entry.source != Some(source) => {
                let now = self.clock.monotonic();
                if !(has_values && self.ownership.passes(source, entry, now)) {
                    if self.ownership.keep(&id, source, report) {
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
        let Some((device, health)) = self.ownership.release(id, source) else {
            return;
        };
        if let Some(entry) = self.entries.get(id) {
            let (before, device) = (entry.source, Device::clone(&entry.device));
            let description = Report::Device(Box::new(device));
            if let Some(before) = before {
                self.ownership.keep(id, before, description);
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
        self.ownership.forget(&id, source);
        self.put_device(Some(source), device);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let is_same_source = before
            .as_ref()
            .is_some_and(|(before, _)| *before == Some(source));
        if !entry.claimed || !is_same_source {
            entry.heard = Some(self.clock.monotonic());
        }
        entry.claimed = true;
        // The bridge's own device belongs to no source and comes anew with each start.
        if !key.is_empty()
            && before.is_none_or(|(from, device)| from != Some(source) || device != entry.device)
        {
            self.saving.store().save_device(key, &entry.device);
        }
    }

    fn put_device(&mut self, source: Option<usize>, mut device: Device) {
        if let Some(keys) = source.and_then(|source| self.keys.get(source)) {
            configured::carry_out(keys, &mut device);
        }
        // Ours come back with each description that was saved; nobody else may have such a key.
        device.metrics.retain(|metric| !is_reserved(&metric.key));
        let ours: Vec<Metric> = connection::metrics(&device).collect();
        device.metrics.extend(ours);
        let device = Arc::new(device);
        self.history.describe(&device);
        if !self.entries.contains_key(&device.id) {
            let starting = Health::new(HealthCode::Starting);
            self.history.health(&device.id, self.clock.now(), &starting);
        }
        let fresh = || DeviceEntry::new(source, Arc::clone(&device));
        let entry = self.entries.entry(device.id.clone()).or_insert_with(fresh);
        entry.source = source;
        let (aside, saved) = (&mut self.aside, &mut self.saved_counters);
        entry.describe(device, |counter, metric| {
            let known = aside.remove(counter).filter(|it| it.is_of(metric));
            known.unwrap_or_else(|| Counting::new(metric, saved.remove(counter)))
        });
        entry.show_counters(self.saving.can_save());
        self.hub
            .put_device(Arc::clone(&entry.device), Arc::clone(&entry.state));
    }

    /// For those who send on what a device says, and not what is believed of it.
    fn keep_as_said(&self, readings: &Readings) {
        if let Some(entry) = self.entries.get(&readings.device) {
            let now = self.clock.now();
            self.history.record_as_said(&entry.device, readings, now);
        }
    }

    fn put_readings(&mut self, readings: &Readings) {
        let id = &readings.device;
        let Some(entry) = self.entries.get_mut(id) else {
            tracing::debug!("readings of {id}, which nobody has described");
            return;
        };
        self.ownership.holder_reports(id);
        if entry.order.is_late(readings.at, self.clock.moment()) {
            self.put_late(readings);
            return;
        }
        if patience::is_sign_of_life(&entry.device, readings) {
            self.absences.end(id, self.clock.monotonic());
        }
        self.held = self.held.saturating_add(entry.read(readings, &self.clock));
        let waits_already = std::mem::replace(&mut entry.is_kept_back, true);
        self.renew_health(id);
        self.save();
        let can_save = self.saving.can_save();
        let now = self.clock.monotonic();
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        // In a moment its counters are saved, and all goes out as one. A disk that takes longer than
        // from one reading to the next is not waited for.
        let is_due = entry.saves_at().is_some_and(|at| at <= now);
        let is_soon = (entry.is_on_the_way || is_due) && !waits_already;
        if entry.is_kept_back && !is_soon {
            entry.is_kept_back = false;
            entry.show_counters(can_save);
            self.hub.put_state(Arc::clone(&entry.state));
        }
        entry.keep(readings, &self.history);
    }

    /// Readings of the past change nothing of what is now; they have their place in the history.
    fn put_late(&mut self, readings: &Readings) {
        let (id, at) = (&readings.device, readings.at);
        tracing::debug!("{id}: readings of {at} came late");
        self.late = self.late.saturating_add(1);
        if let Some(entry) = self.entries.get(id) {
            entry.keep_late(readings, &self.history);
        }
    }

    fn put_health(&mut self, id: &DeviceId, health: Health) {
        self.absences.pause(id, self.clock.monotonic());
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.said = health;
        if self.renew_health(id)
            && let Some(entry) = self.entries.get(id)
            // Good news go out with the values that they come with. Bad news never wait.
            && !(entry.is_kept_back && entry.state.health.code.has_data())
        {
            self.hub.put_state(Arc::clone(&entry.state));
        }
    }

    /// Puts into the state of a device how it is now; true if that is another thing than before.
    fn renew_health(&mut self, id: &DeviceId) -> bool {
        let Some(entry) = self.entries.get(id) else {
            return false;
        };
        let health = entry.health();
        if entry.state.health == health {
            return false;
        }
        self.log_health(entry, &health);
        self.history.health(id, self.clock.now(), &health);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.show_health(health);
        }
        true
    }

    fn log_health(&self, entry: &DeviceEntry, health: &Health) {
        // The bridge's own device only sums up what was said about each source.
        let is_own = entry.device.adapter == own_device::ADAPTER;
        if is_own || entry.state.health.code == health.code {
            return;
        }
        let name = &entry.device.name;
        let parent = entry.device.via.as_ref();
        let parent = parent.and_then(|via| self.health_of(via));
        let says_the_same = |parent: &Health| {
            parent.code == health.code
                || (!health.detail.is_empty() && parent.detail == health.detail)
        };
        let is_echo = health.code != HealthCode::Online && parent.is_some_and(says_the_same);
        // That its values are nonsense was said of the values.
        let is_said = health.code == HealthCode::Degraded && *health != entry.said;
        if is_echo || is_said {
            // One trouble, one message: the device that all others are behind has told it.
            tracing::debug!("{name}: {}", health.sentence());
        } else if health.code.is_problem() {
            tracing::warn!("{name}: {}", health.sentence());
        } else {
            tracing::info!("{name}: {}", health.sentence());
        }
    }
}

/// How a device is whose section cannot be used.
fn unusable() -> Health {
    Health::new(HealthCode::Misconfigured)
        .seen(say!("its section cannot be used"))
        .advise(say!("Run `wattbridge check`."))
}

#[cfg(test)]
mod tests;
