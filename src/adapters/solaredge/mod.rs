//! SolarEdge inverters with a display: what they tell their maker's server, read from the network.
//!
//! An inverter of the generation with a display keeps one TCP connection to its maker's server and tells
//! it every five minutes what it, its optimizers, meters and battery have measured. Whoever sees the
//! packets can read them, with the inverter's own key where it encrypts. Nothing is ever sent.
//!
//! ```text
//! 12 34 56 79          barker
//! 15 00 ea ff          length of the data, and its inverse
//! 01 00                sequence number
//! c3 b2 11 7f          source: 7F11B2C3
//! fe ff ff ff          destination: the server
//! 00 05                telemetry
//!   80 00 c3 b2 21 10 0d 00    a record of an optimizer, its serial, 13 bytes
//!   90 c0 66 66 6d 10 fc 68 03 37 01 0a 11    31.5 V, 27.25 V, 5.5 A, 640.25 Wh, 34 °C
//! xx xx                checksum
//! ```
//!
//! | Step | Module |
//! |---|---|
//! | packets to streams | [`links::capture`](crate::links::capture) |
//! | streams to frames | `listener` |
//! | sealed frames to open ones | `sessions`, `keys` |
//! | frames to records | [`wire`] |
//! | records to devices: what they report, how they are | `plant`, `metrics`, `day_energy`, `health` |
//! | all of that on a link, or from a file | `protocol`, `decode` |
//! | commands of its own | `tools` |

mod captured;
mod config;
mod day_energy;
mod decode;
mod health;
mod keys;
mod listener;
mod metrics;
mod plant;
mod protocol;
mod repeats;
mod sessions;
#[cfg(feature = "simulate")]
pub mod simulator;
mod tools;
pub mod wire;

use std::sync::Arc;

pub use self::captured::records_of;
use self::config::SolarEdgeConfig;
use self::decode::FileDecoder;
use self::keys::UnitKeys;
use self::plant::Setting;
use self::protocol::Overheard;
use crate::config::{Problems, Section, SectionDoc, Zone};
use crate::device::{Adapter, ConfiguredSource, Decoder, LineSource, Tool};
use crate::links::{CaptureFilter, Mask};
use crate::model::Metric;

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "solaredge";

/// SolarEdge inverters with a display.
pub static ADAPTER: SolarEdge = SolarEdge;

/// See the [module](self).
#[derive(Debug)]
pub struct SolarEdge;

const ABOUT: &str = "\
    SolarEdge inverters with a display, with their optimizers, meters and batteries: read from the packets \
    that they send to their server. Repeat the section for each place at which packets are seen.";

const EXAMPLE: &str = "\
[[solaredge]]
interface = \"eth0\"
keys = { \"7F123456-1B\" = \"000102030405060708090A0B0C0D0E0F\" }
";

impl Adapter for SolarEdge {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "SolarEdge"
    }

    fn title(&self) -> &'static str {
        "SolarEdge inverters with a display (packets on the network)"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        metrics::tables()
    }

    fn words(&self) -> Vec<&'static str> {
        // Of the weakest panel.
        vec!["{n} % of the usual"]
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<SolarEdgeConfig>("[[solaredge]]", ABOUT, EXAMPLE)
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        // A path and the name of an interface are no addresses.
        let is_capture = text == "-" || text.contains('/');
        let key = if is_capture { "capture" } else { "interface" };
        vec![(key, text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, device_keys) = section.read_with_keys::<SolarEdgeConfig>()?;
        let keys = Arc::new(keys_of(section, &config)?);
        let address = config.address().ok_or_else(|| {
            let advice = "write \"-\", tcp://HOST:PORT or the path of a capture file";
            section.problem::<SolarEdgeConfig>("capture", "this is no place for a capture", advice)
        })?;
        let label = address.place();
        let config = Arc::new(config);
        let begin = move |start| Overheard::new(&config, &keys, start);
        let source = LineSource::new(&ADAPTER, address, begin)
            .labelled(&label)
            .filtered(CaptureFilter {
                mac_prefixes: listener::MAC_PREFIXES,
                ports: listener::PORTS,
            });
        Ok(ConfiguredSource::new(source, device_keys))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        let config: SolarEdgeConfig = section.read_without(&["interface"])?;
        let keys = keys_of(section, &config)?;
        let zone = config.time_zone.as_ref();
        let setting = Setting {
            zone: zone.map_or_else(jiff::tz::TimeZone::system, Zone::get),
            max_power: config.max_power,
            is_file: true,
        };
        Ok(Box::new(FileDecoder::new(&keys, setting)))
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }

    fn tools(&self) -> &'static [&'static dyn Tool] {
        tools::TOOLS
    }

    fn mask(&self, section: &Section) -> Result<Mask, Problems> {
        let advice = "record without --mask and keep the file to yourself, or send single records as `wattbridge decode \
                      solaredge` prints them";
        let what = "packets cannot be masked";
        Err(section
            .problem::<SolarEdgeConfig>("capture", what, advice)
            .into())
    }
}

/// The keys of a section.
fn keys_of(section: &Section, config: &SolarEdgeConfig) -> Result<UnitKeys, Problems> {
    UnitKeys::read(config).map_err(|(field, trouble)| {
        section
            .problem::<SolarEdgeConfig>(field, &trouble.to_string(), "")
            .into()
    })
}
