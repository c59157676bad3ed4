//! How long it was between two answers, as far as anybody knows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Moment;

/// Two clocks that differ by less show the same, in seconds ...
const AGREEMENT: i64 = 60;
/// ... and by this part of the time since.
const DRIFT: i64 = 100;
/// How late an answer can have been heard, in seconds.
const LATENESS: i64 = 10;

/// The time between two answers, in seconds, by each clock that can tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// By our own clock, within one run of this program. It stands while a computer sleeps, so it is the least
    /// that has passed.
    pub steady: Option<i64>,
    /// By the wall clock, where it is trusted at both ends.
    wall: Option<i64>,
    /// By the wall clock, whether it is trusted or not.
    shown: i64,
    /// When the earlier answer was, by the wall clock as it is set now.
    pub wall_of_last: Timestamp,
}

/// By how much two clocks can differ after a time.
pub const fn tolerance(passed: i64) -> i64 {
    AGREEMENT.saturating_add(passed.saturating_abs() / DRIFT)
}

/// Whole seconds.
pub fn seconds(passed: Duration) -> i64 {
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX)
}

impl Gap {
    /// Between an answer of this wall time, own time, and trust in the wall clock, and now.
    pub fn between(
        last: (Timestamp, Option<Duration>, bool),
        now: Moment,
        is_trusted: bool,
    ) -> Self {
        let (wall, steady, was_trusted) = last;
        // A moment of another run of the program can only be told from our own by being ahead of us.
        let steady = steady.and_then(|steady| now.steady.checked_sub(steady));
        let shown = now.wall.duration_since(wall).as_secs();
        let mut gap = Self {
            steady: steady.map(seconds),
            wall: Some(shown).filter(|_| is_trusted && was_trusted),
            shown,
            wall_of_last: wall,
        };
        let shift = SignedDuration::from_secs(gap.shift());
        gap.wall_of_last = wall.checked_add(shift).unwrap_or(wall);
        gap
    }

    /// By how much the wall clock was set in between, as far as it was seen.
    pub fn shift(&self) -> i64 {
        self.steady.map_or(0, |steady| {
            let shift = self.shown.saturating_sub(steady);
            if shift.abs() > tolerance(steady) {
                shift
            } else {
                0
            }
        })
    }

    /// Whether it is known how long it was, without a sign that this computer slept.
    pub fn is_sure(&self) -> bool {
        self.steady.is_some() && self.shift() == 0
    }

    /// Whether nothing is known of it.
    pub const fn is_unknown(&self) -> bool {
        self.steady.is_none() && self.wall.is_none()
    }

    /// Whether it can be so many seconds. A wall clock that was just set is believed as well if it says so: it and the
    /// inverter's are two against ours, which stands while this computer sleeps.
    pub fn agrees(&self, gone: i64) -> bool {
        is_about(self.shown, gone) || self.steady.is_some_and(|passed| is_about(passed, gone))
    }

    /// Whether it is so many seconds by the wall clock alone: this computer slept in between.
    pub fn is_by_wall(&self, span: u32) -> bool {
        let span = i64::from(span);
        is_about(self.shown, span) && !self.steady.is_some_and(|passed| is_about(passed, span))
    }

    /// Whether an inverter whose clock has gone back can have begun anew and come so far in this time. Over a
    /// restart of this program nothing else makes both clock and counters go back; if the counters have not, the
    /// wall clock has to leave time for it.
    pub fn leaves_time_for(&self, clock: u32, has_grown: bool) -> bool {
        match self.steady {
            Some(passed) => has_time(passed, clock),
            None if has_grown => self.wall.is_some_and(|passed| has_time(passed, clock)),
            None => true,
        }
    }

    /// Whether an inverter whose clock has not gone back has begun anew nevertheless: it has gone on by another
    /// time than this one, which is long enough.
    pub fn shows_new_run(&self, clock: u32) -> bool {
        self.steady
            .or(self.wall)
            .is_some_and(|passed| has_time(passed, clock))
    }

    /// Whether it is less than so many seconds for sure, unless this computer slept.
    pub fn is_less_than(&self, gone: i64) -> bool {
        self.steady
            .is_some_and(|passed| gone > passed + tolerance(passed))
    }
}

fn is_about(passed: i64, gone: i64) -> bool {
    (gone - passed).abs() <= tolerance(passed)
}

fn has_time(passed: i64, clock: u32) -> bool {
    i64::from(clock) <= passed + LATENESS + passed / DRIFT
}
