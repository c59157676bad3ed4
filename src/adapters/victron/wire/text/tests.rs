use proptest::prelude::*;

use super::*;
use crate::adapters::victron::wire::hex::{FrameError, encode_frame};

/// Everything of an event, without what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Block(u64, Vec<(String, String)>),
    Hex(u64, u8, Vec<u8>),
    Refused(u64, Reason),
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn read(decoder: &mut Decoder, bytes: &[u8], seen: &mut Vec<Seen>) {
    decoder.push(bytes, |event| {
        seen.push(match event {
            Event::Block(block) => {
                let fields = block
                    .fields()
                    .map(|(label, value)| (text(label), text(value)));
                Seen::Block(block.offset(), fields.collect())
            }
            Event::Hex(frame) => Seen::Hex(frame.offset, frame.command, frame.payload.to_vec()),
            Event::Refused(refused) => Seen::Refused(refused.offset, refused.reason),
        });
    });
}

/// What comes of the bytes in pieces of these sizes, in turn.
fn cut(bytes: &[u8], sizes: &[usize]) -> (Vec<Seen>, u64) {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    let mut rest = bytes;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |size| *size)
            .clamp(1, rest.len());
        let (piece, after) = rest.split_at(size);
        read(&mut decoder, piece, &mut seen);
        assert!(decoder.buffered() <= 4096);
        rest = after;
    }
    (seen, decoder.noise())
}

/// What comes of the bytes, however they are cut.
fn decode(bytes: &[u8]) -> Vec<Seen> {
    let whole = cut(bytes, &[bytes.len()]);
    for size in 1..=7 {
        assert_eq!(cut(bytes, &[size]), whole);
    }
    whole.0
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    encode_block(fields).unwrap()
}

fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
    fields.iter().map(own).collect()
}

const MAIN: &[(&str, &str)] = &[
    ("PID", "0x203"),
    ("V", "12345"),
    ("I", "-250"),
    ("T", "---"),
];
const HISTORY: &[(&str, &str)] = &[("H1", "-149322"), ("H18", "8527")];

fn blocks(seen: &[Seen]) -> Vec<&Vec<(String, String)>> {
    let mut blocks = Vec::new();
    for seen in seen {
        if let Seen::Block(_, fields) = seen {
            blocks.push(fields);
        }
    }
    blocks
}

#[test]
fn a_block_is_delivered_with_its_fields_in_order() {
    let bytes = [block(MAIN), block(HISTORY)].concat();
    let second = block(MAIN).len() as u64;
    let expected = [
        Seen::Block(0, fields(MAIN)),
        Seen::Block(second, fields(HISTORY)),
    ];
    assert_eq!(decode(&bytes), expected);
}

#[test]
fn the_checksum_byte_may_be_any_byte() {
    let mut found = [false; 256];
    for first in (b' '..=b'~').filter(|letter| *letter != b':') {
        for (second, third) in [(' ', ' '), ('P', ' '), ('~', ' '), ('P', '~'), ('~', '~')] {
            let bytes = block(&[("V", &format!("{}{second}{third}", first as char))]);
            found[usize::from(*bytes.last().unwrap())] = true;
            let seen = decode(&[bytes, block(HISTORY)].concat());
            assert_eq!(blocks(&seen).len(), 2, "{first}{second}{third}");
        }
    }
    assert!(found.iter().all(|found| *found));
}

#[test]
fn a_frame_may_stand_at_every_place_of_a_block() {
    let bytes = block(MAIN);
    let frame = encode_frame(0xa, &[0x01, 0x02, 0x00, 0x05]);
    // Directly before the checksum byte a `:` would be that byte.
    for at in (0..bytes.len() - 1).chain([bytes.len()]) {
        let (before, after) = bytes.split_at(at);
        let seen = decode(&[before, &frame, after].concat());
        assert_eq!(blocks(&seen), [&fields(MAIN)], "{at}");
        let hex = Seen::Hex(at as u64, 0xa, vec![0x01, 0x02, 0x00, 0x05]);
        assert!(seen.contains(&hex), "{at}: {seen:?}");
    }
}

#[test]
fn every_lost_byte_costs_its_block_and_no_other() {
    let bytes = block(MAIN);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged.remove(at);
        let seen = decode(&[block(HISTORY), damaged, block(MAIN), block(HISTORY)].concat());
        let delivered = blocks(&seen);
        assert_eq!(delivered.len(), 3, "{at}: {seen:?}");
        assert_eq!(delivered.last(), Some(&&fields(HISTORY)), "{at}");
    }
}

#[test]
fn nothing_of_a_damaged_block_is_in_the_next() {
    let mut damaged = block(MAIN);
    let place = damaged.iter().position(|byte| *byte == b'5').unwrap();
    damaged.remove(place);
    let seen = decode(&[damaged, block(HISTORY)].concat());
    assert!(matches!(
        seen.first(),
        Some(Seen::Refused(0, Reason::Checksum(_)))
    ));
    assert_eq!(blocks(&seen), [&fields(HISTORY)]);
}

#[test]
fn a_broken_frame_makes_the_block_around_it_doubtful() {
    // The digits after the `:` add up to 256 with it, so the sum of the block stays right.
    let mut bytes = block(&[("PID", "0x203"), ("V", "12067")]);
    let place = bytes.iter().position(|byte| *byte == b'1').unwrap();
    bytes[place] = b':';
    let seen = decode(&[bytes, block(HISTORY)].concat());
    assert_eq!(blocks(&seen), [&fields(HISTORY)]);
    assert!(
        seen.iter()
            .any(|seen| matches!(seen, Seen::Refused(_, Reason::Hex(_))))
    );
}

#[test]
fn a_frame_may_end_in_any_byte_that_is_no_digit() {
    let mut frame = encode_frame(0xa, &[0x02, 0x20, 0x00, 0x01]);
    *frame.last_mut().unwrap() = 0xfe;
    let seen = decode(&[frame.clone(), block(HISTORY)].concat());
    let hex = Seen::Hex(0, 0xa, vec![0x02, 0x20, 0x00, 0x01]);
    assert_eq!(seen.first(), Some(&hex));
    assert_eq!(blocks(&seen), [&fields(HISTORY)]);

    // Lost altogether, before a block and before another frame.
    frame.pop();
    let seen = decode(&[frame.clone(), frame.clone(), block(HISTORY)].concat());
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(seen.first(), Some(&hex));
    assert_eq!(blocks(&seen), [&fields(HISTORY)]);
}

#[test]
fn broken_frames_are_refused_with_their_reason() {
    let reason = |bytes: &[u8]| match decode(bytes).as_slice() {
        [Seen::Refused(0, Reason::Hex(error))] => *error,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(b":\n"), FrameError::Short(0));
    assert_eq!(reason(b":154A\n"), FrameError::HalfByte);
    assert_eq!(reason(b":155\n"), FrameError::Sum(0x56));
    let long = format!(":A{}\n", "00".repeat(400));
    assert_eq!(reason(long.as_bytes()), FrameError::Long);
}

#[test]
fn what_is_too_long_is_refused_and_the_next_block_is_not() {
    let many: Vec<(String, String)> = (0..60).map(|n| (format!("L{n}"), n.to_string())).collect();
    let raw = |fields: &[(String, String)]| {
        let lines = fields
            .iter()
            .map(|(label, value)| format!("\r\n{label}\t{value}"));
        let mut bytes = lines.collect::<String>().into_bytes();
        bytes.extend(b"\r\nChecksum\t");
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.push(sum.wrapping_neg());
        bytes
    };
    assert_eq!(blocks(&decode(&raw(&many[..MAX_FIELDS]))).len(), 1);
    let long = |label: usize, value: usize| {
        raw(&[
            ("PID".to_owned(), "0x203".to_owned()),
            ("L".repeat(label), "1".repeat(value)),
        ])
    };
    assert_eq!(blocks(&decode(&long(MAX_LABEL, MAX_VALUE))).len(), 1);
    for (bytes, reason) in [
        (raw(&many), Reason::TooManyFields),
        (long(MAX_LABEL + 1, 1), Reason::LongLabel),
        (long(40, 1), Reason::LongLabel),
        (long(1, MAX_VALUE + 1), Reason::LongValue),
        (long(1, 100_000), Reason::LongValue),
    ] {
        let seen = cut(&[bytes, block(HISTORY)].concat(), &[4096]).0;
        assert_eq!(seen.first(), Some(&Seen::Refused(0, reason)));
        assert_eq!(blocks(&seen), [&fields(HISTORY)]);
    }
}

#[test]
fn a_block_whose_checksum_line_is_lost_does_not_cost_the_next_one() {
    let long: Vec<(String, String)> = (0..21).map(|n| (format!("L{n}"), n.to_string())).collect();
    let mut long_fields = vec![("PID".to_owned(), "0x203".to_owned())];
    long_fields.extend(long);
    let one = encode_block(&long_fields).unwrap();
    let place = one.len() - b"\r\nChecksum\tx".len();
    // Two of these together have more fields than one block may.
    let seen = decode(&[&one[..place], &one].concat());
    let own = |(label, value): &(String, String)| (label.clone(), value.clone());
    let expected: Vec<_> = long_fields.iter().map(own).collect();
    assert_eq!(blocks(&seen), [&expected]);
    assert!(matches!(seen.last(), Some(Seen::Block(offset, _)) if *offset == place as u64));
}

#[test]
fn noise_before_a_block_is_counted_and_passed_over() {
    let bytes = [b"ab\n\x00\xff\r\r\nx\r\n".as_slice(), &block(MAIN)].concat();
    let (seen, noise) = cut(&bytes, &[3]);
    assert_eq!(seen, [Seen::Block(11, fields(MAIN))]);
    assert_eq!(noise, 11);
}

#[test]
fn a_block_that_breaks_off_is_told_once() {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    read(&mut decoder, b"\r\nPID\t0x203\r\nV\t12", &mut seen);
    assert!(decoder.in_progress());
    let mut told = Vec::new();
    for _ in 0..2 {
        decoder.finish(|event| told.push(matches!(event, Event::Refused(_))));
    }
    assert_eq!(told, [true]);
    assert!(!decoder.in_progress());
    read(&mut decoder, &block(HISTORY), &mut seen);
    assert_eq!(blocks(&seen), [&fields(HISTORY)]);
}

#[test]
fn fields_that_cannot_be_sent_are_refused() {
    let error = |label: &str, value: &str| encode_block(&[(label, value)]).unwrap_err();
    assert_eq!(error("", "1"), EncodeError::Label(0));
    assert_eq!(error("Checksum", "1"), EncodeError::Label(0));
    assert_eq!(error("V", "a:b"), EncodeError::Value(0));
    assert_eq!(error("V", "a\tb"), EncodeError::Value(0));
    let many = vec![("V", "1"); MAX_FIELDS + 1];
    assert_eq!(encode_block(&many), Err(EncodeError::TooManyFields(41)));
}

fn any_fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let field = ("[A-Z][A-Za-z0-9_#]{0,7}", "[ -9;-~]{0,32}");
    proptest::collection::vec(field, 0..=22)
}

/// Bytes with much of the grammar in them.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => any_fields().prop_map(|fields| encode_block(&fields).unwrap()),
        2 => ("[ -~]{0,20}").prop_map(String::into_bytes),
        2 => (0..16_u8, proptest::collection::vec(any::<u8>(), 0..8))
            .prop_map(|(command, payload)| encode_frame(command, &payload)),
        3 => proptest::sample::select(vec![
            "\r", "\n", "\t", ":", "\r\n", "Checksum", "PID", "\r\nPID\t", "\r\nChecksum\t", "\x00",
        ]).prop_map(|part| part.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..10),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn blocks_come_back_as_they_were_written(all in proptest::collection::vec(any_fields(), 1..4)) {
        let bytes = all.iter().map(|fields| encode_block(fields).unwrap()).collect::<Vec<_>>();
        let seen = cut(&bytes.concat(), &[5]).0;
        let escaped = |(label, value): &(String, String)| {
            (text(label.as_bytes()), text(value.as_bytes()))
        };
        let all = all.iter().map(|fields| fields.iter().map(escaped).collect::<Vec<_>>());
        let all = all.collect::<Vec<_>>();
        prop_assert_eq!(blocks(&seen), all.iter().collect::<Vec<_>>());
    }

    #[test]
    fn cutting_changes_nothing(
        bytes in any_stream(),
        sizes in proptest::collection::vec(1..40_usize, 1..6),
    ) {
        let whole = cut(&bytes, &[usize::MAX]);
        prop_assert_eq!(&cut(&bytes, &sizes), &whole);
        prop_assert_eq!(&cut(&bytes, &[1]), &whole);
    }

    #[test]
    fn a_turned_byte_never_gives_a_wrong_value(
        all in proptest::collection::vec(any_fields(), 2..4),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let good = all.iter().map(|fields| encode_block(fields).unwrap()).collect::<Vec<_>>();
        let mut bytes = good.concat();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let truth = cut(&good.concat(), &[usize::MAX]).0;
        let truth: Vec<_> = blocks(&truth).into_iter().flatten().collect();
        let seen = cut(&bytes, &[usize::MAX]).0;
        for field in blocks(&seen).into_iter().flatten() {
            prop_assert!(truth.contains(&field), "{:?}", field);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let whole = cut(&bytes, &[usize::MAX]);
        prop_assert_eq!(cut(&bytes, &[1]), whole);
    }
}
