//! One house under one sky, for simulated devices that have to agree with each other.
//!
//! Inverters feed in what the sky gives them, appliances take what they need, and the meter sees the
//! difference: at every moment import less export is consumption less production.
//!
//! Time runs as it really does, so that no counter gains more than it could and no time is ahead of
//! now. But it is always a fine late morning with passing clouds from when the house is looked at
//! first, whatever the hour: there is something to see whenever somebody looks. The day before that was
//! a clear morning. Nothing is random: the same moment after the beginning brings the same values.

use std::f64::consts::PI;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};
use tokio::time::Instant;

use super::noise::{noise, unit};

/// Seconds from sunrise until somebody looks.
const MORNING: f64 = 5.0 * 3600.0;
/// Seconds from sunrise to sunset.
const DAY: f64 = 14.0 * 3600.0;
/// Of the weather and the appliances: a cloud comes and something is switched on in the first minute, and
/// for a quarter of the first hour power comes from the grid.
const SEED: u64 = 112;
/// Watts that the house takes when nothing is switched on.
const BASE: f64 = 220.0;

/// Something that switches itself on and off.
struct Appliance {
    watts: f64,
    /// Seconds; it runs once in this time, at no fixed moment of it.
    every: f64,
    /// Seconds that it runs for.
    runs: f64,
}

/// What is in the house.
#[rustfmt::skip]
const APPLIANCES: &[Appliance] = &[
    // Fridge.
    Appliance { watts: 95.0, every: 900.0, runs: 330.0 },
    // Kettle.
    Appliance { watts: 2000.0, every: 480.0, runs: 90.0 },
    // Oven, by its thermostat.
    Appliance { watts: 1700.0, every: 150.0, runs: 30.0 },
    // Dishwasher that heats.
    Appliance { watts: 2100.0, every: 1800.0, runs: 420.0 },
    // Drum of a washing machine.
    Appliance { watts: 340.0, every: 75.0, runs: 25.0 },
    // Heat pump.
    Appliance { watts: 2400.0, every: 540.0, runs: 170.0 },
];

/// What a value depends on besides time, so that no two values run alike.
enum Salt {
    SlowCloud = 1,
    FastCloud,
    Wander,
    Flicker,
    Appliance,
}

/// The sky above a house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sky {
    begun: civil::DateTime,
}

impl Sky {
    /// Seconds since the house was looked at first, by local time; negative before that.
    pub fn seconds(self, local: civil::DateTime) -> f64 {
        local.duration_since(self.begun).as_secs_f64()
    }

    /// How much of the day is over, from 0 to 1. It is late morning for good.
    pub fn phase(self, seconds: f64) -> Option<f64> {
        let phase = (MORNING + seconds.min(0.0)) / DAY;
        (phase > 0.0).then_some(phase)
    }

    /// What clouds leave of the light: 1 is a clear sky.
    pub fn clearness(self, seconds: f64) -> f64 {
        let cloud = |salt: Salt, pace: f64| noise(SEED, salt as u64, 0, seconds.max(0.0) / pace);
        let cover = 0.5 * cloud(Salt::SlowCloud, 240.0) + 0.5 * cloud(Salt::FastCloud, 40.0);
        1.0 - 0.65 * (3.0 * (cover - 0.48)).clamp(0.0, 1.0)
    }

    /// The light on level ground: 1 is a clear noon.
    pub fn light(self, seconds: f64) -> f64 {
        let phase = self.phase(seconds).unwrap_or(0.0);
        (PI * phase).sin() * self.clearness(seconds)
    }
}

/// What one roof feeds in at a moment, in watts.
type Roof = Box<dyn Fn(Timestamp) -> u32 + Send + Sync>;

/// A house, its clock and its sky. Cheap to clone: all clones are the same house.
#[derive(Clone)]
pub struct House {
    sky: Sky,
    zone: TimeZone,
    begun: Timestamp,
    origin: Instant,
    roofs: Arc<RwLock<Vec<Roof>>>,
}

impl House {
    /// A house that is looked at from this moment on.
    pub fn new(now: &Zoned) -> Self {
        Self {
            sky: Sky {
                begun: now.datetime(),
            },
            zone: now.time_zone().clone(),
            begun: now.timestamp(),
            origin: Instant::now(),
            roofs: Arc::default(),
        }
    }

    /// The sky above it.
    pub const fn sky(&self) -> Sky {
        self.sky
    }

    /// The time zone in which it stands.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What all clocks in the house show.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.origin.elapsed();
        self.begun.checked_add(elapsed).unwrap_or(self.begun)
    }

    /// Connects what feeds in so many watts at a moment.
    pub fn connect(&self, roof: impl Fn(Timestamp) -> u32 + Send + Sync + 'static) {
        let mut roofs = self.roofs.write().unwrap_or_else(PoisonError::into_inner);
        roofs.push(Box::new(roof));
    }

    /// Watts that all roofs feed in.
    pub fn production(&self, at: Timestamp) -> u32 {
        let roofs = self.roofs.read().unwrap_or_else(PoisonError::into_inner);
        roofs.iter().map(|roof| roof(at)).sum()
    }

    /// Watts that the house takes.
    pub fn consumption(&self, at: Timestamp) -> u32 {
        let seconds = at.duration_since(self.begun).as_secs_f64().max(0.0);
        let wander = noise(SEED, Salt::Wander as u64, 0, seconds / 400.0);
        let flicker = noise(SEED, Salt::Flicker as u64, 0, seconds / 5.0);
        let running = (0..).zip(APPLIANCES);
        let running = running.filter(|(place, appliance)| appliance.runs_at(*place, seconds));
        let switched: f64 = running.map(|(_, appliance)| appliance.watts).sum();
        (BASE + 180.0 * wander + 25.0 * flicker + switched) as u32
    }

    /// Watts that come from the grid; negative for those that go there.
    pub fn from_grid(&self, at: Timestamp) -> i32 {
        let watts = |watts: u32| i32::try_from(watts).unwrap_or(i32::MAX);
        watts(self.consumption(at)).saturating_sub(watts(self.production(at)))
    }
}

impl Appliance {
    fn runs_at(&self, place: u64, seconds: f64) -> bool {
        let turn = (seconds / self.every).floor();
        let share = unit(SEED + Salt::Appliance as u64, place, turn as u64);
        let from = share * (self.every - self.runs);
        let within = seconds - turn * self.every;
        (from..from + self.runs).contains(&within)
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut house = f.debug_struct("House");
        house.field("begun", &self.begun).finish_non_exhaustive()
    }
}

// Some simulators need Linux.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
