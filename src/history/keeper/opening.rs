//! The file is opened, looked after and closed.

use std::time::Duration;

use rusqlite::Connection;

use super::Keeper;
use crate::history::HistoryError;
use crate::history::ahead;
use crate::history::filed::HistoryFile;
use crate::history::tables;
use crate::history::unwritten::{Departing, Unwritten};
use crate::sqlite::{DatabaseError, fold_in, is_unreadable};

/// How often a file is looked through because somebody could not read it, in seconds.
const LOOK_AGAIN: i64 = 600;

/// What comes so soon after the one before has missed nothing between.
const PAUSE: Duration = Duration::from_secs(300);

impl Keeper {
    /// Opens the file behind the one that had it before, and takes up what that could not write.
    pub(super) fn begin(&mut self, before: Option<Departing>) {
        if let Some(before) = before {
            self.is_followed = before.elapsed() < PAUSE;
            match before.wait() {
                Some(left) => self.take_up(left),
                None => self.before = Some(before),
            }
        }
        let opened = self.healed(Self::open);
        if let Err(error) = opened {
            self.fail(&error);
        }
        self.desk.has_opened();
    }

    /// Takes up what the one before could not write, if it has come to its end only now.
    pub(super) fn take_up_late(&mut self) {
        let Some(before) = &self.before else { return };
        if let Ok(left) = before.left() {
            self.before = None;
            if let Some(left) = left {
                self.take_up(left);
            }
            // Its slots that were not over may lie in the file since.
            if let Some(file) = self.file.take() {
                if let Err(error) = self.take_unfinished(&file.connection) {
                    tracing::debug!("slots that were not over cannot be taken up: {error}");
                }
                self.file = Some(file);
            }
        }
    }

    fn take_up(&mut self, left: Unwritten) {
        let series = left.series.into_iter();
        let places: Vec<usize> = series
            .map(|(key, about)| self.ledger.catalog.put(key, about))
            .collect();
        let place = |series: usize| places.get(series).copied();
        self.gathering.take_over(left.slots, place);
        for ((series, date), value) in left.remembered {
            if let Some(series) = place(series) {
                self.remembered.entry((series, date)).or_insert(value);
            }
        }
        // What it knew comes before what is known since.
        self.health.splice(0..0, left.health);
        self.events.splice(0..0, left.events);
        // After a pause it is news again.
        if self.is_followed {
            self.last_health = left.last_health;
        }
        self.slow.extend(left.slow);
        self.records.take_up(left.records);
    }

    /// Does something with the file, once more with a new one where it is damaged.
    pub(super) fn healed<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        match work(self) {
            Err(HistoryError::File(error)) if is_unreadable(&error) => {
                self.begin_anew(&error.to_string());
                work(self)
            }
            other => other,
        }
    }

    /// Opens the file if it is not open, or not the one any more that has its name.
    pub(super) fn open_if_needed(&mut self) -> Result<(), HistoryError> {
        if let Some(file) = &mut self.file {
            if file.is_gone() {
                if self.place.check().is_ok() {
                    tracing::warn!(
                        "The history {} was taken away; it is begun anew.",
                        self.place
                    );
                }
                self.file = None;
                self.forget_file();
            } else if let Some(what) = HistoryFile::damage_at_a_glance(&self.place) {
                self.begin_anew(&what);
            } else if file.was_changed()? {
                // What we know of the days may be wrong by now.
                self.ledger.catalog.forget_days();
            }
        }
        if self.file.is_none() {
            self.open()?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), HistoryError> {
        let file = HistoryFile::open(&self.place)?;
        self.learn(&file.connection).map_err(DatabaseError::from)?;
        self.file = Some(file);
        self.desk.reopen();
        Ok(())
    }

    /// Takes up what the file has.
    fn learn(&mut self, file: &Connection) -> rusqlite::Result<()> {
        self.ledger.catalog.fill(tables::load_series(file)?);
        let (_, newest) = tables::slot_limits(file)?;
        self.newest = newest;
        self.ahead = ahead::newest_ahead(file)?;
        self.leapt = true;
        if let Some(newest) = newest {
            self.ledger.doubt_hour(newest);
            // Nobody knows more exactly when a program was killed.
            if self.pace.is_clock() && !self.is_followed {
                tables::note_off(file, newest * 1000)?;
            }
        }
        self.take_unfinished(file)?;
        self.is_followed = false;
        Ok(())
    }

    /// Takes up the slots that were not over. Where there is a whole one by now, they only add to it.
    fn take_unfinished(&mut self, file: &Connection) -> rusqlite::Result<()> {
        for (end, id, values) in tables::take_unfinished(file)? {
            if let Some(place) = self.ledger.catalog.of_id(id) {
                let is_beside = tables::has_slot(file, end, id)?;
                self.gathering.resume(end, place, values, is_beside);
            }
        }
        Ok(())
    }

    /// Somebody could not read the file: if that is so, a new one is begun with all that is still known.
    pub(super) fn look_after(&mut self) {
        let now = self.pace.now();
        let is_soon = self.looked_at.is_some_and(|at| now - at < LOOK_AGAIN);
        if is_soon || !self.desk.was_damaged() {
            return;
        }
        self.looked_at = Some(now);
        if let Some(what) = HistoryFile::damage(&self.place) {
            self.begin_anew(&what);
            self.close_slots();
        }
    }

    /// Sets aside what is there.
    fn begin_anew(&mut self, what: &str) {
        let moved = HistoryFile::set_aside(&self.place);
        self.file = None;
        self.forget_file();
        tracing::warn!(
            "The history {} is damaged ({what}). {} It is begun anew; counters and all that is published are not touched. \
             Look after the disk or SD card.",
            self.place,
            moved,
        );
    }

    fn forget_file(&mut self) {
        self.ledger.catalog.forget_file();
        self.gathering.renew();
        self.roles_are_new = true;
        self.newest = None;
        self.ahead = None;
        self.cleared_until = 0;
        self.desk.reopen();
    }

    /// Writes all there is and closes the file; what could not be written comes back. With `goes_on` another history
    /// follows at once.
    pub(super) fn finish(mut self, goes_on: bool) -> Unwritten {
        let now = self.pace.now();
        if !self.pace.is_clock() || self.clock_is_set(now) {
            self.close_slots();
        }
        self.write_records();
        if let Some(mut file) = self.file.take() {
            match self.put_unfinished(&mut file.connection, now, goes_on) {
                Ok(()) => self.gathering.forget_unfinished(now),
                Err(error) => tracing::debug!("the slot that is not over cannot be kept: {error}"),
            }
            self.desk.close();
            let _ = fold_in(&file.connection);
        }
        self.desk.close();
        Unwritten {
            series: self.ledger.catalog.known(),
            slots: self.gathering,
            remembered: self.remembered,
            health: self.health,
            events: self.events,
            last_health: self.last_health,
            slow: self.slow,
            records: self.records,
        }
    }

    fn put_unfinished(
        &self,
        file: &mut Connection,
        now: i64,
        goes_on: bool,
    ) -> rusqlite::Result<()> {
        let transaction = file.transaction()?;
        for (end, place, values) in self.gathering.unfinished(now) {
            let series = self.ledger.catalog.get(place);
            if let Some(id) = series.and_then(|series| series.id) {
                tables::put_unfinished(&transaction, end, id, values)?;
            }
        }
        // Who only corrects or imports says nothing of how devices are.
        if self.pace.is_clock() && !goes_on {
            tables::note_off(&transaction, now.saturating_mul(1000))?;
        }
        transaction.commit()
    }
}
