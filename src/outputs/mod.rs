//! Where readings go.
//!
//! * `home_assistant`: Home Assistant, by MQTT discovery
//! * `kaifareader`, `solarview`: what users of the program kaifareader have built upon
//! * `mqtt`: the broker, for all who publish there; `meter`: the totals of a smart meter
//!
//! An output reads its own [`Feed`] of the bridge and knows nothing of adapters. A new output is a
//! folder or file here, its section in [`OutputSettings`], and its place in
//! [`OutputSettings::switched_on`].

pub mod home_assistant;
pub mod kaifareader;
mod meter;
pub mod mqtt;
pub mod solarview;

use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use crate::bridge::Feed;
use crate::config::{File, Problem, Problems, SecretError, SectionDoc, Settings};
use crate::store::Identity;

use self::home_assistant::{HomeAssistant, HomeAssistantSettings};
use self::kaifareader::{Kaifareader, KaifareaderSettings};
use self::mqtt::MqttSettings;
use self::solarview::{SolarView, SolarViewSettings};

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
    /// `[kaifareader]`
    pub kaifareader: KaifareaderSettings,
    /// `[solarview]`
    pub solarview: SolarViewSettings,
}

impl OutputSettings {
    /// The names of these sections.
    pub const SECTIONS: &[&str] = &["mqtt", "home_assistant", "kaifareader", "solarview"];

    /// Reads these sections.
    pub fn read(file: &File) -> Result<Self, Problems> {
        let mut wrong = Problems::new();
        let settings = Self {
            mqtt: section(file, "mqtt", &mut wrong),
            home_assistant: section(file, "home_assistant", &mut wrong),
            kaifareader: section(file, "kaifareader", &mut wrong),
            solarview: section(file, "solarview", &mut wrong),
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let complaints = settings.home_assistant.check_with(&settings.mqtt);
        wrong.extend(complaints.into_iter().map(|complaint| {
            let key = format!("[home_assistant] {}: {}", complaint.field, complaint.what);
            Problem::new(file.name(), key, complaint.advice)
        }));
        if wrong.is_empty() {
            Ok(settings)
        } else {
            Err(wrong)
        }
    }

    /// Whether any of these outputs connects to the broker.
    const fn needs_broker(&self) -> bool {
        self.home_assistant.enabled || self.kaifareader.enabled
    }

    /// Whether the secrets of these sections are where they should be; one that is not would stop
    /// the outputs later.
    pub fn missing_secrets(&self, file: &File) -> Problems {
        let password = self.mqtt.password.as_ref();
        let password = password.filter(|_| self.needs_broker());
        let missing = password.and_then(|password| password.reveal().err());
        let problem = |error| Problem::new(file.name(), format!("[mqtt] password: {error}"), "");
        missing.map(problem).into_iter().collect()
    }

    /// The pages about these sections.
    pub fn pages() -> Vec<SectionDoc<'static>> {
        vec![
            mqtt::page(),
            home_assistant::page(),
            kaifareader::page(),
            solarview::page(),
        ]
    }

    /// Tries what the outputs connect to: a name and what became of it.
    pub async fn probe(&self) -> Vec<(String, Result<String, String>)> {
        if !self.needs_broker() {
            return Vec::new();
        }
        let broker = format!("MQTT broker {}:{}", self.mqtt.host, self.mqtt.port());
        // Not the bridge's own name, under which it may be there already.
        let result = match self.mqtt.connection(&Identity::passing()) {
            Ok(connection) => mqtt::session::probe(&connection)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        vec![(broker, result.map(|()| "it accepts us".to_owned()))]
    }

    /// Every output that is switched on, for this bridge: the one list of outputs there is.
    pub fn switched_on(&self, bridge: &Identity) -> Vec<Box<dyn Output>> {
        let mut outputs: Vec<Box<dyn Output>> = Vec::new();
        if self.home_assistant.enabled {
            let settings = self.home_assistant.clone();
            outputs.push(Box::new(HomeAssistant::new(
                self.mqtt.clone(),
                settings,
                bridge.clone(),
            )));
        }
        if self.kaifareader.enabled {
            let settings = self.kaifareader.clone();
            outputs.push(Box::new(Kaifareader::new(
                self.mqtt.clone(),
                settings,
                bridge.clone(),
            )));
        }
        if self.solarview.enabled
            && let Some(output) = SolarView::new(self.solarview.clone())
        {
            outputs.push(Box::new(output));
        }
        outputs
    }
}

/// A section, or its defaults and one more thing that is wrong.
fn section<T: Settings + Default>(file: &File, name: &str, wrong: &mut Problems) -> T {
    file.settings(name).unwrap_or_else(|problems: Problems| {
        wrong.extend(problems);
        T::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_decides_which_outputs_there_are() {
        let mut settings = OutputSettings::default();
        let names = |settings: &OutputSettings| {
            let outputs = settings.switched_on(&Identity::named("b2c3d4"));
            outputs.iter().map(|o| o.name()).collect::<Vec<_>>()
        };
        assert_eq!(names(&settings), ["home_assistant"]);
        settings.kaifareader.enabled = true;
        settings.solarview.enabled = true;
        settings.solarview.path = Some("/tmp/kaifa.txt".into());
        assert_eq!(
            names(&settings),
            ["home_assistant", "kaifareader", "solarview"]
        );
        settings.kaifareader.enabled = false;
        settings.solarview.enabled = false;
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
