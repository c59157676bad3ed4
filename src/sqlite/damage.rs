//! Whether a file is damaged.

use std::path::Path;

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::DatabaseError;

/// Whether SQLite itself says that the file cannot be read.
pub fn is_unreadable(error: &DatabaseError) -> bool {
    let DatabaseError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) = error else {
        return false;
    };
    let codes = [ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt];
    let is_cut_short = failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ;
    is_cut_short || codes.contains(&failure.code)
}

/// Whether the file holds what SQLite or this program cannot have put there.
pub fn is_damage(error: &DatabaseError) -> bool {
    // A table or a column is not there, or what is in it is of another kind.
    let is_odd = match error {
        DatabaseError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => {
            failure.extended_code == ffi::SQLITE_ERROR
        }
        DatabaseError::Sqlite(
            rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..),
        ) => true,
        DatabaseError::Sqlite(_) | DatabaseError::Newer { .. } => false,
    };
    is_odd || is_unreadable(error)
}

/// What is damaged in the beginning of a file that has tables; `None` if nothing is, or if nobody can say.
pub fn damage_at_a_glance(path: &Path) -> Option<String> {
    let found = ask(path, "SELECT count(*) FROM sqlite_schema");
    found.map_or_else(
        |error| is_unreadable(&error).then(|| error.to_string()),
        |tables: i64| (tables == 0).then(|| "it is empty".to_owned()),
    )
}

/// What is damaged in a file, found by reading all of it; `None` if nothing is, or if nobody can say.
pub fn damage(path: &Path) -> Option<String> {
    let found = ask(path, "PRAGMA quick_check(1)");
    found.map_or_else(
        |error| is_unreadable(&error).then(|| error.to_string()),
        |said: String| (said != "ok").then_some(said),
    )
}

/// Asks on a connection of its own, which knows nothing yet. To read the file in another way would take away the locks
/// that this program has on it.
fn ask<T: FromSql>(path: &Path, sql: &str) -> Result<T, DatabaseError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_statement_is_no_damage_of_the_disk() {
        let file = Connection::open_in_memory().unwrap();
        let odd = file.execute("INSERT INTO nothing VALUES (1)", []);
        let odd = DatabaseError::from(odd.unwrap_err());
        assert!(is_damage(&odd) && !is_unreadable(&odd), "{odd}");
        let odd = file.query_row("SELECT 'a'", [], |row| row.get::<_, i64>(0));
        let odd = DatabaseError::from(odd.unwrap_err());
        assert!(is_damage(&odd) && !is_unreadable(&odd), "{odd}");
    }

    #[test]
    fn damage_is_found_at_a_glance_or_by_reading_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert_eq!(damage_at_a_glance(&path), None, "none is there");
        let file = Connection::open(&path).unwrap();
        file.execute_batch("CREATE TABLE a (b TEXT); INSERT INTO a VALUES (hex(zeroblob(20000)))")
            .unwrap();
        drop(file);
        assert_eq!((damage_at_a_glance(&path), damage(&path)), (None, None));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..8192].fill(0x55);
        std::fs::write(&path, &bytes).unwrap();
        assert!(damage(&path).is_some());
        bytes[..16].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        assert!(damage_at_a_glance(&path).is_some());
        std::fs::write(&path, "").unwrap();
        assert!(damage_at_a_glance(&path).is_some());
    }
}
