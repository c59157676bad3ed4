//! What the simulators of all devices share.
//!
//! * [`fault`]: what can go wrong, as people write it
//! * [`schedule`]: when it happens
//! * `tool`: the command of each
//! * `outlet`: the port that a reader takes hold of
//! * [`house`]: what devices share that stand in one house: its clock, its sky, what it takes
//! * `noise`: values that vary and are still the same in every run

pub mod fault;
pub mod house;
pub(super) mod noise;
#[cfg(target_os = "linux")]
mod outlet;
pub mod schedule;
mod tool;

pub use fault::{Fault, FaultError, FaultRule};
pub use house::{House, Sky};
#[cfg(target_os = "linux")]
pub(super) use outlet::Outlet;
#[cfg(target_os = "linux")]
pub use outlet::Place;
pub use schedule::Schedule;
pub(super) use tool::Simulate;
