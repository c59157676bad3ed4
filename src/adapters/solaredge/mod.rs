//! SolarEdge inverters with a display: what they tell their maker's server, read from the network.

pub mod wire;
