//! What was kept of a time that had not been yet, by a clock that was wrong.

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::calendar::number;
use super::day::DayFlags;

/// Sets all that is of after now aside: slots, how devices were, states. What followed from the slots is taken away:
/// hours, and whole days after `today` that nobody has brought in.
pub fn set_ahead_aside(file: &Connection, now: i64, today: Date) -> rusqlite::Result<()> {
    file.execute(
        "INSERT OR REPLACE INTO ahead (end, series, value, min, max, since)
         SELECT end, series, value, min, max, ?1 FROM slot WHERE end > ?1",
        [now],
    )?;
    file.execute("DELETE FROM slot WHERE end > ?1", [now])?;
    file.execute("DELETE FROM unfinished WHERE end > ?1 + 300", [now])?;
    file.execute("DELETE FROM hour WHERE start + 3600 > ?1", [now])?;
    file.execute(
        "DELETE FROM day WHERE date > ?1 AND NOT flags & ?2",
        params![number(today), DayFlags::CORRECTED.0 | DayFlags::IMPORTED.0],
    )?;
    file.execute(
        "INSERT INTO ahead_event (at, device, key, value, since)
         SELECT at, device, key, value, ?1 FROM event WHERE at > ?1",
        [now],
    )?;
    file.execute("DELETE FROM event WHERE at > ?1", [now])?;
    file.execute(
        "INSERT OR REPLACE INTO ahead_health (device, at, code, detail, advice, since)
         SELECT device, at, code, detail, advice, ?1 FROM health WHERE at > ?1 * 1000",
        [now],
    )?;
    file.execute("DELETE FROM health WHERE at > ?1 * 1000", [now])?;
    Ok(())
}

/// The newest moment of all that was set aside.
pub fn newest_ahead(file: &Connection) -> rusqlite::Result<Option<i64>> {
    file.query_row(
        "SELECT max(end) FROM (
            SELECT max(end) AS end FROM ahead UNION ALL SELECT max(at) FROM ahead_event
            UNION ALL SELECT max(at) / 1000 + 1 FROM ahead_health)",
        [],
        |row| row.get(0),
    )
}

/// Brings back what was set aside of the time until now, where nothing was kept under the same time; the ends of these
/// slots come back.
pub fn bring_back(file: &Connection, now: i64) -> rusqlite::Result<Vec<i64>> {
    file.execute(
        "INSERT OR IGNORE INTO slot (end, series, value, min, max)
         SELECT end, series, value, min, max FROM ahead WHERE end <= ?1",
        [now],
    )?;
    file.execute(
        "INSERT INTO event (at, device, key, value)
         SELECT at, device, key, value FROM ahead_event WHERE at <= ?1",
        [now],
    )?;
    file.execute(
        "INSERT OR IGNORE INTO health (device, at, code, detail, advice)
         SELECT device, at, code, detail, advice FROM ahead_health WHERE at <= ?1 * 1000",
        [now],
    )?;
    let ends: Vec<i64> = file
        .prepare("SELECT DISTINCT end FROM ahead WHERE end <= ?1 ORDER BY end")?
        .query_map([now], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    drop_ahead(file, now)?;
    Ok(ends)
}

/// Drops what was set aside of the time until now.
pub fn drop_ahead(file: &Connection, now: i64) -> rusqlite::Result<()> {
    file.prepare_cached("DELETE FROM ahead WHERE end <= ?1")?
        .execute([now])?;
    file.prepare_cached("DELETE FROM ahead_event WHERE at <= ?1")?
        .execute([now])?;
    file.prepare_cached("DELETE FROM ahead_health WHERE at <= ?1 * 1000")?
        .execute([now])?;
    Ok(())
}
