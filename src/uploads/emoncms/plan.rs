//! A section, ready to run.

use std::path::Path;

use jiff::civil::Date;

use super::config::EmoncmsSettings;
use super::names::input_name;
use super::target::EmoncmsTarget;
use crate::config::{Secret, SecretError};
use crate::uploads::{Plan, Target};

impl Plan for EmoncmsSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn short(&self) -> String {
        let host = self.url.as_ref().map(|url| url.host().to_owned());
        let all = [host, self.account.as_deref().map(input_name)];
        all.into_iter().flatten().collect::<Vec<_>>().join("_")
    }

    fn since(&self) -> Option<Date> {
        self.since
    }

    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        self.key.iter().map(|secret| ("key", secret)).collect()
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        let devices = self.devices.iter().map(|name| ("devices", name.clone()));
        let names = self.names.single.keys();
        devices
            .chain(names.map(|value| ("names", value.clone())))
            .collect()
    }

    fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    fn target(&self) -> Result<Box<dyn Target>, SecretError> {
        Ok(Box::new(EmoncmsTarget::new(self.clone())?))
    }
}
