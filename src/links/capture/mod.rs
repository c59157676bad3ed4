//! Packets that others send to each other, from wherever they can be seen.
//!
//! ```text
//! interface, file, pipe, TCP, proxy ──> bytes of a capture file ──> CaptureReader ──> packets
//!                                          (any stream)                                 │
//!            streams of bytes <── Reassembly <── TCP segments <── dissect <─────────────┘
//! ```
//!
//! Whatever packets come from, they travel through the program as the bytes of a capture file: a live
//! interface is one that never ends. So there is one way to read, to record and to replay them.

mod address;
mod dissect;
#[cfg_attr(not(any(test, target_os = "linux")), expect(dead_code))]
mod filter;
#[cfg(target_os = "linux")]
mod interface;
#[cfg(target_os = "linux")]
mod live;
mod opened;
mod pipe;
// Only the kernel of Linux is given one.
#[cfg_attr(not(any(test, target_os = "linux")), expect(dead_code))]
mod program;
mod proxy;
mod reader;
mod reassembly;
#[cfg(test)]
mod tests;
mod writer;

pub use address::{CaptureAddress, CaptureAddressError, Host};
pub use dissect::{Dissected, Segment, dissect};
pub use filter::CaptureFilter;
pub(super) use opened::{CaptureSources, OpenCapture};
pub use reader::{CaptureReader, CaptureRefused, Captured, LinkType, Packet};
pub use reassembly::{Delivery, FlowId, FlowKey, Reassembly};
pub use writer::{CaptureFormat, CaptureWriter};
