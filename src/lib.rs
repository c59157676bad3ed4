//! wattbridge connects solar inverters and smart meters to Home Assistant.

pub mod adapters;
pub mod bridge;
pub mod config;
pub mod model;
pub mod outputs;
