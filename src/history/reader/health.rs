//! How devices were.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::answers::{HealthChange, HealthDay, HealthRecord};
use crate::history::HistoryError;
use crate::history::calendar::{Calendar, days, tomorrow};
use crate::model::{DeviceId, HealthCode, Sentence};

/// So many changes are told at most.
const MOST: usize = 5000;

/// How a device was in the last so many days.
pub fn health(
    file: &Connection,
    calendar: &Calendar,
    device: &DeviceId,
    count: u16,
    now: Timestamp,
) -> Result<HealthRecord, HistoryError> {
    let today = calendar.day_of(now);
    let back = jiff::Span::new().days(i64::from(count.clamp(1, 400)) - 1);
    let first = today.checked_sub(back).unwrap_or(Date::MIN);
    let from = calendar.midnight(first) * 1000;
    let before = file
        .prepare_cached(
            "SELECT at, code, detail, advice FROM health WHERE device = ?1 AND at < ?2 ORDER BY at DESC LIMIT 1",
        )?
        .query_row(params![device.as_str(), from], change)
        .optional()?;
    let mut statement = file.prepare_cached(
        "SELECT at, code, detail, advice FROM health WHERE device = ?1 AND at >= ?2 ORDER BY at DESC LIMIT ?3",
    )?;
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let changes = statement.query_map(params![device.as_str(), from, most], change)?;
    let changes: Vec<HealthChange> = changes.collect::<Result<_, _>>()?;
    let days = days(first, tomorrow(today), 400)
        .map(|date| hours(calendar, date, now, before.as_ref(), &changes));
    Ok(HealthRecord {
        days: days.collect(),
        changes,
    })
}

fn change(row: &Row<'_>) -> rusqlite::Result<HealthChange> {
    let code: String = row.get(1)?;
    let known = HealthCode::ALL.iter().find(|it| it.code() == code);
    Ok(HealthChange {
        at: Timestamp::from_millisecond(row.get(0)?).unwrap_or(Timestamp::MAX),
        code: known.copied(),
        detail: sentence(row.get(2)?),
        advice: sentence(row.get(3)?),
    })
}

/// The hours of one day. Changes are newest first.
fn hours(
    calendar: &Calendar,
    date: Date,
    now: Timestamp,
    before: Option<&HealthChange>,
    changes: &[HealthChange],
) -> HealthDay {
    let (from, to) = calendar.bounds(date);
    let (from, to) = (from * 1000, (to * 1000).min(now.as_millisecond()));
    let mut day = HealthDay {
        date,
        online: 0.0,
        asleep: 0.0,
        trouble: 0.0,
        unknown: 0.0,
    };
    let mut until = to;
    for change in changes.iter().chain(before) {
        let at = change.at.as_millisecond().max(from);
        if at < until {
            // Milliseconds of a day are exact.
            let hours = (until - at) as f64 / 3_600_000.0;
            *place(&mut day, change.code) += hours;
            until = at;
        }
    }
    if from < until {
        day.unknown += (until - from) as f64 / 3_600_000.0;
    }
    day
}

fn place(day: &mut HealthDay, code: Option<HealthCode>) -> &mut f64 {
    match code {
        Some(HealthCode::Asleep) => &mut day.asleep,
        Some(code) if code.is_problem() => &mut day.trouble,
        Some(code) if code.has_data() => &mut day.online,
        Some(_) | None => &mut day.unknown,
    }
}

/// What was said then; words that are no sentence of ours stay as they are.
fn sentence(text: String) -> Sentence {
    if text.is_empty() {
        return Sentence::EMPTY;
    }
    serde_json::from_str(&text).unwrap_or_else(|_| Sentence::verbatim(text))
}
