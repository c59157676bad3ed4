//! APsystems inverters over a Zigbee stick, without any ECU.
//!
//! A stick with the right firmware takes the place of the ECU: it has the network that the inverters are in, asks each
//! of them in turn and hears what it measures. Nothing goes to a cloud.
//!
//! # The bytes
//!
//! | Layer | Where | What |
//! |---|---|---|
//! | serial | `FE LEN CMD CMD DATA FCS` | [`wire::znp`], frames of the stick |
//! | radio | cluster, address, data | [`radio`], whatever the firmware of the stick is |
//! | payload | `SERIAL FB FB LEN CMD ... SUM FE FE` | [`wire::payload`], what inverters say |
//!
//! The knowledge is from public captures and public programs: kadzsol's notes on the modified Z-Stack, the programs of
//! patience4711, esphome-apsystems, ha-apsystems-ds3, ESP32C6-APsystems-ECU, openaps. Where they differ, the captures
//! decide.
//!
//! # From bytes to reports
//!
//! | Step | Room |
//! |---|---|
//! | bytes to messages, a stick that is brought up, watched and healed | `radio` |
//! | who is asked when | `schedule`, `sun` |
//! | an inverter is brought into our network | `pairing` |
//! | an inverter is told something | `control` |
//! | counters that begin anew to energy that never falls | `energy` |
//! | an answer to readings | `inverter`, `metrics`, `inputs`, `models` |
//! | all of it, one thing at a time | `protocol` |

mod config;
mod control;
mod decode;
pub mod energy;
mod health;
mod inputs;
mod inverter;
mod mask;
mod metrics;
pub mod models;
mod pairing;
mod protocol;
pub mod radio;
pub mod schedule;
#[cfg(feature = "simulate")]
pub mod simulator;
pub mod sun;
mod tools;
mod unused_inputs;
mod whereabouts;
pub mod wire;

use std::sync::Arc;

use self::config::ZigbeeConfig;
use self::decode::ZigbeeDecoder;
use self::mask::StickMasker;
use self::protocol::StickConversation;
use crate::config::{Problems, Section, SectionDoc};
use crate::device::{Adapter, ConfiguredSource, Decoder, Keys, LineSource, Tool};
use crate::links::{Mask, PortInfo};
use crate::model::{DeviceId, Metric};

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "aps_zigbee";

/// APsystems inverters over a Zigbee stick.
pub static ADAPTER: ApsZigbee = ApsZigbee;

/// See the [module](self).
#[derive(Debug)]
pub struct ApsZigbee;

const ABOUT: &str = "\
    APsystems inverters through a Zigbee stick (CC2530 or CC2531 with the firmware for them), without an ECU. Repeat the \
    section for each stick.";

const EXAMPLE: &str = "\
[[aps_zigbee]]
port = \"/dev/serial/by-id/usb-Silicon_Labs_CP2102-if00-port0\"
inverters = [\"408000123456\", \"704000123457\"]
";

impl Adapter for ApsZigbee {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "APS Zigbee"
    }

    fn title(&self) -> &'static str {
        "APsystems inverters over a Zigbee stick, without an ECU"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        metrics::TABLES
    }

    fn words(&self) -> Vec<&'static str> {
        inverter::words()
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<ZigbeeConfig>("[[aps_zigbee]]", ABOUT, EXAMPLE)
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        vec![("port", text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, keys) = section.read_with_keys::<ZigbeeConfig>()?;
        let Some(port) = config.port.clone() else {
            let advice = "write port = \"/dev/serial/by-id/...\"; `wattbridge ports` lists those that are there";
            return Err(section
                .problem::<ZigbeeConfig>("port", "the port of the stick is missing", advice)
                .into());
        };
        let reserved = config.reserved();
        let config = Arc::new(config);
        // What is remembered belongs to the network, at whatever port its stick is.
        let label = config.network().to_string();
        let reset_line = config.reset_line.clone();
        let inverters = config.inverters.iter();
        let inverters = inverters.map(|serial| DeviceId::new(KIND, &serial.to_string()));
        let inverters = inverters.collect();
        let begin = move |start| StickConversation::new(&config, start);
        let source = LineSource::new(&ADAPTER, port, begin)
            .labelled(&label)
            .wired_to(reset_line)
            .reserving(reserved)
            .listing(inverters);
        Ok(ConfiguredSource::new(source, keys))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        let config: ZigbeeConfig = section.read_without(&["port", "inverters"])?;
        Ok(Box::new(ZigbeeDecoder::new(config)))
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }

    fn recognises(&self, port: &PortInfo) -> bool {
        // A CC2530 stands behind an ordinary serial adapter, which says nothing of it.
        let names = [port.name(), port.description.clone().unwrap_or_default()];
        names.iter().any(|name| name.contains("CC2531"))
    }

    fn tools(&self) -> &'static [&'static dyn Tool] {
        tools::TOOLS
    }

    fn mask(&self, section: &Section) -> Result<Mask, Problems> {
        let config: ZigbeeConfig = section.read_without(&["port", "inverters"])?;
        let mut masker = StickMasker::new(&config);
        Ok(Box::new(move |bytes| masker.mask(bytes)))
    }

    fn mask_settings(&self, section: &Section) -> Keys {
        let config = section.read_without(&["port", "inverters"]);
        config.map_or_else(|_| Keys::new(), |config| mask::settings(&config))
    }
}
