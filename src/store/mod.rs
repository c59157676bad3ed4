//! What must survive a restart, in one SQLite file.
//!
//! Everything saved is read once at the start; after that a thread of its own only writes, the
//! changes of some seconds in one go. A full disk never stops the program: it says so, keeps what is
//! to be written in memory and tries again. A file that is damaged, at the start or later, is set
//! aside and made anew with all that is known.
//!
//! One program for one store: see [`Lock`]. Its [`Identity`] tells it from others on one broker.

mod config;
mod identity;
mod lock;
mod memory;
mod migrations;
mod opening;
mod saved;
mod writer;

pub use config::StoreSettings;
pub use identity::Identity;
pub use lock::folder_in_memory;
pub use lock::{Lock, LockError};
pub use memory::{DiskAnswer, Memory};
pub use migrations::steps;
pub use saved::{Counter, Saved, SavedDevice};
pub use writer::Store;
