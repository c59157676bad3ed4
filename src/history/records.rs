//! What devices said, as it came: for who sends that on, and not slots.
//!
//! Such records wait in the file of the history until they are done with, in the order in which they came; they are
//! written as soon as they are there. What takes too much room, or is too old, goes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::model::{Device, Readings, Value};

/// So many bytes of records are kept for each target, and so many seconds.
const MOST_BYTES: i64 = 50 * 1024 * 1024;
const KEEP: i64 = 30 * 86_400;
/// So many of the oldest go at once where there is too much.
const GO_AT_ONCE: i64 = 500;
/// Records in memory while the disk takes nothing: three days of a large roof.
const MOST_WAITING: usize = 20_000;

/// What a device said at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Its id.
    pub device: String,
    /// Its serial number, as printed.
    pub serial: String,
    /// When it measured, in seconds since 1970.
    pub at: i64,
    /// Numbers in the unit of their quantity, with all their decimals; words. Nothing for what is unknown.
    pub values: BTreeMap<String, Option<String>>,
}

impl DeviceRecord {
    /// What readings say.
    pub fn of(device: &Device, readings: &Readings) -> Self {
        let values = readings.values.iter().filter_map(|reading| {
            let text = match &reading.value {
                Value::Number(number) => Some(number.to_string()),
                Value::Text(text) => Some(text.to_string()),
                Value::Unknown => None,
                Value::OnOff(_) | Value::Timestamp(_) => return None,
            };
            Some((reading.key.to_string(), text))
        });
        Self {
            device: device.id.to_string(),
            serial: device.serial.clone(),
            at: readings.at.as_second(),
            values: values.collect(),
        }
    }
}

/// Who wants records of which adapter. Shared by all handles of a history.
#[derive(Debug, Clone, Default)]
pub struct RecordsWanted(Arc<RwLock<Vec<RecordWish>>>);

#[derive(Debug, PartialEq, Eq)]
struct RecordWish {
    target: String,
    adapter: &'static str,
}

impl RecordsWanted {
    /// A target wants what the devices of an adapter say.
    pub fn add(&self, target: &str, adapter: &'static str) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let target = target.to_owned();
        let wish = RecordWish { target, adapter };
        if !all.contains(&wish) {
            all.push(wish);
        }
    }

    /// The targets that want what a device of this adapter says.
    pub fn by(&self, adapter: &str) -> Vec<String> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let wishes = all.iter().filter(|wish| wish.adapter == adapter);
        wishes.map(|wish| wish.target.clone()).collect()
    }
}

/// A record on its way to the file.
#[derive(Debug, Clone)]
pub struct NewRecord {
    pub target: String,
    /// When it came, in seconds since 1970.
    pub at: i64,
    pub body: String,
}

/// Records that are not in the file yet.
#[derive(Debug, Default)]
pub struct NewRecords {
    waiting: VecDeque<NewRecord>,
    /// When it was told last that some are lost.
    told: Option<i64>,
    /// The file took nothing: not again before slots are written.
    pub is_stuck: bool,
    /// How many bytes of each target the file has at most: what was sent since they were counted is not taken off. To
    /// count them all has to be read, which is not done each time.
    filled: BTreeMap<String, i64>,
}

impl NewRecords {
    /// One more.
    pub fn push(&mut self, record: NewRecord) {
        if self.waiting.len() >= MOST_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.lost(oldest.at, 1, &oldest.target);
        }
        self.waiting.push_back(record);
    }

    /// What the one before could not write comes before what is new.
    pub fn take_up(&mut self, left: Self) {
        let new = std::mem::replace(&mut self.waiting, left.waiting);
        for record in new {
            self.push(record);
        }
    }

    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes them all in one go.
    pub fn write(&mut self, file: &mut Connection) -> rusqlite::Result<()> {
        let all = file.transaction()?;
        // Of each target when the newest came, and how many bytes are new.
        let mut news: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for NewRecord { target, at, body } in &self.waiting {
            all.prepare_cached("INSERT INTO export_record (target, at, body) VALUES (?1, ?2, ?3)")?
                .execute(params![target, at, body])?;
            let (newest, bytes) = news.entry(target).or_insert((*at, 0));
            *newest = (*newest).max(*at);
            *bytes += i64::try_from(body.len()).unwrap_or(MOST_BYTES);
        }
        let (mut lost, mut filled) = (Vec::new(), Vec::new());
        for (target, (at, new)) in news {
            // Those of a target that is no more go too.
            let mut gone = all
                .prepare_cached("DELETE FROM export_record WHERE at < ?1")?
                .execute([at - KEEP])?;
            let at_most = self.filled.get(target).map(|filled| filled + new);
            let bytes = match at_most.filter(|bytes| *bytes <= MOST_BYTES) {
                Some(bytes) => bytes,
                None => all
                    .prepare_cached(
                        "SELECT coalesce(sum(octet_length(body)), 0) FROM export_record WHERE target = ?1",
                    )?
                    .query_row([target], |row| row.get(0))?,
            };
            filled.push((target.to_owned(), bytes));
            if bytes > MOST_BYTES {
                gone += all.execute(
                    "DELETE FROM export_record WHERE id IN
                     (SELECT id FROM export_record WHERE target = ?1 ORDER BY id LIMIT ?2)",
                    params![target, GO_AT_ONCE],
                )?;
            }
            if gone > 0 {
                lost.push((target.to_owned(), at, gone));
            }
        }
        all.commit()?;
        self.waiting.clear();
        self.filled.extend(filled);
        for (target, at, gone) in lost {
            self.lost(at, gone, &target);
        }
        Ok(())
    }

    /// Told once a day.
    fn lost(&mut self, now: i64, count: usize, target: &str) {
        if self.told.is_none_or(|told| now - told >= 86_400) {
            self.told = Some(now);
            tracing::warn!(
                "{target}: {count} of the oldest records that wait are lost, as they have become too many or too old. \
                 `wattbridge export status` says why they are not sent."
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tables;

    fn file() -> Connection {
        tables::prepare(Connection::open_in_memory().unwrap()).unwrap()
    }

    fn put(file: &mut Connection, target: &str, at: i64, body: &str) {
        let mut records = NewRecords::default();
        records.push(NewRecord {
            target: target.to_owned(),
            at,
            body: body.to_owned(),
        });
        records.write(file).unwrap();
        assert!(records.is_empty());
    }

    fn kept(file: &Connection, target: &str) -> Vec<i64> {
        file.prepare("SELECT at FROM export_record WHERE target = ?1 ORDER BY id")
            .unwrap()
            .query_map([target], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap()
    }

    #[test]
    fn what_is_older_than_thirty_days_goes_also_of_a_target_that_is_no_more() {
        let mut file = file();
        put(&mut file, "gone", 0, "{}");
        put(&mut file, "mysql", 10, "{}");
        put(&mut file, "mysql", 10 + KEEP, "{}");
        assert_eq!(kept(&file, "mysql"), [10, 10 + KEEP]);
        assert_eq!(kept(&file, "gone"), [0_i64; 0]);
        put(&mut file, "mysql", 11 + KEEP, "{}");
        assert_eq!(kept(&file, "mysql"), [10 + KEEP, 11 + KEEP]);
    }

    #[test]
    fn room_on_the_disk_has_an_end_for_each_target() {
        let mut file = file();
        let body = "x".repeat(100_000);
        put(&mut file, "other", 0, &body);
        for at in 0..1100 {
            put(&mut file, "mysql", at, &body);
        }
        let kept_now = kept(&file, "mysql");
        assert!(kept_now.len() < 600, "{}", kept_now.len());
        // The oldest went, and none but them.
        assert_eq!(kept_now.last(), Some(&1099));
        assert!(kept_now.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert_eq!(kept(&file, "other"), [0]);
    }

    #[test]
    fn it_is_found_also_where_bytes_are_not_counted_each_time() {
        let mut file = file();
        let mut records = NewRecords::default();
        let mut most = 0;
        for at in 0..1200 {
            records.push(NewRecord {
                target: "mysql".to_owned(),
                at,
                body: "x".repeat(100_000),
            });
            records.write(&mut file).unwrap();
            let kept_now = kept(&file, "mysql");
            assert_eq!(kept_now.last(), Some(&at));
            most = most.max(kept_now.len());
            // Some are sent.
            if at % 400 == 399 {
                file.execute("DELETE FROM export_record WHERE id % 2 = 0", [])
                    .unwrap();
            }
        }
        assert_eq!(most, usize::try_from(MOST_BYTES).unwrap() / 100_000);
    }

    #[test]
    fn memory_has_an_end_and_what_was_left_comes_first() {
        let record = |at| NewRecord {
            target: "mysql".to_owned(),
            at,
            body: "{}".to_owned(),
        };
        let mut left = NewRecords::default();
        for at in 0..MOST_WAITING as i64 + 5 {
            left.push(record(at));
        }
        let mut records = NewRecords::default();
        records.push(record(1_000_000));
        records.take_up(left);
        assert_eq!(records.waiting.len(), MOST_WAITING);
        assert_eq!(records.waiting.front().unwrap().at, 6);
        assert_eq!(records.waiting.back().unwrap().at, 1_000_000);
    }
}
