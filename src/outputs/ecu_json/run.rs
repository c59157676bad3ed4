//! Publishing until told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::inverters::{EcuInverters, EcuMessage};
use super::seed::look_back;
use super::{EcuJsonOutlet, NAME};
use crate::bridge::{Feed, Known, News};
use crate::clock::Clock;
use crate::history::HistoryReader;
use crate::model::Update;
use crate::outputs::mqtt::Troubles;
use crate::outputs::mqtt::session::{Event, Events, Message, Qos, Session, SessionError};
use crate::outputs::{Context, OutputError};

/// How long the end of the session may take.
const GRACE: Duration = Duration::from_secs(3);
/// The clock is looked at so often, whatever is said of it meanwhile.
const LOOK: Duration = Duration::from_secs(30);

/// All sections at work.
struct Publishing {
    sections: Vec<EcuInverters>,
    clock: Clock,
    past: HistoryReader,
    session: Session,
    troubles: Troubles,
}

/// Publishes what the feed brings.
pub async fn run(outlet: Arc<EcuJsonOutlet>, context: Context) -> Result<(), OutputError> {
    let Context {
        mut feed,
        mqtt,
        bridge,
        clock,
        past,
        stop,
    } = context;
    let connection = mqtt.connection_of(NAME, &bridge)?;
    let (session, mut events) = Session::start(connection, stop.clone());
    let day = clock.local().date();
    let sections = outlet.switched_on().cloned();
    let mut publishing = Publishing {
        sections: sections.map(|it| EcuInverters::new(it, day)).collect(),
        clock,
        past,
        session: session.clone(),
        troubles: Troubles::default(),
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = publishing.work(&mut feed, &mut events) => {}
    }
    drop(publishing);
    session.close(Vec::new(), GRACE).await;
    Ok(())
}

impl Publishing {
    /// Until the bridge or the session has ended.
    async fn work(&mut self, feed: &mut Feed, events: &mut Events) {
        for known in feed.catch_up() {
            self.hear(&known).await;
        }
        loop {
            let next = self.next();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.connection(&event),
                    None => return,
                },
                news = feed.next() => match news {
                    Some(News::Update(Update::State(state))) => {
                        if let Some(known) = feed.get(&state.device) {
                            self.hear(&Known { state, ..known }).await;
                        }
                    }
                    Some(News::Update(Update::Removed(id))) => {
                        self.sections.iter_mut().for_each(|it| it.forget(&id));
                    }
                    Some(News::Update(Update::Device(_))) => {}
                    Some(News::Missed) => {
                        for known in feed.catch_up() {
                            self.hear(&known).await;
                        }
                    }
                    None => return,
                },
                () = sleep_until(next) => {}
            }
            self.say().await;
        }
    }

    /// When something is to be said, or the day may have changed.
    fn next(&self) -> Instant {
        let look = Instant::now() + LOOK;
        let due = self.sections.iter().filter_map(EcuInverters::next).min();
        due.map_or(look, |due| due.min(look))
    }

    async fn hear(&mut self, known: &Known) {
        let now = Instant::now();
        let today = self.clock.local().date();
        let day = known.state.at.map(|at| {
            let there = at.to_zoned(self.clock.zone().clone());
            there.date()
        });
        let is_new = |it: &EcuInverters| it.is_new(&known.device);
        let seen = if self.sections.iter().any(is_new) {
            let seen = look_back(&self.past, &known.device, today).await;
            seen.unwrap_or_else(|error| {
                tracing::debug!("[{NAME}] no history of {}: {error}", known.device.id);
                Default::default()
            })
        } else {
            Default::default()
        };
        for section in &mut self.sections {
            if section.is_new(&known.device) {
                section.meet(known, &seen);
            }
            section.hear(known, day, now);
        }
    }

    async fn say(&mut self) {
        let (day, now) = (self.clock.local().date(), Instant::now());
        let due = self.sections.iter_mut().flat_map(|it| it.due(day, now));
        for message in due.collect::<Vec<_>>() {
            match self.session.publish(of(message)).await {
                // An answer that nobody took is history when there is a connection again.
                Ok(()) | Err(SessionError::NotConnected) => {}
                Err(error) if self.troubles.is_new(&error) => tracing::warn!("[{NAME}] {error}"),
                Err(_) => {}
            }
        }
    }

    fn connection(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.troubles.over();
                let broker = self.session.broker().unwrap_or_default();
                tracing::info!("[{NAME}] connected to the MQTT broker at {broker}");
            }
            Event::Disconnected(error) if self.troubles.is_new(error) => {
                tracing::warn!("[{NAME}] {error}");
            }
            Event::Disconnected(_) | Event::Received(_) => {}
        }
    }
}

fn of(message: EcuMessage) -> Message {
    Message {
        topic: message.topic,
        payload: message.payload.into_bytes(),
        qos: Qos::AtLeastOnce,
        retain: message.retain,
        expiry: None,
    }
}
