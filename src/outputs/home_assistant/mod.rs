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

use std::sync::Arc;

use super::mqtt::MqttSettings;
use super::{Context, Outlet, Output, Running};
use crate::config::{File, Problem, Problems, SectionDoc};

pub use config::HomeAssistantSettings;
pub use preview::{lint, preview, preview_state};
pub use run::run;
pub use throttle::ThrottleSettings;

/// This output.
#[derive(Debug)]
pub struct HomeAssistant;

/// The one there is.
pub static OUTPUT: HomeAssistant = HomeAssistant;

impl Output for HomeAssistant {
    fn name(&self) -> &'static str {
        "home_assistant"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[home_assistant]",
            about: "How devices are announced to Home Assistant.",
            schema: schemars::schema_for!(HomeAssistantSettings),
            defaults: serde_json::to_value(HomeAssistantSettings::default()).unwrap_or_default(),
            example: "[home_assistant]\nexclude = [\"energy_today\"]\npace = { voltage_l1 = { every = \"1m\", change = 5 }, power = { every = \"10s\" } }\n",
        }
    }

    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems> {
        let settings = HomeAssistantSettings::read(file)?;
        // What is wrong with `[mqtt]` itself is told by whoever reads it for all.
        if let Ok(mqtt) = file.settings::<MqttSettings>("mqtt") {
            let complaints = settings.check_with(&mqtt).into_iter();
            let wrong: Problems = complaints
                .map(|complaint| {
                    let key = format!("[home_assistant] {}: {}", complaint.field, complaint.what);
                    Problem::new(file.name(), key, complaint.advice)
                })
                .collect();
            if !wrong.is_empty() {
                return Err(wrong);
            }
        }
        Ok(Arc::new(settings))
    }
}

impl Outlet for HomeAssistantSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn needs_broker(&self) -> bool {
        true
    }

    fn named_keys(&self) -> Vec<(&'static str, &str)> {
        let excluded = self.exclude.iter().map(|word| ("exclude", word.as_str()));
        let paced = self.pace.keys().filter(|word| *word != throttle::ALL);
        let paced = paced.map(|word| ("pace", word.as_str()));
        excluded.chain(paced).collect()
    }

    fn run(self: Arc<Self>, context: Context) -> Running {
        let Context {
            feed,
            mqtt,
            bridge,
            stop,
            ..
        } = context;
        Box::pin(run(mqtt, Self::clone(&self), bridge, feed, stop))
    }
}
