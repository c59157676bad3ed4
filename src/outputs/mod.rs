//! Where readings go: Home Assistant over MQTT first of all.
//!
//! An output reads its own [`Feed`] of the bridge and knows nothing of adapters. A new output is a
//! folder or file beside `home_assistant`, its section in [`OutputSettings`], and one line in
//! [`OutputSettings::switched_on`].

pub mod home_assistant;

use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use crate::bridge::Feed;
use crate::config::SecretError;

use self::home_assistant::{HomeAssistant, HomeAssistantSettings, MqttSettings};

/// A way out for readings.
pub trait Output: Send {
    /// The name of its section in the configuration file, which is also its name in the log.
    fn name(&self) -> &'static str;

    /// Passes on what `feed` delivers until `stop` is cancelled or the bridge has ended. Trouble
    /// that may pass, such as a broker that does not answer, is waited out inside.
    fn run(self: Box<Self>, feed: Feed, stop: CancellationToken) -> Running;
}

/// An output at work.
pub type Running = Pin<Box<dyn Future<Output = Result<(), OutputError>> + Send>>;

/// Why an output cannot work at all, whatever is waited for.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A password is not where the configuration says.
    #[error("[mqtt] password: {0}")]
    Password(#[from] SecretError),
}

/// The sections of the configuration file that belong to outputs.
#[derive(Debug, Clone, Default)]
pub struct OutputSettings {
    /// `[mqtt]`
    pub mqtt: MqttSettings,
    /// `[home_assistant]`
    pub home_assistant: HomeAssistantSettings,
}

impl OutputSettings {
    /// Every output that is switched on: the one list of outputs there is.
    pub fn switched_on(&self) -> Vec<Box<dyn Output>> {
        let home_assistant = self.home_assistant.enabled.then(|| {
            let output = HomeAssistant::new(self.mqtt.clone(), self.home_assistant.clone());
            Box::new(output) as Box<dyn Output>
        });
        [home_assistant].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_decides_which_outputs_there_are() {
        let mut settings = OutputSettings::default();
        let names = |settings: &OutputSettings| {
            let outputs = settings.switched_on();
            outputs.iter().map(|o| o.name()).collect::<Vec<_>>()
        };
        assert_eq!(names(&settings), ["home_assistant"]);
        settings.home_assistant.enabled = false;
        assert!(names(&settings).is_empty());
    }
}
