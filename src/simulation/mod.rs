//! What the simulators of all devices share.
//!
//! * `simulator`: one at work, and what can be done with any of them; `cable`: the one that is pulled
//! * `sim_port`: the port that a reader takes hold of
//! * [`fault`]: what can go wrong, as people write it; [`schedule`]: when it happens; `faults`: both at
//!   work
//! * `args`: what the commands of all have in common
//! * [`house`]: what devices share that stand in one house; `sky`, `appliances`, [`timeline`]: what
//!   light there is, what it takes, what time it is
//! * [`year`]: a whole year of it, at once
//! * [`noise`]: values that vary and are still the same in every run

mod appliances;
mod args;
mod cable;
pub mod fault;
mod faults;
pub mod house;
pub mod noise;
pub mod schedule;
mod sim_port;
mod simulator;
pub mod sky;
pub mod timeline;
pub mod year;

pub use args::{
    ArgsError, FaultArgs, HouseArgs, LineArgs, ListenArgs, StartTime, model_of, rhythm,
};
pub use cable::Cable;
pub use fault::{Fault, FaultError, FaultRule};
pub use faults::{Faults, Faulty};
pub use house::{DEMO_HOUSES, Flows, House};
pub use schedule::Schedule;
pub use sim_port::{PortEvent, SimPlace, SimPort};
pub use simulator::{Simulator, Tasks};
pub use sky::{Daylight, Sky};
