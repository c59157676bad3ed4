//! Another client with our client id: the broker ends the older connection each time, for ever.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Health, HealthCode};
use crate::outputs::mqtt::session::SessionError;

/// Once may be a connection of our own that the broker took for dead.
const OFTEN: usize = 3;
const WITHIN: Duration = Duration::from_secs(30 * 60);

/// How often the connection was taken from us.
#[derive(Debug, Default)]
pub(super) struct Contest {
    times: VecDeque<Instant>,
    client_id: String,
}

impl Contest {
    /// The connection was lost, or there was none.
    pub(super) fn lost(&mut self, error: &SessionError, now: Instant) {
        let SessionError::TakenOver { client_id, .. } = error else {
            return;
        };
        self.forget(now);
        let was_one = self.is_one();
        self.times.push_back(now);
        if self.times.len() > OFTEN {
            self.times.pop_front();
        }
        self.client_id.clone_from(client_id);
        if let Some(trouble) = self.trouble(now).filter(|_| !was_one) {
            tracing::warn!("{}", trouble.sentence());
        }
    }

    /// Whether all has been said of this error.
    pub(super) fn is_known(&self, error: &SessionError) -> bool {
        matches!(error, SessionError::TakenOver { .. }) && self.is_one()
    }

    /// What to show while it lasts.
    pub(super) fn trouble(&self, now: Instant) -> Option<Health> {
        let lasts = self.times.back().is_some_and(|last| *last + WITHIN > now);
        (lasts && self.is_one()).then(|| {
            Health::new(HealthCode::Degraded)
                .seen(format!(
                    "another program connects to the MQTT broker as {} again and again",
                    self.client_id
                ))
                .advise(
                    "If two wattbridges have copies of one store, as from a copied SD card, stop one of them, delete its \
                     store and start it again. If client_id is set in [mqtt], give each its own.",
                )
        })
    }

    fn is_one(&self) -> bool {
        self.times.len() >= OFTEN
    }

    fn forget(&mut self, now: Instant) {
        while self.times.front().is_some_and(|first| *first + WITHIN <= now) {
            self.times.pop_front();
        }
    }
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
        let other = SessionError::NotConnected;
        let start = Instant::now();
        let mut contest = Contest::default();
        for second in [0, 5] {
            let now = start + Duration::from_secs(second);
            contest.lost(&taken, now);
            contest.lost(&other, now);
            assert_eq!(contest.trouble(now), None, "once or twice may happen");
            assert!(!contest.is_known(&taken));
        }
        let now = start + Duration::from_secs(60);
        contest.lost(&taken, now);
        let words = contest.trouble(now).unwrap().sentence();
        assert!(words.contains("wattbridge-b2c3d4"), "{words}");
        assert!(words.contains("delete its store"), "{words}");
        assert!(contest.is_known(&taken) && !contest.is_known(&other));
        // It goes on.
        contest.lost(&taken, start + Duration::from_secs(1700));
        assert!(contest.trouble(start + Duration::from_secs(1900)).is_some());
        assert_eq!(contest.trouble(start + Duration::from_secs(3600)), None);
        contest.lost(&taken, start + Duration::from_secs(9000));
        assert_eq!(contest.trouble(start + Duration::from_secs(9000)), None);
    }
}
