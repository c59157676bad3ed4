//! Finds frames in what a stick sends, cut anywhere.

use super::frame::{START, ZnpFault, ZnpFrame};

/// What is next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZnpScanned<'a> {
    /// A frame.
    Frame {
        /// Where it begins in the stream.
        offset: u64,
        /// What it is.
        frame: ZnpFrame<'a>,
    },
    /// Bytes that are none.
    Skipped {
        /// Where they begin.
        offset: u64,
        /// How many.
        bytes: u64,
        /// Why the first of them is not a frame.
        reason: ZnpFault,
    },
}

/// Bytes that were passed over and are not told of yet.
#[derive(Debug, Clone, Copy)]
struct PassedOver {
    offset: u64,
    bytes: u64,
    reason: ZnpFault,
}

/// Finds frames in a stream of bytes. After a bad one, the search goes on at its second byte.
#[derive(Debug, Default)]
pub struct ZnpScanner {
    buffer: Vec<u8>,
    /// What stands before this in the buffer is done with.
    start: usize,
    /// Where in the stream the buffer begins.
    base: u64,
    /// Where in the stream frames end for good: what is begun before this will not be whole.
    wall: Option<u64>,
    passed_over: Option<PassedOver>,
}

impl ZnpScanner {
    /// Takes bytes. What has come is to be asked for before more is handed over, so that little is held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.base += self.start as u64;
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next thing that is whole. Bytes that are no frame are told of when the next frame is there, or when
    /// what was begun is given up.
    #[allow(
        clippy::should_implement_trait,
        reason = "what comes is borrowed from the scanner"
    )]
    pub fn next(&mut self) -> Option<ZnpScanned<'_>> {
        let (from, to) = loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let position = self.base + self.start as u64;
            let wall = self.wall.filter(|wall| *wall > position);
            if wall.is_none() && self.wall.take().is_some() {
                // All that was given up is passed over.
                match self.passed_over.take() {
                    Some(run) => return Some(run.into()),
                    None => continue,
                }
            }
            // What stands before the wall ends there.
            let within = wall.and_then(|wall| usize::try_from(wall - position).ok());
            let rest = within.map_or(rest, |length| rest.get(..length).unwrap_or(rest));
            let total = match ZnpFrame::total(rest) {
                Ok(Some(total)) if total <= rest.len() => total,
                Ok(_) if wall.is_none() => return None,
                Ok(_) => {
                    self.pass_over(1, ZnpFault::Short);
                    continue;
                }
                Err(ZnpFault::NoStart) => {
                    let next = rest.iter().position(|byte| *byte == START);
                    self.pass_over(next.unwrap_or(rest.len()), ZnpFault::NoStart);
                    continue;
                }
                Err(reason) => {
                    self.pass_over(1, reason);
                    continue;
                }
            };
            let whole = rest.get(..total).unwrap_or_default();
            if let Err(reason) = ZnpFrame::exactly(whole) {
                self.pass_over(1, reason);
                continue;
            }
            if let Some(run) = self.passed_over.take() {
                return Some(run.into());
            }
            let from = self.start;
            self.start += total;
            break (from, self.start);
        };
        let frame = ZnpFrame::exactly(self.buffer.get(from..to)?).ok()?;
        Some(ZnpScanned::Frame {
            offset: self.base + from as u64,
            frame,
        })
    }

    /// A frame that was begun is not waited for any longer. What may stand inside is searched, and what has
    /// been passed over is told of.
    pub fn give_up(&mut self) {
        if self.is_unsettled() {
            self.wall = Some(self.base + self.buffer.len() as u64);
        }
    }

    /// Whether something was begun that is not whole.
    pub fn is_waiting(&self) -> bool {
        self.start < self.buffer.len()
    }

    /// Whether bytes have come that were not told of.
    pub fn is_unsettled(&self) -> bool {
        self.is_waiting() || self.passed_over.is_some()
    }

    fn pass_over(&mut self, bytes: usize, reason: ZnpFault) {
        let offset = self.base + self.start as u64;
        let run = self.passed_over.get_or_insert(PassedOver {
            offset,
            bytes: 0,
            reason,
        });
        run.bytes += bytes as u64;
        self.start += bytes;
    }
}

impl From<PassedOver> for ZnpScanned<'_> {
    fn from(run: PassedOver) -> Self {
        Self::Skipped {
            offset: run.offset,
            bytes: run.bytes,
            reason: run.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::{AROUND, MOST_DATA, encode_frame};
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    enum Seen {
        Frame(u64, u16, Vec<u8>),
        Skipped(u64, u64, ZnpFault),
    }

    fn drain(scanner: &mut ZnpScanner, seen: &mut Vec<Seen>) {
        while let Some(scanned) = scanner.next() {
            seen.push(match scanned {
                ZnpScanned::Frame { offset, frame } => {
                    Seen::Frame(offset, frame.command, frame.data.to_vec())
                }
                ZnpScanned::Skipped {
                    offset,
                    bytes,
                    reason,
                } => Seen::Skipped(offset, bytes, reason),
            });
        }
        assert!(scanner.buffer.len() - scanner.start < MOST_DATA + AROUND);
    }

    fn scan<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
        let (mut scanner, mut seen) = (ZnpScanner::default(), Vec::new());
        for piece in pieces {
            scanner.push(piece);
            drain(&mut scanner, &mut seen);
        }
        scanner.give_up();
        drain(&mut scanner, &mut seen);
        assert!(!scanner.is_waiting());
        seen
    }

    fn whole(bytes: &[u8]) -> Vec<Seen> {
        scan(std::iter::once(bytes))
    }

    fn frame(command: u16, data: &[u8]) -> Vec<u8> {
        encode_frame(command, data).unwrap()
    }

    #[test]
    fn a_frame_comes_with_its_last_byte() {
        let mut scanner = ZnpScanner::default();
        let bytes = frame(0x4480, &[0, 0x14, 1]);
        let (last, begun) = bytes.split_last().unwrap();
        scanner.push(begun);
        assert_eq!(scanner.next(), None);
        assert!(scanner.is_waiting());
        scanner.push(&[*last]);
        assert!(matches!(scanner.next(), Some(ZnpScanned::Frame { .. })));
        assert!(!scanner.is_waiting());
    }

    #[test]
    fn the_search_goes_on_one_byte_after_a_bad_start() {
        // A stray FE takes the start of the frame for its length, which no frame has.
        let good = frame(0x4180, &[2, 2, 2, 2, 7, 2]);
        let bytes = [&[0xf8, 0xfe], good.as_slice()].concat();
        let expected = [
            Seen::Skipped(0, 2, ZnpFault::NoStart),
            Seen::Frame(2, 0x4180, vec![2, 2, 2, 2, 7, 2]),
        ];
        assert_eq!(whole(&bytes), expected);
        // A damaged frame does not take the good one behind it, or one inside of it.
        let mut damaged = frame(0x2710, &good);
        *damaged.last_mut().unwrap() ^= 1;
        let seen = whole(&damaged);
        assert!(matches!(seen[0], Seen::Skipped(0, 4, ZnpFault::Sum { .. })));
        assert!(matches!(seen[1], Seen::Frame(4, 0x4180, _)));
        assert_eq!(seen[2], Seen::Skipped(15, 1, ZnpFault::NoStart));
    }

    #[test]
    fn what_never_becomes_whole_can_be_given_up() {
        let good = frame(0x6101, &[0x79, 0x07]);
        let mut scanner = ZnpScanner::default();
        // Says that it has 200 bytes.
        scanner.push(&[0xfe, 200]);
        scanner.push(&good);
        assert_eq!(scanner.next(), None);
        scanner.give_up();
        let mut seen = Vec::new();
        drain(&mut scanner, &mut seen);
        let expected = [
            Seen::Skipped(0, 2, ZnpFault::Short),
            Seen::Frame(2, 0x6101, vec![0x79, 0x07]),
        ];
        assert_eq!(seen, expected);
        // Noise without a frame behind it is told of then, too.
        scanner.push(b"noise");
        assert_eq!(scanner.next(), None);
        scanner.give_up();
        let mut seen = Vec::new();
        drain(&mut scanner, &mut seen);
        assert_eq!(seen, [Seen::Skipped(9, 5, ZnpFault::NoStart)]);
        scanner.give_up();
        assert_eq!(scanner.next(), None);
        scanner.push(&good);
        assert!(matches!(scanner.next(), Some(ZnpScanned::Frame { .. })));
    }

    /// Frames, damaged frames and noise.
    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let data = || proptest::collection::vec(any::<u8>(), 0..60);
        let piece = prop_oneof![
            4 => (any::<u16>(), data()).prop_map(|(command, data)| frame(command, &data)),
            1 => (any::<u16>(), data(), any::<usize>(), any::<u8>()).prop_map(
                |(command, data, at, change)| {
                    let mut bytes = frame(command, &data);
                    let at = at % bytes.len();
                    bytes[at] ^= change;
                    bytes
                }
            ),
            1 => data(),
            1 => proptest::collection::vec(prop_oneof![Just(0xfe_u8), 0..8_u8, Just(0xef)], 0..20),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing_and_every_byte_is_told_of_once(
            bytes in streams(),
            sizes in proptest::collection::vec(1..40_usize, 1..8),
        ) {
            let all = whole(&bytes);
            prop_assert_eq!(&scan(bytes.chunks(1)), &all);
            let mut rest = bytes.as_slice();
            let mut sizes = sizes.into_iter().cycle();
            let pieces = std::iter::from_fn(|| {
                if rest.is_empty() {
                    return None;
                }
                let (piece, after) = rest.split_at(sizes.next()?.min(rest.len()));
                rest = after;
                Some(piece)
            });
            prop_assert_eq!(&scan(pieces), &all);
            let mut at = 0;
            for seen in all {
                let (offset, length) = match seen {
                    Seen::Frame(offset, command, data) => {
                        let bytes = frame(command, &data);
                        (offset, bytes.len() as u64)
                    }
                    Seen::Skipped(offset, length, _) => (offset, length),
                };
                prop_assert_eq!(offset, at);
                prop_assert!(length > 0);
                at += length;
            }
            prop_assert_eq!(at, bytes.len() as u64);
        }

        #[test]
        fn frames_behind_noise_without_a_start_are_all_found(
            noise in proptest::collection::vec(0..0xfe_u8, 0..300),
            data in proptest::collection::vec(any::<u8>(), 0..=MOST_DATA),
        ) {
            let bytes = [noise.as_slice(), &frame(0x4481, &data)].concat();
            let seen = whole(&bytes);
            let at = noise.len() as u64;
            prop_assert_eq!(seen.last(), Some(&Seen::Frame(at, 0x4481, data)));
            prop_assert_eq!(seen.len(), 1 + usize::from(at > 0));
        }
    }
}
