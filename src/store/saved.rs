//! What was saved, as read at the start, and one change to it.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::StoreError;
use crate::model::Device;

/// All that was saved.
#[derive(Debug, Default)]
pub struct Saved {
    /// The devices, with the configuration section that reached them.
    pub devices: Vec<SavedDevice>,
    /// The state of each counter by device id and metric key.
    pub counters: BTreeMap<Counter, Value>,
    /// What adapters remember, by section and key.
    pub memory: BTreeMap<(String, String), Value>,
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
    /// What there is a row of.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Subject> {
        let devices = self.devices.iter().map(|saved| Subject::Device {
            id: saved.device.id.to_string(),
        });
        let counters = self.counters.keys().cloned().map(Subject::Counter);
        let memory = self.memory.keys().map(|(source, key)| Subject::Memory {
            source: source.clone(),
            key: key.clone(),
        });
        devices.chain(counters).chain(memory)
    }
}

/// What a change is about; a later change of the same subject replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Device { id: String },
    Counter(Counter),
    Memory { source: String, key: String },
}

/// The new content; `None` removes the subject.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) source: String,
    pub(super) json: Option<String>,
}

pub(super) fn load(connection: &Connection) -> Result<Saved, StoreError> {
    let mut saved = Saved::default();
    for_each(
        connection,
        "SELECT source, json, '' FROM device",
        |source, json, _| match serde_json::from_str(&json) {
            Ok(device) => saved.devices.push(SavedDevice { source, device }),
            Err(error) => skipped("device", &error),
        },
    )?;
    for_each(
        connection,
        "SELECT device, key, state FROM counter",
        |device, key, state| match serde_json::from_str(&state) {
            Ok(value) => drop(saved.counters.insert(Counter { device, key }, value)),
            Err(error) => skipped("counter", &error),
        },
    )?;
    for_each(
        connection,
        "SELECT source, key, json FROM memory",
        |source, key, json| match serde_json::from_str(&json) {
            Ok(value) => drop(saved.memory.insert((source, key), value)),
            Err(error) => skipped("memory", &error),
        },
    )?;
    Ok(saved)
}

fn skipped(what: &str, error: &serde_json::Error) {
    tracing::warn!(
        "A saved {what} cannot be read ({error}) and is left out; it comes back by itself when the device next answers."
    );
}

fn for_each(
    connection: &Connection,
    query: &str,
    mut take: impl FnMut(String, String, String),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row.get(0)?, row.get(1)?, row.get(2)?);
    }
    Ok(())
}

/// Writes all changes, or none.
pub(super) fn write(
    connection: &mut Connection,
    changes: &BTreeMap<Subject, Content>,
) -> Result<(), StoreError> {
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
        };
    }
    Ok(transaction.commit()?)
}
