//! How a connection looks to who captures it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::faults::SolarEdgeFault;
use crate::links::capture::{CaptureFormat, CaptureWriter, LinkType, Segment};
use crate::simulation::noise::Dice;

/// The time from one packet to the next.
const STEP: Duration = Duration::from_micros(700);
/// Frames that may be sent again.
const REMEMBERED: usize = 8;
const MAC_OF_DEVICE: [u8; 6] = [0x00, 0x27, 0x02, 0x1a, 0x2b, 0x3c];
const MAC_OF_ROUTER: [u8; 6] = [0x02, 0x00, 0x5e, 0x10, 0x00, 0x01];
/// The bytes before the numbers begin anew at zero.
const BEFORE_WRAP: u32 = 700;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Inverter,
    Server,
}

/// A connection in a capture.
#[derive(Debug)]
pub struct Packets {
    writer: CaptureWriter,
    at: Duration,
    ends: [SocketAddr; 2],
    /// The numbers of the next bytes.
    next: [u32; 2],
    old: VecDeque<(u32, Vec<u8>)>,
    vlan: Option<u16>,
    trailer: usize,
    dice: Dice,
}

impl Packets {
    /// A capture of what these say to each other, without its head.
    pub fn new(inverter: SocketAddr, server: SocketAddr) -> Self {
        let mut writer = CaptureWriter::new(CaptureFormat::Pcap, LinkType::ETHERNET);
        // Each reader is sent one of its own.
        writer.clear();
        Self {
            writer,
            at: Duration::ZERO,
            ends: [inverter, server],
            next: [0, 0],
            old: VecDeque::new(),
            vlan: None,
            trailer: 0,
            dice: Dice::new(0xcafe),
        }
    }

    /// The head of a capture for somebody who comes late.
    pub fn head() -> Vec<u8> {
        CaptureWriter::new(CaptureFormat::Pcap, LinkType::ETHERNET).take()
    }

    /// What was captured since this was asked last.
    pub fn take(&mut self) -> Vec<u8> {
        self.writer.take()
    }

    /// It is now so many seconds since 1970.
    pub fn set_time(&mut self, at: i64) {
        let at = Duration::from_secs(u64::try_from(at).unwrap_or(0));
        self.at = self.at.max(at);
    }

    /// What holds for all packets.
    pub fn set_lasting(&mut self, faults: &[SolarEdgeFault]) {
        (self.vlan, self.trailer) = (None, 0);
        for fault in faults {
            match fault {
                SolarEdgeFault::Vlan(vlan) => self.vlan = Some(*vlan),
                SolarEdgeFault::Trailer(count) => self.trailer = (*count).min(60),
                _ => {}
            }
        }
    }

    /// A connection begins.
    pub fn connect(&mut self, faults: &[SolarEdgeFault]) {
        let wraps = faults.contains(&SolarEdgeFault::Wrap);
        let mut begin = || match wraps {
            true => 0_u32.wrapping_sub(BEFORE_WRAP),
            false => self.dice.below(0x7fff_ffff) as u32,
        };
        self.next = [begin(), begin()];
        self.old.clear();
        if !faults.contains(&SolarEdgeFault::Midstream) {
            self.bare(Side::Inverter, |it| {
                it.is_syn = true;
                it.acknowledged = None;
            });
        }
        self.next[0] = self.next[0].wrapping_add(1);
        if !faults.contains(&SolarEdgeFault::Midstream) {
            self.bare(Side::Server, |it| it.is_syn = true);
        }
        self.next[1] = self.next[1].wrapping_add(1);
        if !faults.contains(&SolarEdgeFault::Midstream) {
            self.bare(Side::Inverter, |_| ());
        }
    }

    /// A connection ends without a word.
    pub fn reset(&mut self) {
        self.bare(Side::Inverter, |it| it.is_reset = true);
    }

    /// The server says something.
    pub fn answer(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.segment(Side::Server, self.next[1], bytes, |_| ());
            self.next[1] = self.next[1].wrapping_add(bytes.len() as u32);
            self.bare(Side::Inverter, |_| ());
        }
    }

    /// The inverter says something; false if nobody can read it.
    pub fn say(&mut self, frame: &[u8], faults: &[SolarEdgeFault]) -> bool {
        let first = self.next[0];
        let mut pieces = 1;
        let [mut is_lost, mut is_damaged, mut is_doubled, mut is_turned] = [false; 4];
        let mut overlap = 0;
        let mut stream = Vec::new();
        for fault in faults {
            match fault {
                SolarEdgeFault::Junk(count) => {
                    // No barker can be in it.
                    let junk = self.dice.bytes((*count).min(1000));
                    stream.extend(junk.iter().map(|byte| byte | 0x80));
                }
                SolarEdgeFault::Cut(count) => pieces = (*count).clamp(2, 9),
                SolarEdgeFault::OutOfOrder => {
                    pieces = pieces.max(3);
                    is_turned = true;
                }
                SolarEdgeFault::Overlap => {
                    pieces = pieces.max(2);
                    overlap = 7;
                }
                SolarEdgeFault::Doubled => is_doubled = true,
                SolarEdgeFault::Lost => is_lost = true,
                SolarEdgeFault::Damaged => is_damaged = true,
                SolarEdgeFault::SentAgain => {
                    if let Some((number, bytes)) = self.old.front().cloned() {
                        self.segment(Side::Inverter, number, &bytes, |_| ());
                    }
                }
                SolarEdgeFault::Probe0 => {
                    self.segment(Side::Inverter, first.wrapping_sub(1), &[], |_| ());
                    self.bare(Side::Server, |_| ());
                }
                SolarEdgeFault::Probe1 => {
                    let last = self.old.back().and_then(|(_, bytes)| bytes.last().copied());
                    let number = first.wrapping_sub(1);
                    self.segment(Side::Inverter, number, &[last.unwrap_or(0)], |_| ());
                    self.bare(Side::Server, |_| ());
                }
                SolarEdgeFault::OtherTraffic => self.others(),
                _ => {}
            }
        }
        stream.extend_from_slice(frame);
        self.next[0] = first.wrapping_add(stream.len() as u32);
        self.old.push_back((first, stream.clone()));
        if self.old.len() > REMEMBERED {
            self.old.pop_front();
        }
        if is_damaged && let Some(byte) = stream.last_mut() {
            *byte ^= 0x10;
        }
        let size = stream.len().div_ceil(pieces).max(1);
        let mut cut: Vec<(usize, usize)> = (0..stream.len())
            .step_by(size)
            .map(|begin| {
                (
                    begin.saturating_sub(overlap),
                    (begin + size).min(stream.len()),
                )
            })
            .collect();
        if is_turned {
            cut.reverse();
        }
        for (begin, end) in cut.into_iter().filter(|_| !is_lost) {
            let number = first.wrapping_add(begin as u32);
            let piece = stream.get(begin..end).unwrap_or_default();
            for _ in 0..=usize::from(is_doubled) {
                self.segment(Side::Inverter, number, piece, |_| ());
            }
        }
        self.bare(Side::Server, |_| ());
        !is_lost && !is_damaged
    }

    /// What others say: a question for a name, and something to another server.
    fn others(&mut self) {
        let from = SocketAddr::new([192, 0, 2, 77].into(), 50_123);
        let to = SocketAddr::new([198, 51, 100, 9].into(), 443);
        let payload = self.dice.bytes(200);
        let other = Segment {
            mac: Some([2, 0, 0, 0, 0, 7]),
            mac_to: Some(MAC_OF_ROUTER),
            sequence: self.dice.below(1 << 30) as u32,
            acknowledged: Some(1),
            payload: &payload,
            ..Segment::between(from, to)
        };
        let packet = other.encode(LinkType::ETHERNET);
        self.write(packet);
        // A question of ARP.
        let mut arp = [[0xff; 6], [2, 0, 0, 0, 0, 7]].concat();
        arp.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        arp.resize(60, 0);
        self.write(arp);
    }

    fn bare(&mut self, side: Side, change: impl FnOnce(&mut Segment<'_>)) {
        let number = self.next[side as usize];
        self.segment(side, number, &[], change);
    }

    fn segment(
        &mut self,
        side: Side,
        sequence: u32,
        payload: &[u8],
        change: impl FnOnce(&mut Segment<'_>),
    ) {
        let [inverter, server] = self.ends;
        let [of_inverter, of_server] = self.next;
        let (from, to, macs, acknowledged) = match side {
            Side::Inverter => (inverter, server, [MAC_OF_DEVICE, MAC_OF_ROUTER], of_server),
            Side::Server => (
                server,
                inverter,
                [MAC_OF_ROUTER, MAC_OF_DEVICE],
                of_inverter,
            ),
        };
        let [mac, mac_to] = macs.map(Some);
        let mut segment = Segment {
            mac,
            mac_to,
            vlan: self.vlan,
            sequence,
            acknowledged: Some(acknowledged),
            payload,
            ..Segment::between(from, to)
        };
        change(&mut segment);
        let packet = segment.encode(LinkType::ETHERNET);
        self.write(packet);
    }

    fn write(&mut self, mut packet: Vec<u8>) {
        let trailer = self.dice.bytes(self.trailer);
        packet.extend(trailer);
        self.at += STEP;
        self.writer.packet(self.at, &packet);
    }
}
