//! What a device hears: questions, put together from the bytes that come.

use super::super::wire::hex::Collector;

/// Puts questions together from the bytes that come. What is outside of frames is not for it.
#[derive(Debug, Default)]
pub struct Ear {
    frame: Option<Collector>,
}

impl Ear {
    /// Commands and payloads; `None` for frames that are broken.
    pub fn listen(&mut self, bytes: &[u8]) -> Vec<Option<(u8, Vec<u8>)>> {
        let mut heard = Vec::new();
        for byte in bytes {
            match (*byte, &mut self.frame) {
                (b':', frame) => *frame = Some(Collector::default()),
                (_, None) => {}
                (b'\n', frame) => {
                    let whole = frame.take();
                    let whole = whole.as_ref().and_then(|frame| frame.finish().ok());
                    heard.push(whole.map(|(command, payload)| (command, payload.to_vec())));
                }
                (byte, Some(frame)) => {
                    if !frame.push(byte) {
                        self.frame = None;
                        heard.push(None);
                    }
                }
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::wire::hex::Request;
    use super::*;

    #[test]
    fn broken_frames_are_heard_as_such_and_other_bytes_not_at_all() {
        let mut ear = Ear::default();
        assert_eq!(ear.listen(b"MODE\t4\r\n"), []);
        assert_eq!(ear.listen(b":155\n"), [None]);
        assert_eq!(ear.listen(b":1x54\n"), [None]);
        assert_eq!(ear.listen(b":15:154\n"), [Some((1, Vec::new()))]);
    }

    proptest! {
        #[test]
        fn a_question_is_heard_however_it_is_cut(
            value in proptest::collection::vec(any::<u8>(), 0..8),
            cut in 0..30_usize,
        ) {
            let bytes = Request::Set(0x2015, value.clone()).encode();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut ear = Ear::default();
            let mut heard = ear.listen(first);
            heard.extend(ear.listen(second));
            let payload = [&[0x15, 0x20, 0], value.as_slice()].concat();
            prop_assert_eq!(heard, [Some((8, payload))]);
        }
    }
}
