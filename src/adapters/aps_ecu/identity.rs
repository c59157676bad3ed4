//! Which ECU answers at an address.
//!
//! It may be exchanged, and a damaged answer may carry a wrong id. So a new id is believed when it
//! comes twice; the ECU before it is kept for a while, as one that no longer answers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::absence::Absence;
use crate::clock::Moment;

/// An ECU that answered fewer times than this was a damaged answer, and nothing to keep.
const ANSWERS: u32 = 3;

/// The ECU at an address, and those that were there before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    current: Option<String>,
    /// How often it has answered, as far as that matters.
    #[serde(default)]
    answers: u32,
    #[serde(default)]
    replaced: BTreeMap<String, Former>,
    /// An id that came once.
    #[serde(skip)]
    candidate: Option<String>,
}

/// One that was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Former {
    absence: Absence,
    was_real: bool,
}

impl Identity {
    /// The serial number of the ECU that answers.
    pub fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// The serial numbers of those that answered before.
    pub fn former(&self) -> impl Iterator<Item = &str> {
        self.replaced.keys().map(String::as_str)
    }

    /// An ECU has named itself. False if it is another one than before and has to say so again.
    pub fn meet(&mut self, serial: &str) -> bool {
        let before = match self.current.take() {
            Some(before) if before != serial => before,
            _ => {
                self.candidate = None;
                self.current = Some(serial.to_owned());
                self.answers = self.answers.saturating_add(1).min(ANSWERS);
                return true;
            }
        };
        if self.candidate.as_deref() != Some(serial) {
            self.candidate = Some(serial.to_owned());
            self.current = Some(before);
            return false;
        }
        self.candidate = None;
        self.replaced.remove(serial);
        let former = Former {
            absence: Absence::default(),
            was_real: self.answers >= ANSWERS,
        };
        self.replaced.insert(before, former);
        self.current = Some(serial.to_owned());
        self.answers = 1;
        true
    }

    /// Takes out those that have not answered for longer than `keep`.
    pub fn forget(&mut self, now: Moment, keep: Duration) -> Vec<String> {
        for former in self.replaced.values_mut() {
            former.absence.note(now);
        }
        let expired = |former: &Former| !former.was_real || former.absence.length() > keep;
        let old = self.replaced.iter().filter(|(_, former)| expired(former));
        let old: Vec<String> = old.map(|(serial, _)| serial.clone()).collect();
        self.replaced.retain(|_, former| !expired(former));
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    fn day(days: u64) -> Moment {
        Moment {
            steady: Duration::from_secs(days * 86_400),
            ..Moment::NONE
        }
    }

    #[test]
    fn one_wrong_id_changes_nothing() {
        let mut identity = Identity::default();
        for _ in 0..2 {
            assert!(identity.meet("216000000001"));
            assert!(!identity.meet("216000000009"));
        }
        assert_eq!(identity.current(), Some("216000000001"));
        assert_eq!(identity.former().count(), 0);
    }

    #[test]
    fn an_exchanged_ecu_is_believed_and_the_old_one_forgotten_in_time() {
        let mut identity = Identity::default();
        for serial in ["216000000001", "216000000002"] {
            for _ in 0..5 {
                identity.meet(serial);
            }
        }
        assert_eq!(identity.former().collect::<Vec<_>>(), ["216000000001"]);
        assert!(identity.forget(day(1), MONTH).is_empty());
        assert!(identity.forget(day(20), MONTH).is_empty());
        assert_eq!(identity.forget(day(40), MONTH), ["216000000001"]);
        // And back again.
        identity.meet("216000000001");
        assert!(identity.meet("216000000001"));
        assert_eq!(identity.former().collect::<Vec<_>>(), ["216000000002"]);
    }

    #[test]
    fn an_id_that_only_the_very_first_answer_had_is_gone_at_once() {
        let mut identity = Identity::default();
        for serial in ["216000000009", "216000000001", "216000000001"] {
            identity.meet(serial);
        }
        assert_eq!(identity.current(), Some("216000000001"));
        assert_eq!(identity.forget(day(0), MONTH), ["216000000009"]);
    }
}
