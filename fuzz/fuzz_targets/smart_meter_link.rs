//! Bytes in pieces of any size, with pauses, through the link layer of the smart meters, and back.
//!
//! The first bytes of the input say how the rest is cut and where the line is quiet; cutting must
//! not change the outcome.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::smart_meter::wire::link::hdlc::{self, Sender};
use wattbridge::adapters::smart_meter::wire::link::{
    Framer, LinkEvent, MAX_BARE, MAX_BUFFER, MAX_MESSAGE, MAX_TEXT, Transport, annotate, mbus,
};

struct Run {
    framer: Framer,
    events: Vec<LinkEvent>,
}

impl Run {
    fn new() -> Self {
        Self {
            framer: Framer::new(),
            events: Vec::new(),
        }
    }

    fn push(&mut self, piece: &[u8]) {
        self.framer.push(piece);
        self.pull();
    }

    fn pull(&mut self) {
        assert!(self.framer.buffered() <= MAX_BUFFER);
        let framer = &mut self.framer;
        self.events
            .extend(std::iter::from_fn(|| framer.next_event()));
    }

    fn idle(&mut self, millis: u64) {
        self.framer.idle(Duration::from_millis(millis));
        self.pull();
    }

    fn finish(mut self) -> (Vec<LinkEvent>, u64) {
        self.framer.finish();
        self.pull();
        (self.events, self.framer.noise())
    }
}

fn messages(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut run = Run::new();
    for frame in frames {
        run.push(frame);
    }
    let events = run.finish().0.into_iter();
    events
        .map(|event| match event {
            LinkEvent::Message(message) => message.bytes,
            LinkEvent::Refused(refused) => panic!("{refused}"),
        })
        .collect()
}

fuzz_target!(|data: &[u8]| {
    let (head, bytes) = data.split_at(data.len().min(4));
    let [size, first, second, pause] = *head else {
        return;
    };
    let (a, b) = bytes.split_at(bytes.len().min(usize::from(first) * 4));
    let (b, c) = b.split_at(b.len().min(usize::from(second) * 4));

    let (mut whole, mut cut) = (Run::new(), Run::new());
    for part in [a, b, c] {
        whole.push(part);
        for piece in part.chunks(usize::from(size) + 1) {
            cut.push(piece);
        }
        let millis = u64::from(pause) * 10;
        whole.idle(millis);
        cut.idle(millis);
    }
    let (events, noise) = whole.finish();
    assert!(noise <= bytes.len() as u64);
    assert_eq!((&events, noise), (&cut.finish().0, noise));

    let _ = annotate(bytes);
    for event in &events {
        let LinkEvent::Message(message) = event else {
            continue;
        };
        let most = match message.transport {
            Transport::Text => MAX_TEXT + 8,
            Transport::Raw => MAX_BARE,
            _ => MAX_MESSAGE,
        };
        assert!((1..=most).contains(&message.bytes.len()));
        for span in &message.frames {
            assert!(span.end() <= bytes.len() as u64);
        }
        // A message that is a block would be taken for one again, and a segment that begins like a
        // message for its beginning.
        let is_block = message.bytes.first() == Some(&0xe0);
        let mut windows = message.bytes.windows(hdlc::LLC.len());
        // What is longer came without frames, and does not fit into any.
        let is_long = message.bytes.len() > MAX_MESSAGE;
        if is_long || is_block || windows.any(|window| window == hdlc::LLC) {
            continue;
        }
        let expected = std::slice::from_ref(&message.bytes);
        let size = usize::from(size);
        assert_eq!(messages(&mbus::frames(&message.bytes, size)), expected);
        for write in [hdlc::frames, hdlc::block_frames] {
            let frames = write(&message.bytes, size, Sender::default());
            assert_eq!(messages(&frames), expected);
        }
    }
});
