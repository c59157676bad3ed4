//! The messages of RPI-ECU and ESP32-ECU: one an inverter and answer, in one of their five formats.
//!
//! ```text
//! domoticz/in      {"idx":901,"nvalue":0,"svalue":"176.4;174.35"}
//! rpiecu/out/901   {"inv_serial":"408000000011","freq":50.0,...}
//! ```
//!
//! Source: patience4711/ESP32-read-APS-inverters, `mqttPoll`.
//!
//! | file | what |
//! |---|---|
//! | `config` | the sections `[[ecu_json]]` |
//! | `format` | the five formats |
//! | `inverters` | what is said of which inverter, and when |
//! | `today` | the energy of a day while it passes |
//! | `seed` | which counters tell it, and what the history knows of them |
//! | `run` | puts it all together |

mod config;
mod format;
mod inverters;
mod run;
mod seed;
#[cfg(test)]
mod tests;
mod today;

use std::sync::Arc;

pub use config::{EcuEnergy, EcuInverter, EcuJsonSettings};

use super::{Context, Outlet, Output, Running};
use crate::config::{File, Problems, SectionDoc};

/// The name of the output, in the log too.
const NAME: &str = "ecu_json";

/// This output.
#[derive(Debug)]
pub struct EcuJson;

/// The one there is.
pub static OUTPUT: EcuJson = EcuJson;

/// All its sections.
#[derive(Debug)]
pub struct EcuJsonOutlet(Vec<EcuJsonSettings>);

impl Output for EcuJson {
    fn name(&self) -> &'static str {
        NAME
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[[ecu_json]]",
            about: "The messages of RPI-ECU and ESP32-ECU, for what was built upon them: see [JSON of RPI-ECU](uploads/ecu-json.md). The broker is that of `[mqtt]`.",
            schema: schemars::schema_for!(EcuJsonSettings),
            defaults: serde_json::to_value(EcuJsonSettings::default()).unwrap_or_default(),
            example: "[[ecu_json]]\nformat = 3\ntopic = \"rpiecu/out/\"\ninverters = { \"802000000011\" = { idx = 901, number = 0 } }\n",
        }
    }

    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems> {
        let (mut all, mut wrong) = (Vec::new(), Problems::new());
        for section in file.sections(self.name()) {
            match section.read::<EcuJsonSettings>() {
                Ok(settings) => all.push(settings),
                Err(problems) => wrong.extend(problems),
            }
        }
        if wrong.is_empty() {
            Ok(Arc::new(EcuJsonOutlet(all)))
        } else {
            Err(wrong)
        }
    }
}

impl EcuJsonOutlet {
    fn switched_on(&self) -> impl Iterator<Item = &EcuJsonSettings> {
        self.0.iter().filter(|settings| settings.enabled)
    }
}

impl Outlet for EcuJsonOutlet {
    fn is_enabled(&self) -> bool {
        self.switched_on().next().is_some()
    }

    fn needs_broker(&self) -> bool {
        self.is_enabled()
    }

    fn run(self: Arc<Self>, context: Context) -> Running {
        Box::pin(run::run(self, context))
    }
}
