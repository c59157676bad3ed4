//! Somebody on the broker who sees everything and remembers it in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::mqtt::session::{Event, Incoming, Message, Qos, Session};
use wattbridge::store::Identity;

use crate::DEADLINE;

/// One message as it was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) topic: String,
    pub(crate) text: String,
    /// Whether the broker had kept it from before we looked.
    pub(crate) old: bool,
}

impl Seen {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl From<Incoming> for Seen {
    fn from(incoming: Incoming) -> Self {
        Self {
            topic: incoming.topic,
            text: String::from_utf8_lossy(&incoming.payload).into_owned(),
            old: incoming.retain,
        }
    }
}

/// A place in the order of messages.
pub(crate) type Mark = usize;

pub(crate) struct Wire {
    session: Session,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    _stop: DropGuard,
}

impl Wire {
    /// Connects and listens to everything; connects again by itself.
    pub(crate) async fn tap(port: u16) -> Self {
        let settings = MqttSettings {
            port: Some(port),
            ..MqttSettings::default()
        };
        Self::tap_as(settings, "everything").await
    }

    pub(crate) async fn tap_as(settings: MqttSettings, name: &str) -> Self {
        let mut settings = settings.connection(&Identity::named("everything")).unwrap();
        (settings.client_id, settings.will) = (name.to_owned(), None);
        let stop = CancellationToken::new();
        let (session, mut events) = Session::start(settings, stop.clone());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sender, count) = watch::channel(0);
        let (listened, mut listens) = watch::channel(false);
        let (own, book) = (session.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Connected => {
                        if own.subscribe(&["#"]).await.is_ok() {
                            listened.send_replace(true);
                        }
                    }
                    Event::Received(message) => {
                        book.lock().unwrap().push(Seen::from(message));
                        sender.send_modify(|count| *count += 1);
                    }
                    Event::Disconnected(_) => {}
                }
            }
        });
        let listening = timeout(DEADLINE, listens.wait_for(|listens| *listens)).await;
        assert!(listening.is_ok_and(|it| it.is_ok()), "no connection");
        Self {
            session,
            seen,
            count,
            _stop: stop.drop_guard(),
        }
    }

    /// All that comes from now on is behind this mark.
    pub(crate) fn mark(&self) -> Mark {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// All messages on a topic that were published while we listened.
    pub(crate) fn on(&self, topic: &str) -> Vec<Seen> {
        let mut all = self.all();
        all.retain(|seen| seen.topic == topic && !seen.old);
        all
    }

    /// What was said of a device's availability, from the first time on that there was one.
    pub(crate) fn availability(&self, id: &str) -> Vec<String> {
        let said = self.on(&format!("wattbridge/{id}/availability"));
        let words = said.into_iter().map(|seen| seen.text);
        words.skip_while(|word| word == "offline").collect()
    }

    /// All states of a device that were published while we listened.
    pub(crate) fn states(&self, id: &str) -> Vec<Json> {
        let said = self.on(&format!("wattbridge/{id}/state"));
        said.iter().map(Seen::json).collect()
    }

    /// Publishes.
    pub(crate) async fn say(&self, topic: &str, text: &str, retain: bool) {
        let message = Message {
            topic: topic.to_owned(),
            payload: text.into(),
            qos: Qos::AtLeastOnce,
            retain,
            expiry: None,
        };
        self.session.publish(message).await.unwrap();
    }

    /// The first message behind a mark that is wanted, and the mark behind it.
    pub(crate) async fn until(
        &self,
        what: &str,
        from: Mark,
        wanted: impl Fn(&Seen) -> bool,
    ) -> (Seen, Mark) {
        let mut count = self.count.clone();
        let mut next = from;
        let search = async {
            loop {
                let have = *count.borrow_and_update();
                while next < have {
                    let seen = self.seen.lock().unwrap().get(next).cloned().unwrap();
                    next += 1;
                    if wanted(&seen) {
                        return seen;
                    }
                }
                count.changed().await.unwrap();
            }
        };
        match timeout(DEADLINE, search).await {
            Ok(seen) => (seen, next),
            Err(_) => {
                let all = self.all();
                let last = all.iter().skip(all.len().max(60) - 60);
                let last: Vec<_> = last.map(|s| format!("{} {}", s.topic, s.text)).collect();
                panic!(
                    "waited in vain for {what}; at last there were\n{}",
                    last.join("\n")
                );
            }
        }
    }

    /// Waits for this text on a topic.
    pub(crate) async fn text(&self, from: Mark, topic: &str, text: &str) -> Mark {
        let what = format!("{topic} {text}");
        let wanted = |seen: &Seen| seen.topic == topic && seen.text == text;
        self.until(&what, from, wanted).await.1
    }

    /// Waits until a bridge says whether it runs, and returns its id.
    pub(crate) async fn bridge(&self, from: Mark, online: bool) -> String {
        let text = if online { "online" } else { "offline" };
        let wanted = |seen: &Seen| bridge_of(&seen.topic).is_some() && seen.text == text;
        let (seen, _) = self.until(&format!("a bridge {text}"), from, wanted).await;
        bridge_of(&seen.topic).unwrap().to_owned()
    }

    /// The id of the bridge's own device.
    pub(crate) async fn own_device(&self, from: Mark) -> String {
        format!("wattbridge_{}", self.bridge(from, true).await)
    }

    /// Waits until a device is available or not.
    pub(crate) async fn available(&self, from: Mark, id: &str, online: bool) -> Mark {
        let text = if online { "online" } else { "offline" };
        self.text(from, &format!("wattbridge/{id}/availability"), text)
            .await
    }

    /// The first state of a device behind a mark that is wanted.
    pub(crate) async fn state(
        &self,
        what: &str,
        from: Mark,
        id: &str,
        wanted: impl Fn(&Json) -> bool,
    ) -> (Json, Mark) {
        let topic = format!("wattbridge/{id}/state");
        let fits = |seen: &Seen| seen.topic == topic && wanted(&seen.json());
        let (seen, mark) = self.until(&format!("{id}: {what}"), from, fits).await;
        (seen.json(), mark)
    }
}

/// The bridge that a topic is the status of.
pub(crate) fn bridge_of(topic: &str) -> Option<&str> {
    let id = topic.strip_prefix("wattbridge/")?.strip_suffix("/status")?;
    (!id.contains('/')).then_some(id)
}

/// What the broker has kept by now.
pub(crate) async fn kept(port: u16) -> BTreeMap<String, String> {
    let settings = MqttSettings {
        port: Some(port),
        ..MqttSettings::default()
    };
    let wire = Wire::tap_as(settings, "kept").await;
    wire.say("fence", "", false).await;
    let (_, end) = wire
        .until("the fence", 0, |seen| seen.topic == "fence")
        .await;
    let all = wire.all().into_iter().take(end);
    let old = all.filter(|seen| seen.old);
    old.map(|seen| (seen.topic, seen.text)).collect()
}
