//! pcapng: blocks, in sections that describe their interfaces.

use std::time::Duration;

use super::{Advance, CaptureRefused, LinkType, MAX_PACKET, Unread, begins_file};

/// More interfaces than any machine has; others are not remembered, nor are their packets delivered.
const MOST_INTERFACES: usize = 4096;

/// More than any description that is worth reading.
const LONGEST_DESCRIPTION: u32 = 1 << 20;

/// What is known from the blocks so far.
#[derive(Debug, Default)]
pub(super) struct PcapNg {
    is_big: bool,
    interfaces: Vec<Interface>,
    /// What is left of a block of which nothing more is wanted.
    skip: u64,
    /// Zeros were there instead of a block.
    is_empty: bool,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    /// Packets are cut after so many bytes.
    longest: u32,
    /// Units of time in a second.
    units: u128,
    /// Seconds to add.
    offset: i64,
    /// How many packets it has lost by what was said last.
    dropped: u64,
}

const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Whether a section begins here; needs twelve bytes to be sure.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
        && matches!(
            bytes.get(8..12),
            Some([0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a])
        )
}

pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    magic == MAGIC
}

impl PcapNg {
    pub(super) fn step(&mut self, unread: &mut Unread) -> Advance {
        if self.skip > 0 {
            let now = unread.rest().len() as u64;
            let now = now.min(self.skip);
            unread.read(now as usize);
            self.skip -= now;
            if self.skip > 0 {
                return Advance::Wait;
            }
        }
        let rest = unread.rest();
        if self.is_empty {
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            unread.read(zeros);
            let rest = unread.rest();
            return match rest.first_chunk::<12>() {
                None => Advance::Wait,
                Some(head) if begins_file(head) => Advance::NewFile,
                Some(_) => self.damaged(unread),
            };
        }
        let Some(head) = rest.first_chunk::<12>() else {
            return Advance::Wait;
        };
        let [a, b, c, d, e, f, g, h, ..] = *head;
        if begins(head) {
            *self = Self {
                is_big: head.get(8) == Some(&0x1a),
                ..Self::default()
            };
        } else if begins_file(head) {
            return Advance::NewFile;
        } else if [a, b, c, d, e, f, g, h] == [0; 8] {
            self.is_empty = true;
            return Advance::Again;
        }
        let kind = self.u32([a, b, c, d]);
        let claimed = self.u32([e, f, g, h]);
        if claimed < 12 {
            return self.damaged(unread);
        }
        // Should be a multiple already.
        let whole = u64::from(claimed).next_multiple_of(4);
        let step = match kind {
            1 => self.interface(rest, claimed),
            5 => self.statistics(rest, claimed),
            2 | 3 | 6 => self.packet(kind, rest, claimed),
            _ if kind == u32::from_le_bytes(MAGIC) && !begins(head) => BlockContent::Damaged,
            _ => BlockContent::Nothing,
        };
        match step {
            BlockContent::Wait => Advance::Wait,
            BlockContent::Damaged => self.damaged(unread),
            BlockContent::TooLong(length) => Advance::Refused(CaptureRefused::TooLong {
                offset: unread.offset(),
                length,
            }),
            BlockContent::Nothing => {
                self.skip = whole;
                Advance::Again
            }
            BlockContent::Dropped(count) => {
                self.skip = whole;
                Advance::Dropped(count)
            }
            BlockContent::Packet {
                at,
                link,
                begin,
                length,
            } => {
                unread.read(begin + length);
                self.skip = whole - (begin + length) as u64;
                Advance::Packet {
                    at,
                    link,
                    back: length,
                    length,
                }
            }
        }
    }

    fn damaged(&self, unread: &Unread) -> Advance {
        Advance::Refused(CaptureRefused::Damaged {
            offset: unread.offset(),
        })
    }

    /// An interface is described.
    fn interface(&mut self, rest: &[u8], claimed: u32) -> BlockContent {
        let body = match body(rest, claimed, 20) {
            Ok(body) => body,
            Err(block) => return block,
        };
        let Some((&[a, b, _, _, e, f, g, h], options)) = body.split_first_chunk() else {
            return BlockContent::Damaged;
        };
        let mut interface = Interface {
            link: LinkType(self.u16([a, b])),
            longest: match self.u32([e, f, g, h]) {
                0 => MAX_PACKET,
                longest => longest,
            },
            units: 1_000_000,
            offset: 0,
            dropped: 0,
        };
        self.options(options, |code, value| match (code, value) {
            (9, [resolution, ..]) => {
                let exponent = u32::from(resolution & 0x7f);
                interface.units = match resolution & 0x80 {
                    0 => 10_u128.checked_pow(exponent),
                    _ => 1_u128.checked_shl(exponent),
                }
                .unwrap_or(u128::MAX);
            }
            (14, value) => {
                if let Some(value) = value.first_chunk() {
                    interface.offset = self.u64(*value).cast_signed();
                }
            }
            _ => {}
        });
        if self.interfaces.len() < MOST_INTERFACES {
            self.interfaces.push(interface);
        }
        BlockContent::Nothing
    }

    /// An interface is counted.
    fn statistics(&mut self, rest: &[u8], claimed: u32) -> BlockContent {
        let body = match body(rest, claimed, 24) {
            Ok(body) => body,
            Err(block) => return block,
        };
        let Some((&[a, b, c, d, ..], options)) = body.split_first_chunk::<12>() else {
            return BlockContent::Damaged;
        };
        let mut dropped: Option<u64> = None;
        self.options(options, |code, value| {
            // Lost by the interface, lost by the system.
            if let (5 | 7, Some(value)) = (code, value.first_chunk()) {
                dropped = Some(dropped.unwrap_or(0).saturating_add(self.u64(*value)));
            }
        });
        let number = self.u32([a, b, c, d]) as usize;
        let (Some(dropped), Some(interface)) = (dropped, self.interfaces.get_mut(number)) else {
            return BlockContent::Nothing;
        };
        // Less than before: it counts anew.
        let more = dropped.saturating_sub(interface.dropped);
        interface.dropped = dropped;
        match more {
            0 => BlockContent::Nothing,
            more => BlockContent::Dropped(more),
        }
    }

    fn packet(&self, kind: u32, rest: &[u8], claimed: u32) -> BlockContent {
        let simple = kind == 3;
        let (begin, least) = if simple { (12, 16) } else { (28, 32) };
        if claimed < least {
            return BlockContent::Damaged;
        }
        // What the block has room for.
        let room = claimed - least;
        let head = |at: usize| {
            let bytes = rest.get(at..)?.first_chunk()?;
            Some(self.u32(*bytes))
        };
        let (number, time, captured) = if simple {
            let Some(original) = head(8) else {
                return BlockContent::Wait;
            };
            let longest = self.interfaces.first().map_or(0, |first| first.longest);
            (0, None, original.min(longest).min(room))
        } else {
            let (Some(first), Some(high), Some(low), Some(captured)) =
                (head(8), head(12), head(16), head(20))
            else {
                return BlockContent::Wait;
            };
            let number = match kind {
                // The old form has two halves here: the interface, and what was lost.
                2 if self.is_big => first >> 16,
                2 => first & 0xffff,
                _ => first,
            };
            let time = u64::from(high) << 32 | u64::from(low);
            (number as usize, Some(time), captured)
        };
        if captured > MAX_PACKET {
            return BlockContent::TooLong(captured);
        }
        if captured > room {
            return BlockContent::Damaged;
        }
        let length = captured as usize;
        let (Some(interface), 1..) = (self.interfaces.get(number), length) else {
            return BlockContent::Nothing;
        };
        if rest.len() < begin + length {
            return BlockContent::Wait;
        }
        BlockContent::Packet {
            at: time.and_then(|time| interface.time(time)),
            link: interface.link,
            begin,
            length,
        }
    }

    fn options<'a>(&self, mut options: &'a [u8], mut each: impl FnMut(u16, &'a [u8])) {
        while let Some((&[a, b, c, d], rest)) = options.split_first_chunk() {
            let (code, length) = (self.u16([a, b]), usize::from(self.u16([c, d])));
            let Some(value) = rest.get(..length) else {
                return;
            };
            if code == 0 {
                return;
            }
            each(code, value);
            options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }

    fn u16(&self, bytes: [u8; 2]) -> u16 {
        match self.is_big {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        }
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        match self.is_big {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        }
    }

    fn u64(&self, bytes: [u8; 8]) -> u64 {
        match self.is_big {
            true => u64::from_be_bytes(bytes),
            false => u64::from_le_bytes(bytes),
        }
    }
}

/// What a block holds.
enum BlockContent {
    /// Not told before more of it has come.
    Wait,
    Damaged,
    TooLong(u32),
    Nothing,
    Dropped(u64),
    Packet {
        at: Option<Duration>,
        link: LinkType,
        begin: usize,
        length: usize,
    },
}

/// The body of a block that is wanted whole, and what it is if there is none.
fn body(rest: &[u8], claimed: u32, least: u32) -> Result<&[u8], BlockContent> {
    if claimed < least || claimed > LONGEST_DESCRIPTION {
        return Err(BlockContent::Damaged);
    }
    rest.get(8..claimed as usize - 4).ok_or(BlockContent::Wait)
}

impl Interface {
    /// Since 1970; nothing before that, and nothing that does not fit.
    fn time(&self, time: u64) -> Option<Duration> {
        const NANOSECONDS: u64 = 1_000_000_000;
        let (seconds, nanoseconds) = match u64::try_from(self.units) {
            Ok(units @ (1_000_000 | NANOSECONDS)) => {
                (time / units, time % units * (NANOSECONDS / units))
            }
            _ => {
                let time = u128::from(time);
                let part = time % self.units * u128::from(NANOSECONDS) / self.units;
                // Less than the time, and less than a second.
                ((time / self.units) as u64, part as u64)
            }
        };
        let seconds = seconds.checked_add_signed(self.offset)?;
        Some(Duration::new(seconds, nanoseconds as u32))
    }
}
