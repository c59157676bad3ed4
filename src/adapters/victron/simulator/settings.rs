//! What to simulate, and how fast it goes.

use std::time::Duration;

use super::faults::VictronFault;
use super::model::Model;
use crate::simulation::{FaultRule, Sky};

/// How fast things go.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// What takes a second on a real line.
    pub interval: Duration,
    /// How many times faster sun and counters go, and days end.
    pub speed: f64,
    /// How long a device stays limited from outside when nobody repeats it.
    pub limit_lasts: Duration,
    /// How long a device tells of changes after it was asked something.
    pub told_for: Duration,
    /// How many intervals after the last question text comes back, where it stops for HEX.
    pub text_returns: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            speed: 1.0,
            limit_lasts: Duration::from_secs(60),
            told_for: Duration::from_secs(120),
            text_returns: 5,
        }
    }
}

/// What a device shares with others. Alone it has a sky and a battery of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings {
    /// The sky above it.
    pub sky: Option<Sky>,
    /// A solar charger of the same seed: all that flows into the battery of a monitor, and out of it,
    /// flows through that.
    pub charger: Option<&'static Model>,
}

/// How a device begins.
#[derive(Debug, Clone, Copy)]
pub struct Beginning {
    pub seed: u64,
    /// Time of the day.
    pub at: Duration,
    pub speed: f64,
    pub limit_lasts: Duration,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct VictronSettings {
    /// The device.
    pub model: &'static Model,
    /// Its serial number; that of the model if `None`.
    pub serial: Option<String>,
    /// What its values are made of.
    pub seed: u64,
    /// Time of the day at the start.
    pub at: Duration,
    /// It is dark whatever the time.
    pub night: bool,
    /// Values that labels always have; `None` leaves a label out.
    pub labels: Vec<(String, Option<String>)>,
    /// Registers and their bytes, little endian.
    pub registers: Vec<(u16, Vec<u8>)>,
    /// What it shares with other devices.
    pub surroundings: Surroundings,
    /// What goes wrong.
    pub faults: Vec<FaultRule<VictronFault>>,
    /// How fast it goes.
    pub pace: Pace,
}

impl VictronSettings {
    /// A device at noon to which nothing happens.
    #[must_use]
    pub fn new(model: &'static Model) -> Self {
        Self {
            model,
            serial: None,
            seed: 1,
            at: Duration::from_secs(12 * 3600),
            night: false,
            labels: Vec::new(),
            registers: Vec::new(),
            surroundings: Surroundings::default(),
            faults: Vec::new(),
            pace: Pace::default(),
        }
    }

    pub(crate) fn beginning(&self) -> Beginning {
        Beginning {
            seed: self.seed,
            at: self.at,
            speed: self.pace.speed,
            limit_lasts: self.pace.limit_lasts,
        }
    }
}
