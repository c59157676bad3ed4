//! What `wattbridge demo` has and nothing else: an MQTT broker inside the process, and what is shown of
//! the devices while it runs.
//!
//! * `broker`: the broker
//! * `values`: which values of a device are shown, and in which order
//! * `picture`: all of them on one terminal, from the states to lines; no I/O
//! * `screen`: the terminal on which the picture is drawn again and again, log included
//! * `news`: the same, line by line, for pipes

mod broker;
mod news;
mod picture;
mod screen;
mod values;

pub use broker::{Broker, BrokerError, LOG_TARGETS};
pub use news::NewsLines;
pub use picture::{Head, Picture};
pub use screen::{LogWriter, Screen};
