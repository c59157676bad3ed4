//! Time that only goes on, made of a clock that may be set.

use std::time::Duration;

use jiff::Timestamp;

/// The most that passes between two looks: what is longer is a clock that was set, or a computer
/// that slept.
const MOST: Duration = Duration::from_secs(10);

/// How long something has been going on.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    last: Option<Timestamp>,
    elapsed: Duration,
}

impl Stopwatch {
    /// The time elapsed when the clock shows this.
    pub(super) fn at(&mut self, clock: Timestamp) -> Duration {
        if let Some(last) = self.last.replace(clock)
            && let Ok(passed) = Duration::try_from(clock.duration_since(last))
        {
            self.elapsed += passed.min(MOST);
        }
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_leaps_or_goes_back_does_no_harm() {
        let mut watch = Stopwatch::default();
        let mut elapsed = |seconds| {
            let clock = Timestamp::from_second(seconds).unwrap();
            watch.at(clock).as_secs()
        };
        assert_eq!(elapsed(1_000), 0);
        assert_eq!(elapsed(1_003), 3);
        assert_eq!(elapsed(1_700_000_000), 13);
        assert_eq!(elapsed(1_600_000_000), 13);
        assert_eq!(elapsed(1_600_000_002), 15);
    }
}
