//! Smart meters that push DLMS/COSEM telegrams over their customer interface: Kaifa MA309 and MA110,
//! Sagemcom T210-D, Honeywell DM515, Landis+Gyr E450, Iskraemeco AM550 and kin.
//!
//! The meter talks every few seconds, and nobody ever answers: a port is opened, and what arrives is
//! read. The byte tables are in [`wire`]; they were collected from documents of grid operators and
//! from public telegrams, and hold on real ones.
//!
//! | Step | Module |
//! |---|---|
//! | listen, find out speed and parity, notice silence, and what a serial server does wrong | `protocol`, `autobaud`, `silence`, `server` |
//! | bytes to messages to plaintext to items | [`wire`], with the keys of `keys` |
//! | items to values of metrics, and what cannot be | `values`, `metrics`, `growth` |
//! | telegrams to meters: who they are, what they carry, how good the line is | `reception`, `meter`, `rhythm`, `products` |
//! | why there are no values | `health`, `damage` |
//! | recordings that can be shown | `mask`, `published` |

mod autobaud;
mod config;
mod damage;
mod growth;
mod health;
mod keys;
mod mask;
mod meter;
mod metrics;
mod opening;
mod products;
mod protocol;
mod published;
mod quality;
mod reception;
mod rhythm;
mod server;
mod shown;
mod silence;
#[cfg(feature = "simulate")]
pub mod simulator;
mod values;
pub mod wire;

use std::sync::Arc;

use self::config::MeterConfig;
use self::keys::KeyRing;
use self::protocol::{Conversation, TelegramReading};
use self::wire::Profiles;
use crate::config::{Problems, Section, SectionDoc};
use crate::device::{Adapter, ConfiguredSource, Decoder, FileReader, Keys, LineSource};
use crate::links::Mask;
use crate::model::Metric;

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "smart_meter";

/// Smart meters with a customer interface.
pub static ADAPTER: SmartMeter = SmartMeter;

/// See the [module](self).
#[derive(Debug)]
pub struct SmartMeter;

const ABOUT: &str = "\
    The customer interface of one smart meter, or of several on one line. Repeat the section for each \
    port. Nothing about your grid operator has to be configured but the key.";

const EXAMPLE: &str = "\
[[smart_meter]]
port = \"/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1B2C3D4-if00-port0\"
key = \"000102030405060708090A0B0C0D0E0F\"
name = \"Grid meter\"
";

impl Adapter for SmartMeter {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "Smart meter"
    }

    fn also_called(&self) -> &'static [&'static str] {
        // As those who come from other programs know it.
        &["kaifa", "p1", "dsmr"]
    }

    fn title(&self) -> &'static str {
        "Smart meters: P1 port (DSMR, e-MUCS, Smarty), M-Bus, infrared"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        &[metrics::METER, metrics::BEHIND]
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<MeterConfig>("[[smart_meter]]", ABOUT, EXAMPLE)
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        vec![("port", text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, keys) = section.read_with_keys::<MeterConfig>()?;
        let reading = reading(section, config)?;
        let address = reading.config.port.clone();
        let address = address.ok_or_else(|| {
            section.problem::<MeterConfig>("port", "the port of the meter is missing", "add it")
        })?;
        let begin = move |start| Conversation::new(reading.clone(), start);
        Ok(ConfiguredSource::new(
            LineSource::new(&ADAPTER, address, begin),
            keys,
        ))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        let reading = reading(section, section.read_without(&["port"])?)?;
        Ok(Box::new(FileReader::new(Conversation::of_file(reading))))
    }

    fn mask(&self, section: &Section) -> Result<Mask, Problems> {
        let reading = reading(section, section.read()?)?;
        let profile = reading.config.profile;
        let mut masker = mask::Masker::new(reading.keys, reading.profiles, profile);
        Ok(Box::new(move |bytes| masker.mask(bytes)))
    }

    fn mask_settings(&self, section: &Section) -> Keys {
        let ring = section
            .read()
            .ok()
            .and_then(|config| KeyRing::read(&config).ok());
        ring.map_or_else(Keys::new, |ring| mask::settings(&ring))
    }

    fn mask_note(&self, section: &Section) -> Option<String> {
        let is_locked = self.mask_settings(section).is_empty();
        is_locked.then(|| mask::LOCKED.to_owned())
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }
}

/// A section with its keys and layouts.
fn reading(section: &Section, config: MeterConfig) -> Result<TelegramReading, Problems> {
    let problem = |field, what: String, hint| {
        Problems::from(section.problem::<MeterConfig>(field, &what, hint))
    };
    let keys = KeyRing::read(&config)
        .map_err(|(field, trouble)| problem(field, trouble.to_string(), ""))?;
    let profiles = Profiles::new(config.profiles.clone());
    Ok(TelegramReading {
        config,
        keys: Arc::new(keys),
        profiles: Arc::new(profiles),
    })
}
