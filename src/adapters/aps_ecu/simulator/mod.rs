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

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Zoned;

use crate::simulation::{FaultRule, House, Sky};
pub use command::{EcuArgs, SIMULATOR, SimulatorError};
pub use event::{EcuAct, EcuEvent};
pub use faults::EcuFault;
pub use hand::{EcuHand, SimulatedEcu, Truth};
pub use plant::{Inverter, InverterList, MOST_INVERTERS, Model, Plant, PlantError, product_names};

/// What to simulate, and how.
#[derive(Debug, Clone)]
pub struct EcuSettings {
    /// The gateway and its inverters.
    pub plant: Plant,
    /// The house that the plant feeds, with its sky and its clock.
    pub house: House,
    /// How often the gateway asks its inverters, in simulated time and whole seconds.
    pub cycle: Duration,
    /// Lifetime energy at the start in Wh; `None` is that of a few years.
    pub lifetime_wh: Option<u64>,
    /// What goes wrong.
    pub faults: Vec<FaultRule<EcuFault>>,
}

impl EcuSettings {
    /// A plant that works well, now, where we are.
    #[must_use]
    pub fn new(plant: Plant) -> Self {
        Self {
            plant,
            house: House::new(&Zoned::now(), Sky::default()),
            cycle: Duration::from_secs(300),
            lifetime_wh: None,
            faults: Vec::new(),
        }
    }
}
