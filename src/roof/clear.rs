//! Which days were clear.
//!
//! The best that a plane brought at each time of the day, over all the days, stands for a sky without clouds: within
//! a fortnight the sun hardly changes. A day is clear if it brought most of that in the slots in which it is known,
//! and if those are most of the day. So a day with gaps is judged by what is known of it, and today by what there is
//! of it so far.

use std::collections::{BTreeMap, BTreeSet};

use super::course::WorkingSlot;

/// A clear day brought this share of the best.
const CLEAR: f64 = 0.75;
/// And so much of the best of a day lies in slots that are known.
const KNOWN: f64 = 0.5;

/// The clear ones among the days of these slots.
pub fn clear_days(slots: &[WorkingSlot]) -> BTreeSet<usize> {
    let mut best: BTreeMap<u16, f64> = BTreeMap::new();
    for slot in slots {
        let best = best.entry(slot.time.minute).or_default();
        *best = best.max(slot.median);
    }
    let whole: f64 = best.values().sum();
    // What the plane brought on a day, and the best for the same slots.
    let mut days: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for slot in slots {
        let (brought, could) = days.entry(slot.time.day).or_default();
        *brought += slot.median;
        *could += best.get(&slot.time.minute).copied().unwrap_or_default();
    }
    let is_clear =
        |(brought, could): (f64, f64)| brought >= CLEAR * could && could >= KNOWN * whole;
    let clear = days.into_iter().filter(|(_, sums)| is_clear(*sums));
    clear.map(|(day, _)| day).collect()
}
