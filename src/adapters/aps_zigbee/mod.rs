//! APsystems inverters over a Zigbee stick, without any ECU.

pub mod energy;
pub mod schedule;
pub mod sun;
pub mod wire;
