//! The configuration file: typed sections, secrets, durations, and errors that say line and remedy.

mod period;
mod secret;
mod settings;

pub use period::Period;
pub use secret::{Secret, SecretError};
pub use settings::{Complaint, Settings};
