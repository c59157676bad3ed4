//! wattbridge connects solar inverters and smart meters to Home Assistant.

pub mod adapters;
pub mod bridge;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod links;
pub mod model;
pub mod outputs;
pub mod store;
