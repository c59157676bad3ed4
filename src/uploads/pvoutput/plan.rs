//! A section, ready to run.

use jiff::civil::Date;

use super::config::PvOutputSettings;
use super::target::PvOutputTarget;
use crate::config::{Secret, SecretError};
use crate::uploads::{Plan, Target};

impl Plan for PvOutputSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn short(&self) -> String {
        self.system_id.clone()
    }

    fn since(&self) -> Option<Date> {
        self.since
    }

    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        self.key.iter().map(|secret| ("key", secret)).collect()
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        let all = self.devices().into_iter().chain(self.values());
        all.map(|(field, name)| (field, name.clone())).collect()
    }

    fn target(&self) -> Result<Box<dyn Target>, SecretError> {
        Ok(Box::new(PvOutputTarget::new(self)?))
    }
}
