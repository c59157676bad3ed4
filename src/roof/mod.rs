//! The roof: which values are panels, where they lie, and which of them bring less than their neighbours.
//!
//! Everything here is pure: devices and numbers in, layouts and findings out. Panels are found by the keys and
//! parts of metrics, so that no adapter has a name here.
//!
//! | file | what |
//! |---|---|
//! | `panels` | which values are panels, and what they are called |
//! | `layout` | planes and the panels on them, as they are saved |
//! | `limits` | what a layout may be like |
//! | `arrange` | a layout where nobody has made one: by inverter |
//! | `course` | what the panels of a plane brought over days, beside their median |
//! | `clear` | which days were clear |
//! | `weak` | which panels bring less, and since when one brings nothing |
//! | `kind` | whether that looks like a shadow or like dirt |

mod arrange;
mod clear;
mod course;
mod kind;
mod layout;
mod limits;
mod panels;
mod weak;

pub use arrange::by_inverter;
pub use course::{PanelCourse, PlaneCourse, SlotTime};
pub use kind::{HourShare, WeakKind};
pub use layout::{LaidPanel, RoofLayout, RoofPlane, panel_size};
pub use limits::{LayoutError, on_grid};
pub use panels::{PanelPlace, RoofPanel, panel_energy, panels_of};
pub use weak::{WeakPanel, weak_panels};

#[cfg(test)]
mod tests;
