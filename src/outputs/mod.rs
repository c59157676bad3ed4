//! Where readings go: one file or folder for each way out, and one visible list.
//!
//! An output reads its own [`Feed`](crate::bridge::Feed) of the bridge and knows nothing of adapters.
//! What it is made of is in `output`. A new output is one file or folder beside these and one line in
//! [`OUTPUTS`]; nothing else names it.
//!
//! * `domoticz`: single devices of Domoticz
//! * `ecu_json`: the messages of RPI-ECU and ESP32-ECU
//! * `home_assistant`: Home Assistant, by MQTT discovery
//! * `jsonl`: every update as a line of JSON, for pipes and scripts
//! * `kaifareader`, `solarview`: what users of the program kaifareader have built upon
//!
//! What they share: `mqtt`, the broker, for all who publish there; `meter`, the totals of a smart
//! meter; `json_line`, what a line of JSON says of a device; `file_troubles`, telling whether a file can be
//! written.

mod configured;
pub mod domoticz;
pub mod ecu_json;
mod file_troubles;
pub mod home_assistant;
pub mod json_line;
pub mod jsonl;
pub mod kaifareader;
mod meter;
pub mod mqtt;
mod output;
pub mod solarview;

pub use configured::Outputs;
pub use output::{Context, Outlet, Output, OutputError, Running, Tried, Waiting};

/// Every output there is.
pub static OUTPUTS: &[&dyn Output] = &[
    &home_assistant::OUTPUT,
    &kaifareader::OUTPUT,
    &solarview::OUTPUT,
    &jsonl::OUTPUT,
    &domoticz::OUTPUT,
    &ecu_json::OUTPUT,
];
