//! The file while it is open for writing.

use rusqlite::Connection;

use super::HistoryError;
use super::place::HistoryPlace;
use super::tables;
use crate::sqlite::{
    DatabaseError, Sameness, damage, damage_at_a_glance, in_words, open_patiently, set_aside,
};

/// The file, and how we left it.
#[derive(Debug)]
pub struct HistoryFile {
    pub connection: Connection,
    place: HistoryPlace,
    sameness: Option<Sameness>,
    /// Another number when another program has written into it.
    data_version: i64,
}

impl HistoryFile {
    /// Opens the file, or makes it.
    pub fn open(place: &HistoryPlace) -> Result<Self, HistoryError> {
        place.check()?;
        let connection = match place {
            HistoryPlace::Disk(path) => open_patiently(|| tables::open(path))?,
            HistoryPlace::Memory(name) => tables::prepare(Connection::open(name)?)?,
        };
        let mut file = Self {
            data_version: data_version(&connection)?,
            connection,
            place: place.clone(),
            sameness: None,
        };
        file.was_written();
        Ok(file)
    }

    /// Sets aside what is there; what became of it, in words.
    pub fn set_aside(place: &HistoryPlace) -> String {
        match place {
            HistoryPlace::Disk(path) => in_words(&set_aside(path)),
            HistoryPlace::Memory(_) => String::new(),
        }
    }

    /// We have written into it.
    pub fn was_written(&mut self) {
        if let HistoryPlace::Disk(path) = &self.place {
            self.sameness = Some(Sameness::of(path));
        }
    }

    /// Whether it was taken away: what is written goes nowhere.
    pub fn is_gone(&self) -> bool {
        match (&self.place, &self.sameness) {
            (HistoryPlace::Disk(path), Some(sameness)) => sameness.is_of_another(path),
            _ => false,
        }
    }

    /// What is damaged, as far as that costs next to nothing, so that it is asked with each write: a connection that is
    /// open knows its pages, and writes on into the log of a file that nobody can read any more.
    pub fn damage_at_a_glance(place: &HistoryPlace) -> Option<String> {
        match place {
            HistoryPlace::Disk(path) => damage_at_a_glance(path),
            HistoryPlace::Memory(_) => None,
        }
    }

    /// What is damaged in the file that is there, found by reading all of it; `None` if nothing is.
    pub fn damage(place: &HistoryPlace) -> Option<String> {
        match place {
            HistoryPlace::Disk(path) => damage(path),
            HistoryPlace::Memory(_) => None,
        }
    }

    /// Whether another program has written into it since this was asked last.
    pub fn was_changed(&mut self) -> Result<bool, DatabaseError> {
        let now = data_version(&self.connection)?;
        Ok(std::mem::replace(&mut self.data_version, now) != now)
    }
}

fn data_version(file: &Connection) -> Result<i64, DatabaseError> {
    Ok(file.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}
