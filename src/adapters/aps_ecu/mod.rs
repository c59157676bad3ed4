//! APsystems ECU-R, ECU-R-Pro, ECU-B and ECU-C.

pub mod simulator;
pub mod wire;
