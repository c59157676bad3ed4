//! What a backup holds, and whether it is whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use rusqlite::Connection;

use super::structure::check_tables;
use super::{APPLICATION, BackupError, BackupPart, FORMAT, LARGEST_TEXT, PIECE, TABLES, hex};
use crate::sqlite::to_look_at;

/// No backup has more files.
const MOST_FILES: usize = 1000;

/// A file in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// The name that it had.
    pub name: String,
    /// What it is for.
    pub part: BackupPart,
    /// How large it is.
    pub bytes: u64,
    /// When it was changed last, in seconds since 1970.
    pub changed: i64,
    /// What its bytes add up to.
    pub sha256: String,
}

/// A backup that is open for reading.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    connection: Connection,
    /// When it was made, in seconds since 1970.
    pub made: Option<i64>,
    /// The version of wattbridge that made it.
    pub version: Option<String>,
    /// What is in it.
    pub files: Vec<HeldFile>,
}

impl Backup {
    /// Opens a backup and reads what is in it.
    ///
    /// # Errors
    ///
    /// It is none, is damaged, or was made by a newer version.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let none = |_| BackupError::NoBackup(path.to_owned());
        let about = std::fs::metadata(path).map_err(BackupError::file(path))?;
        if !about.is_file() {
            return Err(BackupError::NoBackup(path.to_owned()));
        }
        let connection = to_look_at(path).map_err(BackupError::database(path))?;
        let number = |name: &str| -> rusqlite::Result<i64> {
            connection.pragma_query_value(None, name, |row| row.get(0))
        };
        if number("application_id").map_err(none)? != APPLICATION {
            return Err(BackupError::NoBackup(path.to_owned()));
        }
        let found = number("user_version").map_err(none)?;
        if found > FORMAT {
            return Err(BackupError::Newer {
                path: path.to_owned(),
                what: "the backup",
                found,
                known: FORMAT,
            });
        }
        // A table that is none could go on for ever, or do something when it is read.
        check_tables(&connection, &[TABLES]).map_err(|what| damaged(path, what))?;
        let fact = |key: &str| -> Option<String> {
            let query = "SELECT value FROM about WHERE key = ?1";
            connection.query_row(query, [key], |row| row.get(0)).ok()
        };
        let (made, version) = (fact("made"), fact("version"));
        let files = list(&connection).map_err(|what| damaged(path, what))?;
        if files.len() > MOST_FILES {
            return Err(damaged(path, "it says that it has too many files"));
        }
        if files.is_empty() {
            return Err(damaged(path, "there is nothing in it"));
        }
        // What a name says of folders is nobody's business here.
        let is_odd = |held: &HeldFile| {
            held.name.is_empty()
                || held.name.contains(['/', '\0'])
                || (held.part == BackupPart::Copy && ending(&files, held).is_none())
        };
        if let Some(odd) = files.iter().find(|held| is_odd(held)) {
            let name = odd.name.escape_debug();
            return Err(damaged(path, format!("a file in it is called \"{name}\"")));
        }
        let is_large = |held: &&HeldFile| !held.part.is_database() && held.bytes > LARGEST_TEXT;
        if let Some(large) = files.iter().find(is_large) {
            return Err(BackupError::Unfit {
                path: path.to_owned(),
                what: format!("{} in it is larger than 1 MiB", large.part.title()),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            made: made.and_then(|made| made.parse().ok()),
            version,
            files,
            connection,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What follows the name of the configuration in that of an earlier one.
    pub(super) fn ending<'h>(&self, held: &'h HeldFile) -> Option<&'h str> {
        ending(&self.files, held)
    }

    /// Looks at every page and every piece.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn check(&self) -> Result<(), BackupError> {
        check_pages(&self.connection).map_err(|what| damaged(&self.path, what))?;
        for held in &self.files {
            self.copy(held, &mut std::io::sink())?;
        }
        Ok(())
    }

    /// The configuration in it, if there is one and it is text.
    ///
    /// # Errors
    ///
    /// It is not what it was.
    pub fn config(&self) -> Result<Option<String>, BackupError> {
        let mut files = self.files.iter();
        let Some(held) = files.find(|held| held.part == BackupPart::Config) else {
            return Ok(None);
        };
        let mut text = Vec::new();
        self.copy(held, &mut text)?;
        let no_text = |_| self.unfit("the configuration in it is no text");
        String::from_utf8(text).map(Some).map_err(no_text)
    }

    pub(super) fn unfit(&self, what: impl Into<String>) -> BackupError {
        BackupError::Unfit {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    /// Writes a file of it somewhere.
    ///
    /// # Errors
    ///
    /// It is not what it was, or cannot be written.
    pub fn copy(&self, held: &HeldFile, into: &mut impl Write) -> Result<(), BackupError> {
        let torn = |error: rusqlite::Error| damaged(&self.path, error.to_string());
        let altered = || {
            let name = held.name.escape_debug();
            damaged(&self.path, format!("{name} in it is not as it was"))
        };
        // What is larger than any piece is not even read.
        let query = "SELECT CASE WHEN length(content) <= ?2 THEN content END FROM piece \
                     WHERE file = ?1 ORDER BY number";
        let mut statement = self.connection.prepare(query).map_err(torn)?;
        let most = i64::try_from(PIECE).unwrap_or(i64::MAX);
        let mut rows = statement
            .query(rusqlite::params![held.name, most])
            .map_err(torn)?;
        let mut digest = Context::new(&SHA256);
        let mut bytes = 0_u64;
        while let Some(row) = rows.next().map_err(torn)? {
            let piece = row.get_ref(0).map_err(torn)?;
            let piece = piece.as_blob().map_err(|_| altered())?;
            digest.update(piece);
            bytes += piece.len() as u64;
            // It has an end, whatever is in the table.
            if bytes > held.bytes {
                return Err(altered());
            }
            into.write_all(piece)
                .map_err(BackupError::file(Path::new(&held.name)))?;
        }
        if bytes != held.bytes || hex(digest.finish().as_ref()) != held.sha256 {
            return Err(altered());
        }
        Ok(())
    }
}

/// An earlier configuration is called like the one that is in the backup too, and something behind a dot.
fn ending<'h>(files: &[HeldFile], copy: &'h HeldFile) -> Option<&'h str> {
    let mut files = files.iter();
    let config = files.find(|held| held.part == BackupPart::Config)?;
    copy.name.strip_prefix(&config.name)?.strip_prefix('.')
}

fn list(connection: &Connection) -> Result<Vec<HeldFile>, String> {
    let most = MOST_FILES + 1;
    let query = format!(
        "SELECT name, part, bytes, changed, sha256 FROM file ORDER BY part = 'copy', name LIMIT {most}"
    );
    let torn = |error: rusqlite::Error| error.to_string();
    let mut statement = connection.prepare(&query).map_err(torn)?;
    let mut rows = statement.query([]).map_err(torn)?;
    let mut files = Vec::new();
    while let Some(row) = rows.next().map_err(torn)? {
        let name: String = row.get(0).map_err(torn)?;
        let word: String = row.get(1).map_err(torn)?;
        let bytes: i64 = row.get(2).map_err(torn)?;
        let shown = name.escape_debug();
        let part = BackupPart::ALL.into_iter().find(|part| part.word() == word);
        let part = part.ok_or_else(|| {
            let word = word.escape_debug();
            format!("it says that {shown} is \"{word}\", which is nothing that it could be")
        })?;
        let bytes =
            u64::try_from(bytes).map_err(|_| format!("it says that {shown} has {bytes} bytes"))?;
        files.push(HeldFile {
            part,
            bytes,
            changed: row.get(3).map_err(torn)?,
            sha256: row.get(4).map_err(torn)?,
            name,
        });
    }
    for part in [BackupPart::Store, BackupPart::History, BackupPart::Config] {
        if files.iter().filter(|held| held.part == part).count() > 1 {
            return Err(format!("it has {} more than once", part.title()));
        }
    }
    Ok(files)
}

/// Whether every page of a database is as it should be.
pub(super) fn check_pages(connection: &Connection) -> Result<(), String> {
    let answer: Result<String, _> =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    match answer {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(answer.escape_debug().to_string()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn damaged(path: &Path, what: impl Into<String>) -> BackupError {
    BackupError::Damaged {
        path: path.to_owned(),
        what: what.into(),
    }
}
