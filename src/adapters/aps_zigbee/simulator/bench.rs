//! A stick in virtual time: nothing waits, and every run is the same.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::settings::StickSettings;
use super::stick::Stick;
use super::truth::ZigbeeTruth;
use crate::clock::Moment;
use crate::simulation::Sky;

/// The least that time goes on.
const TICK: Duration = Duration::from_micros(1);

/// A stick in virtual time.
///
/// ```text
///   send(bytes)                    the host says something now
///   next(until) -> Some(bytes)     the stick says something, and it is now when it does
///               -> None            nothing came until then, and it is then
/// ```
#[derive(Debug)]
pub struct StickBench {
    stick: Stick,
    now: Moment,
}

impl StickBench {
    /// A stick that gets power at this moment, under a sky.
    pub fn new(settings: StickSettings, sky: Sky, begin: &Zoned) -> Self {
        let now = Moment {
            wall: begin.timestamp(),
            steady: Duration::ZERO,
        };
        let zone: TimeZone = begin.time_zone().clone();
        let stick = Stick::new(settings, sky, zone, now);
        Self { stick, now }
    }

    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// The host says this.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stick.receive(bytes, self.now);
    }

    /// What the stick says next, if it does until then by the monotonic time.
    pub fn next(&mut self, until: Duration) -> Option<Vec<u8>> {
        loop {
            if let Some(bytes) = self.stick.take(self.now) {
                return Some(bytes);
            }
            let due = self.stick.next_due().filter(|due| *due <= until);
            match due {
                // Time goes on whatever the stick says.
                Some(due) => self.move_to(due.max(self.now.steady + TICK)),
                None => {
                    self.move_to(until);
                    return self.stick.take(self.now);
                }
            }
        }
    }

    /// All that the stick says from now on for so long, each with its time.
    pub fn run(&mut self, time: Duration) -> Vec<(Duration, Vec<u8>)> {
        let until = self.now.steady + time;
        let mut said = Vec::new();
        while let Some(bytes) = self.next(until) {
            said.push((self.now.steady, bytes));
        }
        said
    }

    fn move_to(&mut self, steady: Duration) {
        let passed = steady.saturating_sub(self.now.steady);
        self.now = Moment {
            wall: self.now.wall + passed,
            steady: self.now.steady + passed,
        };
    }

    /// The stick as it is now, to do something to it or to its inverters.
    pub fn stick(&mut self) -> &mut Stick {
        self.stick.advance(self.now);
        &mut self.stick
    }

    /// Whether a script has its cable pulled for a moment; said once. It has power again after [`replug`](Self::replug).
    pub fn take_close(&mut self) -> bool {
        self.stick().take_close()
    }

    /// It loses power and gets it again.
    pub fn replug(&mut self) {
        self.stick.power_up(self.now);
    }

    /// Its reset line is pulsed.
    pub fn pulse(&mut self) {
        self.stick.pulse(self.now);
    }

    /// What is really so now.
    pub fn truth(&mut self) -> ZigbeeTruth {
        self.stick.advance(self.now);
        ZigbeeTruth::of(&mut self.stick.mesh)
    }

    /// The time on the wall.
    pub const fn wall(&self) -> Timestamp {
        self.now.wall
    }
}

#[cfg(test)]
mod tests;
