//! A section, ready to run.

use std::path::Path;

use jiff::civil::Date;

use super::config::StatisticsSettings;
use super::target::StatisticsTarget;
use crate::config::{Secret, SecretError};
use crate::home_assistant::CoreAddress;
use crate::uploads::{Plan, Target};

/// What it is called where nobody has to say where it is.
const BESIDE: &str = "app";

impl Plan for StatisticsSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn short(&self) -> String {
        let url = self.url.as_deref().unwrap_or(BESIDE);
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        host.trim_matches(['[', ']']).to_owned()
    }

    fn since(&self) -> Option<Date> {
        self.since
    }

    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        self.token.iter().map(|secret| ("token", secret)).collect()
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        let devices = self.devices.iter();
        devices.map(|name| ("devices", name.clone())).collect()
    }

    fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    fn meet_core(&mut self, core: &CoreAddress) {
        self.beside = Some(core.clone());
    }

    fn target(&self) -> Result<Box<dyn Target>, SecretError> {
        Ok(Box::new(StatisticsTarget::new(self.clone())?))
    }
}
