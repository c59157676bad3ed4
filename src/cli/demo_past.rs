//! What the demo has behind it: a year of history for its devices, and a roof on which they lie.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::history::demo::fill;
use crate::bridge::View;
use crate::flow::{ChosenRoles, FlowSettings, PriceSettings, Tariff};
use crate::roof::{LaidPanel, RoofLayout, RoofPlane};
use crate::simulation::year::{PlantPanel, PlantPlane};
use crate::store::Memory;
use crate::web::ROOF_LAYOUT;

/// Devices are found, and have told their counters, after so long.
const SETTLED: Duration = Duration::from_secs(12);
/// How much of the past there is.
const DAYS: i64 = 366;
/// From one panel to the next on the roof, in cm.
const APART: (u32, u32) = (110, 175);

/// The file with the past, which goes with the demo.
#[derive(Debug)]
pub struct PastFile(pub PathBuf);

impl PastFile {
    /// One of this process.
    pub fn new() -> Self {
        let name = format!("wattbridge-demo-{}-history.db", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.remove();
        file
    }

    fn remove(&self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            // One that is not there is what is wanted.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for PastFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Waits until the devices are known, and gives them a past. That takes some seconds more, in a thread of its own, and
/// the page shows what is there already.
pub async fn remember(view: View, memory: Memory, file: PathBuf, zone: TimeZone) {
    tokio::time::sleep(SETTLED).await;
    let known = view.snapshot();
    let roles = ChosenRoles::of(&known, &FlowSettings::default()).for_history();
    // Not one of the runtime's, which the end of the demo would wait for.
    let thread = std::thread::Builder::new().name("past".to_owned());
    let filling = thread.spawn(move || {
        fill(
            &file,
            &known,
            roles,
            &zone,
            Timestamp::now(),
            DAYS,
            |planes, panels| {
                memory.put(ROOF_LAYOUT, &layout(planes, panels));
            },
        );
    });
    if let Err(error) = filling {
        tracing::warn!("The demo has no past ({error}). Free some memory and start it again.");
    }
}

/// What energy costs in the demo.
pub fn prices() -> PriceSettings {
    PriceSettings {
        currency: Some("EUR".to_owned()),
        import: Some(Tariff::Flat(0.32)),
        export: Some(Tariff::Flat(0.08)),
    }
}

fn layout(planes: &[PlantPlane], panels: &[PlantPanel]) -> RoofLayout {
    let plane = |(number, plane): (usize, &PlantPlane)| {
        let panels = panels.iter().filter(|panel| panel.plane == number);
        RoofPlane {
            id: format!("plane-{number}"),
            name: plane.name.clone(),
            direction: format!("{:.0}°", plane.direction),
            steep: Some(plane.steep as u8),
            panels: panels
                .map(|panel| LaidPanel {
                    device: panel.device.clone(),
                    key: panel.key.clone(),
                    name: String::new(),
                    rated: Some(panel.rated as u32),
                    x: panel.place.0 * APART.0,
                    y: panel.place.1 * APART.1,
                    turned: false,
                })
                .collect(),
        }
    };
    RoofLayout {
        revision: 1,
        planes: planes.iter().enumerate().map(plane).collect(),
    }
}
