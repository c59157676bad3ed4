//! The device adapters: one folder each, and one visible list.
//!
//! An adapter turns what a device says on its wire into [reports](crate::model::Report). It knows
//! nothing of topics or of what Home Assistant calls things. What it is made of is in
//! [`device`](crate::device). A new device is one folder beside these and one line in [`ADAPTERS`];
//! nothing else names it.

pub mod aps_ecu;
pub mod aps_zigbee;
pub mod smart_meter;
pub mod solaredge;
pub mod text;
pub mod victron;

use crate::device::Adapter;

/// Every adapter there is.
pub static ADAPTERS: &[&dyn Adapter] = &[
    &aps_ecu::ADAPTER,
    &aps_zigbee::ADAPTER,
    &smart_meter::ADAPTER,
    &solaredge::ADAPTER,
    &text::ADAPTER,
    &victron::ADAPTER,
];

/// The adapter of this name. Hyphens do for underscores, as on the command line.
pub fn find(name: &str) -> Option<&'static dyn Adapter> {
    let name = name.replace('-', "_");
    let mut adapters = ADAPTERS.iter().copied();
    adapters.find(|it| it.kind() == name || it.also_called().contains(&name.as_str()))
}
