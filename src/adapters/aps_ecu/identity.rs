//! Which ECU answers at an address.
//!
//! It may be exchanged, and a damaged answer may carry a wrong id. So a new id is believed when it
//! comes twice; the ECU before it is kept for a while, as one that no longer answers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The ECU at an address, and those that were there before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    current: Option<String>,
    #[serde(default)]
    former: BTreeMap<String, Timestamp>,
    /// An id that came once.
    #[serde(skip)]
    candidate: Option<String>,
}

impl Identity {
    /// The serial number of the ECU that answers.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// The serial numbers of those that answered before.
    pub(super) fn former(&self) -> impl Iterator<Item = &str> {
        self.former.keys().map(String::as_str)
    }

    /// An ECU has named itself. False if it is another one than before and has to say so again.
    pub(super) fn meet(&mut self, serial: &str, now: Timestamp) -> bool {
        let before = match self.current.take() {
            Some(before) if before != serial => before,
            _ => {
                self.candidate = None;
                self.current = Some(serial.to_owned());
                return true;
            }
        };
        if self.candidate.as_deref() != Some(serial) {
            self.candidate = Some(serial.to_owned());
            self.current = Some(before);
            return false;
        }
        self.candidate = None;
        self.former.remove(serial);
        self.former.insert(before, now);
        self.current = Some(serial.to_owned());
        true
    }

    /// Takes out those that have not answered for longer than `keep`.
    pub(super) fn forget(&mut self, now: Timestamp, keep: Duration) -> Vec<String> {
        let absent = |since: &Timestamp| Duration::try_from(now.duration_since(*since));
        let expired = |since: &Timestamp| absent(since).is_ok_and(|absent| absent > keep);
        let old = self.former.iter().filter(|(_, since)| expired(since));
        let old: Vec<String> = old.map(|(serial, _)| serial.clone()).collect();
        self.former.retain(|_, since| !expired(since));
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + days * 86_400).unwrap()
    }

    #[test]
    fn one_wrong_id_changes_nothing() {
        let mut identity = Identity::default();
        assert!(identity.meet("216000000001", at(0)));
        assert!(!identity.meet("216000000009", at(0)));
        assert!(identity.meet("216000000001", at(0)));
        assert!(!identity.meet("216000000009", at(0)));
        assert_eq!(identity.current(), Some("216000000001"));
        assert_eq!(identity.former().count(), 0);
    }

    #[test]
    fn an_exchanged_ecu_is_believed_and_the_old_one_forgotten_in_time() {
        let mut identity = Identity::default();
        identity.meet("216000000001", at(0));
        identity.meet("216000000002", at(1));
        assert!(identity.meet("216000000002", at(1)));
        assert_eq!(identity.former().collect::<Vec<_>>(), ["216000000001"]);
        let month = Duration::from_secs(30 * 86_400);
        assert!(identity.forget(at(20), month).is_empty());
        assert_eq!(identity.forget(at(40), month), ["216000000001"]);
        // And back again.
        identity.meet("216000000001", at(41));
        assert!(identity.meet("216000000001", at(41)));
        assert_eq!(identity.former().collect::<Vec<_>>(), ["216000000002"]);
    }
}
