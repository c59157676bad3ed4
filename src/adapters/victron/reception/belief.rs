//! Which blocks are believed.
//!
//! The sum of a block is one byte. A damaged block passes it once in 256 times, and much more often
//! where two bits were turned that cancel: the same bit of two bytes, one set and one cleared. So the
//! sum is not all that is asked of a block:
//!
//! | Line | A block of labels | is believed |
//! |---|---|---|
//! | any | that have come together before | if the battery's voltage has not leapt, or has stayed where it leapt to |
//! | any | that are new | when it comes a second time, once the device is known |
//! | that has damaged something lately | that have come together before | if it says what the one before it said, but for steps as its numbers usually make |
//!
//! Who the device is belongs to the labels: a block with another serial number is a new one.
//!
//! Two damaged blocks in a row that agree in what is wrong are not told apart from two good ones.

use crate::adapters::victron::wire::labels::{Format, Label};
use crate::adapters::victron::wire::text::Block;

/// For so many sound blocks a line counts as one that damages, once it has.
const LATELY: u32 = 1_000;
/// What is refused before anything good has come is the end of a block that began without us; more
/// than that is damage.
const BEGINNINGS: u32 = 1;
/// Kinds of blocks that are followed; a device sends one or two.
const MOST_KINDS: usize = 8;
/// Steps that are remembered of a number, and how far beyond the longest of them it may go.
const STEPS: usize = 4;
const STRIDE: u64 = 2;
/// The part of its voltage that a battery may gain or lose from one block to the next.
const LEAP: u64 = 4;

/// What is known of the blocks of one line.
#[derive(Debug, Default)]
pub struct Belief {
    /// The latest last.
    kinds: Vec<BlockKind>,
    /// Blocks and frames that were refused before anything good came.
    beginnings: u32,
    has_good: bool,
    /// Sound blocks to come for which the line counts as one that damages.
    wary: u32,
}

/// Blocks with the same labels from the same device.
#[derive(Debug)]
struct BlockKind {
    fields: Vec<Field>,
    /// Whether it has come twice.
    is_known: bool,
    /// Whether one has been believed.
    is_believed: bool,
    /// Whether one waits for another that agrees with it.
    is_waiting: bool,
}

#[derive(Debug)]
struct Field {
    label: Vec<u8>,
    /// Whether its value belongs to who the device is.
    is_name: bool,
    /// In the last block that was believed, or else in the first; and in the one that waits.
    believed: Vec<u8>,
    waiting: Vec<u8>,
    /// The last steps of its number.
    steps: [u64; STEPS],
}

impl Belief {
    /// Something damaged has come.
    pub fn damaged(&mut self) {
        self.beginnings += u32::from(!self.has_good);
        if self.has_good || self.beginnings > BEGINNINGS {
            self.wary = LATELY;
        }
    }

    /// Takes a block whose sum is right. Whether it is to be believed.
    pub fn believes(&mut self, block: &Block<'_>) -> bool {
        self.has_good = true;
        self.wary = self.wary.saturating_sub(1);
        let is_wary = self.wary > 0;
        let Some(at) = self.kinds.iter().position(|kind| kind.is_of(block)) else {
            let is_met = self.kinds.iter().any(|kind| kind.is_known);
            let is_believed = !is_met && !is_wary;
            self.meet(BlockKind::new(block, is_believed));
            return is_believed;
        };
        let mut kind = self.kinds.remove(at);
        let is_believed = kind.takes(block, is_wary);
        self.kinds.push(kind);
        is_believed
    }

    /// A kind that is new takes the place of the one that has not come for longest, best of one that
    /// came but once.
    fn meet(&mut self, kind: BlockKind) {
        if self.kinds.len() >= MOST_KINDS {
            let stray = self.kinds.iter().position(|kind| !kind.is_known);
            self.kinds.remove(stray.unwrap_or_default());
        }
        self.kinds.push(kind);
    }
}

impl BlockKind {
    fn new(block: &Block<'_>, is_believed: bool) -> Self {
        let fields = block.fields().map(|(label, value)| {
            let format = Label::of(label).map(|label| label.format);
            Field {
                label: label.to_vec(),
                is_name: format == Some(Format::Text),
                believed: value.to_vec(),
                waiting: value.to_vec(),
                steps: [0; STEPS],
            }
        });
        Self {
            fields: fields.collect(),
            is_known: false,
            is_believed,
            is_waiting: !is_believed,
        }
    }

    fn is_of(&self, block: &Block<'_>) -> bool {
        let is_same = |(field, (label, value)): (&Field, (&[u8], &[u8]))| {
            field.label == label && (!field.is_name || field.believed == value)
        };
        self.fields.len() == block.len() && self.fields.iter().zip(block.fields()).all(is_same)
    }

    /// Takes one more of its kind. Whether it is believed.
    fn takes(&mut self, block: &Block<'_>, is_wary: bool) -> bool {
        self.is_known = true;
        let agrees = |follows: fn(&Field, &[u8], bool) -> bool| {
            let mut both = self.fields.iter().zip(block.fields());
            both.all(|(field, (_, value))| follows(field, value, is_wary))
        };
        let is_believed = (self.is_believed && agrees(Field::follows_believed))
            || (self.is_waiting && agrees(Field::follows_waiting));
        for (field, (_, value)) in self.fields.iter_mut().zip(block.fields()) {
            if is_believed {
                field.believe(value);
            } else {
                value.clone_into(&mut field.waiting);
            }
        }
        self.is_believed |= is_believed;
        self.is_waiting = !is_believed;
        is_believed
    }
}

impl Field {
    fn follows_believed(&self, value: &[u8], is_wary: bool) -> bool {
        self.follows(&self.believed, value, 0, is_wary)
    }

    fn follows_waiting(&self, value: &[u8], is_wary: bool) -> bool {
        let step = distance(&self.believed, &self.waiting).unwrap_or_default();
        self.follows(&self.waiting, value, step, is_wary)
    }

    /// Whether a value may come after another one.
    fn follows(&self, before: &[u8], value: &[u8], step: u64, is_wary: bool) -> bool {
        if before == value {
            return true;
        }
        let Some(distance) = distance(before, value) else {
            return !is_wary;
        };
        if is_wary {
            let longest = self.steps.iter().copied().fold(step, u64::max);
            self.is_measured() && distance <= longest.saturating_mul(STRIDE)
        } else {
            // Below a volt it says nothing.
            let whole = number(before).unwrap_or_default().unsigned_abs();
            self.label != b"V" || distance <= (whole / LEAP).max(1_000)
        }
    }

    /// Whether its numbers measure something; others stand for words, and have no neighbours.
    fn is_measured(&self) -> bool {
        let format = Label::of(&self.label).map(|label| label.format);
        !matches!(format, Some(Format::Word(_) | Format::Bits(_)))
    }

    fn believe(&mut self, value: &[u8]) {
        let step = distance(&self.believed, value).unwrap_or_default();
        self.steps.rotate_right(1);
        if let Some(latest) = self.steps.first_mut() {
            *latest = step;
        }
        value.clone_into(&mut self.believed);
    }
}

/// How far one number is from another, if both are numbers as devices write them.
fn distance(one: &[u8], other: &[u8]) -> Option<u64> {
    Some(number(one)?.abs_diff(number(other)?))
}

/// Devices write no sign but a minus, and no zeros in front.
fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_plain = digits == b"0"
        || digits
            .first()
            .is_some_and(|first| (b'1'..=b'9').contains(first));
    let text = std::str::from_utf8(text).ok().filter(|_| is_plain)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests;
