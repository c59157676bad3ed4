//! TCP segments, as they were seen, put in order again.

use std::net::SocketAddr;
use std::time::Duration;

use super::dissect::Segment;

/// One direction of one connection. Never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// From where to where one direction goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// From where.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
}

/// What comes out of the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// A direction is seen for the first time, or has begun anew under the same addresses.
    Opened {
        /// Which.
        flow: FlowId,
        /// Its addresses.
        key: FlowKey,
        /// Who sends in this network, if that is known.
        mac: Option<[u8; 6]>,
        /// The other direction of the same connection, if that is known already.
        peer: Option<FlowId>,
        /// Whether it was seen from its first byte on.
        from_start: bool,
    },
    /// The next bytes.
    Bytes(FlowId, &'a [u8]),
    /// So many bytes will never come.
    Lost(FlowId, u32),
    /// It has ended, or been forgotten.
    Closed(FlowId),
}

/// Puts segments in order.
#[derive(Debug, Default)]
pub struct Reassembly {}

impl Reassembly {
    /// Takes a segment that was captured then. The time only serves to give up waiting, and may jump.
    pub fn take(
        &mut self,
        _at: Duration,
        _segment: &Segment<'_>,
        _deliver: &mut impl FnMut(Delivery<'_>),
    ) {
    }

    /// No more will come: what still waits is delivered.
    pub fn finish(&mut self, _deliver: &mut impl FnMut(Delivery<'_>)) {}
}
