//! The formats of capture files.
//!
//! | bytes at the start | format | byte order | times |
//! |---|---|---|---|
//! | `d4 c3 b2 a1` | pcap | little | microseconds |
//! | `a1 b2 c3 d4` | pcap | big | microseconds |
//! | `4d 3c b2 a1` | pcap | little | nanoseconds |
//! | `a1 b2 3c 4d` | pcap | big | nanoseconds |
//! | `34 cd b2 a1` | pcap, modified: what Fritz!Box routers write | little | microseconds |
//! | `a1 b2 cd 34` | the same | big | microseconds |
//! | `0a 0d 0d 0a` | pcapng | each section says | each interface says |
//! | `1f 8b` | any of them, compressed by gzip | | |
//!
//! A pcap record is seconds, fraction, captured and original length (u32 each), modified ones have
//! interface (u32), protocol (u16), kind and padding behind; then the captured bytes.
//! Sources: the drafts *PCAP Capture File Format* and *PCAP Next Generation Capture File Format* of the IETF.

use crate::model::Sentence;
use crate::say;

mod gzip;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;
mod unread;

use std::time::Duration;

use gzip::{Gunzip, Unpacked};
use pcap::Pcap;
use pcapng::PcapNg;
use unread::Unread;

/// What packets of an interface begin with, by its number in capture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// The family of addresses in the byte order of the machine, then IP: loopback of BSD.
    pub const LOOPBACK: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// IP at once.
    pub const RAW: Self = Self(101);
    /// Linux, all interfaces at once.
    pub const COOKED: Self = Self(113);
    /// The same, with the number of the interface.
    pub const COOKED_V2: Self = Self(276);
}

/// The largest packet that is believed, in bytes. The kernel makes ones of 200 kB.
pub(super) const MAX_PACKET: u32 = 1 << 20;

/// A packet as it was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When, since 1970; `None` where the file does not say.
    pub at: Option<Duration>,
    /// What its bytes begin with.
    pub link: LinkType,
    /// Its bytes, as many as were kept.
    pub data: &'a [u8],
}

/// What is next in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Captured<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// So many packets could not be captured since this was said last.
    Dropped(u64),
    /// Bytes that are no capture, or none that can be read.
    Refused(CaptureRefused),
}

/// Why bytes cannot be read as a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum CaptureRefused {
    /// It begins with something else.
    Unknown {
        /// Where, in what was pushed (unpacked, if it was packed).
        offset: u64,
    },
    /// A record claims more than there can be.
    TooLong {
        /// Where.
        offset: u64,
        /// What it claims.
        length: u32,
    },
    /// What comes next is no record.
    Damaged {
        /// Where.
        offset: u64,
    },
    /// The compression is damaged.
    Compression {
        /// Where.
        offset: u64,
    },
}

impl CaptureRefused {
    /// For people.
    pub fn says(self) -> Sentence {
        match self {
            Self::Unknown { offset } => say!(
                "byte {offset}: this is no capture file (pcap or pcapng)",
                offset
            ),
            Self::TooLong { offset, length } => say!(
                "byte {offset}: a packet of {length} bytes; the file is damaged from here on",
                offset,
                length
            ),
            Self::Damaged { offset } => {
                say!("byte {offset}: the file is damaged from here on", offset)
            }
            Self::Compression { offset } => say!(
                "byte {offset}: the compressed file is damaged from here on",
                offset
            ),
        }
    }
}

/// Reads the bytes of capture files, cut anywhere.
///
/// Files may follow one another without a word, as when rotated ones are put together: where a record
/// could begin, the head of a file begins a new one. What is cut off, zeros that a crashed writer has
/// left, and packets of no bytes are passed over silently.
///
/// After a refusal nothing is read until [`begin_file`](Self::begin_file).
#[derive(Debug, Default)]
pub struct CaptureReader {
    packing: Packing,
    /// Bytes as they came, where they are compressed or it is not known yet whether they are.
    packed: Unread,
    unread: Unread,
    format: Format,
}

#[derive(Debug, Default)]
enum Packing {
    #[default]
    Unseen,
    Plain,
    Gzip(Box<Gunzip>),
}

#[derive(Debug, Default)]
enum Format {
    #[default]
    Unseen,
    Pcap(Pcap),
    PcapNg(PcapNg),
    Refused,
}

/// What the front of the unread bytes is.
#[derive(Debug)]
enum Advance {
    /// Nothing before more bytes come.
    Wait,
    /// Nothing to tell; go on.
    Again,
    /// Another file.
    NewFile,
    /// A packet, which has been read already.
    Packet {
        at: Option<Duration>,
        link: LinkType,
        /// How far before the front it begins.
        back: usize,
        length: usize,
    },
    Dropped(u64),
    Refused(CaptureRefused),
}

/// Whether the head of a file is here, and not a record: needs twelve bytes.
fn begins_file(bytes: &[u8]) -> bool {
    pcap::begins(bytes) || pcapng::begins(bytes)
}

impl CaptureReader {
    /// Takes bytes. They are kept until [`next`](Self::next) has gone through them.
    pub fn push(&mut self, bytes: &[u8]) {
        if matches!(self.format, Format::Refused) {
            return;
        }
        let buffer = match self.packing {
            Packing::Plain => &mut self.unread,
            Packing::Unseen | Packing::Gzip(_) => &mut self.packed,
        };
        buffer.filling().extend_from_slice(bytes);
    }

    /// The next thing that is whole.
    #[allow(
        clippy::should_implement_trait,
        reason = "what it hands out is borrowed, which no iterator can"
    )]
    pub fn next(&mut self) -> Option<Captured<'_>> {
        loop {
            let step = match &mut self.format {
                Format::Pcap(pcap) => pcap.step(&mut self.unread),
                Format::PcapNg(pcapng) => pcapng.step(&mut self.unread),
                Format::Unseen => self.begin(),
                Format::Refused => return None,
            };
            match step {
                Advance::Packet {
                    at,
                    link,
                    back,
                    length,
                } => {
                    let data = self.unread.behind(back, length);
                    return Some(Captured::Packet(Packet { at, link, data }));
                }
                Advance::Again => {}
                Advance::NewFile => self.format = Format::Unseen,
                Advance::Dropped(count) => return Some(Captured::Dropped(count)),
                Advance::Refused(why) => return Some(self.refuse(why)),
                Advance::Wait => match self.unpack() {
                    Unpacked::Some => {}
                    Unpacked::Wait => return None,
                    Unpacked::Over | Unpacked::Damaged => {
                        let offset = self.unread.offset();
                        return Some(self.refuse(CaptureRefused::Compression { offset }));
                    }
                },
            }
        }
    }

    /// What comes now is another file; what was left of the one before is too short for anything.
    pub fn begin_file(&mut self) {
        *self = Self::default();
    }

    /// Whether bytes begin like a capture file. The first four are enough, or the beginning of a
    /// compressed file.
    pub fn recognises(bytes: &[u8]) -> bool {
        if !gzip::is_gzip(bytes) {
            return is_capture(bytes);
        }
        let (mut packed, mut unpacked) = (Unread::default(), Unread::default());
        packed.filling().extend_from_slice(bytes);
        let mut gunzip = Gunzip::new();
        loop {
            let state = gunzip.unpack(&mut packed, &mut unpacked);
            let rest = unpacked.rest();
            if rest.len() >= 12 {
                return is_capture(rest);
            }
            match state {
                Unpacked::Some => {}
                // Not enough to tell: nothing else that is read here is compressed.
                Unpacked::Wait => return rest.len() < 4 || is_capture(rest),
                Unpacked::Over | Unpacked::Damaged => return is_capture(rest),
            }
        }
    }

    fn refuse(&mut self, why: CaptureRefused) -> Captured<'static> {
        *self = Self {
            format: Format::Refused,
            ..Self::default()
        };
        Captured::Refused(why)
    }

    /// The head of a file.
    fn begin(&mut self) -> Advance {
        let Some(magic) = self.unread.rest().first_chunk().copied() else {
            return Advance::Wait;
        };
        if pcap::is_magic(magic) {
            let Some(pcap) = Pcap::begin(&mut self.unread) else {
                return Advance::Wait;
            };
            self.format = Format::Pcap(pcap);
            Advance::Again
        } else if pcapng::is_magic(magic) {
            self.format = Format::PcapNg(PcapNg::default());
            Advance::Again
        } else {
            let offset = self.unread.offset();
            Advance::Refused(CaptureRefused::Unknown { offset })
        }
    }

    /// Gets more to read out of what came.
    fn unpack(&mut self) -> Unpacked {
        match &mut self.packing {
            Packing::Plain => Unpacked::Wait,
            Packing::Unseen => {
                let rest = self.packed.rest();
                if gzip::is_gzip(rest) {
                    self.packing = Packing::Gzip(Box::new(Gunzip::new()));
                    Unpacked::Some
                } else if rest.is_empty() || rest == [0x1f] {
                    Unpacked::Wait
                } else {
                    self.go_on_plain()
                }
            }
            Packing::Gzip(gunzip) => match gunzip.unpack(&mut self.packed, &mut self.unread) {
                // A file that is not compressed may follow one that is.
                Unpacked::Over => match self.packed.rest() {
                    rest if rest.len() < 12 => Unpacked::Wait,
                    rest if begins_file(rest) => self.go_on_plain(),
                    _ => Unpacked::Over,
                },
                state => state,
            },
        }
    }

    fn go_on_plain(&mut self) -> Unpacked {
        self.packing = Packing::Plain;
        let packed = std::mem::take(&mut self.packed);
        self.unread.filling().extend_from_slice(packed.rest());
        Unpacked::Some
    }
}

fn is_capture(bytes: &[u8]) -> bool {
    let Some(magic) = bytes.first_chunk() else {
        return false;
    };
    // The magic number of pcapng could be text.
    pcap::is_magic(*magic)
        || pcapng::is_magic(*magic) && (bytes.len() < 12 || pcapng::begins(bytes))
}
