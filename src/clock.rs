//! Where the program gets the time from, so that tests and replays can bring their own.
//!
//! There are two times. [`Clock::now`] is what a clock on the wall shows: right for people, days and
//! what is published, but somebody or a time server may set it at any moment. [`Clock::monotonic`]
//! only ever goes on: every elapsed time is measured with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use tokio::time::Instant;

/// A source of time that can also wait. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    kind: ClockKind,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum ClockKind {
    /// The clocks of the host.
    System { origin: Instant },
    /// Follows tokio's clock, which tests pause and advance, from a given moment on.
    Tokio {
        wall: Arc<Mutex<Timestamp>>,
        origin: Instant,
    },
    /// Stands still until it is moved, and never waits.
    Manual(Arc<Mutex<Hands>>),
}

/// A moment by both times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What the clock on the wall shows: for people, for days, for what is published.
    pub wall: Timestamp,
    /// How long the clock has been running: what elapsed times are measured with.
    pub steady: Duration,
}

impl Moment {
    /// The only moment of a file, in which no time passes.
    pub const NONE: Self = Self {
        wall: Timestamp::UNIX_EPOCH,
        steady: Duration::ZERO,
    };

    /// What the clock on the wall, as it is set now, would have shown at another moment.
    pub fn wall_of(self, earlier: Duration) -> Timestamp {
        let ago = self.since(earlier);
        self.wall.checked_sub(ago).unwrap_or(Timestamp::MIN)
    }

    /// How long ago, by [`Clock::monotonic`], another moment was.
    pub const fn since(self, earlier: Duration) -> Duration {
        self.steady.saturating_sub(earlier)
    }
}

/// What a manual clock shows.
#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: Timestamp,
    elapsed: Duration,
}

impl Clock {
    /// The clock of the host, in the host's time zone.
    pub fn system() -> Self {
        Self {
            kind: ClockKind::System {
                origin: Instant::now(),
            },
            zone: TimeZone::system(),
        }
    }

    /// The clock of the host, in another time zone.
    #[must_use]
    pub fn within(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// A clock that starts at `start` now and runs with tokio's clock.
    pub fn following_tokio(start: Timestamp, zone: TimeZone) -> Self {
        Self {
            kind: ClockKind::Tokio {
                wall: Arc::new(Mutex::new(start)),
                origin: Instant::now(),
            },
            zone,
        }
    }

    /// A clock that shows `start` until [`Clock::move_to`]. Waiting moves it instead.
    pub fn manual(start: Timestamp, zone: TimeZone) -> Self {
        let hands = Hands {
            wall: start,
            elapsed: Duration::ZERO,
        };
        Self {
            kind: ClockKind::Manual(Arc::new(Mutex::new(hands))),
            zone,
        }
    }

    /// The moment it shows.
    pub fn now(&self) -> Timestamp {
        match &self.kind {
            ClockKind::System { .. } => Timestamp::now(),
            ClockKind::Tokio { wall, origin } => after(*lock(wall), origin.elapsed()),
            ClockKind::Manual(hands) => lock(hands).wall,
        }
    }

    /// How long this clock, and each clone of it, has been running. No step of the wall clock
    /// changes it.
    pub fn monotonic(&self) -> Duration {
        match &self.kind {
            ClockKind::System { origin } | ClockKind::Tokio { origin, .. } => origin.elapsed(),
            ClockKind::Manual(hands) => lock(hands).elapsed,
        }
    }

    /// Both times at once.
    pub fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            steady: self.monotonic(),
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

    /// Moves a manual clock on as time does; back only what it shows. Others keep their own time.
    pub fn move_to(&self, moment: Timestamp) {
        if let ClockKind::Manual(hands) = &self.kind {
            let mut hands = lock(hands);
            let passed = Duration::try_from(moment.duration_since(hands.wall)).unwrap_or_default();
            hands.elapsed = hands.elapsed.saturating_add(passed);
            hands.wall = moment;
        }
    }

    /// Sets the wall clock forward or back, as a time server does: no time passes. The clock of the
    /// host is not ours to set.
    pub fn step(&self, by: SignedDuration) {
        let set = |wall: &mut Timestamp| *wall = wall.saturating_add(by).unwrap_or(*wall);
        match &self.kind {
            ClockKind::System { .. } => {}
            ClockKind::Tokio { wall, .. } => set(&mut lock(wall)),
            ClockKind::Manual(hands) => set(&mut lock(hands).wall),
        }
    }

    /// Waits beside somebody else who lets the time of a manual clock pass: that is not moved, and the wait
    /// is as long as it is on the wall.
    pub async fn sleep_aside(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Waits. A manual clock jumps ahead instead, giving other tasks a turn.
    pub async fn sleep(&self, duration: Duration) {
        if let ClockKind::Manual(hands) = &self.kind {
            {
                let mut hands = lock(hands);
                hands.wall = after(hands.wall, duration);
                hands.elapsed = hands.elapsed.saturating_add(duration);
            }
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(duration).await;
        }
    }
}

fn after(start: Timestamp, elapsed: Duration) -> Timestamp {
    start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[tokio::test(start_paused = true)]
    async fn a_step_of_the_wall_clock_is_no_time_that_passes() {
        let hour = SignedDuration::from_hours(1);
        for clock in [
            Clock::manual(noon(), TimeZone::UTC),
            Clock::following_tokio(noon(), TimeZone::UTC),
        ] {
            clock.sleep(Duration::from_secs(90)).await;
            clock.step(-hour);
            assert_eq!(clock.monotonic(), Duration::from_secs(90));
            assert_eq!(clock.now(), noon() + Duration::from_secs(90) - hour);
            clock.clone().step(hour + hour);
            assert_eq!(clock.monotonic(), Duration::from_secs(90));
            assert_eq!(clock.now(), noon() + Duration::from_secs(90) + hour);
        }
    }

    #[test]
    fn a_replay_moves_both_times_and_never_lets_time_run_back() {
        let clock = Clock::manual(noon(), TimeZone::UTC);
        clock.move_to(noon() + Duration::from_secs(60));
        assert_eq!(clock.monotonic(), Duration::from_secs(60));
        clock.move_to(noon());
        assert_eq!(clock.monotonic(), Duration::from_secs(60));
        assert_eq!(clock.now(), noon());
    }
}
