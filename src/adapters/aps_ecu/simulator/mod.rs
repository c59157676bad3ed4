//! The other end of the wire: a gateway and its inverters under a simulated sun, on a real TCP port.
//!
//! It answers 0001, 0002, 0003, 0004, 0012 and 0030 as the real ones do, down to what they are known
//! to do wrong. An unknown command gets no answer, a wrong ECU id gets status `01`.
//!
//! | Part | What it is | Knows sockets |
//! |---|---|---|
//! | `plant` | gateway, inverters, invented serials | no |
//! | `sun` | what an inverter measures at a moment | no |
//! | `ecu` | cycles, counters, past days | no |
//! | `timeline` | simulated time at any speed | no |
//! | `faults`, `incidents` | what goes wrong, and when | no |
//! | `answers`, `delivery` | the answer, and how its bytes go out | no |
//! | `core` | all of these together | no |
//! | `server`, `connection` | the port and its clients | yes |
//! | `hand`, `event` | what all tasks share, and what a test does with it; what they tell | no |
//! | `command`, [`demo`] | the command line; a part of the demo | no |

mod answers;
mod command;
mod connection;
mod core;
mod delivery;
pub mod demo;
mod ecu;
mod event;
mod faults;
mod hand;
mod incidents;
mod plant;
mod server;
mod sun;
mod timeline;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;

use crate::simulation::{FaultRule, House};
pub use command::{EcuArgs, SIMULATE, SimulatorError, StartTime};
pub use event::{EcuAct, EcuEvent};
pub use faults::EcuFault;
pub use hand::{EcuHand, SimulatedEcu, Truth};
pub use plant::{Inverter, InverterList, MOST_INVERTERS, Model, Plant, PlantError};
pub use sun::Daylight;

/// What to simulate, and how.
#[derive(Debug, Clone)]
pub struct EcuSettings {
    /// The gateway and its inverters.
    pub plant: Plant,
    /// Where the gateway stands.
    pub zone: TimeZone,
    /// Local time at the start; `None` is now.
    pub start: Option<civil::DateTime>,
    /// How fast the simulated time runs; 1 is real time, 0 stands still.
    pub speed: f64,
    /// How often the gateway asks its inverters, in simulated time and whole seconds.
    pub cycle: Duration,
    /// When the sun is up.
    pub daylight: Daylight,
    /// Lifetime energy at the start in Wh; `None` is that of a few years.
    pub lifetime_wh: Option<u64>,
    /// The house that the plant feeds. Its clock and its sky come before `start` and `daylight`.
    pub house: Option<House>,
    /// What goes wrong.
    pub faults: Vec<FaultRule<EcuFault>>,
}

impl EcuSettings {
    /// A plant that works well, now, where we are.
    #[must_use]
    pub fn new(plant: Plant) -> Self {
        Self {
            plant,
            zone: TimeZone::system(),
            start: None,
            speed: 1.0,
            cycle: Duration::from_secs(300),
            daylight: Daylight::default(),
            lifetime_wh: None,
            house: None,
            faults: Vec::new(),
        }
    }
}
