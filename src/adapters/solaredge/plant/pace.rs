//! Whether a record is of now, or was kept back and is sent again.
//!
//! An inverter that could not reach its server sends what it has kept in one go, hours or days later. One
//! whose clock stands wrong sends each record in its time. What they say of the time is the same; how fast
//! they come is not.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Moment;

/// From its measurement to its arrival no record of now takes longer, in seconds.
const FRESH: i64 = 15 * 60;
/// How far ahead of ours a clock may be.
const AHEAD: i64 = 5 * 60;
/// Records that come at the pace of their times, before a wrong clock is believed.
const STEPS: u8 = 2;
/// By how many seconds such a step may differ.
const STEADY: i64 = 90;
/// Shorter steps do not tell.
const SHORTEST: i64 = 120;

/// What the time of a record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It is of now, and was measured then.
    Live(Timestamp),
    /// It was kept back, or is from a clock that nobody can believe.
    Late(Timestamp),
    /// It says no time.
    Timeless,
}

/// How the clock of an inverter stands to ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockPace {
    /// The last record of the inverter itself: its time, and when it came.
    last: Option<(u32, Duration)>,
    steps: u8,
    /// Seconds to be added to its times.
    offset: i64,
}

impl ClockPace {
    /// What the time of a record means; of the inverter itself, it shows how its clock stands.
    pub fn judge(&mut self, at: u32, is_own: bool, now: Moment) -> Age {
        let Ok(said) = Timestamp::from_second(at.into()) else {
            return Age::Timeless;
        };
        if at == 0 || at == u32::MAX {
            return Age::Timeless;
        }
        if is_own {
            self.step(at, now);
        }
        let age = |at: Timestamp| now.wall.as_second() - at.as_second();
        let is_fresh = |at: Timestamp| (-AHEAD..=FRESH).contains(&age(at));
        if is_fresh(said) {
            self.offset = 0;
            return Age::Live(said);
        }
        let corrected = Timestamp::from_second(i64::from(at) + self.offset).unwrap_or(said);
        if self.offset != 0 && is_fresh(corrected) {
            return Age::Live(corrected);
        }
        if is_own && self.steps >= STEPS {
            self.offset = age(said);
            return Age::Live(now.wall);
        }
        Age::Late(said)
    }

    fn step(&mut self, at: u32, now: Moment) {
        let last = self.last.replace((at, now.steady));
        let Some((before, heard)) = last.filter(|(before, _)| *before != at) else {
            return;
        };
        let said = i64::from(at) - i64::from(before);
        let elapsed = i64::try_from(now.since(heard).as_secs()).unwrap_or(i64::MAX);
        let is_at_pace = said >= SHORTEST && said.abs_diff(elapsed) <= STEADY.unsigned_abs();
        self.steps = if is_at_pace {
            self.steps.saturating_add(1)
        } else {
            0
        };
    }

    /// By how many seconds its clock is behind ours, if that is more than anybody expects.
    pub const fn is_off_by(&self) -> Option<i64> {
        if self.offset == 0 {
            None
        } else {
            Some(self.offset)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;

    fn moment(seconds: u64) -> Moment {
        Moment {
            wall: Timestamp::from_second(NOW).unwrap() + Duration::from_secs(seconds),
            steady: Duration::from_secs(seconds),
        }
    }

    fn judge(pace: &mut ClockPace, at: i64, seconds: u64) -> &'static str {
        match pace.judge(u32::try_from(NOW + at).unwrap(), true, moment(seconds)) {
            Age::Live(_) => "live",
            Age::Late(_) => "late",
            Age::Timeless => "timeless",
        }
    }

    #[test]
    fn what_is_sent_again_is_late() {
        let mut pace = ClockPace::default();
        for step in 0..20 {
            assert_eq!(judge(&mut pace, -20_000 + 300 * step, step as u64), "late");
        }
        assert_eq!(judge(&mut pace, -250, 21), "live");
        assert_eq!(judge(&mut pace, -950, 22), "late");
    }

    #[test]
    fn a_clock_that_stands_wrong_is_believed_by_its_pace() {
        for offset in [-7200, 7200] {
            let mut pace = ClockPace::default();
            let said: Vec<_> = (0..5)
                .map(|step| judge(&mut pace, offset + 300 * step, 300 * step as u64 + 10))
                .collect();
            assert_eq!(said, ["late", "late", "live", "live", "live"]);
            assert_eq!(pace.is_off_by(), Some(600 + 10 - 600 - offset));
            // It is set right.
            assert_eq!(judge(&mut pace, 1500, 1510), "live");
            assert_eq!(pace.is_off_by(), None);
        }
    }

    #[test]
    fn no_time_is_none() {
        let mut pace = ClockPace::default();
        for at in [0, u32::MAX] {
            assert_eq!(pace.judge(at, true, moment(0)), Age::Timeless);
        }
    }
}
