//! Writing the bytes of a capture file.

use std::time::Duration;

use super::reader::{LinkType, MAX_PACKET};

/// How a capture file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptureFormat {
    /// pcap, times in microseconds.
    Pcap,
    /// pcap, times in nanoseconds.
    PcapNanos,
    /// The "modified" pcap of routers: longer heads of records, times in microseconds.
    PcapModified,
    /// pcapng, times in nanoseconds. The only one that can say what was lost.
    PcapNg,
}

/// Writes the bytes of a capture file; its head is written already.
#[derive(Debug, Clone)]
pub struct CaptureWriter {
    bytes: Vec<u8>,
    format: CaptureFormat,
    is_big: bool,
    /// All that were lost since the file began: what pcapng keeps is a count that rises.
    dropped: u64,
    /// Of the last packet: the loss is said to be then.
    at: Duration,
}

impl CaptureWriter {
    /// A pcapng file, as a live capture sends it.
    pub fn pcapng(link: LinkType) -> Self {
        Self::new(CaptureFormat::PcapNg, link)
    }

    /// A file, little-endian as nearly all are.
    pub fn new(format: CaptureFormat, link: LinkType) -> Self {
        Self::begin(format, link, false)
    }

    /// A file as a big-endian machine writes it.
    pub fn big_endian(format: CaptureFormat, link: LinkType) -> Self {
        Self::begin(format, link, true)
    }

    fn begin(format: CaptureFormat, link: LinkType, is_big: bool) -> Self {
        let mut writer = Self {
            bytes: Vec::new(),
            format,
            is_big,
            dropped: 0,
            at: Duration::ZERO,
        };
        let magic = match format {
            CaptureFormat::Pcap => 0xa1b2_c3d4,
            CaptureFormat::PcapNanos => 0xa1b2_3c4d,
            CaptureFormat::PcapModified => 0xa1b2_cd34,
            CaptureFormat::PcapNg => {
                writer.begin_pcapng(link);
                return writer;
            }
        };
        writer.u32(magic);
        writer.u16(2);
        writer.u16(4);
        writer.u32(0); // Zone
        writer.u32(0); // Accuracy
        writer.u32(MAX_PACKET);
        writer.u32(u32::from(link.0));
        writer
    }

    fn begin_pcapng(&mut self, link: LinkType) {
        // Section header
        self.u32(0x0a0d_0d0a);
        self.u32(28);
        self.u32(0x1a2b_3c4d);
        self.u16(1);
        self.u16(0);
        self.u32(u32::MAX); // Its length is not known
        self.u32(u32::MAX);
        self.u32(28);
        // Interface description
        self.u32(1);
        self.u32(32);
        self.u16(link.0);
        self.u16(0);
        self.u32(MAX_PACKET);
        self.u16(9); // if_tsresol
        self.u16(1);
        self.bytes.extend([9, 0, 0, 0]); // Nanoseconds
        self.u32(0); // No more options
        self.u32(32);
    }

    /// Appends a packet.
    pub fn packet(&mut self, at: Duration, data: &[u8]) {
        self.cut_packet(at, data, data.len());
    }

    /// Appends a packet of which only the beginning was kept.
    pub fn cut_packet(&mut self, at: Duration, data: &[u8], original: usize) {
        let data = data.get(..MAX_PACKET as usize).unwrap_or(data);
        // No longer than `MAX_PACKET`, so it fits.
        let length = data.len() as u32;
        let original = u32::try_from(original).unwrap_or(u32::MAX).max(length);
        self.at = at;
        if self.format == CaptureFormat::PcapNg {
            let padding = data.len().wrapping_neg() % 4;
            let whole = 32 + length + padding as u32;
            self.u32(6);
            self.u32(whole);
            self.u32(0);
            self.time();
            self.u32(length);
            self.u32(original);
            self.bytes.extend_from_slice(data);
            self.bytes.extend_from_slice(&[0; 3][..padding]);
            self.u32(whole);
            return;
        }
        // Seconds after February 2106 do not fit; nobody could read them otherwise either.
        self.u32(at.as_secs() as u32);
        self.u32(match self.format {
            CaptureFormat::PcapNanos => at.subsec_nanos(),
            _ => at.subsec_micros(),
        });
        self.u32(length);
        self.u32(original);
        if self.format == CaptureFormat::PcapModified {
            self.u32(0); // Interface
            self.u16(0); // Protocol
            self.bytes.extend([0, 0]); // Kind of packet
        }
        self.bytes.extend_from_slice(data);
    }

    /// Says that so many more packets could not be captured. Only pcapng can.
    pub fn dropped(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
        if self.format != CaptureFormat::PcapNg || count == 0 {
            return;
        }
        self.u32(5);
        self.u32(40);
        self.u32(0);
        self.time();
        self.u16(5); // isb_ifdrop
        self.u16(8);
        self.u64(self.dropped);
        self.u32(0); // No more options
        self.u32(40);
    }

    /// What was written since it was taken last.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// What was written and neither taken nor cleared.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written, for it went elsewhere; keeps the room for more.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Nanoseconds in two halves, the upper one first whatever the byte order.
    fn time(&mut self) {
        let nanoseconds = self.at.as_nanos() as u64;
        self.u32((nanoseconds >> 32) as u32);
        self.u32(nanoseconds as u32);
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend(match self.is_big {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        });
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend(match self.is_big {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        });
    }

    fn u64(&mut self, value: u64) {
        self.bytes.extend(match self.is_big {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        });
    }
}
