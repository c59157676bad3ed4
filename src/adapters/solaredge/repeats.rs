//! Records that were heard before: an inverter that misses an answer sends again what it has sent, in the same
//! frame or in another one.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::wire::RawRecord;

/// Records that are remembered: more than an inverter keeps back for a day with thirty optimizers.
const MOST: usize = 16 * 1024;

/// Remembers the records that were heard.
#[derive(Debug, Default)]
pub struct Repeats {
    seed: RandomState,
    known: BTreeSet<u64>,
    order: VecDeque<u64>,
}

impl Repeats {
    /// Whether a record was heard before.
    pub fn is_repeated(&mut self, record: RawRecord<'_>) -> bool {
        let hash = self.seed.hash_one((record.kind, record.id, record.body));
        if !self.known.insert(hash) {
            return true;
        }
        self.order.push_back(hash);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_heard_once_and_memory_has_a_bound() {
        let mut repeats = Repeats::default();
        let mut is_repeated = |kind, id, body| repeats.is_repeated(RawRecord { kind, id, body });
        assert!(!is_repeated(0x80, 1, b"a"));
        assert!(is_repeated(0x80, 1, b"a"));
        assert!(!is_repeated(0x80, 2, b"a"));
        assert!(!is_repeated(0x80, 1, b"b"));
        for number in 0..2 * MOST {
            is_repeated(0x82, number as u32, b"");
        }
        assert!(!is_repeated(0x80, 1, b"a"));
        assert!(repeats.known.len() == MOST && repeats.order.len() == MOST);
    }
}
