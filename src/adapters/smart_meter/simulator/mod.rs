//! Smart meters that are not there: telegrams as real ones send them, over a pseudo-terminal or TCP.
//!
//! * `model`: the meters there are; `household`: what they measure
//! * `telegram`: what they send; `faults`: what goes wrong on the way
//! * `line`: a meter, or several, on one line; `command`: the same on the command line; [`demo`]: as a
//!   part of the demo
//! * `series`: many telegrams at once, for files and measurements

mod command;
pub mod demo;
mod faults;
mod household;
mod line;
mod model;
mod series;
mod telegram;

pub use command::{MeterArgs, SIMULATOR};
pub use faults::MeterFault;
pub use household::{Fixed, ROOF, Sample};
pub use line::{MeterHand, MeterSettings, SimulatedMeters};
pub use model::{Framing, Layout, MODELS, Model};
pub use series::{Series, Telegram};
