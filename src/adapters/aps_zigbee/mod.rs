//! APsystems inverters over a Zigbee stick, without any ECU.

pub mod models;
pub mod radio;
pub mod wire;
