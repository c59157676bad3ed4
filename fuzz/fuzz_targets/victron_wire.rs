//! Bytes in pieces of any size through the VE.Direct codec, there and back.
//!
//! The first bytes of the input say how the rest is cut; cutting must not change the outcome.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::victron::wire::annotate::annotate;
use wattbridge::adapters::victron::wire::cycle::Cycles;
use wattbridge::adapters::victron::wire::hex::{Answer, Collector, Frame, encode_frame};
use wattbridge::adapters::victron::wire::history::Record;
use wattbridge::adapters::victron::wire::labels::Label;
use wattbridge::adapters::victron::wire::registers::Register;
use wattbridge::adapters::victron::wire::text::{
    Decoder, Event, MAX_FIELDS, MAX_LABEL, MAX_VALUE, Refused,
};
use wattbridge_fuzz::pieces;

#[derive(Debug, PartialEq)]
enum Seen {
    Block(u64, Vec<(Vec<u8>, Vec<u8>)>),
    Hex(u64, u8, Vec<u8>),
    Refused(Refused),
}

fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Seen>, u64) {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    let mut see = |event: Event<'_>| {
        all.push(match event {
            Event::Block(block) => {
                let sum = block
                    .bytes()
                    .iter()
                    .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                assert_eq!(sum, 0);
                let own = |(label, value): (&[u8], &[u8])| (label.to_vec(), value.to_vec());
                Seen::Block(block.offset(), block.fields().map(own).collect())
            }
            Event::Hex(frame) => Seen::Hex(frame.offset, frame.command, frame.payload.to_vec()),
            Event::Refused(refused) => Seen::Refused(refused),
        });
    };
    for piece in pieces {
        decoder.push(piece, &mut see);
        assert!(decoder.buffered() <= 4096);
    }
    decoder.finish(&mut see);
    (all, decoder.noise())
}

fuzz_target!(|data: &[u8]| {
    let (sizes, bytes) = data.split_at(data.len().min(4));
    let all = outcome(std::iter::once(bytes));
    assert_eq!(outcome(pieces(sizes, bytes)), all);
    assert_eq!(outcome(bytes.chunks(1)), all);
    for seen in &all.0 {
        match seen {
            Seen::Block(_, fields) => {
                assert!(fields.len() <= MAX_FIELDS);
                for (label, value) in fields {
                    assert!(label.len() <= MAX_LABEL && value.len() <= MAX_VALUE);
                    if let Some(label) = Label::of(label) {
                        let _ = label.read(value);
                    }
                }
            }
            Seen::Hex(offset, command, payload) => {
                let mut collector = Collector::default();
                let bytes = encode_frame(*command, payload);
                let frame = Frame::parse(&bytes, &mut collector);
                let mut frame = frame.expect("what was written can be read");
                frame.offset = *offset;
                let answer = Answer::decode(&frame);
                assert_eq!(answer.encode(), bytes);
                if let Some(value) = answer.value() {
                    let _ = Record::decode(&value);
                    if let Some(register) = Register::of(value.register) {
                        let _ = register.decode(value.bytes);
                    }
                }
            }
            Seen::Refused(refused) => assert!(refused.offset < bytes.len() as u64),
        }
    }
    let mut cycles = Cycles::new();
    let mut now = Duration::ZERO;
    Decoder::new().push(bytes, |event| {
        now += Duration::from_millis(500);
        cycles.tick(now, |_| {});
        if let Event::Block(block) = event {
            cycles.block(&block, now, |round| assert!(round.entries().count() > 0));
        }
    });
    let _ = annotate(bytes);
});
