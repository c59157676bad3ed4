//! pcap: one head, then records.

use std::time::Duration;

use super::{Advance, CaptureRefused, LinkType, MAX_PACKET, Unread, begins_file};

/// What the head of a file says.
#[derive(Debug)]
pub(super) struct Pcap {
    is_big: bool,
    /// How much one unit of a record's fraction of a second is.
    fraction: u32,
    record_head: usize,
    link: LinkType,
    /// The last record was nothing but zeros.
    is_empty: bool,
}

const HEAD: usize = 24;

/// The head of a file with this kind of times and records.
fn kind(magic: [u8; 4]) -> Option<(bool, u32, usize)> {
    let (is_big, magic) = match u32::from_le_bytes(magic) {
        little @ (0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34) => (false, little),
        other => (true, other.swap_bytes()),
    };
    match magic {
        0xa1b2_c3d4 => Some((is_big, 1000, 16)),
        0xa1b2_3c4d => Some((is_big, 1, 16)),
        0xa1b2_cd34 => Some((is_big, 1000, 24)),
        _ => None,
    }
}

/// Whether this is one of the magic numbers.
pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    kind(magic).is_some()
}

/// Whether a record in the middle of a file is the head of another one.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let Some((magic, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    match kind(*magic) {
        Some((true, ..)) => rest.starts_with(&[0, 2, 0, 4]),
        Some((false, ..)) => rest.starts_with(&[2, 0, 4, 0]),
        None => false,
    }
}

impl Pcap {
    /// Reads the head, once it is whole.
    pub(super) fn begin(unread: &mut Unread) -> Option<Self> {
        let head: &[u8; HEAD] = unread.rest().first_chunk()?;
        let [a, b, c, d, .., w, x, y, z] = *head;
        let (is_big, fraction, record_head) = kind([a, b, c, d])?;
        // The upper half says how long a checksum behind each packet is, which nobody asks.
        let link = match is_big {
            true => u16::from_be_bytes([y, z]),
            false => u16::from_le_bytes([w, x]),
        };
        unread.read(HEAD);
        Some(Self {
            is_big,
            fraction,
            record_head,
            link: LinkType(link),
            is_empty: false,
        })
    }

    pub(super) fn step(&mut self, unread: &mut Unread) -> Advance {
        let rest = unread.rest();
        let Some(head) = rest.first_chunk::<16>() else {
            return Advance::Wait;
        };
        if begins_file(head) {
            return Advance::NewFile;
        }
        if self.is_empty {
            // A crashed writer leaves zeros to the end of its block, and the next file may follow.
            let zeros = head.iter().take_while(|byte| **byte == 0).count();
            if (1..16).contains(&zeros) {
                let Some(beyond) = rest.get(zeros..zeros + 12) else {
                    return Advance::Wait;
                };
                if begins_file(beyond) {
                    unread.read(zeros);
                    return Advance::NewFile;
                }
            }
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *head;
        let number = |bytes: [u8; 4]| match self.is_big {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        };
        let seconds = number([a, b, c, d]);
        let fraction = number([e, f, g, h]);
        let captured = number([i, j, k, l]);
        if captured > MAX_PACKET {
            return Advance::Refused(CaptureRefused::TooLong {
                offset: unread.offset(),
                length: captured,
            });
        }
        let length = captured as usize;
        let whole = self.record_head + length;
        if rest.len() < whole {
            return Advance::Wait;
        }
        self.is_empty = *head == [0; 16];
        unread.read(whole);
        if length == 0 {
            return Advance::Again;
        }
        // A fraction of more than a second is carried over; nothing overflows.
        let nanoseconds = u64::from(fraction) * u64::from(self.fraction);
        let at = Duration::from_secs(u64::from(seconds)) + Duration::from_nanos(nanoseconds);
        Advance::Packet {
            at: Some(at),
            link: self.link,
            back: length,
            length,
        }
    }
}
