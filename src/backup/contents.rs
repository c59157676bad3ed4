//! How much there is in the databases, for people who have to choose between two of them.

use std::path::Path;

use crate::sqlite::to_look_at;

/// What can be counted. What is not there is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredCounts {
    /// Devices in the store.
    pub devices: Option<u64>,
    /// Counters in the store.
    pub counters: Option<u64>,
    /// Days in the history.
    pub days: Option<u64>,
}

impl StoredCounts {
    /// Those of a store and of a history, which may be in use.
    pub fn of(store: Option<&Path>, history: Option<&Path>) -> Self {
        Self {
            devices: count(store, "SELECT count(*) FROM device"),
            counters: count(store, "SELECT count(*) FROM counter"),
            days: count(history, "SELECT count(DISTINCT date) FROM day"),
        }
    }
}

fn count(path: Option<&Path>, query: &str) -> Option<u64> {
    let connection = to_look_at(path.filter(|path| path.exists())?).ok()?;
    let count: i64 = connection.query_row(query, [], |row| row.get(0)).ok()?;
    u64::try_from(count).ok()
}
