//! Which ECU answers at an address.
//!
//! It may be exchanged, and a damaged answer may carry a wrong id. So a new id is believed when it
//! comes twice; the ECU before it is kept for a while, as one that no longer answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
        let was_real = self.answers >= ANSWERS;
        let former = Former { was_real };
        self.replaced.insert(before, former);
        self.current = Some(serial.to_owned());
        self.answers = 1;
        true
    }

    /// Takes out those that were only damaged answers.
    pub fn sift(&mut self) -> Vec<String> {
        let unreal = self.replaced.iter().filter(|(_, former)| !former.was_real);
        let unreal: Vec<String> = unreal.map(|(serial, _)| serial.clone()).collect();
        self.replaced.retain(|_, former| former.was_real);
        unreal
    }

    /// Forgets one that was there before.
    pub fn forget(&mut self, is_it: impl Fn(&str) -> bool) {
        self.replaced.retain(|serial, _| !is_it(serial));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_exchanged_ecu_is_believed_and_the_old_one_kept_until_it_is_to_be_forgotten() {
        let mut identity = Identity::default();
        for serial in ["216000000001", "216000000002"] {
            for _ in 0..5 {
                identity.meet(serial);
            }
        }
        assert_eq!(identity.former().collect::<Vec<_>>(), ["216000000001"]);
        assert!(identity.sift().is_empty());
        identity.forget(|serial| serial == "216000000001");
        assert_eq!(identity.former().count(), 0);
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
        assert_eq!(identity.sift(), ["216000000009"]);
    }
}
