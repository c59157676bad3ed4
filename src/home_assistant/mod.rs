//! Asking Home Assistant's Core itself, by its WebSocket API: what MQTT does not tell.
//!
//! | file | what |
//! |---|---|
//! | `address` | where it answers, and the right to ask it |
//! | `connection` | one conversation: a command, then its result |
//! | `entities` | what its entities are called |
//! | `energy` | what its Energy dashboard is made from, and adding to that |

mod address;
mod connection;
mod energy;
mod entities;

pub use address::CoreAddress;
pub use connection::{CoreConnection, CoreError};
pub use energy::{EnergyPreferences, EnergySource, SourceIssue};
pub use entities::{EntityIds, EntityName};
