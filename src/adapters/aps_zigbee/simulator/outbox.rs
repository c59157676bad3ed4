//! What a stick is about to send, and when.

use std::collections::BTreeMap;
use std::time::Duration;

/// Between two pieces of a frame, if nothing else is said.
pub const PIECE: Duration = Duration::from_millis(30);
/// Frames that come together do so every so often.
const GLUE: u128 = 400;

/// What a stick is about to send.
#[derive(Debug, Default)]
pub struct SimOutbox {
    waiting: BTreeMap<(Duration, u64), DueBytes>,
    /// The rest of a frame that comes in pieces.
    rest: Option<(Duration, DueBytes)>,
    count: u64,
}

/// In which pieces a frame comes.
#[derive(Debug, Clone, Copy)]
pub struct FramePiece {
    /// So many bytes.
    pub size: usize,
    /// So long after the one before.
    pub pause: Duration,
}

#[derive(Debug)]
struct DueBytes {
    bytes: Vec<u8>,
    piece: Option<FramePiece>,
}

impl SimOutbox {
    /// These bytes are due at this time, whole or in pieces.
    pub fn push(&mut self, due: Duration, bytes: Vec<u8>, piece: Option<FramePiece>) {
        self.count += 1;
        let waiting = DueBytes { bytes, piece };
        self.waiting.insert((due, self.count), waiting);
    }

    /// Nothing of it is sent.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.rest = None;
    }

    /// How much is to come.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When something is to be sent, with frames that come together or not.
    pub fn next_due(&self, is_glued: bool) -> Option<Duration> {
        if let Some((due, _)) = &self.rest {
            return Some(*due);
        }
        let ((due, _), _) = self.waiting.first_key_value()?;
        Some(if is_glued { glued(*due) } else { *due })
    }

    /// What is to be sent at this time.
    pub fn take(&mut self, now: Duration, is_glued: bool) -> Option<Vec<u8>> {
        if self.next_due(is_glued)? > now {
            return None;
        }
        let next = match self.rest.take() {
            Some((_, rest)) => rest,
            None => self.waiting.pop_first()?.1,
        };
        let mut bytes = next.bytes;
        if is_glued {
            while let Some(first) = self.waiting.first_entry() {
                if first.key().0 > now {
                    break;
                }
                bytes.extend(first.remove().bytes);
            }
        } else if let Some(piece) = next.piece
            && bytes.len() > piece.size
        {
            let rest = bytes.split_off(piece.size);
            let rest = DueBytes {
                bytes: rest,
                piece: next.piece,
            };
            self.rest = Some((now + piece.pause, rest));
        }
        Some(bytes)
    }
}

fn glued(due: Duration) -> Duration {
    let turns = due.as_millis().div_ceil(GLUE);
    let milliseconds = u64::try_from(turns * GLUE).unwrap_or(u64::MAX);
    Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn pieces_of_a_frame_come_before_the_next_frame() {
        let mut outbox = SimOutbox::default();
        let piece = FramePiece {
            size: 3,
            pause: PIECE,
        };
        outbox.push(5 * MS, vec![1, 2, 3, 4], Some(piece));
        outbox.push(6 * MS, vec![5], None);
        assert_eq!(outbox.take(4 * MS, false), None);
        assert_eq!(outbox.take(7 * MS, false), Some(vec![1, 2, 3]));
        assert_eq!(outbox.take(8 * MS, false), None);
        assert_eq!(outbox.next_due(false), Some(37 * MS));
        assert_eq!(outbox.take(37 * MS, false), Some(vec![4]));
        assert_eq!(outbox.take(37 * MS, false), Some(vec![5]));
        assert_eq!(outbox.next_due(false), None);
    }

    #[test]
    fn what_is_glued_comes_together() {
        let mut outbox = SimOutbox::default();
        for (due, byte) in [(10, 1), (20, 2), (500, 3)] {
            outbox.push(due * MS, vec![byte], None);
        }
        assert_eq!(outbox.next_due(true), Some(400 * MS));
        assert_eq!(outbox.take(399 * MS, true), None);
        assert_eq!(outbox.take(400 * MS, true), Some(vec![1, 2]));
        assert_eq!(outbox.next_due(true), Some(800 * MS));
    }
}
