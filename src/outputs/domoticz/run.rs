//! DomoticzTroubles Domoticz until told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::DomoticzOutlet;
use super::config::DomoticzSettings;
use super::http;
use super::rhythm::TellingRhythm;
use super::svalue::{Svalue, payload, svalue};
use super::troubles::{DomoticzTroubles, NAME};
use crate::bridge::Feed;
use crate::http::{HttpAnswer, HttpClient, HttpError};
use crate::model::{Health, HealthCode};
use crate::outputs::mqtt::Troubles;
use crate::outputs::mqtt::session::{Event, Events, Message, Qos, Session, SessionError};
use crate::outputs::{Context, OutputError};
use crate::say;

/// How long the end of the session may take.
const GRACE: Duration = Duration::from_secs(3);
/// The longest wait, if nothing is to be told and nothing is heard.
const IDLE: Duration = Duration::from_secs(3600);

/// One section at work.
struct DomoticzTeller {
    settings: DomoticzSettings,
    rhythm: TellingRhythm,
    /// Over HTTP, and not by the broker.
    client: Option<HttpClient>,
    /// An answer has not come yet.
    is_asking: bool,
}

/// What came of a request: which section, its words, the answer.
type DomoticzAnswer = (usize, Result<HttpAnswer, HttpError>);

/// All sections at work.
struct DomoticzTellers {
    tellers: Vec<DomoticzTeller>,
    telling: DomoticzTroubles,
    session: Option<Session>,
    events: Option<Events>,
    is_connected: bool,
    troubles: Troubles,
    asked: JoinSet<DomoticzAnswer>,
}

/// Tells Domoticz what the feed brings.
pub async fn run(outlet: Arc<DomoticzOutlet>, context: Context) -> Result<(), OutputError> {
    let Context {
        mut feed,
        mqtt,
        bridge,
        stop,
        ..
    } = context;
    let (mut session, mut events) = (None, None);
    if outlet.wants_broker() {
        let connection = mqtt.connection_of(NAME, &bridge)?;
        let started = Session::start(connection, stop.clone());
        (session, events) = (Some(started.0), Some(started.1));
    }
    let tellers: Vec<DomoticzTeller> = outlet.switched_on().map(DomoticzTeller::new).collect();
    let mut tellers = DomoticzTellers {
        telling: DomoticzTroubles::new(tellers.len()),
        tellers,
        session,
        events,
        is_connected: false,
        troubles: Troubles::default(),
        asked: JoinSet::new(),
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = tellers.talk(&mut feed) => {}
    }
    feed.set_trouble(NAME, None);
    if let Some(session) = tellers.session {
        session.close(Vec::new(), GRACE).await;
    }
    Ok(())
}

impl DomoticzTeller {
    fn new(settings: &DomoticzSettings) -> Self {
        let over_http = settings.url.is_some();
        Self {
            rhythm: TellingRhythm::new(settings.every.get()),
            client: over_http.then(|| HttpClient::trusting(settings.ca_file.as_deref())),
            settings: settings.clone(),
            is_asking: false,
        }
    }
}

impl DomoticzTellers {
    /// Until the bridge or the session has ended.
    async fn talk(&mut self, feed: &mut Feed) {
        loop {
            let next = self.tell(feed).await;
            let next = next.unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                event = recv(&mut self.events) => match event {
                    Some(event) => self.hear(&event),
                    None => return,
                },
                // Whatever it is: what counts is how things are now.
                news = feed.next() => if news.is_none() { return },
                Some(asked) = self.asked.join_next(), if !self.asked.is_empty() => {
                    if let Ok((section, answer)) = asked {
                        self.judge(section, &answer, feed);
                    }
                }
                () = sleep_until(next) => {}
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.troubles.over();
                self.is_connected = true;
                let broker = self.session.as_ref().and_then(Session::broker);
                let broker = broker.unwrap_or_default();
                tracing::info!("[{NAME}] connected to the MQTT broker at {broker}");
            }
            Event::Disconnected(error) => {
                self.is_connected = false;
                if self.troubles.is_new(error) {
                    tracing::warn!("[{NAME}] {error}");
                }
            }
            Event::Received(_) => {}
        }
    }

    /// Tells what is due. Returns when the next is.
    async fn tell(&mut self, feed: &Feed) -> Option<Instant> {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        for section in 0..self.tellers.len() {
            let Some(teller) = self.tellers.get(section) else {
                continue;
            };
            let find = |id: &_| feed.get(id);
            let idx = teller.settings.idx;
            let words = match svalue(&teller.settings, &find, feed.is_settled()) {
                Svalue::Known(words) => words,
                Svalue::Unknown => continue,
                Svalue::Wrong(why) => {
                    self.telling.note(section, idx, Some(*why), feed);
                    continue;
                }
            };
            // What comes by the broker has no other trouble; a login stays wrong until an answer is right.
            if teller.client.is_none() {
                self.telling.note(section, idx, None, feed);
            }
            let can = match teller.client {
                Some(_) => !teller.is_asking,
                None => self.is_connected,
            };
            if !can {
                continue;
            }
            let mut due = teller.rhythm.due(now, &words);
            if due <= now {
                self.send(section, words.clone(), now, feed).await;
                let teller = self.tellers.get(section);
                due = teller.map_or(now, |teller| teller.rhythm.due(now, &words));
            }
            next = Some(next.map_or(due, |next| next.min(due)));
        }
        next
    }

    async fn send(&mut self, section: usize, words: String, now: Instant, feed: &Feed) {
        let Some(teller) = self.tellers.get_mut(section) else {
            return;
        };
        let settings = &teller.settings;
        if let (Some(server), Some(client)) = (&settings.url, &teller.client) {
            match http::request(server, settings, &words) {
                Ok(request) => {
                    let client = client.clone();
                    self.asked
                        .spawn(async move { (section, client.send(&request).await) });
                    teller.is_asking = true;
                    teller.rhythm.told(now, words);
                }
                Err(error) => {
                    let why = error.to_string();
                    let trouble = Health::new(HealthCode::Misconfigured)
                        .seen(say!("the password cannot be read ({why})", why))
                        .advise(say!("Correct password in [[domoticz]]."));
                    teller.rhythm.hold(now);
                    let idx = settings.idx;
                    self.telling.note(section, idx, Some(trouble), feed);
                }
            }
            return;
        }
        let message = Message {
            topic: settings.topic.clone(),
            payload: payload(settings.idx, &words).into_bytes(),
            qos: Qos::AtLeastOnce,
            // Domoticz would take a kept one again at each of its connections.
            retain: false,
            expiry: None,
        };
        let Some(session) = &self.session else {
            return;
        };
        match session.publish(message).await {
            Ok(()) => teller.rhythm.told(now, words),
            Err(SessionError::NotConnected) => self.is_connected = false,
            Err(error) => {
                // What is told next is newer anyway.
                teller.rhythm.told(now, words);
                if self.troubles.is_new(&error) {
                    tracing::warn!("[{NAME}] {error}");
                }
            }
        }
    }

    fn judge(&mut self, section: usize, answer: &Result<HttpAnswer, HttpError>, feed: &Feed) {
        let Some(teller) = self.tellers.get_mut(section) else {
            return;
        };
        teller.is_asking = false;
        let idx = teller.settings.idx;
        let trouble = http::judge(idx, answer);
        let is_refused = |it: &Health| it.code == HealthCode::Refused;
        if trouble.as_ref().is_some_and(is_refused) {
            teller.rhythm.hold(Instant::now());
        }
        self.telling.note(section, idx, trouble, feed);
    }
}

/// The next event of a session; never, if there is none.
async fn recv(events: &mut Option<Events>) -> Option<Event> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}
