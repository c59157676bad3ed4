use proptest::prelude::*;

use super::super::wire::hex::{Answer, Flags, Value, encode_frame};
use super::super::wire::text::encode_block;
use super::*;

/// An event without what it borrows; frames with their payload.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Block(u64, Vec<(String, String)>),
    Hex(u64, u8, Vec<u8>),
    Refused(u64),
}

fn decode(bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut on = |event: Event<'_>| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        seen.push(match event {
            Event::Block(block) => Seen::Block(
                block.offset(),
                block
                    .fields()
                    .map(|(label, value)| (text(label), text(value)))
                    .collect(),
            ),
            Event::Hex(frame) => Seen::Hex(frame.offset, frame.command, frame.payload.to_vec()),
            Event::Refused(refused) => Seen::Refused(refused.offset),
        });
    };
    let mut decoder = Decoder::new();
    decoder.push(bytes, &mut on);
    decoder.finish(&mut on);
    seen
}

fn is_secret(label: &str) -> bool {
    matches!(label, "SER#" | "HC#")
}

/// The same with everything left out that is to be replaced.
fn public(seen: Vec<Seen>) -> Vec<Seen> {
    let open = |seen| match seen {
        Seen::Block(offset, fields) => Seen::Block(
            offset,
            fields
                .into_iter()
                .map(|(label, value)| {
                    let is_secret = is_secret(&label);
                    (
                        label,
                        if is_secret {
                            value.len().to_string()
                        } else {
                            value
                        },
                    )
                })
                .collect(),
        ),
        Seen::Hex(offset, command, payload) => match payload.as_slice() {
            [low @ (0x0a | 0x0c), 1, flags, value @ ..] => {
                let shape = value.iter().map(|byte| byte >> 4);
                let head = [*low, 1, *flags];
                Seen::Hex(offset, command, head.into_iter().chain(shape).collect())
            }
            _ => Seen::Hex(offset, command, payload),
        },
        refused @ Seen::Refused(_) => refused,
    };
    seen.into_iter().map(open).collect()
}

fn contains(bytes: &[u8], part: &str) -> bool {
    let hex = format!("{:X}", crate::hex::Hex::of(part.as_bytes()));
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    has(part.as_bytes()) || has(hex.as_bytes())
}

fn block(serial: &str) -> Vec<u8> {
    encode_block(&[
        ("PID", "0xA053"),
        ("SER#", serial),
        ("HC#", "57825"),
        ("V", "12800"),
    ])
    .unwrap()
}

fn told(register: u16, text: &str) -> Vec<u8> {
    Answer::Get(Value::new(register, text.as_bytes())).encode()
}

const SERIAL: &str = "HQ21340AB9K";

#[test]
fn the_same_number_is_the_same_everywhere_and_different_numbers_stay_different() {
    let mut masker = Masker::new();
    let other = "HQ21340AB9L";
    let bytes = [
        block(SERIAL),
        told(0x010a, SERIAL),
        block(other),
        block(SERIAL),
    ];
    let seen = decode(&masker.mask(&bytes.concat()));
    let serial = |index: usize| match &seen[index] {
        Seen::Block(_, fields) => fields[1].1.clone(),
        Seen::Hex(_, _, payload) => String::from_utf8(payload[3..].to_vec()).unwrap(),
        Seen::Refused(_) => panic!("{seen:?}"),
    };
    assert_eq!(serial(0), serial(1));
    assert_eq!(serial(0), serial(3));
    assert_ne!(serial(0), serial(2));
    assert_ne!(serial(0), SERIAL);
    assert!(serial(0).starts_with("HQ"));
}

#[test]
fn two_recordings_have_nothing_in_common() {
    let mut names: Vec<Vec<u8>> = (0..8).map(|_| Masker::new().mask(&block(SERIAL))).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 1);
}

#[test]
fn a_question_is_sent_as_it_is_also_in_the_middle_of_a_block() {
    let mut masker = Masker::new();
    let block = block(SERIAL);
    let (first, rest) = block.split_at(25);
    let question = Request::Get(0x010a).encode();
    let begun = masker.mask(first);
    assert_eq!(masker.mask(&question), question);
    let masked = [begun, masker.mask(rest)].concat();
    assert_eq!(public(decode(&masked)), public(decode(&block)));
    assert!(!contains(&masked, SERIAL));
}

#[test]
fn an_answer_without_a_value_stays_as_it_is() {
    let none = Answer::Get(Value {
        register: 0x010a,
        flags: Flags::UNKNOWN_ID,
        bytes: &[],
    });
    let bytes = [block(SERIAL), none.encode()].concat();
    let masked = Masker::new().mask(&bytes);
    assert!(masked.ends_with(&none.encode()));
}

#[test]
fn numbers_in_what_is_damaged_are_replaced_as_well() {
    let whole = block(SERIAL);
    let text = String::from_utf8_lossy(&whole).into_owned();
    let broken = [
        text.replace("SER#", "SR#"),
        text.replace("\r\nSER#\t", "\r\nSER#"),
        text.replace("\r\nSER#\t", " "),
    ];
    for broken in broken {
        let masked = Masker::new().mask(broken.as_bytes());
        assert!(!contains(&masked, SERIAL), "{broken:?}");
        assert_eq!(masked.len(), broken.len());
    }
    let frame = told(0x010a, SERIAL);
    for lost in 1..8 {
        let mut broken = frame.clone();
        broken.remove(lost);
        let masked = Masker::new().mask(&broken);
        assert!(!contains(&masked, SERIAL), "{lost}");
        assert!(
            !decode(&masked)
                .iter()
                .any(|seen| matches!(seen, Seen::Hex(..)))
        );
    }
}

#[test]
fn what_a_recording_begins_in_the_middle_of_is_replaced() {
    let bytes = [b"21340AB9K\r\nV\t1".as_slice(), &block(SERIAL)].concat();
    assert!(!contains(&Masker::new().mask(&bytes), "21340AB9K"));
}

fn any_serial() -> impl Strategy<Value = String> {
    "HQ[0-9]{4}[A-Z0-9]{5}"
}

/// A block, with its serial number somewhere in it.
fn any_block() -> impl Strategy<Value = (String, Vec<u8>)> {
    let field = ("[A-Z]{1,4}", "[ -9;-~]{0,12}");
    let fields = proptest::collection::vec(field, 0..6);
    (any_serial(), fields, any::<proptest::sample::Index>()).prop_map(|(serial, mut fields, at)| {
        fields.insert(
            at.index(fields.len() + 1),
            ("SER#".to_owned(), serial.clone()),
        );
        fields.push(("HC#".to_owned(), "136663".to_owned()));
        (serial, encode_block(&fields).unwrap())
    })
}

fn any_frame() -> impl Strategy<Value = (String, Vec<u8>)> {
    prop_oneof![
        any_serial().prop_map(|serial| {
            let padded = format!("{serial}\0\0\0\0\0");
            (serial, told(0x010a, &padded))
        }),
        "[A-Za-z]{6,20}".prop_map(|name| (name.clone(), told(0x010c, &name))),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| (
            String::new(),
            encode_frame(10, &[&[0xbc, 0xed, 0][..], &bytes].concat())
        )),
    ]
}

/// Blocks and frames, the frames between blocks or in the middle of one; and what must not be left.
fn any_stream() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let part = (
        any_block(),
        any_frame(),
        any::<proptest::sample::Index>(),
        any::<bool>(),
    );
    proptest::collection::vec(part, 1..4).prop_map(|parts| {
        let (mut names, mut stream) = (Vec::new(), Vec::new());
        for ((serial, mut block), (name, frame), place, inside) in parts {
            names.extend([serial, name].into_iter().filter(|name| !name.is_empty()));
            let at = if inside {
                place.index(block.len())
            } else {
                block.len()
            };
            let rest = block.split_off(at);
            stream.extend([block, frame, rest].concat());
        }
        (names, stream)
    })
}

proptest! {
    #[test]
    fn a_masked_stream_says_the_same_but_for_the_names((names, stream) in any_stream()) {
        let masked = Masker::new().mask(&stream);
        prop_assert_eq!(masked.len(), stream.len());
        prop_assert_eq!(public(decode(&masked)), public(decode(&stream)));
        for name in names {
            prop_assert!(!contains(&masked, &name), "{}", name);
        }
    }

    #[test]
    fn what_was_damaged_stays_damaged(
        (_, mut stream) in any_stream(),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let place = place.index(stream.len());
        stream[place] = byte;
        let masked = Masker::new().mask(&stream);
        prop_assert_eq!(masked.len(), stream.len());
        let shape = |bytes: &[u8]| -> Vec<_> {
            let seen = decode(bytes).into_iter();
            seen.map(|seen| match seen {
                Seen::Block(offset, fields) => (0, offset, fields.len()),
                Seen::Hex(offset, _, payload) => (1, offset, payload.len()),
                Seen::Refused(offset) => (2, offset, 0),
            }).collect()
        };
        prop_assert_eq!(shape(&masked), shape(&stream));
    }

    #[test]
    fn cutting_blocks_changes_nothing(
        blocks in proptest::collection::vec(any_block(), 1..4),
        sizes in proptest::collection::vec(1..40_usize, 1..6),
    ) {
        let stream = blocks.into_iter().flat_map(|(_, block)| block).collect::<Vec<_>>();
        let mut masker = Masker::new();
        let whole = masker.mask(&stream);
        // The same recording goes on.
        let mut rest = stream.as_slice();
        let mut pieces = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.extend(masker.mask(piece));
            rest = after;
        }
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn a_frame_can_be_cut_everywhere_but_in_its_check_byte((name, frame) in any_frame()) {
        let mut masker = Masker::new();
        let head = masker.mask(&block(SERIAL));
        prop_assert_eq!(head.len(), block(SERIAL).len());
        let whole = masker.mask(&frame);
        for at in 0..frame.len() {
            let cut = [masker.mask(&frame[..at]), masker.mask(&frame[at..])].concat();
            prop_assert!(name.is_empty() || !contains(&cut, &name));
            let mut collector = Collector::default();
            let seems_whole = Frame::parse(&frame[..at], &mut collector).is_ok();
            if at != frame.len() - 2 && (!seems_whole || at == frame.len() - 1) {
                prop_assert_eq!(&cut, &whole, "{}", at);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut masker = Masker::new();
        prop_assert_eq!(masker.mask(&bytes).len(), bytes.len());
        prop_assert_eq!(masker.mask(&bytes).len(), bytes.len());
    }
}
