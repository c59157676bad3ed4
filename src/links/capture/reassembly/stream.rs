//! One direction: bytes by their numbers.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::dissect::Segment;

/// How long a gap is waited for, in the time of the capture.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long, or for how many packets of the connection, a gap is still waited for that the other end
/// says it has no need of.
///
/// What the other end has acknowledged is never sent again, so it could be given up at once, had the
/// capture seen everything in its order. But a machine that captures several interfaces, or one whose
/// card has several queues, can see an acknowledgement before the data that it is for: by
/// milliseconds and a few packets. Both limits are well above that, and well below the fifteen
/// seconds. The count serves captures whose times mean nothing.
const PATIENCE_ACKNOWLEDGED: Moment = Moment {
    clock: Duration::from_secs(2),
    packets: 32,
};

/// How much waits behind a gap at most.
const MOST_BYTES: usize = 256 << 10;
const MOST_SEGMENTS: usize = 4096;

/// Nobody sends again what is so far back: such a segment is of another connection.
const FAR_BACK: u32 = 1 << 20;

/// More bytes than this are missing from no packet.
const MOST_MISSING: usize = 1 << 20;

/// When, in two measures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment {
    pub(super) clock: Duration,
    /// Packets of this connection so far.
    pub(super) packets: u64,
}

/// What comes out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'a> {
    Bytes(&'a [u8]),
    Lost(u32),
}

/// What came of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Well,
    /// Its numbers are those of another connection, which goes on with it.
    Foreign,
}

/// A segment that came too early.
#[derive(Debug)]
struct Early {
    sequence: u32,
    payload: Box<[u8]>,
    missing: u32,
    is_fin: bool,
    at: Duration,
}

impl Early {
    fn length(&self) -> usize {
        self.payload.len() + self.missing as usize
    }
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The number of the byte that comes next, once anything is known.
    next: Option<u32>,
    /// The number of its first byte.
    first: u32,
    is_from_start: bool,
    opened: Duration,
    /// By their numbers.
    early: VecDeque<Early>,
    /// Bytes of `early`.
    kept: usize,
    /// Since when the gap is waited for.
    since: Duration,
    /// What the other end says it has received, and when it first said so.
    acknowledged: Option<(u32, Moment)>,
    /// Since when that covers the gap.
    covered: Option<Moment>,
    is_over: bool,
    /// Where a segment from far back ended.
    stray: Option<u32>,
}

/// How far ahead `a` is of `b`; numbers run in a circle.
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

impl Stream {
    /// The first byte will have this number.
    pub(super) fn opened(first: u32, clock: Duration) -> Self {
        Self {
            next: Some(first),
            first,
            is_from_start: true,
            opened: clock,
            ..Self::default()
        }
    }

    pub(super) fn is_from_start(&self) -> bool {
        self.is_from_start
    }

    /// Whether anything is known of it.
    pub(super) fn is_known(&self) -> bool {
        self.next.is_some() || self.is_over
    }

    /// Whether its end was delivered.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many bytes wait behind a gap.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Whether it was opened just now, with this first byte if one is named: then an opening is the
    /// same one, captured again or late.
    pub(super) fn is_new(&self, first: Option<u32>, clock: Duration) -> bool {
        self.next.is_some()
            && clock.saturating_sub(self.opened) < PATIENCE_ACKNOWLEDGED.clock
            && first.is_none_or(|first| first == self.first)
    }

    /// Whether it can go on with this number after a long silence: where it was, or one before, as
    /// those do who only ask whether the other end is still there.
    pub(super) fn fits(&self, sequence: u32) -> bool {
        let ahead = self.next.map(|next| ahead(sequence, next));
        matches!(ahead, Some(-1 | 0)) && self.early.is_empty()
    }

    /// Whether a segment holds nothing but what was sent here a while ago.
    pub(super) fn is_old(&self, segment: &Segment<'_>) -> bool {
        let end = segment.sequence.wrapping_add(length(segment));
        self.next.is_some_and(|next| {
            let ahead = ahead(end, next);
            ahead <= 0 && ahead.unsigned_abs() < FAR_BACK
        })
    }

    /// The other end has received what comes before this number.
    pub(super) fn acknowledge(&mut self, number: u32, now: Moment) {
        if let Some((before, _)) = self.acknowledged
            && ahead(number, before) <= 0
        {
            return;
        }
        self.acknowledged = Some((number, now));
        if self.covered.is_none() {
            self.cover();
        }
    }

    /// Looks whether the other end has what is missing before the first segment that waits.
    fn cover(&mut self) {
        self.covered = match (self.acknowledged, self.early.front()) {
            (Some((number, at)), Some(front)) if ahead(number, front.sequence) >= 0 => Some(at),
            _ => None,
        };
    }

    /// When to look whether it has waited for too long.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.early.front()?;
        let covered = self
            .covered
            .map(|at| at.clock + PATIENCE_ACKNOWLEDGED.clock);
        let since = self.since + PATIENCE;
        Some(covered.map_or(since, |covered| covered.min(since)))
    }

    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        now: Moment,
        out: &mut impl FnMut(Piece<'_>),
    ) -> Taken {
        // An opening has a number too, before that of the first byte.
        let sequence = segment.sequence.wrapping_add(u32::from(segment.is_syn));
        let length = length(segment);
        // Without a payload a number says nothing: it may be that of a segment which waits, or one
        // before the next.
        if length == 0 && !segment.is_fin || self.is_over {
            return Taken::Well;
        }
        let Some(next) = self.next else {
            if length == 0 {
                self.is_over = true;
                return Taken::Well;
            }
            self.next = Some(sequence);
            self.first = sequence;
            self.opened = now.clock;
            return self.take(segment, now, out);
        };
        let distance = ahead(sequence, next);
        if distance < 0 && distance.unsigned_abs() > FAR_BACK {
            // One such segment has lost its way; a second that goes on where it ended is a connection
            // whose opening was not seen.
            let is_foreign = length > 0 && self.stray == Some(sequence);
            self.stray = Some(sequence.wrapping_add(length));
            return if is_foreign {
                Taken::Foreign
            } else {
                Taken::Well
            };
        }
        self.stray = None;
        let missing = length - segment.payload.len() as u32;
        if distance <= 0 {
            self.deliver(sequence, segment.payload, missing, segment.is_fin, out);
            self.drain(out);
        } else {
            self.keep(segment, sequence, missing, now);
            while self.kept > MOST_BYTES || self.early.len() > MOST_SEGMENTS {
                self.give_up(out);
            }
        }
        Taken::Well
    }

    /// Delivers what is new of a segment that begins no later than the next byte.
    fn deliver(
        &mut self,
        sequence: u32,
        payload: &[u8],
        missing: u32,
        is_fin: bool,
        out: &mut impl FnMut(Piece<'_>),
    ) {
        let Some(mut next) = self.next else {
            return;
        };
        let seen = next.wrapping_sub(sequence) as usize;
        if let Some(new) = payload.get(seen..)
            && !new.is_empty()
        {
            next = next.wrapping_add(new.len() as u32);
            out(Piece::Bytes(new));
        }
        // What the capture has cut off, it would cut off again.
        let end = sequence.wrapping_add(payload.len() as u32 + missing);
        let lost = ahead(end, next);
        if lost > 0 {
            next = end;
            out(Piece::Lost(lost.unsigned_abs()));
        }
        if is_fin && next == end {
            next = next.wrapping_add(1);
            self.is_over = true;
            self.early.clear();
            self.kept = 0;
        }
        self.next = Some(next);
    }

    /// Delivers what has waited for what came now.
    fn drain(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        let mut is_moved = false;
        while let (Some(next), Some(front)) = (self.next, self.early.front())
            && ahead(front.sequence, next) <= 0
            && let Some(front) = self.early.pop_front()
        {
            self.kept -= front.payload.len();
            self.deliver(
                front.sequence,
                &front.payload,
                front.missing,
                front.is_fin,
                out,
            );
            is_moved = true;
        }
        if is_moved {
            self.since = self.early.front().map_or(Duration::ZERO, |front| front.at);
            self.cover();
        }
    }

    /// Keeps a segment until those before it have come.
    fn keep(&mut self, segment: &Segment<'_>, sequence: u32, missing: u32, now: Moment) {
        let early = Early {
            sequence,
            payload: segment.payload.into(),
            missing,
            is_fin: segment.is_fin,
            at: now.clock,
        };
        if self.early.is_empty() {
            self.since = now.clock;
        }
        // Nearly always it belongs at the end.
        let at = match self.early.back() {
            Some(last) if ahead(sequence, last.sequence) <= 0 => self
                .early
                .partition_point(|other| ahead(other.sequence, sequence) < 0),
            _ => self.early.len(),
        };
        match self.early.get_mut(at) {
            Some(same) if same.sequence == sequence => {
                if (early.length(), early.is_fin) > (same.length(), same.is_fin) {
                    self.kept += early.payload.len();
                    self.kept -= same.payload.len();
                    *same = early;
                }
            }
            _ => {
                self.kept += early.payload.len();
                self.early.insert(at, early);
                if at == 0 {
                    self.cover();
                }
            }
        }
    }

    /// Goes on behind the gap.
    fn give_up(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        let (Some(next), Some(front)) = (self.next, self.early.front()) else {
            return;
        };
        let lost = front.sequence.wrapping_sub(next);
        self.next = Some(front.sequence);
        out(Piece::Lost(lost));
        self.drain(out);
    }

    /// Gives up what was waited for too long.
    pub(super) fn expire(&mut self, now: Moment, out: &mut impl FnMut(Piece<'_>)) {
        while !self.early.is_empty() && self.is_due(now) {
            self.give_up(out);
        }
    }

    fn is_due(&self, now: Moment) -> bool {
        now.clock.saturating_sub(self.since) >= PATIENCE
            || self.covered.is_some_and(|covered| {
                now.clock.saturating_sub(covered.clock) >= PATIENCE_ACKNOWLEDGED.clock
                    || now.packets - covered.packets >= PATIENCE_ACKNOWLEDGED.packets
            })
    }

    /// Forgets what waits, but not where it was.
    pub(super) fn abandon(&mut self) {
        self.early.clear();
        self.kept = 0;
        self.covered = None;
    }

    /// Nothing more will come: delivers all that waits.
    pub(super) fn flush(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        while !self.early.is_empty() {
            self.give_up(out);
        }
    }
}

/// How many bytes a segment had on its way.
fn length(segment: &Segment<'_>) -> u32 {
    (segment.payload.len() + segment.missing.min(MOST_MISSING)) as u32
}
