//! The wire codec of the APsystems ECU: bytes in, typed answers out, and back again.
//!
//! Knows nothing of sockets, clocks or logging. The gateway listens on TCP 8899 and answers ASCII
//! requests with frames of ASCII and big-endian binary fields. There is no public description by the
//! vendor; what is here was collected from public captures and documented implementations.
//!
//! # The frame
//!
//! | Offset | Size | Kind | Meaning |
//! |---|---|---|---|
//! | 0 | 3 | ASCII | `APS` |
//! | 3 | 2 | ASCII | group: `11` or `12` |
//! | 5 | 4 | ASCII decimal | length L |
//! | 9 | 4 | ASCII decimal | command |
//! | 13 | .. | | body |
//! | L-3 | 3 | ASCII | `END` (absent if L is 15: a bare status) |
//! | L | 1 | | `\n`, not counted by L |
//!
//! A frame is L + 1 bytes and carries no checksum. Both `\n` and `END` may occur inside the body, so
//! only the length tells where a frame ends.
//!
//! # The commands
//!
//! | Code | Answer | Module |
//! |---|---|---|
//! | 0001 | who the gateway is, its energy counters | [`EcuInfo`] |
//! | 0002 | one record an inverter | [`Telemetry`], [`Record`] |
//! | 0003 | power over one day | [`DayCurve`] |
//! | 0004 | energy of past days | [`EnergyHistory`] |
//! | 0012 | the gateway's clock | [`Clock`] |
//! | 0030 | radio quality of each inverter | [`Signal`] |
//!
//! # Use
//!
//! ```
//! use wattbridge::adapters::aps_ecu::wire::{Answer, Clock, Framer, Request};
//!
//! let asked = Request::EcuInfo.encode();
//! assert_eq!(asked, b"APS1100160001END\n");
//!
//! let at = jiff::civil::date(2025, 6, 1).at(12, 0, 0, 0);
//! let wire = Answer::Clock(Clock { at }).encode();
//! let mut framer = Framer::new();
//! framer.push(&wire);
//! let frame = framer.next_frame().unwrap().unwrap();
//! assert_eq!(Answer::decode(&frame).unwrap(), Answer::Clock(Clock { at }));
//! ```

mod annotate;
mod answer;
mod bcd;
mod clock;
mod cursor;
mod ecu_info;
mod error;
mod fit;
mod frame;
mod framer;
mod history;
mod ids;
mod mask;
mod products;
mod record;
mod request;
mod signal;
mod telemetry;

#[cfg(test)]
mod tests;

pub use annotate::annotate;
pub use answer::{Answer, Status};
pub use clock::Clock;
pub use ecu_info::EcuInfo;
pub use error::DecodeError;
pub use frame::{FrameError, Group, HeaderFault, MAX_FRAME, RawFrame};
pub use framer::Framer;
pub use history::{DayCurve, EnergyHistory, Period};
pub use ids::{EcuId, IdError, Uid};
pub use mask::Masker;
pub use products::{
    CHANNEL_POWER_W, FAMILIES, GATEWAYS, Gateway, PHASE_TO_PHASE_V, PRODUCTS, Product, VoltageKind,
};
pub use record::{Body, Quad, Record, RecordType};
pub use request::{Request, RequestError};
pub use signal::Signal;
pub use telemetry::Telemetry;
