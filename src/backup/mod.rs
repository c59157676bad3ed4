//! Everything that a wattbridge knows, in one file: what is kept over restarts, the history, the configuration and
//! what is kept of earlier ones.
//!
//! The file is one of SQLite itself, so that it can be checked as a whole: a list of what is in it, and each file
//! in pieces. Databases are copied by SQLite (`VACUUM INTO`), so that the copy is whole however busy they are.
//! Restoring looks at everything before it touches anything, and keeps what was there. Nothing in it grows old:
//! it can be put back at any later date.
//!
//! * `making`: from files to the backup
//! * `looking`: what a backup holds, and whether it is whole
//! * `restoring`: from the backup to files beside their places
//! * `exchange`: from there to their places, all or none, also where the program is killed meanwhile
//! * `structure`: whether a database has the tables that it should have, and nothing else
//! * `earlier`: what earlier configurations are called
//! * `contents`: how many devices, counters and days there are
//! * `room`: whether the disk has room, and what an end in the middle has left on it

mod contents;
mod earlier;
mod exchange;
mod looking;
mod making;
mod restoring;
mod room;
mod structure;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sqlite::DatabaseError;

pub use contents::StoredCounts;
pub use exchange::{PreparedRestore, Restored, UnfinishedRestore};
pub use looking::{Backup, HeldFile};
pub use making::{BackupParts, make};
pub use restoring::{RestorePlan, prepare, restore};
pub use room::{free_space, made_file, sent_file, sweep_leftovers};

/// What `application_id` says in a backup: "WBBU".
const APPLICATION: i64 = 0x5742_4255;
/// The format that is written.
const FORMAT: i64 = 1;
/// Bytes of a piece: as much as is held in memory.
const PIECE: usize = 1 << 20;
/// No configuration is larger, in bytes.
const LARGEST_TEXT: u64 = 1 << 20;

const TABLES: &str = "
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE file (
    name     TEXT PRIMARY KEY,
    part     TEXT NOT NULL,          -- store, history, config, copy
    bytes    INTEGER NOT NULL,
    changed  INTEGER NOT NULL,       -- seconds since 1970
    sha256   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE piece (
    file     TEXT NOT NULL,
    number   INTEGER NOT NULL,
    content  BLOB NOT NULL,
    PRIMARY KEY (file, number)
) STRICT, WITHOUT ROWID;
";

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupPart {
    /// What is kept over restarts: counters, devices, what adapters remember.
    Store,
    /// The history.
    History,
    /// The configuration.
    Config,
    /// An earlier configuration that was kept beside it.
    Copy,
}

impl BackupPart {
    const ALL: [Self; 4] = [Self::Store, Self::History, Self::Config, Self::Copy];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::History => "history",
            Self::Config => "config",
            Self::Copy => "copy",
        }
    }

    /// What a person calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Store => "what is kept over restarts",
            Self::History => "the history",
            Self::Config => "the configuration",
            Self::Copy => "an earlier configuration",
        }
    }

    const fn is_database(self) -> bool {
        matches!(self, Self::Store | Self::History)
    }
}

/// A backup cannot be made or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{}: {what}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        what: std::io::Error,
    },
    /// SQLite refuses.
    #[error("{}: {what}", .path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        what: DatabaseError,
    },
    /// There is nothing to save.
    #[error("there is nothing to save yet: neither {} nor {} is there", .store.display(), .config.display())]
    Nothing {
        /// Where the store would be.
        store: PathBuf,
        /// Where the configuration would be.
        config: PathBuf,
    },
    /// It is something else.
    #[error("{} is no backup of wattbridge", .0.display())]
    NoBackup(PathBuf),
    /// A newer version has made it.
    #[error(
        "{} was made by a newer version of wattbridge ({what} has format {found}, this one knows {known}); install that \
         version, or a newer one", .path.display()
    )]
    Newer {
        /// The backup.
        path: PathBuf,
        /// What of it.
        what: &'static str,
        /// Its format.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// It has been damaged.
    #[error("{} is damaged: {what}; take another backup. Nothing was changed.", .path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What of it.
        what: String,
    },
    /// A part of it is not what it should be, though nothing is torn.
    #[error("{} cannot be put back: {what}. Nothing was changed.", .path.display())]
    Unfit {
        /// The backup.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Everything in it is there already, or nothing of it is wanted.
    #[error("nothing was put back: {} holds nothing that is not there already", .0.display())]
    NothingNew(PathBuf),
    /// The disk is too small.
    #[error(
        "there is too little room in {}: {} MB are needed, {} MB are free; make room there, or take another disk",
        .folder.display(), needed.div_ceil(1_000_000), free / 1_000_000
    )]
    NoRoom {
        /// Where.
        folder: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// An earlier restore was interrupted, and cannot be brought to its end.
    #[error("an earlier restore was not finished: {}; start wattbridge, which finishes it", .0.display())]
    Unfinished(PathBuf),
    /// What is asked for is not in it.
    #[error("{} is not in {}; leave out --only to see what is", .part.title(), .path.display())]
    Missing {
        /// The backup.
        path: PathBuf,
        /// What is not in it.
        part: BackupPart,
    },
}

impl BackupError {
    fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<'_> {
        move |what| Self::File {
            path: path.to_owned(),
            what,
        }
    }

    fn database(path: &std::path::Path) -> impl FnOnce(rusqlite::Error) -> Self + use<'_> {
        move |what| Self::Database {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
