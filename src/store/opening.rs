//! Opening the file, also when it is damaged.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode};

use super::saved::{self, Saved};
use super::{StoreError, migrations};

pub(super) fn open(path: &Path) -> Result<(Connection, Saved), StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    // With a write-ahead log a killed process loses nothing, and the SD card is synced only when
    // the log is folded in.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -256)?;
    migrations::migrate(&mut connection)?;
    let saved = saved::load(&connection)?;
    Ok((connection, saved))
}

/// A file that is no database, or a damaged one, is kept under another name and replaced.
pub(super) fn open_or_set_aside(path: &Path) -> Result<(Connection, Saved), StoreError> {
    let damaged = |error: &StoreError| {
        matches!(error, StoreError::Sqlite(error) if matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
        ))
    };
    match open(path) {
        Err(error) if damaged(&error) => {
            let stamp = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| d.as_secs());
            let mut aside = path.as_os_str().to_owned();
            aside.push(format!(".damaged-{stamp}"));
            let moved = std::fs::rename(path, &aside);
            tracing::warn!(
                "The store {} is damaged ({error}). {} and begun anew; counters find their baseline again by themselves.",
                path.display(),
                match &moved {
                    Ok(()) => format!("It was kept as {}", Path::new(&aside).display()),
                    Err(error) => format!("It could not be renamed ({error})"),
                }
            );
            open(path)
        }
        other => other,
    }
}
