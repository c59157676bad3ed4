//! How an answer goes out: whole, or late, in pieces, cut or with garbage around it.

use std::time::Duration;

use crate::simulation::noise::hash;

/// What happens to the bytes of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mishaps {
    pub delay: Duration,
    /// Bytes of each piece, and the pause between pieces.
    pub split: Option<(usize, Duration)>,
    /// Bytes that are sent, or half of them.
    pub truncate: Option<Option<usize>>,
    /// The last byte is left out.
    pub no_newline: bool,
    pub garbage_before: usize,
    pub garbage_after: usize,
}

/// Bytes to write, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Each piece after its pause.
    pub pieces: Vec<(Duration, Vec<u8>)>,
    /// The connection is closed afterwards.
    pub close: bool,
}

impl Delivery {
    pub fn new(mut answer: Vec<u8>, mishaps: &Mishaps) -> Self {
        if mishaps.no_newline {
            answer.pop();
        }
        if let Some(length) = mishaps.truncate {
            answer.truncate(length.unwrap_or(answer.len() / 2));
        }
        let mut bytes = garbage(mishaps.garbage_before);
        bytes.append(&mut answer);
        bytes.append(&mut garbage(mishaps.garbage_after));

        let (size, pause) = mishaps.split.unwrap_or((bytes.len(), Duration::ZERO));
        let chunks = bytes.chunks(size.max(1)).map(<[u8]>::to_vec);
        let mut pieces: Vec<_> = chunks.map(|chunk| (pause, chunk)).collect();
        if let Some((before, _)) = pieces.first_mut() {
            *before = mishaps.delay;
        }
        Self {
            pieces,
            close: mishaps.truncate.is_some(),
        }
    }
}

/// Bytes without sense, but always the same ones.
fn garbage(length: usize) -> Vec<u8> {
    (0..length).map(|at| hash(0xbad, at as u64) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(mishaps: &Mishaps) -> Delivery {
        Delivery::new(b"0123456789".to_vec(), mishaps)
    }

    #[test]
    fn an_answer_goes_out_whole() {
        let whole = (Duration::ZERO, b"0123456789".to_vec());
        assert_eq!(delivery(&Mishaps::default()).pieces, [whole]);
    }

    #[test]
    fn mishaps_add_up() {
        let second = Duration::from_secs(1);
        let mishaps = Mishaps {
            delay: 3 * second,
            split: Some((4, second)),
            truncate: Some(None),
            no_newline: false,
            garbage_before: 2,
            garbage_after: 3,
        };
        let delivery = delivery(&mishaps);
        let pauses: Vec<_> = delivery.pieces.iter().map(|(pause, _)| *pause).collect();
        assert_eq!(pauses, [3 * second, second, second]);
        let bytes: Vec<u8> = delivery
            .pieces
            .iter()
            .flat_map(|piece| piece.1.clone())
            .collect();
        assert_eq!(bytes.get(2..7), Some(b"01234".as_slice()));
        assert_eq!(bytes.len(), 10);
        assert!(delivery.close);
    }
}
