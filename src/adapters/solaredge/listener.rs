//! From the bytes of a capture to frames: who sends what to whom, on which connection.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wire::{Frame, FrameScanner, Scanned};
use crate::links::capture::{
    CaptureReader, CaptureRefused, Captured, Delivery, Dissected, FlowId, FlowKey, Reassembly,
    Segment, dissect,
};

/// The network parts of inverters.
pub const MAC_PREFIXES: &[[u8; 3]] = &[[0x00, 0x27, 0x02], [0x00, 0x40, 0x9d], [0x00, 0x04, 0xf3]];
/// The ports of the server that nobody else uses.
pub const PORTS: &[u16] = &[22222, 22221];
/// How long the rest of a frame is waited for.
const WHOLE: Duration = Duration::from_secs(60);
/// How the name of the server of newer inverters stands in a question for it.
const TLS_SERVER: &[u8] = b"\x07prodssl\x09solaredge\x03com";

/// A connection, whichever way its bytes go. Never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// That of a stream of which nothing more is known.
    pub const ONLY: Self = Self(u64::MAX);
}

/// What is noticed in a capture.
#[derive(Debug, Clone, Copy)]
pub enum Noticed<'a> {
    /// A frame.
    Frame {
        /// When it was captured, since 1970, if that is known.
        at: Option<Duration>,
        /// On which connection.
        connection: ConnectionId,
        /// Where it begins in the bytes of its direction.
        offset: u64,
        /// What it is.
        frame: Frame<'a>,
    },
    /// So many bytes between frames are none; why is said of the first.
    Skipped(u64, super::wire::FrameError),
    /// Somebody who looks like an inverter encrypts in a way that nobody else can read.
    Tls(FlowKey),
    /// A connection has ended.
    Closed(ConnectionId),
    /// Bytes that are no capture.
    Refused(CaptureRefused),
}

/// What has been seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets.
    pub packets: u64,
    /// Those of TCP.
    pub segments: u64,
    /// Those from or to something that looks like an inverter by its network part.
    pub of_inverters: u64,
    /// Those from or to a port of the server.
    pub at_ports: u64,
    /// Frames.
    pub frames: u64,
    /// Frames that a unit sent.
    pub from_units: u64,
    /// Frames whose checksum was wrong.
    pub damaged: u64,
    /// Bytes between frames.
    pub skipped: u64,
    /// Bytes of connections with frames that were not seen.
    pub lost: u64,
    /// Packets that could not be captured.
    pub dropped: u64,
    /// Pieces of packets, which are not put together.
    pub fragments: u64,
}

/// Reads a capture.
#[derive(Debug, Default)]
pub struct Listener {
    capture: CaptureReader,
    tracker: Tracker,
}

/// What is known of the connections.
#[derive(Debug, Default)]
struct Tracker {
    reassembly: Reassembly,
    streams: Streams,
}

/// The frames in each direction.
#[derive(Debug, Default)]
struct Streams {
    flows: BTreeMap<FlowId, Flow>,
    seen: Seen,
    /// When the latest packet was captured, on whatever clock.
    at: Option<Duration>,
}

/// One direction of a connection.
#[derive(Debug)]
struct Flow {
    scanner: FrameScanner,
    connection: ConnectionId,
    key: FlowKey,
    is_likely: bool,
    /// Whether there was any frame in it.
    has_frames: bool,
    /// Whether it was seen from its first byte on.
    is_from_start: bool,
    /// Whether its first bytes have been looked at.
    is_looked_at: bool,
    /// Since when a frame that has begun is waited for.
    waiting: Option<Duration>,
}

impl Listener {
    /// Takes bytes of a capture, cut anywhere.
    pub fn push(&mut self, bytes: &[u8], notice: &mut impl FnMut(Noticed<'_>)) {
        self.capture.push(bytes);
        while let Some(captured) = self.capture.next() {
            match captured {
                Captured::Packet(packet) => {
                    if packet.at.is_some() {
                        self.tracker.streams.at = packet.at;
                    }
                    self.tracker.packet(&dissect(&packet), notice);
                }
                Captured::Dropped(count) => {
                    let dropped = &mut self.tracker.streams.seen.dropped;
                    *dropped = dropped.saturating_add(count);
                }
                Captured::Refused(refused) => notice(Noticed::Refused(refused)),
            }
        }
    }

    /// What comes now is another file.
    pub fn begin_file(&mut self) {
        self.capture.begin_file();
    }

    /// The capture begins anew, at a place that was opened again: connections that were seen may have gone
    /// on unseen.
    pub fn reopen(&mut self) {
        self.capture = CaptureReader::default();
    }

    /// No more will come.
    pub fn finish(&mut self, notice: &mut impl FnMut(Noticed<'_>)) {
        let Tracker {
            reassembly,
            streams,
        } = &mut self.tracker;
        reassembly.finish(&mut |delivery| streams.take(delivery, notice));
        let left: Vec<FlowId> = streams.flows.keys().copied().collect();
        for flow in left {
            streams.take(Delivery::Closed(flow), notice);
        }
    }

    /// What has been seen so far.
    pub const fn seen(&self) -> &Seen {
        &self.tracker.streams.seen
    }
}

impl Tracker {
    fn packet(&mut self, packet: &Dissected<'_>, notice: &mut impl FnMut(Noticed<'_>)) {
        let Self {
            reassembly,
            streams,
        } = self;
        let seen = &mut streams.seen;
        seen.packets += 1;
        match packet {
            Dissected::Tcp(segment) => {
                seen.segments += 1;
                seen.of_inverters += u64::from(is_of_inverter(segment));
                seen.at_ports += u64::from(is_at_port(segment));
                let at = streams.at.unwrap_or_default();
                reassembly.take(at, segment, &mut |delivery| streams.take(delivery, notice));
            }
            Dissected::Udp {
                source,
                destination,
                payload,
                ..
            } => {
                let is_question = destination.port() == 53
                    && payload
                        .windows(TLS_SERVER.len())
                        .any(|window| window.eq_ignore_ascii_case(TLS_SERVER));
                if is_question {
                    notice(Noticed::Tls(FlowKey {
                        source: *source,
                        destination: *destination,
                    }));
                }
            }
            Dissected::Fragment => seen.fragments += 1,
            Dissected::Other => {}
        }
    }
}

fn is_of_inverter(segment: &Segment<'_>) -> bool {
    [segment.mac, segment.mac_to].into_iter().any(is_inverter)
}

fn is_at_port(segment: &Segment<'_>) -> bool {
    is_server(segment.destination.port()) || is_server(segment.source.port())
}

fn is_inverter(mac: Option<[u8; 6]>) -> bool {
    mac.is_some_and(|mac| MAC_PREFIXES.iter().any(|prefix| mac.starts_with(prefix)))
}

fn is_server(port: u16) -> bool {
    PORTS.contains(&port)
}

/// Whether bytes are of TLS: the beginning of a handshake, or, in the middle of a connection, any record of
/// it. One begins where a segment does, nearly always.
fn is_tls(bytes: &[u8], is_from_start: bool) -> bool {
    match *bytes {
        [0x16, 3, ..] if is_from_start => true,
        [0x14..=0x17, 3, 0..=4, high, low, ..] if !is_from_start => {
            (1..=MOST_TLS).contains(&u16::from_be_bytes([high, low]))
        }
        _ => false,
    }
}

/// What a record of TLS holds at most: 16 KiB, and what encryption adds.
const MOST_TLS: u16 = (16 << 10) + 2048;

impl Streams {
    fn take(&mut self, delivery: Delivery<'_>, notice: &mut impl FnMut(Noticed<'_>)) {
        match delivery {
            Delivery::Opened {
                flow,
                key,
                mac,
                peer,
                from_start,
            } => {
                let peer = peer.and_then(|peer| self.flows.get(&peer));
                let connection = peer.map_or(ConnectionId(flow.0), |peer| peer.connection);
                let mut scanner = FrameScanner::default();
                if !from_start {
                    scanner.gap();
                }
                self.flows.insert(
                    flow,
                    Flow {
                        scanner,
                        connection,
                        key,
                        is_likely: is_inverter(mac) || is_server(key.destination.port()),
                        has_frames: false,
                        is_from_start: from_start,
                        is_looked_at: false,
                        waiting: None,
                    },
                );
            }
            Delivery::Bytes(flow, bytes) => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    flow.push(bytes, self.at, &mut self.seen, notice);
                }
            }
            Delivery::Lost(flow, bytes) => {
                if let Some(flow) = self.flows.get_mut(&flow) {
                    if flow.has_frames {
                        self.seen.lost = self.seen.lost.saturating_add(bytes.into());
                    }
                    flow.scanner.gap();
                    flow.scan(self.at, &mut self.seen, notice);
                }
            }
            Delivery::Closed(id) => {
                let Some(mut flow) = self.flows.remove(&id) else {
                    return;
                };
                flow.scanner.finish();
                flow.scan(self.at, &mut self.seen, notice);
                let connection = flow.connection;
                let others = self.flows.values();
                if !others
                    .map(|other| other.connection)
                    .any(|it| it == connection)
                {
                    notice(Noticed::Closed(connection));
                }
            }
        }
    }
}

impl Flow {
    fn push(
        &mut self,
        bytes: &[u8],
        at: Option<Duration>,
        seen: &mut Seen,
        notice: &mut impl FnMut(Noticed<'_>),
    ) {
        if !std::mem::replace(&mut self.is_looked_at, true)
            && self.is_likely
            && is_tls(bytes, self.is_from_start)
        {
            notice(Noticed::Tls(self.key));
        }
        let now = at.unwrap_or_default();
        if self
            .waiting
            .is_some_and(|since| now.saturating_sub(since) > WHOLE)
        {
            self.scanner.give_up();
            self.waiting = None;
        }
        self.scanner.push(bytes);
        self.scan(at, seen, notice);
        self.waiting = match self.waiting {
            _ if !self.scanner.is_waiting() => None,
            since => since.or(at),
        };
    }

    /// Takes out what is whole.
    fn scan(
        &mut self,
        at: Option<Duration>,
        seen: &mut Seen,
        notice: &mut impl FnMut(Noticed<'_>),
    ) {
        while let Some(scanned) = self.scanner.next() {
            match scanned {
                Scanned::Frame { offset, frame } => {
                    self.has_frames = true;
                    self.waiting = None;
                    seen.frames += 1;
                    seen.from_units += u64::from(frame.unit().is_some());
                    let connection = self.connection;
                    notice(Noticed::Frame {
                        at,
                        connection,
                        offset,
                        frame,
                    });
                }
                Scanned::Skipped { bytes, reason, .. } if self.has_frames => {
                    seen.skipped = seen.skipped.saturating_add(bytes);
                    seen.damaged += u64::from(reason == super::wire::FrameError::Checksum);
                    notice(Noticed::Skipped(bytes, reason));
                }
                // Something else is spoken here.
                Scanned::Skipped { .. } => {}
            }
        }
    }
}
