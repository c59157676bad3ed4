//! Where readings go: Home Assistant over MQTT first of all.

pub mod home_assistant;
