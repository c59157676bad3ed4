//! The simulated time: a chosen start, and a speed it runs at.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::Moment;

/// Fastest time possible: more would only skip.
const FASTEST: f64 = 1e6;

/// Follows tokio's clock, which tests can pause, at any speed.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// When the simulator started.
    origin: Instant,
    /// Since when this speed holds, in real and in simulated time.
    real: Instant,
    simulated: Timestamp,
    speed: f64,
}

impl Timeline {
    /// Time that starts now, as if it were then.
    pub fn new(start: Timestamp, speed: f64) -> Self {
        let now = Instant::now();
        Self {
            origin: now,
            real: now,
            simulated: start,
            speed: possible(speed),
        }
    }

    /// Simulated seconds for each real one.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        let passed = self.real.elapsed().mul_f64(self.speed);
        self.simulated.checked_add(passed).unwrap_or(self.simulated)
    }

    /// Real time since the start.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The simulated time on the wall, and the real time since the start.
    pub fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            steady: self.elapsed(),
        }
    }

    /// Real time since the start at a simulated moment of the recent past.
    pub fn elapsed_at(&self, moment: Timestamp) -> Duration {
        let before = self.real.saturating_duration_since(self.origin);
        let simulated = Duration::try_from(moment.duration_since(self.simulated));
        let passed = match simulated {
            Ok(simulated) if self.speed > 0.0 => {
                Duration::try_from_secs_f64(simulated.as_secs_f64() / self.speed)
                    .unwrap_or_default()
            }
            // A moment before the last jump, which took no real time.
            _ => Duration::ZERO,
        };
        (before + passed).min(self.elapsed())
    }

    /// The real moment of a time since the start.
    pub fn instant(&self, elapsed: Duration) -> Option<Instant> {
        self.origin.checked_add(elapsed)
    }

    /// Goes on from now at another speed; 0 stands still.
    pub fn set_speed(&mut self, speed: f64) {
        let now = self.now();
        self.jump_to(now);
        self.speed = possible(speed);
    }

    /// Goes on from another moment.
    pub fn jump_to(&mut self, moment: Timestamp) {
        self.real = Instant::now();
        self.simulated = moment;
    }
}

fn possible(speed: f64) -> f64 {
    if speed.is_finite() {
        speed.clamp(0.0, FASTEST)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_at_its_speed_from_wherever_it_was_put() {
        let start: Timestamp = "2026-06-21T10:00:00Z".parse().unwrap();
        let mut timeline = Timeline::new(start, 60.0);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(timeline.now(), start + Duration::from_secs(600));
        assert_eq!(
            timeline.elapsed_at(start + Duration::from_secs(300)),
            Duration::from_secs(5)
        );

        timeline.set_speed(0.0);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(timeline.now(), start + Duration::from_secs(600));

        timeline.jump_to(start);
        timeline.set_speed(f64::NAN);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(timeline.now(), start + Duration::from_secs(10));
        assert_eq!(timeline.elapsed(), Duration::from_secs(30));
        assert_eq!(timeline.elapsed_at(start), Duration::from_secs(20));
    }
}
