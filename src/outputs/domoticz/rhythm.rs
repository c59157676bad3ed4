//! When Domoticz is told: what changed, but not too often; the rest from time to time.

use std::time::Duration;

use tokio::time::Instant;

/// Domoticz is told again what has not changed, or its charts would end.
pub const AGAIN: Duration = Duration::from_secs(300);

/// The messages to one device of Domoticz.
#[derive(Debug)]
pub struct TellingRhythm {
    every: Duration,
    last: Option<(Instant, String)>,
    /// Refused: not before this.
    held: Option<Instant>,
}

impl TellingRhythm {
    /// At most one message in this time.
    pub const fn new(every: Duration) -> Self {
        Self {
            every,
            last: None,
            held: None,
        }
    }

    /// When these words may be told.
    pub fn due(&self, now: Instant, words: &str) -> Instant {
        let due = match &self.last {
            None => now,
            Some((at, before)) if before == words => *at + AGAIN,
            Some((at, _)) => *at + self.every,
        };
        self.held.map_or(due, |held| held.max(due))
    }

    /// They were told.
    pub fn told(&mut self, now: Instant, words: String) {
        self.last = Some((now, words));
        self.held = None;
    }

    /// They were refused, which will not mend itself: the next try comes late.
    pub fn hold(&mut self, now: Instant) {
        self.held = Some(now + AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_told_soon_and_what_stays_again() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut rhythm = TellingRhythm::new(Duration::from_secs(10));
        assert_eq!(rhythm.due(after(1), "1"), after(1));
        rhythm.told(after(1), "1".to_owned());
        assert_eq!(rhythm.due(after(2), "2"), after(11));
        assert_eq!(rhythm.due(after(2), "1"), after(301));
        rhythm.hold(after(20));
        assert_eq!(rhythm.due(after(20), "2"), after(320));
        rhythm.told(after(320), "2".to_owned());
        assert_eq!(rhythm.due(after(321), "3"), after(330));
    }
}
