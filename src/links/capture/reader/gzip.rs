//! Compressed files, unpacked a piece at a time (RFC 1952).

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::unread::Unread;

/// How much is unpacked in one go: enough to be quick, and all that a file which unpacks to
/// thousands of times its size can take.
const PIECE: usize = 64 << 10;

/// Names and comments longer than this are no files of ours.
const LONGEST_HEAD: usize = 4 << 10;

/// What one go has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unpacked {
    /// Something; go on.
    Some,
    /// Nothing before more bytes come.
    Wait,
    /// The compressed part is over, and something else follows.
    Over,
    /// It cannot be unpacked.
    Damaged,
}

/// Unpacks one compressed file after another.
#[derive(Debug)]
pub(super) struct Gunzip {
    stage: Stage,
    inflate: Decompress,
    sum: Crc,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Head,
    Body,
    Tail,
    /// Another one may follow, or padding.
    Between,
    /// What could be unpacked is out, and the rest cannot.
    Broken,
}

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Head,
            inflate: Decompress::new(false),
            sum: Crc::new(),
        }
    }

    pub(super) fn unpack(&mut self, packed: &mut Unread, into: &mut Unread) -> Unpacked {
        let rest = packed.rest();
        match self.stage {
            Stage::Head => match head(rest) {
                Ok(Some(length)) => {
                    packed.read(length);
                    self.stage = Stage::Body;
                    Unpacked::Some
                }
                Ok(None) => Unpacked::Wait,
                Err(()) => Unpacked::Damaged,
            },
            Stage::Body => {
                let into = into.filling();
                into.reserve(PIECE);
                let (read, length) = (self.inflate.total_in(), into.len());
                // Asked without bytes too: it may hold back what did not fit before.
                let status = self
                    .inflate
                    .decompress_vec(rest, into, FlushDecompress::None);
                let read = (self.inflate.total_in() - read) as usize;
                packed.read(read);
                let new = into.get(length..).unwrap_or_default();
                self.sum.update(new);
                match status {
                    // What came before is whole all the same.
                    Err(_) => {
                        self.stage = Stage::Broken;
                        Unpacked::Some
                    }
                    Ok(Status::StreamEnd) => {
                        self.stage = Stage::Tail;
                        Unpacked::Some
                    }
                    Ok(_) if read == 0 && new.is_empty() => Unpacked::Wait,
                    Ok(_) => Unpacked::Some,
                }
            }
            Stage::Tail => {
                let Some(&[a, b, c, d, ..]) = rest.first_chunk::<8>() else {
                    return Unpacked::Wait;
                };
                packed.read(8);
                if u32::from_le_bytes([a, b, c, d]) != self.sum.sum() {
                    return Unpacked::Damaged;
                }
                self.stage = Stage::Between;
                Unpacked::Some
            }
            Stage::Broken => Unpacked::Damaged,
            Stage::Between => {
                let zeros = rest.iter().take_while(|byte| **byte == 0).count();
                packed.read(zeros);
                let rest = packed.rest();
                if rest.is_empty() || rest == [0x1f] {
                    Unpacked::Wait
                } else if is_gzip(rest) {
                    self.inflate.reset(false);
                    self.sum.reset();
                    self.stage = Stage::Head;
                    Unpacked::Some
                } else {
                    Unpacked::Over
                }
            }
        }
    }
}

/// How long the head is, once it is whole.
fn head(bytes: &[u8]) -> Result<Option<usize>, ()> {
    if bytes.len() >= 4 && (!is_gzip(bytes) || bytes.get(2) != Some(&8)) {
        return Err(());
    }
    let length = head_length(bytes);
    match length {
        Some(length) if length > LONGEST_HEAD => Err(()),
        None if bytes.len() > LONGEST_HEAD => Err(()),
        length => Ok(length),
    }
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut length = 10;
    if flags & 0x04 != 0 {
        let extra = bytes.get(length..)?.first_chunk()?;
        length += 2 + usize::from(u16::from_le_bytes(*extra));
    }
    // A name, a comment
    for flag in [0x08, 0x10] {
        if flags & flag != 0 {
            let text = bytes.get(length..)?;
            length += text.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & 0x02 != 0 {
        length += 2;
    }
    (bytes.len() >= length).then_some(length)
}
