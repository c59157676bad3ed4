//! A clock that cannot be right: nothing is kept by it, until it has been steady for so long that what the file has of
//! a later time must be wrong instead.

use super::Keeper;
use crate::history::HistoryError;
use crate::history::pace::{MADE, SET_BACK};
use crate::history::slot::{SLOT, moment};
use crate::say;
use crate::sqlite::DatabaseError;

/// Whether a clock that shows `now` can be right. `newest` is the end of the newest slot.
fn is_set(now: i64, newest: Option<i64>) -> bool {
    now >= MADE && newest.is_none_or(|newest| now >= newest - SET_BACK)
}

impl Keeper {
    /// A clock that is not set would close slots of days that never were.
    pub(super) fn clock_is_set(&mut self, now: i64) -> bool {
        if is_set(now, self.newest) {
            return true;
        }
        if now >= MADE && self.is_steady {
            match self.set_ahead_aside(now) {
                Ok(()) => return true,
                Err(error) => {
                    self.fail(&error);
                    return false;
                }
            }
        }
        self.trouble.tell(
            say!("the clock is not set, so that nothing is kept of what is measured"),
            say!("Connect the computer to the internet or set its clock."),
        );
        false
    }

    /// The clock was ahead once: what was kept by it is set aside. It comes back should the clock be set on to its
    /// time, as it is where one without a battery was behind instead.
    fn set_ahead_aside(&mut self, now: i64) -> Result<(), HistoryError> {
        self.open_if_needed()?;
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut set_aside = || {
            let transaction = file.connection.transaction()?;
            let newest = self.ledger.set_ahead_aside(&transaction, now)?;
            transaction.commit()?;
            file.was_written();
            Ok(newest)
        };
        let (newest, ahead) =
            set_aside().map_err(|error: rusqlite::Error| DatabaseError::from(error))?;
        tracing::warn!(
            "The clock must have been ahead once: the history {} had slots of a time that has not been yet. They are set aside, \
             and it goes on from now. If the clock is wrong now instead, set it: they come back then.",
            self.place
        );
        self.newest = newest;
        self.ahead = ahead;
        self.cleared_until = 0;
        self.gathering.forget_after(now + SLOT);
        let since = moment(now);
        self.health.retain(|(_, at, _)| *at <= since);
        self.events.retain(|(_, at, _)| *at <= since);
        // What was said of a device by then is so now.
        for (device, (at, health)) in &mut self.last_health {
            if *at > since {
                *at = since;
                self.health.push((device.clone(), since, health.clone()));
            }
        }
        Ok(())
    }
}
