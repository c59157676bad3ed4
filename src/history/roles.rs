//! Which values are the sun, the grid and the battery of the house.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use crate::model::{DeviceId, EnergyPart};

/// One value with a role in the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HouseRole {
    /// What it is.
    pub part: EnergyPart,
    /// The device that has it.
    pub device: DeviceId,
    /// The key of its metric.
    pub key: String,
    /// Whether it is taken away instead, as the `minus` of a sum.
    pub is_minus: bool,
}

/// All values with a role. Values of one part are added up; nothing may be in it twice, but several counters of the
/// same device and part: of those the best one counts for each day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HouseRoles {
    /// The values.
    pub members: Vec<HouseRole>,
    /// The power of the house itself, where something measures that. Else it is what the others leave.
    pub house: Option<(DeviceId, String)>,
}

impl HouseRoles {
    /// These values, each added.
    pub fn of(members: impl IntoIterator<Item = (EnergyPart, DeviceId, String)>) -> Self {
        let members = members.into_iter().map(|(part, device, key)| HouseRole {
            part,
            device,
            key,
            is_minus: false,
        });
        Self {
            members: members.collect(),
            house: None,
        }
    }

    /// Those of some parts.
    pub fn of_parts<'a>(
        &'a self,
        parts: &'a [EnergyPart],
    ) -> impl Iterator<Item = &'a HouseRole> + Clone {
        let is_of = |role: &&HouseRole| parts.contains(&role.part);
        self.members.iter().filter(is_of)
    }

    /// Whether there is any of some parts.
    pub fn has(&self, parts: &[EnergyPart]) -> bool {
        self.of_parts(parts).next().is_some()
    }

    /// Those that the file has, for whoever looks and does not know the devices.
    pub(super) fn load(file: &Connection) -> rusqlite::Result<Self> {
        let json: Option<String> = file
            .prepare_cached("SELECT json FROM house_role")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(json
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default())
    }

    /// Writes them, if they are others than before.
    pub(super) fn save(&self, file: &Connection) -> rusqlite::Result<()> {
        // There is nothing in them that cannot be written.
        let json = serde_json::to_string(self).unwrap_or_default();
        file.prepare_cached(
            "INSERT INTO house_role (one, json) VALUES (1, ?1)
             ON CONFLICT (one) DO UPDATE SET json = excluded.json WHERE json <> excluded.json",
        )?
        .execute(params![json])?;
        Ok(())
    }
}
