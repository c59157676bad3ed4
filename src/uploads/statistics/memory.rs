//! What is remembered over restarts: bases of the counters, gaps that are still open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gaps::TheirHour;
use crate::model::Decimal;

/// A counter that begins anew so often is none.
const MOST_BEGINNINGS: usize = 200;
/// So many hours of an open gap are kept, the newest: twelve weeks.
pub const MOST_OPEN: usize = 2000;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatisticsMemory {
    /// Counters that have statistics of their own, by device and key.
    pub counters: BTreeMap<String, CounterMemory>,
    /// Our counters at the ends of hours of which Home Assistant has no later one yet, by device and key.
    pub open: BTreeMap<String, BTreeMap<i64, Decimal>>,
}

/// A counter that has statistics of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CounterMemory {
    /// In the order of time. The first is for ever; another one follows when the counter has begun anew.
    beginnings: Vec<Beginning>,
    /// The last hour and the counter at its end.
    last: (i64, Decimal),
}

/// From an hour on the sum is the counter less this.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Beginning {
    from: i64,
    base: Decimal,
}

impl CounterMemory {
    /// One that begins with this hour, and the sum 0.
    pub fn beginning(hour: i64, counter: Decimal) -> Self {
        Self {
            beginnings: vec![Beginning {
                from: hour,
                base: counter,
            }],
            last: (hour, counter),
        }
    }

    /// One that goes on with what Home Assistant has, by its latest hours. Rows of somebody else may have no counter: from
    /// `first` on, the first of ours, their sum goes on from where it is.
    pub fn found(hours: &[TheirHour], decimals: u8, first: Decimal) -> Option<Self> {
        let exact = |value: f64| {
            let text = format!("{value:.*}", usize::from(decimals));
            text.parse::<Decimal>().ok()
        };
        let base = |hour: &TheirHour| {
            let sum = exact(hour.sum?)?;
            let counter = hour.state.and_then(exact).unwrap_or(first);
            Some((counter, less(counter, sum)))
        };
        let last = hours.iter().rev().find(|hour| hour.sum.is_some())?;
        let (counter, of_last) = base(last)?;
        let same = hours.iter().rev().take_while(|hour| {
            let base = base(hour).map(|(_, base)| base);
            base == Some(of_last) && (hour.state.is_some() || hour.start == last.start)
        });
        Some(Self {
            beginnings: vec![Beginning {
                from: same.last().map_or(last.start, |hour| hour.start),
                base: of_last,
            }],
            last: (last.start, counter),
        })
    }

    /// The sum at the end of an hour; `None` for hours before the first.
    pub fn sum(&mut self, hour: i64, counter: Decimal) -> Option<Decimal> {
        let (last_hour, last) = self.last;
        let newest = *self.beginnings.last()?;
        if hour > last_hour && is_less(counter, last) {
            // It has begun anew. The sum goes on from where it was.
            self.beginnings.push(Beginning {
                from: hour,
                base: less(counter, less(last, newest.base)),
            });
            if self.beginnings.len() > MOST_BEGINNINGS {
                self.beginnings.remove(0);
            }
        }
        if hour >= last_hour {
            self.last = (hour, counter);
        }
        let mut beginnings = self.beginnings.iter().rev();
        let of_hour = beginnings.find(|it| it.from <= hour)?;
        let sum = less(counter, of_hour.base);
        // What comes late of the very first hours could be less than where it began.
        (sum.mantissa() >= 0).then_some(sum)
    }
}

impl StatisticsMemory {
    /// Keeps what is still open of a counter.
    pub fn keep_open(&mut self, series: &str, mut hours: BTreeMap<i64, Decimal>) {
        while hours.len() > MOST_OPEN {
            hours.pop_first();
        }
        if hours.is_empty() {
            self.open.remove(series);
        } else {
            self.open.insert(series.to_owned(), hours);
        }
    }
}

/// `number - other`, exactly.
pub fn less(number: Decimal, other: Decimal) -> Decimal {
    Decimal::total([(number, false), (other, true)])
}

fn is_less(number: Decimal, other: Decimal) -> bool {
    less(number, other).mantissa() < 0
}
