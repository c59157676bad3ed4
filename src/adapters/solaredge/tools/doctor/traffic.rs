//! What passes, by its packets alone: who is there, on which ports, in which networks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::adapters::solaredge::listener::{MAC_PREFIXES, PORTS};
use crate::links::capture::{CaptureReader, Captured, Dissected, Segment, dissect};

/// Of each kind, no more are remembered.
const MOST: usize = 64;

/// What was seen of packets.
#[derive(Debug, Default)]
pub struct Traffic {
    capture: CaptureReader,
    /// The first packet and the last, by the clock of the capture.
    pub times: Option<(Duration, Duration)>,
    /// Network parts that look like an inverter's, and how many packets are from and to each.
    pub inverters: BTreeMap<[u8; 6], Ways>,
    /// Networks that packets of inverters are tagged with; `None` is without a tag.
    pub vlans: BTreeSet<Option<u16>>,
    /// Ports of servers that inverters talk to, and connections there.
    pub servers: BTreeMap<u16, Ways>,
    /// Connections of inverters.
    pub connections: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Bytes of them that were cut off when they were captured.
    pub cut: u64,
}

/// Packets by direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// From the inverter.
    pub up: u64,
    /// To the inverter.
    pub down: u64,
}

impl Ways {
    fn count(&mut self, is_up: bool) {
        if is_up {
            self.up += 1;
        } else {
            self.down += 1;
        }
    }
}

impl Traffic {
    /// Takes bytes of a capture.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut capture = std::mem::take(&mut self.capture);
        capture.push(bytes);
        while let Some(captured) = capture.next() {
            let Captured::Packet(packet) = captured else {
                continue;
            };
            if let Some(at) = packet.at.filter(|at| !at.is_zero()) {
                let (first, last) = self.times.unwrap_or((at, at));
                self.times = Some((first.min(at), last.max(at)));
            }
            if let Dissected::Tcp(segment) = dissect(&packet) {
                self.segment(&segment);
            }
        }
        self.capture = capture;
    }

    /// What comes now is another file.
    pub fn begin_file(&mut self) {
        self.capture.begin_file();
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let sender = segment.mac.filter(is_inverter);
        let receiver = segment.mac_to.filter(is_inverter);
        let to_server = PORTS.contains(&segment.destination.port());
        let from_server = PORTS.contains(&segment.source.port());
        let is_up = match (sender, receiver) {
            (Some(_), _) => true,
            (None, Some(_)) => false,
            (None, None) if to_server => true,
            (None, None) if from_server => false,
            (None, None) => return,
        };
        if let Some(mac) = sender.or(receiver) {
            counted(&mut self.inverters, mac, is_up);
        }
        let (inverter, server) = if is_up {
            (segment.source, segment.destination)
        } else {
            (segment.destination, segment.source)
        };
        counted(&mut self.servers, server.port(), is_up);
        kept(&mut self.vlans, segment.vlan);
        kept(&mut self.connections, (inverter, server));
        self.cut = self.cut.saturating_add(segment.missing as u64);
    }
}

fn is_inverter(mac: &[u8; 6]) -> bool {
    MAC_PREFIXES.iter().any(|prefix| mac.starts_with(prefix))
}

fn counted<K: Ord>(all: &mut BTreeMap<K, Ways>, key: K, is_up: bool) {
    if all.len() < MOST || all.contains_key(&key) {
        all.entry(key).or_default().count(is_up);
    }
}

fn kept<K: Ord>(all: &mut BTreeSet<K>, key: K) {
    if all.len() < MOST {
        all.insert(key);
    }
}
