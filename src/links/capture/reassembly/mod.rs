//! TCP segments, as they were seen, put in order again.

mod connection;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::dissect::Segment;
use connection::{Connection, Ends, Ids, SILENCE, ends};

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

/// How many connections that carry something are remembered; the one that is silent for longest goes
/// first.
const MOST_CONNECTIONS: usize = 256;

/// How many more that carry nothing: opened only, or over. However many of those there are, as when
/// somebody tries all ports, they push out only each other.
const MOST_EMPTY: usize = 64;

/// How many bytes wait behind gaps, in all connections together.
const MOST_KEPT: usize = 8 << 20;

/// How far time goes on by one packet at most. A clock that is set ahead then makes nobody silent,
/// and a true silence is found a packet later.
const LARGEST_STEP: Duration = Duration::from_secs(1800);

/// A capture that goes back further than this has had its clock set; by less, it is out of order.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

/// How often silent connections are looked for.
const ROUND: Duration = Duration::from_secs(60);

/// Puts segments in order, each direction of each connection for itself.
///
/// It only ever sees what was captured: a direction alone, a connection from its middle on, packets
/// twice, late, or never. Memory is bounded; with too much of anything, the oldest goes.
#[derive(Debug, Default)]
pub struct Reassembly {
    connections: Vec<Connection>,
    places: HashMap<Ends, usize>,
    /// The connection of the last segment: the next is nearly always of the same.
    last: usize,
    ids: Ids,
    /// The time of the capture, without its jumps.
    clock: Duration,
    /// The latest time that was captured.
    latest: Option<Duration>,
    /// When to look after all connections.
    wake: Duration,
}

impl Reassembly {
    /// Takes a segment that was captured then. The time only serves to give up waiting, and may jump.
    pub fn take(
        &mut self,
        at: Duration,
        segment: &Segment<'_>,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        self.advance(at);
        let (ends, side) = ends(segment);
        let is_empty = segment.payload.is_empty() && segment.missing == 0;
        let found = self.find(&ends);
        // Nothing begins with a segment that carries nothing.
        if found.is_some() || !is_empty || segment.is_syn {
            let index = found.unwrap_or_else(|| {
                let index = self.connections.len();
                self.connections.push(Connection::new(ends, self.clock, at));
                self.places.insert(ends, index);
                index
            });
            self.last = index;
            if let Some(connection) = self.connections.get_mut(index) {
                let was_announced = connection.is_announced();
                connection.take(segment, side, self.clock, at, &mut self.ids, deliver);
                if let Some(deadline) = connection.deadline() {
                    self.wake = self.wake.min(deadline);
                    self.bound_kept(index, deliver);
                }
                if found.is_none() || !was_announced {
                    self.bound_count(index, deliver);
                }
            }
        }
        if self.clock >= self.wake {
            self.look_after_all(deliver);
        }
    }

    /// No more will come: what still waits is delivered.
    pub fn finish(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        self.places.clear();
        for connection in self.connections.drain(..) {
            connection.close(&mut self.ids, deliver);
        }
    }

    fn advance(&mut self, at: Duration) {
        let latest = self.latest.unwrap_or(at);
        if at >= latest {
            self.clock += (at - latest).min(LARGEST_STEP);
            self.latest = Some(at);
        } else if latest - at > OUT_OF_ORDER {
            self.latest = Some(at);
        }
    }

    fn find(&self, ends: &Ends) -> Option<usize> {
        match self.connections.get(self.last) {
            Some(last) if last.ends == *ends => Some(self.last),
            _ => self.places.get(ends).copied(),
        }
    }

    /// Forgets a connection.
    fn remove(&mut self, index: usize, deliver: &mut impl FnMut(Delivery<'_>)) {
        if index >= self.connections.len() {
            return;
        }
        let connection = self.connections.swap_remove(index);
        self.places.remove(&connection.ends);
        connection.close(&mut self.ids, deliver);
        // The last one has moved here.
        if let Some(moved) = self.connections.get(index) {
            self.places.insert(moved.ends, index);
        }
    }

    /// With too many connections, forgets the one that is silent for longest, but for this one.
    fn bound_count(&mut self, index: usize, deliver: &mut impl FnMut(Delivery<'_>)) {
        for (is_announced, most) in [(true, MOST_CONNECTIONS), (false, MOST_EMPTY)] {
            let all = self.connections.iter().enumerate();
            let kind = all.filter(|(_, connection)| connection.is_announced() == is_announced);
            let (mut count, mut oldest) = (0, None);
            for (at, connection) in kind {
                count += 1;
                if at != index && oldest.is_none_or(|(seen, _)| connection.seen() < seen) {
                    oldest = Some((connection.seen(), at));
                }
            }
            if let (true, Some((_, oldest))) = (count > most, oldest) {
                // One came, so one goes; and then nothing else can be too many.
                self.remove(oldest, deliver);
                return;
            }
        }
    }

    /// With too much that waits, goes on without waiting where it became too much.
    fn bound_kept(&mut self, index: usize, deliver: &mut impl FnMut(Delivery<'_>)) {
        let kept: usize = self.connections.iter().map(Connection::kept).sum();
        if kept > MOST_KEPT
            && let Some(connection) = self.connections.get_mut(index)
        {
            connection.flush(&mut self.ids, deliver);
        }
    }

    /// Gives up what was waited for too long, and forgets who is silent.
    fn look_after_all(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        let mut index = 0;
        self.wake = self.clock + ROUND;
        while let Some(connection) = self.connections.get_mut(index) {
            if self.clock.saturating_sub(connection.seen()) > SILENCE {
                self.remove(index, deliver);
                continue;
            }
            connection.expire(self.clock, &mut self.ids, deliver);
            if let Some(deadline) = connection.deadline() {
                self.wake = self.wake.min(deadline);
            }
            index += 1;
        }
    }
}
