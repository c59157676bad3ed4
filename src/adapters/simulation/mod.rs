//! What the simulators of all devices share.
//!
//! * [`schedule`]: when a fault happens
//! * `noise`: values that vary and are still the same in every run

pub(super) mod noise;
pub mod schedule;

pub use schedule::Schedule;
