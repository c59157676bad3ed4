//! Whether a database has the tables that it should have, and nothing that does something by itself.

use rusqlite::Connection;

/// A table has its name and its columns: their names, types, whether they may be empty, what of the key they are, and
/// whether they are computed.
type Shape = (String, Vec<(String, String, bool, i64, i64)>);

/// Whether a database looks as one that was made by these steps.
///
/// Views, triggers and tables that are programs could go on for ever, or change what is written later; they are
/// told by what is in the list of tables itself, before anything else of it is read.
pub(super) fn check_tables(connection: &Connection, steps: &[&str]) -> Result<(), String> {
    let words = |error: rusqlite::Error| error.to_string();
    connection
        .pragma_update(None, "trusted_schema", false)
        .map_err(words)?;
    let odd: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE NOT (
                (type = 'table' AND rootpage > 0 AND sql LIKE 'CREATE TABLE %') OR
                (type = 'index' AND rootpage > 0 AND
                    (sql IS NULL OR sql LIKE 'CREATE INDEX %' OR sql LIKE 'CREATE UNIQUE INDEX %')))",
            [],
            |row| row.get(0),
        )
        .map_err(words)?;
    if odd > 0 {
        return Err("there is more in it than tables".to_owned());
    }
    let wanted = made_by(steps).map_err(words)?;
    let there = shapes(connection).map_err(words)?;
    for table in &wanted {
        match there.iter().find(|other| other.0 == table.0) {
            None => return Err(format!("its table \"{}\" is missing", table.0)),
            Some(other) if other != table => {
                return Err(format!("its table \"{}\" is another one", table.0));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn made_by(steps: &[&str]) -> rusqlite::Result<Vec<Shape>> {
    let fresh = Connection::open_in_memory()?;
    for step in steps {
        fresh.execute_batch(step)?;
    }
    shapes(&fresh)
}

fn shapes(connection: &Connection) -> rusqlite::Result<Vec<Shape>> {
    let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(query)?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let query =
        "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid";
    let mut statement = connection.prepare(query)?;
    let mut shapes = Vec::new();
    for name in names {
        let columns = statement.query_map([&name], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })?;
        let columns = columns.collect::<Result<_, _>>()?;
        shapes.push((name, columns));
    }
    Ok(shapes)
}
