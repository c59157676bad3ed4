//! Lines out of bytes.
//!
//! | bytes | what |
//! |---|---|
//! | `0A` or `0D`, any number of them | the end of a line |
//! | up to `20`, and `7F`, at both ends of a line | left out: noise of a port that was just opened, padding |
//! | all others | the line, in whatever encoding; at most 4096 bytes of it |
//!
//! A line without an end is one, too, once nothing has followed for a while: some devices send no
//! end. Where one line has had an end, all have one, and a pause is only a pause: half a number may
//! be before it. What is longer than any line is left out up to the next end.

use std::collections::VecDeque;

/// Bytes of a line at most.
pub const LONGEST: usize = 4096;

/// One line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLine {
    /// Where it begins, counted from the first byte pushed.
    pub offset: u64,
    /// Its bytes; never none.
    pub bytes: Vec<u8>,
}

/// A line is too long to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: more than {LONGEST} bytes without the end of a line")]
pub struct TooLong {
    /// Where it begins.
    pub offset: u64,
}

/// Cuts a stream of bytes into lines. Push bytes, pull lines.
#[derive(Debug, Default)]
pub struct LineSplitter {
    state: State,
    buffer: Vec<u8>,
    /// Where the bytes in `buffer` begin.
    offset: u64,
    position: u64,
    /// Whether a line has had an end.
    ends: bool,
    ready: VecDeque<Result<TextLine, TooLong>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a line, or before one.
    #[default]
    Within,
    /// Perhaps in a line that began before our time, which is left out.
    Middle,
    /// In something of which the rest is left out.
    TooLong,
}

impl LineSplitter {
    /// From bytes that begin anywhere: until a line has ended or there was a pause, half a number
    /// may look like a whole one.
    pub fn from_the_middle() -> Self {
        Self {
            state: State::Middle,
            ..Self::default()
        }
    }

    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    let before = self.ready.len();
                    self.end();
                    // Empty ones may be the echo of a question.
                    self.ends |= self.ready.len() > before;
                }
                _ if self.state != State::Within => {}
                _ if self.buffer.len() == LONGEST => {
                    let offset = self.offset;
                    self.ready.push_back(Err(TooLong { offset }));
                    self.buffer.clear();
                    self.state = State::TooLong;
                }
                byte => {
                    if self.buffer.is_empty() {
                        self.offset = self.position;
                    }
                    self.buffer.push(*byte);
                }
            }
            self.position += 1;
        }
    }

    /// Nothing has come for a while.
    pub fn quiet(&mut self) {
        if self.state == State::Middle || !self.ends {
            self.end();
        }
    }

    /// Nothing will come any more.
    pub fn finish(&mut self) {
        self.end();
    }

    /// Whether a pause would make a difference.
    pub const fn is_open(&self) -> bool {
        match self.state {
            State::Middle => true,
            State::TooLong => !self.ends,
            State::Within => !self.ends && !self.buffer.is_empty(),
        }
    }

    /// What a line without an end holds so far.
    pub fn unended(&self) -> &[u8] {
        self.buffer.trim_ascii()
    }

    /// Leaves out all that has come so far, and the rest of the line it ends in, unless it was quiet
    /// since.
    pub fn begin(&mut self, was_quiet: bool) {
        self.ready.clear();
        let is_within = self.state != State::Within || !self.buffer.is_empty();
        self.buffer.clear();
        self.state = if is_within && !was_quiet {
            State::Middle
        } else {
            State::Within
        };
    }

    /// The next line.
    pub fn next(&mut self) -> Option<Result<TextLine, TooLong>> {
        self.ready.pop_front()
    }

    fn end(&mut self) {
        self.state = State::Within;
        let is_noise = |byte: &u8| *byte <= b' ' || *byte == 0x7f;
        let Some(first) = self.buffer.iter().position(|byte| !is_noise(byte)) else {
            self.buffer.clear();
            return;
        };
        let last = self.buffer.iter().rposition(|byte| !is_noise(byte));
        let bytes = self.buffer.get(first..=last.unwrap_or(first));
        let line = TextLine {
            offset: self.offset + first as u64,
            bytes: bytes.unwrap_or_default().to_vec(),
        };
        self.ready.push_back(Ok(line));
        self.buffer.clear();
    }
}

/// A line for people: short, and nothing in it that cannot be seen.
pub fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(bytes);
    let seen = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let short: String = text.chars().map(seen).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        short + "…"
    } else {
        short
    }
}

/// Whether a line looks like bytes of another speed or kind, not like text.
pub fn is_garbled(bytes: &[u8]) -> bool {
    shown(bytes).contains('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(lines: &mut LineSplitter) -> Vec<Result<TextLine, TooLong>> {
        std::iter::from_fn(|| lines.next()).collect()
    }

    fn texts(lines: &mut LineSplitter) -> Vec<String> {
        let good = all(lines).into_iter().flatten();
        good.map(|line| shown(&line.bytes)).collect()
    }

    #[test]
    fn every_kind_of_end_ends_a_line_and_noise_around_it_is_left_out() {
        let mut lines = LineSplitter::default();
        lines.push(b"\0\x0000.1A\r\n\n  18.50 \r T=3\n21.0");
        assert_eq!(texts(&mut lines), ["00.1A", "18.50", "T=3"]);
        lines.finish();
        assert_eq!(texts(&mut lines), ["21.0"]);
        assert!(!lines.is_open());
    }

    #[test]
    fn a_pause_ends_a_line_only_where_no_line_has_had_an_end() {
        let mut lines = LineSplitter::default();
        lines.push(b"\r\n18.5");
        assert!(lines.is_open(), "an empty line is no line");
        lines.quiet();
        assert_eq!(texts(&mut lines), ["18.5"]);
        lines.push(b"19.5\n");
        assert_eq!(texts(&mut lines), ["19.5"]);
        for piece in [b"T=".as_slice(), b"21.", b"4\n"] {
            lines.push(piece);
            assert!(!lines.is_open());
            lines.quiet();
        }
        assert_eq!(texts(&mut lines), ["T=21.4"]);
        // What is too long stays so until its end.
        lines.push(&[b'x'; LONGEST + 1]);
        lines.quiet();
        lines.push(b"5\n6\n");
        assert_eq!(texts(&mut lines), ["6"]);
    }

    #[test]
    fn who_begins_within_a_line_leaves_its_rest_out_unless_it_was_quiet() {
        let begun = |before: &[u8], was_quiet| {
            let mut lines = LineSplitter::default();
            lines.push(before);
            lines.begin(was_quiet);
            lines.push(b"34\n56\n");
            texts(&mut lines)
        };
        assert_eq!(begun(b"9\n12", false), ["56"]);
        assert_eq!(begun(b"9\n", false), ["34", "56"]);
        assert_eq!(begun(b"9\n> ", true), ["34", "56"]);
    }

    #[test]
    fn half_a_line_at_the_beginning_is_none_unless_it_was_quiet_before() {
        let mut lines = LineSplitter::from_the_middle();
        lines.push(b"3.5\n23.5\n");
        assert_eq!(texts(&mut lines), ["23.5"]);
        let mut lines = LineSplitter::from_the_middle();
        lines.quiet();
        lines.push(b"23.5\n");
        assert_eq!(texts(&mut lines), ["23.5"]);
    }

    #[test]
    fn what_is_longer_than_any_line_is_told_once_and_left_out() {
        let mut lines = LineSplitter::default();
        lines.push(b"1\n");
        lines.push(&[b'x'; 3 * LONGEST]);
        lines.push(b"\n2\n");
        let found = all(&mut lines);
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], Err(TooLong { offset: 2 }));
        assert_eq!(
            found[2].as_ref().map(|line| line.offset),
            Ok(3 + 3 * LONGEST as u64)
        );
        // As long as a line may be.
        lines.push(&[b'x'; LONGEST]);
        lines.push(b"\n");
        assert!(matches!(&all(&mut lines)[..], [Ok(line)] if line.bytes.len() == LONGEST));
    }

    #[test]
    fn a_line_is_shown_short_and_without_what_cannot_be_seen() {
        assert_eq!(shown(b"18.5 \xb0C\x1b[0m"), "18.5 \u{fffd}C\u{fffd}[0m");
        assert!(is_garbled(b"\x80\xf8") && !is_garbled("18.5 °C".as_bytes()));
        assert_eq!(shown(&[b'x'; 100]).chars().count(), 61);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_bytes_are_cut(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), any::<u8>()], 0..300),
            cuts in prop::collection::vec(0_usize..300, 0..8),
            padding in 0_usize..LONGEST + 20,
        ) {
            let bytes = [vec![b'7'; padding], bytes].concat();
            let mut whole = LineSplitter::default();
            whole.push(&bytes);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut pieces = LineSplitter::default();
            for piece in cuts.windows(2) {
                pieces.push(&bytes[piece[0]..piece[1]]);
            }
            whole.finish();
            pieces.finish();
            let found = all(&mut whole);
            prop_assert_eq!(&found, &all(&mut pieces));
            for line in found.into_iter().flatten() {
                let start = usize::try_from(line.offset).unwrap();
                prop_assert_eq!(&bytes[start..start + line.bytes.len()], &line.bytes[..]);
                prop_assert!(!line.bytes.is_empty() && line.bytes.len() <= LONGEST);
            }
        }
    }
}
