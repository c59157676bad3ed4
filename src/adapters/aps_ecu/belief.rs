//! Which inverters are believed to be there.
//!
//! Answers carry no checksum, and an id is a device for as long as inverters are kept. So an id is
//! believed when two answers in a row list it, and only as many as the ECU says are registered. Who
//! lists others each time makes no device at all.

use std::collections::BTreeSet;

use super::wire::Uid;

/// Most inverters of one ECU, whatever it says: more records do not fit into one answer.
pub const MOST_INVERTERS: usize = 330;

/// The ids that the last answer listed and that are not believed yet.
#[derive(Debug, Default)]
pub struct Belief {
    candidates: BTreeSet<Uid>,
    lists: u32,
    /// Whether it was said that more are listed than there can be.
    full: bool,
}

impl Belief {
    /// Takes the ids of a list that are not known yet, in its order, and says which of them to
    /// believe from now on. `listed` are known and listed, `kept` known in all, `registered` as many
    /// as the ECU says.
    pub fn take(
        &mut self,
        unknown: &[Uid],
        listed: usize,
        kept: usize,
        registered: usize,
    ) -> Vec<Uid> {
        self.lists = self.lists.saturating_add(1);
        // Those that were there before are kept for a while beside those that replaced them.
        let room = registered.saturating_sub(listed).min(
            registered
                .saturating_mul(2)
                .min(MOST_INVERTERS)
                .saturating_sub(kept),
        );
        let twice = unknown.iter().filter(|uid| self.candidates.contains(uid));
        let mut twice: Vec<Uid> = twice.copied().collect();
        let beyond = twice.len().saturating_sub(room);
        if beyond == 0 {
            // An empty list says nothing of it.
            let is_list = listed > 0 || !unknown.is_empty();
            self.full &= !is_list || unknown.len() > room;
        } else if registered > 0 && !self.full {
            // An ECU that has just started knows of none yet.
            self.full = true;
            tracing::warn!(
                "The ECU lists {} more inverters than there can be: {registered} are registered, and {kept} are kept. \
                 They are left out. If they are real, switch the ECU off and on, or write those that are gone into ignore.",
                beyond
            );
        }
        twice.truncate(room);
        let rest = unknown.iter().filter(|uid| !twice.contains(uid));
        self.candidates = rest.copied().take(MOST_INVERTERS).collect();
        twice
    }

    /// Whether another list would make more of the last one.
    pub fn wants_another_list(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// Whether nobody is waited for any more: ids that change with each list are no inverters.
    pub fn is_settled(&self) -> bool {
        self.candidates.is_empty() || self.lists > 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(number: u32) -> Uid {
        format!("704{number:09}").parse().unwrap()
    }

    #[test]
    fn an_id_is_believed_when_it_comes_twice_in_a_row() {
        let mut belief = Belief::default();
        assert!(belief.take(&[uid(1), uid(2)], 0, 0, 2).is_empty());
        assert!(belief.wants_another_list());
        // One was misread once.
        assert_eq!(belief.take(&[uid(1), uid(9)], 0, 0, 2), [uid(1)]);
        assert_eq!(belief.take(&[uid(2)], 1, 1, 2), []);
        assert_eq!(belief.take(&[uid(2)], 1, 1, 2), [uid(2)]);
        assert!(!belief.wants_another_list());
    }

    #[test]
    fn ids_that_are_new_each_time_are_never_believed_and_not_kept() {
        let mut belief = Belief::default();
        for round in 0..1000 {
            let list: Vec<Uid> = (0..1000).map(|index| uid(round * 1000 + index)).collect();
            assert!(belief.take(&list, 0, 0, usize::from(u16::MAX)).is_empty());
            assert!(belief.candidates.len() <= MOST_INVERTERS);
        }
        assert!(belief.is_settled());
    }

    #[test]
    fn too_many_are_said_each_time_it_happens_and_not_while_none_is_registered() {
        let mut belief = Belief::default();
        let mut said = |list: [Uid; 2], registered| {
            belief.take(&list, 0, 0, registered);
            belief.take(&list, 0, 0, registered);
            belief.full
        };
        let some = [uid(1), uid(2)];
        assert!(!said(some, 0), "it does not know its inverters yet");
        assert!(said(some, 1));
        assert!(!said(some, 2), "it fits again");
        assert!(said([uid(8), uid(9)], 1));
    }

    #[test]
    fn no_more_are_believed_than_are_registered_and_than_one_answer_holds() {
        for (registered, most) in [(2, 4), (0, 0), (65_535, MOST_INVERTERS)] {
            let (mut belief, mut kept) = (Belief::default(), 0);
            for round in 0..1000 {
                // Each is listed twice, then another one comes.
                let list = [uid(round / 2)];
                kept += belief.take(&list, 0, kept, registered).len();
            }
            assert_eq!(kept, most);
        }
    }
}
