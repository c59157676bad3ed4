//! Sensors and programs that print their values as lines of text: clamp ammeters, thermometers,
//! home-made boards, scripts.
//!
//! The way of the Aviosys 8870, a clamp ammeter on USB, and of the TEMPer, a thermometer whose program
//! prints degrees, is that of many: a byte wakes the one, and `00.1A` comes back; the other is run, and
//! prints `18.50`. What is in a line is said by the section of the configuration alone, so metrics are
//! made of it.
//!
//! ```text
//! 30 30 2e 31 41 0d 0a    00.1A    pattern ^(\d\d+\.\d)A$, scale 1: 0.1 A; scale 230: 23 W
//! 31 38 2e 35 30 0a       18.50    no pattern, offset -3: 15.5 °C
//! ```
//!
//! | Step | Module |
//! |---|---|
//! | ask or listen on a port | `protocol` |
//! | or run a program | `program`, `command` |
//! | bytes to lines | `lines` |
//! | lines to values | `values`, `number` |
//! | values to a device: its metrics, what it reports, how it is | `metrics`, `sensor`, `health` |

mod annotate;
mod command;
mod config;
mod escapes;
mod health;
mod lines;
mod metrics;
mod number;
mod program;
mod protocol;
mod sensor;
#[cfg(feature = "simulate")]
pub mod simulator;
mod values;

use std::sync::Arc;

use self::config::{TextConfig, ValueConfig};
use self::program::Program;
use self::protocol::Conversation;
use self::values::Rules;
use crate::config::{Problems, Section, SectionDoc};
use crate::device::{Adapter, ConfiguredSource, Decoder, FileReader, LineSource};
use crate::links::Mask;
use crate::model::Metric;

/// The adapter's name in the configuration and in device ids.
pub const KIND: &str = "text";

/// Sensors and programs that print lines of text.
pub static ADAPTER: Text = Text;

/// See the [module](self).
#[derive(Debug)]
pub struct Text;

const ABOUT: &str = "\
    A sensor that prints lines of text on a serial port, or a program that prints its values. Repeat \
    the section for each. A program runs with the rights of wattbridge, and only this file can name \
    it: no environment variable reaches a section.";

const EXAMPLE: &str = "\
[[text]]
id = \"clamp\"
name = \"House\"
port = \"/dev/ttyACM0\"
baud = 19200
ask = '\\n'
pattern = '^(\\d\\d+\\.\\d)A$'
values = [
    { id = \"current\", quantity = \"current\" },
    { id = \"power\", quantity = \"power\", scale = 230, ceiling = 9000, energy = true },
]
";

/// The key of the value of a file that is read without any.
const VALUE: &str = "value";

impl Adapter for Text {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "Text"
    }

    fn title(&self) -> &'static str {
        "Sensors and programs that print lines of text"
    }

    fn tables(&self) -> &'static [&'static [Metric]] {
        &[metrics::OWN]
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc::of::<TextConfig>("[[text]]", ABOUT, EXAMPLE)
    }

    fn address(&self, text: &str) -> Vec<(&'static str, String)> {
        vec![("port", text.to_owned())]
    }

    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems> {
        let (config, keys) = section.read_with_keys::<TextConfig>()?;
        let rules = Arc::new(rules(section, &config)?);
        let config = Arc::new(config);
        let Some(address) = config.port.clone() else {
            return Ok(ConfiguredSource::new(Program { config, rules }, keys));
        };
        let (label, own) = (config.word().to_owned(), metrics::of(&config.values));
        let begin = move |_| Conversation::new(&config, &rules);
        let source = LineSource::new(&ADAPTER, address, begin);
        let source = source.labelled(&label).with_metrics(own);
        Ok(ConfiguredSource::new(source, keys))
    }

    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems> {
        let mut config: TextConfig = section.read_without(&["id", "port", "values"])?;
        if config.values.is_empty() {
            config.values.push(ValueConfig {
                id: VALUE.to_owned(),
                ..ValueConfig::default()
            });
        }
        let rules = Arc::new(rules(section, &config)?);
        let protocol = Conversation::of_file(&Arc::new(config), &rules);
        Ok(Box::new(FileReader::new(protocol)))
    }

    /// A line of a sensor names nobody.
    fn mask(&self, section: &Section) -> Result<Mask, Problems> {
        let _: TextConfig = section.read()?;
        Ok(Box::new(<[u8]>::to_vec))
    }

    fn mask_note(&self, _section: &Section) -> Option<String> {
        Some(
            "Lines of text are kept as they are: look through them before you show the file."
                .into(),
        )
    }

    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn crate::device::Simulates> {
        Some(&simulator::SIMULATOR)
    }
}

/// What a section reads from each line.
fn rules(section: &Section, config: &TextConfig) -> Result<Rules, Problems> {
    Rules::new(config).map_err(|complaint| {
        let (what, advice) = (&complaint.what, &complaint.advice);
        section
            .problem::<TextConfig>(complaint.field, what, advice)
            .into()
    })
}
