//! One unit, as it was heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::adapters::solaredge::sessions::Lock;
use crate::adapters::solaredge::wire::{EventKind, Record, Serial};

/// Kinds of records, and optimizers, of which no more are remembered.
const MOST: usize = 512;

/// What was heard of a unit.
#[derive(Debug, Default)]
pub struct Patient {
    /// Frames that were in clear, and not of the encryption itself.
    pub clear: u64,
    /// Envelopes.
    pub sealed: u64,
    /// Envelopes that could be opened.
    pub opened: u64,
    /// Frames with measured values that could be read.
    pub telemetry: u64,
    /// Frames that say no more than that it is there.
    pub keep_alives: u64,
    /// When it was heard last.
    pub last: Option<Duration>,
    /// When measured values came last.
    pub last_telemetry: Option<Duration>,
    /// How it is with its encryption.
    pub lock: Option<Lock>,
    /// Records by their type.
    pub records: BTreeMap<u16, u64>,
    /// Records that were cut off.
    pub unreadable: u64,
    /// Optimizers with values.
    pub optimizers: BTreeSet<Serial>,
    /// Optimizers that it lists.
    pub paired: Option<BTreeSet<Serial>>,
    /// How far the time in the freshest record is from when it came, in seconds; ahead of it, if positive.
    pub clock: Option<i64>,
    /// The power of the last record of the inverter, in watts.
    pub power: Option<f32>,
    /// Whether the last that came is an event: it fell asleep, or has just woken up.
    pub has_ended_with_event: bool,
}

impl Patient {
    /// Takes a record that came then.
    pub fn record(&mut self, record: &Record<'_>, at: Option<Duration>) {
        if self.records.len() < MOST || self.records.contains_key(&record.kind()) {
            *self.records.entry(record.kind()).or_default() += 1;
        }
        self.has_ended_with_event = false;
        match record {
            Record::Optimizer(optimizer) if self.optimizers.len() < MOST => {
                self.optimizers.insert(optimizer.serial);
            }
            Record::Optimizers(inventory) => {
                self.paired = Some(inventory.listed.iter().take(MOST).copied().collect());
            }
            Record::Inverter(inverter) => {
                let powers: Option<Vec<f32>> =
                    inverter.phases.iter().map(|it| it.active_power).collect();
                self.power = powers.map(|powers| powers.iter().sum());
            }
            Record::Event(event) => {
                self.has_ended_with_event = matches!(event.kind, EventKind::WakeOrSleep { .. });
            }
            _ => {}
        }
        if let (Some(own), Some(at)) = (record.at(), at.filter(|at| !at.is_zero())) {
            let at = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
            let difference = i64::from(own).saturating_sub(at);
            let is_fresher = |known: i64| difference.abs() < known.abs();
            if self.clock.is_none_or(is_fresher) {
                self.clock = Some(difference);
            }
        }
    }

    /// Optimizers that are listed and were not heard.
    pub fn silent(&self) -> Option<usize> {
        let paired = self.paired.as_ref()?;
        Some(paired.difference(&self.optimizers).count())
    }
}
