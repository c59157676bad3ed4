//! When a fault happens, as people write it.
//!
//! | When | Example | Meaning |
//! |---|---|---|
//! | nothing | `hang` | always |
//! | chance | `lifetime-zero@5%` | at random, in so many of 100 answers |
//! | every | `empty@every=10` | the 10th, 20th, ... answer |
//! | first | `status-02@first=3` | the first three answers, then never again |
//! | window | `hang@30s..60s` | between these times after the start; either may be left out |

use std::time::Duration;

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Every time.
    Always,
    /// At random, with this probability from 0 to 1.
    Chance(f64),
    /// Every n-th time.
    Every(u32),
    /// The first so many times.
    First(u32),
    /// Between two times after the start, by the real clock.
    Window(Duration, Option<Duration>),
}

impl Schedule {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent.parse().ok()?;
            return (0.0..=100.0)
                .contains(&percent)
                .then_some(Self::Chance(percent / 100.0));
        }
        if let Some(count) = text.strip_prefix("every=") {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            return Some(Self::Every(count));
        }
        if let Some(count) = text.strip_prefix("first=") {
            return Some(Self::First(count.parse().ok()?));
        }
        let (from, to) = text.split_once("..")?;
        let length = |text: &str| humantime::parse_duration(text).ok();
        let from = if from.is_empty() {
            Duration::ZERO
        } else {
            length(from)?
        };
        let to = if to.is_empty() {
            None
        } else {
            Some(length(to).filter(|to| *to > from)?)
        };
        Some(Self::Window(from, to))
    }

    /// Whether it is that time, for those that say when and not how often.
    pub fn holds(self, elapsed: Duration) -> bool {
        match self {
            Self::Always => true,
            Self::Window(from, to) => from <= elapsed && to.is_none_or(|to| elapsed < to),
            Self::Chance(_) | Self::Every(_) | Self::First(_) => false,
        }
    }

    /// Whether it says when, not how often.
    pub const fn lasts(self) -> bool {
        matches!(self, Self::Always | Self::Window(..))
    }
}
