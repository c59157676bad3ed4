//! Finds frames in a stream of bytes.

use std::collections::VecDeque;

use super::frame::{BARKER, BarkerFrame, FrameError};

/// How much data a frame may have when it is not known where frames begin: what looks like the beginning of
/// a longer one is more likely chance, and waiting for its end would make us blind for hours.
const MOST_OUT_OF_SYNC: usize = 4096;

/// What is next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// A frame.
    Frame {
        /// Where it begins in the stream.
        offset: u64,
        /// What it is.
        frame: BarkerFrame<'a>,
    },
    /// Bytes that are none.
    Skipped {
        /// Where they begin.
        offset: u64,
        /// How many.
        bytes: u64,
        /// Why the first of them is not a frame.
        reason: FrameError,
    },
}

/// Bytes that were passed over and are not reported yet.
#[derive(Debug, Clone, Copy)]
struct SkippedRun {
    offset: u64,
    bytes: u64,
    reason: FrameError,
}

/// What stands at the beginning of the bytes that are left.
enum Beginning {
    /// A frame of so many bytes.
    Whole(usize),
    /// Something that may become one.
    Begun,
    /// No frame; so many bytes can be passed over.
    Nothing(usize, FrameError),
}

/// Finds frames in a stream of bytes, cut anywhere.
///
/// At the beginning of the stream, and behind each frame, another is expected. Anywhere else one is searched
/// for, and only a frame of ordinary length is believed.
#[derive(Debug, Default)]
pub struct FrameScanner {
    buffer: Vec<u8>,
    /// What stands before this in the buffer is done with.
    start: usize,
    /// Where in the stream the buffer begins.
    base: u64,
    /// Where in the stream bytes are missing, or it ends.
    walls: VecDeque<u64>,
    is_out_of_sync: bool,
    is_waiting: bool,
    /// Where something begins that is not waited for any longer.
    given_up: Option<u64>,
    skipped: Option<SkippedRun>,
}

impl FrameScanner {
    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // Only when most of it is done with, so that each byte is moved once at most.
        if self.start >= self.buffer.len() - self.start {
            self.base += self.start as u64;
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next thing that is whole. Bytes that are no frame are told of when the next frame is there, or
    /// when nothing more comes.
    #[allow(
        clippy::should_implement_trait,
        reason = "what comes is borrowed from the scanner"
    )]
    pub fn next(&mut self) -> Option<Scanned<'_>> {
        let (from, to) = loop {
            let end = self.end();
            let rest = self.buffer.get(self.start..end).unwrap_or_default();
            if rest.is_empty() {
                self.is_waiting = false;
                self.walls.pop_front()?;
                self.is_out_of_sync = true;
                if let Some(run) = self.skipped.take() {
                    return Some(run.into());
                }
                continue;
            }
            match beginning(rest, self.is_out_of_sync) {
                Beginning::Whole(length) => {
                    if let Some(run) = self.skipped.take() {
                        return Some(run.into());
                    }
                    let from = self.start;
                    self.start += length;
                    self.is_out_of_sync = false;
                    self.is_waiting = false;
                    break (from, self.start);
                }
                Beginning::Begun => {
                    let is_hopeless =
                        !self.walls.is_empty() || self.given_up == Some(self.position());
                    if !is_hopeless {
                        self.is_waiting = true;
                        return None;
                    }
                    self.pass_over(rest.len().min(BARKER.len()), FrameError::Short);
                }
                Beginning::Nothing(length, reason) => self.pass_over(length, reason),
            }
        };
        let (frame, _) = BarkerFrame::unchecked(self.buffer.get(from..to)?)?;
        Some(Scanned::Frame {
            offset: self.base + from as u64,
            frame,
        })
    }

    /// Bytes are missing here: what was begun will not be whole, and a frame does not follow at once.
    pub fn gap(&mut self) {
        let here = self.base + self.buffer.len() as u64;
        if self.walls.back() != Some(&here) {
            self.walls.push_back(here);
        }
    }

    /// A frame that was begun is not waited for any longer: to be called when it has not become whole for
    /// a minute. What may stand inside is searched. What follows a whole frame is waited for whatever it
    /// takes: it begins where a frame has to.
    pub fn give_up(&mut self) {
        if self.is_waiting && self.is_out_of_sync {
            self.given_up = Some(self.position());
        }
    }

    /// No more bytes come: what is left is none.
    pub fn finish(&mut self) {
        self.gap();
    }

    /// Whether something was begun that is not whole.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// How many bytes have been passed over since the last frame and not been told of yet.
    pub fn passed_over(&self) -> u64 {
        self.skipped.map_or(0, |run| run.bytes)
    }

    /// How many bytes are held.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Where in the stream the bytes begin that are left.
    fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Where in the buffer the bytes end that belong together.
    fn end(&self) -> usize {
        let wall = self.walls.front().map(|wall| wall - self.base);
        wall.map_or(self.buffer.len(), |wall| {
            usize::try_from(wall).unwrap_or(self.buffer.len())
        })
    }

    fn pass_over(&mut self, bytes: usize, reason: FrameError) {
        let offset = self.position();
        let run = self.skipped.get_or_insert(SkippedRun {
            offset,
            bytes: 0,
            reason,
        });
        run.bytes += bytes as u64;
        self.start += bytes;
        self.is_out_of_sync = true;
    }
}

impl From<SkippedRun> for Scanned<'_> {
    fn from(run: SkippedRun) -> Self {
        Self::Skipped {
            offset: run.offset,
            bytes: run.bytes,
            reason: run.reason,
        }
    }
}

fn beginning(bytes: &[u8], is_out_of_sync: bool) -> Beginning {
    let most = if is_out_of_sync {
        MOST_OUT_OF_SYNC
    } else {
        usize::MAX
    };
    let whole = match BarkerFrame::total(bytes, most) {
        Ok(None) => return Beginning::Begun,
        Ok(Some(total)) => match bytes.get(..total) {
            None => return Beginning::Begun,
            Some(all) => BarkerFrame::whole(all).map(|_| total),
        },
        Err(error) => Err(error),
    };
    match whole {
        Ok(total) => Beginning::Whole(total),
        Err(FrameError::NoBarker) => Beginning::Nothing(to_barker(bytes), FrameError::NoBarker),
        Err(error) => Beginning::Nothing(BARKER.len(), error),
    }
}

/// How many bytes stand before the first that may begin a frame.
fn to_barker(bytes: &[u8]) -> usize {
    let mut passed = 0;
    let mut rest = bytes;
    while let Some(next) = rest.iter().position(|byte| *byte == BARKER[0]) {
        passed += next;
        rest = rest.get(next..).unwrap_or_default();
        let beginning = rest.get(..BARKER.len()).unwrap_or(rest);
        if BARKER.starts_with(beginning) {
            return passed;
        }
        passed += 1;
        rest = rest.get(1..).unwrap_or_default();
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(sequence: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        BarkerFrame {
            sequence,
            source: 0x7f12_3456,
            destination: 0xffff_fffe,
            function: 0x0500,
            data,
        }
        .encode(&mut bytes);
        bytes
    }

    #[derive(Debug, PartialEq)]
    enum Seen {
        Frame(u64, u16, Vec<u8>),
        Skipped(u64, u64, FrameError),
    }

    impl From<Scanned<'_>> for Seen {
        fn from(scanned: Scanned<'_>) -> Self {
            match scanned {
                Scanned::Frame { offset, frame } => {
                    Self::Frame(offset, frame.sequence, frame.data.to_vec())
                }
                Scanned::Skipped {
                    offset,
                    bytes,
                    reason,
                } => Self::Skipped(offset, bytes, reason),
            }
        }
    }

    fn drain(scanner: &mut FrameScanner, seen: &mut Vec<Seen>) {
        while let Some(scanned) = scanner.next() {
            seen.push(scanned.into());
        }
    }

    fn scan<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Seen> {
        let (mut scanner, mut seen) = (FrameScanner::default(), Vec::new());
        for piece in pieces {
            scanner.push(piece);
            drain(&mut scanner, &mut seen);
        }
        scanner.finish();
        drain(&mut scanner, &mut seen);
        assert!(!scanner.is_waiting());
        seen
    }

    fn whole(bytes: &[u8]) -> Vec<Seen> {
        scan(std::iter::once(bytes))
    }

    #[test]
    fn frames_come_with_their_last_byte_and_what_is_between_is_told_once() {
        let mut scanner = FrameScanner::default();
        let first = frame(1, b"abc");
        let (last, begun) = first.split_last().unwrap();
        scanner.push(begun);
        assert!(scanner.next().is_none());
        assert!(scanner.is_waiting());
        scanner.push(&[*last]);
        let seen = scanner.next().map(Seen::from);
        assert_eq!(seen, Some(Seen::Frame(0, 1, b"abc".to_vec())));
        assert!(scanner.next().is_none());
        assert!(!scanner.is_waiting());
        scanner.push(b"noise");
        assert!(scanner.next().is_none());
        scanner.push(b"more");
        assert!(scanner.next().is_none());
        assert_eq!(scanner.passed_over(), 9);
        scanner.push(&frame(2, b""));
        let mut seen = Vec::new();
        drain(&mut scanner, &mut seen);
        let expected = [
            Seen::Skipped(25, 9, FrameError::NoBarker),
            Seen::Frame(34, 2, Vec::new()),
        ];
        assert_eq!(seen, expected);
        scanner.push(&[0x12, 0x34]);
        assert!(scanner.next().is_none());
        scanner.finish();
        let seen = scanner.next().map(Seen::from);
        assert_eq!(seen, Some(Seen::Skipped(56, 2, FrameError::Short)));
        assert!(scanner.next().is_none());
    }

    #[test]
    fn a_barker_in_the_data_is_data() {
        let mut data = b"x".to_vec();
        data.extend(frame(7, b"inner"));
        let bytes = [frame(1, &data), frame(2, b"")].concat();
        let offset = (data.len() + 22) as u64;
        let expected = [Seen::Frame(0, 1, data), Seen::Frame(offset, 2, Vec::new())];
        assert_eq!(whole(&bytes), expected);
    }

    #[test]
    fn a_frame_inside_a_damaged_one_is_found() {
        let mut bytes = frame(1, &frame(7, b"inner"));
        bytes[10] ^= 1;
        let expected = [
            Seen::Skipped(0, 20, FrameError::Checksum),
            Seen::Frame(20, 7, b"inner".to_vec()),
            Seen::Skipped(47, 2, FrameError::NoBarker),
        ];
        assert_eq!(whole(&bytes), expected);
    }

    #[test]
    fn a_barker_follows_a_half_one() {
        let bytes = [&[0x12, 0x34, 0x56], frame(1, b"a").as_slice()].concat();
        let expected = [
            Seen::Skipped(0, 3, FrameError::NoBarker),
            Seen::Frame(3, 1, b"a".to_vec()),
        ];
        assert_eq!(whole(&bytes), expected);
        assert_eq!(scan(bytes.chunks(1)), expected);
    }

    #[test]
    fn a_long_frame_is_taken_where_one_is_expected_and_not_elsewhere() {
        let long = frame(1, &[5; 65_535]);
        assert_eq!(whole(&long), [Seen::Frame(0, 1, vec![5; 65_535])]);
        let bytes = [b"?", long.as_slice()].concat();
        let passed = bytes.len() as u64;
        assert_eq!(
            whole(&bytes),
            [Seen::Skipped(0, passed, FrameError::NoBarker)]
        );
        let bytes = [b"?", frame(1, &[5; 4096]).as_slice()].concat();
        assert_eq!(whole(&bytes).len(), 2);
        let bytes = [frame(1, b""), long].concat();
        assert_eq!(whole(&bytes).len(), 2);
    }

    #[test]
    fn what_claims_too_much_is_given_up_and_what_is_inside_is_found() {
        let mut scanner = FrameScanner::default();
        scanner.gap();
        let claim = [0x12, 0x34, 0x56, 0x79, 0xff, 0x0f, 0, 0xf0, 1, 2, 3];
        scanner.push(&claim);
        scanner.push(&frame(3, b"real"));
        assert!(scanner.next().is_none());
        assert!(scanner.is_waiting());
        scanner.give_up();
        let mut seen = Vec::new();
        drain(&mut scanner, &mut seen);
        let expected = [
            Seen::Skipped(0, 11, FrameError::Short),
            Seen::Frame(11, 3, b"real".to_vec()),
        ];
        assert_eq!(seen, expected);
        assert!(!scanner.is_waiting());
        // Nothing waits: nothing is given up.
        scanner.give_up();
        scanner.push(&frame(4, b""));
        drain(&mut scanner, &mut seen);
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn nothing_is_put_together_over_a_gap() {
        let (one, two) = (frame(1, b"first"), frame(2, b"second"));
        let mut scanner = FrameScanner::default();
        let mut seen = Vec::new();
        // Not even where the checksum would fit: these are other bytes than the missing ones.
        scanner.push(&one[..10]);
        scanner.gap();
        scanner.gap();
        scanner.push(&one[10..]);
        scanner.push(&two);
        scanner.gap();
        drain(&mut scanner, &mut seen);
        let expected = [
            Seen::Skipped(0, 10, FrameError::Short),
            Seen::Skipped(10, 17, FrameError::NoBarker),
            Seen::Frame(27, 2, b"second".to_vec()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_done_with_is_let_go() {
        let mut scanner = FrameScanner::default();
        for round in 0..2000_u16 {
            scanner.push(&frame(round, &[9; 300]));
            scanner.push(&[3; 5000]);
            while scanner.next().is_some() {}
            assert!(scanner.buffered() < 12_000, "{}", scanner.buffered());
        }
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let data = || proptest::collection::vec(any::<u8>(), 0..60);
        let piece = prop_oneof![
            4 => (any::<u16>(), data()).prop_map(|(sequence, data)| frame(sequence, &data)),
            2 => data(),
            1 => (any::<u16>(), data(), 0..80_usize, 1..=255_u8).prop_map(|(sequence, data, at, flip)| {
                let mut bytes = frame(sequence, &data);
                let at = at % bytes.len();
                bytes[at] ^= flip;
                bytes
            }),
            1 => (any::<u16>(), 0..30_usize).prop_map(|(sequence, end)| {
                frame(sequence, b"cut in the middle")[..end].to_vec()
            }),
            1 => Just(vec![0x12, 0x34, 0x56, 0x79]),
            1 => any::<u16>().prop_map(|length| {
                let [a, b] = length.to_le_bytes();
                vec![0x12, 0x34, 0x56, 0x79, a, b, !a, !b]
            }),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(bytes in stream(), sizes in proptest::collection::vec(1..70_usize, 1..20)) {
            let all = whole(&bytes);
            prop_assert_eq!(&scan(bytes.chunks(1)), &all);
            let mut rest = bytes.as_slice();
            let mut sizes = sizes.iter().cycle();
            let pieces = std::iter::from_fn(|| {
                let size = sizes.next()?;
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            prop_assert_eq!(&scan(pieces), &all);
        }

        #[test]
        fn every_byte_is_told_of_once(bytes in stream()) {
            let mut at = 0;
            let mut was_skipped = false;
            for seen in whole(&bytes) {
                let (offset, length, is_skipped) = match &seen {
                    Seen::Frame(offset, _, data) => (*offset, data.len() as u64 + 22, false),
                    Seen::Skipped(offset, length, _) => (*offset, *length, true),
                };
                prop_assert_eq!(offset, at);
                prop_assert!(length > 0);
                prop_assert!(!(is_skipped && was_skipped));
                (at, was_skipped) = (offset + length, is_skipped);
            }
            prop_assert_eq!(at, bytes.len() as u64);
        }

        #[test]
        fn damage_takes_one_frame_only(
            datas in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 3..6),
            place: usize, flip in 1..=255_u8,
        ) {
            let frames: Vec<Vec<u8>> = datas.iter().zip(0..).map(|(data, at)| frame(at, data)).collect();
            let mut bytes = frames.concat();
            let place = place % bytes.len();
            // A length that is longer, and whose inverse is damaged in the same way, is not one byte's damage.
            bytes[place] ^= flip;
            let mut end = 0;
            let hit = frames.iter().position(|frame| { end += frame.len(); place < end }).unwrap();
            let seen = whole(&bytes);
            let found: Vec<u16> = seen.iter().filter_map(|seen| match seen {
                Seen::Frame(_, sequence, _) => Some(*sequence),
                Seen::Skipped(..) => None,
            }).collect();
            let expected: Vec<u16> = (0..).take(frames.len()).filter(|at| usize::from(*at) != hit).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(seen.len(), frames.len());
        }
    }
}
