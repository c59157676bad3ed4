//! Whether a record is of now, or was kept back and is sent again.
//!
//! An inverter that could not reach its server sends what it has kept in one go, hours or days later. One
//! whose clock stands wrong sends each record in its time. What they say of the time is the same; how fast
//! they come is not.

use std::time::Duration;

use jiff::Timestamp;

use super::SILENT;
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

/// How long a clock that was right is not believed to be wrong.
const TRUSTED: Duration = Duration::from_secs(24 * 3600);

/// By how many seconds the clock on the wall is ahead of the steady one: it changes when somebody sets it.
fn ahead_of_steady(now: Moment) -> i64 {
    let steady = i64::try_from(now.steady.as_secs()).unwrap_or(i64::MAX);
    now.wall.as_second().saturating_sub(steady)
}

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
    /// By how many seconds its last record was behind our clock, and when it came, if that was too far off to be
    /// of now.
    doubted: Option<(i64, Duration)>,
    /// When its clock was right last, and what had to be added to our steady time then to have the wall's.
    right: Option<(Duration, i64)>,
}

impl ClockPace {
    /// What the time of a record means; of the inverter itself, it shows how its clock stands.
    pub fn judge(&mut self, at: u32, is_own: bool, now: Moment) -> Age {
        let age = self.age(at, is_own, now);
        if is_own {
            self.doubted = match age {
                Age::Late(said) => Some((now.wall.as_second() - said.as_second(), now.steady)),
                Age::Live(_) => None,
                Age::Timeless => self.doubted,
            };
        }
        age
    }

    fn age(&mut self, at: u32, is_own: bool, now: Moment) -> Age {
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
            if is_own {
                self.right = Some((now.steady, ahead_of_steady(now)));
            }
            return Age::Live(said);
        }
        let corrected = Timestamp::from_second(i64::from(at) + self.offset).unwrap_or(said);
        if self.offset != 0 && is_fresh(corrected) {
            return Age::Live(corrected);
        }
        if is_own && self.steps >= STEPS && !self.was_right(now) {
            self.offset = age(said);
            return Age::Live(now.wall);
        }
        Age::Late(said)
    }

    /// Whether its clock was right not long ago, and ours has not been set since: what is of another time now is
    /// somebody's recording.
    fn was_right(&self, now: Moment) -> bool {
        self.right.is_some_and(|(at, ahead)| {
            now.since(at) < TRUSTED && ahead.abs_diff(ahead_of_steady(now)) <= AHEAD.unsigned_abs()
        })
    }

    fn step(&mut self, at: u32, now: Moment) {
        let Some((before, heard)) = self.last else {
            self.last = Some((at, now.steady));
            return;
        };
        let said = i64::from(at) - i64::from(before);
        let elapsed = i64::try_from(now.since(heard).as_secs()).unwrap_or(i64::MAX);
        // One that sends more often is measured over several records.
        if (0..SHORTEST).contains(&said) && elapsed < SHORTEST {
            return;
        }
        self.last = Some((at, now.steady));
        let is_at_pace = said >= SHORTEST && said.abs_diff(elapsed) <= STEADY.unsigned_abs();
        self.steps = if is_at_pace {
            self.steps.saturating_add(1)
        } else {
            0
        };
    }

    /// By how many seconds it is behind our clock what comes these days, if none of it can be told to be of now.
    pub fn doubt(&self, now: Moment) -> Option<i64> {
        let (seconds, came) = self.doubted?;
        (now.since(came) < SILENT).then_some(seconds)
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
    fn one_that_sends_often_is_believed_as_well() {
        let mut pace = ClockPace::default();
        let said: Vec<_> = (0..60)
            .map(|step| judge(&mut pace, 7200 + 10 * step, 10 * step as u64))
            .collect();
        let first = said.iter().position(|said| *said == "live").unwrap();
        assert!(
            first <= 26 && said[first..].iter().all(|said| *said == "live"),
            "{said:?}"
        );
        // What was kept back comes as often, but not at its pace.
        let mut pace = ClockPace::default();
        for step in 0..600 {
            assert_eq!(
                judge(&mut pace, -20_000 + 10 * step, step as u64 / 10),
                "late"
            );
        }
    }

    #[test]
    fn a_recording_that_is_played_at_its_pace_is_not_of_now() {
        let mut pace = ClockPace::default();
        assert_eq!(judge(&mut pace, -10, 0), "live");
        for step in 1..200_u64 {
            let at = -800_000 + 300 * step as i64;
            assert_eq!(judge(&mut pace, at, 300 * step), "late", "{step}");
        }
        // Ours is set meanwhile: then the inverter's only seems to be wrong.
        let mut pace = ClockPace::default();
        assert_eq!(judge(&mut pace, -10, 0), "live");
        let said: Vec<_> = (1..6_u64)
            .map(|step| {
                let now = Moment {
                    wall: moment(300 * step).wall + Duration::from_secs(7200),
                    ..moment(300 * step)
                };
                let at = u32::try_from(NOW + 300 * step as i64).unwrap();
                matches!(pace.judge(at, true, now), Age::Live(_))
            })
            .collect();
        assert_eq!(said, [false, true, true, true, true]);
    }

    #[test]
    fn how_far_off_is_known_as_long_as_it_is_in_doubt() {
        let mut pace = ClockPace::default();
        assert_eq!(pace.doubt(moment(0)), None);
        judge(&mut pace, 7200, 0);
        assert_eq!(pace.doubt(moment(10)), Some(-7200));
        assert_eq!(pace.doubt(moment(3600)), None);
        judge(&mut pace, 0, 10);
        assert_eq!(pace.doubt(moment(10)), None);
    }

    #[test]
    fn no_time_is_none() {
        let mut pace = ClockPace::default();
        for at in [0, u32::MAX] {
            assert_eq!(pace.judge(at, true, moment(0)), Age::Timeless);
        }
    }
}
