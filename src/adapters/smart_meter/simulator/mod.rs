//! Smart meters that are not there: telegrams as real ones send them, over a pseudo-terminal or TCP.
//!
//! * `model`: the meters there are; `household`: what they measure
//! * `telegram`: what they send; `faults`: what goes wrong on the way
//! * `line`: a meter, or several, on one line; `command`: the same on the
//!   command line
//! * `series`: many telegrams at once, for files and measurements

mod command;
mod faults;
mod household;
mod line;
mod model;
mod series;
mod telegram;

pub use crate::simulation::Place;
pub use command::SimulatorArgs;
pub use command::run;
pub use faults::{Fault, FaultRule};
pub use household::{Fixed, Sample};
pub use line::{Settings, Simulator};
pub use model::{Framing, Layout, MODELS, Model};
pub use series::{Series, Telegram};
