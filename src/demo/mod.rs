//! What `wattbridge demo` needs and nothing else does: built only with the cargo feature `demo`.

pub mod broker;

pub use broker::{Broker, BrokerError};
