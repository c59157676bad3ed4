//! What a connection has brought, taken apart.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use wattbridge::links::capture::{CaptureReader, Captured, Dissected, LinkType, dissect};
use wattbridge::links::{Address, Connection, LinkError, Links};

use super::{NO_SETTINGS, PATIENCE};

/// A segment that came, with what a test may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) link: LinkType,
    pub(crate) vlan: Option<u16>,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: Option<u32>,
    /// Opens, ends, breaks off.
    pub(crate) flags: (bool, bool, bool),
    pub(crate) payload: Vec<u8>,
    /// The whole packet.
    pub(crate) packet: Vec<u8>,
}

/// A connection to where packets can be seen, and all that has come of it.
pub(crate) struct Arrived {
    pub(crate) connection: Connection,
    reader: CaptureReader,
    pub(crate) segments: Vec<Came>,
    /// Packets that are no segments.
    pub(crate) others: usize,
    pub(crate) dropped: u64,
}

impl Arrived {
    pub(crate) async fn open(links: &Links, address: &Address) -> Result<Self, LinkError> {
        let connection = links.open(address, &NO_SETTINGS, PATIENCE).await?;
        Ok(Self {
            connection,
            reader: CaptureReader::default(),
            segments: Vec::new(),
            others: 0,
            dropped: 0,
        })
    }

    /// Waits for more, whatever it is. 0 is the end.
    pub(crate) async fn more(&mut self) -> Result<usize, LinkError> {
        let mut bytes = Vec::new();
        let received = self.connection.receive_within(&mut bytes, PATIENCE).await;
        assert_eq!(bytes.len(), *received.as_ref().unwrap_or(&0));
        self.reader.push(&bytes);
        while let Some(captured) = self.reader.next() {
            match captured {
                Captured::Packet(packet) => match dissect(&packet) {
                    Dissected::Tcp(segment) => self.segments.push(Came {
                        link: packet.link,
                        vlan: segment.vlan,
                        source: segment.source,
                        destination: segment.destination,
                        sequence: segment.sequence,
                        acknowledged: segment.acknowledged,
                        flags: (segment.is_syn, segment.is_fin, segment.is_reset),
                        payload: segment.payload.to_vec(),
                        packet: packet.data.to_vec(),
                    }),
                    _ => self.others += 1,
                },
                Captured::Dropped(count) => self.dropped += count,
                Captured::Refused(why) => panic!("{why}"),
            }
        }
        received
    }

    /// Waits until this holds.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let received = self.more().await;
            assert!(
                received.as_ref().is_ok_and(|count| *count > 0),
                "{received:?}"
            );
        }
    }

    /// The bytes that came from this end, in order; up to the first gap.
    pub(crate) fn stream(&self, is_wanted: impl Fn(&Came) -> bool) -> Vec<u8> {
        let mut parts = BTreeMap::new();
        let mut first = None;
        for came in self.segments.iter().filter(|came| is_wanted(came)) {
            let begins = came.sequence.wrapping_add(u32::from(came.flags.0));
            let first = *first.get_or_insert(begins);
            let part = parts
                .entry(begins.wrapping_sub(first))
                .or_insert(&came.payload);
            if came.payload.len() > part.len() {
                *part = &came.payload;
            }
        }
        let mut bytes: Vec<u8> = Vec::new();
        for (at, part) in parts {
            let at = at as usize;
            if at > bytes.len() {
                break;
            }
            let known = bytes.len() - at;
            bytes.extend(part.iter().skip(known));
        }
        bytes
    }
}
