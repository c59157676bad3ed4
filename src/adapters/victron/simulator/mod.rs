//! Victron devices that are not there: they talk VE.Direct over a pseudo-terminal or TCP, count,
//! answer questions, and do what they are told.
//!
//! * `models`: the devices there are, with `lines`, what they say by themselves, and `rows`, what they
//!   answer; `model` has the shapes of these tables
//! * `plant`: sun, battery and loads around a device; `counters` and `days`: what it remembers
//! * `device`: the device, without I/O; `registers`: how it reads and writes its registers
//! * `faults`: what goes wrong; `damage`: how that looks on the wire
//! * `line`: a device at its port; `ear`: what it hears there
//! * `settings`: what to simulate; `handle`: a hand on the running device; `state`: what it holds
//! * `command`: the same on the command line

mod command;
mod counters;
mod damage;
mod days;
mod device;
mod ear;
mod faults;
mod handle;
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

pub use crate::simulation::Place;
pub use command::SimulatorArgs;
pub use command::run;
pub use faults::{Fault, FaultRule};
pub use handle::Simulator;
pub use model::Model;
pub use models::MODELS;
pub use settings::{Pace, Settings, Surroundings};
pub use state::{Heard, Written};
