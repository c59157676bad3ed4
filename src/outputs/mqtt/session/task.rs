//! The task behind a [`Session`](super::Session): connects, polls, hands on, connects again.
//!
//! # Why nobody waits for anybody for ever
//!
//! A consumer of events may await `publish` while this task has events for it. Would this task
//! stop polling until the consumer takes them, then nothing would make room for the message, and
//! both would wait for each other. So polling goes on while the channel is full: what does not fit
//! waits in a backlog here, in order. Only a backlog of [`BACKLOG_LIMIT`] bytes, many times all
//! retained messages of a large household, pauses polling; then `publish` ends by its own time
//! limit, the consumer comes back for its events, and polling goes on. Nothing is ever dropped.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rumqttc::{ConnectionError, Event as MqttEvent, Incoming as Packet, Outgoing};
use rumqttc::{EventLoop, PublishNotice, PublishNoticeError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, open};
use super::explain::{Phase, explain, lost, words};
use super::tap::Heard;
use super::{Event, Incoming, Link, SessionError, Settings};

/// Bytes waiting for a slow consumer before polling pauses.
const BACKLOG_LIMIT: usize = 16 * 1024 * 1024;
/// How long a connection outlives `stop`, for the orderly `close` that should follow.
const LINGER: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one: the next failure starts again at 1 s.
const STEADY: Duration = Duration::from_secs(60);

/// What the task is given.
pub(super) struct Task {
    pub(super) settings: Settings,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) link: watch::Sender<Option<Link>>,
    pub(super) stop: CancellationToken,
    /// `close` is done: end now.
    pub(super) abandon: CancellationToken,
    /// All handles are dropped.
    pub(super) unowned: CancellationToken,
}

impl Task {
    pub(super) async fn run(self) {
        let mut failures = 0;
        loop {
            let attempt = tokio::select! {
                biased;
                () = self.dismissed() => return,
                attempt = open(&self.settings) => attempt,
            };
            let error = match attempt {
                Ok(connection) => {
                    let since = Instant::now();
                    let Some(error) = self.serve(connection).await else {
                        return;
                    };
                    if since.elapsed() >= STEADY {
                        failures = 0;
                    }
                    error
                }
                Err(error) => error,
            };
            let pause = pause(failures);
            failures += 1;
            tracing::debug!(%error, ?pause, "no MQTT connection");
            tokio::select! {
                biased;
                () = self.dismissed() => return,
                // Nobody may be interested in events: that is no reason to stop.
                _ = self.events.send(Event::Disconnected(error)) => {}
            }
            tokio::select! {
                biased;
                () = self.dismissed() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// While there is no connection, `stop` ends the task at once.
    async fn dismissed(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.abandon.cancelled() => {}
            () = self.forgotten() => {}
        }
    }

    /// While there is one, `stop` leaves time to `close` it: both are likely to come from the same
    /// signal, and the last messages must not lose the race.
    async fn released(&self) {
        tokio::select! {
            () = self.abandon.cancelled() => {}
            () = self.forgotten() => {}
            () = async {
                self.stop.cancelled().await;
                tokio::select! {
                    () = self.unowned.cancelled() => {}
                    () = sleep(LINGER) => {}
                }
            } => {}
        }
    }

    async fn forgotten(&self) {
        self.unowned.cancelled().await;
        self.events.closed().await;
    }

    /// Polls one connection to its end. `None`: the task shall end too.
    async fn serve(&self, connection: Connection) -> Option<SessionError> {
        let Connection {
            events: mut mqtt,
            client,
            limits,
            heard,
        } = connection;
        let (receipts, notices) = mpsc::unbounded_channel();
        tokio::spawn(watch_receipts(notices));

        let mut inbox = Inbox::new(&self.events);
        // The link first: who hears of the connection may publish at once.
        self.link.send_replace(Some(Link {
            client,
            limits,
            receipts,
        }));
        inbox.push(Event::Connected);

        let end = {
            let released = self.released();
            tokio::pin!(released);
            tokio::select! {
                biased;
                () = &mut released => None,
                end = self.poll(&mut mqtt, &heard, &mut inbox) => end,
            }
        };
        self.link.send_replace(None);
        drop(mqtt);
        // What came before the loss is told before the loss.
        if end.is_some() {
            tokio::select! {
                biased;
                () = self.released() => return None,
                () = inbox.empty() => {}
            }
        }
        end
    }

    async fn poll(
        &self,
        mqtt: &mut EventLoop,
        heard: &Heard,
        inbox: &mut Inbox<'_>,
    ) -> Option<SessionError> {
        loop {
            // Longer than two pings without any event: polling itself is stuck, most likely in
            // writing to a connection that takes nothing any more.
            let patience = match mqtt.options.keep_alive() {
                Duration::ZERO => Duration::MAX,
                keep_alive => 2 * keep_alive + Duration::from_secs(10),
            };
            let polled = {
                let polled = timeout(patience, mqtt.poll());
                tokio::pin!(polled);
                loop {
                    tokio::select! {
                        polled = &mut polled => break polled,
                        () = inbox.deliver_one(), if !inbox.is_empty() => {}
                    }
                }
            };
            match polled {
                Err(_) => return Some(lost(&self.settings, "it takes no more data")),
                Ok(
                    Err(ConnectionError::RequestsDone | ConnectionError::DisconnectTimeout)
                    | Ok(MqttEvent::Outgoing(Outgoing::Disconnect)),
                ) => return None,
                Ok(Err(error)) => {
                    return Some(explain(error, Phase::Connected, heard, &self.settings));
                }
                Ok(Ok(MqttEvent::Incoming(Packet::Publish(publish)))) => {
                    inbox.push(Event::Received(Incoming {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.to_vec(),
                        retain: publish.retain,
                    }));
                }
                Ok(Ok(_)) => {}
            }
            while inbox.bytes > BACKLOG_LIMIT {
                inbox.deliver_one().await;
            }
        }
    }
}

/// Events on their way to the consumer, in order.
struct Inbox<'a> {
    channel: &'a mpsc::Sender<Event>,
    backlog: VecDeque<Event>,
    bytes: usize,
}

impl<'a> Inbox<'a> {
    fn new(channel: &'a mpsc::Sender<Event>) -> Self {
        Self {
            channel,
            backlog: VecDeque::new(),
            bytes: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.backlog.is_empty()
    }

    fn push(&mut self, event: Event) {
        let event = if self.backlog.is_empty() {
            match self.channel.try_send(event) {
                Err(mpsc::error::TrySendError::Full(event)) => event,
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        } else {
            event
        };
        self.bytes += weight(&event);
        self.backlog.push_back(event);
    }

    /// Loses nothing when cancelled.
    async fn deliver_one(&mut self) {
        let Ok(room) = self.channel.reserve().await else {
            self.backlog.clear();
            self.bytes = 0;
            return;
        };
        if let Some(event) = self.backlog.pop_front() {
            self.bytes = self.bytes.saturating_sub(weight(&event));
            room.send(event);
        }
    }

    async fn empty(&mut self) {
        while !self.is_empty() {
            self.deliver_one().await;
        }
    }
}

fn weight(event: &Event) -> usize {
    match event {
        Event::Received(message) => {
            size_of::<Event>() + message.topic.len() + message.payload.len()
        }
        Event::Connected | Event::Disconnected(_) => size_of::<Event>(),
    }
}

/// Reads the broker's answers to QoS 1 messages: a refusal would otherwise go unseen, and the user
/// would look in vain for the entities.
async fn watch_receipts(mut notices: mpsc::UnboundedReceiver<(String, PublishNotice)>) {
    let mut told = false;
    // Answers come in the order of the messages, so waiting for one after the other is enough.
    while let Some((topic, notice)) = notices.recv().await {
        let reason = match notice.wait_completion_async().await {
            Err(PublishNoticeError::V5PubAck(reason)) => words(&format!("{reason:?}")),
            Err(PublishNoticeError::RetainNotSupported) => "it keeps no retained messages".into(),
            // Accepted, or lost with the connection, which is reported elsewhere.
            Ok(()) | Err(_) => continue,
        };
        if told {
            tracing::debug!(topic, reason, "the MQTT broker refused a message");
        } else {
            told = true;
            tracing::warn!(
                topic,
                reason,
                "the MQTT broker refused a message; allow this user to write there \
                 (Mosquitto: `acl_file`); further refusals are logged at debug level"
            );
        }
    }
}

/// 1 s, doubled up to 60 s, plus up to a quarter so that not all clients of a restarted broker
/// come back in the same moment.
fn pause(failures: u32) -> Duration {
    let base = Duration::from_secs(60).min(Duration::from_secs(1 << failures.min(6)));
    // The seeds of the standard hash maps are random enough for this.
    let random = RandomState::new().hash_one(failures) % 1000;
    base + base.mul_f64(random as f64 / 4000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_one_to_sixty_seconds() {
        for (failures, base) in [
            (0, 1),
            (1, 2),
            (2, 4),
            (5, 32),
            (6, 60),
            (7, 60),
            (u32::MAX, 60),
        ] {
            let pause = pause(failures);
            assert!(pause >= Duration::from_secs(base), "{failures}: {pause:?}");
            assert!(
                pause <= Duration::from_secs(base).mul_f64(1.25),
                "{failures}: {pause:?}"
            );
        }
    }

    fn received(topic: &str, size: usize) -> Event {
        Event::Received(Incoming {
            topic: topic.to_owned(),
            payload: vec![0; size],
            retain: false,
        })
    }

    #[tokio::test]
    async fn inbox_keeps_order_when_the_channel_is_full() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut inbox = Inbox::new(&sender);
        for number in 0..5 {
            inbox.push(received(&number.to_string(), 10));
        }
        assert_eq!(inbox.backlog.len(), 3);
        for number in 0..5 {
            let Some(Event::Received(message)) = receiver.recv().await else {
                panic!("no event {number}");
            };
            assert_eq!(message.topic, number.to_string());
            if !inbox.is_empty() {
                inbox.deliver_one().await;
            }
        }
        assert!(inbox.is_empty());
        assert_eq!(inbox.bytes, 0);
    }

    #[tokio::test]
    async fn inbox_forgets_when_nobody_listens() {
        let (sender, receiver) = mpsc::channel(1);
        let mut inbox = Inbox::new(&sender);
        inbox.push(received("a", 10));
        inbox.push(received("b", 10));
        drop(receiver);
        inbox.empty().await;
        assert_eq!(inbox.bytes, 0);
    }
}
