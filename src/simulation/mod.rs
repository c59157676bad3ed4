//! What the simulators of all devices share.
//!
//! * `simulator`: one at work, and what can be done with any of them; `cable`: the one that is pulled
//! * `sim_port`: the port that a reader takes hold of
//! * [`fault`]: what can go wrong, as people write it; [`schedule`]: when it happens; `faults`: both at
//!   work
//! * `args`, `tool`: the command of each
//! * [`house`]: what devices share that stand in one house: its clock, its sky, what it takes
//! * [`noise`]: values that vary and are still the same in every run

mod args;
mod cable;
pub mod fault;
mod faults;
pub mod house;
pub mod noise;
pub mod schedule;
mod sim_port;
mod simulator;
mod tool;

pub use args::{ArgsError, FaultArgs, LineArgs, ListenArgs};
pub use cable::Cable;
pub use fault::{Fault, FaultError, FaultRule};
pub use faults::{Faults, Faulty};
pub use house::{House, Sky};
pub use schedule::Schedule;
pub use sim_port::{PortEvent, SimPlace, SimPort};
pub use simulator::{Simulator, Tasks};
pub use tool::Simulate;
