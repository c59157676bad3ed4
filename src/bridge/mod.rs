//! The bridge between adapters and outputs.

mod hub;

pub use hub::{Feed, Hub, Known, News, PendingCommand};
