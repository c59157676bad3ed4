//! Victron devices over VE.Direct: battery monitors, solar chargers, inverters, chargers and
//! converters.
//!
//! A device sends blocks of text by itself, and answers questions in a second protocol of hex digits
//! on the same wire. The byte tables are in [`wire`]; they were collected from the vendor's public
//! documents and hold on public captures.
//!
//! | Step | Module |
//! |---|---|
//! | find the cables, a line for each; open it again and again | `source`, `cables`, `slots`, `ports`, `port_task`, `probe` |
//! | bytes to blocks, frames, rounds | [`wire`] |
//! | one line: who is there, what it says, what it is asked | `reception`, `poller` |
//! | what there is to tell: each value with its label, its registers, who is asked for it how often | `metrics` |
//! | one device: identity, values, what has become old | `device`, `interpret` |
//! | what can be set | `control` |
//! | recordings that can be shown to others | `mask` |
//! | why there are no values | `health` |
//! | what solar chargers remember of the last days | `history` |

mod cables;
mod config;
mod control;
mod decode;
mod device;
mod health;
mod history;
mod interpret;
mod mask;
mod metrics;
mod poller;
mod port_task;
mod ports;
mod probe;
mod reception;
mod rhythm;
#[cfg(feature = "simulate")]
pub mod simulator;
mod slots;
mod source;
pub mod wire;

use std::sync::Arc;

use self::config::Config;
use crate::config::{Problems, Section, SectionDoc};
use crate::device::{Adapter, Decoder, Source, Tool};
use crate::links::Mask;
use crate::model::Metric;

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "victron";

/// Victron devices over VE.Direct.
pub static ADAPTER: Victron = Victron;

/// See the [module](self).
#[derive(Debug)]
pub struct Victron;

const ABOUT: &str = "\
    Victron devices with a VE.Direct port. An empty section finds every VE.Direct USB cable; a device \
    at another kind of cable, or at a TCP server, gets a section with its port.";

const EXAMPLE: &str = "\
[[victron]]
port = \"auto\"
names = { HQ20000ABCD = \"Roof\" }
";

impl Adapter for Victron {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn title(&self) -> &'static str {
        "Victron devices over VE.Direct (battery monitors, solar chargers, inverters)"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        metrics::tables()
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[[victron]]",
            about: ABOUT,
            schema: schemars::schema_for!(Config),
            defaults: serde_json::to_value(Config::default()).unwrap_or_default(),
            example: EXAMPLE,
        }
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        vec![("port", text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<Arc<dyn Source>, Problems> {
        let config = Arc::new(section.read()?);
        Ok(Arc::new(source::Cables { config }))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        Ok(Box::new(decode::StreamDecoder::new(section)?))
    }

    fn mask(&self, section: &Section) -> Result<Mask, Problems> {
        let _: Config = section.read()?;
        let mut masker = mask::Masker::new();
        Ok(Box::new(move |bytes| masker.mask(bytes)))
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }

    fn tools(&self) -> &'static [&'static dyn Tool] {
        &[&history::History]
    }
}
