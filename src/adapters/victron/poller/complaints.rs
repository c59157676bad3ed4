//! What a device says of questions that it could not read.

use std::collections::VecDeque;
use std::time::Duration;

/// Complaints within [`WITHIN`] that are too many.
const MOST: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);

/// The complaints of a device.
#[derive(Debug, Default)]
pub struct Complaints {
    recent: VecDeque<Duration>,
    were_too_many: bool,
}

impl Complaints {
    /// Takes note of one; true if that is one too many.
    pub fn add(&mut self, now: Duration) -> bool {
        self.recent.push_back(now);
        let is_old = |at: &Duration| now.saturating_sub(*at) > WITHIN;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        let are_too_many = self.recent.len() >= MOST;
        if are_too_many {
            self.recent.clear();
            self.were_too_many = true;
        }
        are_too_many
    }

    /// Whether there ever were too many.
    pub const fn were_too_many(&self) -> bool {
        self.were_too_many
    }
}
