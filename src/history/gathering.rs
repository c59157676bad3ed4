//! Values on their way into slots.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::slot::{HOUR, SLOT, SlotValues, slot_end};

/// A slot is closed when its end is so long past, in seconds.
pub const PATIENCE: i64 = 60;
/// The same for devices whose values come up to one round late.
pub const LONG_PATIENCE: i64 = 360;
/// Slots stay in memory for so long after that, so that late values are added to them exactly.
const KEPT: i64 = HOUR;

/// All slots that are open or have been a short time ago.
#[derive(Debug, Default)]
pub struct Gathering {
    slots: BTreeMap<i64, BTreeMap<usize, Gathered>>,
}

/// One of them.
#[derive(Debug)]
struct Gathered {
    values: SlotValues,
    /// Whether more has come than was written.
    is_new: bool,
    /// Whether the file may have values of it which these do not contain.
    is_beside: bool,
    touched: i64,
}

/// A slot to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    pub end: i64,
    /// Which series, by its place in the catalog.
    pub series: usize,
    pub values: SlotValues,
    /// Whether it is put beside what the file has, and not in its place.
    pub is_beside: bool,
}

impl Gathering {
    /// Takes a value. `now` is in seconds since 1970.
    pub fn add(&mut self, series: usize, at: Timestamp, value: i64, now: i64) {
        let is_over = slot_end(at) + PATIENCE <= now;
        self.put(series, at, value, now, is_over, false);
    }

    /// Takes a value that another program has kept: what is there stands.
    pub fn add_beside(&mut self, series: usize, at: Timestamp, value: i64, now: i64) {
        self.put(series, at, value, now, true, true);
    }

    fn put(
        &mut self,
        series: usize,
        at: Timestamp,
        value: i64,
        now: i64,
        is_beside: bool,
        is_kept_elsewhere: bool,
    ) {
        let end = slot_end(at);
        let slot = self.slots.entry(end).or_default();
        let gathered = slot.entry(series).or_insert_with(|| Gathered {
            values: SlotValues {
                count: 0,
                ..SlotValues::new(at, value)
            },
            is_new: true,
            is_beside,
            touched: now,
        });
        let values = &mut gathered.values;
        if values.count == 0 {
            *values = SlotValues::new(at, value);
        } else if is_kept_elsewhere && !gathered.is_beside {
            (values.min, values.max) = (values.min.min(value), values.max.max(value));
        } else {
            values.add(at, value);
        }
        gathered.is_new = true;
        gathered.touched = now;
    }

    /// Takes up a slot that was not over when the program ended. With `is_beside` the file has one that may be whole.
    pub fn resume(&mut self, end: i64, series: usize, values: SlotValues, is_beside: bool) {
        self.take_up(end, series, values, is_beside);
    }

    /// Takes up what another one could not write. `place` says where its series are here.
    pub fn take_over(&mut self, other: Self, place: impl Fn(usize) -> Option<usize>) {
        for (end, slot) in other.slots {
            for (series, it) in slot.into_iter().filter(|(_, it)| it.is_new) {
                if let Some(series) = place(series) {
                    self.take_up(end, series, it.values, it.is_beside);
                }
            }
        }
    }

    fn take_up(&mut self, end: i64, series: usize, values: SlotValues, is_beside: bool) {
        let slot = self.slots.entry(end).or_default();
        let gathered = slot.entry(series).or_insert(Gathered {
            values: SlotValues { count: 0, ..values },
            is_new: true,
            is_beside,
            touched: end,
        });
        gathered.values = match gathered.values.count {
            0 => values,
            _ => gathered.values.and(values),
        };
        gathered.is_new = true;
    }

    /// The slots that are over and have something new. `is_slow` says which series are waited for.
    pub fn closed(&self, now: i64, is_slow: impl Fn(usize) -> bool) -> Vec<Closed> {
        let mut closed = Vec::new();
        for (end, slot) in self.slots.range(..=now.saturating_sub(PATIENCE)) {
            let waits = end + LONG_PATIENCE > now;
            for (series, gathered) in slot {
                if gathered.is_new && !(waits && is_slow(*series)) {
                    closed.push(Closed {
                        end: *end,
                        series: *series,
                        values: gathered.values,
                        is_beside: gathered.is_beside,
                    });
                }
            }
        }
        closed
    }

    /// Those have been written. `alone` are the ones among them that nothing was there beside.
    pub fn written(&mut self, closed: &[Closed], alone: &[bool]) {
        for (it, is_alone) in closed.iter().zip(alone) {
            let slot = self.slots.get_mut(&it.end);
            if let Some(gathered) = slot.and_then(|slot| slot.get_mut(&it.series)) {
                gathered.is_new = gathered.values != it.values;
                gathered.is_beside &= !is_alone;
            }
        }
    }

    /// Forgets what has been written for a while, and of the rest the oldest slots beyond `most`; how many were lost.
    pub fn forget(&mut self, now: i64, most: usize) -> usize {
        self.slots.retain(|end, slot| {
            slot.retain(|_, it| it.is_new || it.touched.max(*end) + KEPT > now);
            !slot.is_empty()
        });
        let before = self.slots.len();
        while self.slots.len() > most.saturating_add(usize::try_from(KEPT / SLOT).unwrap_or(0)) {
            self.slots.pop_first();
        }
        before - self.slots.len()
    }

    /// Forgets the slots with ends after that: they are of a time that is not yet.
    pub fn forget_after(&mut self, end: i64) {
        self.slots.split_off(&end.saturating_add(1));
    }

    /// Forgets the slots that are not over: they are kept elsewhere.
    pub fn forget_unfinished(&mut self, now: i64) {
        self.forget_after(now.saturating_sub(PATIENCE));
    }

    /// All that is to be written counts as new again: the file is another one.
    pub fn renew(&mut self) {
        for gathered in self.slots.values_mut().flat_map(BTreeMap::values_mut) {
            gathered.is_new = true;
        }
    }

    /// The slots that are not over.
    pub fn unfinished(&self, now: i64) -> impl Iterator<Item = (i64, usize, &SlotValues)> {
        let open = self.slots.range(now.saturating_sub(PATIENCE) + 1..);
        open.flat_map(|(end, slot)| {
            let all = slot.iter().filter(|(_, it)| it.is_new);
            all.map(move |(series, it)| (*end, *series, &it.values))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::slot::moment;

    #[test]
    fn a_slot_is_closed_once_and_again_if_more_comes() {
        let mut gathering = Gathering::default();
        gathering.add(0, moment(10), 5, 10);
        gathering.add(1, moment(20), 7, 20);
        let is_slow = |series| series == 1;
        assert!(gathering.closed(359, is_slow).is_empty());
        let closed = gathering.closed(360, is_slow);
        assert_eq!(closed.len(), 1);
        assert!(!closed[0].is_beside);
        gathering.written(&closed, &[true]);
        assert!(gathering.closed(400, is_slow).is_empty());
        // A late value is added exactly.
        gathering.add(0, moment(30), 15, 420);
        let closed = gathering.closed(420, is_slow);
        assert_eq!(closed[0].values.row(false).value, 10);
        assert!(!closed[0].is_beside);
        assert_eq!(gathering.closed(660, is_slow).len(), 2);
        gathering.forget(5000, 2000);
        assert_eq!(gathering.closed(5000, is_slow).len(), 2, "not written yet");
    }

    #[test]
    fn what_is_long_past_is_put_beside_what_is_there() {
        let mut gathering = Gathering::default();
        gathering.add(0, moment(10), 5, 100_000);
        let closed = gathering.closed(100_000, |_| false);
        assert!(closed[0].is_beside);
        gathering.written(&closed, &[false]);
        gathering.add(0, moment(11), 6, 100_010);
        assert!(gathering.closed(100_010, |_| false)[0].is_beside);
        gathering.forget(200_000, 2000);
        assert_eq!(gathering.closed(200_000, |_| false).len(), 1);
    }

    #[test]
    fn memory_has_an_end() {
        let mut gathering = Gathering::default();
        for slot in 0..100 {
            gathering.add(0, moment(slot * SLOT + 1), 1, slot * SLOT);
        }
        assert_eq!(gathering.forget(100 * SLOT, 50), 100 - 50 - 12);
        assert_eq!(gathering.closed(99 * SLOT, |_| false)[0].end, 39 * SLOT);
    }
}
