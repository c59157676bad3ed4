//! Bytes in pieces of any size through the ECU's codec, there and back.
//!
//! The first bytes of the input say how the rest is cut; cutting must not change the outcome.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::aps_ecu::wire::{
    Answer, FrameError, Framer, MAX_FRAME, Masker, RawFrame, Request, annotate,
};
use wattbridge_fuzz::pieces;

fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<RawFrame, FrameError>> {
    let mut framer = Framer::new();
    let mut all = Vec::new();
    for piece in pieces {
        framer.push(piece);
        assert!(framer.buffered() <= MAX_FRAME);
        all.extend(std::iter::from_fn(|| framer.next_frame()));
    }
    while let Some(error) = framer.finish() {
        all.push(Err(error));
    }
    all.extend(std::iter::from_fn(|| framer.next_frame()));
    all
}

fuzz_target!(|data: &[u8]| {
    let (sizes, bytes) = data.split_at(data.len().min(4));
    let all = outcome(pieces(sizes, bytes));
    assert_eq!(all, outcome(std::iter::once(bytes)));
    for frame in all.into_iter().flatten() {
        let _ = annotate(&frame);
        if let Ok(answer) = Answer::decode(&frame) {
            let _ = answer.command();
            assert!(RawFrame::parse(&answer.encode()).is_ok());
        }
    }
    assert_eq!(Masker::default().mask(bytes).len(), bytes.len());
    if let Ok(request) = Request::parse(bytes) {
        assert_eq!(Request::parse(&request.encode()), Ok(request));
    }
});
