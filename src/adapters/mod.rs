//! The device adapters.

pub mod aps_ecu;
