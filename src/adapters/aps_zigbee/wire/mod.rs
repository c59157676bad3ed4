//! The bytes between a host, a Zigbee stick and APsystems inverters; no I/O, both directions.

pub mod annotate;
pub mod firmware;
pub mod ids;
pub mod payload;
pub mod znp;
