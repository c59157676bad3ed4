use super::super::super::wire::text::{Decoder, Event, Reason};
use super::*;

const FRAME: &[u8] = b":A0102000543\n";

fn fields() -> TextLines {
    let fields = [
        ("PID", "0xA053"),
        ("V", "12345"),
        ("CS", "3"),
        ("PPV", "17"),
        ("H19", "123"),
        ("HSDS", "7"),
    ];
    let own = |(label, value): (&str, &str)| (label.to_owned(), value.to_owned());
    fields.into_iter().map(own).collect()
}

/// What a reader finds in a damaged block and a sound one after it: blocks, frames, refusals.
fn read(fault: VictronFault, dice: &mut Dice) -> (Vec<TextLines>, usize, Vec<Reason>) {
    let mut bytes = block(&fields());
    damage(fault, &mut bytes, FRAME, dice);
    bytes.extend(block(&fields()));
    // Where the last byte of a block is lost, the next one begins a byte too early.
    bytes.extend(block(&fields()));
    let (mut blocks, mut frames, mut refused) = (Vec::new(), 0, Vec::new());
    Decoder::new().push(&bytes, |event| match event {
        Event::Block(block) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let own = block
                .fields()
                .map(|(label, value)| (text(label), text(value)));
            blocks.push(own.collect());
        }
        Event::Hex(_) => frames += 1,
        Event::Refused(reason) => refused.push(reason.reason),
    });
    (blocks, frames, refused)
}

#[test]
fn what_damages_a_block_is_seen_by_a_reader_and_its_values_are_not() {
    for fault in [
        VictronFault::DigitLost,
        VictronFault::ByteLost,
        VictronFault::BitTurned,
        VictronFault::LinesMerged,
        VictronFault::WrongChecksum,
        VictronFault::NoiseInside(20),
        VictronFault::Restart,
    ] {
        let mut dice = Dice::new(11);
        for _ in 0..50 {
            let (blocks, _, refused) = read(fault, &mut dice);
            assert!((1..=2).contains(&blocks.len()), "{fault:?} {blocks:?}");
            assert!(blocks.iter().all(|block| *block == fields()), "{fault:?}");
            assert!(!refused.is_empty() || blocks.len() == 2, "{fault:?}");
        }
    }
}

#[test]
fn digits_and_line_ends_are_lost_where_they_are() {
    let whole = block(&fields());
    let mut dice = Dice::new(11);
    for _ in 0..50 {
        let mut bytes = whole.clone();
        damage(VictronFault::DigitLost, &mut bytes, FRAME, &mut dice);
        assert_eq!(bytes.len(), whole.len() - 1);
        assert_eq!(read(VictronFault::DigitLost, &mut dice).2.len(), 1);
        let mut bytes = whole.clone();
        damage(VictronFault::LinesMerged, &mut bytes, FRAME, &mut dice);
        assert_eq!(bytes.len(), whole.len() - 2);
        assert!(bytes.starts_with(b"\r\nPID\t"));
        let mut bytes = whole.clone();
        damage(VictronFault::WrongChecksum, &mut bytes, FRAME, &mut dice);
        assert_eq!(bytes[..bytes.len() - 1], whole[..whole.len() - 1]);
        assert_ne!(bytes, whole);
    }
}

#[test]
fn frames_stand_where_the_fault_says() {
    let mut dice = Dice::new(11);
    let (blocks, frames, refused) = read(VictronFault::HexGlued, &mut dice);
    assert_eq!((blocks.len(), frames, refused), (3, 1, vec![]));
    let (blocks, frames, refused) = read(VictronFault::HexUnended, &mut dice);
    assert_eq!((blocks.len(), frames, refused), (3, 1, vec![]));
    let (blocks, frames, refused) = read(VictronFault::HexDamaged, &mut dice);
    assert_eq!((blocks.len(), frames, refused.len()), (3, 0, 1));
    let (blocks, frames, refused) = read(VictronFault::ErrorStorm(10), &mut dice);
    assert_eq!((blocks.len(), frames, refused), (3, 10, vec![]));
    for _ in 0..50 {
        let (blocks, frames, refused) = read(VictronFault::HexInside, &mut dice);
        assert_eq!((blocks.len(), frames, refused), (3, 1, vec![]));
    }
}

#[test]
fn noise_between_blocks_is_as_long_as_it_says() {
    let mut bytes = block(&fields());
    damage(
        VictronFault::Noise(33),
        &mut bytes,
        FRAME,
        &mut Dice::new(11),
    );
    assert_eq!(bytes.len(), 33 + block(&fields()).len());
    assert!(bytes.ends_with(&block(&fields())));
}

#[test]
fn lines_say_what_the_fault_makes_of_them() {
    let after = |fault: VictronFault| {
        let mut fields = fields();
        spoil(fault, &mut fields);
        fields
    };
    let value = |fault: VictronFault, label: &str| {
        let fields = after(fault);
        let found = fields.into_iter().find(|(name, _)| name == label);
        found.unwrap().1
    };
    assert_eq!(value(VictronFault::Malformed, "V"), "abc");
    assert_eq!(value(VictronFault::Dashes, "V"), "---");
    assert_eq!(value(VictronFault::Dashes, "PID"), "0xA053");
    assert_eq!(value(VictronFault::ZeroCounters, "H19"), "0");
    assert_eq!(value(VictronFault::ZeroCounters, "HSDS"), "7");
    assert_eq!(value(VictronFault::UnknownLabels, "NEW#"), "42");
    assert_eq!(after(VictronFault::LongBlock(30)).len(), 30);
    for length in [30, 90] {
        let bytes = block(&after(VictronFault::LongBlock(length)));
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!(sum, 0);
    }
}

#[test]
fn answers_say_what_the_fault_makes_of_them() {
    let after = |fault: VictronFault, answer: &[u8]| {
        let mut answer = answer.to_vec();
        answered(fault, &mut answer);
        answer
    };
    let voltage = encode_frame(7, &[0x8d, 0xed, 0, 0x34, 0x12]);
    let zero = encode_frame(7, &[0x8d, 0xed, 0, 0, 0]);
    assert_eq!(after(VictronFault::ZeroAnswer, &voltage), zero);
    let missing = encode_frame(7, &[0x8d, 0xed, 0, 0xff, 0x7f]);
    assert_eq!(after(VictronFault::NotAvailable, &voltage), missing);
    let unsigned = encode_frame(7, &[0xd5, 0xed, 0, 1, 2]);
    let missing = encode_frame(7, &[0xd5, 0xed, 0, 0xff, 0xff]);
    assert_eq!(after(VictronFault::NotAvailable, &unsigned), missing);
    let product = encode_frame(7, &[0, 1, 0, 0, 0x53, 0xa0, 0xff]);
    let short = encode_frame(7, &[0, 1, 0, 0xa0, 0x53]);
    assert_eq!(after(VictronFault::ShortProduct, &product), short);
    assert_eq!(after(VictronFault::ShortProduct, &voltage), voltage);
    let refused = encode_frame(7, &[0x8d, 0xed, 1]);
    assert_eq!(after(VictronFault::ZeroAnswer, &refused), refused);
}
