//! Opening a file, also when it is damaged or another program holds it.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::DatabaseError;

/// How often a file that another program holds is tried at the start. Each try waits up to 2
/// seconds itself.
const TRIES: u32 = 10;
/// The pause between two tries, as some refusals come without a wait.
const PAUSE: Duration = Duration::from_millis(500);

/// Brings a file to the newest format, all steps or none. Each step takes it from the format of its index to the
/// next.
pub fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), DatabaseError> {
    let transaction = connection.transaction()?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = steps.len() as i64;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    let todo = steps
        .get(done..)
        .ok_or(DatabaseError::Newer { found, known })?;
    for step in todo {
        transaction.execute_batch(step)?;
    }
    if !todo.is_empty() {
        transaction.pragma_update(None, "user_version", known)?;
    }
    Ok(transaction.commit()?)
}

/// Opens a file at the start, when waiting for another program that holds it for a moment, such as a backup, is
/// better than to begin with nothing.
pub fn open_patiently<T>(
    open: impl FnMut() -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    patiently(open, DatabaseError::is_busy, || std::thread::sleep(PAUSE))
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
pub fn fold_in(connection: &Connection) -> Result<(), DatabaseError> {
    // A reader may hold it up, which the row returned would say; the next time will do.
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Makes a new file that nobody else can read; SQLite gives its logs the same rights. One that is
/// there keeps the rights it has, and what fails here fails below in words.
pub fn make_private(path: &Path) {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
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
