//! The section, ready to run.

use jiff::civil::Date;

use super::config::MysqlSettings;
use super::target::MysqlTarget;
use crate::config::{Secret, SecretError};
use crate::uploads::{Plan, Target};

/// The adapter whose devices the tables are for.
const ADAPTER: &str = "solaredge";

impl Plan for MysqlSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn short(&self) -> String {
        self.name.clone()
    }

    /// What was said before nobody has kept as it came.
    fn since(&self) -> Option<Date> {
        None
    }

    fn records_of(&self) -> Option<&'static str> {
        Some(ADAPTER)
    }

    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        Vec::new()
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        let names = self.devices.iter();
        names.map(|name| ("devices", name.clone())).collect()
    }

    fn target(&self) -> Result<Box<dyn Target>, SecretError> {
        Ok(Box::new(MysqlTarget::new(self.clone())))
    }
}
