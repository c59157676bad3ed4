//! Where the program gets the time from, so that tests and replays can bring their own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tokio::time::Instant;

/// A source of wall-clock time that can also wait. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    kind: Kind,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The clock of the host.
    System,
    /// Follows tokio's clock from a given moment on, which tests pause and advance.
    Tokio { start: Timestamp, origin: Instant },
    /// Stands still until it is moved, and never waits.
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The clock of the host, in the host's time zone.
    pub fn system() -> Self {
        Self {
            kind: Kind::System,
            zone: TimeZone::system(),
        }
    }

    /// A clock that starts at `start` now and runs with tokio's clock.
    pub fn following_tokio(start: Timestamp, zone: TimeZone) -> Self {
        Self {
            kind: Kind::Tokio {
                start,
                origin: Instant::now(),
            },
            zone,
        }
    }

    /// A clock that shows `start` until [`Clock::move_to`]. Waiting moves it instead.
    pub fn manual(start: Timestamp, zone: TimeZone) -> Self {
        Self {
            kind: Kind::Manual(Arc::new(Mutex::new(start))),
            zone,
        }
    }

    /// The moment it shows.
    pub fn now(&self) -> Timestamp {
        match &self.kind {
            Kind::System => Timestamp::now(),
            Kind::Tokio { start, origin } => start
                .checked_add(origin.elapsed())
                .unwrap_or(Timestamp::MAX),
            Kind::Manual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The moment it shows, in the time zone of the host.
    pub fn local(&self) -> Zoned {
        self.now().to_zoned(self.zone.clone())
    }

    /// The time zone of the host.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Sets a manual clock; others keep their own time.
    pub fn move_to(&self, moment: Timestamp) {
        if let Kind::Manual(time) = &self.kind {
            *time.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        }
    }

    /// Waits. A manual clock jumps ahead instead, giving other tasks a turn.
    pub async fn sleep(&self, duration: Duration) {
        if let Kind::Manual(time) = &self.kind {
            {
                let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
                *time = time.checked_add(duration).unwrap_or(Timestamp::MAX);
            }
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(duration).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-06-21T12:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn follows_the_clock_that_tests_advance() {
        let clock = Clock::following_tokio(noon(), TimeZone::UTC);
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), noon() + Duration::from_secs(90));
    }

    #[tokio::test]
    async fn a_manual_clock_jumps_instead_of_waiting() {
        let clock = Clock::manual(noon(), TimeZone::UTC);
        clock.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(clock.local().date().to_string(), "2026-06-22");
    }
}
