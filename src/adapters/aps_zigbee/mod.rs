//! APsystems inverters over a Zigbee stick, without any ECU.

pub mod energy;
pub mod wire;
