//! wattbridge connects solar inverters and smart meters to Home Assistant.

pub mod adapters;
pub mod outputs;
