//! What is in a packet: the headers from the interface up to TCP.

mod segment;

use std::net::SocketAddr;

use super::reader::Packet;

pub use segment::Segment;

/// What a packet carries, as far as anybody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dissected<'a> {
    /// A segment of TCP.
    Tcp(Segment<'a>),
    /// A datagram of UDP.
    Udp {
        /// Who sent it in this network, if the interface says so.
        mac: Option<[u8; 6]>,
        /// From where.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A piece of a larger packet, which is not put together again.
    Fragment,
    /// Anything else, or not whole enough to tell.
    Other,
}

/// Takes a packet apart.
pub fn dissect<'a>(_packet: &Packet<'a>) -> Dissected<'a> {
    Dissected::Other
}
