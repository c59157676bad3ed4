//! The records in telemetry.
//!
//! A record is decoded by the prefix that all versions of it share: what a new firmware appends does no
//! harm, and what an old one does not have yet is unknown. A value that cannot be is unknown, too.

mod battery;
mod event;
mod field;
mod inventory;
mod inverter;
mod meter;
mod optimizer;
mod sequence;

pub use battery::Battery;
pub use event::{EventKind, EventRecord};
pub use field::time_words;
pub use inventory::{Inventory, MeterListed};
pub use inverter::{Inverter, MODES, Phase, mode_word};
pub use meter::MeterRecord;
pub use optimizer::Optimizer;
pub use sequence::{RawRecord, Record, Records, Unreadable, fields_of_body, kind_name};
