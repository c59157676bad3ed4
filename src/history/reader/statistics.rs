//! Sums of a chosen period.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};

use super::answers::{EnergyOf, PeakPower, StatisticsRow};
use super::energies::{Subject, numbers, of_days, subjects};
use super::lists::days_of;
use crate::history::HistoryError;
use crate::history::calendar::{Calendar, days, number, tomorrow};
use crate::history::day::{DayFlags, DayRow};
use crate::history::slot::moment;
use crate::history::split::Flows;
use crate::history::tables;
use crate::model::Decimal;

/// A longer period is none that somebody chose.
const MOST_DAYS: usize = 4000;

/// Sums of the house, of each device and of each panel.
pub fn statistics(
    file: &Connection,
    calendar: &Calendar,
    (from, to): (Date, Date),
) -> Result<Vec<StatisticsRow>, HistoryError> {
    if days(from, to, MOST_DAYS + 1).count() > MOST_DAYS {
        return Err(HistoryError::TooMuch);
    }
    let (_, newest) = tables::slot_limits(file)?;
    // Days that have not come yet lack nothing.
    let end = newest.map_or(to, |newest| tomorrow(calendar.day_of_slot(newest)).min(to));
    // A day that is not over is no best, worst or mean one.
    let running = newest.and_then(|newest| {
        let day = calendar.day_of_slot(newest);
        (newest < calendar.midnight(tomorrow(day))).then_some(day)
    });
    let mut all = Vec::new();
    for of in [EnergyOf::Total, EnergyOf::Device, EnergyOf::Panel] {
        let subjects = subjects(file, of)?;
        let rows = days_of(file, (from, to), numbers(&subjects))?;
        let energies = of_days(&subjects, &rows);
        for (subject, days) in subjects.into_iter().zip(energies) {
            if Flows::KEYS.contains(&subject.series.key.as_str()) || days.is_empty() {
                continue;
            }
            let begin = begin(file, &subject, from, &days)?;
            all.push(row(of, subject, &days, running, (begin, end), &rows));
        }
    }
    Ok(all)
}

/// From when on days of it can be missing: not before there was any.
fn begin(
    file: &Connection,
    subject: &Subject,
    from: Date,
    days: &BTreeMap<Date, (i64, DayFlags)>,
) -> Result<Date, HistoryError> {
    let first = days.keys().next().copied().unwrap_or(from);
    for (id, _) in &subject.sources {
        let earlier: Option<i64> = file
            .prepare_cached(
                "SELECT date FROM day WHERE date < ?1 AND series = ?2 ORDER BY date DESC LIMIT 1",
            )?
            .query_row(params![number(from), id], |row| row.get(0))
            .optional()?;
        if earlier.is_some() {
            return Ok(from);
        }
    }
    Ok(first)
}

fn row(
    of: EnergyOf,
    subject: Subject,
    by_day: &BTreeMap<Date, (i64, DayFlags)>,
    running: Option<Date>,
    (begin, end): (Date, Date),
    rows: &[(Date, i64, DayRow)],
) -> StatisticsRow {
    let known = || by_day.iter().map(|(date, (energy, _))| (*date, *energy));
    let whole = || known().filter(|(date, _)| Some(*date) != running);
    let total = |days: &mut dyn Iterator<Item = (Date, i64)>| days.map(|(_, energy)| energy).sum();
    let sum_wh: i64 = total(&mut known());
    // Where no day is over yet, the one that runs is better than none.
    let (of_whole, count) = match whole().count() {
        0 => (sum_wh, by_day.len()),
        count => (total(&mut whole()), count),
    };
    let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
    let is_missing = |date: &Date| {
        let day = by_day.get(date);
        day.is_none_or(|(_, flags)| flags.has(DayFlags::GAP))
    };
    StatisticsRow {
        of,
        sum_wh,
        mean_day_wh: of_whole / count,
        // The first of several.
        best: whole().rev().max_by_key(|(_, energy)| *energy),
        worst: whole().min_by_key(|(_, energy)| *energy),
        peak: peak(&subject, rows),
        gap_days: days(begin, end, MOST_DAYS).filter(is_missing).collect(),
        days: by_day.len(),
        by_day: known().collect(),
        series: subject.series,
        name: subject.name,
        device_name: subject.device_name,
    }
}

fn peak(subject: &Subject, rows: &[(Date, i64, DayRow)]) -> Option<PeakPower> {
    let (id, about) = subject.power.as_ref()?;
    let of_power = rows.iter().filter(|(_, series, _)| series == id);
    let greatest = of_power.filter_map(|(_, _, row)| Some((row.max?, row.max_at?)));
    let (max, at) = greatest.max_by_key(|(max, at)| (*max, -at))?;
    (max > 0).then(|| PeakPower {
        watts: Decimal::new(max, about.decimals).with_scale(0).mantissa(),
        at: moment(at),
    })
}
