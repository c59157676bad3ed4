//! Where in the energy of a house a value belongs.

use serde::{Deserialize, Serialize};

/// What a metric is in the energy of the whole house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyPart {
    /// Power of panels, in W.
    Sun,
    /// Energy that panels have brought.
    SunEnergy,
    /// Power at the connection to the grid, in W; above 0 is taken, below it given.
    Grid,
    /// Power that is taken from the grid, of what knows both directions apart.
    GridTaken,
    /// Power that is given to the grid, in the same way.
    GridGiven,
    /// Energy that was taken from the grid.
    GridImport,
    /// Energy that was given to the grid.
    GridExport,
    /// Power of a battery, in W; above 0 it is charged.
    Battery,
    /// Energy that went into a battery.
    BatteryIn,
    /// Energy that came out of a battery.
    BatteryOut,
    /// How full a battery is, in %.
    BatteryLevel,
    /// Power that the house takes, in W. No device knows it; who sums it up may say so.
    House,
}

impl EnergyPart {
    /// Every part.
    pub const ALL: &'static [Self] = &[
        Self::Sun,
        Self::SunEnergy,
        Self::Grid,
        Self::GridTaken,
        Self::GridGiven,
        Self::GridImport,
        Self::GridExport,
        Self::Battery,
        Self::BatteryIn,
        Self::BatteryOut,
        Self::BatteryLevel,
        Self::House,
    ];
}

/// The part of a metric, and how much its word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HousePart {
    /// Which part.
    pub part: EnergyPart,
    /// Whether it stands for that only where no other device knows it better, as an inverter does
    /// for the meter that it reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_substitute: bool,
}
