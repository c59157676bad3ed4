//! Hours from slots.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{SeriesAbout, SeriesKey, SeriesKind, Stretch};
use crate::model::Decimal;

/// The length of an hour in seconds.
pub const HOUR: i64 = 3600;

/// The hours of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct HoursOfSeries {
    pub series: SeriesKey,
    pub about: SeriesAbout,
    /// By their starts, in seconds since 1970.
    pub hours: BTreeMap<i64, HourValue>,
}

/// What an hour has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HourValue {
    /// A counter at its end.
    Counted(Decimal),
    /// A measurement.
    Measured {
        mean: Decimal,
        least: Decimal,
        greatest: Decimal,
    },
}

impl HoursOfSeries {
    /// Whether it is a counter.
    pub fn is_counter(&self) -> bool {
        self.about.kind == SeriesKind::Lifetime
    }

    /// The counter at the end of each hour.
    pub fn counted(&self) -> BTreeMap<i64, Decimal> {
        let hours = self.hours.iter();
        let counted = hours.filter_map(|(hour, value)| match value {
            HourValue::Counted(counter) => Some((*hour, *counter)),
            HourValue::Measured { .. } => None,
        });
        counted.collect()
    }
}

/// The start of the hour, `(start, start + 3600 s]`, that has the slot with this end.
pub const fn hour_of(end: i64) -> i64 {
    (end - 1).div_euclid(HOUR) * HOUR
}

/// Whether hours are made of such values. Counters that begin at 0 each day are left out: there are none that count only so.
pub const fn has_hours(kind: SeriesKind) -> bool {
    matches!(kind, SeriesKind::Lifetime | SeriesKind::Measurement)
}

#[derive(Debug, Default)]
struct Gathered {
    sum: i128,
    count: i128,
    least: Option<i64>,
    greatest: Option<i64>,
    last: i64,
}

/// The hours of all values, from these slots of a stretch.
pub fn of_stretch(stretch: &Stretch, ends: &BTreeSet<i64>) -> Vec<HoursOfSeries> {
    let mut gathered: Vec<BTreeMap<i64, Gathered>> = Vec::new();
    gathered.resize_with(stretch.series.len(), BTreeMap::new);
    for slot in stretch.slots.iter().filter(|slot| ends.contains(&slot.end)) {
        for (place, row) in &slot.rows {
            let Some(hours) = gathered.get_mut(*place) else {
                continue;
            };
            let hour = hours.entry(hour_of(slot.end)).or_default();
            hour.sum += i128::from(row.value);
            hour.count += 1;
            hour.last = row.value;
            hour.least = Some(hour.least.map_or(row.min(), |least| least.min(row.min())));
            hour.greatest = Some(hour.greatest.map_or(row.max(), |it| it.max(row.max())));
        }
    }
    let all = stretch.series.iter().zip(gathered);
    let all = all.filter(|(info, hours)| has_hours(info.about.kind) && !hours.is_empty());
    let all = all.map(|(info, hours)| {
        let decimals = info.about.decimals;
        let number = |value: i64| Decimal::new(value, decimals);
        let value = |hour: &Gathered| {
            if info.about.kind.counter().is_some() {
                return HourValue::Counted(number(hour.last));
            }
            HourValue::Measured {
                mean: number(mean(hour.sum, hour.count)),
                least: number(hour.least.unwrap_or_default()),
                greatest: number(hour.greatest.unwrap_or_default()),
            }
        };
        HoursOfSeries {
            series: info.series.clone(),
            about: info.about.clone(),
            hours: hours
                .iter()
                .map(|(start, hour)| (*start, value(hour)))
                .collect(),
        }
    });
    all.collect()
}

/// Rounded half away from zero.
fn mean(sum: i128, count: i128) -> i64 {
    let half = count / 2 * sum.signum();
    let mean = sum.saturating_add(half).checked_div(count);
    i64::try_from(mean.unwrap_or_default()).unwrap_or_default()
}
