//! Where readings go: Home Assistant over MQTT first of all.
//!
//! An output reads its own [`Feed`] of the bridge and knows nothing of adapters. A new output is a
//! folder or file beside `home_assistant`, its section in [`OutputSettings`], and one line in
//! [`OutputSettings::switched_on`].

pub mod home_assistant;
pub mod mqtt;

use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use crate::bridge::Feed;
use crate::config::{File, Problem, Problems, SecretError, SectionDoc};

use self::home_assistant::{HomeAssistant, HomeAssistantSettings};
use self::mqtt::MqttSettings;

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
    /// The names of these sections.
    pub const SECTIONS: &[&str] = &["mqtt", "home_assistant"];

    /// Reads these sections.
    pub fn read(file: &File) -> Result<Self, Problems> {
        let (mqtt, home_assistant) = (file.settings("mqtt"), file.settings("home_assistant"));
        let (mqtt, home_assistant): (MqttSettings, HomeAssistantSettings) =
            match (mqtt, home_assistant) {
                (Ok(mqtt), Ok(home_assistant)) => (mqtt, home_assistant),
                (mqtt, home_assistant) => {
                    let wrong = [mqtt.err(), home_assistant.err()].into_iter().flatten();
                    return Err(wrong.fold(Problems::new(), Problems::merge));
                }
            };
        let wrong = home_assistant
            .check_with(&mqtt)
            .into_iter()
            .map(|complaint| {
                let key = format!("[home_assistant] {}: {}", complaint.field, complaint.what);
                Problem::new(file.name(), key, complaint.advice)
            });
        let wrong: Problems = wrong.collect();
        if wrong.is_empty() {
            Ok(Self {
                mqtt,
                home_assistant,
            })
        } else {
            Err(wrong)
        }
    }

    /// Whether the secrets of these sections are where they should be; one that is not would stop
    /// the outputs later.
    pub fn missing_secrets(&self, file: &File) -> Problems {
        let password = self.mqtt.password.as_ref();
        let password = password.filter(|_| self.home_assistant.enabled);
        let missing = password.and_then(|password| password.reveal().err());
        let problem = |error| Problem::new(file.name(), format!("[mqtt] password: {error}"), "");
        missing.map(problem).into_iter().collect()
    }

    /// The pages about these sections.
    pub fn pages() -> Vec<SectionDoc<'static>> {
        vec![mqtt::page(), home_assistant::page()]
    }

    /// A name for this bridge that stays, for its own device.
    pub fn instance(&self) -> String {
        self.mqtt.base_topic.clone()
    }

    /// Tries what the outputs connect to: a name and what became of it.
    pub async fn probe(&self) -> Vec<(String, Result<String, String>)> {
        if !self.home_assistant.enabled {
            return Vec::new();
        }
        let broker = format!("MQTT broker {}:{}", self.mqtt.host, self.mqtt.port());
        let result = match self.mqtt.connection() {
            Ok(connection) => mqtt::session::probe(&connection)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        vec![(broker, result.map(|()| "it accepts us".to_owned()))]
    }

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

    #[test]
    fn a_password_that_is_not_there_is_a_problem() {
        let with = |more: &str| {
            let text = format!(
                "[mqtt]\nusername = \"roof\"\npassword = {{ env = \"WATTBRIDGE_NO_SUCH_WORD\" }}\n{more}"
            );
            let file = File::parse(&text, "wattbridge.toml").unwrap();
            OutputSettings::read(&file).unwrap().missing_secrets(&file)
        };
        let problems = with("").to_string();
        assert!(problems.contains("[mqtt] password"), "{problems}");
        assert!(problems.contains("WATTBRIDGE_NO_SUCH_WORD"), "{problems}");
        assert!(with("[home_assistant]\nenabled = false\n").is_empty());
    }
}
