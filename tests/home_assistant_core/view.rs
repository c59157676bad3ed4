//! Everything on the broker, as somebody who listens from the start has heard it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::mqtt::session::{Event, Session, Settings};
use wattbridge::store::Identity;

/// Only reached when something is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What was published on each topic, the latest last.
pub(crate) type Heard = BTreeMap<String, Vec<Vec<u8>>>;

/// The listener.
pub(crate) struct View {
    heard: watch::Receiver<Heard>,
    writer: watch::Sender<Heard>,
    _stop: DropGuard,
}

impl View {
    pub(crate) fn open(port: u16) -> Self {
        let mqtt = MqttSettings {
            port: Some(port),
            ..MqttSettings::default()
        };
        let stop = CancellationToken::new();
        let mut settings: Settings = mqtt.connection(&Identity::named("view")).unwrap();
        (settings.client_id, settings.will) = ("view".to_owned(), None);
        let (session, mut events) = Session::start(settings, stop.clone());
        let (writer, heard) = watch::channel(Heard::new());
        let sender = writer.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    // A broker that was started again may have lost everything.
                    Event::Connected => {
                        sender.send_modify(Heard::clear);
                        session.subscribe(&["#"]).await.unwrap();
                    }
                    Event::Received(message) => sender.send_modify(|heard| {
                        heard
                            .entry(message.topic)
                            .or_default()
                            .push(message.payload);
                    }),
                    Event::Disconnected(_) => {}
                }
            }
        });
        Self {
            heard,
            writer,
            _stop: stop.drop_guard(),
        }
    }

    /// Forgets all but the latest message of each topic.
    pub(crate) fn forget_the_past(&self) {
        self.writer.send_modify(|heard| {
            for messages in heard.values_mut() {
                messages.drain(..messages.len().saturating_sub(1));
            }
        });
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.writer.send_modify(Heard::clear);
    }

    /// What was heard.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.borrow().clone()
    }

    /// The id of the bridge that has announced a device.
    pub(crate) fn bridge_of(&self, device: &str) -> String {
        let heard = self.heard.borrow();
        let config = &heard[&format!("homeassistant/device/{device}/config")];
        let config: Json = serde_json::from_slice(config.last().unwrap()).unwrap();
        let status = config["availability"][0]["topic"].as_str().unwrap();
        let id = status.strip_prefix("wattbridge/");
        let id = id.and_then(|rest| rest.strip_suffix("/status"));
        id.unwrap().to_owned()
    }

    /// Waits until what was heard is as `wanted`.
    pub(crate) async fn until(&self, what: &str, mut wanted: impl FnMut(&Heard) -> bool) {
        let since = Instant::now();
        let mut heard = self.heard.clone();
        let waiting = tokio::time::timeout(DEADLINE, heard.wait_for(|heard| wanted(heard)));
        let came = waiting.await.map(|result| result.map(drop));
        assert!(
            matches!(came, Ok(Ok(()))),
            "waited in vain for {what}; the latest of each topic:\n{}",
            latest(&self.heard())
        );
        eprintln!("  {:4.1} s for {what}", since.elapsed().as_secs_f64());
    }

    /// Waits for this as the latest message of a topic.
    pub(crate) async fn until_text(&self, topic: &str, text: &str) {
        let is_text = |message: &Vec<u8>| message.as_slice() == text.as_bytes();
        let wanted = |heard: &Heard| {
            heard
                .get(topic)
                .and_then(|all| all.last())
                .is_some_and(is_text)
        };
        self.until(&format!("{topic} {text}"), wanted).await;
    }

    /// Waits until a value in any message of a topic is as `wanted`: a bridge that does not have the device says so,
    /// sooner or later than the one that has it.
    pub(crate) async fn until_any_value(
        &self,
        topic: &str,
        key: &str,
        wanted: impl Fn(&Json) -> bool,
    ) {
        let is_wanted = |message: &Vec<u8>| {
            serde_json::from_slice::<Json>(message).is_ok_and(|json| wanted(&json[key]))
        };
        let wanted = |heard: &Heard| {
            heard
                .get(topic)
                .is_some_and(|all| all.iter().any(is_wanted))
        };
        self.until(&format!("{key} in {topic}"), wanted).await;
    }

    /// Waits until a value in the latest message of a topic is as `wanted`.
    pub(crate) async fn until_value(&self, topic: &str, key: &str, wanted: impl Fn(&Json) -> bool) {
        let is_wanted = |message: &Vec<u8>| {
            serde_json::from_slice::<Json>(message).is_ok_and(|json| wanted(&json[key]))
        };
        let wanted = |heard: &Heard| {
            heard
                .get(topic)
                .and_then(|all| all.last())
                .is_some_and(is_wanted)
        };
        self.until(&format!("{key} in {topic}"), wanted).await;
    }
}

fn latest(heard: &Heard) -> String {
    let line = |(topic, all): (&String, &Vec<Vec<u8>>)| {
        let last = all.last().map(Vec::as_slice).unwrap_or_default();
        let text: String = String::from_utf8_lossy(last).chars().take(300).collect();
        format!("{topic} {text}\n")
    };
    heard.iter().map(line).collect()
}
