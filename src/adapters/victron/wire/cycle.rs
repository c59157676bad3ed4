//! Several blocks make one round of values.
//!
//! Battery monitors send two blocks a second, newer solar chargers two, a second apart; the second
//! one carries no product id. So a block with `PID` begins a round, and a round is whole when the
//! next one begins, or when nothing has come for a while; where no product id comes, or its block is
//! damaged, a label that comes again begins one. No set of labels is ever required: what a device leaves out is missing, and
//! what it stops sending gets old.

use std::time::Duration;

use super::text::{Block, MAX_FIELDS};

/// How long after its last block a round counts as whole.
pub const PAUSE: Duration = Duration::from_millis(1_200);
/// Labels that are kept of a device; more are not followed.
const MAX_LABELS: usize = 2 * MAX_FIELDS;

/// One value of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleEntry {
    /// Its label.
    pub label: Vec<u8>,
    /// The value as it was sent last.
    pub value: Vec<u8>,
    /// When that was.
    pub at: Duration,
    /// In which round that was.
    pub round: u64,
}

/// The values of one port, over all its rounds. Times are since any fixed moment, and never go back.
#[derive(Debug, Clone, Default)]
pub struct Cycles {
    entries: Vec<CycleEntry>,
    /// Number of the round in progress.
    round: u64,
    /// When its last block came; `None` if it is whole and told.
    last: Option<Duration>,
}

/// What a block or a moment brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Outcome {
    /// A round is whole.
    pub whole: bool,
    /// Another device is at the port: what was known of the one before is gone.
    pub swapped: bool,
}

impl Cycles {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a block. If that ends the round before it, `whole` is called with its values first.
    pub fn block<F>(&mut self, block: &Block<'_>, now: Duration, mut whole: F) -> Outcome
    where
        F: FnMut(&Self),
    {
        let mut outcome = Outcome::default();
        if block.is_empty() {
            return outcome;
        }
        if let Some(product) = block.get("PID") {
            if self.get("PID").is_some() {
                outcome.whole = self.end(&mut whole);
            }
            // What came before the first product id is the rest of a round that began without us.
            outcome.swapped = self.get("PID").is_some_and(|known| !same(known, product));
            if outcome.swapped {
                self.entries.clear();
            }
            self.round += 1;
        } else if self.repeats(block) {
            outcome.whole = self.end(&mut whole);
            self.round += 1;
        } else if self.last.is_none() {
            // A device without a product id, or the rest of a round that was late.
            self.round += 1;
        }
        for (label, value) in block.fields() {
            self.set(label, value, now);
        }
        self.last = Some(now);
        outcome
    }

    /// Looks at the time; if the round in progress is whole by now, `whole` is called with its values.
    pub fn tick<F: FnMut(&Self)>(&mut self, now: Duration, mut whole: F) -> Outcome {
        let due = self.due().is_some_and(|due| due <= now);
        Outcome {
            whole: due && self.end(&mut whole),
            swapped: false,
        }
    }

    /// When to look at the time next.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.last.map(|last| last + PAUSE)
    }

    /// Forgets the device: the port was opened anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// All values, in the order in which their labels were first seen.
    pub fn entries(&self) -> impl Iterator<Item = &CycleEntry> {
        self.entries.iter()
    }

    /// The latest value of a label.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<&[u8]> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.label == label.as_bytes());
        entry.map(|entry| entry.value.as_slice())
    }

    /// The value of a label, if it has come in the present round.
    #[must_use]
    pub fn in_round(&self, label: &str) -> Option<&[u8]> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.label == label.as_bytes())?;
        (entry.round == self.round).then_some(&entry.value)
    }

    /// For how many rounds a value has not been sent; 0 if it came in the present one.
    #[must_use]
    pub fn age(&self, entry: &CycleEntry) -> u64 {
        self.round.saturating_sub(entry.round)
    }

    /// Forgets values that have not been sent for more than so many rounds.
    pub fn forget(&mut self, rounds: u64) {
        let oldest = self.round.saturating_sub(rounds);
        self.entries.retain(|entry| entry.round >= oldest);
    }

    /// Whether a block begins anew what was said in this round. Rounds come once a second, so that there
    /// may be no pause between them.
    fn repeats(&self, block: &Block<'_>) -> bool {
        let is_here = |label: &[u8]| {
            let mut entries = self.entries.iter();
            entries.any(|entry| entry.label == label && entry.round == self.round)
        };
        self.last.is_some() && block.fields().any(|(label, _)| is_here(label))
    }

    fn end<F: FnMut(&Self)>(&mut self, whole: &mut F) -> bool {
        let open = self.last.take().is_some();
        if open {
            whole(self);
        }
        open
    }

    fn set(&mut self, label: &[u8], value: &[u8], at: Duration) {
        let round = self.round;
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.label == label) {
            entry.value.clear();
            entry.value.extend_from_slice(value);
            (entry.at, entry.round) = (at, round);
        } else if self.entries.len() < MAX_LABELS {
            self.entries.push(CycleEntry {
                label: label.to_vec(),
                value: value.to_vec(),
                at,
                round,
            });
        }
    }
}

/// Product ids are the same if their numbers are: leading zeros come and go.
fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || {
        let number = super::products::parse_id;
        number(one).is_some() && number(one) == number(other)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{Decoder, Event, encode_block};
    use super::*;

    fn feed(cycles: &mut Cycles, fields: &[(&str, &str)], now: u64) -> (Outcome, Vec<Vec<u8>>) {
        let bytes = encode_block(fields).unwrap();
        let mut result = None;
        Decoder::new().push(&bytes, |event| {
            let Event::Block(block) = event else {
                panic!("{event:?}")
            };
            let mut values = Vec::new();
            let outcome = cycles.block(&block, Duration::from_millis(now), |round| {
                values = round.entries().map(|entry| entry.value.clone()).collect();
            });
            result = Some((outcome, values));
        });
        result.unwrap()
    }

    const WHOLE: Outcome = Outcome {
        whole: true,
        swapped: false,
    };

    #[test]
    fn two_blocks_become_one_round_when_the_next_one_begins() {
        let mut cycles = Cycles::new();
        let main = [("PID", "0x203"), ("V", "12000")];
        assert_eq!(feed(&mut cycles, &main, 0).0, Outcome::default());
        assert_eq!(
            feed(&mut cycles, &[("H1", "-5")], 500).0,
            Outcome::default()
        );
        let (outcome, values) = feed(&mut cycles, &[("PID", "0x0203"), ("V", "12001")], 1_000);
        assert_eq!(outcome, WHOLE);
        assert_eq!(values, [b"0x203".as_slice(), b"12000", b"-5"]);
        assert_eq!(cycles.get("V"), Some(b"12001".as_slice()));
    }

    #[test]
    fn a_round_is_whole_when_nothing_comes_for_a_while() {
        let mut cycles = Cycles::new();
        feed(&mut cycles, &[("PID", "0x203")], 100);
        let due = cycles.due().unwrap();
        assert_eq!(due, Duration::from_millis(1_300));
        let before = due - Duration::from_millis(1);
        assert_eq!(cycles.tick(before, |_| panic!()), Outcome::default());
        assert_eq!(cycles.tick(due, |_| {}), WHOLE);
        assert_eq!(cycles.due(), None);
        assert_eq!(cycles.tick(due * 2, |_| panic!()), Outcome::default());
    }

    #[test]
    fn the_rest_of_a_round_that_began_without_us_is_no_round() {
        let mut cycles = Cycles::new();
        feed(&mut cycles, &[("H1", "-5")], 0);
        let (outcome, _) = feed(&mut cycles, &[("PID", "0x203"), ("V", "12000")], 900);
        assert_eq!(outcome, Outcome::default());
        feed(&mut cycles, &[("H1", "-6")], 950);
        let (outcome, values) = feed(&mut cycles, &[("PID", "0x203")], 1_900);
        assert_eq!((outcome, values.len()), (WHOLE, 3));
    }

    #[test]
    fn a_round_ends_although_the_block_with_the_product_id_is_lost() {
        let mut cycles = Cycles::new();
        feed(&mut cycles, &[("PID", "0x203"), ("V", "12000")], 0);
        feed(&mut cycles, &[("H1", "-5")], 30);
        let (outcome, _) = feed(&mut cycles, &[("H1", "-6")], 1_030);
        assert_eq!(outcome, WHOLE);
        let (outcome, _) = feed(&mut cycles, &[("H1", "-7")], 2_030);
        assert_eq!(outcome, WHOLE);
        let ages: Vec<u64> = cycles.entries().map(|entry| cycles.age(entry)).collect();
        assert_eq!(ages, [2, 2, 0]);
    }

    #[test]
    fn another_product_begins_from_nothing() {
        let mut cycles = Cycles::new();
        feed(&mut cycles, &[("PID", "0x203"), ("SOC", "900")], 0);
        let (outcome, _) = feed(&mut cycles, &[("PID", "0xA053"), ("VPV", "1")], 1_000);
        assert!(outcome.swapped && outcome.whole);
        assert_eq!(cycles.get("SOC"), None);
    }

    #[test]
    fn a_value_that_is_no_longer_sent_gets_old_and_can_be_forgotten() {
        let mut cycles = Cycles::new();
        feed(&mut cycles, &[("PID", "0x203"), ("VS", "12")], 0);
        for second in 1..=3 {
            feed(
                &mut cycles,
                &[("PID", "0x203"), ("T", "20")],
                second * 1_000,
            );
        }
        let ages: Vec<u64> = cycles.entries().map(|entry| cycles.age(entry)).collect();
        assert_eq!(ages, [0, 3, 0]);
        cycles.forget(2);
        assert_eq!(cycles.get("VS"), None);
        assert_eq!(cycles.get("T"), Some(b"20".as_slice()));
    }

    #[test]
    fn a_device_without_a_product_id_begins_a_round_with_what_it_has_said_already() {
        let mut cycles = Cycles::new();
        let mut wholes = Vec::new();
        for second in 0..3 {
            let begun = second * 1_000;
            let (outcome, values) = feed(&mut cycles, &[("V", "12000"), ("I", "5")], begun);
            wholes.push((outcome.whole, values.len()));
            let rest = feed(&mut cycles, &[("H1", "-5")], begun + 30).0;
            assert_eq!(rest, Outcome::default());
        }
        assert_eq!(wholes, [(false, 0), (true, 3), (true, 3)]);
        let ages: Vec<u64> = cycles.entries().map(|entry| cycles.age(entry)).collect();
        assert_eq!(ages, [0, 0, 0]);
    }

    #[test]
    fn a_device_without_a_product_id_has_rounds_by_its_pauses() {
        let mut cycles = Cycles::new();
        for second in 0..3 {
            let begun = second * 2_000;
            feed(&mut cycles, &[("V", "12000")], begun);
            feed(&mut cycles, &[("H1", "-5")], begun + 100);
            let mut rounds = 0;
            cycles.tick(Duration::from_millis(begun + 1_300), |_| rounds += 1);
            assert_eq!(rounds, 1);
        }
    }
}
