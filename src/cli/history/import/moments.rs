//! The values of one series by their moments: what a counter cannot have gained is refused, and where the lines go on
//! from there, it was the ones before that were wrong.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::history::import::check_gain;
use crate::model::{Decimal, Metric};

/// So many lines may turn out to be wrong by those after them.
const MOST_WRONG: usize = 12;
/// So many do so by one line that goes on from where those before them were.
const FEW: usize = 2;

/// Values by their moments, as far as they are believed.
#[derive(Debug, Default)]
pub struct MomentValues {
    pub values: BTreeMap<Timestamp, Decimal>,
    /// The latest of those that have been handed over.
    latest: Option<(Timestamp, Decimal)>,
    /// The last lines that were taken.
    recent: VecDeque<(Timestamp, u64)>,
    /// The last lines that do not follow on those, and do on one another.
    doubted: VecDeque<DoubtedLine>,
}

/// A line that cannot be by the one before it.
#[derive(Debug)]
struct DoubtedLine {
    line: u64,
    at: Timestamp,
    value: Decimal,
    why: String,
}

/// What became of a line, and of others before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many more values there are.
    pub more: usize,
    /// How many of those there were turned out to be wrong.
    pub fewer: usize,
    /// How many stood there already.
    pub again: usize,
    /// The lines that are refused, and why.
    pub refused: Vec<(u64, String)>,
}

/// Puts a value where there is none.
pub fn put<K: Ord>(
    values: &mut BTreeMap<K, Decimal>,
    key: K,
    value: Decimal,
    line: u64,
    taken: &mut Taken,
) {
    match values.entry(key) {
        Entry::Vacant(place) => {
            place.insert(value);
            taken.more += 1;
        }
        Entry::Occupied(there) if *there.get() == value => taken.again += 1,
        Entry::Occupied(_) => {
            let why = "an earlier line has another value for the same time, which was taken";
            taken.refused.push((line, why.to_owned()));
        }
    }
}

impl MomentValues {
    /// Takes a line.
    pub fn take(&mut self, metric: &Metric, line: u64, at: Timestamp, value: Decimal) -> Taken {
        let mut taken = Taken::default();
        match self.check(metric, at, value) {
            Ok(()) => {
                taken.refused = self.refuse_doubted();
                self.put(line, at, value, &mut taken);
            }
            Err(why) if self.values.range(at..).next().is_some() => {
                taken.refused.push((line, why));
            }
            Err(why) => {
                let follows = |last: &DoubtedLine| {
                    let (from, to) = ((last.at, last.value), (at, value));
                    last.at < at
                        && last.value <= value
                        && check_gain(metric, from, to, last.at).is_ok()
                };
                if !self.doubted.back().is_none_or(follows) {
                    taken.refused = self.refuse_doubted();
                }
                self.doubted.push_back(DoubtedLine {
                    line,
                    at,
                    value,
                    why,
                });
                self.take_instead(metric, &mut taken);
                if self.doubted.len() > MOST_WRONG {
                    let first = self.doubted.pop_front();
                    taken.refused.extend(first.map(|it| (it.line, it.why)));
                }
            }
        }
        taken
    }

    /// Refuses the lines that were in doubt.
    pub fn refuse_doubted(&mut self) -> Vec<(u64, String)> {
        self.doubted.drain(..).map(|it| (it.line, it.why)).collect()
    }

    /// What is there is handed over.
    pub fn note_latest(&mut self) {
        let latest = self.values.last_key_value();
        self.latest = latest.map(|(at, value)| (*at, *value)).max(self.latest);
    }

    /// Whether a value can be, by those before and after it.
    fn check(&self, metric: &Metric, at: Timestamp, value: Decimal) -> Result<(), String> {
        let of = |found: Option<(&Timestamp, &Decimal)>| found.map(|(at, value)| (*at, *value));
        let before = of(self.values.range(..at).next_back());
        let before = before.max(self.latest.filter(|(latest, _)| *latest < at));
        let after = of(self.values.range(at..).next());
        let this = (at, value);
        if let Some(before) = before {
            check_gain(metric, before, this, before.0).map_err(|why| why.to_string())?;
        }
        // The same moment twice is told in other words.
        if let Some(after) = after.filter(|(after, _)| *after > at) {
            check_gain(metric, this, after, after.0).map_err(|why| why.to_string())?;
        }
        Ok(())
    }

    fn put(&mut self, line: u64, at: Timestamp, value: Decimal, taken: &mut Taken) {
        let before = taken.more;
        put(&mut self.values, at, value, line, taken);
        if taken.more == before {
            return;
        }
        self.recent.push_back((at, line));
        if self.recent.len() > MOST_WRONG {
            self.recent.pop_front();
        }
    }

    /// Takes the lines in doubt in place of the last ones that were taken, if these must be wrong.
    fn take_instead(&mut self, metric: &Metric, taken: &mut Taken) {
        let Some(wrong) = self.wrong(metric) else {
            return;
        };
        for (at, line) in wrong.into_iter().rev() {
            self.values.remove(&at);
            self.recent.retain(|(recent, _)| *recent != at);
            if self.latest.is_some_and(|(latest, _)| latest == at) {
                self.latest = None;
            }
            taken.fewer += 1;
            let why = "the lines after it do not go on from it";
            taken.refused.push((line, why.to_owned()));
        }
        for it in std::mem::take(&mut self.doubted) {
            self.put(it.line, it.at, it.value, taken);
        }
    }

    /// The last lines that were taken, as far as those in doubt cannot follow on them, the latest first; `None` if it
    /// is rather those in doubt that are wrong.
    fn wrong(&self, metric: &Metric) -> Option<Vec<(Timestamp, u64)>> {
        let first = self.doubted.front()?;
        let can_follow = |before: (Timestamp, Decimal)| {
            check_gain(metric, before, (first.at, first.value), before.0).is_ok()
        };
        let mut wrong = Vec::new();
        let mut before = None;
        for (at, value) in self.values.iter().rev() {
            if can_follow((*at, *value)) {
                before = Some((*at, *value));
                break;
            }
            let (_, line) = self.recent.iter().rev().find(|(recent, _)| recent == at)?;
            wrong.push((*at, *line));
        }
        let is_wrong = |moment: Timestamp| wrong.iter().any(|(at, _)| *at == moment);
        let latest = self.latest.filter(|(at, _)| !is_wrong(*at));
        let before = before.or(latest);
        if wrong.is_empty() || before.is_some_and(|before| !can_follow(before)) {
            return None;
        }
        // As if nothing had been between; or they are more than those that do not fit.
        let goes_on = before.is_some_and(|(_, value)| value <= first.value) && wrong.len() <= FEW;
        (goes_on || self.doubted.len() > wrong.len()).then_some(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;

    /// The values that are taken of these, a line each, five minutes apart, and the lines that are refused.
    fn taken_of(lines: &[i64]) -> (Vec<i64>, Vec<u64>) {
        let metric = Metric::lifetime("energy_total", Quantity::Energy);
        let mut values = MomentValues::default();
        let mut refused = Vec::new();
        let mut held = 0;
        for (line, value) in (1_u64..).zip(lines) {
            let at = Timestamp::from_second(1_700_000_000 + 300 * i64::try_from(line).unwrap());
            let taken = values.take(&metric, line, at.unwrap(), Decimal::integer(*value));
            held = held + taken.more - taken.fewer;
            refused.extend(taken.refused);
        }
        refused.extend(values.refuse_doubted());
        assert_eq!(held, values.values.len());
        let whole = |value: &Decimal| value.with_scale(0).mantissa();
        let mut refused: Vec<u64> = refused.into_iter().map(|(line, _)| line).collect();
        refused.sort_unstable();
        (values.values.values().map(whole).collect(), refused)
    }

    #[test]
    fn a_wrong_line_costs_itself_alone() {
        for (lines, refused) in [
            // In the middle, two in a row, four in a row.
            (&[30_000, 30_001, 0, 30_002, 30_003][..], &[3][..]),
            (&[30_000, 0, 0, 30_002, 30_003], &[2, 3]),
            (
                &[
                    30_000, 0, 0, 0, 0, 30_001, 30_002, 30_003, 30_004, 30_005, 30_006,
                ],
                &[2, 3, 4, 5],
            ),
            // At the start of the file.
            (&[0, 30_001, 30_002, 30_003], &[1]),
            (&[0, 0, 30_001, 30_002, 30_003], &[1, 2]),
            (&[0, 900_000, 30_001, 30_002], &[1, 2]),
            // Too high ones.
            (&[100, 101, 90_000, 102, 103], &[3]),
            (&[100, 101, 102, 90_000, 90_000, 103, 104], &[4, 5]),
            (&[100, 101, 90_000], &[3]),
            // One that was replaced stays so.
            (&[30_000, 0, 1, 2, 3, 4], &[]),
        ] {
            let is_good = |(line, _): &(u64, &i64)| !refused.contains(line);
            let good = (1_u64..).zip(lines).filter(is_good);
            let good: Vec<i64> = good.map(|(_, value)| *value).collect();
            assert_eq!(taken_of(lines), (good, refused.to_vec()), "{lines:?}");
        }
    }

    #[test]
    fn a_day_that_begins_with_a_zero_goes_on_from_the_day_before() {
        let metric = Metric::lifetime("energy_total", Quantity::Energy);
        let mut values = MomentValues::default();
        let mut refused = Vec::new();
        for (line, (at, value)) in (1_u64..).zip([
            ("2025-06-14T21:50:00Z", 30_000),
            ("2025-06-14T22:00:00Z", 30_000),
            ("2025-06-15T04:00:00Z", 0),
            ("2025-06-15T04:05:00Z", 30_000),
            ("2025-06-15T04:10:00Z", 30_001),
        ]) {
            if line == 3 {
                // What was read so far is handed over.
                values.note_latest();
                values.values.clear();
            }
            let taken = values.take(&metric, line, at.parse().unwrap(), Decimal::integer(value));
            refused.extend(taken.refused.into_iter().map(|(line, _)| line));
        }
        assert_eq!(refused, [3]);
        assert_eq!(values.values.len(), 2);
    }
}
