//! Opening the file, also when it is damaged.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::migrations;
use super::saved::{self, Saved};
use crate::sqlite::{
    DatabaseError, fold_in, in_words, is_damage, make_private, open_patiently, set_aside,
};

pub fn open(path: &Path) -> Result<(Connection, Saved), DatabaseError> {
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

/// Opens the file at the start. A file that is no database, or a damaged one, is kept under another name and
/// replaced; true then.
pub fn open_at_start(path: &Path) -> Result<(Connection, Saved, bool), DatabaseError> {
    match open_patiently(|| open(path)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::to_look_at;

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
}
