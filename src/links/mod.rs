//! The ways to reach devices: byte streams that adapters read and write.
//!
//! A stream goes over a serial port or over TCP, and an adapter cannot tell which. Every link can be
//! recorded to a text file and replayed from one, so that a device's exchange can be studied, sent
//! along with a question, and fed through the same adapter again.
//!
//! A capture of what others say to each other is such a stream, too: whether it comes from a network
//! interface, files, another program or a proxy, it is the bytes of a capture file, see [`capture`].
//!
//! Links heal in the hands of their adapter: a [`Connection`] that ended or broke is dropped, and
//! opened again after a pause of its [`Reopening`]. A serial port that was unplugged and comes back
//! under the same path is found so; names in `/dev/serial/by-id` stay the same whatever the socket.

mod address;
pub mod capture;
mod connection;
mod control_line;
mod endpoint;
mod error;
mod gpio;
mod networks;
mod opener;
mod openings;
mod ports;
#[cfg(target_os = "linux")]
#[cfg(any(test, feature = "simulate"))]
mod pseudo_terminal;
mod recorder;
mod recording;
mod reopening;
mod replay;
mod serial;
mod tcp;

pub use address::{Address, AddressError};
pub use capture::{CaptureAddress, CaptureAddressError, CaptureFilter, Host};
pub use connection::Connection;
pub use control_line::{ControlLine, ControlLineError};
pub use endpoint::Endpoint;
pub use error::LinkError;
#[cfg(test)]
pub use gpio::fake::FakeChip;
pub use gpio::{GpioError, GpioLine, GpioLines};
pub use networks::{Connected, Network};
pub use opener::Links;
pub use ports::{PortChange, PortInfo, PortWatch, Ports};
#[cfg(target_os = "linux")]
#[cfg(any(test, feature = "simulate"))]
pub use pseudo_terminal::{Happening, PseudoTerminal};
pub use recorder::{Mask, Recorder};
pub use recording::{Event, RecordedLine, Recording, RecordingError, Script};
pub use reopening::Reopening;
pub use serial::{DataBits, Parity, SerialSettings};
