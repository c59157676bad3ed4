//! Opening the file, also when it is damaged.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, ffi};

use super::saved::{self, Saved};
use super::{StoreError, migrations};

/// How often a file that another program holds is tried at the start. Each try waits up to 2
/// seconds itself.
const TRIES: u32 = 10;
/// The pause between two tries, as some refusals come without a wait.
const PAUSE: Duration = Duration::from_millis(500);

pub fn open(path: &Path) -> Result<(Connection, Saved), StoreError> {
    make_private(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    // With a write-ahead log a killed process loses nothing of what it wrote. Each write is synced,
    // so that a power cut loses no more than one `save_every`: with NORMAL it could lose all since
    // the log was last folded in, which may be days. The log is short and its pages reach the SD
    // card within seconds anyway, so that this costs one wait a write, in a thread of its own.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -256)?;
    migrations::migrate(&mut connection)?;
    let saved = saved::load(&connection)?;
    fold_in(&connection)?;
    Ok((connection, saved))
}

/// Opens a file for reading only. One that nobody has open is read as it stands: else SQLite would leave
/// files beside it, which perhaps belong to another user than the one that wattbridge runs as.
pub fn to_look_at(path: &Path) -> rusqlite::Result<Connection> {
    let read_only = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() {
        return Connection::open_with_flags(path, read_only);
    }
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri += "?immutable=1";
    Connection::open_with_flags(uri, read_only | rusqlite::OpenFlags::SQLITE_OPEN_URI)
}

/// Brings all that is in the log into the file, so that a copy of the file alone has it.
pub fn fold_in(connection: &Connection) -> Result<(), StoreError> {
    // A reader may hold it up, which the row returned would say; the next time will do.
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Whether the file holds what SQLite or this program cannot have put there.
pub fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => {
            let codes = [ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt];
            // A table or a column is not there.
            let is_odd = failure.extended_code == ffi::SQLITE_ERROR;
            let is_cut_short = failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ;
            is_odd || is_cut_short || codes.contains(&failure.code)
        }
        StoreError::Sqlite(
            rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..),
        ) => true,
        StoreError::Sqlite(_) | StoreError::Newer { .. } => false,
    }
}

/// Makes a new file that nobody else can read; SQLite gives its logs the same rights. One that is
/// there keeps the rights it has, and what fails here fails below in words.
fn make_private(path: &Path) {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// Opens the file at the start, when waiting for another program that holds it for a moment, such
/// as a backup, is better than to begin with nothing. A file that is no database, or a damaged one,
/// is kept under another name and replaced; true then.
pub fn open_at_start(path: &Path) -> Result<(Connection, Saved, bool), StoreError> {
    let is_busy = |error: &StoreError| {
        matches!(error, StoreError::Sqlite(error) if error.sqlite_error_code().is_some_and(
            |code| [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked].contains(&code)
        ))
    };
    match patiently(|| open(path), is_busy, || std::thread::sleep(PAUSE)) {
        Err(error) if is_damage(&error) => {
            tracing::warn!(
                "The store {} is damaged ({error}). {} It is begun anew: counters find their baseline again by \
                 themselves, energy that is computed here begins at 0. Look after the disk or SD card.",
                path.display(),
                in_words(&set_aside(path)),
            );
            let (connection, saved) = open(path)?;
            Ok((connection, saved, true))
        }
        other => other.map(|(connection, saved)| (connection, saved, false)),
    }
}

/// What became of the damaged file.
pub fn in_words(moved: &std::io::Result<Option<OsString>>) -> String {
    match moved {
        Ok(Some(aside)) => format!("What was there is kept as {}.", Path::new(aside).display()),
        Ok(None) => String::new(),
        Err(error) => format!("It could not be renamed ({error})."),
    }
}

/// Tries again while the error is one that passes.
fn patiently<T, E>(
    mut open: impl FnMut() -> Result<T, E>,
    passes: impl Fn(&E) -> bool,
    mut pause: impl FnMut(),
) -> Result<T, E> {
    for _ in 1..TRIES {
        match open() {
            Err(error) if passes(&error) => pause(),
            other => return other,
        }
    }
    open()
}

/// Renames the file, if there is one, together with its log: a log left behind would be played into
/// the new file.
pub fn set_aside(path: &Path) -> std::io::Result<Option<OsString>> {
    let stamp = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let with = |base: &OsString, end: &str| {
        let mut name = base.clone();
        name.push(end);
        name
    };
    let from = path.as_os_str().to_owned();
    let aside = with(&from, &format!(".damaged-{stamp}"));
    let mut is_there = false;
    for end in ["-wal", "-shm", ""] {
        match std::fs::rename(with(&from, end), with(&aside, end)) {
            Ok(()) => is_there = true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(is_there.then_some(aside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_held_for_a_moment_is_waited_for() {
        let mut left = 3;
        let open = || {
            left -= 1;
            if left == 0 { Ok(()) } else { Err("busy") }
        };
        let mut pauses = 0;
        assert_eq!(patiently(open, |_| true, || pauses += 1), Ok(()));
        assert_eq!(pauses, 2);

        let mut tries = 0;
        let open = || -> Result<(), &str> {
            tries += 1;
            Err("no such folder")
        };
        assert!(patiently(open, |error| *error == "busy", || {}).is_err());
        assert_eq!(tries, 1);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_a_new_store() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (connection, _) = open(&folder.path().join("store.db")).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .collect();
        assert!(files.len() >= 2, "{files:?}");
        for file in files {
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{file:?}");
        }
    }

    #[test]
    fn who_only_looks_reads_any_path_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c#d%41é&.db");
        drop(open(&path).unwrap());
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(count(), 1);
        saved::load(&to_look_at(&path).unwrap()).unwrap();
        assert_eq!(count(), 1);
        // Beside a program that runs, what is in its log is seen too.
        let (connection, _) = open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        let looking = to_look_at(&path).unwrap();
        looking
            .query_row("SELECT count(*) FROM t", [], |_| Ok(()))
            .unwrap();
        assert!(looking.execute_batch("CREATE TABLE u (x)").is_err());
    }

    #[test]
    fn every_write_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, _) = open(&folder.path().join("store.db")).unwrap();
        let ask = |name: &str| {
            connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
        };
        const FULL: i64 = 2;
        assert_eq!(ask("synchronous").unwrap(), FULL.into());
        assert_eq!(ask("journal_mode").unwrap(), "wal".to_owned().into());
    }

    #[test]
    fn the_log_of_a_damaged_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        for end in ["", "-wal", "-shm"] {
            let name = folder.path().join(format!("store.db{end}"));
            std::fs::write(name, "not a database at all. ".repeat(100)).unwrap();
        }
        set_aside(&path).unwrap();
        let names = std::fs::read_dir(folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut aside: Vec<String> = names.filter(|name| name.contains("damaged")).collect();
        aside.sort();
        assert_eq!(aside.len(), 3, "{aside:?}");
        assert!(aside[1].ends_with("-shm") && aside[2].ends_with("-wal"));
    }
}
