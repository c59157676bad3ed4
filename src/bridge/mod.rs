//! The bridge between adapters and outputs.

mod hub;

pub use hub::{Commander, Feed, Hub, Known, News, PendingCommand};
