//! The ways to reach devices: byte streams that adapters read and write.
//!
//! Every link can be recorded to a text file and replayed from one, so that a device's exchange can
//! be studied, sent along with a question, and fed through the same adapter again.

mod recorder;
mod recording;
mod tcp;

pub use recorder::{Mask, Recorder};
pub use recording::{Event, Line, Recording, RecordingError, Script};
pub use tcp::{Connection, Endpoint, LinkError, Links};
