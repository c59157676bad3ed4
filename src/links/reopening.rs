//! When a link that broke is opened again.

use std::time::Duration;

use super::error::LinkError;
use crate::backoff::Backoff;

/// An adapter that is plugged in again is to be noticed soon, and looking costs nothing.
const LONGEST_WHILE_UNPLUGGED: Duration = Duration::from_secs(5);

/// The pauses before each attempt to open a link again: 1 s, 2 s, 5 s, 10 s, then 30 s each.
#[derive(Debug, Clone)]
pub struct Reopening(Backoff);

impl Default for Reopening {
    /// Nothing has failed yet.
    fn default() -> Self {
        Self(Backoff::new(&[1, 2, 5, 10, 30]))
    }
}

impl Reopening {
    /// How long to wait after this failure. While a serial port is not there, at most 5 s.
    pub fn after(&mut self, error: &LinkError) -> Duration {
        let pause = self.0.after_failure();
        if error.is_unplugged() {
            pause.min(LONGEST_WHILE_UNPLUGGED)
        } else {
            pause
        }
    }

    /// To be called when bytes have come, and not when the link could merely be opened: one that
    /// breaks right after opening would else be opened each second.
    pub const fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_works_again() {
        let mut reopening = Reopening::default();
        let error = LinkError::Busy("/dev/ttyUSB0".to_owned());
        let mut pauses = |count: usize| -> Vec<u64> {
            let pauses = std::iter::repeat_with(|| reopening.after(&error).as_secs());
            let pauses = pauses.take(count).collect();
            reopening.reset();
            pauses
        };
        assert_eq!(pauses(7), [1, 2, 5, 10, 30, 30, 30]);
        assert_eq!(pauses(2), [1, 2]);
    }

    #[test]
    fn a_port_that_is_plugged_in_again_is_noticed_soon() {
        let mut reopening = Reopening::default();
        let gone = LinkError::Unplugged("/dev/ttyUSB0".to_owned());
        let pauses: Vec<u64> = (0..6).map(|_| reopening.after(&gone).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 5, 5, 5, 5]);
    }
}
