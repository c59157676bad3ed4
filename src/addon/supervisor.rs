//! What the Supervisor answers, within what every app may ask.

use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::place::HousePlace;
use crate::config::Secret;
use crate::home_assistant::CoreAddress;
use crate::http::{HttpAnswer, HttpClient, HttpError, HttpRequest, HttpServer};

/// For everything, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is asked for has a few hundred bytes.
const LARGEST: usize = 256 * 1024;

/// The Supervisor, and the right to ask it.
pub struct Supervisor {
    server: HttpServer,
    token: Zeroizing<String>,
}

/// Why it did not say what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SupervisorError {
    /// It is not there, or says nothing.
    #[error("Home Assistant's Supervisor does not answer: {0}; wattbridge asks again by itself")]
    Silent(#[from] HttpError),
    /// Home Assistant has no broker.
    #[error(
        "Home Assistant knows of no MQTT broker; install the Mosquitto broker app (Settings > Apps), or write the host of \
         your own broker into the options of the wattbridge app; wattbridge looks again by itself"
    )]
    NoBroker,
    /// The app does not have the right.
    #[error(
        "Home Assistant's Supervisor does not let the app ask for {0}; install the wattbridge app again from its repository"
    )]
    NotAllowed(&'static str),
    /// It says something else.
    #[error(
        "Home Assistant's Supervisor cannot say {what} now ({status}); wattbridge asks again by itself"
    )]
    Refused {
        /// What it was asked for.
        what: &'static str,
        /// The status of its answer.
        status: u16,
    },
    /// Its answer is not understood.
    #[error(
        "what Home Assistant's Supervisor says of {0} is not understood; update wattbridge, and report this if there is no \
         newer version"
    )]
    NotUnderstood(&'static str),
    /// Nobody has said where the house is.
    #[error(
        "Home Assistant does not know where the house is; set its place under Settings > System > General, and wattbridge asks again by itself"
    )]
    NoPlace,
}

/// What it knows of the broker.
#[derive(Debug, Deserialize)]
pub struct MqttService {
    pub host: String,
    #[serde(deserialize_with = "port")]
    pub port: u16,
    #[serde(default)]
    pub ssl: bool,
    pub username: Option<String>,
    pub password: Option<Secret>,
}

/// Every answer of its own is wrapped so.
#[derive(Deserialize)]
struct Wrapped<T> {
    data: T,
}

/// It is a number, and a text by the documentation.
fn port<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Port::deserialize(deserializer)? {
        Port::Number(port) => Ok(port),
        Port::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

impl Supervisor {
    pub const fn new(server: HttpServer, token: Zeroizing<String>) -> Self {
        Self { server, token }
    }

    /// Where it passes on what Home Assistant's Core is asked.
    pub fn core(&self) -> Option<CoreAddress> {
        let server = self.server.to_string();
        let url = format!("{}/core/websocket", server.replacen("http://", "ws://", 1));
        CoreAddress::new(&url, self.token.clone()).ok()
    }

    /// Where the broker is.
    pub async fn mqtt(&self) -> Result<MqttService, SupervisorError> {
        const WHAT: &str = "the MQTT broker";
        let answer = self.ask("/services/mqtt").await?;
        match answer.status {
            StatusCode::OK => {
                let wrapped: Wrapped<MqttService> = read(&answer, WHAT)?;
                let service = wrapped.data;
                let password = service.password.as_ref().and_then(|it| it.reveal().ok());
                let is_one = service.port != 0
                    && is_host(&service.host)
                    && is_word(service.username.as_deref())
                    && is_word(password.as_deref().map(String::as_str));
                is_one
                    .then_some(service)
                    .ok_or(SupervisorError::NotUnderstood(WHAT))
            }
            StatusCode::BAD_REQUEST if says(&answer, "not enabled") => {
                Err(SupervisorError::NoBroker)
            }
            status => Err(refused(WHAT, status)),
        }
    }

    /// Where the house is.
    pub async fn place(&self) -> Result<HousePlace, SupervisorError> {
        const WHAT: &str = "the place of the house";
        let answer = self.ask("/core/api/config").await?;
        match answer.status {
            StatusCode::OK => {
                let config: Json = read(&answer, WHAT)?;
                HousePlace::of(&config).ok_or(SupervisorError::NoPlace)
            }
            status => Err(refused(WHAT, status)),
        }
    }

    async fn ask(&self, path: &str) -> Result<HttpAnswer, HttpError> {
        let request = HttpRequest::get(&self.server, path)
            .secret_header("Authorization", format!("Bearer {}", *self.token));
        let client = HttpClient::default().within(PATIENCE).reading(LARGEST);
        client.send(&request).await
    }
}

/// A name or an address, and nothing that would be taken for something else.
fn is_host(text: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || ".-_:[]%".contains(c);
    !text.is_empty() && text.len() <= 253 && text.chars().all(is_usual)
}

/// What MQTT can send of a user.
fn is_word(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.len() <= usize::from(u16::MAX) && !text.contains('\0'))
}

fn says(answer: &HttpAnswer, words: &str) -> bool {
    String::from_utf8_lossy(&answer.body).contains(words)
}

fn refused(what: &'static str, status: StatusCode) -> SupervisorError {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SupervisorError::NotAllowed(what),
        status => SupervisorError::Refused {
            what,
            status: status.as_u16(),
        },
    }
}

fn read<T: DeserializeOwned>(
    answer: &HttpAnswer,
    what: &'static str,
) -> Result<T, SupervisorError> {
    // Its words repeat what was read, and there is a password among it.
    serde_json::from_slice(&answer.body).map_err(|_| SupervisorError::NotUnderstood(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_assistant_itself_is_behind_it() {
        let server = "http://supervisor".parse().unwrap();
        let supervisor = Supervisor::new(server, Zeroizing::new("swordfish".to_owned()));
        let core = format!("{:?}", supervisor.core().unwrap());
        assert!(core.contains("ws://supervisor:80/core/websocket"), "{core}");
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in [
            "core-mosquitto",
            "192.0.2.1",
            "[fe80::1%eth0]",
            "a0d7b954_emqx",
        ] {
            assert!(is_host(host), "{host}");
        }
        assert!(is_word(None) && is_word(Some("p\u{e4}ss word")));
        assert!(!is_word(Some("a\0b")) && !is_word(Some(&"x".repeat(65_536))));
        assert!(!is_host(&"x".repeat(254)));
        for other in ["", "a b", "a\nb", "http://a", "a@b", "\u{1b}[2J"] {
            assert!(!is_host(other), "{other}");
        }
    }

    #[test]
    fn the_service_is_read_as_it_is_and_as_it_is_documented() {
        let read = |text: &str| serde_json::from_str::<MqttService>(text);
        let service = read(
            r#"{"addon":"core_mosquitto","host":"core-mosquitto","port":1883,"ssl":false,
                "username":"addons","password":"swordfish","protocol":"3.1.1"}"#,
        )
        .unwrap();
        assert_eq!(
            (service.host.as_str(), service.port, service.ssl),
            ("core-mosquitto", 1883, false)
        );
        assert!(!format!("{service:?}").contains("swordfish"));
        let bare = read(r#"{"host":"192.0.2.1","port":"8883","ssl":true}"#).unwrap();
        assert_eq!((bare.port, bare.ssl, bare.username), (8883, true, None));
        for wrong in [
            "{}",
            r#"{"host":"a","port":70000}"#,
            r#"{"host":"a","port":"x"}"#,
            r#"{"host":5,"port":1}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
