//! Events on their way from the connection to the consumer: in order, and never more than a bound.
//!
//! The connection never waits for the consumer: would it, then a consumer that awaits `publish` while
//! there are events for it would wait for a connection that waits for the consumer. What is too much
//! is dropped, the oldest messages first. What happened to the connection itself is never dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Event;
use crate::terminal::OUTSIDE;

/// Many times all retained announcements of a large household.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Both ends.
pub fn inbox() -> (Inbox, Events) {
    let shared = Arc::new(Shared::default());
    let events = Events {
        shared: Arc::clone(&shared),
        _deaf: shared.deaf.clone().drop_guard(),
    };
    (Inbox(shared), events)
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    news: Notify,
    /// Cancelled when nobody reads any more.
    deaf: CancellationToken,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    bytes: usize,
    is_over: bool,
}

/// The end of the connection.
#[derive(Debug)]
pub struct Inbox(Arc<Shared>);

/// The end of the consumer.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    _deaf: DropGuard,
}

impl Events {
    /// The next event; `None` when the session has ended. Loses nothing when it is dropped.
    pub async fn recv(&mut self) -> Option<Event> {
        // However many events wait, other tasks get their turn.
        tokio::task::consume_budget().await;
        loop {
            {
                let mut queue = self.shared.lock();
                if let Some(event) = queue.pop() {
                    return Some(event);
                }
                if queue.is_over {
                    return None;
                }
            }
            self.shared.news.notified().await;
        }
    }
}

impl Events {
    /// The next event, if there is one now.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.shared.lock().pop()
    }
}

impl Inbox {
    /// Adds an event, at the cost of the oldest messages.
    pub fn push(&self, event: Event) {
        if self.0.deaf.is_cancelled() {
            return;
        }
        let dropped = self.0.lock().push(event);
        self.0.news.notify_one();
        for _ in 0..dropped {
            tracing::warn!(
                target: OUTSIDE,
                "messages come from the MQTT broker faster than they can be looked at; the oldest are \
                 dropped. Look who floods the topics that wattbridge reads"
            );
        }
    }

    /// Returns when nobody reads any more.
    pub async fn deaf(&self) {
        self.0.deaf.cancelled().await;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.news.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(weight(&event));
        Some(event)
    }

    /// Returns how many messages were dropped for it.
    fn push(&mut self, event: Event) -> usize {
        self.bytes += weight(&event);
        self.events.push_back(event);
        let mut dropped = 0;
        while self.bytes > MOST_BYTES {
            let is_message = |event: &Event| matches!(event, Event::Received(_));
            let Some(oldest) = self.events.iter().position(is_message) else {
                break;
            };
            let event = self.events.remove(oldest);
            self.bytes = self.bytes.saturating_sub(event.as_ref().map_or(0, weight));
            dropped += 1;
        }
        dropped
    }
}

fn weight(event: &Event) -> usize {
    let more = match event {
        Event::Received(message) => message.topic.len() + message.payload.len(),
        Event::Connected | Event::Disconnected(_) => 0,
    };
    size_of::<Event>() + more
}

#[cfg(test)]
mod tests {
    use super::super::{Incoming, SessionError};
    use super::*;

    fn received(topic: &str, size: usize) -> Event {
        Event::Received(Incoming {
            topic: topic.to_owned(),
            payload: vec![0; size],
            retain: false,
        })
    }

    #[tokio::test]
    async fn what_fits_comes_in_order_and_then_the_end() {
        let (inbox, mut events) = inbox();
        let sent: Vec<_> = (0..5000).map(|n| received(&n.to_string(), 10)).collect();
        sent.iter().cloned().for_each(|event| inbox.push(event));
        drop(inbox);
        for event in sent {
            assert_eq!(events.recv().await, Some(event));
        }
        assert_eq!(events.shared.lock().bytes, 0);
        assert_eq!(events.recv().await, None);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let (inbox, mut events) = inbox();
        let (event, ()) = tokio::join!(events.recv(), async {
            tokio::task::yield_now().await;
            inbox.push(Event::Connected);
        });
        assert_eq!(event, Some(Event::Connected));
        let (event, ()) = tokio::join!(events.recv(), async move {
            tokio::task::yield_now().await;
            drop(inbox);
        });
        assert_eq!(event, None);
    }

    #[tokio::test]
    async fn too_much_costs_the_oldest_messages_and_nothing_else() {
        const SIZE: usize = 1024 * 1024;
        let (inbox, mut events) = inbox();
        let lost = Event::Disconnected(SessionError::NotConnected);
        inbox.push(Event::Connected);
        inbox.push(received("old", SIZE));
        inbox.push(lost.clone());
        inbox.push(Event::Connected);
        for number in 0..1000 {
            inbox.push(received(&number.to_string(), SIZE));
            assert!(inbox.0.lock().bytes <= MOST_BYTES);
        }
        for event in [Event::Connected, lost, Event::Connected] {
            assert_eq!(events.recv().await, Some(event));
        }
        let left = MOST_BYTES / SIZE - 1;
        for number in 1000 - left..1000 {
            assert_eq!(
                events.recv().await,
                Some(received(&number.to_string(), SIZE))
            );
        }
        assert_eq!(events.shared.lock().bytes, 0);
    }

    #[tokio::test]
    async fn nothing_is_kept_for_nobody() {
        let (inbox, events) = inbox();
        inbox.push(received("a", 10));
        drop(events);
        inbox.push(received("b", 10));
        assert_eq!(inbox.0.lock().events.len(), 1);
        inbox.deaf().await;
    }
}
