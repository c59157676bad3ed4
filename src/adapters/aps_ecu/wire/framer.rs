//! Cuts a stream of bytes into frames, by length alone.
//!
//! Looking for `\n` or `END` would cut a frame in two as soon as one of them occurs in its data
//! (ten inverters are enough), so both only confirm the end which the length has announced. Some
//! gateways leave out the `\n`: then the next frame, or that no more bytes come, shows the end.

use std::collections::VecDeque;

use super::bcd;
use super::frame::{END, FrameError, Group, HEADER, HeaderFault, RawFrame, STATUS};

/// Pulls frames out of bytes pushed in pieces of any size.
///
/// Pull with [`next_frame`](Self::next_frame) until `None` after every push: between pushes no more
/// than [`MAX_FRAME`](super::MAX_FRAME) bytes are held, besides the frames not pulled yet.
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

impl RawFrame {
    /// Takes bytes which are exactly one frame.
    ///
    /// # Errors
    /// What the [`Framer`] would report, or [`FrameError::BadHeader`] for bytes after the frame.
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut framer = Framer::new();
        framer.push(bytes);
        let first = framer.next_frame().or_else(|| framer.finish().map(Err));
        // The end may have made it whole.
        let first = first.or_else(|| framer.next_frame());
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
            if self.buffer.is_empty() || self.take_unended() {
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
                    let without_newline = bytes.split_last().filter(|(next, head)| {
                        // What follows can only be another frame.
                        **next == b'A' && ends_with_end(head)
                    });
                    if ends_well(bytes) {
                        self.take(offset, bytes, group, command);
                        at += total;
                    } else if let Some((_, head)) = without_newline {
                        self.take(offset, head, group, command);
                        at += head.len();
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

    /// Takes a frame; the newline that it may lack is added, so that all frames are alike.
    fn take(&mut self, offset: u64, bytes: &[u8], group: Group, command: u16) {
        let mut bytes = bytes.to_vec();
        if !ends_well(&bytes) {
            bytes.push(b'\n');
        }
        self.ready.push_back(Ok(RawFrame {
            offset,
            bytes,
            group,
            command,
        }));
    }

    /// Takes the frame in progress if it lacks its newline alone; for when no more bytes come.
    pub fn take_unended(&mut self) -> bool {
        let Start::Sound {
            total,
            group,
            command,
        } = read_header(&self.buffer)
        else {
            return false;
        };
        if self.buffer.len() + 1 != total || !ends_with_end(&self.buffer) {
            return false;
        }
        let bytes = std::mem::take(&mut self.buffer);
        self.take(self.offset, &bytes, group, command);
        self.offset += bytes.len() as u64;
        true
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
        [head @ .., b'\n'] => ends_with_end(head),
        _ => false,
    }
}

/// Whether a frame without its newline ends as it should.
fn ends_with_end(head: &[u8]) -> bool {
    head.len() == STATUS || head.ends_with(END)
}
