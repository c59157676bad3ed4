//! Readings that are older than the state that is there. They are late: what is shown is never replaced by
//! what was before it, and no counter learns from it.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Moment;

/// What was measured so recently is of now, whatever the clock showed before: it may have been set.
const OF_NOW: Duration = Duration::from_secs(60);
/// When nothing but older readings has come for so long, the clock of the device was set back.
const SET_BACK: Duration = Duration::from_secs(120);

/// The order in which the readings of one device come.
#[derive(Debug, Default)]
pub struct Order {
    /// When the latest that counted was measured.
    last: Option<Timestamp>,
    /// Since when only older ones have come.
    behind: Option<Duration>,
}

impl Order {
    /// Whether readings that were measured then, and have come now, are late.
    pub fn is_late(&mut self, measured: Timestamp, now: Moment) -> bool {
        let is_older = self.last.is_some_and(|last| measured < last);
        let is_of_now = now.wall.duration_since(measured).unsigned_abs() <= OF_NOW;
        if is_older && !is_of_now {
            let since = *self.behind.get_or_insert(now.steady);
            if now.since(since) < SET_BACK {
                return true;
            }
        }
        self.last = Some(measured);
        self.behind = None;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: i64, steady: u64) -> Moment {
        Moment {
            wall: second(wall),
            steady: Duration::from_secs(steady),
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    #[test]
    fn what_is_older_than_what_is_there_is_late() {
        let mut order = Order::default();
        assert!(!order.is_late(second(1000), at(1001, 1)));
        for before in [0, 300, 999 - 60] {
            assert!(order.is_late(second(before), at(1002, 2)), "{before}");
        }
        assert!(!order.is_late(second(1300), at(1301, 301)));
        // The next ones of the past come much later, and are no clock that was set.
        assert!(order.is_late(second(900), at(1500, 500)));
        assert!(!order.is_late(second(1500), at(1501, 501)));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_late_for_long() {
        // The clock of the host, by which most devices are read.
        let mut order = Order::default();
        assert!(!order.is_late(second(7200), at(7200, 0)));
        assert!(!order.is_late(second(3605), at(3605, 5)));
        // The clock of the device.
        let mut order = Order::default();
        assert!(!order.is_late(second(7200), at(7200, 0)));
        assert!(order.is_late(second(3900), at(7500, 300)));
        assert!(!order.is_late(second(4200), at(7800, 600)));
        assert!(!order.is_late(second(4500), at(8100, 900)));
    }
}
