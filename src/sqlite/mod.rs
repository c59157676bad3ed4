//! Files of SQLite that outlive mishaps: a file that another program holds is waited for, one that is damaged is set
//! aside, and older formats become newer ones.

mod damage;
mod opening;
mod sameness;

pub use damage::{damage, damage_at_a_glance, is_damage, is_unreadable};
pub use opening::{
    fold_in, in_words, make_private, migrate, open_patiently, set_aside, to_look_at,
};
pub use sameness::Sameness;

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite refuses.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file was written by a newer version of this program.
    #[error("the file was written by a newer version (format {found}, this one knows {known})")]
    Newer {
        /// The format in the file.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
}

impl DatabaseError {
    /// Whether another program, or another part of this one, has the file at the moment.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code().is_some_and(
            |code| [rusqlite::ErrorCode::DatabaseBusy, rusqlite::ErrorCode::DatabaseLocked].contains(&code)
        ))
    }
}
