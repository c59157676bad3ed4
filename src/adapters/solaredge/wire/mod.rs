//! The bytes of SolarEdge's own protocol: frames, what they are sealed with, and the records in them.

mod annotate;
mod crc;
mod envelope;
mod frame;
mod key;
mod key_hunt;
mod parameters;
mod record;
mod scanner;
mod serial;

pub use annotate::{Annotator, annotate};
pub use envelope::{Handshake, HandshakeError, SessionKey};
pub use frame::{BARKER, BarkerFrame as Frame, FrameError, address, function};
pub use key::{DeviceKey, DeviceKeyError};
pub use key_hunt::{KeyHunt, KeyPart};
pub use parameters::{KEY as KEY_PARAMETERS, ParameterKind, values as parameter_values};
pub use record::{
    Battery, EventKind, EventRecord as Event, Inventory, Inverter, MODES, MeterListed,
    MeterRecord as Meter, Optimizer, Phase, RawRecord, Record, Records, Unreadable, kind_name,
    mode_word,
};
pub use scanner::{FrameScanner, Scanned};
pub use serial::{Serial, SerialError};
