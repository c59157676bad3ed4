//! InfluxDB 1, 2 and 3, and what speaks like them (VictoriaMetrics): the line protocol over HTTP.
//!
//! One line for each device and slot: `wattbridge,device=<id> power=582,energy_total=1234.5 1781517900`, with the end
//! of the slot in whole seconds. All numbers are written without a suffix, which makes them floats, as the type of a
//! field can never change. A line that is sent once more overwrites the first one.
//!
//! | version | where | login |
//! |---|---|---|
//! | 1, VictoriaMetrics | `/write?db=D&precision=s` | user and password |
//! | 2 | `/api/v2/write?org=O&bucket=B&precision=s` | token |
//! | 3 | `/api/v3/write_lp?db=D&precision=second&accept_partial=true` | token |
//!
//! Sources: the documentation of the three versions; answers of InfluxDB 1.6 and VictoriaMetrics 1.79.

mod answers;
mod config;
mod lines;
mod plan;
mod target;
#[cfg(test)]
mod tests;

use crate::config::{Problems, Section, SectionDoc};
use crate::uploads::{Plan, Upload};

pub use config::InfluxSettings;
pub use target::InfluxTarget;

/// This service.
#[derive(Debug)]
pub struct Influx;

/// The one there is.
pub static UPLOAD: Influx = Influx;

impl Upload for Influx {
    fn name(&self) -> &'static str {
        "influxdb"
    }

    fn spoken(&self) -> &'static str {
        "InfluxDB"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[[influxdb]]",
            about: "Sends the history to InfluxDB (1, 2 or 3) or VictoriaMetrics, for Grafana: see [InfluxDB](uploads/influxdb.md).",
            schema: schemars::schema_for!(InfluxSettings),
            defaults: serde_json::to_value(InfluxSettings::default()).unwrap_or_default(),
            example: "[[influxdb]]\nurl = \"http://nas:8086\"\nversion = 2\norg = \"home\"\nbucket = \"wattbridge\"\ntoken = { file = \"/etc/wattbridge/influxdb\" }\n",
        }
    }

    fn configure(&self, section: &Section) -> Result<Box<dyn Plan>, Problems> {
        Ok(Box::new(section.read::<InfluxSettings>()?))
    }
}
