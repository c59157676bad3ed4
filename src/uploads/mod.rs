//! Sending the history on: one folder for each service, one visible list, and one outbox for all of them.
//!
//! The history is the queue: of each target only the end of the last slot is kept that is done with. What has to be
//! said to a service, and what its answers mean, is a [`Target`]: a conversation without I/O, of slots, requests and
//! verdicts. The outbox does the rest: reading slots, sending, waiting, giving up, telling. Each target is a source
//! of the bridge, and so a device with a health like any other.
//!
//! A service that takes what devices say as it came, and no slots, says so ([`Plan::records_of`]): such records wait in
//! the file of the history until they are done with.
//!
//! A new service is one folder beside these and one line in [`UPLOADS`]; nothing else names it.
//!
//! | file | what |
//! |---|---|
//! | `upload` | what a service is: its section, and one configured target of it |
//! | `configured` | all sections of a file |
//! | `target` | the conversation: parcels, errands, answers, verdicts |
//! | `succession` | what becomes of what waits for a target that no section names any more |
//! | `load` | what is to be sent, slot by slot |
//! | `choice` | which devices and values |
//! | `outbox` | what drives a target |

mod choice;
mod configured;
pub mod emoncms;
pub mod influxdb;
mod load;
pub mod mysql;
mod outbox;
pub mod pvoutput;
pub mod statistics;
mod succession;
mod target;
mod upload;

pub use choice::Choice;
pub use configured::{NamedTarget, Uploads};
pub use load::{Load, LoadDevice, LoadSlot, LoadValue};
pub use outbox::{
    Courier, NextRound, Rounds, TargetState, UploadSource, preview, preview_records, try_login,
};
pub use succession::{LeftTarget, Succession};
pub use target::{Errand, ErrandAnswer, Parcel, ProgramAnswer, Target, UploadVerdict};
pub use upload::{Plan, Upload};

/// Every service there is.
pub static UPLOADS: &[&dyn Upload] = &[
    &influxdb::UPLOAD,
    &pvoutput::UPLOAD,
    &emoncms::UPLOAD,
    &mysql::UPLOAD,
    &statistics::UPLOAD,
];

/// What the ids of these devices begin with.
pub const KIND: &str = "export";
