//! APsystems ECU-R, ECU-R-Pro, ECU-B and ECU-C: gateways between micro-inverters and the network.
//!
//! The ECU listens on TCP 8899 and answers ASCII questions with frames of mixed ASCII and binary.
//! The byte tables are in [`wire`]; they were collected from public captures and from programs whose
//! authors worked them out, and hold on real frames.
//!
//! | Question | What it answers | Asked |
//! |---|---|---|
//! | 0001 | the ECU: id, firmware, power, energy of today and of its lifetime | each round |
//! | 0002 | each inverter: power per panel, grid voltage and frequency, temperature | each round |
//! | 0030 | radio quality of each inverter | each round |
//! | 0012 | the ECU's clock | at the start and every 6 hours |
//! | 0003, 0004 | power of a day, energy of past days | by `wattbridge aps-ecu history` only |
//!
//! A round takes three short connections, one for each question, and follows the ECU's own rhythm
//! of five minutes.

mod belief;
mod config;
mod decode;
mod describe;
mod exchange;
mod health;
mod history;
mod identity;
mod installation;
mod inverter;
mod local_time;
mod metrics;
mod recovery;
mod scan;
mod schedule;
#[cfg(feature = "simulate")]
pub mod simulator;
mod source;
mod today;
mod waking;
pub mod wire;

use crate::config::{Problems, Section, SectionDoc};
use crate::device::{Adapter, ConfiguredSource, Decoder, Scanner, Tool};
use crate::links::{Endpoint, Mask};
use crate::model::Metric;

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "aps_ecu";

/// APsystems ECUs on TCP 8899.
pub static ADAPTER: ApsEcu = ApsEcu;

/// See the [module](self).
#[derive(Debug)]
pub struct ApsEcu;

const ABOUT: &str = "\
    One APsystems ECU-R, ECU-R-Pro, ECU-B or ECU-C and the inverters behind it. Repeat the section \
    for each ECU. `wattbridge scan ecu 192.168.1.0/24` finds them.";

const EXAMPLE: &str = "\
[[aps_ecu]]
host = \"192.168.1.50\"
name = \"Solar roof\"
names = { 704000000001 = \"Garage east\", 704000000002 = \"Garage west\" }
";

impl Adapter for ApsEcu {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "APS ECU"
    }

    fn title(&self) -> &'static str {
        "APsystems ECU-R, ECU-R-Pro, ECU-B, ECU-C (TCP 8899)"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        &[metrics::ECU, metrics::INVERTER]
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<config::EcuConfig>("[[aps_ecu]]", ABOUT, EXAMPLE)
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        let endpoint = Endpoint::parse(text, 8899);
        vec![("host", endpoint.host), ("port", endpoint.port.to_string())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, keys) = section.read_with_keys()?;
        Ok(ConfiguredSource::new(source::Ecu::new(config), keys))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        Ok(Box::new(decode::EcuDecoder::new(section)?))
    }

    fn mask(&self, _section: &Section) -> Result<Mask, Problems> {
        let mut masker = wire::Masker::default();
        Ok(Box::new(move |bytes| masker.mask(bytes)))
    }

    fn scanner(&self) -> Option<&'static dyn Scanner> {
        Some(&scan::EcuScanner)
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }

    fn tools(&self) -> &'static [&'static dyn Tool] {
        static TOOLS: &[&dyn Tool] = &[&history::HISTORY];
        TOOLS
    }
}
