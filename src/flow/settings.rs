//! The section `[flow]` of the configuration file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bridge::sums::Member;
use crate::config::{SectionDoc, Settings};

/// Which values are the sun, the grid and the battery of the house.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FlowSettings {
    /// What the panels bring: powers, and counters of energy. Left out: all inverters and chargers,
    /// each once.
    pub sun: Vec<Member>,
    /// The power at the connection to the grid, above 0 for what is taken. Left out: the smart meter.
    pub grid: Vec<Member>,
    /// The counter of what was taken from the grid.
    pub grid_import: Vec<Member>,
    /// The counter of what was given to the grid.
    pub grid_export: Vec<Member>,
    /// The power of the battery, above 0 while it is charged. Left out: the battery monitor.
    pub battery: Vec<Member>,
    /// The counter of what went into the battery.
    pub battery_in: Vec<Member>,
    /// The counter of what came out of the battery.
    pub battery_out: Vec<Member>,
    /// How full the battery is.
    pub battery_level: Vec<Member>,
    /// The power that the house takes, if something knows it. Left out: what the others come to.
    pub house: Vec<Member>,
}

impl Settings for FlowSettings {}

/// The page about this section.
pub fn page() -> SectionDoc<'static> {
    SectionDoc {
        heading: "[flow]",
        about: "Which values are the sun, the grid and the battery, for the energy flow on the web page and for the \
                history. wattbridge knows it of its own devices; this is for sensors of your own, or where a choice has to \
                be made. Devices and metrics are written as in [sums](sums.md).",
        schema: schemars::schema_for!(FlowSettings),
        defaults: serde_json::to_value(FlowSettings::default()).unwrap_or_default(),
        example: "[flow]\nsun = [\"aps_ecu_216000000001/power\", \"text_carport/power\"]\n",
    }
}
