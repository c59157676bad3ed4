//! Commands for these inverters alone.
//!
//! | Command | Module |
//! |---|---|
//! | `key`: the key of an inverter, from captures or from the inverter itself | `key`, `key_search`, `key_line` |
//! | `encrypted`: since when an inverter encrypts | `encrypted` |
//! | `doctor`: what can be seen here, and what to do | `doctor` |
//! | `import`: old captures as JSON lines or CSV | `import` |
//!
//! They all read capture files by `files`.

mod doctor;
mod encrypted;
mod files;
mod import;
mod key;
mod key_line;
mod key_search;
mod settings;
pub(super) mod times;

use crate::device::Tool;

/// All of them.
pub static TOOLS: &[&dyn Tool] = &[
    &key::KeyTool,
    &encrypted::EncryptedTool,
    &doctor::DoctorTool,
    &import::ImportTool,
];
