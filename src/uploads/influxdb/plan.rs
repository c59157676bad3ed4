//! A section `[[influxdb]]`, ready to run.

use std::path::Path;

use jiff::civil::Date;

use super::config::InfluxSettings;
use super::target::InfluxTarget;
use crate::config::{Secret, SecretError};
use crate::http::HttpServer;
use crate::uploads::{Plan, Target};

impl Plan for InfluxSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn short(&self) -> String {
        // InfluxDB and VictoriaMetrics may be on one computer.
        let server = self.url.as_ref().map(HttpServer::authority);
        let server = server.unwrap_or_default();
        let server = server.strip_suffix(":8086").unwrap_or(&server);
        format!("{server}_{}", self.place())
    }

    fn since(&self) -> Option<Date> {
        self.since
    }

    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let password = self.password.iter().map(|secret| ("password", secret));
        password
            .chain(self.token.iter().map(|secret| ("token", secret)))
            .collect()
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        self.devices
            .iter()
            .map(|name| ("devices", name.clone()))
            .collect()
    }

    fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    fn target(&self) -> Result<Box<dyn Target>, SecretError> {
        Ok(Box::new(InfluxTarget::new(self.clone())?))
    }
}
