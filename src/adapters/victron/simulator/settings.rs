//! What to simulate, and how fast it goes.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Zoned, civil};

use super::faults::VictronFault;
use super::model::Model;
use crate::clock::Moment;
use crate::simulation::{FaultRule, House, Sky};

/// How fast things go on its line.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// What takes a second on a real line.
    pub interval: Duration,
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
            limit_lasts: Duration::from_secs(60),
            told_for: Duration::from_secs(120),
            text_returns: 5,
        }
    }
}

/// How a device begins.
#[derive(Debug, Clone)]
pub struct Beginning {
    pub seed: u64,
    /// When, by the clock of its house.
    pub moment: Moment,
    /// Time of the day by its own clock.
    pub at: Duration,
    /// Where it stands.
    pub around: Surroundings,
    pub limit_lasts: Duration,
}

/// What is around a device.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub sky: Sky,
    pub zone: TimeZone,
    /// Of a monitor: the solar charger of the same seed at its battery.
    pub charger: Option<&'static Model>,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct VictronSettings {
    /// The device.
    pub model: &'static Model,
    /// Its serial number; that of the model if `None`.
    pub serial: Option<String>,
    /// What its values are made of, besides the sky.
    pub seed: u64,
    /// The house in which it stands, with its sky and its clock.
    pub house: House,
    /// Time of the day at the start by its own clock; that of the house if `None`.
    pub at: Option<Duration>,
    /// It is dark whatever the time.
    pub night: bool,
    /// Values that labels always have; `None` leaves a label out.
    pub labels: Vec<(String, Option<String>)>,
    /// Registers and their bytes, little endian.
    pub registers: Vec<(u16, Vec<u8>)>,
    /// A solar charger of the same seed: all that flows into the battery of this monitor, and out of it,
    /// flows through that.
    pub charger: Option<&'static Model>,
    /// What goes wrong.
    pub faults: Vec<FaultRule<VictronFault>>,
    /// How fast it goes.
    pub pace: Pace,
}

impl VictronSettings {
    /// A device at noon of a summer day to which nothing happens.
    #[must_use]
    pub fn new(model: &'static Model) -> Self {
        Self {
            model,
            serial: None,
            seed: 1,
            house: House::new(&noon(), Sky::default()),
            at: None,
            night: false,
            labels: Vec::new(),
            registers: Vec::new(),
            charger: None,
            faults: Vec::new(),
            pace: Pace::default(),
        }
    }

    /// How it begins now.
    pub fn beginning(&self) -> Beginning {
        let moment = self.house.moment();
        let time = self.house.local(moment.wall).time();
        let since_midnight = time.duration_since(civil::Time::midnight()).unsigned_abs();
        Beginning {
            seed: self.seed,
            moment,
            at: self.at.unwrap_or(since_midnight),
            around: Surroundings {
                sky: self.house.sky(),
                zone: self.house.zone().clone(),
                charger: self.charger,
            },
            limit_lasts: self.pace.limit_lasts,
        }
    }
}

fn noon() -> Zoned {
    let noon = civil::date(2026, 6, 21).at(12, 0, 0, 0);
    noon.to_zoned(TimeZone::UTC).unwrap_or_default()
}
