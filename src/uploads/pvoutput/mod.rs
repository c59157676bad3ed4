//! PVOutput: one status each five minutes, on the page of the system at pvoutput.org.
//!
//! Rows go to `addbatchstatus.jsp`, which is the only call that answers for each row. A row is date, time, energy of
//! the day so far and power of what is generated and of what is consumed, a temperature, a voltage and up to six
//! values more. What is not known is left empty, or is -1 where a field has to be there.
//!
//! | rule | why |
//! |---|---|
//! | one date in a request | a day gets its daily output from the last status of a request alone |
//! | 00:00 is part of 23:55 | else a new day would begin with the energy of the day before |
//! | nothing of the generation at night | "Moon Powered" |
//! | labels only rise | when the clock goes back, an hour comes twice |
//! | 30 rows and 13 days, or 100 and 89 | what is taken of others and of donors, with a day to spare |
//!
//! StatusSources: PVOutput's API specification, service r2; SBFspot, pvoutput.net and pvoutput-client for limits and errors.
//!
//! | file | what |
//! |---|---|
//! | `config` | the section |
//! | `plan` | the same, ready to run |
//! | `labels` | which slots belong to which status |
//! | `rows` | what is said of a status |
//! | `answers` | what is said in return |
//! | `system` | what PVOutput knows of the system |
//! | `memory` | what outlives a restart |
//! | `search` | what is found out about rows that are refused |
//! | `target` | the conversation |
//! | `verdicts` | its second half: what comes of an answer |

mod answers;
mod config;
mod labels;
mod memory;
mod plan;
mod rows;
mod search;
mod system;
mod target;
#[cfg(test)]
mod tests;
mod verdicts;

use crate::config::{Problems, Section, SectionDoc};
use crate::uploads::{Plan, Upload};

pub use config::{PvOutputExtended, PvOutputSettings};
pub use target::PvOutputTarget;

/// This service.
#[derive(Debug)]
pub struct PvOutput;

/// The one there is.
pub static UPLOAD: PvOutput = PvOutput;

impl Upload for PvOutput {
    fn name(&self) -> &'static str {
        "pvoutput"
    }

    fn spoken(&self) -> &'static str {
        "PVOutput"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[pvoutput]",
            about: "Sends a status each five minutes to pvoutput.org; `[[pvoutput]]` for several systems. See [PVOutput](uploads/pvoutput.md).",
            schema: schemars::schema_for!(PvOutputSettings),
            defaults: serde_json::to_value(PvOutputSettings::default()).unwrap_or_default(),
            example: "[pvoutput]\nsystem_id = \"12345\"\nkey = { file = \"/etc/wattbridge/pvoutput\" }\ngeneration = \"aps_ecu_216000000001\"\n",
        }
    }

    fn configure(&self, section: &Section) -> Result<Box<dyn Plan>, Problems> {
        Ok(Box::new(section.read::<PvOutputSettings>()?))
    }
}
