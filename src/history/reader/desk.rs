//! Connections that only read, lent to one question after the other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::history::HistoryError;
use crate::history::place::HistoryPlace;
use crate::sqlite::{DatabaseError, is_unreadable, to_look_at};

/// So many connections stay open for the next question.
const SPARE: usize = 2;
/// How long a question waits for the file to be opened; then it finds out for itself what is the matter.
const OPENING: Duration = Duration::from_secs(10);

/// Where questions are asked.
#[derive(Debug)]
pub struct Desk {
    /// `None` where there is no history.
    place: Option<HistoryPlace>,
    free: Mutex<Vec<(u64, Connection)>>,
    /// Grows when the file is another one.
    era: AtomicU64,
    /// Nobody writes any more: whoever opened the file now would leave its log behind.
    is_closed: AtomicBool,
    /// Perhaps nobody else has the file open.
    is_alone: bool,
    /// Somebody could not read it.
    is_damaged: AtomicBool,
    /// Whoever writes has not come so far that there are tables, of today's format.
    is_opening: Mutex<bool>,
    opened: Condvar,
}

impl Desk {
    /// For the history at this place, which somebody is about to open for writing: questions wait for
    /// [`Self::has_opened`].
    pub fn at(place: HistoryPlace) -> Self {
        Self {
            place: Some(place),
            is_opening: Mutex::new(true),
            ..Self::none()
        }
    }

    /// The same from another program than the one that writes, which may not even run: nothing is left beside the
    /// file, which perhaps belongs to another user.
    pub fn beside(place: HistoryPlace) -> Self {
        Self {
            place: Some(place),
            is_alone: true,
            ..Self::none()
        }
    }

    /// Where there is none.
    pub const fn none() -> Self {
        Self {
            place: None,
            free: Mutex::new(Vec::new()),
            era: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            is_alone: false,
            is_damaged: AtomicBool::new(false),
            is_opening: Mutex::new(false),
            opened: Condvar::new(),
        }
    }

    /// The file was opened, or cannot be.
    pub fn has_opened(&self) {
        *self
            .is_opening
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
        self.opened.notify_all();
    }

    fn await_opening(&self) {
        let is_opening = self
            .is_opening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drop(
            self.opened
                .wait_timeout_while(is_opening, OPENING, |it| *it),
        );
    }

    /// The file is to be closed, for good.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.reopen();
    }

    /// The file is another one.
    pub fn reopen(&self) {
        self.era.fetch_add(1, Ordering::Relaxed);
        self.free().clear();
    }

    /// Whether somebody has found the file damaged since this was asked last.
    pub fn was_damaged(&self) -> bool {
        self.is_damaged.swap(false, Ordering::Relaxed)
    }

    /// Asks on a connection that nobody else uses.
    pub fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let answer = self.ask_once(question);
        if let Err(HistoryError::File(error)) = &answer
            && is_unreadable(error)
        {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
        answer
    }

    fn ask_once<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let place = self.place.as_ref().ok_or(HistoryError::Off)?;
        self.await_opening();
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(HistoryError::Stopping);
        }
        let era = self.era.load(Ordering::Relaxed);
        let spare = self.free().pop().filter(|(of, _)| *of == era);
        let connection = match spare {
            Some((_, connection)) => connection,
            None => open(place, self.is_alone)?,
        };
        let answer = {
            // All of an answer is of one moment.
            let all = connection.unchecked_transaction();
            let _all = all.map_err(DatabaseError::from)?;
            question(&connection)?
        };
        let mut free = self.free();
        if free.len() < SPARE && era == self.era.load(Ordering::Relaxed) {
            free.push((era, connection));
        }
        Ok(answer)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(place: &HistoryPlace, is_alone: bool) -> Result<Connection, HistoryError> {
    place.check()?;
    let connection = match place {
        HistoryPlace::Disk(path) if is_alone => to_look_at(path).map_err(DatabaseError::from)?,
        HistoryPlace::Disk(path) => {
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
        }
        HistoryPlace::Memory(name) => {
            let connection = Connection::open(name)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "read_uncommitted", true)?;
            connection
        }
    };
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}
