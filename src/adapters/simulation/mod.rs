//! What the simulators of all devices share.
//!
//! * [`schedule`]: when a fault happens
//! * `tool`: the command of each
//! * `outlet`: the port that a reader takes hold of
//! * `noise`: values that vary and are still the same in every run

pub(super) mod noise;
#[cfg(target_os = "linux")]
mod outlet;
pub mod schedule;
mod tool;

#[cfg(target_os = "linux")]
pub(super) use outlet::Outlet;
#[cfg(target_os = "linux")]
pub use outlet::Place;
pub use schedule::Schedule;
pub(super) use tool::Simulate;
