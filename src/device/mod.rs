//! What a device adapter is: the traits that each implements, and what it works with.
//!
//! | Module | What it is |
//! |---|---|
//! | `adapter` | one kind of device: its section, its metrics, what can be done with it |
//! | `source` | one configured section at work |
//! | `context` | what that works with: reports out, commands in, clock, links, memory |
//! | [`protocol`] | a conversation without I/O; most devices need to write nothing but this |
//! | [`mod@line`], `line_source`, `file` | what drives one: over a port, as a section, from a file |
//! | [`exchange`] | one question, one answer, one connection |
//! | `decoder` | bytes from a file, whatever reads them |
//! | `scanner`, `tool` | devices in the network; commands of one kind of device alone |
//! | `simulate` | the other end of an adapter's wire; only with the feature of that name |
//! | [`history`] | the command that prints what a device remembers |

mod adapter;
mod context;
mod decoder;
pub mod exchange;
mod file;
pub mod history;
pub mod line;
mod line_source;
pub mod protocol;
mod scanner;
#[cfg(feature = "simulate")]
mod simulate;
mod source;
mod tool;

use std::future::Future;
use std::pin::Pin;

pub use adapter::{Adapter, Keys};
pub use context::{Context, PendingCommand, Reports, Traffic};
pub use decoder::{Decoded, Decoder, Undecoded};
pub use file::FileReader;
pub use line_source::{LineSource, Start};
pub use protocol::Protocol;
pub use scanner::{Finding, Scanner, Seen, sweep};
#[cfg(feature = "simulate")]
pub use simulate::{Demonstrated, Simulate, Simulates};
pub use source::{ConfiguredSource, Probed, Reserved, Source, SourceError};
pub use tool::{Tool, ToolError};

/// A future that lives on its own.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
