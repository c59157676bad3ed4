//! The tables, and how older files get them. Steps are only ever added at the end.

use rusqlite::Connection;

use crate::sqlite::DatabaseError;

/// Each step takes the file from the format of its index to the next.
const STEPS: &[&str] = &[
    "
    CREATE TABLE device (
        id       TEXT PRIMARY KEY,
        source   TEXT NOT NULL,           -- the section of the configuration that reached it
        json     TEXT NOT NULL            -- its description
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE counter (
        device   TEXT NOT NULL,
        key      TEXT NOT NULL,
        state    TEXT NOT NULL,           -- last good value and what confirms a new one, as JSON
        PRIMARY KEY (device, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE memory (
        source   TEXT NOT NULL,
        key      TEXT NOT NULL,
        json     TEXT NOT NULL,           -- what an adapter wants to find again
        PRIMARY KEY (source, key)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- A file from before bridges had ids: what was announced under the name they all shared. A file
    -- made just now has nothing of the kind.
    INSERT INTO memory
        SELECT 'bridge', 'name', '\"earlier\"' FROM pragma_user_version WHERE user_version = 1;
    INSERT INTO memory
        SELECT 'bridge', 'earlier', (SELECT json_group_array(id) FROM device)
        FROM pragma_user_version WHERE user_version = 1;
",
    "
    CREATE TABLE day (
        device   TEXT NOT NULL,
        date     TEXT NOT NULL,
        json     TEXT NOT NULL,           -- what the device remembers of that day, by metric
        PRIMARY KEY (device, date)
    ) STRICT, WITHOUT ROWID;
",
];

/// How the tables of the file are made, step by step. Its format is how many of them were done: this version reads those
/// with fewer, and none with more.
pub const fn steps() -> &'static [&'static str] {
    STEPS
}

/// Brings the file to the newest format, all steps or none.
pub fn migrate(connection: &mut Connection) -> Result<(), DatabaseError> {
    crate::sqlite::migrate(connection, STEPS)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A file as the first format was, with one device.
    pub fn write_first_format(path: &std::path::Path) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(STEPS[0]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO device VALUES ('smart_meter_1', 'smart_meter@here', '{}'); PRAGMA user_version = 1;",
            )
            .unwrap();
    }

    #[test]
    fn a_file_of_the_first_format_remembers_what_was_announced_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        write_first_format(&path);
        let mut connection = Connection::open(&path).unwrap();
        migrate(&mut connection).unwrap();
        let ask = |connection: &Connection, key: &str| -> String {
            let query = "SELECT json FROM memory WHERE source = 'bridge' AND key = ?1";
            connection
                .query_row(query, [key], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(ask(&connection, "name"), "\"earlier\"");
        assert_eq!(ask(&connection, "earlier"), "[\"smart_meter_1\"]");

        let mut new = Connection::open_in_memory().unwrap();
        migrate(&mut new).unwrap();
        let rows: i64 = new
            .query_row("SELECT count(*) FROM memory", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }

    #[test]
    fn a_new_file_gets_every_table_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let tables: i64 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(tables, 4);
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection).unwrap_err().to_string();
        assert!(error.contains("newer version (format 99"), "{error}");
    }
}
