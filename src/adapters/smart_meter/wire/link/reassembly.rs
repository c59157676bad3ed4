//! Joins the parts of a message, whatever numbers them.

use super::MAX_MESSAGE;
use super::event::{Reason, Refused, Span};

/// A part. `K` is what has to be the same in all parts of a message.
#[derive(Debug)]
pub struct Part<'a, K> {
    /// The frames it came in.
    pub frames: Vec<Span>,
    pub sender: K,
    /// Its number, where parts have numbers: each one more than the number before.
    pub number: Option<u16>,
    pub is_first: bool,
    pub is_last: bool,
    pub data: &'a [u8],
}

/// All parts of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Joined {
    pub frames: Vec<Span>,
    pub bytes: Vec<u8>,
}

impl Joined {
    pub fn offset(&self) -> u64 {
        self.frames.first().map_or(0, |frame| frame.offset)
    }

    fn refused(&self, reason: Reason) -> Refused {
        Refused {
            offset: self.offset(),
            reason,
        }
    }
}

/// What a part led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub refused: Option<Refused>,
    pub complete: Option<Joined>,
}

impl From<Refused> for Step {
    fn from(refused: Refused) -> Self {
        Self {
            refused: Some(refused),
            complete: None,
        }
    }
}

#[derive(Debug)]
struct Half<K> {
    joined: Joined,
    sender: K,
    last_number: Option<u16>,
}

/// The parts so far.
#[derive(Debug)]
pub struct Reassembly<K> {
    half: Option<Half<K>>,
    /// A message has begun since the line was opened.
    has_begun: bool,
}

impl<K> Default for Reassembly<K> {
    fn default() -> Self {
        Self {
            half: None,
            has_begun: false,
        }
    }
}

impl<K: PartialEq> Reassembly<K> {
    /// Whether a message is half built.
    pub fn is_waiting(&self) -> bool {
        self.half.is_some()
    }

    /// Drops what is there of a message.
    pub fn drop_half(&mut self, reason: impl Fn(usize) -> Reason) -> Option<Refused> {
        let half = self.half.take()?;
        Some(half.joined.refused(reason(half.joined.bytes.len())))
    }

    /// Adds a part. What does not fit drops the message.
    pub fn accept(&mut self, part: Part<'_, K>) -> Step {
        if part.is_first {
            self.begin(part)
        } else {
            self.go_on(part)
        }
    }

    fn begin(&mut self, part: Part<'_, K>) -> Step {
        self.has_begun = true;
        // The same first part twice has lost nothing.
        let lost = self.half.take().filter(|half| {
            half.sender != part.sender
                || half.last_number != part.number
                || half.joined.bytes != part.data
        });
        let refused = lost.map(|half| half.joined.refused(Reason::Superseded));
        let half = Half {
            joined: Joined {
                frames: part.frames,
                bytes: part.data.to_vec(),
            },
            sender: part.sender,
            last_number: part.number,
        };
        let mut step = self.keep(half, part.is_last);
        step.refused = refused.or(step.refused);
        step
    }

    fn go_on(&mut self, mut part: Part<'_, K>) -> Step {
        let offset = part.frames.first().map_or(0, |frame| frame.offset);
        let refused = |reason| Step::from(Refused { offset, reason });
        let Some(mut half) = self.half.take() else {
            return refused(Reason::Orphan {
                sequence: part.number,
                at_start: !self.has_begun,
            });
        };
        if half.sender != part.sender {
            return refused(Reason::OtherSender);
        }
        if let (Some(last), Some(found)) = (half.last_number, part.number) {
            let expected = last.saturating_add(1);
            if found != expected {
                return refused(Reason::OutOfSequence { expected, found });
            }
        }
        half.last_number = part.number;
        half.joined.frames.append(&mut part.frames);
        half.joined.bytes.extend_from_slice(part.data);
        self.keep(half, part.is_last)
    }

    fn keep(&mut self, half: Half<K>, is_last: bool) -> Step {
        if half.joined.bytes.len() > MAX_MESSAGE {
            return half.joined.refused(Reason::TooLong).into();
        }
        if is_last {
            return Step {
                refused: None,
                complete: Some(half.joined),
            };
        }
        self.half = Some(half);
        Step::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(offset: u64, number: u16, is_last: bool) -> Part<'static, char> {
        Part {
            frames: vec![Span { offset, length: 10 }],
            sender: 'a',
            number: Some(number),
            is_first: number == 0,
            is_last,
            data: &[7; 3],
        }
    }

    fn reason(step: &Step) -> Option<Reason> {
        step.refused.map(|refused| refused.reason)
    }

    #[test]
    fn parts_in_order_make_a_message() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.accept(part(0, 0, false)), Step::default());
        assert_eq!(reassembly.accept(part(20, 1, false)), Step::default());
        let complete = reassembly.accept(part(40, 2, true)).complete.unwrap();
        assert_eq!(complete.bytes, [7; 9]);
        assert_eq!(complete.offset(), 0);
        assert_eq!(complete.frames.len(), 3);
        assert!(!reassembly.is_waiting());
    }

    #[test]
    fn a_later_part_alone_is_an_orphan_harmless_only_at_the_start() {
        let mut reassembly = Reassembly::default();
        let orphan = reason(&reassembly.accept(part(0, 1, true))).unwrap();
        assert!(orphan.is_harmless());
        reassembly.accept(part(20, 0, true));
        let orphan = reason(&reassembly.accept(part(40, 1, true))).unwrap();
        assert!(!orphan.is_harmless());
    }

    #[test]
    fn a_gap_drops_everything_until_the_next_beginning() {
        let mut reassembly = Reassembly::default();
        reassembly.accept(part(0, 0, false));
        let step = reassembly.accept(part(20, 2, false));
        let (expected, found) = (1, 2);
        assert_eq!(
            reason(&step),
            Some(Reason::OutOfSequence { expected, found })
        );
        let step = reassembly.accept(part(40, 3, true));
        assert!(matches!(reason(&step), Some(Reason::Orphan { .. })));
        assert!(reassembly.accept(part(60, 0, true)).complete.is_some());
    }

    #[test]
    fn another_sender_cannot_go_on() {
        let mut reassembly = Reassembly::default();
        reassembly.accept(part(0, 0, false));
        let mut other = part(20, 1, true);
        other.sender = 'b';
        assert_eq!(reason(&reassembly.accept(other)), Some(Reason::OtherSender));
    }

    #[test]
    fn a_beginning_drops_the_half_before_it_and_says_so_unless_it_is_the_same() {
        let mut reassembly = Reassembly::default();
        reassembly.accept(part(0, 0, false));
        assert_eq!(reassembly.accept(part(20, 0, false)), Step::default());
        let mut other = part(40, 0, true);
        other.data = &[8];
        let step = reassembly.accept(other);
        let superseded = Refused {
            offset: 20,
            reason: Reason::Superseded,
        };
        assert_eq!(step.refused, Some(superseded));
        assert_eq!(step.complete.unwrap().bytes, [8]);
    }

    #[test]
    fn messages_are_bounded() {
        let mut reassembly = Reassembly::default();
        reassembly.accept(part(0, 0, false));
        let mut large = part(20, 1, false);
        large.data = &[0; MAX_MESSAGE];
        assert_eq!(reason(&reassembly.accept(large)), Some(Reason::TooLong));
        assert!(!reassembly.is_waiting());
    }
}
