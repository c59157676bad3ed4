//! The bridge between adapters and outputs.

mod derive;
mod guard;
mod hub;

pub use hub::{Feed, Hub, Known, News, PendingCommand};
