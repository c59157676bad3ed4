//! Which way the grid and the battery go, without wavering: around nothing a meter shows now this side, now that.

use std::time::Duration;

/// Below this nothing goes either way.
pub const REST: i64 = 30;
/// Beyond this it goes the other way at once.
const CLEARLY: i64 = 50;
/// Less than that goes the other way after this time.
const SETTLED: Duration = Duration::from_secs(60);

/// Where a node of the flow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Nothing that counts goes either way.
    #[default]
    Rest,
    /// Into the house: taken from the grid, out of a battery.
    In,
    /// Out of the house: given to the grid, into a battery.
    Out,
}

/// One node over time.
#[derive(Debug, Clone, Default)]
pub struct Side {
    stands: Direction,
    wants_since: Option<(Direction, Duration)>,
}

impl Side {
    /// Where it stands with so many watts coming in, at a moment of a clock that only goes on.
    pub fn at(&mut self, watts_in: i64, now: Duration) -> Direction {
        let seems = match watts_in {
            watts if watts >= REST => Direction::In,
            watts if watts <= -REST => Direction::Out,
            _ => Direction::Rest,
        };
        if seems == self.stands {
            self.wants_since = None;
            return self.stands;
        }
        let since = match self.wants_since {
            Some((wanted, since)) if wanted == seems => since,
            _ => now,
        };
        self.wants_since = Some((seems, since));
        let is_first = self.stands == Direction::Rest;
        let is_clear = watts_in.saturating_abs() > CLEARLY;
        if is_first || is_clear || now.saturating_sub(since) >= SETTLED {
            self.stands = seems;
            self.wants_since = None;
        }
        self.stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_does_not_waver_around_nothing() {
        let mut side = Side::default();
        assert_eq!(side.at(300, seconds(0)), Direction::In);
        assert_eq!(side.at(-40, seconds(1)), Direction::In);
        assert_eq!(side.at(40, seconds(2)), Direction::In);
        assert_eq!(side.at(-40, seconds(3)), Direction::In);
        assert_eq!(side.at(-40, seconds(62)), Direction::In);
        assert_eq!(side.at(-40, seconds(63)), Direction::Out);
        assert_eq!(side.at(60, seconds(64)), Direction::In);
        assert_eq!(side.at(0, seconds(65)), Direction::In);
        assert_eq!(side.at(0, seconds(125)), Direction::Rest);
        assert_eq!(side.at(-31, seconds(126)), Direction::Out);
    }
}
