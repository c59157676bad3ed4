//! How long devices have been absent.
//!
//! Their adapters say that they are ([`Report::Absent`](crate::model::Report::Absent)), and here is
//! counted for how long, by the monotonic clock and over all runs. Only time counts in which an
//! absence is seen: not while the program or the source is down, nor while the gateway or the line is
//! silent that would show whether the device is there. Such a pause ends nothing either; only values
//! of the device do.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::DeviceId;
use crate::store::{Memory, Saved, Store};

/// What is written down, by device id in seconds.
const KEY: &str = "absent";
/// How often it is written down while it grows: spares SD cards.
const SAVE_EVERY: Duration = Duration::from_secs(3600);

/// All devices that are or were absent and have not come back.
#[derive(Debug)]
pub struct Absences {
    memory: Memory,
    all: BTreeMap<DeviceId, Absence>,
    save_at: Option<Duration>,
}

#[derive(Debug, Default)]
struct Absence {
    /// For how long it was seen before.
    counted: Duration,
    /// Since when it is seen now.
    since: Option<Duration>,
}

impl Absence {
    fn length(&self, now: Duration) -> Duration {
        let seen = self.since.map(|since| now.saturating_sub(since));
        self.counted.saturating_add(seen.unwrap_or_default())
    }
}

impl Absences {
    /// Those of earlier runs. None is seen yet.
    pub fn new(store: Store, saved: &Saved) -> Self {
        let memory = Memory::of_bridge(store, saved);
        let known: BTreeMap<DeviceId, u64> = memory.get(KEY).unwrap_or_default();
        let absence = |(id, seconds)| {
            let counted = Duration::from_secs(seconds);
            let since = None;
            (id, Absence { counted, since })
        };
        Self {
            memory,
            all: known.into_iter().map(absence).collect(),
            save_at: None,
        }
    }

    /// A device is seen to be absent.
    pub fn see(&mut self, id: &DeviceId, now: Duration) {
        let absence = self.all.entry(id.clone()).or_default();
        absence.since.get_or_insert(now);
        self.save_at
            .get_or_insert_with(|| now.saturating_add(SAVE_EVERY));
    }

    /// Whether a device is absent is not seen at the moment.
    pub fn pause(&mut self, id: &DeviceId, now: Duration) {
        if let Some(absence) = self.all.get_mut(id) {
            absence.counted = absence.length(now);
            absence.since = None;
        }
    }

    /// A device is there, or nobody asks for it any more.
    pub fn end(&mut self, id: &DeviceId, now: Duration) {
        if self.all.remove(id).is_some() {
            self.save(now);
        }
    }

    /// Forgets what is of no device that there is.
    pub fn retain(&mut self, is_known: impl Fn(&DeviceId) -> bool) {
        self.all.retain(|id, _| is_known(id));
    }

    /// When something is to be done, where devices are kept for as long as is said of each.
    pub fn due(&self, kept: impl Fn(&DeviceId) -> Duration) -> Option<Duration> {
        let ends = self.all.iter().filter_map(|(id, absence)| {
            let left = kept(id).saturating_sub(absence.counted);
            absence.since?.checked_add(left)
        });
        ends.chain(self.save_at).min()
    }

    /// The devices that have been absent for longer than they are kept.
    pub fn over(&self, now: Duration, kept: impl Fn(&DeviceId) -> Duration) -> Vec<DeviceId> {
        let is_over = |(id, absence): &(&DeviceId, &Absence)| {
            absence.since.is_some() && absence.length(now) >= kept(id)
        };
        let over = self.all.iter().filter(is_over);
        over.map(|(id, _)| id.clone()).collect()
    }

    /// Writes down what has grown, if it is time.
    pub fn on_time(&mut self, now: Duration) {
        if self.save_at.is_some_and(|at| at <= now) {
            self.save(now);
        }
    }

    /// Writes down how long all of them are.
    pub fn save(&mut self, now: Duration) {
        let lengths: BTreeMap<&DeviceId, u64> = self
            .all
            .iter()
            .map(|(id, absence)| (id, absence.length(now).as_secs()))
            .collect();
        if !lengths.is_empty() || self.memory.get::<serde_json::Value>(KEY).is_some() {
            self.memory.put(KEY, &lengths);
        }
        let is_any = self.all.values().any(|absence| absence.since.is_some());
        self.save_at = is_any.then(|| now.saturating_add(SAVE_EVERY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn id() -> DeviceId {
        DeviceId::new("smart_meter", "1")
    }

    fn absences() -> Absences {
        let (store, saved) = Store::in_memory();
        Absences::new(store, &saved)
    }

    #[test]
    fn only_time_counts_in_which_it_is_seen() {
        let mut absences = absences();
        absences.see(&id(), HOUR);
        absences.see(&id(), 2 * HOUR);
        absences.pause(&id(), 3 * HOUR);
        // Its line is silent for a year.
        let later = 366 * DAY;
        assert_eq!(absences.over(later, |_| 3 * HOUR), []);
        assert_eq!(absences.due(|_| 3 * HOUR), Some(2 * HOUR), "to write it");
        absences.see(&id(), later);
        assert_eq!(absences.over(later, |_| 3 * HOUR), []);
        assert_eq!(absences.over(later + HOUR, |_| 3 * HOUR), [id()]);
    }

    #[test]
    fn values_end_it_and_a_restart_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        for run in 0..3_u32 {
            let (store, saved) = Store::open(&path);
            let mut absences = Absences::new(store.clone(), &saved);
            let before = absences.all.get(&id()).map(|it| it.counted);
            assert_eq!(before.unwrap_or_default(), run * 5 * HOUR);
            // The monotonic clock begins anew with each run.
            absences.see(&id(), HOUR);
            absences.on_time(HOUR + HOUR / 2);
            assert_eq!(absences.due(|_| DAY), Some(2 * HOUR));
            absences.save(6 * HOUR);
            store.close();
        }
        let (store, saved) = Store::open(&path);
        let mut absences = Absences::new(store.clone(), &saved);
        absences.end(&id(), HOUR);
        store.close();
        let (store, saved) = Store::open(&path);
        assert!(Absences::new(store.clone(), &saved).all.is_empty());
        store.close();
    }
}
