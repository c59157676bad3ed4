//! What a configuration says of the outputs.

use std::sync::Arc;

use super::mqtt::{self, MqttSettings};
use super::{OUTPUTS, Outlet, Tried};
use crate::config::{File, Problem, Problems, Secret, SectionDoc};
use crate::store::Identity;

/// The section of the broker, which outputs share.
const BROKER: &str = "mqtt";

/// All outputs as their sections say.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// The broker, for all who publish there.
    pub mqtt: MqttSettings,
    outlets: Vec<(&'static str, Arc<dyn Outlet>)>,
}

impl Outputs {
    /// The names of these sections.
    pub fn sections() -> impl Iterator<Item = &'static str> {
        [BROKER]
            .into_iter()
            .chain(OUTPUTS.iter().map(|output| output.name()))
    }

    /// The pages about these sections.
    pub fn pages() -> Vec<SectionDoc<'static>> {
        let outputs = OUTPUTS.iter().map(|output| output.page());
        [mqtt::page()].into_iter().chain(outputs).collect()
    }

    /// Reads these sections.
    pub fn read(file: &File) -> Result<Self, Problems> {
        let mut wrong = Problems::new();
        let mut outputs = Self::default();
        match file.settings(BROKER) {
            Ok(mqtt) => outputs.mqtt = mqtt,
            Err(problems) => wrong.extend(problems),
        }
        for output in OUTPUTS {
            match output.configure(file) {
                Ok(outlet) => outputs.outlets.push((output.name(), outlet)),
                Err(problems) => wrong.extend(problems),
            }
        }
        if wrong.is_empty() {
            Ok(outputs)
        } else {
            Err(wrong)
        }
    }

    /// Those that are switched on, each with its name.
    pub fn switched_on(&self) -> impl Iterator<Item = &(&'static str, Arc<dyn Outlet>)> {
        let all = self.outlets.iter();
        all.filter(|(_, outlet)| outlet.is_enabled())
    }

    /// Whether any of them connects to the broker.
    fn needs_broker(&self) -> bool {
        self.switched_on().any(|(_, outlet)| outlet.needs_broker())
    }

    /// The keys of values that the sections name: the section, its key, and what stands there.
    pub fn named_keys(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        self.outlets.iter().flat_map(|(section, outlet)| {
            let named = outlet.named_keys().into_iter();
            named.map(move |(place, word)| (*section, place, word))
        })
    }

    /// Whether the secrets of these sections are where they should be; one that is not would stop
    /// the outputs later.
    pub fn missing_secrets(&self, file: &File) -> Problems {
        let broker = self.mqtt.password.iter();
        let broker = broker.filter(|_| self.needs_broker());
        let broker = broker.map(|password| (BROKER, "password", password));
        let own = self.switched_on().flat_map(|(section, outlet)| {
            let secrets = outlet.secrets().into_iter();
            secrets.map(move |(key, secret)| (*section, key, secret))
        });
        let missing = |(section, key, secret): (&str, &str, &Secret)| {
            let error = secret.reveal().err()?;
            let what = format!("[{section}] {key}: {error}");
            Some(Problem::new(file.name(), what, ""))
        };
        broker.chain(own).filter_map(missing).collect()
    }

    /// Tries what the outputs connect to.
    pub async fn probe(&self) -> Vec<Tried> {
        let mut tried = Vec::new();
        if self.needs_broker() {
            tried.push(self.probe_broker().await);
        }
        for (_, outlet) in self.switched_on() {
            tried.extend(outlet.probe().await);
        }
        tried
    }

    async fn probe_broker(&self) -> Tried {
        // Not the bridge's own name, under which it may be there already.
        let connection = match self.mqtt.connection(&Identity::passing()) {
            Ok(connection) => connection,
            Err(error) => return ("MQTT broker".to_owned(), Err(error.to_string())),
        };
        let name = match &connection.lookup {
            Some(lookup) => lookup.name(),
            None => format!("MQTT broker {}", connection.broker()),
        };
        let result = mqtt::session::probe(&connection).await;
        let result = result.map_err(|error| error.to_string());
        (name, result.map(|()| "it accepts us".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Outputs, Problems> {
        Outputs::read(&File::parse(text, "wattbridge.toml").unwrap())
    }

    #[test]
    fn the_configuration_decides_which_outputs_there_are() {
        let names = |text: &str| {
            let outputs = read(text).unwrap();
            let names = outputs.switched_on().map(|(name, _)| *name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["home_assistant"]);
        let all = OUTPUTS.iter().map(|output| output.name());
        assert_eq!(
            names(
                "[kaifareader]\nenabled = true\n[solarview]\nenabled = true\npath = \"/tmp/kaifa.txt\"\n\
                 [jsonl]\nenabled = true\n\
                 [[domoticz]]\nidx = 1\nkind = \"usage\"\npower = \"text_a/power\"\n\
                 [[ecu_json]]\ntopic = \"a/\"\ninverters = { \"1\" = { idx = 1 } }\n"
            ),
            all.collect::<Vec<_>>()
        );
        assert!(names("[home_assistant]\nenabled = false\n").is_empty());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong =
            "[mqtt]\nport = 0\n[home_assistant]\nheartbeat = \"1s\"\n[solarview]\nenabled = true\n";
        let told = read(wrong).unwrap_err();
        assert_eq!(told.len(), 3, "{told}");
        let wrong = "[mqtt]\nbase_topic = \"a/b\"\n[home_assistant]\ndiscovery_prefix = \"a\"\n";
        let told = read(wrong).unwrap_err().to_string();
        assert!(
            told.contains("[home_assistant] discovery_prefix: the base topic"),
            "{told}"
        );
    }

    #[test]
    fn a_password_that_is_not_there_is_a_problem() {
        let with = |more: &str| {
            let text = format!(
                "[mqtt]\nusername = \"roof\"\npassword = {{ env = \"WATTBRIDGE_NO_SUCH_WORD\" }}\n{more}"
            );
            let file = File::parse(&text, "wattbridge.toml").unwrap();
            Outputs::read(&file).unwrap().missing_secrets(&file)
        };
        let problems = with("").to_string();
        assert!(problems.contains("[mqtt] password"), "{problems}");
        assert!(problems.contains("WATTBRIDGE_NO_SUCH_WORD"), "{problems}");
        // Nobody connects to the broker.
        assert!(with("[home_assistant]\nenabled = false\n[jsonl]\nenabled = true\n").is_empty());
    }

    #[tokio::test]
    async fn a_broker_is_tried_only_for_those_who_need_it() {
        let tried = async |text: &str| {
            let tried = read(text).unwrap().probe().await;
            tried.into_iter().map(|(what, _)| what).collect::<Vec<_>>()
        };
        // Nobody listens at the port of a socket that has been closed.
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        let mqtt = format!("[mqtt]\nport = {port}\n");
        let broker = format!("MQTT broker 127.0.0.1:{port}");
        assert_eq!(tried(&mqtt).await, [broker]);
        let off = "[home_assistant]\nenabled = false\n";
        let jsonl = "[jsonl]\nenabled = true\npath = \"/nowhere/wattbridge.jsonl\"\n";
        assert_eq!(
            tried(&format!("{mqtt}{off}{jsonl}")).await,
            ["/nowhere/wattbridge.jsonl"]
        );
    }
}
