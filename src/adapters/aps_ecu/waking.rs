//! Whether the inverters of an ECU work, and since when.
//!
//! An ECU that hears none of its inverters says the same at night, in one bad cycle at noon, after a
//! restart of its own, and when their breaker is off. What was before and how late it is tell these
//! apart.

use std::time::Duration;

use jiff::civil::DateTime;

use crate::clock::Moment;

/// It is day for certain at these hours of the ECU's clock.
const DAY: std::ops::Range<i8> = 10..15;
/// So many cycles in a row may go wrong before it means anything.
const MISSED_CYCLES: u32 = 2;
/// Inverters that delivered more than this for each panel a cycle ago do not sleep by themselves.
pub const DUSK_W: u32 = 15;

/// What it means that inverters work or do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sky {
    /// Some work.
    Awake,
    /// None was heard, though they worked a moment ago or it is day: a bad cycle.
    Missed,
    /// None works, as at night.
    #[default]
    Asleep,
    /// None has been heard for several cycles, though it is day.
    Lost,
}

/// Follows the inverters through the day.
#[derive(Debug, Default)]
pub struct Waking {
    sky: Sky,
    woke: Option<Duration>,
    /// Cycles in a row in which none was heard, and the last of them.
    blanks: u32,
    last_blank: Option<DateTime>,
}

impl Waking {
    /// What it means at the moment.
    pub const fn sky(&self) -> Sky {
        self.sky
    }

    /// When they began to work, if they do.
    pub const fn woke(&self) -> Option<Duration> {
        self.woke
    }

    /// Takes how many work in the cycle that the ECU had at `cycle`. They were `bright` if they
    /// delivered more than at dusk when they were last heard.
    pub fn look(
        &mut self,
        online: usize,
        cycle: Option<DateTime>,
        bright: bool,
        now: Moment,
    ) -> Sky {
        if online > 0 {
            if matches!(self.sky, Sky::Asleep | Sky::Lost) || self.woke.is_none() {
                self.woke = Some(now.steady);
            }
            self.blanks = 0;
            self.sky = Sky::Awake;
            return self.sky;
        }
        // The same cycle again says nothing new.
        if self.blanks == 0 || cycle.is_none() || cycle != self.last_blank {
            self.blanks = self.blanks.saturating_add(1);
        }
        self.last_blank = cycle;
        let day = cycle.is_some_and(|at| DAY.contains(&at.hour()));
        self.sky = match self.blanks {
            ..=MISSED_CYCLES if day || bright => Sky::Missed,
            _ if day => Sky::Lost,
            _ => Sky::Asleep,
        };
        self.sky
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn cycle(hour: i8, minute: i8) -> Option<DateTime> {
        Some(date(2026, 6, 21).at(hour, minute, 0, 0))
    }

    fn now(minutes: u64) -> Moment {
        Moment {
            steady: Duration::from_secs(minutes * 60),
            ..Moment::NONE
        }
    }

    #[test]
    fn one_bad_cycle_is_no_night_and_no_fault() {
        for hour in [8, 12, 17] {
            let mut waking = Waking::default();
            waking.look(2, cycle(hour, 0), true, now(0));
            assert_eq!(waking.look(0, cycle(hour, 5), true, now(5)), Sky::Missed);
            // Asked once more within the cycle.
            assert_eq!(waking.look(0, cycle(hour, 5), true, now(6)), Sky::Missed);
            assert_eq!(waking.look(0, cycle(hour, 10), true, now(10)), Sky::Missed);
            assert_eq!(waking.look(2, cycle(hour, 15), true, now(15)), Sky::Awake);
            assert_eq!(waking.woke(), Some(Duration::ZERO), "it was no night");
        }
    }

    #[test]
    fn several_bad_cycles_are_a_fault_by_day_and_night_otherwise() {
        for (hour, sky) in [(12, Sky::Lost), (17, Sky::Asleep)] {
            let mut waking = Waking::default();
            waking.look(2, cycle(hour, 0), true, now(0));
            for minute in [5, 10] {
                waking.look(0, cycle(hour, minute), true, now(5));
            }
            assert_eq!(waking.look(0, cycle(hour, 15), true, now(15)), sky);
            waking.look(1, cycle(hour, 20), true, now(20));
            assert_eq!(waking.woke(), Some(Duration::from_secs(1200)));
        }
    }

    #[test]
    fn dusk_is_night_at_once() {
        let mut waking = Waking::default();
        waking.look(2, cycle(20, 0), false, now(0));
        assert_eq!(waking.look(0, cycle(20, 5), false, now(5)), Sky::Asleep);
        assert_eq!(waking.look(0, cycle(3, 5), false, now(400)), Sky::Asleep);
    }

    #[test]
    fn started_at_noon_without_inverters_it_takes_several_cycles_to_be_a_fault() {
        let mut waking = Waking::default();
        let sky = [0, 5, 10].map(|minute| waking.look(0, cycle(12, minute), false, now(0)));
        assert_eq!(sky, [Sky::Missed, Sky::Missed, Sky::Lost]);
    }
}
