//! Asking Home Assistant's Core itself, by its WebSocket API: what MQTT does not tell.
//!
//! | file | what |
//! |---|---|
//! | `address` | where it answers, and the right to ask it |
//! | `connection`, `error` | one conversation: a command, then its result, or why there is none |
//! | `commands` | several commands at once |
//! | `entities` | what its entities are called |
//! | `energy` | what its Energy dashboard is made from, and adding to that |

mod address;
mod commands;
mod connection;
mod energy;
mod entities;
mod error;

pub use address::CoreAddress;
pub use commands::{CoreCommand, CoreCommands, CoreResults};
pub use connection::CoreConnection;
pub use energy::{EnergyPreferences, EnergySource, SourceIssue};
pub use entities::{EntityIds, EntityName};
pub use error::CoreError;
