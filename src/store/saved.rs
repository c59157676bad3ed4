//! What was saved, as read at the start, and one change to it.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::model::Device;
use crate::sqlite::DatabaseError;

/// All that was saved.
#[derive(Debug, Default)]
pub struct Saved {
    /// The devices, with the configuration section that reached them.
    pub devices: Vec<SavedDevice>,
    /// The state of each counter by device id and metric key.
    pub counters: BTreeMap<Counter, Value>,
    /// What adapters remember, by section and key.
    pub memory: BTreeMap<(String, String), Value>,
    /// What devices remember of their past, by device id and date.
    pub days: BTreeMap<(String, String), Value>,
}

/// A device as it was last described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDevice {
    /// The section of the configuration that reached it.
    pub source: String,
    /// The description.
    pub device: Device,
}

/// Which counter: device id and metric key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// The device's id.
    pub device: String,
    /// The metric's key.
    pub key: String,
}

impl Saved {
    /// The same as changes that bring all of it into an empty file.
    pub fn changes(&self) -> Changes {
        let content = |source: &str, json: Option<String>| Content {
            source: source.to_owned(),
            json,
        };
        let devices = self.devices.iter().map(|saved| {
            let id = saved.device.id.to_string();
            let json = serde_json::to_string(&saved.device).ok();
            (Subject::Device { id }, content(&saved.source, json))
        });
        let counters = self.counters.iter().map(|(counter, state)| {
            let subject = Subject::Counter(counter.clone());
            (subject, content("", Some(state.to_string())))
        });
        let memory = self.memory.iter().map(|((source, key), value)| {
            let subject = Subject::Memory {
                source: source.clone(),
                key: key.clone(),
            };
            (subject, content(source, Some(value.to_string())))
        });
        let days = self.days.iter().map(|((device, date), values)| {
            let subject = Subject::Day {
                device: device.clone(),
                date: date.clone(),
            };
            (subject, content("", Some(values.to_string())))
        });
        let all = devices.chain(counters).chain(memory).chain(days);
        all.collect()
    }
}

/// What is to be written, by what it is about.
pub type Changes = BTreeMap<Subject, Content>;

/// What a change is about; a later change of the same subject replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Device { id: String },
    Counter(Counter),
    Memory { source: String, key: String },
    Day { device: String, date: String },
}

/// The new content; `None` removes the subject.
#[derive(Debug, Clone)]
pub struct Content {
    pub source: String,
    pub json: Option<String>,
}

/// Reads all rows. One that holds what nobody can have written is left out and told of.
pub fn load(connection: &Connection) -> Result<Saved, DatabaseError> {
    let mut saved = Saved::default();
    for_each(
        connection,
        "SELECT source, json, '' FROM device",
        |source, json, _| {
            let device = serde_json::from_str(json)?;
            let source = source.to_owned();
            saved.devices.push(SavedDevice { source, device });
            Ok(())
        },
    )?;
    for_each(
        connection,
        "SELECT device, key, state FROM counter",
        |device, key, state| {
            let (device, key) = (device.to_owned(), key.to_owned());
            let state = serde_json::from_str(state)?;
            saved.counters.insert(Counter { device, key }, state);
            Ok(())
        },
    )?;
    for_each(
        connection,
        "SELECT source, key, json FROM memory",
        |source, key, json| {
            let value = serde_json::from_str(json)?;
            let place = (source.to_owned(), key.to_owned());
            saved.memory.insert(place, value);
            Ok(())
        },
    )?;
    for_each(
        connection,
        "SELECT device, date, json FROM day",
        |device, date, json| {
            let values = serde_json::from_str(json)?;
            let day = (device.to_owned(), date.to_owned());
            saved.days.insert(day, values);
            Ok(())
        },
    )?;
    Ok(saved)
}

/// Why a single row cannot be used.
#[derive(Debug, thiserror::Error)]
enum BadRow {
    #[error("{0}")]
    Text(#[from] rusqlite::types::FromSqlError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

fn for_each(
    connection: &Connection,
    query: &str,
    mut take: impl FnMut(&str, &str, &str) -> Result<(), BadRow>,
) -> Result<(), DatabaseError> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let columns = [row.get_ref(0)?, row.get_ref(1)?, row.get_ref(2)?];
        let [first, second, third] = columns.map(|column| column.as_str());
        let taken = (|| take(first?, second?, third?))();
        if let Err(error) = taken {
            // The name of what it is about is all that can be said of it; it may be damaged too.
            let name: String = columns
                .iter()
                .filter_map(|column| column.as_str().ok())
                .next()
                .map(|name| name.escape_debug().take(60).collect())
                .unwrap_or_default();
            tracing::warn!(
                "What was saved of \"{name}\" cannot be read ({error}) and is left out. A device and its counters come \
                 back by themselves when it next answers; energy that is computed here begins anew."
            );
        }
    }
    Ok(())
}

/// Writes all changes, or none.
pub fn write(connection: &mut Connection, changes: &Changes) -> Result<(), DatabaseError> {
    let transaction = connection.transaction()?;
    for (subject, content) in changes {
        let json = content.json.as_ref();
        match (subject, json) {
            (Subject::Device { id }, Some(json)) => transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO device (id, source, json) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![id, content.source, json])?,
            (Subject::Device { id }, None) => transaction
                .prepare_cached("DELETE FROM device WHERE id = ?1")?
                .execute(params![id])?,
            (Subject::Counter(counter), Some(json)) => transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO counter (device, key, state) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![counter.device, counter.key, json])?,
            (Subject::Counter(counter), None) => transaction
                .prepare_cached("DELETE FROM counter WHERE device = ?1 AND key = ?2")?
                .execute(params![counter.device, counter.key])?,
            (Subject::Memory { source, key }, Some(json)) => transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO memory (source, key, json) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![source, key, json])?,
            (Subject::Memory { source, key }, None) => transaction
                .prepare_cached("DELETE FROM memory WHERE source = ?1 AND key = ?2")?
                .execute(params![source, key])?,
            (Subject::Day { device, date }, Some(json)) => transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO day (device, date, json) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![device, date, json])?,
            (Subject::Day { device, date }, None) => transaction
                .prepare_cached("DELETE FROM day WHERE device = ?1 AND date = ?2")?
                .execute(params![device, date])?,
        };
    }
    Ok(transaction.commit()?)
}
