//! Cuts a stream of bytes into frames, by length alone.
//!
//! Looking for `\n` or `END` would cut a frame in two as soon as one of them occurs in its data
//! (ten inverters are enough), so both only confirm the end which the length has announced.

use std::collections::VecDeque;
use std::fmt;

use super::bcd;

/// Most bytes a frame can have: four digits of length, and the `\n` they do not count.
pub const MAX_FRAME: usize = 10_000;

const HEADER: usize = 13;
const END: &[u8] = b"END";
/// Length of a status answer, the only frame without `END`.
const STATUS: usize = 15;

/// Protocol group of a frame. Some layouts differ between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// `11`
    G11,
    /// `12`
    G12,
}

impl Group {
    /// Its two digits.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::G11 => "11",
            Self::G12 => "12",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// Does not begin with `APS`.
    Signature,
    /// The group is neither 11 nor 12.
    Group,
    /// The length is not four digits, or smaller than any frame.
    Length,
    /// The command is not four digits.
    Command,
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "no frame begins there",
            Self::Group => "the group is neither 11 nor 12",
            Self::Length => "the length is not a valid number",
            Self::Command => "the command is not a number",
        })
    }
}

/// Bytes that are not a frame. Offsets count from the first byte ever pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes ended inside a frame.
    #[error(
        "the frame at byte {offset} is incomplete: {have} of {} bytes arrived; the ECU closed the \
         connection early or the capture is cut, so ask again",
        .need.map_or_else(|| "an unknown number of".to_owned(), |need| need.to_string())
    )]
    Incomplete {
        /// Where the frame begins.
        offset: u64,
        /// Bytes that arrived.
        have: usize,
        /// Bytes of the whole frame, if its length was among those that arrived.
        need: Option<usize>,
    },
    /// Bytes no frame begins with; one error for the whole region.
    #[error("{length} bytes at byte {offset} passed over: {fault}; is this really an ECU?")]
    BadHeader {
        /// Where the region begins.
        offset: u64,
        /// How many bytes it has.
        length: u64,
        /// What was wrong.
        fault: HeaderFault,
    },
    /// The length points to a place where no frame ends. The search goes on one byte after its start.
    #[error(
        "the frame at byte {offset} claims {length} bytes but does not end there with END and a \
         newline; bytes were lost or changed, so ask again"
    )]
    BadEnd {
        /// Where the frame begins.
        offset: u64,
        /// Bytes it claims to have, newline included.
        length: usize,
    },
}

impl FrameError {
    /// Where the refused bytes begin.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match *self {
            Self::Incomplete { offset, .. }
            | Self::BadHeader { offset, .. }
            | Self::BadEnd { offset, .. } => offset,
        }
    }
}

/// One whole frame whose header and end are sound; the body may still be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// Where it begins, counted from the first byte ever pushed.
    pub offset: u64,
    /// All its bytes, from `APS` to `\n`.
    pub bytes: Vec<u8>,
    group: Group,
    command: u16,
}

impl RawFrame {
    /// Takes bytes which are exactly one frame.
    ///
    /// # Errors
    /// What the [`Framer`] would report, or [`FrameError::BadHeader`] for bytes after the frame.
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut framer = Framer::new();
        framer.push(bytes);
        let first = framer.next_frame().or_else(|| framer.finish().map(Err));
        let frame = first.unwrap_or(Err(FrameError::Incomplete {
            offset: 0,
            have: 0,
            need: None,
        }))?;
        let rest = bytes.len().saturating_sub(frame.bytes.len());
        if rest > 0 {
            return Err(FrameError::BadHeader {
                offset: frame.bytes.len() as u64,
                length: rest as u64,
                fault: HeaderFault::Signature,
            });
        }
        Ok(frame)
    }

    /// The protocol group.
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// The command it answers.
    #[must_use]
    pub fn command(&self) -> u16 {
        self.command
    }

    /// Its length field L: one less than it has bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len().saturating_sub(1)
    }

    /// The bytes between the header and `END`; of a status frame its two status characters.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        let tail = if self.is_status() { 0 } else { END.len() };
        let end = self.length().saturating_sub(tail);
        self.bytes.get(HEADER..end).unwrap_or_default()
    }

    /// Whether it is a bare status without `END`.
    #[must_use]
    pub fn is_status(&self) -> bool {
        self.length() == STATUS
    }
}

/// Pulls frames out of bytes pushed in pieces of any size.
///
/// Pull with [`next_frame`](Self::next_frame) until `None` after every push: between pushes no more
/// than [`MAX_FRAME`] bytes are held, besides the frames not pulled yet.
///
/// The outcome depends on the bytes only, never on how they were cut.
#[derive(Debug, Clone, Default)]
pub struct Framer {
    /// The frame in progress; begins like a frame or is empty.
    buffer: Vec<u8>,
    /// Offset of `buffer` in the stream.
    offset: u64,
    ready: VecDeque<Result<RawFrame, FrameError>>,
    /// Garbage whose end is not known yet.
    region: Option<Region>,
    /// Bytes before this offset belong to a frame already reported as bad.
    refused_until: u64,
}

#[derive(Debug, Clone, Copy)]
struct Region {
    offset: u64,
    end: u64,
    fault: HeaderFault,
}

impl Framer {
    /// An empty framer at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.advance();
    }

    /// The next whole frame, or an error about bytes passed over; `None` asks for more bytes.
    pub fn next_frame(&mut self) -> Option<Result<RawFrame, FrameError>> {
        self.ready.pop_front()
    }

    /// Bytes the frame in progress still needs, as soon as its length is known.
    #[must_use]
    pub fn missing(&self) -> Option<usize> {
        let need = read_header(&self.buffer).total()?;
        Some(need.saturating_sub(self.buffer.len()))
    }

    /// Bytes held of the frame in progress.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Says what is left over when no more bytes will come. Call it until it returns `None`, then
    /// pull once more: a broken-off frame may have hidden a whole one.
    pub fn finish(&mut self) -> Option<FrameError> {
        loop {
            if let Some(region) = self.region.take() {
                return Some(region.error());
            }
            if self.buffer.is_empty() {
                return None;
            }
            let (offset, have) = (self.offset, self.buffer.len());
            let error = FrameError::Incomplete {
                offset,
                have,
                need: read_header(&self.buffer).total(),
            };
            let told = offset < self.refused_until;
            self.refused_until = self.refused_until.max(offset + have as u64);
            self.drop_front(1);
            self.advance();
            if !told {
                return Some(error);
            }
        }
    }

    fn advance(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        while let Some(rest @ [_, ..]) = buffer.get(at..) {
            let offset = self.offset + at as u64;
            match read_header(rest) {
                Start::Partial(_) => break,
                Start::Refused(fault) => {
                    let next = rest.iter().skip(1).position(|byte| *byte == b'A');
                    let length = next.map_or(rest.len(), |next| next + 1);
                    self.refuse(offset, length, fault);
                    at += length;
                }
                Start::Sound {
                    total,
                    group,
                    command,
                } => {
                    self.close_region();
                    let Some(bytes) = rest.get(..total) else {
                        break;
                    };
                    if ends_well(bytes) {
                        self.ready.push_back(Ok(RawFrame {
                            offset,
                            bytes: bytes.to_vec(),
                            group,
                            command,
                        }));
                        at += total;
                    } else {
                        self.refuse_frame(offset, total);
                        at += 1;
                    }
                }
            }
        }
        self.buffer = buffer;
        self.drop_front(at);
    }

    fn drop_front(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count);
        self.offset += count as u64;
    }

    fn refuse_frame(&mut self, offset: u64, length: usize) {
        if offset >= self.refused_until {
            self.ready
                .push_back(Err(FrameError::BadEnd { offset, length }));
            self.refused_until = offset + length as u64;
        }
    }

    /// Notes garbage; the part inside a frame reported as bad has been told already.
    fn refuse(&mut self, offset: u64, length: usize, fault: HeaderFault) {
        let end = offset + length as u64;
        let told = offset < self.refused_until;
        let offset = offset.max(self.refused_until);
        if offset >= end {
            return;
        }
        let fault = if told { HeaderFault::Signature } else { fault };
        let region = self.region.get_or_insert(Region { offset, end, fault });
        region.end = end;
        if region.fault == HeaderFault::Signature {
            // Something that nearly was a frame says more than the noise around it.
            region.fault = fault;
        }
    }

    fn close_region(&mut self) {
        if let Some(region) = self.region.take() {
            self.ready.push_back(Err(region.error()));
        }
    }
}

impl Region {
    fn error(self) -> FrameError {
        FrameError::BadHeader {
            offset: self.offset,
            length: self.end - self.offset,
            fault: self.fault,
        }
    }
}

enum Start {
    Refused(HeaderFault),
    /// Sound so far; the size of the frame if it is known already.
    Partial(Option<usize>),
    Sound {
        total: usize,
        group: Group,
        command: u16,
    },
}

impl Start {
    fn total(&self) -> Option<usize> {
        match *self {
            Self::Refused(_) => None,
            Self::Partial(total) => total,
            Self::Sound { total, .. } => Some(total),
        }
    }
}

/// Judges byte by byte, so that the first wrong byte decides, however few have arrived.
fn read_header(bytes: &[u8]) -> Start {
    for (at, byte) in bytes.iter().take(HEADER).enumerate() {
        let (sound, fault) = match at {
            0 => (*byte == b'A', HeaderFault::Signature),
            1 => (*byte == b'P', HeaderFault::Signature),
            2 => (*byte == b'S', HeaderFault::Signature),
            3 => (*byte == b'1', HeaderFault::Group),
            4 => (matches!(byte, b'1' | b'2'), HeaderFault::Group),
            5..9 => (byte.is_ascii_digit(), HeaderFault::Length),
            _ => (byte.is_ascii_digit(), HeaderFault::Command),
        };
        if !sound {
            return Start::Refused(fault);
        }
        if at == 8 && frame_size(bytes).is_none() {
            return Start::Refused(HeaderFault::Length);
        }
    }
    let total = frame_size(bytes);
    let command = bytes.get(9..HEADER).and_then(bcd::number);
    let command = command.and_then(|command| u16::try_from(command).ok());
    match (total, command) {
        (Some(total), Some(command)) => Start::Sound {
            total,
            group: match bytes.get(4) {
                Some(b'2') => Group::G12,
                _ => Group::G11,
            },
            command,
        },
        _ => Start::Partial(total),
    }
}

/// Bytes of the whole frame, newline included.
fn frame_size(bytes: &[u8]) -> Option<usize> {
    let length = usize::try_from(bcd::number(bytes.get(5..9)?)?).ok()?;
    (length >= STATUS).then_some(length + 1)
}

fn ends_well(bytes: &[u8]) -> bool {
    match bytes {
        [head @ .., b'\n'] => head.len() == STATUS || head.ends_with(END),
        _ => false,
    }
}

/// Wraps a body in a header, `END` and newline. A body too long for the four digits of the length
/// is cut to what fits.
pub(super) fn seal(group: Group, command: u16, body: &[u8]) -> Vec<u8> {
    let room = MAX_FRAME - HEADER - END.len() - 1;
    let body = body.get(..room).unwrap_or(body);
    let length = HEADER + body.len() + END.len();
    let mut bytes = header(group, length, command);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(END);
    bytes.push(b'\n');
    bytes
}

/// The 16 bytes of a bare status.
pub(super) fn seal_status(command: u16, status: [u8; 2]) -> Vec<u8> {
    let mut bytes = header(Group::G11, STATUS, command);
    bytes.extend_from_slice(&status);
    bytes.push(b'\n');
    bytes
}

fn header(group: Group, length: usize, command: u16) -> Vec<u8> {
    // Commands have four digits on the wire.
    format!("APS{group}{length:04}{:04}", command % 10_000).into_bytes()
}
