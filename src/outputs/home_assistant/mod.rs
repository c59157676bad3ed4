//! Home Assistant through MQTT discovery: devices announce themselves, one message each.
//!
//! * `config`: the sections `[mqtt]` and `[home_assistant]`
//! * `topics`: every topic there is
//! * `classes`: metric to device class, state class and unit; `discovery` and `controls`: the
//!   announcement; `state`: the values
//! * `announcer` and `entry`: what to publish and when, without I/O; `retained`: what is on the
//!   broker from earlier runs
//! * `commands`: the way back
//! * `session`: MQTT; `run`: puts it all together
//!
//! The announcements keep to what Home Assistant 2025.10 and newer accept.

mod announcer;
mod classes;
mod commands;
mod config;
mod controls;
mod discovery;
mod entry;
mod preview;
mod retained;
mod run;
pub mod session;
mod state;
mod topics;

use tokio_util::sync::CancellationToken;

use crate::bridge::Feed;
use crate::config::SectionDoc;

use super::{Output, Running};

pub use config::{HomeAssistantSettings, MqttSettings, TlsSettings};
pub use preview::{lint, preview, preview_state};
pub use run::run;

/// This output.
#[derive(Debug)]
pub struct HomeAssistant {
    mqtt: MqttSettings,
    settings: HomeAssistantSettings,
}

impl HomeAssistant {
    /// From its two sections of the configuration file.
    pub const fn new(mqtt: MqttSettings, settings: HomeAssistantSettings) -> Self {
        Self { mqtt, settings }
    }
}

/// The pages about the two sections.
pub(super) fn pages() -> Vec<SectionDoc<'static>> {
    vec![
        SectionDoc {
            heading: "[mqtt]",
            about: "Where the MQTT broker is. It has to be the broker that Home Assistant uses.",
            schema: schemars::schema_for!(MqttSettings),
            defaults: serde_json::to_value(MqttSettings::default()).unwrap_or_default(),
            example: "[mqtt]\nhost = \"homeassistant.local\"\nusername = \"wattbridge\"\npassword = { file = \"/run/secrets/mqtt\" }\n",
        },
        SectionDoc {
            heading: "[home_assistant]",
            about: "How devices are announced to Home Assistant.",
            schema: schemars::schema_for!(HomeAssistantSettings),
            defaults: serde_json::to_value(HomeAssistantSettings::default()).unwrap_or_default(),
            example: "[home_assistant]\nexclude = [\"energy_today\"]\n",
        },
    ]
}

impl Output for HomeAssistant {
    fn name(&self) -> &'static str {
        "home_assistant"
    }

    fn run(self: Box<Self>, feed: Feed, stop: CancellationToken) -> Running {
        Box::pin(run(self.mqtt, self.settings, feed, stop))
    }
}
