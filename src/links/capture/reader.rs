//! The formats of capture files.

use std::time::Duration;

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
pub enum CaptureRefused {
    /// It begins with something else.
    #[error("byte {offset}: this is no capture file (pcap or pcapng)")]
    Unknown {
        /// Where, in what was pushed (unpacked, if it was packed).
        offset: u64,
    },
    /// A record claims more than there can be.
    #[error("byte {offset}: a packet of {length} bytes; the file is damaged from here on")]
    TooLong {
        /// Where.
        offset: u64,
        /// What it claims.
        length: u32,
    },
    /// The compression is damaged.
    #[error("byte {offset}: the compressed file is damaged from here on")]
    Compression {
        /// Where.
        offset: u64,
    },
}

/// Reads the bytes of capture files, cut anywhere.
#[derive(Debug, Default)]
pub struct CaptureReader {}

impl CaptureReader {
    /// Takes bytes.
    pub fn push(&mut self, _bytes: &[u8]) {}

    /// The next thing that is whole.
    pub fn next(&mut self) -> Option<Captured<'_>> {
        None
    }

    /// What comes now is another file; what was left of the one before is too short for anything.
    pub fn begin_file(&mut self) {}

    /// Whether bytes begin like a capture file.
    pub fn recognises(_bytes: &[u8]) -> bool {
        false
    }
}
