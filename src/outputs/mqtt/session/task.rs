//! The task behind a [`Session`](super::Session): connects, polls, hands on, connects again.
//!
//! Polling never waits for anybody: what is received goes into the [`Inbox`], which takes everything
//! at once and is bounded.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rumqttc::{ConnectionError, Event as MqttEvent, Incoming as Packet, Outgoing};
use rumqttc::{EventLoop, PublishNotice, PublishNoticeError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, open};
use super::explain::{Phase, explain, lost, words};
use super::inbox::Inbox;
use super::tap::Heard;
use super::{Event, Incoming, Link, SessionError, Settings};
use crate::backoff::Backoff;

/// How long a connection outlives `stop`, for the orderly `close` that should follow.
const LINGER: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one: the next failure starts again at 1 s.
const STEADY: Duration = Duration::from_secs(60);

/// Seconds between attempts to connect.
const PAUSES: &[u64] = &[1, 2, 4, 8, 16, 32, 60];

/// What the task is given.
pub struct Task {
    pub settings: Settings,
    pub inbox: Inbox,
    pub link: watch::Sender<Option<Link>>,
    pub stop: CancellationToken,
    /// `close` is done: end now.
    pub abandon: CancellationToken,
    /// All handles are dropped.
    pub unowned: CancellationToken,
}

impl Task {
    pub async fn run(self) {
        let mut backoff = Backoff::new(PAUSES);
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
                        backoff.reset();
                    }
                    error
                }
                Err(error) => error,
            };
            let pause = spread(backoff.after_failure());
            tracing::debug!(%error, ?pause, "no MQTT connection");
            self.inbox.push(Event::Disconnected(error));
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
        self.inbox.deaf().await;
    }

    /// Polls one connection to its end. `None`: the task shall end too.
    async fn serve(&self, connection: Connection) -> Option<SessionError> {
        let Connection {
            settings,
            events: mut mqtt,
            client,
            limits,
            heard,
        } = connection;
        let (receipts, notices) = mpsc::unbounded_channel();
        tokio::spawn(watch_receipts(notices));

        // The link first: who hears of the connection may publish at once.
        self.link.send_replace(Some(Link {
            broker: settings.broker().into(),
            client,
            limits,
            receipts,
        }));
        self.inbox.push(Event::Connected);

        let end = {
            let released = self.released();
            tokio::pin!(released);
            tokio::select! {
                biased;
                () = &mut released => None,
                end = self.poll(&mut mqtt, &heard, &settings) => end,
            }
        };
        self.link.send_replace(None);
        end
    }

    async fn poll(
        &self,
        mqtt: &mut EventLoop,
        heard: &Heard,
        settings: &Settings,
    ) -> Option<SessionError> {
        loop {
            // However much comes, other tasks get their turn.
            tokio::task::consume_budget().await;
            // Longer than two pings without any event: polling itself is stuck, most likely in
            // writing to a connection that takes nothing any more.
            let patience = match mqtt.options.keep_alive() {
                Duration::ZERO => Duration::MAX,
                keep_alive => 2 * keep_alive + Duration::from_secs(10),
            };
            match timeout(patience, mqtt.poll()).await {
                Err(_) => return Some(lost(settings, "it takes no more data")),
                Ok(
                    Err(ConnectionError::RequestsDone | ConnectionError::DisconnectTimeout)
                    | Ok(MqttEvent::Outgoing(Outgoing::Disconnect)),
                ) => return None,
                Ok(Err(error)) => {
                    return Some(explain(error, Phase::Connected, heard, settings));
                }
                Ok(Ok(MqttEvent::Incoming(Packet::Publish(publish)))) => {
                    let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                    let length = self.settings.clip.length(&topic, publish.payload.len());
                    self.inbox.push(Event::Received(Incoming {
                        payload: publish.payload[..length].to_vec(),
                        topic,
                        retain: publish.retain,
                    }));
                }
                Ok(Ok(_)) => {}
            }
        }
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

/// Up to a quarter longer, so that not all clients of a restarted broker come back in the same moment.
fn spread(pause: Duration) -> Duration {
    // The seeds of the standard hash maps are random enough for this.
    let random = RandomState::new().hash_one(pause) % 1000;
    pause + pause.mul_f64(random as f64 / 4000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_one_to_sixty_seconds() {
        let mut backoff = Backoff::new(PAUSES);
        for base in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let (pause, base) = (spread(backoff.after_failure()), Duration::from_secs(base));
            assert!(pause >= base && pause <= base.mul_f64(1.25), "{pause:?}");
        }
    }
}
