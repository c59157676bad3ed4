//! A moment, by both clocks.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;

/// A moment.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Moment {
    /// By a clock that only goes on: what elapsed times are measured with.
    pub(in super::super) now: Duration,
    /// By the clock on the wall: for people, and for days.
    pub(in super::super) at: Timestamp,
}

impl Moment {
    /// In a file no time passes.
    pub(in super::super) const OF_FILE: Self = Self {
        now: Duration::ZERO,
        at: Timestamp::UNIX_EPOCH,
    };

    /// What the clock shows.
    pub(in super::super) fn of(clock: &Clock) -> Self {
        Self {
            now: clock.monotonic(),
            at: clock.now(),
        }
    }
}
