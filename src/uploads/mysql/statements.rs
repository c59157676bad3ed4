//! What is told to the client program, a statement a line.

use std::collections::BTreeMap;

use super::rows::insertion;
use crate::history::{DeviceRecord, KeptRecord};

/// What came so soon after the record before came in the same frame, in seconds.
const TOGETHER: i64 = 1;
/// The first word of the line that says that all was done.
const WORD: &str = "wattbridge";

/// SqlStatements for records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqlStatements {
    /// All lines.
    pub text: String,
    /// Which record has its row in which line, counted from 1.
    pub lines: BTreeMap<usize, i64>,
    /// The records that are done with when they are done, whether they have a row or not.
    pub records: Vec<i64>,
    /// When the last of them came, in seconds since 1970.
    pub through: i64,
    /// How many lines there are.
    count: usize,
}

impl SqlStatements {
    /// One more line; its number comes back.
    fn push(&mut self, statement: &str) -> usize {
        self.text.push_str(statement);
        self.text.push('\n');
        self.count += 1;
        self.count
    }
}

/// A frame: what came at once.
fn frames(records: &[KeptRecord]) -> impl Iterator<Item = &[KeptRecord]> {
    records.chunk_by(|one, next| (0..=TOGETHER).contains(&(next.at - one.at)))
}

/// The statements for records; `is_wanted` says of which devices. Where more of them wait than these the last frame may
/// be cut, and is left for the next time.
pub fn statements(
    records: &[KeptRecord],
    has_more: bool,
    is_wanted: impl Fn(&DeviceRecord) -> bool,
) -> SqlStatements {
    let count = frames(records).count();
    let whole = if has_more && count > 1 {
        count - 1
    } else {
        count
    };
    let mut told = SqlStatements::default();
    for frame in frames(records).take(whole) {
        let rows = frame.iter().filter_map(|kept| {
            let record: DeviceRecord = serde_json::from_str(&kept.body).ok()?;
            let row = is_wanted(&record).then(|| insertion(&record)).flatten()?;
            Some((kept.id, row))
        });
        let rows: Vec<_> = rows.collect();
        told.records.extend(frame.iter().map(|kept| kept.id));
        let came = frame.iter().map(|kept| kept.at).max().unwrap_or_default();
        told.through = told.through.max(came);
        if rows.is_empty() {
            continue;
        }
        if told.text.is_empty() {
            told.push("SET SESSION sql_mode='STRICT_ALL_TABLES';");
        }
        told.push("START TRANSACTION;");
        for (id, row) in rows {
            let line = told.push(&row);
            told.lines.insert(line, id);
        }
        told.push(&format!("UPDATE live_update SET last_telemetry={came};"));
        told.push("COMMIT;");
    }
    if !told.text.is_empty() {
        let last = told.records.last().copied().unwrap_or_default();
        told.push(&confirmation(last));
    }
    told
}

/// The statement that has the program say that it is through.
pub fn confirmation(number: i64) -> String {
    format!("SELECT '{WORD} {number}';")
}

/// Whether a program says so, at the end of what it prints.
pub fn is_confirmed(output: &str, number: i64) -> bool {
    let last = output.trim_end().lines().next_back();
    last.is_some_and(|line| line.trim() == format!("{WORD} {number}"))
}
