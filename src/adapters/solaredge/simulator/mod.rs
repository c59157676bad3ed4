//! An inverter that is not there, with its optimizers, meter and battery, and the server it talks to.
//!
//! * `settings`: what to simulate; `roof`: what light its panels have
//! * `unit`: what it measures and counts; `board`: how its communication board tells that, queue and keys
//!   included; `routine`: when; `server`: what a server answers; none of them has I/O
//! * `faults`: what goes wrong; `packets`: how what both say looks in a capture; `exchange`: both ends of
//!   a connection in a capture, and what of it can be known
//! * `capture`: who wants that capture gets it over TCP; `dialer`: over a true connection, and a server
//! * `command`: the same on the command line; [`demo`]: as a part of the demo

mod board;
mod capture;
mod command;
pub mod demo;
mod dialer;
mod exchange;
mod faults;
mod packets;
mod roof;
mod routine;
mod server;
mod settings;
mod unit;

pub use capture::{CaptureHand, SimulatedCapture};
pub use command::{SIMULATOR, SolarEdgeArgs};
pub use dialer::{SimulatedDialer, SimulatedServer};
pub use exchange::{Exchange, Spoken};
pub use faults::SolarEdgeFault;
pub use settings::InverterSettings;
pub use unit::{InverterTruth, SimulatedInverter};
