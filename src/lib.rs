//! wattbridge connects solar inverters and smart meters to Home Assistant.

pub mod adapters;
#[cfg(feature = "demo")]
pub mod demo;
