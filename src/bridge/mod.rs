//! The bridge between adapters and outputs.
//!
//! It starts every source and keeps it running (`supervisor`), takes their reports, guards and
//! completes the values (`intake`, `guard`, `derive`), and holds the latest state of every
//! device for the outputs ([`Hub`], [`Feed`]). Commands travel the other way. What is computed from
//! several devices ([`sums`]) is reported like a source's.

use crate::adapters::Source;
use crate::model::Metric;

mod claims;
mod connection;
mod counting;
mod derive;
mod entry;
mod guard;
mod hub;
mod intake;
mod own_device;
mod runner;
pub mod sums;
mod supervisor;

#[cfg(test)]
pub(crate) use connection::all as given_to_devices;
pub(crate) use own_device::id as own_device_id;

pub use hub::{Attendance, Commander, Feed, Hub, Known, News, View};
pub use runner::{Bridge, Setup};

/// What the bridge adds of its own: to every device, as a device, and as sums.
pub fn own_metrics(sources: &[std::sync::Arc<dyn Source>]) -> Vec<Metric> {
    let mut metrics = own_device::describe("", sources.iter()).metrics;
    metrics.extend(connection::all());
    metrics.push(sums::ENERGY);
    metrics
}
