//! The MQTT session with the broker: the only place that knows the MQTT client library.
//!
//! MQTT 5 over TCP or TLS. A [`Session`] is a cheap handle to publish and subscribe with; what
//! happens on the connection comes as [`Event`]s. Behind it one task connects, polls, and connects
//! again for ever, waiting 1 s to 60 s between attempts.
//!
//! Three promises:
//!
//! * Nothing is kept over a loss of the connection: no message is sent later than it was meant,
//!   no subscription survives. After each [`Event::Connected`] the caller subscribes and announces
//!   anew. (Clean start, session expiry 0, and a fresh client per attempt.)
//! * No call blocks for ever, and none can block the polling of the connection.
//! * What is received is bounded: of a flood that the consumer cannot follow the oldest messages are
//!   dropped (see the module `inbox`).

mod connection;
mod error;
mod explain;
mod inbox;
mod settings;
mod tap;
mod task;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event as MqttEvent, Outgoing, PublishNotice, PublishNoticeError, QoS,
    SubscribeFilterInput, SubscribeReasonCode,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::connection::{Connection, Limits};
pub use self::error::SessionError;
pub use self::inbox::Events;
pub use self::settings::{Clip, Settings};
pub use crate::tls::Tls;

/// Longest wait of a request for the broker.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// How hard delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    /// QoS 0: sent once.
    AtMostOnce,
    /// QoS 1: the broker confirms.
    AtLeastOnce,
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Topic, without wildcards.
    pub topic: String,
    /// Payload; empty and retained deletes a retained message.
    pub payload: Vec<u8>,
    /// Lowered to QoS 0 if the broker does no more.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// When the broker forgets it. Whole seconds, at least one.
    pub expiry: Option<Duration>,
}

/// A message received.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// Its topic.
    pub topic: String,
    /// Its payload, cut as [`Settings::clip`] says.
    pub payload: Vec<u8>,
    /// True if it is an old message, kept by the broker and sent because we subscribed.
    pub retain: bool,
}

/// What happens on the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The broker accepted us: subscribe and announce now.
    Connected,
    /// A connection was lost, or an attempt failed; comes for each attempt.
    Disconnected(SessionError),
    /// A message of a subscribed topic.
    Received(Incoming),
}

/// Handle to the session; cheap to clone.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    link: watch::Receiver<Option<Link>>,
    abandon: CancellationToken,
    ended: CancellationToken,
    /// Tells the task when the last handle is dropped.
    _unowned: DropGuard,
}

/// The present connection, as requests see it.
#[derive(Clone)]
struct Link {
    /// Where it leads, as errors say it.
    broker: Arc<str>,
    client: AsyncClient,
    limits: Limits,
    receipts: mpsc::UnboundedSender<(String, PublishNotice)>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Starts the connection task on the current tokio runtime; it reconnects for ever.
    ///
    /// Cancelling `stop` ends it at once while there is no connection. A connection lives on for
    /// some seconds, for a [`close`](Self::close) that follows the same signal; without one it is
    /// dropped without DISCONNECT when the last handle is, or after 10 s, and the broker publishes
    /// the will. The events end when the task has ended.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(settings: Settings, stop: CancellationToken) -> (Self, Events) {
        let (inbox, events) = inbox::inbox();
        let (link_sender, link) = watch::channel(None);
        let abandon = CancellationToken::new();
        let unowned = CancellationToken::new();
        let ended = CancellationToken::new();

        let guard = ended.clone().drop_guard();
        let task = task::Task {
            settings,
            inbox,
            link: link_sender,
            stop,
            abandon: abandon.clone(),
            unowned: unowned.clone(),
        };
        tokio::spawn(async move {
            task.run().await;
            drop(guard);
        });
        let shared = Shared {
            link,
            abandon,
            ended,
            _unowned: unowned.drop_guard(),
        };
        let session = Self {
            shared: Arc::new(shared),
        };
        (session, events)
    }

    /// Whether there is a connection now; it may be gone the next moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.link.borrow().is_some()
    }

    /// Where the present connection leads, as errors say it.
    #[must_use]
    pub fn broker(&self) -> Option<Arc<str>> {
        let link = self.shared.link.borrow();
        link.as_ref().map(|link| Arc::clone(&link.broker))
    }

    /// Hands a message to the client, waiting while its queue is full.
    ///
    /// `Ok` means the message is on its way, not that it has arrived. What is on its way when the
    /// connection is lost is lost too. A broker that refuses a QoS 1 message is reported in the log.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotConnected`] at once if there is no connection or it is lost meanwhile,
    /// [`SessionError::Busy`] after 10 s, [`SessionError::BadTopic`] and
    /// [`SessionError::MessageTooLarge`] for messages that cannot be sent.
    pub async fn publish(&self, message: Message) -> Result<(), SessionError> {
        let link = self.link()?;
        let receipt = (message.qos == Qos::AtLeastOnce).then(|| message.topic.clone());
        let notice = in_time(connection::send(&link.client, link.limits, message)).await?;
        if let Some(topic) = receipt {
            // Fails only if the connection has just ended, and then there is no receipt to wait for.
            let _ = link.receipts.send((topic, notice));
        }
        Ok(())
    }

    /// Subscribes with QoS 1 and waits for the broker's consent.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`SessionError::SubscriptionRefused`]; filters not named
    /// in it are subscribed.
    pub async fn subscribe(&self, filters: &[&str]) -> Result<(), SessionError> {
        if filters.is_empty() {
            return Ok(());
        }
        let link = self.link()?;
        let answer = in_time(async {
            link.client
                .subscribe_many_tracked(
                    filters
                        .iter()
                        .map(|filter| SubscribeFilterInput::new(*filter, QoS::AtLeastOnce)),
                )
                .await
                .map_err(|error| connection::request_error(&error, &filters.join("`, `")))?
                .wait_async()
                .await
                .map_err(|_| SessionError::NotConnected)
        })
        .await?;

        let refused: Vec<_> = filters
            .iter()
            .zip(&answer.return_codes)
            .filter(|(_, code)| !matches!(code, SubscribeReasonCode::Success(_)))
            .collect();
        let Some((_, code)) = refused.first() else {
            return Ok(());
        };
        Err(SessionError::SubscriptionRefused {
            filters: refused
                .iter()
                .map(|(filter, _)| format!("`{filter}`"))
                .collect::<Vec<_>>()
                .join(", "),
            reason: explain::words(&format!("{code:?}")),
        })
    }

    /// Publishes the last messages, waits for their PUBACKs, sends DISCONNECT, ends the task.
    ///
    /// If they cannot be delivered within `grace`, the connection is dropped without DISCONNECT:
    /// then the broker publishes the will, which says the same. Events not yet consumed may be lost.
    pub async fn close(self, last: Vec<Message>, grace: Duration) {
        let deadline = Instant::now() + grace;
        if let Ok(link) = self.link() {
            let orderly = timeout_at(deadline, async {
                farewell(&link, last).await?;
                link.client
                    .disconnect()
                    .await
                    .map_err(|_| SessionError::NotConnected)?;
                self.shared.ended.cancelled().await;
                Ok::<_, SessionError>(())
            });
            match orderly.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "MQTT session not closed in order"),
                Err(_) => tracing::debug!("MQTT session not closed in time"),
            }
        }
        self.shared.abandon.cancel();
        self.shared.ended.cancelled().await;
    }

    fn link(&self) -> Result<Link, SessionError> {
        self.shared
            .link
            .borrow()
            .clone()
            .ok_or(SessionError::NotConnected)
    }
}

/// Returns once each message is with the broker, or was refused by it.
async fn farewell(link: &Link, last: Vec<Message>) -> Result<(), SessionError> {
    let mut notices = Vec::with_capacity(last.len());
    for message in last {
        notices.push(connection::send(&link.client, link.limits, message).await?);
    }
    for notice in notices {
        match notice.wait_completion_async().await {
            Ok(()) => {}
            Err(
                error @ (PublishNoticeError::V5PubAck(_) | PublishNoticeError::RetainNotSupported),
            ) => tracing::debug!(%error, "the MQTT broker refused a last message"),
            Err(_) => return Err(SessionError::NotConnected),
        }
    }
    Ok(())
}

async fn in_time<T>(
    request: impl Future<Output = Result<T, SessionError>>,
) -> Result<T, SessionError> {
    timeout(REQUEST_TIME, request)
        .await
        .unwrap_or(Err(SessionError::Busy {
            seconds: REQUEST_TIME.as_secs(),
        }))
}

/// One connection attempt, without a trace at the broker: another client id, and no will.
///
/// # Errors
///
/// The explained reason why [`Session`] would not get a connection either.
pub async fn probe(settings: &Settings) -> Result<(), SessionError> {
    // With the real id a probe would throw out the wattbridge that is already running.
    let settings = Settings {
        client_id: format!("{}-check", settings.client_id),
        will: None,
        ..settings.clone()
    };
    let Connection {
        mut events, client, ..
    } = connection::open(&settings).await?;
    // The answer is known; the farewell is a courtesy, and may fail.
    let _ = timeout(Duration::from_secs(2), async {
        client.disconnect_now().await.ok();
        while !matches!(
            events.poll().await,
            Err(_) | Ok(MqttEvent::Outgoing(Outgoing::Disconnect))
        ) {}
    })
    .await;
    Ok(())
}
