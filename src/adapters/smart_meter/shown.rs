//! The bytes of a file that are still needed to show a message in its frames.

use std::fmt::Write as _;

use super::wire::annotate::{annotate_apdu, annotate_plaintext};
use super::wire::link::{MAX_BUFFER, annotate};
use super::wire::{Message, Transport};

/// Bytes from the end of a message back to the frames that are shown: far more than it can have,
/// but there may be noise between them.
const SHOWN: usize = 32 * 1024;
/// Bytes to keep: a message is known only when as many as can wait have come after it, and those that
/// came with them.
const KEPT: usize = SHOWN + MAX_BUFFER + 1024;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub struct Shown {
    bytes: Vec<u8>,
    /// Offset of `bytes` in the stream.
    offset: u64,
}

impl Shown {
    /// Takes bytes, at most 1024 of them.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // Seldom, so that it costs nothing.
        if self.bytes.len() >= 2 * KEPT {
            let old = self.bytes.len() - KEPT;
            self.bytes.drain(..old);
            self.offset += old as u64;
        }
    }

    fn get(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }

    /// The layers of a message, each byte with its meaning.
    pub fn annotation(&self, message: &Message, plaintext: Option<&[u8]>) -> String {
        let mut text = String::new();
        // Without a frame it would be shown twice.
        if !matches!(message.transport, Transport::Raw | Transport::Text) {
            let end = message.frames.last().map_or(0, |frame| frame.end());
            for frame in &message.frames {
                let bytes = self.get(frame.offset, frame.length);
                let is_near = end - frame.offset <= SHOWN as u64;
                if let Some(bytes) = bytes.filter(|_| is_near) {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "frame at byte {}", frame.offset);
                    text.push_str(&annotate(bytes));
                }
            }
            text.push_str("message\n");
        }
        text.push_str(&annotate_apdu(&message.bytes));
        if let Some(plaintext) = plaintext {
            text.push_str(&annotate_plaintext(plaintext));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::axdr::Data;
    use super::super::wire::link::mbus;
    use super::super::wire::{HeaderTime, notification};
    use super::super::{ADAPTER, KIND};
    use super::*;
    use crate::config::Section;
    use crate::device::Adapter as _;

    /// A telegram in clear, in two frames.
    fn frames() -> Vec<Vec<u8>> {
        let code = Data::Octets(vec![1, 0, 1, 8, 0, 255]);
        let scale = Data::Structure(vec![
            Data::Number {
                tag: 0x0f,
                value: 0,
            },
            Data::Number {
                tag: 0x16,
                value: 30,
            },
        ]);
        let data = Data::Structure(vec![code, Data::u32(77), scale]);
        mbus::frames(&notification(1, HeaderTime::Absent, &data), 20)
    }

    fn annotations(stream: &[u8], size: usize) -> Vec<String> {
        let section = Section::from_pairs(KIND, &[]).unwrap();
        let mut decoder = ADAPTER.decoder(&section).unwrap();
        decoder.annotate();
        let mut all = Vec::new();
        for piece in stream.chunks(size) {
            decoder.push(piece);
            all.extend(std::iter::from_fn(|| decoder.next()));
        }
        let decoded = all.into_iter().flatten();
        decoded.map(|decoded| decoded.annotation).collect()
    }

    #[test]
    fn the_frames_of_a_message_are_shown_with_their_places() {
        let stream = [b"noise".as_slice(), &frames().concat()].concat();
        let shown = annotations(&stream, 7);
        assert_eq!(shown.len(), 1);
        let second = 5 + frames()[0].len();
        for words in [
            "frame at byte 5\n",
            &format!("frame at byte {second}\n"),
            "segment 1, the last one",
            "message\n",
        ] {
            assert!(shown[0].contains(words), "{words} in\n{}", shown[0]);
        }
    }

    #[test]
    fn a_frame_far_back_is_left_out_however_the_bytes_are_cut() {
        let frames = frames();
        for (noise, count) in [(SHOWN - 200, 2), (SHOWN, 1), (4 * KEPT, 1)] {
            let stream = [frames[0].clone(), vec![0; noise], frames[1].clone()].concat();
            let shown = annotations(&stream, stream.len());
            assert_eq!(shown[0].matches("frame at byte").count(), count, "{noise}");
            assert_eq!(annotations(&stream, 999), shown);
        }
    }
}
