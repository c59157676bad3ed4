//! Where frames lie in a stream, and messages in frames: for putting other bytes in their place.
//!
//! Nothing changes its length, so header and shape of a frame stay as they are; only its checksum
//! has to follow.

use std::ops::Range;

use super::event::{Message, Reason, Transport};
use super::found::Found;
use super::{block_transfer, hdlc, mbus};

/// A frame in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramePlace {
    /// All its bytes. HDLC frames include both flags, so two may share a byte.
    pub bytes: Range<usize>,
    /// What it carries, without the fixed bytes around it.
    pub data: Range<usize>,
    /// The number of the meter, in a frame of an ordinary M-Bus.
    pub number: Option<Range<usize>>,
    /// Whether its checksum is right.
    pub is_sound: bool,
    transport: Transport,
}

impl FramePlace {
    fn new(at: usize, frame: &[u8], transport: Transport, is_sound: bool) -> Self {
        let (data, number) = match transport {
            Transport::Hdlc => (hdlc::data(frame), None),
            _ => (mbus::data(frame), mbus::number(frame)),
        };
        Self {
            bytes: at..at + frame.len(),
            data: at + data.start..at + data.end,
            number: number.map(|number| at + number.start..at + number.end),
            is_sound,
            transport,
        }
    }

    /// Changes its checksum in `stream` after its data was changed there from what it was `before`:
    /// right stays right, and wrong stays as wrong as it was.
    pub fn reseal(&self, stream: &mut [u8], before: &[u8]) {
        let frame = stream.get_mut(self.bytes.clone());
        let before = before.get(self.bytes.clone());
        if let (Some(frame), Some(before)) = (frame, before) {
            match self.transport {
                Transport::Hdlc => hdlc::reseal(frame, before),
                _ => mbus::reseal(frame, before),
            }
        }
    }
}

/// All frames in a stream that is whole: those that are sound, and those of which only the checksum
/// is wrong. The latter never overlap others.
#[must_use]
pub fn frames(stream: &[u8]) -> Vec<FramePlace> {
    let (mut found, mut at) = (Vec::<FramePlace>::new(), 0);
    while let Some(rest @ [_, ..]) = stream.get(at..) {
        let (transport, recognised) = match mbus::recognise(rest) {
            Found::Noise => {
                let found = hdlc::recognise(rest);
                (Transport::Hdlc, found.map(|frame| frame.length))
            }
            found => (Transport::MBus, found.map(|frame| frame.length)),
        };
        let (length, is_sound) = match recognised {
            Found::Sound(length) => (length, true),
            Found::Broken(length, Reason::Checksum { .. }) => (length, false),
            _ => {
                at += 1;
                continue;
            }
        };
        let frame = rest.get(..length).unwrap_or(rest);
        let place = FramePlace::new(at, frame, transport, is_sound);
        // A frame may begin anywhere in a broken one, and proves it none at all.
        let overlaps = found
            .last()
            .is_some_and(|last| at + 1 < last.bytes.end && !last.is_sound);
        if overlaps && is_sound {
            found.pop();
        }
        if is_sound || !overlaps {
            found.push(place);
        }
        at += match (is_sound, transport) {
            (true, Transport::Hdlc) => length - 1,
            (true, _) => length,
            (false, _) => 1,
        };
    }
    found
}

/// Where each byte of a message lies in the stream that its spans count from; `None` if it does not
/// lie there.
#[must_use]
pub fn places(stream: &[u8], message: &Message) -> Option<Vec<usize>> {
    let (mut all, mut part) = (Vec::new(), Vec::new());
    for span in &message.frames {
        let start = usize::try_from(span.offset).ok()?;
        let bytes = start..start.checked_add(span.length)?;
        let frame = stream.get(bytes.clone())?;
        let (data, is_last) = match message.transport {
            Transport::Raw | Transport::Text => (0..frame.len(), true),
            Transport::MBus => match mbus::recognise(frame) {
                Found::Sound(read) => (mbus::data(frame), read.is_last()),
                _ => return None,
            },
            Transport::Hdlc => match hdlc::recognise(frame) {
                Found::Sound(read) => (hdlc::data(frame), !read.has_more),
                _ => return None,
            },
        };
        part.extend(start + data.start..start + data.end);
        if is_last {
            let bytes = at(stream, &part)?;
            let data = match bytes.first() {
                Some(&block_transfer::TAG) => block_transfer::data(&bytes)?,
                _ => 0..part.len(),
            };
            all.extend_from_slice(part.get(data)?);
            part.clear();
        }
    }
    all.truncate(message.bytes.len());
    (at(stream, &all)? == message.bytes).then_some(all)
}

fn at(stream: &[u8], places: &[usize]) -> Option<Vec<u8>> {
    places.iter().map(|at| stream.get(*at).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::hdlc::Sender;
    use super::super::{Framer, LinkEvent};
    use super::*;
    use proptest::prelude::*;

    fn any_stream() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let size = (1..700_usize, 40..260_usize, 0..4, any::<u8>());
        size.prop_map(|(size, cut, kind, seed)| {
            let mut apdu = b"\xdb\x08XXX00001\x82".to_vec();
            apdu.extend(((size + 5) as u16).to_be_bytes());
            apdu.extend([0x20, 0, 0, 0, 1]);
            let bytes = (0..size).map(|at| (at as u8).wrapping_mul(seed));
            apdu.extend(bytes);
            let stream = match kind {
                0 => hdlc::frames(&apdu, cut, Sender::default()).concat(),
                1 => hdlc::block_frames(&apdu, cut, Sender::default()).concat(),
                2 => apdu.clone(),
                _ => mbus::frames(&apdu, cut).concat(),
            };
            (apdu, stream)
        })
    }

    fn messages(stream: &[u8]) -> Vec<Message> {
        let mut framer = Framer::new();
        framer.push(stream);
        framer.finish();
        let events = std::iter::from_fn(|| framer.next_event());
        let message = |event| match event {
            LinkEvent::Message(message) => Some(message),
            LinkEvent::Refused(_) => None,
        };
        events.filter_map(message).collect()
    }

    proptest! {
        #[test]
        fn another_message_in_the_same_places_is_read((apdu, stream) in any_stream(), noise in 0..9_usize) {
            // Bare messages count behind quiet only.
            let noise = if stream == apdu { 0 } else { noise };
            let stream = [vec![0; noise], stream].concat();
            let found = messages(&stream);
            prop_assert_eq!(found.len(), 1);
            let places = places(&stream, &found[0]).unwrap();
            let other: Vec<u8> = apdu.iter().enumerate()
                .map(|(at, byte)| if at < 18 { *byte } else { !byte })
                .collect();
            let mut changed = stream.clone();
            for (at, byte) in places.iter().zip(&other) {
                changed[*at] = *byte;
            }
            for frame in frames(&stream) {
                frame.reseal(&mut changed, &stream);
            }
            let read = messages(&changed);
            prop_assert_eq!(&read[0].bytes, &other);
            prop_assert_eq!(&read[0].frames, &found[0].frames);
        }

        #[test]
        fn a_broken_frame_stays_as_broken((_, stream) in any_stream(), at in 15..200_usize, bit in 0..8) {
            let mut stream = stream;
            let count = frames(&stream).len();
            let at = at % stream.len();
            stream[at] ^= 1_u8 << bit;
            let found = frames(&stream);
            prop_assert!(found.len() <= count);
            let mut changed = stream.clone();
            for frame in &found {
                for byte in &mut changed[frame.data.clone()] {
                    *byte ^= 0x55;
                }
            }
            for frame in &found {
                frame.reseal(&mut changed, &stream);
                let again = match frame.transport {
                    Transport::Hdlc => hdlc::recognise(&changed[frame.bytes.clone()]).map(drop),
                    _ => mbus::recognise(&changed[frame.bytes.clone()]).map(drop),
                };
                let is_sound = matches!(again, Found::Sound(()));
                prop_assert_eq!(is_sound, frame.is_sound);
            }
        }

        #[test]
        fn nothing_panics_and_frames_are_in_order(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(0x68), Just(0x7e), Just(0xa0), Just(0x05), Just(0x16)], 0..400
        )) {
            let found = frames(&bytes);
            prop_assert!(found.windows(2).all(|two| two[0].bytes.end <= two[1].bytes.start + 1));
            let mut changed = bytes.clone();
            for frame in &found {
                prop_assert!(frame.data.start <= frame.data.end && frame.data.end <= bytes.len());
                frame.reseal(&mut changed, &bytes);
            }
            prop_assert_eq!(changed, bytes);
        }
    }
}
