//! Where the history is.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::HistoryError;

/// Where the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryPlace {
    /// On a disk.
    Disk(PathBuf),
    /// In memory, under this name of SQLite's.
    Memory(String),
}

impl HistoryPlace {
    /// A place in memory of its own.
    pub fn in_memory() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::Memory(format!("file:history-{number}?mode=memory&cache=shared"))
    }

    /// Whether there can be a file: a pipe of that name would be waited for without end.
    pub fn check(&self) -> Result<(), HistoryError> {
        let Self::Disk(path) = self else {
            return Ok(());
        };
        match std::fs::metadata(path) {
            Ok(about) if about.is_dir() => Err(HistoryError::NoFile("a folder")),
            Ok(about) if !about.is_file() => Err(HistoryError::NoFile("a pipe or a device")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for HistoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(path) => write!(f, "{}", path.display()),
            Self::Memory(_) => f.write_str("in memory"),
        }
    }
}
