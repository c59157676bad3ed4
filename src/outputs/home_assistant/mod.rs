//! Home Assistant through MQTT discovery.

pub mod session;
