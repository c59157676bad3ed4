//! Planes of the roof, and the panels on them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::panels::{PanelPlace, RoofPanel};
use crate::model::DeviceId;

/// Width and height of a panel that stands, in cm. Those on roofs differ by less than anyone sees on a picture.
const SIZE: (u32, u32) = (105, 170);

/// Where the panels of a house lie, as it is saved in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoofLayout {
    /// Grows by one with each change; 0 is what nobody has arranged.
    pub revision: u64,
    /// The planes.
    pub planes: Vec<RoofPlane>,
}

/// A plane of the roof.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoofPlane {
    /// Tells it from the others.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// Where it looks, in the words of the user.
    pub direction: String,
    /// Degrees from level.
    pub steep: Option<u8>,
    /// What lies on it.
    pub panels: Vec<LaidPanel>,
}

/// A panel on its plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaidPanel {
    /// The device that tells its power.
    pub device: DeviceId,
    /// The key of that.
    pub key: String,
    /// What the user calls it; empty for what it is called by itself.
    #[serde(default)]
    pub name: String,
    /// Watts on its label, if the user has told them.
    #[serde(default)]
    pub rated: Option<u32>,
    /// From the left of the plane to its left edge, in cm.
    #[serde(default)]
    pub x: u32,
    /// From the top of the plane to its upper edge, in cm.
    #[serde(default)]
    pub y: u32,
    /// Whether it lies on its side.
    #[serde(default)]
    pub turned: bool,
}

/// Width and height of a panel that stands, in cm.
pub const fn panel_size() -> (u32, u32) {
    SIZE
}

impl LaidPanel {
    /// Where its power is told.
    pub fn place(&self) -> PanelPlace {
        PanelPlace {
            device: self.device.clone(),
            key: self.key.clone(),
        }
    }

    /// What it is called.
    pub fn title<'a>(&'a self, panels: &'a [RoofPanel]) -> &'a str {
        if !self.name.is_empty() {
            return &self.name;
        }
        let panel = panels.iter().find(|panel| self.is(panel));
        // One that is no longer there has no name but its input.
        panel.map_or(self.key.as_str(), |panel| panel.name.as_str())
    }

    /// Whether it is this one.
    pub fn is(&self, panel: &RoofPanel) -> bool {
        self.device == panel.place.device && self.key == panel.place.key
    }
}

impl RoofLayout {
    /// All panels on all planes.
    pub fn panels(&self) -> impl Iterator<Item = &LaidPanel> {
        self.planes.iter().flat_map(|plane| &plane.panels)
    }

    /// The panels that lie nowhere yet.
    pub fn tray<'a>(&self, panels: &'a [RoofPanel]) -> Vec<&'a RoofPanel> {
        let laid: BTreeSet<PanelPlace> = self.panels().map(LaidPanel::place).collect();
        let is_free = |panel: &&RoofPanel| !laid.contains(&panel.place);
        panels.iter().filter(is_free).collect()
    }

    /// Whether the planes are a guess, as nobody has arranged them.
    pub const fn is_guess(&self) -> bool {
        self.revision == 0
    }
}
