//! Which hours of an entity are missing, and their sums.

use std::collections::BTreeMap;

use super::hours::HOUR;
use super::messages::{RowValue, StatisticRow};
use crate::model::Decimal;

/// An hour that Home Assistant has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheirHour {
    /// Its start, in seconds since 1970.
    pub start: i64,
    /// The counter at its end.
    pub state: Option<f64>,
    /// All that was counted.
    pub sum: Option<f64>,
}

/// What becomes of the gaps of a counter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GapPlan {
    /// Hours to write.
    pub rows: Vec<StatisticRow>,
    /// Ours that have no later one of theirs yet.
    pub open: BTreeMap<i64, Decimal>,
    /// Gaps whose ends do not fit: the starts of the hours before and after.
    pub unfit: Vec<(i64, i64)>,
}

/// An hour of theirs that has all.
#[derive(Debug, Clone, Copy)]
struct End {
    start: i64,
    state: f64,
    sum: f64,
}

/// Numbers that are this close are the same.
const SAME: f64 = 1e-9;
/// Both ends may differ by so much of what was counted between them.
const SHARE: f64 = 0.01;

/// What to write of these hours, with our counter at the end of each, where Home Assistant has those.
pub fn plan(ours: &BTreeMap<i64, Decimal>, theirs: &[TheirHour]) -> GapPlan {
    let mut plan = GapPlan::default();
    let mut ends: Vec<End> = Vec::new();
    for hour in theirs {
        let (Some(state), Some(sum)) = (hour.state, hour.sum) else {
            continue;
        };
        let end = End {
            start: hour.start,
            state,
            sum,
        };
        // It stood still while ours went on.
        let ours = ours.get(&hour.start);
        let is_stuck = ends.last().zip(ours).is_some_and(|(before, ours)| {
            let stood = (sum - before.sum).abs() <= SAME && (state - before.state).abs() <= SAME;
            stood && ours.to_f64() - before.state > SAME
        });
        if !is_stuck {
            ends.push(end);
        }
    }
    let Some(last) = ends.last() else {
        // An entity that is new has no gaps.
        return plan;
    };
    let later = ours.range(last.start + HOUR..);
    plan.open = later.map(|(hour, counter)| (*hour, *counter)).collect();
    for pair in ends.windows(2) {
        let [before, after] = pair else { continue };
        if after.start <= before.start + HOUR {
            continue;
        }
        let between: Vec<(i64, f64)> = ours
            .range(before.start + HOUR..after.start)
            .map(|(hour, counter)| (*hour, counter.to_f64()))
            .collect();
        if between.is_empty() {
            continue;
        }
        match fill(before, after, &between) {
            Some(rows) => plan.rows.extend(rows),
            None => plan.unfit.push((before.start, after.start)),
        }
    }
    plan
}

/// The hours between two; `None` if the counter and what Home Assistant has counted do not fit.
fn fill(before: &End, after: &End, between: &[(i64, f64)]) -> Option<Vec<StatisticRow>> {
    let gain = after.state - before.state;
    let tolerance = SHARE * gain.abs() + 1e-6;
    let fits = gain >= 0.0 && (after.sum - before.sum - gain).abs() <= tolerance;
    let mut last = before.state;
    let mut rows = Vec::new();
    for (start, counter) in between {
        if !fits || *counter < last - tolerance || *counter > after.state + tolerance {
            return None;
        }
        last = last.max(*counter).min(after.state);
        let sum = (before.sum + last - before.state).min(after.sum);
        rows.push(StatisticRow {
            start: *start,
            value: RowValue::Counted {
                state: *counter,
                sum: rounded(sum),
            },
        });
    }
    Some(rows)
}

/// Without the noise of adding.
fn rounded(value: f64) -> f64 {
    let rounded = (value * 1e9).round() / 1e9;
    if rounded.is_finite() { rounded } else { value }
}
