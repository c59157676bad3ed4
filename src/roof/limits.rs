//! What a layout may be like. It comes from browsers and out of backups.

use std::collections::BTreeSet;

use super::layout::{LaidPanel, RoofLayout, RoofPlane};
use super::panels::PanelPlace;

/// Planes of one roof.
pub const PLANE_COUNT: usize = 50;
/// Panels of one house.
const PANEL_COUNT: usize = 1_000;
/// Letters of a name.
const NAME_LENGTH: usize = 60;
/// Letters of the id of a plane, of a device, of a key.
const ID_LENGTH: usize = 100;
/// Centimetres from an edge of the plane.
const FARTHEST: u32 = 20_000;
/// Panels lie on a grid of so many centimetres.
const GRID: u32 = 5;
/// Watts of the largest panel.
const MOST_WATTS: u32 = 2_000;
/// Degrees of a wall.
const STEEPEST: u8 = 90;

/// A layout that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// More planes than any roof has.
    #[error("a roof has at most {PLANE_COUNT} planes")]
    TooManyPlanes,
    /// More panels than any house has.
    #[error("a roof has at most {PANEL_COUNT} panels")]
    TooManyPanels,
    /// Two planes would be one.
    #[error("two planes have the same id, \"{0}\"")]
    PlaneTwice(String),
    /// A panel lies in one place only.
    #[error("the panel \"{0}\" lies in two places")]
    PanelTwice(String),
    /// Names are short, and can be seen.
    #[error("a name has at most {NAME_LENGTH} letters, and none that cannot be seen")]
    Name,
    /// The id of a plane is a word.
    #[error("the id of a plane is made of letters, digits, - and _")]
    Id,
    /// A plane is between level and a wall.
    #[error("a plane is between 0 and {STEEPEST} degrees steep")]
    Steep,
    /// No panel is so large.
    #[error("a panel has between 1 and {MOST_WATTS} watts")]
    Rated,
    /// No roof is so large.
    #[error("a panel lies at most {} m from the edge of its plane", FARTHEST / 100)]
    TooFar,
}

/// A length as it is kept: whole steps of the grid. Nothing for what is no place on a roof.
pub fn on_grid(centimetres: f64) -> Option<u32> {
    let steps = (centimetres / f64::from(GRID)).round();
    let last = f64::from(FARTHEST / GRID);
    // Left of the edge, or above it, is at the edge: a plane begins where its first panel lies.
    let is_place = centimetres.is_finite() && steps <= last;
    is_place.then(|| steps.max(0.0) as u32 * GRID)
}

impl RoofLayout {
    /// What is wrong with it, if anything is.
    pub fn check(&self) -> Result<(), LayoutError> {
        if self.planes.len() > PLANE_COUNT {
            return Err(LayoutError::TooManyPlanes);
        }
        if self.panels().count() > PANEL_COUNT {
            return Err(LayoutError::TooManyPanels);
        }
        let mut planes = BTreeSet::new();
        let mut places: BTreeSet<PanelPlace> = BTreeSet::new();
        for plane in &self.planes {
            plane.check()?;
            if !planes.insert(&plane.id) {
                return Err(LayoutError::PlaneTwice(plane.id.clone()));
            }
            for panel in &plane.panels {
                panel.check()?;
                if !places.insert(panel.place()) {
                    let name = if panel.name.is_empty() {
                        &panel.key
                    } else {
                        &panel.name
                    };
                    return Err(LayoutError::PanelTwice(name.clone()));
                }
            }
        }
        Ok(())
    }

    /// One that was saved by whomever: what cannot be kept is left out.
    #[must_use]
    pub fn mended(mut self) -> Self {
        let mut planes = BTreeSet::new();
        let mut places = BTreeSet::new();
        let mut room = PANEL_COUNT;
        self.planes.truncate(PLANE_COUNT);
        self.planes
            .retain(|plane| plane.check().is_ok() && planes.insert(plane.id.clone()));
        for plane in &mut self.planes {
            let mut is_good =
                |panel: &LaidPanel| panel.check().is_ok() && places.insert(panel.place());
            plane.panels.retain(|panel| is_good(panel));
            plane.panels.truncate(room);
            room -= plane.panels.len();
            for panel in &mut plane.panels {
                (panel.x, panel.y) = (panel.x / GRID * GRID, panel.y / GRID * GRID);
            }
        }
        self
    }
}

impl RoofPlane {
    fn check(&self) -> Result<(), LayoutError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_id = !self.id.is_empty() && self.id.len() <= ID_LENGTH;
        if !is_id || !self.id.bytes().all(is_letter) {
            return Err(LayoutError::Id);
        }
        check_name(&self.name)?;
        check_name(&self.direction)?;
        match self.steep {
            Some(steep) if steep > STEEPEST => Err(LayoutError::Steep),
            _ => Ok(()),
        }
    }
}

impl LaidPanel {
    fn check(&self) -> Result<(), LayoutError> {
        check_name(&self.name)?;
        if self.device.as_str().len() > ID_LENGTH || self.key.len() > ID_LENGTH {
            return Err(LayoutError::Id);
        }
        if self.x > FARTHEST || self.y > FARTHEST {
            return Err(LayoutError::TooFar);
        }
        match self.rated {
            Some(watts) if !(1..=MOST_WATTS).contains(&watts) => Err(LayoutError::Rated),
            _ => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<(), LayoutError> {
    if name.chars().count() > NAME_LENGTH || name.chars().any(is_unseen) {
        return Err(LayoutError::Name);
    }
    Ok(())
}

/// As much of a name as can be kept.
pub fn fitting_name(name: &str) -> String {
    let seen = name.chars().filter(|c| !is_unseen(*c));
    seen.take(NAME_LENGTH).collect()
}

/// What turns the direction of letters around would change words beside the name, too.
fn is_unseen(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control()
}
