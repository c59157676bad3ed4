//! Smart meters that are not there: telegrams as real ones send them, over a pseudo-terminal or TCP.
//!
//! * `model`: the meters there are; `household`: what they measure
//! * `telegram`: what they send; `p1`: the same of those with a P1 port, and of the meters behind them
//! * `faults`: what goes wrong; `telling`: with a meter; `damage`: on the way
//! * `line`: a meter, or several, on one line; `command`: the same on the command line; [`demo`]: as a
//!   part of the demo
//! * `series`: many telegrams at once, for files and measurements

mod command;
mod damage;
pub mod demo;
mod faults;
mod household;
mod line;
mod model;
mod p1;
mod series;
mod telegram;
mod telling;

pub use command::{MeterArgs, SIMULATOR};
pub use faults::MeterFault;
pub use household::{Fixed, ROOF, Sample};
pub use line::{MeterHand, MeterSettings, SimulatedMeters};
pub use model::{Framing, Layout, MODELS, Model, P1_MODELS};
pub use p1::{BehindMeter, BehindSample, Checksum, P1Profile, P1Sample, Peak, Season};
pub use series::Series;
pub use telling::Telegram;
