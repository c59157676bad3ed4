//! How long to wait after what.

use std::time::Duration;

use crate::backoff::Backoff;

/// In seconds, one after the other; the last goes on for ever.
const PAUSES: &[u64] = &[30, 60, 120, 240, 480, 900];
/// Failing for longer is more than a passing fault.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// After a failure nothing is tried sooner.
const LEAST: Duration = Duration::from_secs(10);
/// Nobody waits longer without asking again.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// When the next try may be; all times by the clock that only goes on.
#[derive(Debug)]
pub struct TargetPace {
    backoff: Backoff,
    failing_since: Option<Duration>,
    until: Duration,
    /// Between 0 and 1: not all targets try at the same moment.
    spread: f64,
}

impl TargetPace {
    /// At once; `spread` between 0 and 1 is this target's own.
    pub fn new(spread: f64) -> Self {
        Self {
            backoff: Backoff::new(PAUSES),
            failing_since: None,
            until: Duration::ZERO,
            spread: spread.clamp(0.0, 1.0),
        }
    }

    /// How long it is still to wait.
    pub const fn wait(&self, now: Duration) -> Duration {
        self.until.saturating_sub(now)
    }

    /// One more failure; the service may have said how long to wait.
    pub fn failed(&mut self, now: Duration, after: Option<Duration>) {
        self.failing_since.get_or_insert(now);
        let grown = self.backoff.after_failure();
        // Up to a tenth longer.
        let grown = grown + grown.mul_f64(self.spread / 10.0);
        // A server may say what it likes, 0 among it.
        let wait = after.map_or(grown, |after| after.clamp(LEAST, LONGEST));
        self.until = now + wait;
    }

    /// Whether it has failed for so long that it is more than a passing fault.
    pub fn is_down(&self, now: Duration) -> bool {
        let failing = self.failing_since;
        failing.is_some_and(|since| now.saturating_sub(since) > PATIENCE)
    }

    /// It works; `pause` before the next.
    pub fn worked(&mut self, now: Duration, pause: Duration) {
        self.backoff.reset();
        self.failing_since = None;
        self.until = now + pause;
    }

    /// Nothing before so long a time is over, which is no failure.
    pub fn rest(&mut self, now: Duration, pause: Duration) {
        self.until = now + pause.min(LONGEST);
    }

    /// Try at once, whatever was before.
    pub fn hurry(&mut self) {
        self.backoff.reset();
        self.until = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour_and_are_at_most_a_tenth_longer() {
        for (spread, most) in [(0.0, 1.0), (1.0, 1.1)] {
            let mut pace = TargetPace::new(spread);
            let now = Duration::from_secs(1000);
            for pause in [30, 60, 120, 240, 480, 900, 900] {
                pace.failed(now, None);
                let wait = pace.wait(now).as_secs_f64();
                assert!((wait - f64::from(pause) * most).abs() < 0.001, "{wait}");
            }
            pace.worked(now, Duration::ZERO);
            pace.failed(now, None);
            assert!(pace.wait(now) <= Duration::from_secs(33));
        }
    }

    #[test]
    fn what_the_service_asks_for_goes_before() {
        let mut pace = TargetPace::new(0.5);
        let now = Duration::from_secs(1000);
        pace.failed(now, Some(Duration::from_secs(17)));
        assert_eq!(pace.wait(now), Duration::from_secs(17));
        pace.failed(now, Some(Duration::ZERO));
        assert_eq!(pace.wait(now), LEAST);
        for much in [Duration::from_secs(1 << 40), Duration::MAX] {
            pace.failed(now, Some(much));
            assert_eq!(pace.wait(now), LONGEST);
            pace.rest(now, much);
            assert_eq!(pace.wait(now), LONGEST);
        }
        pace.failed(now, Some(Duration::from_secs(17)));
        assert!(!pace.is_down(now + PATIENCE));
        assert!(pace.is_down(now + PATIENCE + Duration::from_secs(1)));
        pace.hurry();
        assert_eq!(pace.wait(now), Duration::ZERO);
    }
}
