//! Values over the day, and what is usual.

use std::collections::HashMap;

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::answers::{PowerCurve, PowerCurves, Usual};
use super::lists::ids;
use crate::history::HistoryError;
use crate::history::calendar::{Calendar, days};
use crate::history::series::{SeriesKey, SeriesKind};
use crate::history::slot::{HOUR, SLOT, hour_of, mean, moment};
use crate::history::tables;

/// So many values are in one answer at most.
const MOST: usize = 600_000;
/// Days from which it is known what is usual.
const USUAL_DAYS: i64 = 14;
/// So many series are looked for one by one.
const FEW: usize = 4;
/// With fewer of them nothing is usual.
const FEWEST: usize = 3;

/// The means of several series, in steps of 300 or 3600 seconds.
pub fn power(
    file: &Connection,
    calendar: &Calendar,
    series: &[SeriesKey],
    (from, to): (Date, Date),
    step: i64,
) -> Result<PowerCurves, HistoryError> {
    let step = if step >= HOUR { HOUR } else { SLOT };
    // Where midnight is no whole hour, hours begin before it.
    let start = calendar.midnight(from).div_euclid(step) * step;
    let end = calendar.midnight(to).max(start);
    let length = usize::try_from((end - start).unsigned_abs().div_ceil(step.unsigned_abs()));
    let length = length.unwrap_or(usize::MAX);
    if length.saturating_mul(series.len().max(1)) > MOST {
        return Err(HistoryError::TooMuch);
    }
    let known = ids(file, series)?;
    let mut curves: Vec<PowerCurve> = Vec::with_capacity(series.len());
    let mut place_of: HashMap<i64, Vec<usize>> = HashMap::new();
    for (place, (key, known)) in series.iter().zip(&known).enumerate() {
        let mut scale = 0;
        if let Some((id, about)) = known {
            place_of.entry(*id).or_default().push(place);
            // Flows are told in watt-hours, and kept in kilowatt-hours.
            let is_flow = about.kind == SeriesKind::Flow;
            scale = about.decimals.saturating_sub(if is_flow { 3 } else { 0 });
        }
        curves.push(PowerCurve {
            series: key.clone(),
            scale,
            values: vec![None; if known.is_some() { length } else { 0 }],
        });
    }
    let mut put = |id: i64, at: i64, value: i64| {
        let index = usize::try_from((at - start).div_euclid(step)).unwrap_or(usize::MAX);
        for place in place_of.get(&id).into_iter().flatten() {
            let curve = curves.get_mut(*place);
            if let Some(slot) = curve.and_then(|curve| curve.values.get_mut(index)) {
                *slot = Some(value);
            }
        }
    };
    let all: Vec<i64> = known.iter().flatten().map(|(id, _)| *id).collect();
    if step == SLOT {
        for_each(file, "slot", "end", (start, end), &all, |at, id, value| {
            put(id, at - SLOT, value);
        })?;
    } else {
        for_each(
            file,
            "hour",
            "start",
            (start - 1, end - 1),
            &all,
            |at, id, value| {
                put(id, at, value);
            },
        )?;
        put_latest_hours(file, (start, end), &all, &known, put)?;
    }
    Ok(PowerCurves {
        start: moment(start),
        step,
        series: curves,
    })
}

/// The hours that are not over are not written yet.
fn put_latest_hours(
    file: &Connection,
    (start, end): (i64, i64),
    all: &[i64],
    known: &[super::lists::Filed],
    mut put: impl FnMut(i64, i64, i64),
) -> Result<(), HistoryError> {
    let latest: Option<i64> =
        file.query_row("SELECT max(start) FROM hour", [], |row| row.get(0))?;
    let (_, newest) = tables::slot_limits(file)?;
    // At most the last two hours: those before have been over for long.
    let from = latest
        .map_or(start, |latest| latest + HOUR)
        .max(newest.map_or(i64::MAX, |newest| newest - 2 * HOUR));
    let kinds: HashMap<i64, SeriesKind> = known
        .iter()
        .flatten()
        .map(|(id, about)| (*id, about.kind))
        .collect();
    let mut sums: HashMap<(i64, i64), (i128, u32, i64)> = HashMap::new();
    for_each(
        file,
        "slot",
        "end",
        (from.max(start), end),
        all,
        |at, id, value| {
            let sum = sums.entry((hour_of(at), id)).or_default();
            sum.0 += i128::from(value);
            sum.1 += 1;
            sum.2 = value;
        },
    )?;
    for ((hour, id), (sum, count, last)) in sums {
        let value = match kinds.get(&id) {
            Some(SeriesKind::Flow) => i64::try_from(sum).ok(),
            Some(kind) if kind.has_last() => Some(last),
            _ => mean(sum, count),
        };
        if let Some(value) = value {
            put(id, hour, value);
        }
    }
    Ok(())
}

/// All values of some series after one moment, up to another, in the order of time.
fn for_each(
    file: &Connection,
    table: &str,
    column: &str,
    (from, to): (i64, i64),
    series: &[i64],
    mut take: impl FnMut(i64, i64, i64),
) -> rusqlite::Result<()> {
    let few = series.len() <= FEW && table == "slot";
    let series: Vec<String> = series.iter().map(i64::to_string).collect();
    let series = series.join(",");
    // Only numbers of ours are put together.
    let mut statement = file.prepare(&if few {
        // Slot by slot, past all others: half the time of reading them.
        format!(
            "WITH RECURSIVE time (slot_end) AS (
                VALUES (?1 + {SLOT} - ?1 % {SLOT})
                UNION ALL SELECT slot_end + {SLOT} FROM time WHERE slot_end + {SLOT} <= ?2)
             SELECT end, series, value FROM time CROSS JOIN slot
             WHERE slot.end = slot_end AND slot.end <= ?2 AND slot.series IN ({series})"
        )
    } else {
        format!(
            "SELECT {column}, series, value FROM {table} WHERE {column} > ?1 AND {column} <= ?2 AND series IN ({series})
             ORDER BY {column}"
        )
    })?;
    let mut rows = statement.query(params![from, to])?;
    while let Some(row) = rows.next()? {
        take(row.get(0)?, row.get(1)?, row.get(2)?);
    }
    Ok(())
}

/// What is usual for each slot of a day.
pub fn usual(
    file: &Connection,
    calendar: &Calendar,
    series: &SeriesKey,
    day: Date,
) -> Result<Usual, HistoryError> {
    let (start, end) = calendar.bounds(day);
    let length = calendar.slots(day);
    let mut usual = Usual {
        start: moment(start),
        step: SLOT,
        scale: 0,
        low: vec![None; length],
        mean: vec![None; length],
        high: vec![None; length],
    };
    let known = ids(file, std::slice::from_ref(series))?;
    let Some(Some((id, about))) = known.first() else {
        return Ok(usual);
    };
    usual.scale = about.decimals;
    let first = day.checked_sub(jiff::Span::new().days(USUAL_DAYS));
    let first = first.unwrap_or(Date::MIN);
    let midnights: Vec<(i64, i64, bool)> = days(first, day, 32)
        .map(|date| {
            let (from, to) = calendar.bounds(date);
            (from, to, to - from == 24 * HOUR)
        })
        .collect();
    // By the time on the wall: that is what people and the sun's shadow go by, near enough.
    let minute = |end: i64, midnight: i64, is_plain: bool| {
        if is_plain {
            (end - SLOT - midnight) / 60
        } else {
            calendar.minute_of_day(end)
        }
    };
    let mut by_time: Vec<Vec<i64>> = vec![Vec::new(); 24 * 12];
    let mut today = 0;
    let begin = midnights.first().map_or(start, |(from, ..)| *from);
    for_each(
        file,
        "slot",
        "end",
        (begin, start),
        &[*id],
        |end, _, value| {
            while midnights.get(today).is_some_and(|(_, to, _)| end > *to) {
                today += 1;
            }
            if let Some((from, _, is_plain)) = midnights.get(today)
                && let Ok(index) = usize::try_from(minute(end, *from, *is_plain) / 5)
                && let Some(values) = by_time.get_mut(index)
            {
                values.push(value);
            }
        },
    )?;
    let all: Vec<_> = by_time.iter_mut().map(|values| spread(values)).collect();
    let is_plain = end - start == 24 * HOUR;
    let curves = usual
        .low
        .iter_mut()
        .zip(&mut usual.mean)
        .zip(&mut usual.high);
    for (slot, ((low, middle), high)) in (1..).zip(curves) {
        let index = usize::try_from(minute(start + slot * SLOT, start, is_plain) / 5);
        let known = index
            .ok()
            .and_then(|index| all.get(index).copied().flatten());
        if let Some(spread) = known {
            (*low, *middle, *high) = (Some(spread.0), Some(spread.1), Some(spread.2));
        }
    }
    Ok(usual)
}

/// The 20th percentile, the mean and the 80th percentile.
fn spread(values: &mut [i64]) -> Option<(i64, i64, i64)> {
    if values.len() < FEWEST {
        return None;
    }
    values.sort_unstable();
    let sum = values.iter().map(|value| i128::from(*value)).sum();
    let mean = mean(sum, u32::try_from(values.len()).ok()?)?;
    Some((percentile(values, 20)?, mean, percentile(values, 80)?))
}

/// A percentile of sorted values, between the two nearest.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let place = (sorted.len() - 1) * percent;
    let (below, part) = (place / 100, i64::try_from(place % 100).ok()?);
    let low = *sorted.get(below)?;
    let high = *sorted.get(below + 1).unwrap_or(&low);
    let more = i128::from(high.saturating_sub(low)) * i128::from(part);
    Some(low + mean(more, 100)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_between_the_nearest() {
        let values = [0, 10, 20, 30, 40, 50];
        assert_eq!(percentile(&values, 20), Some(10));
        assert_eq!(percentile(&values, 80), Some(40));
        assert_eq!(percentile(&[0, 100, 200], 20), Some(40));
        assert_eq!(spread(&mut [5, 1]), None);
        assert_eq!(spread(&mut [5, 1, 3]), Some((2, 3, 4)));
    }
}
