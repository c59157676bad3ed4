//! Home Assistant through MQTT discovery: devices announce themselves, one message each.
//!
//! * `config`: the section `[home_assistant]`
//! * `topics`: every topic there is
//! * `classes`: metric to device class, state class and unit; `discovery` and `controls`: the
//!   announcement, with each `template`; `state`: the values
//! * `publisher` and `entry`: what to publish and when, without I/O; `readback`: what is on the
//!   broker from earlier runs and other bridges; `rival`: when one of those has a device of ours
//! * `throttle`: how often a value may change there
//! * `commands`: the way back; `ha_status`: whether somebody is there to use it
//! * `contest`: another client that takes our client id again and again
//! * `run`: puts it all together, over the session of [`mqtt`](super::mqtt)
//!
//! The announcements keep to what Home Assistant 2025.10 and newer accept.

mod classes;
mod commands;
mod config;
mod contest;
mod controls;
mod discovery;
mod entry;
mod ha_status;
mod orphans;
mod preview;
mod publisher;
mod readback;
mod rival;
mod run;
mod state;
mod template;
mod throttle;
mod topics;

use tokio_util::sync::CancellationToken;

use crate::bridge::Feed;
use crate::config::SectionDoc;
use crate::store::Identity;

use super::mqtt::MqttSettings;
use super::{Output, Running};

pub use config::HomeAssistantSettings;
pub use preview::{lint, preview, preview_state};
pub use run::run;
pub use throttle::ThrottleSettings;

/// This output.
#[derive(Debug)]
pub struct HomeAssistant {
    mqtt: MqttSettings,
    settings: HomeAssistantSettings,
    identity: Identity,
}

impl HomeAssistant {
    /// From its own section of the configuration file and that of the broker, for this bridge.
    pub const fn new(
        mqtt: MqttSettings,
        settings: HomeAssistantSettings,
        identity: Identity,
    ) -> Self {
        Self {
            mqtt,
            settings,
            identity,
        }
    }
}

/// The page about its section.
pub fn page() -> SectionDoc<'static> {
    SectionDoc {
        heading: "[home_assistant]",
        about: "How devices are announced to Home Assistant.",
        schema: schemars::schema_for!(HomeAssistantSettings),
        defaults: serde_json::to_value(HomeAssistantSettings::default()).unwrap_or_default(),
        example: "[home_assistant]\nexclude = [\"energy_today\"]\npace = { voltage_l1 = { every = \"1m\", change = 5 }, power = { every = \"10s\" } }\n",
    }
}

impl Output for HomeAssistant {
    fn name(&self) -> &'static str {
        "home_assistant"
    }

    fn run(self: Box<Self>, feed: Feed, stop: CancellationToken) -> Running {
        Box::pin(run(self.mqtt, self.settings, self.identity, feed, stop))
    }
}
