//! What the simulators of all devices share.
//!
//! * [`fault`]: what can go wrong, as people write it
//! * [`schedule`]: when it happens
//! * `tool`: the command of each
//! * `sim_port`: the port that a reader takes hold of
//! * [`house`]: what devices share that stand in one house: its clock, its sky, what it takes
//! * `noise`: values that vary and are still the same in every run

pub mod fault;
pub mod house;
pub mod noise;
pub mod schedule;
#[cfg(target_os = "linux")]
mod sim_port;
mod tool;

pub use fault::{Fault, FaultError, FaultRule};
pub use house::{House, Sky};
pub use schedule::Schedule;
#[cfg(target_os = "linux")]
pub use sim_port::Place;
#[cfg(target_os = "linux")]
pub use sim_port::SimPort;
pub use tool::Simulate;
