//! emoncms: emoncms.org, one's own server, Home Assistant's app of that name.
//!
//! One request for many slots: `POST <url>/input/bulk` with the fields `time` and `data` of a form, where `data` is
//! `[[offset,"node",{"input":number,...}],...]` and the time of an item is `time + offset`, in whole seconds.
//!
//! * Numbers alone are sent: emoncms stores words and `null` as 0.
//! * The status of an answer says nothing, only its body does: `ok`.
//! * Processes that accumulate count what is sent twice twice. So nothing is sent again before emoncms has said, by
//!   `GET <url>/input/get/<node>`, which times of which inputs it has: at each start, and whenever it is not known
//!   what came of a request.
//! * A node with too long a name is dropped and answered with `ok`. So each node and input is looked for after the
//!   first `ok`.
//!
//! | file | what |
//! |---|---|
//! | `config` | the section |
//! | `labels` | what VE.Direct calls a value, in which unit: as PvMonit sent it |
//! | `plan` | the section, ready to run |
//! | `names` | names as emoncms keeps them |
//! | `naming` | which node and input a value goes to |
//! | `items` | what is sent of a slot |
//! | `answers` | what answers mean |
//! | `target` | the conversation |
//!
//! Sources: `Modules/input` and `Modules/process` of emoncms 11, and how that version answers.

mod answers;
mod config;
mod items;
mod labels;
mod names;
mod naming;
mod plan;
mod target;
#[cfg(test)]
mod tests;

use crate::config::{Problems, Section, SectionDoc};
use crate::uploads::{Plan, Upload};

pub use config::{EmoncmsNames, EmoncmsSettings};
pub use names::default_node;
pub use target::EmoncmsTarget;

/// This service.
#[derive(Debug)]
pub struct Emoncms;

/// The one there is.
pub static UPLOAD: Emoncms = Emoncms;

impl Upload for Emoncms {
    fn name(&self) -> &'static str {
        "emoncms"
    }

    fn spoken(&self) -> &'static str {
        "emoncms"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[emoncms]",
            about: "Sends the history to emoncms.org or an emoncms of your own: see [emoncms](uploads/emoncms.md).",
            schema: schemars::schema_for!(EmoncmsSettings),
            defaults: serde_json::to_value(EmoncmsSettings::default()).unwrap_or_default(),
            example: "[emoncms]\nurl = \"https://emoncms.org\"\nkey = { file = \"/etc/wattbridge/emoncms\" }\n",
        }
    }

    fn configure(&self, section: &Section) -> Result<Box<dyn Plan>, Problems> {
        Ok(Box::new(section.read::<EmoncmsSettings>()?))
    }
}
