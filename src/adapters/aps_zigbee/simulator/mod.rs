//! A Zigbee stick with ZNP and APsystems inverters around it that are not there, on a pseudo-terminal or TCP.
//!
//! | Part | What it is | Knows I/O |
//! |---|---|---|
//! | `kinds` | the inverters there are, and lists of them | no |
//! | `panels` | what light makes of the panels at a moment | no |
//! | `counting` | counters from start to start, and what was really produced | no |
//! | `inverter` | one inverter: measures, answers, does what it is told | no |
//! | `manners` | what one does otherwise, and what holds for all for a while | no |
//! | `pairing_ear` | what an inverter remembers while it is paired | no |
//! | `mesh` | all of them on the air | no |
//! | `identity` | the firmware a stick may have | no |
//! | `faults`, `conditions` | what goes wrong, and what that means on the air | no |
//! | `stick`, `outbox` | the stick: bytes in, bytes out | no |
//! | `script` | what it says instead | no |
//! | `bench` | the same in virtual time, for tests | no |
//! | `truth` | what is really so | no |
//! | `settings` | what is simulated | no |
//! | `sim_line` | the stick at its port | yes |
//! | `hand` | what a test does with it | no |
//! | `command`, [`demo`] | the command line; a part of the demo | no |

mod bench;
mod command;
mod conditions;
mod counting;
pub mod demo;
mod faults;
mod hand;
mod identity;
mod inverter;
mod kinds;
mod manners;
mod mesh;
mod outbox;
mod pairing_ear;
mod panels;
mod script;
mod settings;
mod sim_line;
mod stick;
mod truth;

pub use bench::StickBench;
pub use command::{SIMULATOR, ZigbeeArgs};
pub use faults::ZigbeeFault;
pub use hand::{SimulatedStick, ZigbeeHand};
pub use identity::SimFirmware;
pub use inverter::SimInverter;
pub use kinds::{ListedInverter, ZIGBEE_KINDS, ZigbeeKind, ZigbeeList, ZigbeeListError};
pub use manners::InverterManners;
pub use mesh::Mesh;
pub use script::{ScriptError, StickScript};
pub use settings::{StickSettings, USUAL_GATEWAY};
pub use stick::{Stick, StickCounts};
pub use truth::{PanelTruth, ZigbeeTruth};
