//! Home Assistant's long-term statistics: hours, by the WebSocket command `recorder/import_statistics`.
//!
//! * **Gaps.** Home Assistant makes hours from what it hears. What it did not hear, as it or the broker was away, is missing,
//!   or stands still. Hours of our own counters' entities that lie between two that it has are written: their sums grow
//!   from the one before, and what comes after them needs no change. Where both ends do not fit our counter nothing is
//!   written.
//! * **Own statistics** beside the entities, `wattbridge:<device>_<key>`: of counters `state` and `sum`, of measurements
//!   mean, least and greatest. A row replaces the one of the same hour whole, so each has all that belongs to it.
//! * The first row of a counter has the sum 0: Home Assistant shows the first sum as used in that hour. `sum` is the counter
//!   less its base, which is kept, and never taken anew: another one would show as one huge hour below 0. Where it is lost
//!   it is taken from what Home Assistant has.
//! * Only hours that ended 70 minutes ago: Home Assistant makes its own at the full hour.
//! * `success` means that rows are queued. They are done with when they can be read.
//!
//! | file | what |
//! |---|---|
//! | `config`, `plan` | the section |
//! | `hours` | hours from slots |
//! | `memory` | bases of the counters, gaps that are still open |
//! | `units` | which class of units Home Assistant has for what |
//! | `messages` | what is written, as it goes out |
//! | `questions` | what is asked, and how its answers are read |
//! | `gaps` | which hours of an entity are missing, and their sums |
//! | `answers` | what errors mean |
//! | `target` | the conversation |
//!
//! Sources: `recorder/websocket_api.py` and `recorder/statistics.py` of Home Assistant 2026.11, and how it answers.

mod answers;
mod config;
mod gaps;
mod hours;
mod memory;
mod messages;
mod plan;
mod questions;
mod target;
#[cfg(test)]
mod tests;
mod units;

use crate::config::{Problems, Section, SectionDoc};
use crate::uploads::{Plan, Upload};

pub use config::StatisticsSettings;
pub use target::StatisticsTarget;

/// This service.
#[derive(Debug)]
pub struct HomeAssistantStatistics;

/// The one there is.
pub static UPLOAD: HomeAssistantStatistics = HomeAssistantStatistics;

impl Upload for HomeAssistantStatistics {
    fn name(&self) -> &'static str {
        "statistics"
    }

    fn spoken(&self) -> &'static str {
        "Home Assistant statistics"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[statistics]",
            about: "Fills gaps in Home Assistant's long-term statistics, and keeps others there: see [Statistics of Home Assistant](uploads/home-assistant-statistics.md), which says what to look at first.",
            schema: schemars::schema_for!(StatisticsSettings),
            defaults: serde_json::to_value(StatisticsSettings::default()).unwrap_or_default(),
            example: "[statistics]\nurl = \"http://homeassistant.local:8123\"\ntoken = { file = \"/etc/wattbridge/home-assistant\" }\n",
        }
    }

    fn configure(&self, section: &Section) -> Result<Box<dyn Plan>, Problems> {
        Ok(Box::new(section.read::<StatisticsSettings>()?))
    }
}
