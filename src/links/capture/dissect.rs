//! What is in a packet: the headers from the interface up to TCP.

use std::net::SocketAddr;

use super::reader::Packet;

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

/// A segment of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sent it in this network, if the interface says so.
    pub mac: Option<[u8; 6]>,
    /// To whom in this network.
    pub mac_to: Option<[u8; 6]>,
    /// The innermost VLAN.
    pub vlan: Option<u16>,
    /// From where.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// The number of its first byte.
    pub sequence: u32,
    /// What the sender has received, if it says so.
    pub acknowledged: Option<u32>,
    /// It opens the connection.
    pub is_syn: bool,
    /// It ends this direction.
    pub is_fin: bool,
    /// It breaks the connection off.
    pub is_reset: bool,
    /// What it carries, as many bytes of it as were captured.
    pub payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub missing: usize,
}

/// Takes a packet apart.
pub fn dissect<'a>(_packet: &Packet<'a>) -> Dissected<'a> {
    Dissected::Other
}
