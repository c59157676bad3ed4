//! A layout where nobody has made one.

use super::layout::{LaidPanel, RoofLayout, RoofPlane, panel_size};
use super::limits::{PLANE_COUNT, fitting_name};
use super::panels::RoofPanel;

/// Centimetres between panels.
const GAP: u32 = 5;
/// Panels side by side, at least and at most.
const IN_A_ROW: (usize, usize) = (4, 12);
/// Rows of a plane, as long as they do not get too wide.
const ROWS: usize = 3;

/// A plane for each inverter, with its panels in rows: they were mostly laid together.
pub fn by_inverter(panels: &[RoofPanel]) -> RoofLayout {
    let mut groups: Vec<(&RoofPanel, Vec<&RoofPanel>)> = Vec::new();
    for panel in panels {
        match groups
            .iter_mut()
            .find(|(first, _)| first.inverter == panel.inverter)
        {
            Some((_, group)) => group.push(panel),
            None => groups.push((panel, vec![panel])),
        }
    }
    let planes = groups.iter().take(PLANE_COUNT).enumerate();
    let planes = planes.map(|(index, (first, group))| RoofPlane {
        id: format!("p{}", index + 1),
        name: fitting_name(&first.inverter_name),
        panels: in_rows(group),
        ..RoofPlane::default()
    });
    RoofLayout {
        revision: 0,
        planes: planes.collect(),
    }
}

fn in_rows(group: &[&RoofPanel]) -> Vec<LaidPanel> {
    let (least, most) = IN_A_ROW;
    let in_a_row = group.len().div_ceil(ROWS).clamp(least, most);
    let (width, height) = panel_size();
    let rows = (0_u32..).zip(group.chunks(in_a_row));
    let laid = rows.flat_map(|(row, panels)| {
        (0_u32..).zip(panels).map(move |(column, panel)| LaidPanel {
            device: panel.place.device.clone(),
            key: panel.place.key.clone(),
            name: String::new(),
            rated: None,
            x: column * (width + GAP),
            y: row * (height + GAP),
            turned: false,
        })
    });
    laid.collect()
}
