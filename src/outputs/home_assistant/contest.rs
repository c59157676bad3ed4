//! Another client with our client id: the broker ends the older connection each time, for ever.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Health, HealthCode};
use crate::outputs::mqtt::session::SessionError;
use crate::say;

/// Fewer may be a connection of our own that the broker took for dead, or a bad network.
const OFTEN: usize = 4;
const WITHIN: Duration = Duration::from_secs(30 * 60);
/// The broker does not always get to say why it ends a connection, but then it ends it soon.
const SOON: Duration = Duration::from_secs(60);

/// How often the connection was taken from us.
#[derive(Debug)]
pub struct Contest {
    client_id: String,
    connected: Option<Instant>,
    times: VecDeque<Instant>,
}

impl Contest {
    pub const fn new(client_id: String) -> Self {
        Self {
            client_id,
            connected: None,
            times: VecDeque::new(),
        }
    }

    pub const fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// The connection was lost, or there was none.
    pub fn lost(&mut self, error: &SessionError, now: Instant) {
        let connected = self.connected.take();
        let was_short = connected.is_some_and(|since| now < since + SOON);
        if !(is_taken(error) || (was_short && is_lost(error))) {
            return;
        }
        while self
            .times
            .front()
            .is_some_and(|first| *first + WITHIN <= now)
        {
            self.times.pop_front();
        }
        let was_one = self.is_one();
        self.times.push_back(now);
        if self.times.len() > OFTEN {
            self.times.pop_front();
        }
        if let Some(trouble) = self.trouble(now).filter(|_| !was_one) {
            tracing::warn!("{}", trouble.sentence());
        }
    }

    /// Whether all has been said of this error.
    pub fn is_known(&self, error: &SessionError) -> bool {
        (is_taken(error) || is_lost(error)) && self.is_one()
    }

    /// What to show while it lasts.
    pub fn trouble(&self, now: Instant) -> Option<Health> {
        let lasts = self.times.back().is_some_and(|last| *last + WITHIN > now);
        (lasts && self.is_one()).then(|| {
            Health::new(HealthCode::Degraded)
                .seen(say!(
                    "the MQTT broker ends the connection of {client} again and again, as when another program connects by \
                     the same name",
                    client = &self.client_id
                ))
                .advise(
                    say!("If two wattbridges have copies of one store, as from a copied SD card, stop one of them, delete its \
                     store and start it again. If client_id is set in [mqtt], give each its own."),
                )
        })
    }

    fn is_one(&self) -> bool {
        self.times.len() >= OFTEN
    }
}

const fn is_taken(error: &SessionError) -> bool {
    matches!(error, SessionError::TakenOver { .. })
}

const fn is_lost(error: &SessionError) -> bool {
    matches!(error, SessionError::Lost { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_that_is_taken_again_and_again_is_a_trouble_until_it_has_been_quiet() {
        let taken = SessionError::TakenOver {
            broker: "b:1".to_owned(),
            client_id: "wattbridge-b2c3d4".to_owned(),
        };
        let lost = SessionError::Lost {
            broker: "b:1".to_owned(),
            reason: "the broker closed it".to_owned(),
        };
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut contest = Contest::new("wattbridge-b2c3d4".to_owned());
        // It is not always said why.
        for (second, error) in [(0, &taken), (5, &lost), (20, &taken)] {
            contest.connected(at(second));
            contest.lost(error, at(second + 1));
            contest.lost(&SessionError::NotConnected, at(second + 2));
            contest.lost(&lost, at(second + 3));
            assert_eq!(contest.trouble(at(second + 3)), None, "this may happen");
            assert!(!contest.is_known(&taken));
        }
        contest.lost(&taken, at(60));
        let words = contest.trouble(at(60)).unwrap().sentence();
        assert!(words.contains("wattbridge-b2c3d4"), "{words}");
        assert!(words.contains("delete its store"), "{words}");
        assert!(contest.is_known(&taken) && !contest.is_known(&SessionError::NotConnected));
        // It goes on, and then it is over.
        contest.lost(&taken, at(1700));
        assert!(contest.trouble(at(1900)).is_some());
        assert_eq!(contest.trouble(at(3600)), None);
        contest.lost(&taken, at(9000));
        assert_eq!(contest.trouble(at(9000)), None);
    }

    #[test]
    fn a_connection_that_lasted_was_not_taken() {
        let lost = SessionError::Lost {
            broker: "b:1".to_owned(),
            reason: "the network is gone".to_owned(),
        };
        let mut contest = Contest::new("x".to_owned());
        let mut now = Instant::now();
        for _ in 0..20 {
            contest.connected(now);
            now += Duration::from_secs(70);
            contest.lost(&lost, now);
            assert_eq!(contest.trouble(now), None);
        }
    }
}
