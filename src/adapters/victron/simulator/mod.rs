//! Victron devices that are not there: they talk VE.Direct over a pseudo-terminal or TCP, count,
//! answer questions, and do what they are told.
//!
//! * `models`: the devices there are, with `lines`, what they say by themselves, and `rows`, what they
//!   answer; `model` has the shapes of these tables
//! * `plant`: battery and loads around a device; `counters` and `days`: what it remembers
//! * `device`: the device, without I/O; `registers`: how it reads and writes its registers
//! * `faults`: what goes wrong; `damage`: how that looks on the wire
//! * `line`: a device at its port; `ear`: what it hears there
//! * `settings`: what to simulate; `hand`: a hand on the device at work; `state`: what it holds
//! * `command`: the same on the command line; [`demo`]: as a part of the demo

mod command;
mod counters;
mod damage;
mod days;
pub mod demo;
mod device;
mod ear;
mod faults;
mod hand;
mod line;
mod lines;
mod model;
mod models;
mod plant;
mod quantities;
mod registers;
mod rows;
mod settings;
mod state;

pub use command::{SIMULATOR, VictronArgs};
pub use faults::VictronFault;
pub use hand::VictronHand;
pub use line::SimulatedVictron;
pub use model::Model;
pub use models::MODELS;
pub use settings::{Pace, VictronSettings};
pub use state::{Asked, Written};
