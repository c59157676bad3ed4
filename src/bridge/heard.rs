//! When something was heard, and how long after something else that was.
//!
//! Within one run only the monotonic clock counts, so that no step of the wall clock lets anything
//! take longer or shorter than it did. What was heard in an earlier run can only be told by the wall
//! clock, which may have been wrong then or now: such a time is believed up to
//! [`LONGEST_ABSENCE`], and taken for that long where the wall clock runs backwards.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// The longest time between two runs that counts. A day at full power is more than homes move in
/// weeks, and a clock that begins in 1970 makes no more of it.
const LONGEST_ABSENCE: Duration = Duration::from_secs(24 * 3600);

/// A moment of this run, or, read back from the store, one of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub struct HeardAt {
    wall: Timestamp,
    /// `None` for a moment of an earlier run.
    monotonic: Option<Duration>,
}

impl HeardAt {
    /// This moment.
    pub fn now(clock: &Clock) -> Self {
        Self {
            wall: clock.now(),
            monotonic: Some(clock.monotonic()),
        }
    }

    /// How much later it is than another one.
    pub fn since(self, earlier: Self) -> Duration {
        match (self.monotonic, earlier.monotonic) {
            (Some(now), Some(before)) => now.saturating_sub(before),
            _ => Duration::try_from(self.wall.duration_since(earlier.wall))
                .map_or(LONGEST_ABSENCE, |absence| absence.min(LONGEST_ABSENCE)),
        }
    }
}

impl From<Timestamp> for HeardAt {
    fn from(wall: Timestamp) -> Self {
        Self {
            wall,
            monotonic: None,
        }
    }
}

impl From<HeardAt> for Timestamp {
    fn from(moment: HeardAt) -> Self {
        moment.wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, tz::TimeZone};

    fn saved(moment: HeardAt) -> HeardAt {
        serde_json::from_value(serde_json::json!(moment)).unwrap()
    }

    #[test]
    fn only_the_monotonic_clock_counts_within_a_run() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let minute = Duration::from_secs(60);
        let mut before = HeardAt::now(&clock);
        for hours in [1, -1, 24 * 365 * 56, -24 * 365 * 56] {
            clock.move_to(clock.now() + minute);
            clock.step(SignedDuration::from_hours(hours));
            let now = HeardAt::now(&clock);
            assert_eq!(now.since(before), minute, "{hours}");
            before = now;
        }
    }

    #[test]
    fn an_absence_is_as_long_as_the_wall_clock_says_up_to_a_day() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let before = saved(HeardAt::now(&clock));
        let hour = Duration::from_secs(3600);
        clock.step(SignedDuration::from_hours(1));
        assert_eq!(HeardAt::now(&clock).since(before), hour);
        clock.step(SignedDuration::from_hours(24 * 365 * 56));
        assert_eq!(HeardAt::now(&clock).since(before), LONGEST_ABSENCE);
        let before = saved(HeardAt::now(&clock));
        clock.step(SignedDuration::from_hours(-5));
        assert_eq!(HeardAt::now(&clock).since(before), LONGEST_ABSENCE);
    }
}
