//! APsystems inverters over a Zigbee stick, without any ECU.

pub mod models;
pub mod radio;
#[cfg(feature = "simulate")]
pub mod simulator;
pub mod wire;
