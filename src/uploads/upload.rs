//! What a service is: its section, and one configured target of it.

use std::fmt;
use std::path::Path;

use jiff::civil::Date;

use super::Target;
use crate::config::{Problems, Secret, SecretError, Section, SectionDoc};
use crate::home_assistant::CoreAddress;

/// A service that takes what is measured.
pub trait Upload: Send + Sync + fmt::Debug {
    /// The name of its sections in the configuration file, `[name]` or `[[name]]`.
    fn name(&self) -> &'static str;

    /// What people call it: `PVOutput`.
    fn spoken(&self) -> &'static str;

    /// Its section of the configuration, for the documentation.
    fn page(&self) -> SectionDoc<'static>;

    /// Reads one of its sections.
    fn configure(&self, section: &Section) -> Result<Box<dyn Plan>, Problems>;
}

/// One section of a service, ready to run.
pub trait Plan: Send + Sync + fmt::Debug {
    /// Whether it is switched on.
    fn is_enabled(&self) -> bool;

    /// What the data lands in, in few words: `12345`, `nas_wattbridge`. Ids, commands and the cursor go by it, so that
    /// it stays the same however one gets there, and holds nothing secret. Two sections never share one.
    fn short(&self) -> String;

    /// From which day on the history is taken along; left out, it begins with now.
    fn since(&self) -> Option<Date>;

    /// The adapter of which it takes what the devices say, as it comes, instead of slots.
    fn records_of(&self) -> Option<&'static str> {
        None
    }

    /// Its secrets, each with its key.
    fn secrets(&self) -> Vec<(&'static str, &Secret)>;

    /// The devices and values that the section names, each with its key there.
    fn named(&self) -> Vec<(&'static str, String)>;

    /// A file with the authorities to trust, instead of the public ones.
    fn ca_file(&self) -> Option<&Path> {
        None
    }

    /// Home Assistant runs this program as an app, and answers here.
    fn meet_core(&mut self, _core: &CoreAddress) {}

    /// The conversation. Reads the secrets anew.
    fn target(&self) -> Result<Box<dyn Target>, SecretError>;
}
