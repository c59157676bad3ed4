//! What `wattbridge demo` needs and nothing else does: built only with the cargo feature `demo`.

mod broker;

pub use broker::{Broker, BrokerError, LOG_TARGETS};
