//! How long something has been away.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// How long something has been away: time in which that was seen to be so, over all runs. While the
/// program does not run nothing is known, and no step of a clock counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    length: Duration,
    times: u32,
    #[serde(skip)]
    last: Option<Duration>,
}

impl Absence {
    /// It is missing now.
    pub fn note(&mut self, now: Moment) {
        let since = self.last.replace(now.steady).unwrap_or(now.steady);
        self.length = self.length.saturating_add(now.since(since));
        self.times = self.times.saturating_add(1);
    }

    /// How many times in a row it was missing.
    pub const fn times(&self) -> u32 {
        self.times
    }

    /// For how long it has been.
    pub const fn length(&self) -> Duration {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment {
            steady: Duration::from_secs(seconds),
            ..Moment::NONE
        }
    }

    #[test]
    fn an_absence_goes_on_after_a_restart_and_does_not_count_what_nobody_saw() {
        let mut absence = Absence::default();
        absence.note(at(500));
        assert_eq!(absence.length(), Duration::ZERO);
        absence.note(at(800));
        let text = serde_json::to_string(&absence).unwrap();
        let mut after: Absence = serde_json::from_str(&text).unwrap();
        after.note(at(3));
        after.note(at(13));
        assert_eq!(
            (after.length(), after.times()),
            (Duration::from_secs(310), 4)
        );
    }
}
