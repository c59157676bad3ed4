//! The statements for the tables of the file.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::calendar::number;
use super::day::{DayFlags, DayRow};
use super::energy::Before;
use super::series::{SeriesAbout, SeriesKey};
use super::slot::{SlotRow, SlotValues};
use super::steps::steps;
use crate::model::{DeviceId, Health, Sentence};
use crate::sqlite::{DatabaseError, make_private, migrate};

/// The word for the time in which the program was not running.
pub const OFF: &str = "off";
/// The words for a device that rests.
const RESTING: &str = "('asleep', 'paused', 'disabled')";

/// Opens the file, or makes it.
pub fn open(path: &Path) -> Result<Connection, DatabaseError> {
    make_private(path);
    prepare(Connection::open(path)?)
}

/// Sets a new connection up for writing.
pub fn prepare(mut connection: Connection) -> Result<Connection, DatabaseError> {
    connection.busy_timeout(Duration::from_secs(2))?;
    // A killed program loses nothing that it has committed. A power cut may lose the last minutes; to sync each write
    // would cost an SD card more than they are worth.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -512)?;
    connection.set_prepared_statement_cache_capacity(32);
    migrate(&mut connection, steps())?;
    Ok(connection)
}

/// All series of the file.
pub fn load_series(file: &Connection) -> rusqlite::Result<Vec<(i64, SeriesKey, SeriesAbout)>> {
    let mut statement = file.prepare("SELECT id, device, key, json FROM series ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let (device, json): (String, String) = (row.get(1)?, row.get(3)?);
        let key = SeriesKey::read(&device, row.get(2)?);
        let about = serde_json::from_str(&json).ok();
        Ok(key.zip(about).map(|(key, about)| (row.get(0), key, about)))
    })?;
    let mut all = Vec::new();
    for row in rows {
        // One that a later version has described in other words is no series of ours.
        if let Some((id, key, about)) = row? {
            all.push((id?, key, about));
        }
    }
    Ok(all)
}

/// Keeps what a series is; its number in the file comes back.
pub fn save_series(
    file: &Connection,
    key: &SeriesKey,
    about: &SeriesAbout,
) -> rusqlite::Result<i64> {
    let json = serde_json::to_string(about).unwrap_or_default();
    file.prepare_cached(
        "INSERT INTO series (device, key, json) VALUES (?1, ?2, ?3)
         ON CONFLICT (device, key) DO UPDATE SET json = excluded.json RETURNING id",
    )?
    .query_row(params![key.device.as_str(), key.key, json], |row| {
        row.get(0)
    })
}

/// A series has more decimals than before: all that is kept of it gets as many.
pub fn rescale(file: &Connection, series: i64, factor: i64) -> rusqlite::Result<()> {
    let scale = |column: &str| format!("{column} = {column} * ?2");
    for (table, columns) in [
        ("slot", &["value", "min", "max"][..]),
        ("hour", &["value", "min", "max"]),
        ("day", &["value", "min", "max", "first", "last", "sum"]),
    ] {
        let set: Vec<String> = columns.iter().map(|column| scale(column)).collect();
        let sql = format!("UPDATE {table} SET {} WHERE series = ?1", set.join(", "));
        file.execute(&sql, params![series, factor])?;
    }
    Ok(())
}

/// Writes a slot, in place of what is there.
pub fn put_slot(file: &Connection, end: i64, series: i64, row: SlotRow) -> rusqlite::Result<()> {
    let (min, max) = row.bounds.unzip();
    file.prepare_cached(
        "INSERT OR REPLACE INTO slot (end, series, value, min, max) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![end, series, row.value, min, max])?;
    Ok(())
}

/// Writes a slot beside what is there; false if there was something. What was measured at the time stands: late values
/// only widen its bounds, and let a counter that only grows grow.
pub fn add_slot(
    file: &Connection,
    end: i64,
    series: i64,
    row: SlotRow,
    is_counter: bool,
) -> rusqlite::Result<bool> {
    let (min, max) = row.bounds.unzip();
    let added = file
        .prepare_cached(
            "INSERT OR IGNORE INTO slot (end, series, value, min, max) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![end, series, row.value, min, max])?;
    if added == 0 {
        let merge = if is_counter {
            "UPDATE slot SET value = max(value, ?3) WHERE end = ?1 AND series = ?2 AND ?4 <= ?5"
        } else {
            "UPDATE slot SET min = min(coalesce(min, value), ?4), max = max(coalesce(max, value), ?5)
             WHERE end = ?1 AND series = ?2 AND ?3 IS NOT NULL"
        };
        let bounds = (row.min(), row.max());
        file.prepare_cached(merge)?
            .execute(params![end, series, row.value, bounds.0, bounds.1])?;
    }
    Ok(added > 0)
}

/// Whether there is a slot of a series.
pub fn has_slot(file: &Connection, end: i64, series: i64) -> rusqlite::Result<bool> {
    file.prepare_cached("SELECT 1 FROM slot WHERE end = ?1 AND series = ?2")?
        .exists(params![end, series])
}

fn slot_row(row: &Row<'_>, from: usize) -> rusqlite::Result<SlotRow> {
    let bounds: (Option<i64>, Option<i64>) = (row.get(from + 1)?, row.get(from + 2)?);
    Ok(SlotRow {
        value: row.get(from)?,
        bounds: bounds.0.zip(bounds.1),
    })
}

/// Slots with ends after `from`, up to `to`, of one series.
pub fn slots_of(
    file: &Connection,
    series: i64,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<(i64, SlotRow)>> {
    file.prepare_cached(
        "SELECT end, value, min, max FROM slot WHERE end > ?1 AND end <= ?2 AND series = ?3 ORDER BY end",
    )?
    .query_map(params![from, to, series], |row| {
        Ok((row.get(0)?, slot_row(row, 1)?))
    })?
    .collect()
}

/// The same of all series, in the order of time: end, series, row.
pub fn slots_between(
    file: &Connection,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<(i64, i64, SlotRow)>> {
    file.prepare_cached(
        "SELECT end, series, value, min, max FROM slot WHERE end > ?1 AND end <= ?2 ORDER BY end",
    )?
    .query_map(params![from, to], |row| {
        Ok((row.get(0)?, row.get(1)?, slot_row(row, 2)?))
    })?
    .collect()
}

/// The values of all series in one slot.
pub fn slots_at(file: &Connection, end: i64) -> rusqlite::Result<HashMap<i64, i64>> {
    file.prepare_cached("SELECT series, value FROM slot WHERE end = ?1")?
        .query_map([end], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// A slot by its end, and its value.
pub type Neighbour = (i64, i64);

/// The slots of a series before and after one, as far as they are not more than three days away.
pub fn neighbours(
    file: &Connection,
    end: i64,
    series: i64,
) -> rusqlite::Result<(Option<Neighbour>, Option<Neighbour>)> {
    const AROUND: i64 = 3 * 86_400;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let before = file
        .prepare_cached(
            "SELECT end, value FROM slot WHERE end < ?1 AND end >= ?2 AND series = ?3 ORDER BY end DESC LIMIT 1",
        )?
        .query_row(params![end, end - AROUND, series], read)
        .optional()?;
    let after = file
        .prepare_cached(
            "SELECT end, value FROM slot WHERE end > ?1 AND end <= ?2 AND series = ?3 ORDER BY end LIMIT 1",
        )?
        .query_row(params![end, end + AROUND, series], read)
        .optional()?;
    Ok((before, after))
}

/// The end of the oldest or of the newest slot.
pub fn slot_limits(file: &Connection) -> rusqlite::Result<(Option<i64>, Option<i64>)> {
    let ask = |sql| file.query_row(sql, [], |row| row.get(0));
    Ok((
        ask("SELECT min(end) FROM slot")?,
        ask("SELECT max(end) FROM slot")?,
    ))
}

/// Writes an hour, in place of what is there.
pub fn put_hour(file: &Connection, start: i64, series: i64, row: SlotRow) -> rusqlite::Result<()> {
    let (min, max) = row.bounds.unzip();
    file.prepare_cached(
        "INSERT OR REPLACE INTO hour (start, series, value, min, max) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![start, series, row.value, min, max])?;
    Ok(())
}

/// Writes what was measured of a day. What somebody has put in stays, and so does what the device remembers of a day
/// that was not measured wholly.
pub fn put_day(file: &Connection, date: Date, series: i64, day: &DayRow) -> rusqlite::Result<()> {
    file.prepare_cached(
        "INSERT INTO day (date, series, value, min, max, max_at, first, last, last_at, slots, sum, flags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (date, series) DO UPDATE SET
            value = CASE
                WHEN flags & 2 OR (flags & 4 AND excluded.flags & 1 AND value > excluded.value) THEN value
                ELSE excluded.value END,
            flags = CASE
                WHEN flags & 2 OR (flags & 4 AND excluded.flags & 1 AND value > excluded.value)
                THEN excluded.flags | (flags & 6)
                ELSE excluded.flags END,
            measured = CASE WHEN flags & 2 THEN excluded.value ELSE measured END,
            min = excluded.min, max = excluded.max, max_at = excluded.max_at, first = excluded.first,
            last = excluded.last, last_at = excluded.last_at, slots = excluded.slots, sum = excluded.sum",
    )?
    .execute(params![
        number(date),
        series,
        day.value,
        day.min,
        day.max,
        day.max_at,
        day.first,
        day.last,
        day.last_at,
        day.slots,
        day.sum,
        day.flags.0
    ])?;
    Ok(())
}

/// Writes only the value and the flags of a day.
pub fn set_day(
    file: &Connection,
    date: Date,
    series: i64,
    value: Option<i64>,
    flags: DayFlags,
) -> rusqlite::Result<()> {
    file.prepare_cached(
        "INSERT INTO day (date, series, value, slots, flags) VALUES (?1, ?2, ?3, 0, ?4)
         ON CONFLICT (date, series) DO UPDATE SET value = excluded.value, flags = excluded.flags",
    )?
    .execute(params![number(date), series, value, flags.0])?;
    Ok(())
}

/// Puts in another value for a day, and keeps beside it what was measured.
pub fn correct_day(file: &Connection, date: Date, series: i64, value: i64) -> rusqlite::Result<()> {
    file.prepare_cached(
        "INSERT INTO day (date, series, value, slots, flags) VALUES (?1, ?2, ?3, 0, ?4)
         ON CONFLICT (date, series) DO UPDATE SET
            measured = CASE WHEN flags & ?4 THEN measured ELSE value END,
            value = excluded.value, flags = flags | ?4",
    )?
    .execute(params![number(date), series, value, DayFlags::CORRECTED.0])?;
    Ok(())
}

/// What was measured of a corrected day counts again; where nothing was, there is nothing.
pub fn undo_day(file: &Connection, date: Date, series: i64) -> rusqlite::Result<()> {
    file.prepare_cached(
        "UPDATE day SET value = measured, measured = NULL, flags = flags & ~?3
         WHERE date = ?1 AND series = ?2 AND flags & ?3",
    )?
    .execute(params![number(date), series, DayFlags::CORRECTED.0])?;
    file.prepare_cached(
        "DELETE FROM day WHERE date = ?1 AND series = ?2 AND value IS NULL AND slots = 0",
    )?
    .execute(params![number(date), series])?;
    Ok(())
}

/// The columns of [`day_row`].
pub const DAY: &str = "value, min, max, max_at, first, last, last_at, slots, sum, flags";

/// A day, from a row with the columns [`DAY`] at `from`.
pub fn day_row(row: &Row<'_>, from: usize) -> rusqlite::Result<DayRow> {
    Ok(DayRow {
        value: row.get(from)?,
        min: row.get(from + 1)?,
        max: row.get(from + 2)?,
        max_at: row.get(from + 3)?,
        first: row.get(from + 4)?,
        last: row.get(from + 5)?,
        last_at: row.get(from + 6)?,
        slots: row.get(from + 7)?,
        sum: row.get(from + 8)?,
        flags: DayFlags(row.get(from + 9)?),
    })
}

/// What is kept of a day.
pub fn day(file: &Connection, date: Date, series: i64) -> rusqlite::Result<Option<DayRow>> {
    file.prepare_cached(&format!(
        "SELECT {DAY} FROM day WHERE date = ?1 AND series = ?2"
    ))?
    .query_row(params![number(date), series], |row| day_row(row, 0))
    .optional()
}

/// Takes a day away.
pub fn remove_day(file: &Connection, date: Date, series: i64) -> rusqlite::Result<()> {
    file.prepare_cached("DELETE FROM day WHERE date = ?1 AND series = ?2")?
        .execute(params![number(date), series])?;
    Ok(())
}

/// The last value of a series before a day.
pub fn before(file: &Connection, date: Date, series: i64) -> rusqlite::Result<Option<Before>> {
    file.prepare_cached(
        "SELECT last, last_at FROM day WHERE date < ?1 AND series = ?2 AND last IS NOT NULL
         ORDER BY date DESC LIMIT 1",
    )?
    .query_row(params![number(date), series], |row| {
        Ok(Before {
            value: row.get(0)?,
            at: row.get(1)?,
        })
    })
    .optional()
}

/// The next day of a series after a day.
pub fn next_day(file: &Connection, date: Date, series: i64) -> rusqlite::Result<Option<i64>> {
    file.prepare_cached(
        "SELECT date FROM day WHERE date > ?1 AND series = ?2 AND slots > 0 ORDER BY date LIMIT 1",
    )?
    .query_row(params![number(date), series], |row| row.get(0))
    .optional()
}

/// Keeps a change of a state.
pub fn add_event(
    file: &Connection,
    at: Timestamp,
    series: &SeriesKey,
    value: &str,
) -> rusqlite::Result<()> {
    file.prepare_cached("INSERT INTO event (at, device, key, value) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            at.as_second(),
            series.device.as_str(),
            series.key,
            value
        ])?;
    Ok(())
}

/// Keeps a change of how a device is; `None` when the program stops or has stopped.
pub fn add_health(
    file: &Connection,
    device: &DeviceId,
    at: Timestamp,
    health: Option<&Health>,
) -> rusqlite::Result<()> {
    let code = health.map_or(OFF, |health| health.code.code());
    let said = |sentence: &Sentence| {
        if sentence.is_empty() {
            return String::new();
        }
        // As it was said, so that it can be read in any language.
        serde_json::to_string(sentence).unwrap_or_else(|_| sentence.to_string())
    };
    let detail = health.map_or_else(String::new, |health| said(&health.detail));
    let advice = health.map_or_else(String::new, |health| said(&health.advice));
    file.prepare_cached(
        "INSERT OR REPLACE INTO health (device, at, code, detail, advice) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        device.as_str(),
        at.as_millisecond(),
        code,
        detail,
        advice
    ])?;
    Ok(())
}

/// Says of all devices that the program was not running from that moment on, in milliseconds, unless that is known.
pub fn note_off(file: &Connection, at: i64) -> rusqlite::Result<()> {
    file.execute(
        "INSERT OR IGNORE INTO health (device, at, code, detail, advice)
         SELECT device, max(max(at) + 1, ?1), ?2, '', '' FROM health AS latest GROUP BY device
         HAVING (SELECT code FROM health WHERE device = latest.device ORDER BY at DESC LIMIT 1) <> ?2",
        params![at, OFF],
    )?;
    Ok(())
}

/// Whether a device was at rest at any time between two moments, in seconds.
pub fn rests(file: &Connection, device: &DeviceId, from: i64, to: i64) -> rusqlite::Result<bool> {
    let at_first = file
        .prepare_cached(&format!(
            "SELECT code IN {RESTING} FROM health WHERE device = ?1 AND at <= ?2 ORDER BY at DESC LIMIT 1"
        ))?
        .query_row(params![device.as_str(), from * 1000], |row| row.get(0))
        .optional()?;
    if at_first == Some(true) {
        return Ok(true);
    }
    file.prepare_cached(&format!(
        "SELECT EXISTS (SELECT 1 FROM health WHERE device = ?1 AND at > ?2 AND at <= ?3 AND code IN {RESTING})"
    ))?
    .query_row(params![device.as_str(), from * 1000, to * 1000], |row| {
        row.get(0)
    })
}

/// Whether a device was at rest all the time between two moments, in seconds, as far as the program was running.
pub fn rests_throughout(
    file: &Connection,
    device: &DeviceId,
    from: i64,
    to: i64,
) -> rusqlite::Result<bool> {
    // Each state that began within, and the one that was there at first.
    file.prepare_cached(&format!(
        "WITH seen AS (
            SELECT code FROM health WHERE device = ?1 AND at > ?2 AND at <= ?3
            UNION ALL
            SELECT * FROM (SELECT code FROM health WHERE device = ?1 AND at <= ?2 ORDER BY at DESC LIMIT 1))
         SELECT coalesce(max(code IN {RESTING}) AND min(code IN {RESTING} OR code IN ('{OFF}', 'starting')), 0)
         FROM seen"
    ))?
    .query_row(params![device.as_str(), from * 1000, to * 1000], |row| {
        row.get(0)
    })
}

/// Whether anything is kept of a series from before a day.
pub fn is_older(file: &Connection, date: Date, series: i64) -> rusqlite::Result<bool> {
    file.prepare_cached("SELECT 1 FROM day WHERE date < ?1 AND series = ?2 LIMIT 1")?
        .exists(params![number(date), series])
}

/// Days whose sums of the house are to be made anew; `has_slots` if its slots are, too.
pub fn add_doubt(file: &Connection, date: Date, has_slots: bool) -> rusqlite::Result<()> {
    file.prepare_cached(
        "INSERT INTO doubt (date, slots) VALUES (?1, ?2)
         ON CONFLICT (date) DO UPDATE SET slots = 1 WHERE excluded.slots > slots",
    )?
    .execute(params![number(date), has_slots])?;
    Ok(())
}

/// Takes out some of these days, the oldest first.
pub fn take_doubts(file: &Connection, most: usize) -> rusqlite::Result<Vec<(i64, bool)>> {
    let all: Vec<(i64, bool)> = file
        .prepare_cached("SELECT date, slots FROM doubt ORDER BY date LIMIT ?1")?
        .query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    if let Some((last, _)) = all.last() {
        file.prepare_cached("DELETE FROM doubt WHERE date <= ?1")?
            .execute([last])?;
    }
    Ok(all)
}

/// The ends of all slots after `from`, up to `to`.
pub fn ends_between(file: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<i64>> {
    file.prepare_cached("SELECT DISTINCT end FROM slot WHERE end > ?1 AND end <= ?2")?
        .query_map([from, to], |row| row.get(0))?
        .collect()
}

/// Takes away what has been kept long enough: at most one day of slots at once, which takes a moment.
pub fn clear(
    file: &Connection,
    slots_until: i64,
    events_until: i64,
    health_until: i64,
) -> rusqlite::Result<()> {
    let (oldest, _) = slot_limits(file)?;
    if let Some(oldest) = oldest.filter(|oldest| *oldest <= slots_until) {
        let until = slots_until.min(oldest + 86_400);
        file.prepare_cached("DELETE FROM slot WHERE end <= ?1")?
            .execute([until])?;
    }
    for table in ["ahead", "ahead_health", "ahead_event"] {
        file.prepare_cached(&format!("DELETE FROM {table} WHERE since < ?1"))?
            .execute([health_until])?;
    }
    file.prepare_cached("DELETE FROM event WHERE at < ?1")?
        .execute([events_until])?;
    // The last one of a device says how it was before the first that stays.
    file.prepare_cached(
        "DELETE FROM health WHERE at < ?1 AND EXISTS (
            SELECT 1 FROM health AS later WHERE later.device = health.device AND later.at > health.at AND later.at < ?1)",
    )?
    .execute([health_until * 1000])?;
    Ok(())
}

/// Takes out the slots that were not over when the program ended.
pub fn take_unfinished(file: &Connection) -> rusqlite::Result<Vec<(i64, i64, SlotValues)>> {
    let mut statement =
        file.prepare("SELECT end, series, sum, count, min, max, last, last_at FROM unfinished")?;
    let rows = statement.query_map([], |row| {
        let sum: i64 = row.get(2)?;
        let last_at: i64 = row.get(7)?;
        let values = SlotValues {
            sum: sum.into(),
            count: row.get(3)?,
            min: row.get(4)?,
            max: row.get(5)?,
            last: (i128::from(last_at) * 1_000_000, row.get(6)?),
        };
        Ok((row.get(0)?, row.get(1)?, values))
    })?;
    let all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    if !all.is_empty() {
        file.execute("DELETE FROM unfinished", [])?;
    }
    Ok(all)
}

/// Keeps a slot that is not over while the program ends.
pub fn put_unfinished(
    file: &Connection,
    end: i64,
    series: i64,
    values: &SlotValues,
) -> rusqlite::Result<()> {
    let last_at = i64::try_from(values.last.0 / 1_000_000).unwrap_or(i64::MAX);
    let sum = i64::try_from(values.sum).unwrap_or(i64::MAX);
    file.prepare_cached(
        "INSERT OR REPLACE INTO unfinished (end, series, sum, count, min, max, last, last_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        end,
        series,
        sum,
        values.count,
        values.min,
        values.max,
        values.last.1,
        last_at
    ])?;
    Ok(())
}
