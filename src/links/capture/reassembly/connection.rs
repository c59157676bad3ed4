//! Both directions of a connection, as far as they are seen.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::dissect::Segment;
use super::stream::{Moment, Piece, Stream, Taken};
use super::{Delivery, FlowId, FlowKey};

/// After so long a silence a connection is another one.
pub(super) const SILENCE: Duration = Duration::from_secs(3600);

/// For how long what is sent again after the end is known to be just that.
const AFTERMATH: Duration = Duration::from_secs(120);

/// The two ends, the same whoever sends.
pub(super) type Ends = [SocketAddr; 2];

/// The ends of a segment's connection, and which of them sends.
pub(super) fn ends(segment: &Segment<'_>) -> (Ends, Side) {
    if segment.source <= segment.destination {
        ([segment.source, segment.destination], Side::First)
    } else {
        ([segment.destination, segment.source], Side::Second)
    }
}

/// Which end sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    First,
    Second,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: Ends,
    ways: [Way; 2],
    packets: u64,
    /// When its last packet came, by our clock and by that of the capture.
    seen: Duration,
    captured: Duration,
    /// When both ends had said that it is over.
    ended: Option<Duration>,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// Once it was announced.
    id: Option<FlowId>,
    mac: Option<[u8; 6]>,
    stream: Stream,
}

impl Way {
    /// It is over, or of another connection than what comes now.
    fn close(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        if let Some(id) = self.id.take() {
            deliver(Delivery::Closed(id));
        }
    }
}

/// Where new numbers of flows come from.
#[derive(Debug, Default)]
pub(super) struct Ids(u64);

impl Ids {
    fn next(&mut self) -> FlowId {
        self.0 += 1;
        FlowId(self.0)
    }
}

impl Connection {
    pub(super) fn new(ends: Ends, clock: Duration, captured: Duration) -> Self {
        Self {
            ends,
            ways: Default::default(),
            packets: 0,
            seen: clock,
            captured,
            ended: None,
        }
    }

    /// Whether it is anything to anybody: a direction was announced and not closed.
    pub(super) fn is_announced(&self) -> bool {
        self.ways.iter().any(|way| way.id.is_some())
    }

    /// When its last packet came.
    pub(super) fn seen(&self) -> Duration {
        self.seen
    }

    /// How many bytes wait behind gaps.
    pub(super) fn kept(&self) -> usize {
        self.ways.iter().map(|way| way.stream.kept()).sum()
    }

    /// When to look whether a gap was waited for too long.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let deadlines = self.ways.iter().filter_map(|way| way.stream.deadline());
        deadlines.min()
    }

    /// The direction of one side, and the other one.
    fn ways(&mut self, side: Side) -> (&mut Way, &mut Way) {
        let [first, second] = &mut self.ways;
        match side {
            Side::First => (first, second),
            Side::Second => (second, first),
        }
    }

    /// Lets something happen to one direction, and tells what comes out of it.
    fn run<T>(
        &mut self,
        side: Side,
        ids: &mut Ids,
        deliver: &mut impl FnMut(Delivery<'_>),
        happen: impl FnOnce(&mut Stream, &mut dyn FnMut(Piece<'_>)) -> T,
    ) -> T {
        let [first, second] = self.ends;
        let key = match side {
            Side::First => FlowKey {
                source: first,
                destination: second,
            },
            Side::Second => FlowKey {
                source: second,
                destination: first,
            },
        };
        let (way, other) = self.ways(side);
        let from_start = way.stream.is_from_start();
        let mut out = |piece: Piece<'_>| {
            let id = *way.id.get_or_insert_with(|| {
                let flow = ids.next();
                deliver(Delivery::Opened {
                    flow,
                    key,
                    mac: way.mac,
                    peer: other.id,
                    from_start,
                });
                flow
            });
            deliver(match piece {
                Piece::Bytes(bytes) => Delivery::Bytes(id, bytes),
                Piece::Lost(count) => Delivery::Lost(id, count),
            });
        };
        happen(&mut way.stream, &mut out)
    }

    /// Forgets both directions; what comes next begins anew.
    fn forget(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        for way in &mut self.ways {
            way.close(deliver);
            *way = Way::default();
        }
        self.ended = None;
    }

    /// Both directions are over. What is known of them stays for a while, to know what is sent again.
    fn end(&mut self, clock: Duration, deliver: &mut impl FnMut(Delivery<'_>)) {
        for way in &mut self.ways {
            way.close(deliver);
        }
        self.ended = Some(clock);
    }

    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        clock: Duration,
        captured: Duration,
        ids: &mut Ids,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        self.packets += 1;
        let now = Moment {
            clock,
            packets: self.packets,
        };
        if captured.saturating_sub(self.captured) > SILENCE && !self.goes_on(segment, side) {
            self.flush(ids, deliver);
            self.forget(deliver);
        }
        self.seen = clock;
        self.captured = captured;
        if segment.is_reset {
            // What waited is forgotten, in both directions: nobody takes it any more.
            for way in &mut self.ways {
                way.stream.abandon();
            }
            self.end(clock, deliver);
            return;
        }
        if segment.is_syn {
            self.open(segment, side, clock, deliver);
        } else if let Some(ended) = self.ended {
            let is_empty = segment.payload.is_empty() && segment.missing == 0;
            let is_recent = clock.saturating_sub(ended) < AFTERMATH;
            if is_empty || is_recent && self.ways(side).0.stream.is_old(segment) {
                return;
            }
            self.forget(deliver);
        }
        let (way, _) = self.ways(side);
        way.mac = way.mac.or(segment.mac);
        if let Some(number) = segment.acknowledged {
            self.run(side.other(), ids, deliver, |stream, mut out| {
                stream.acknowledge(number, now);
                stream.expire(now, &mut out);
            });
        }
        let taken = self.run(side, ids, deliver, |stream, mut out| {
            let taken = stream.take(segment, now, &mut out);
            stream.expire(now, &mut out);
            taken
        });
        if taken == Taken::Foreign {
            self.forget(deliver);
            self.ways(side).0.mac = segment.mac;
            self.run(side, ids, deliver, |stream, mut out| {
                stream.take(segment, now, &mut out)
            });
        }
        self.end_if_over(clock, deliver);
    }

    /// Ends when both directions have, or the only one that is seen.
    fn end_if_over(&mut self, clock: Duration, deliver: &mut impl FnMut(Delivery<'_>)) {
        let mut ways = self.ways.iter().map(|way| &way.stream);
        let is_any = ways.clone().any(Stream::is_over);
        if self.ended.is_none()
            && is_any
            && ways.all(|stream| stream.is_over() || !stream.is_known())
        {
            self.end(clock, deliver);
        }
    }

    /// Whether a segment can be of this connection, although it was silent for so long: captures of
    /// machines whose clock is set ahead look like that.
    fn goes_on(&mut self, segment: &Segment<'_>, side: Side) -> bool {
        let (way, other) = self.ways(side);
        way.stream.fits(segment.sequence)
            || segment
                .acknowledged
                .is_some_and(|number| other.stream.fits(number))
    }

    /// An opening.
    fn open(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        clock: Duration,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        let first = segment.sequence.wrapping_add(1);
        let is_ended = self.ended.take().is_some();
        let (way, other) = self.ways(side);
        if is_ended || !way.stream.is_new(Some(first), clock) {
            way.close(deliver);
            *way = Way {
                stream: Stream::opened(first, clock),
                ..Way::default()
            };
        }
        // The first one of the two: whatever came from the other end was another connection.
        let is_first = segment.acknowledged.is_none();
        if is_ended || is_first && !other.stream.is_new(None, clock) {
            other.close(deliver);
            *other = Way::default();
        }
    }

    /// Gives up what was waited for too long.
    pub(super) fn expire(
        &mut self,
        clock: Duration,
        ids: &mut Ids,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        let now = Moment {
            clock,
            packets: self.packets,
        };
        for side in [Side::First, Side::Second] {
            self.run(side, ids, deliver, |stream, mut out| {
                stream.expire(now, &mut out);
            });
        }
        self.end_if_over(clock, deliver);
    }

    /// Delivers all that waits.
    pub(super) fn flush(&mut self, ids: &mut Ids, deliver: &mut impl FnMut(Delivery<'_>)) {
        for side in [Side::First, Side::Second] {
            self.run(side, ids, deliver, |stream, mut out| stream.flush(&mut out));
        }
    }

    /// Delivers all that waits, and says that it is forgotten.
    pub(super) fn close(mut self, ids: &mut Ids, deliver: &mut impl FnMut(Delivery<'_>)) {
        self.flush(ids, deliver);
        self.forget(deliver);
    }
}
