//! The bridge between adapters and outputs.
//!
//! It starts every source and keeps it running (`supervisor`), takes their reports (`ingest`), makes
//! of them what is shown of each device (`entry`), and holds the latest state of every device for the
//! outputs ([`Hub`], [`Feed`]). Commands travel the other way. What is computed from several devices
//! ([`sums`]) is reported like a source's.
//!
//! What sections say of their devices is carried out here, too, whatever the devices are: `configured`
//! has their names, their rooms and what may be set; `absence` counts how long they have been gone.
//!
//! On its way a value meets these rules, each a file of its own:
//!
//! | file | what it holds |
//! |---|---|
//! | `heard` | elapsed time is the monotonic clock's; between two runs it is bounded |
//! | `plausible` | a value that no such device can have is unknown |
//! | `guard` | the counters of a device never fall and never jump |
//! | `computed` | energy from power, the day's share of a counter |
//! | `counting` | a counter is shown as it is saved, so that no kill makes it fall |
//! | `saving` | when counters are written, and when that is done |
//! | `patience` | what nobody has confirmed for too long is unknown |
//! | `holds` | what is not believed is said, once |

use crate::device::ConfiguredSource;
use crate::model::Metric;

mod absence;
mod computed;
mod configured;
mod connection;
mod counting;
mod entry;
mod guard;
mod heard;
mod holds;
mod hub;
mod ingest;
mod order;
mod own_device;
mod ownership;
mod patience;
mod plausible;
mod runner;
mod saving;
pub mod sums;
mod supervisor;

pub use own_device::id as own_device_id;

pub use hub::{Attendance, Commander, Feed, Hub, Known, News, View};
pub use runner::{Bridge, Setup};

/// What the bridge adds of its own: to every device, as a device, and as sums.
pub fn own_metrics(sources: &[ConfiguredSource]) -> Vec<Metric> {
    let sources = sources.iter().map(|it| &it.source);
    let mut metrics = own_device::describe("", sources).metrics;
    metrics.extend(connection::all());
    metrics.push(sums::ENERGY);
    metrics
}
