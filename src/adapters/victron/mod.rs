//! Victron devices over VE.Direct: battery monitors, solar chargers, inverters, chargers and
//! converters.
//!
//! A device sends blocks of text by itself, and answers questions in a second protocol of hex digits
//! on the same wire. The byte tables are in [`wire`]; they were collected from the vendor's public
//! documents and hold on public captures.
//!
//! | Step | Module |
//! |---|---|
//! | find the cables, a line for each | `source`, `cables`, `slots`, `ports`, `probe` |
//! | bytes to blocks, frames, rounds | [`wire`] |
//! | one line: who is there, what it says, what it is asked | `protocol`, `reception`, `poller` |
//! | what there is to tell: each value with its label, its registers, who is asked for it how often | `metrics` |
//! | one device: identity, values, what has become old | `device`, `interpret` |
//! | what can be set | `control` |
//! | files: events labelled, what is left over | `transcript` |
//! | recordings that can be shown to others | `mask` |
//! | why there are no values | `health` |
//! | what solar chargers remember of the last days | `history` |

mod cables;
mod config;
mod control;
mod device;
mod health;
mod history;
mod interpret;
mod mask;
mod metrics;
mod poller;
mod ports;
mod probe;
mod protocol;
mod reception;
mod rhythm;
#[cfg(feature = "simulate")]
pub mod simulator;
mod slots;
mod source;
mod transcript;
pub mod wire;

use std::sync::Arc;

use self::config::VictronConfig;
use self::protocol::Conversation;
use crate::config::{Problems, Section, SectionDoc};
use crate::device::{Adapter, ConfiguredSource, Decoder, FileReader, Tool};
use crate::links::{Mask, PortInfo};
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

    fn spoken(&self) -> &'static str {
        "Victron"
    }

    fn title(&self) -> &'static str {
        "Victron devices over VE.Direct (battery monitors, solar chargers, inverters)"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        metrics::tables()
    }

    fn words(&self) -> Vec<&'static str> {
        interpret::words()
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<VictronConfig>("[[victron]]", ABOUT, EXAMPLE)
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        vec![("port", text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, keys) = section.read_with_keys()?;
        let config = Arc::new(config);
        Ok(ConfiguredSource::new(source::Cables { config }, keys))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        let config = section.read_without(&["port"])?;
        Ok(Box::new(FileReader::new(Conversation::of_file(config))))
    }

    fn mask(&self, section: &Section) -> Result<Mask, Problems> {
        let _: VictronConfig = section.read()?;
        let mut masker = mask::Masker::new();
        Ok(Box::new(move |bytes| masker.mask(bytes)))
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }

    fn recognises(&self, port: &PortInfo) -> bool {
        cables::is_cable(port)
    }

    fn tools(&self) -> &'static [&'static dyn Tool] {
        static TOOLS: &[&dyn Tool] = &[&history::HISTORY];
        TOOLS
    }
}
