//! What the program can do with one kind of device.

use std::fmt;

use super::{ConfiguredSource, Decoder, Scanner, Tool};
use crate::config::{File, Problems, Section, SectionDoc};
use crate::links::{Mask, PortInfo};
use crate::model::Metric;

/// What the program can do with one kind of device.
pub trait Adapter: Send + Sync + fmt::Debug {
    /// Its name in the configuration and in device ids, `snake_case`: `aps_ecu`.
    fn kind(&self) -> &'static str;

    /// The same as people say it, in front of what one of its sections is called: `APS ECU`.
    fn spoken(&self) -> &'static str;

    /// Names that its section and its commands go by besides.
    fn also_called(&self) -> &'static [&'static str] {
        &[]
    }

    /// Every section of its in a file, by whichever name.
    fn sections(&self, file: &File) -> Vec<Section> {
        let others = self.also_called().iter();
        let others = others.flat_map(|name| file.sections(name));
        file.sections(self.kind())
            .into_iter()
            .chain(others)
            .collect()
    }

    /// What it connects, in a few words.
    fn title(&self) -> &'static str;

    /// The tables of all metrics that its devices can have.
    fn tables(&self) -> &'static [&'static [Metric]];

    /// Every word that its texts in words are made of: see [`Metric::in_words`]. `{n}` stands for a number.
    fn words(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Its section of the configuration, for checking and for the documentation.
    fn page(&self) -> SectionDoc<'static>;

    /// The keys of its section that an address on the command line stands for.
    fn address(&self, text: &str) -> Vec<(&'static str, String)>;

    /// Makes a source of a section.
    fn configure(&self, section: &Section) -> Result<ConfiguredSource, Problems>;

    /// Makes a decoder that reads as a section says.
    fn decoder(&self, section: &Section) -> Result<Box<dyn Decoder>, Problems>;

    /// Makes serial numbers and the like unrecognisable in recordings of what a section says.
    fn mask(&self, section: &Section) -> Result<Mask, Problems>;

    /// The keys of a section that a masked recording is read with, and their values; for everybody
    /// to see.
    fn mask_settings(&self, _section: &Section) -> Keys {
        Keys::new()
    }

    /// What to know of a masked recording, if anything.
    fn mask_note(&self, _section: &Section) -> Option<String> {
        None
    }

    /// Whether what is plugged in at a serial port says of itself that it is for this kind of device.
    fn recognises(&self, _port: &PortInfo) -> bool {
        false
    }

    /// Finds devices in the network, where they can be found.
    fn scanner(&self) -> Option<&'static dyn Scanner> {
        None
    }

    /// The other end of the wire.
    #[cfg(feature = "simulate")]
    fn simulator(&self) -> Option<&'static dyn super::Simulates> {
        None
    }

    /// Commands for this kind of device only: `wattbridge aps-ecu history`.
    fn tools(&self) -> &'static [&'static dyn Tool] {
        &[]
    }
}

/// Keys of a section and their values, as on the command line.
pub type Keys = Vec<(String, String)>;
