//! The output at work: hands what the session and the bridge say to the publisher, and what the
//! publisher wants published to the session.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::bridge::{Attendance, Commander, Feed, News};
use crate::model::Update;
use crate::outputs::OutputError;
use crate::outputs::mqtt::session::{
    self, Clip, Event, Events, Incoming, Message, Session, SessionError,
};
use crate::outputs::mqtt::{MqttSettings, Troubles};
use crate::store::Identity;
use crate::terminal::OUTSIDE;

use super::commands::Commands;
use super::config::HomeAssistantSettings;
use super::contest::Contest;
use super::discovery::Plan;
use super::entry::kept;
use super::ha_status::HaStatus;
use super::publisher::{Publisher, Step};
use super::topics::Topics;

/// How long the farewell may take.
const GRACE: Duration = Duration::from_secs(3);

/// Events that are looked at in a row when many wait.
const AT_ONCE: usize = 256;
/// Far more than all our announcements together.
const MOST_READ_BACK: usize = 16 * 1024 * 1024;

/// Announces and publishes until `stop` is cancelled.
///
/// # Errors
///
/// If the password of the broker cannot be read. A broker that does not answer is no error: it is
/// tried again for ever.
pub async fn run(
    mqtt: MqttSettings,
    settings: HomeAssistantSettings,
    identity: Identity,
    feed: Feed,
    stop: CancellationToken,
) -> Result<(), OutputError> {
    let topics = settings.topics(&mqtt, &identity);
    let connection = session::Settings {
        will: Some(kept(topics.status(), "offline")),
        clip: clip(topics.clone(), &settings.birth_payload),
        ..mqtt.connection(&identity)?
    };
    let client_id = connection.client_id.clone();
    let (session, events) = Session::start(connection, stop.clone());
    let birth_payload = settings.birth_payload.clone();
    let plan = Plan {
        topics: topics.clone(),
        settings,
    };
    let output = Announcer {
        session: session.clone(),
        publisher: Publisher::new(plan),
        commands: Commands::new(topics.clone(), feed.commander()),
        troubles: Troubles::default(),
        unpublishable: BTreeSet::new(),
        read_back: 0,
        commander: feed.commander(),
        birth_payload,
        presence: HaStatus::default(),
        contest: Contest::new(client_id),
        attendance: None,
        topics: topics.clone(),
        feed,
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = output.work(events) => {}
    }
    session
        .close(vec![kept(topics.status(), "offline")], GRACE)
        .await;
    Ok(())
}

struct Announcer {
    session: Session,
    publisher: Publisher,
    commands: Commands,
    feed: Feed,
    topics: Topics,
    troubles: Troubles,
    /// Topics of messages that the broker will never take.
    unpublishable: BTreeSet<String>,
    /// Bytes of announcements read back on this connection.
    read_back: usize,
    commander: Commander,
    birth_payload: String,
    presence: HaStatus,
    contest: Contest,
    /// There while commands can arrive.
    attendance: Option<Attendance>,
}

impl Announcer {
    /// Ends when the bridge or the session has ended.
    async fn work(mut self, mut events: Events) {
        loop {
            let due = self.publisher.next();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => {
                        self.on_event(event).await;
                        // A flood costs no more than looking at it.
                        for _ in 0..AT_ONCE {
                            match events.try_recv() {
                                Some(event) => self.on_event(event).await,
                                None => break,
                            }
                        }
                    }
                    None => return,
                },
                news = self.feed.next() => match news {
                    Some(news) => self.on_news(news),
                    None => return,
                },
                answer = self.commands.next() => self.publish(answer).await,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            let feed = &self.feed;
            self.publisher.tick(Instant::now(), |id| feed.is_orphan(id));
            while let Some(step) = self.publisher.step() {
                match step {
                    Step::Publish(message) => self.publish(message).await,
                    Step::Listen(topics) => self.listen(&topics).await,
                    Step::BeginAnew(device) => self.feed.begin_anew(&device),
                }
            }
            self.tell_trouble();
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                let broker = self.session.broker().unwrap_or_default();
                tracing::info!("connected to the MQTT broker at {broker}");
                self.troubles.over();
                self.read_back = 0;
                self.presence.connected(true);
                self.contest.connected(Instant::now());
                self.attend();
                self.greet().await;
                let now = Instant::now();
                self.publisher.connected(self.feed.snapshot(), now);
            }
            Event::Disconnected(error) => {
                self.presence.connected(false);
                self.attend();
                self.publisher.disconnected();
                self.feed.passed();
                self.contest.lost(&error, Instant::now());
                if self.troubles.is_new(&error) && !self.contest.is_known(&error) {
                    tracing::warn!("{error}");
                }
            }
            Event::Received(message) if self.commands.concern(&message) => {
                // Who gives a command is there, whatever was heard of Home Assistant.
                if !message.retain {
                    self.presence.told(true);
                    self.attend();
                }
                if let Some(answer) = self.commands.take(&message, Timestamp::now()) {
                    self.publish(answer).await;
                }
            }
            Event::Received(message) => {
                if message.topic == self.topics.birth {
                    let is_birth = message.payload == self.birth_payload.as_bytes();
                    self.presence.told(is_birth);
                    self.attend();
                }
                if self.is_bearable(&message) {
                    self.publisher.received(message, jitter(), Instant::now());
                }
            }
        }
    }

    /// Whether what the broker kept is not more than any household of ours has. Of what is published
    /// later, our own echoes included, the publisher remembers only so much.
    fn is_bearable(&mut self, message: &Incoming) -> bool {
        if message.retain {
            self.read_back = self.read_back.saturating_add(message.payload.len());
        }
        let is_bearable = self.read_back <= MOST_READ_BACK;
        if !is_bearable {
            tracing::warn!(
                target: OUTSIDE,
                topic = message.topic,
                "the MQTT broker kept far more announcements than can be ours; the rest is not looked \
                 at. Clear those that are nobody's"
            );
        }
        is_bearable
    }

    fn attend(&mut self) {
        match (self.presence.is_attended(), &self.attendance) {
            (true, None) => self.attendance = Some(self.commander.attend()),
            (false, Some(_)) => self.attendance = None,
            _ => {}
        }
    }

    /// Subscriptions first: what the broker kept has to be seen before it is overwritten.
    async fn greet(&mut self) {
        let filters = [
            self.topics.all_commands(),
            self.topics.all_configs(),
            self.topics.earlier_status(),
            self.topics.birth.clone(),
        ];
        self.listen(&filters).await;
        let online = kept(self.topics.status(), "online");
        self.publish(online).await;
    }

    fn on_news(&mut self, news: News) {
        let now = Instant::now();
        // What the bridge knows by now counts, not what it knew when the news was sent: with old
        // news from before the last snapshot a counter would seem to fall.
        match news {
            News::Missed => self.publisher.sync(self.feed.snapshot(), now),
            News::Update(Update::Removed(id)) => {
                if self.feed.get(&id).is_none() {
                    self.publisher.removed(&id);
                }
            }
            News::Update(Update::Device(device)) => {
                if let Some(known) = self.feed.get(&device.id) {
                    self.publisher.device(known, now);
                }
            }
            News::Update(Update::State(state)) => {
                if let Some(known) = self.feed.get(&state.device) {
                    self.publisher.state(known.state, now);
                }
            }
        }
    }

    async fn publish(&mut self, message: Message) {
        let topic = message.topic.clone();
        self.feed.passing();
        let result = self.session.publish(message).await;
        // `Busy`: it still waits.
        if !matches!(result, Err(SessionError::Busy { .. })) {
            self.feed.passed();
        }
        match result {
            Ok(()) => {}
            // The session says so in an event of its own.
            Err(SessionError::NotConnected) => self.publisher.disconnected(),
            Err(error @ (SessionError::MessageTooLarge { .. } | SessionError::BadTopic { .. })) => {
                if self.unpublishable.insert(topic) {
                    tracing::warn!("{error}");
                }
            }
            Err(error) => {
                tracing::warn!("{error} Everything is published again in half a minute.");
                self.publisher.stumbled(Instant::now());
            }
        }
    }

    async fn listen(&self, topics: &[String]) {
        let filters: Vec<&str> = topics.iter().map(String::as_str).collect();
        match self.session.subscribe(&filters).await {
            Ok(()) | Err(SessionError::NotConnected) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Shows on the bridge's own device what keeps it from its part of the broker.
    fn tell_trouble(&self) {
        let trouble = self.contest.trouble(Instant::now());
        self.feed.set_trouble(
            "home_assistant",
            trouble.or_else(|| self.publisher.trouble()),
        );
    }
}

/// Of a command no more is kept than shows that it is too long, and nobody's birth is longer than
/// that of Home Assistant. Announcements are read whole.
fn clip(topics: Topics, birth_payload: &str) -> Clip {
    let birth = birth_payload.len() + 1;
    Clip::new(move |topic| {
        if topics.config_device(topic).is_some() {
            usize::MAX
        } else if topic == topics.birth {
            birth
        } else {
            Commands::ENOUGH
        }
    })
}

/// Half a second to five seconds; the seeds of the standard hash maps are random enough.
fn jitter() -> Duration {
    let random = RandomState::new().hash_one(0) % 4500;
    Duration::from_millis(500 + random)
}
