//! Lists: series, slots, days, sizes.

use std::collections::HashMap;

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::answers::{DayOfSeries, Exported, HistorySize, SeriesInfo, SlotOfSeries};
use crate::history::HistoryError;
use crate::history::calendar::{Calendar, number, of_number};
use crate::history::day::DayRow;
use crate::history::series::{SeriesAbout, SeriesKey};
use crate::history::slot::moment;
use crate::history::tables::{self, DAY};

/// So many rows are in one answer at most.
const MOST: usize = 1_000_000;

/// The number of a series in the file and what it is, if it is there.
pub type Filed = Option<(i64, SeriesAbout)>;

/// The series by their keys.
pub fn ids(file: &Connection, series: &[SeriesKey]) -> Result<Vec<Filed>, HistoryError> {
    let mut all: HashMap<SeriesKey, (i64, SeriesAbout)> = tables::load_series(file)?
        .into_iter()
        .filter(|(_, key, _)| series.contains(key))
        .map(|(id, key, about)| (key, (id, about)))
        .collect();
    Ok(series.iter().map(|key| all.remove(key)).collect())
}

/// All series that are kept.
pub fn series(file: &Connection) -> Result<Vec<SeriesInfo>, HistoryError> {
    let all = tables::load_series(file)?.into_iter();
    let all = all.map(|(_, series, about)| SeriesInfo { series, about });
    Ok(all.collect())
}

/// The wanted series, or all, with the place of each number among them.
fn wanted(
    file: &Connection,
    series: &[SeriesKey],
) -> Result<(Vec<SeriesInfo>, HashMap<i64, usize>), HistoryError> {
    let all = tables::load_series(file)?.into_iter();
    let wanted = all.filter(|(_, key, _)| series.is_empty() || series.contains(key));
    let (mut infos, mut places) = (Vec::new(), HashMap::new());
    for (id, series, about) in wanted {
        places.insert(id, infos.len());
        infos.push(SeriesInfo { series, about });
    }
    Ok((infos, places))
}

/// Slots for export.
pub fn slots(
    file: &Connection,
    calendar: &Calendar,
    series: &[SeriesKey],
    (from, to): (Date, Date),
) -> Result<Exported<SlotOfSeries>, HistoryError> {
    let (series, places) = wanted(file, series)?;
    let (from, to) = (calendar.midnight(from), calendar.midnight(to));
    let all = tables::slots_between(file, from, to.min(from + 366 * 86_400))?;
    let rows = all.into_iter().filter_map(|(end, id, row)| {
        let series = *places.get(&id)?;
        let end = moment(end);
        Some(SlotOfSeries { series, end, row })
    });
    let rows: Vec<_> = rows.take(MOST + 1).collect();
    if rows.len() > MOST || to > from + 366 * 86_400 {
        return Err(HistoryError::TooMuch);
    }
    Ok(Exported { series, rows })
}

/// Days of some series from one date to another: date, series, row.
pub fn days_of(
    file: &Connection,
    (from, to): (Date, Date),
    series: impl IntoIterator<Item = i64>,
) -> rusqlite::Result<Vec<(Date, i64, DayRow)>> {
    let series: Vec<String> = series.into_iter().map(|id| id.to_string()).collect();
    // Only numbers of ours are put together.
    let mut statement = file.prepare(&format!(
        "SELECT date, series, {DAY} FROM day WHERE date >= ?1 AND date < ?2 AND series IN ({}) ORDER BY date",
        series.join(",")
    ))?;
    let rows = statement.query_map(params![number(from), number(to)], |row| {
        let date = of_number(row.get(0)?);
        let day = tables::day_row(row, 2)?;
        Ok(date.map(|date| (date, row.get(1), day)))
    })?;
    let mut all = Vec::new();
    for row in rows {
        if let Some((date, series, day)) = row? {
            all.push((date, series?, day));
        }
    }
    Ok(all)
}

/// Days for export.
pub fn days(
    file: &Connection,
    series: &[SeriesKey],
    period: (Date, Date),
) -> Result<Exported<DayOfSeries>, HistoryError> {
    let (series, places) = wanted(file, series)?;
    let all = days_of(file, period, places.keys().copied())?.into_iter();
    let rows = all.filter_map(|(date, id, row)| {
        let series = *places.get(&id)?;
        Some(DayOfSeries { series, date, row })
    });
    let rows: Vec<_> = rows.take(MOST + 1).collect();
    if rows.len() > MOST {
        return Err(HistoryError::TooMuch);
    }
    Ok(Exported { series, rows })
}

/// How large the history is.
pub fn size(file: &Connection) -> Result<HistorySize, HistoryError> {
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let pages = number("PRAGMA page_count")?.unwrap_or(0);
    let page = number("PRAGMA page_size")?.unwrap_or(0);
    let series = number("SELECT count(*) FROM series")?.unwrap_or(0);
    let (oldest, newest) = tables::slot_limits(file)?;
    Ok(HistorySize {
        bytes: pages.saturating_mul(page).unsigned_abs(),
        series: usize::try_from(series).unwrap_or(0),
        oldest_slot: oldest.map(moment),
        newest_slot: newest.map(moment),
        oldest_day: number("SELECT min(date) FROM day")?.and_then(of_number),
    })
}
