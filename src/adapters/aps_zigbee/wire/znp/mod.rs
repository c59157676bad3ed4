//! ZNP, the protocol between a host and a Zigbee stick of Texas Instruments (also called MT): frames, and what is
//! in those that are used here.
//!
//! ```text
//!   FE | LEN | CMD0 CMD1 | DATA (LEN bytes, 250 at most) | FCS = XOR of all but FE
//! ```
//!
//! The high three bits of CMD0 are the kind: 2 asks, 6 answers at once, 4 comes by itself. An answer has the
//! command of its question, but for the kind.

mod frame;
mod identity;
mod incoming;
mod message;
mod request;
mod scanner;
mod status;

pub use frame::{MOST_DATA, ZnpFault, ZnpFrame, ZnpKind, encode_frame};
pub use identity::ZnpIdentity;
pub use incoming::AfIncoming;
pub use message::{DeviceInfo, ResetIndication, ZnpMessage, ZnpVersion};
pub use request::{AfEndpoint, AfForeign, AfSend, ENDPOINT, RADIUS, ZnpRequest};
pub use scanner::{ZnpScanned, ZnpScanner};
pub use status::{CoordinatorState, ZnpStatus};
