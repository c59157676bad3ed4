//! Whether a file is damaged.

use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::DatabaseError;

/// What each database begins with.
const BEGINNING: &[u8; 16] = b"SQLite format 3\0";

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

/// Whether a file that is there begins as databases do. One that cannot be looked at is another matter.
pub fn begins_well(path: &Path) -> bool {
    let Ok(mut file) = std::fs::File::open(path) else {
        return true;
    };
    let mut beginning = [0; BEGINNING.len()];
    match file.read_exact(&mut beginning) {
        Ok(()) => beginning == *BEGINNING,
        Err(error) => error.kind() != std::io::ErrorKind::UnexpectedEof,
    }
}

/// What is damaged in a file, found by reading all of it; `None` if nothing is, or if nobody can say.
pub fn damage(path: &Path) -> Option<String> {
    let look = || -> rusqlite::Result<String> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    };
    match look().map_err(DatabaseError::from) {
        Ok(fine) if fine == "ok" => None,
        Ok(what) => Some(what),
        Err(error) => is_unreadable(&error).then(|| error.to_string()),
    }
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
    fn damage_is_found_by_its_beginning_and_by_reading_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert!(begins_well(&path), "none is there");
        let file = Connection::open(&path).unwrap();
        file.execute_batch("CREATE TABLE a (b TEXT); INSERT INTO a VALUES (hex(zeroblob(20000)))")
            .unwrap();
        drop(file);
        assert!(begins_well(&path));
        assert_eq!(damage(&path), None);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..8192].fill(0x55);
        std::fs::write(&path, &bytes).unwrap();
        assert!(begins_well(&path));
        assert!(damage(&path).is_some());
        bytes[..16].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        assert!(!begins_well(&path));
        std::fs::write(&path, "").unwrap();
        assert!(!begins_well(&path));
    }
}
