//! The HEX protocol: questions to a device, its answers, and values it sends by itself on change.

mod frame;
mod message;

pub use frame::{Collector, Frame, FrameError, MAX_PAYLOAD, encode_frame};
pub use message::{Answer, Flags, Request, Value, Version};
