//! How long to wait before something that has failed is tried again.

use std::time::Duration;

/// Pauses that become longer with each failure.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// In seconds, one after the other; the last goes on for ever.
    pauses: &'static [u64],
    failures: usize,
}

impl Backoff {
    /// Nothing has failed yet.
    pub const fn new(pauses: &'static [u64]) -> Self {
        Self {
            pauses,
            failures: 0,
        }
    }

    /// How long to wait after one more failure.
    pub fn after_failure(&mut self) -> Duration {
        let next = self.pauses.get(self.failures).or(self.pauses.last());
        self.failures = self.failures.saturating_add(1);
        Duration::from_secs(next.copied().unwrap_or_default())
    }

    /// It works.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_works_again() {
        let mut backoff = Backoff::new(&[1, 2, 5]);
        let mut pauses = |count: usize| -> Vec<u64> {
            let pauses = std::iter::repeat_with(|| backoff.after_failure().as_secs());
            let pauses = pauses.take(count).collect();
            backoff.reset();
            pauses
        };
        assert_eq!(pauses(5), [1, 2, 5, 5, 5]);
        assert_eq!(pauses(2), [1, 2]);
    }
}
