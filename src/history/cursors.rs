//! How far those have come who send the history on: no queue of their own, but one row for each of them, with the end
//! of the last slot that is done with.
//!
//! It lies in the file of the history, so that what is done is never told of slots that are not there. A slot that
//! changes after it was sent is noted for all who take it once more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::place::HistoryPlace;
use super::{HistoryError, tables};
use crate::sqlite::{DatabaseError, to_look_at};

/// So many are remembered for each target: the newest.
const MOST_GIVEN_UP: i64 = 1000;
const FORGET_GIVEN_UP: &str = "DELETE FROM export_given_up WHERE target = ?1 AND slot <=
    (SELECT slot FROM export_given_up WHERE target = ?1 ORDER BY slot DESC LIMIT 1 OFFSET ?2)";

/// Where something is kept of a target; its cursor first.
const OF_TARGET: [&str; 4] = [CURSOR, "export_dirty", "export_given_up", "export_record"];
const CURSOR: &str = "export_cursor";

/// What the keeper of the file does for us.
pub type CursorJob = Box<dyn FnOnce(Result<&mut Connection, HistoryError>) + Send>;

/// How far one target has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The end of the last slot that is done with, in seconds since 1970.
    pub done: i64,
    /// Whether a slot that changes later is to be sent once more.
    pub again: bool,
    /// Somebody wants it to try at once.
    pub hurry: bool,
    /// What the target itself remembers, as JSON; empty for nothing.
    pub memory: String,
    /// When something arrived last, in seconds since 1970.
    pub success: Option<i64>,
    /// How it is, in words.
    pub health: String,
}

/// A slot that is never sent, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Its end, in seconds since 1970.
    pub slot: i64,
    /// In words.
    pub reason: String,
}

/// A slot that has changed since it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedSlot {
    /// Its end, in seconds since 1970.
    pub slot: i64,
    /// Which change of it that was.
    pub turn: i64,
}

/// Something that is sent as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRecord {
    /// Grows with each.
    pub id: i64,
    /// When it came, in seconds since 1970.
    pub at: i64,
    /// What it says.
    pub body: String,
}

/// The rows of all targets. Cheap to clone; whoever asks waits for the one who writes the file.
#[derive(Clone)]
pub struct Cursors(Arc<dyn Fn(CursorJob) + Send + Sync>);

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursors")
    }
}

impl Cursors {
    pub(super) fn new(keeper: impl Fn(CursorJob) + Send + Sync + 'static) -> Self {
        Self(Arc::new(keeper))
    }

    /// Those of a file that another program may write: for commands that change something. The file gets today's format.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it cannot be written.
    pub fn beside(path: &Path) -> Result<Self, HistoryError> {
        if !path.exists() {
            return Err(HistoryError::Off);
        }
        Ok(Self::of(tables::open(path)?))
    }

    /// The same for commands that only look: the file stays as it is, whatever its format.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it cannot be read.
    pub fn to_look_at(path: &Path) -> Result<Self, HistoryError> {
        if !path.exists() {
            return Err(HistoryError::Off);
        }
        HistoryPlace::Disk(path.to_owned()).check()?;
        let file = to_look_at(path).map_err(DatabaseError::from)?;
        file.busy_timeout(Duration::from_secs(2))?;
        // A format from before anything was sent has no word of it.
        let file = if file.table_exists(None, CURSOR)? {
            file
        } else {
            tables::prepare(Connection::open_in_memory()?)?
        };
        Ok(Self::of(file))
    }

    fn of(file: Connection) -> Self {
        let file = Mutex::new(file);
        Self::new(move |job| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            job(Ok(&mut file));
        })
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let (answer, wait) = oneshot::channel();
        (self.0)(Box::new(move |file| {
            let _ = answer.send(file.and_then(|file| Ok(question(file)?)));
        }));
        wait.await.unwrap_or(Err(HistoryError::Off))
    }

    /// All targets there have been.
    pub async fn all(&self) -> Result<BTreeMap<String, Cursor>, HistoryError> {
        self.ask(|file| {
            file.prepare_cached(
                "SELECT target, done, again, hurry, json, success, health FROM export_cursor",
            )?
            .query_map([], |row| Ok((row.get(0)?, cursor(row, 1)?)))?
            .collect()
        })
        .await
    }

    /// From now on nothing is noted for others than these targets, and what was is forgotten. One that comes back goes on
    /// where it was, without what has changed meanwhile. Waits for nothing.
    pub fn note_only_for(&self, targets: &BTreeSet<String>) {
        let targets = serde_json::json!(targets).to_string();
        (self.0)(Box::new(move |file| {
            let forget = |file: &mut Connection| {
                let all = file.transaction()?;
                for sql in [
                    "UPDATE export_cursor SET again = 0 WHERE target NOT IN (SELECT value FROM json_each(?1))",
                    "DELETE FROM export_dirty WHERE target NOT IN (SELECT value FROM json_each(?1))",
                ] {
                    all.execute(sql, [&targets])?;
                }
                all.commit()
            };
            let forgotten = file.and_then(|file| Ok(forget(file)?));
            if let Err(error) = forgotten {
                tracing::debug!("what targets that are gone were to get is still noted: {error}");
            }
        }));
    }

    /// How far a target has come.
    pub async fn load(&self, target: &str) -> Result<Option<Cursor>, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.prepare_cached(
                "SELECT done, again, hurry, json, success, health FROM export_cursor WHERE target = ?1",
            )?
            .query_row([target], |row| cursor(row, 0))
            .optional()
        })
        .await
    }

    /// Notes how far it has come; of the slots that were to be sent once more those are done that are named, as long
    /// as they have not changed again. What others have noted meanwhile stays: that it is to hurry, and that it has
    /// passed something over.
    pub async fn save(
        &self,
        target: &str,
        now: Cursor,
        resent: Vec<ChangedSlot>,
    ) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            all.prepare_cached(
                "INSERT INTO export_cursor (target, done, again, hurry, json, success, health)
                 VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)
                 ON CONFLICT (target) DO UPDATE SET done = max(done, ?2), again = ?3, json = ?4, success = ?5, health = ?6",
            )?
            .execute(params![
                target,
                now.done,
                now.again,
                now.memory,
                now.success,
                now.health
            ])?;
            for ChangedSlot { slot, turn } in resent {
                all.prepare_cached(
                    "DELETE FROM export_dirty WHERE target = ?1 AND slot = ?2 AND turn = ?3",
                )?
                .execute(params![target, slot, turn])?;
            }
            all.commit()
        })
        .await
    }

    /// It hurries already.
    pub async fn has_hurried(&self, target: &str) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let sql = "UPDATE export_cursor SET hurry = 0 WHERE target = ?1";
            file.execute(sql, [target]).map(|_| ())
        })
        .await
    }

    /// A clock that was ahead has led a target astray: it goes on from here, in seconds since 1970.
    pub async fn set_back(&self, target: &str, done: i64) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let sql = "UPDATE export_cursor SET done = ?2 WHERE target = ?1";
            file.execute(sql, params![target, done]).map(|_| ())
        })
        .await
    }

    /// Notes how a target is, in words.
    pub async fn tell(&self, target: &str, health: String) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.execute(
                "UPDATE export_cursor SET health = ?2 WHERE target = ?1",
                params![target, health],
            )?;
            Ok(())
        })
        .await
    }

    /// Is done with everything through a slot, in seconds since 1970, without sending it.
    pub async fn skip(&self, target: &str, through: i64) -> Result<bool, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            let of = all.execute(
                "UPDATE export_cursor SET done = max(done, ?2), hurry = 1 WHERE target = ?1",
                params![target, through],
            )?;
            all.execute(
                "DELETE FROM export_dirty WHERE target = ?1 AND slot <= ?2",
                params![target, through],
            )?;
            all.execute(
                "DELETE FROM export_record WHERE target = ?1 AND at <= ?2",
                params![target, through],
            )?;
            all.commit()?;
            Ok(of > 0)
        })
        .await
    }

    /// Goes on with everything that is kept of another target; false if it has a cursor of its own, or the other has none.
    pub async fn take_over(&self, from: &str, target: &str) -> Result<bool, HistoryError> {
        let names = (from.to_owned(), target.to_owned());
        self.ask(move |file| {
            let all = file.transaction()?;
            for table in OF_TARGET {
                let sql = format!("UPDATE OR IGNORE {table} SET target = ?2 WHERE target = ?1");
                let moved = all.execute(&sql, params![names.0, names.1])?;
                if table == CURSOR && moved == 0 {
                    return Ok(false);
                }
            }
            all.commit()?;
            Ok(true)
        })
        .await
    }

    /// Forgets everything that is kept of a target.
    pub async fn forget(&self, target: &str) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            for table in OF_TARGET {
                let sql = format!("DELETE FROM {table} WHERE target = ?1");
                all.execute(&sql, [&target])?;
            }
            all.commit()
        })
        .await
    }

    /// Wants a target to try at once.
    pub async fn hurry(&self, target: &str) -> Result<bool, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let of = file.execute(
                "UPDATE export_cursor SET hurry = 1 WHERE target = ?1",
                [target],
            )?;
            Ok(of > 0)
        })
        .await
    }

    /// The oldest slots in `(after, through]` that have changed, at most so many. Those behind the cursor are to be
    /// sent once more; the others are sent anyway.
    pub async fn dirty(
        &self,
        target: &str,
        (after, through): (i64, i64),
        most: usize,
    ) -> Result<Vec<ChangedSlot>, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.prepare_cached(
                "SELECT slot, turn FROM export_dirty WHERE target = ?1 AND slot > ?2 AND slot <= ?3
                 ORDER BY slot LIMIT ?4",
            )?
            .query_map(
                params![
                    target,
                    after,
                    through,
                    i64::try_from(most).unwrap_or(i64::MAX)
                ],
                |row| {
                    Ok(ChangedSlot {
                        slot: row.get(0)?,
                        turn: row.get(1)?,
                    })
                },
            )?
            .collect()
        })
        .await
    }

    /// How many slots are to be sent once more.
    pub async fn count_dirty(&self, target: &str) -> Result<i64, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.prepare_cached(
                "SELECT count(*) FROM export_dirty JOIN export_cursor USING (target)
                 WHERE target = ?1 AND slot <= done",
            )?
            .query_row([target], |row| row.get(0))
        })
        .await
    }

    /// All slots of these times, each `(from, through]`, are to be sent once more, as far as they were sent; how
    /// many that are.
    pub async fn doubt(&self, target: &str, times: Vec<(i64, i64)>) -> Result<usize, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            let mut count = 0;
            for (from, through) in times {
                count += all
                    .prepare_cached(
                        "INSERT OR IGNORE INTO export_dirty SELECT DISTINCT target, end, 0 FROM slot, export_cursor
                         WHERE target = ?1 AND end > ?2 AND end <= min(?3, done)",
                    )?
                    .execute(params![target, from, through])?;
            }
            all.commit()?;
            Ok(count)
        })
        .await
    }

    /// How many slots there are after one, and up to another.
    pub async fn count_between(&self, after: i64, through: i64) -> Result<i64, HistoryError> {
        self.ask(move |file| {
            // From slot to slot: each has many rows, which need not be read.
            file.prepare_cached(
                "WITH RECURSIVE one (end) AS (
                     SELECT min(end) FROM slot WHERE end > ?1
                     UNION ALL
                     SELECT (SELECT min(slot.end) FROM slot WHERE slot.end > one.end) FROM one WHERE one.end <= ?2
                 ) SELECT count(*) FROM one WHERE end <= ?2",
            )?
            .query_row(params![after, through], |row| row.get(0))
        })
        .await
    }

    /// Slots that are never sent.
    pub async fn give_up(&self, target: &str, slots: Vec<GivenUp>) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            for GivenUp { slot, reason } in slots {
                all.prepare_cached("INSERT OR REPLACE INTO export_given_up VALUES (?1, ?2, ?3)")?
                    .execute(params![target, slot, reason])?;
            }
            all.prepare_cached(FORGET_GIVEN_UP)?
                .execute(params![target, MOST_GIVEN_UP])?;
            all.commit()
        })
        .await
    }

    /// The slots that were given up, the oldest first.
    pub async fn given_up(&self, target: &str) -> Result<Vec<GivenUp>, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.prepare_cached(
                "SELECT slot, reason FROM export_given_up WHERE target = ?1 ORDER BY slot",
            )?
            .query_map([target], |row| {
                Ok(GivenUp {
                    slot: row.get(0)?,
                    reason: row.get(1)?,
                })
            })?
            .collect()
        })
        .await
    }

    /// They are to be tried once more; which that were.
    pub async fn take_back(&self, target: &str) -> Result<BTreeSet<i64>, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            let slots = all
                .prepare("SELECT slot FROM export_given_up WHERE target = ?1")?
                .query_map([&target], |row| row.get(0))?
                .collect::<rusqlite::Result<BTreeSet<i64>>>()?;
            all.execute(
                "INSERT OR IGNORE INTO export_dirty SELECT target, slot, 0 FROM export_given_up WHERE target = ?1",
                [&target],
            )?;
            all.execute("DELETE FROM export_given_up WHERE target = ?1", [&target])?;
            all.commit()?;
            Ok(slots)
        })
        .await
    }

    /// The oldest records of a target, at most so many.
    pub async fn records(
        &self,
        target: &str,
        most: usize,
    ) -> Result<Vec<KeptRecord>, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.prepare_cached(
                "SELECT id, at, body FROM export_record WHERE target = ?1 ORDER BY id LIMIT ?2",
            )?
            .query_map(
                params![target, i64::try_from(most).unwrap_or(i64::MAX)],
                |row| {
                    Ok(KeptRecord {
                        id: row.get(0)?,
                        at: row.get(1)?,
                        body: row.get(2)?,
                    })
                },
            )?
            .collect()
        })
        .await
    }

    /// How many records of a target wait.
    pub async fn count_records(&self, target: &str) -> Result<i64, HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            file.query_row(
                "SELECT count(*) FROM export_record WHERE target = ?1",
                [target],
                |row| row.get(0),
            )
        })
        .await
    }

    /// Records are never sent; each is named by its id. They are remembered by the time at which they came.
    pub async fn give_up_records(
        &self,
        target: &str,
        records: Vec<(i64, String)>,
    ) -> Result<(), HistoryError> {
        let target = target.to_owned();
        self.ask(move |file| {
            let all = file.transaction()?;
            for (id, reason) in records {
                all.prepare_cached(
                    "INSERT INTO export_given_up SELECT target, at, ?3 FROM export_record WHERE target = ?1 AND id = ?2
                     ON CONFLICT (target, slot) DO UPDATE SET reason = substr(reason || '; ' || ?3, 1, 1000)",
                )?
                .execute(params![target, id, reason])?;
                all.prepare_cached("DELETE FROM export_record WHERE target = ?1 AND id = ?2")?
                    .execute(params![target, id])?;
            }
            all.prepare_cached(FORGET_GIVEN_UP)?
                .execute(params![target, MOST_GIVEN_UP])?;
            all.commit()
        })
        .await
    }

    /// These records are done with.
    pub async fn drop_records(&self, ids: Vec<i64>) -> Result<(), HistoryError> {
        self.ask(move |file| {
            let all = file.transaction()?;
            for id in ids {
                all.prepare_cached("DELETE FROM export_record WHERE id = ?1")?
                    .execute([id])?;
            }
            all.commit()
        })
        .await
    }
}

fn cursor(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Cursor> {
    Ok(Cursor {
        done: row.get(from)?,
        again: row.get(from + 1)?,
        hurry: row.get(from + 2)?,
        memory: row.get(from + 3)?,
        success: row.get(from + 4)?,
        health: row.get(from + 5)?,
    })
}

/// A slot has changed after it was closed, or may have been: whoever takes it once more has it to send again. It may be
/// on its way to somebody just now, so that it is noted also for those who are not done with it.
pub(super) fn note_changed(file: &Connection, end: i64) -> rusqlite::Result<()> {
    file.prepare_cached(
        "INSERT INTO export_dirty SELECT target, ?1, 0 FROM export_cursor WHERE again = 1
         ON CONFLICT (target, slot) DO UPDATE SET turn = turn + 1",
    )?
    .execute([end])?;
    Ok(())
}

#[cfg(test)]
mod tests;
