//! The framer: same outcome however the bytes are cut, whatever stands before and after.

use proptest::prelude::*;

use super::super::*;
use super::samples::{answer, telemetry_of};

type Outcome = Result<RawFrame, FrameError>;

/// Everything the framer says about bytes that arrive in pieces.
fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Outcome> {
    let mut framer = Framer::new();
    let mut all = Vec::new();
    for piece in pieces {
        framer.push(piece);
        all.extend(std::iter::from_fn(|| framer.next_frame()));
        assert!(framer.buffered() <= MAX_FRAME);
        assert!(framer.missing().is_none_or(|missing| missing > 0));
    }
    while let Some(error) = framer.finish() {
        all.push(Err(error));
        all.extend(std::iter::from_fn(|| framer.next_frame()));
    }
    all.extend(std::iter::from_fn(|| framer.next_frame()));
    assert_eq!(framer.buffered(), 0);
    all
}

fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// Bytes that look like frames more often than chance would have it.
fn framelike() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..20),
        1 => Just(b"APS".to_vec()),
        1 => Just(b"APS11".to_vec()),
        1 => Just(b"APS110015000202\n".to_vec()),
        1 => Just(b"APS1100400002".to_vec()),
        1 => Just(b"END\n".to_vec()),
        2 => answer().prop_map(|answer| answer.encode()),
        1 => (answer(), any::<prop::sample::Index>()).prop_map(|(answer, cut)| {
            let mut bytes = answer.encode();
            bytes.truncate(cut.index(bytes.len()));
            bytes
        }),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn cuts_change_nothing(bytes in framelike(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let whole = outcome([bytes.as_slice()]);
        prop_assert_eq!(&outcome(split(&bytes, &cuts)), &whole);
        prop_assert_eq!(&outcome(bytes.chunks(1)), &whole);
    }

    #[test]
    fn every_prefix_is_incomplete(answer in answer()) {
        let bytes = answer.encode();
        for have in 1..bytes.len() - 1 {
            let need = (have >= 9).then_some(bytes.len());
            let expected = FrameError::Incomplete { offset: 0, have, need };
            prop_assert_eq!(outcome([&bytes[..have]]).into_iter().next(), Some(Err(expected)));
        }
    }

    #[test]
    fn a_missing_newline_costs_nothing(answers in prop::collection::vec(answer(), 1..4)) {
        let frames: Vec<Vec<u8>> = answers.iter().map(Answer::encode).collect();
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| &frame[..frame.len() - 1]).copied().collect();
        for pieces in [vec![bytes.as_slice()], bytes.chunks(1).collect()] {
            let read = outcome(pieces).into_iter().map(|frame| frame.unwrap().bytes);
            prop_assert_eq!(read.collect::<Vec<_>>(), frames.clone());
        }
    }

    #[test]
    fn garbage_around_costs_one_error_and_no_frame(
        before in prop::collection::vec(any::<u8>().prop_filter("no A", |byte| *byte != b'A'), 0..300),
        answer in answer(),
        after in prop::collection::vec(any::<u8>().prop_filter("no A", |byte| *byte != b'A'), 0..300),
    ) {
        let frame = answer.encode();
        let bytes = [before.as_slice(), &frame, &after].concat();
        let mut expected = Vec::new();
        let region = |offset: usize, length: usize| FrameError::BadHeader {
            offset: offset as u64,
            length: length as u64,
            fault: HeaderFault::Signature,
        };
        if !before.is_empty() {
            expected.push(Err(region(0, before.len())));
        }
        let mut raw = RawFrame::parse(&frame).unwrap();
        raw.offset = before.len() as u64;
        expected.push(Ok(raw));
        if !after.is_empty() {
            expected.push(Err(region(before.len() + frame.len(), after.len())));
        }
        prop_assert_eq!(outcome([bytes.as_slice()]), expected);
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = outcome([bytes.as_slice()]);
        let _ = Request::parse(&bytes);
    }
}

#[test]
fn newline_and_end_inside_the_data_do_not_end_the_frame() {
    let uid = |text: &str| text.parse().unwrap();
    let mut records = vec![Record::new(uid("802000000001"), false, RecordType::T00, None); 10];
    let words = [0x454e, 0x440a];
    records[3] = Record::new(
        uid("408000000001"),
        true,
        RecordType::T01,
        Some(Body {
            frequency_dhz: 500,
            temperature_raw: 120,
            power_w: Quad::new(&words),
            voltage_v: Quad::new(&[0x0a45, 230]),
        }),
    );
    let telemetry = telemetry_of(records);
    let bytes = telemetry.encode();
    assert_eq!(bytes[18], b'\n');
    let frame = RawFrame::parse(&bytes).unwrap();
    assert_eq!(Answer::decode(&frame), Ok(Answer::Telemetry(telemetry)));
}

#[test]
fn a_frame_that_lost_a_byte_is_reported_and_the_next_one_found() {
    let clock = b"APS11003200120020250601120000END\n";
    let mut bytes = b"APS110050000201".to_vec();
    bytes.extend([0x55; 20]);
    bytes.extend_from_slice(clock);
    let all = outcome([bytes.as_slice()]);
    assert_eq!(
        all.first(),
        Some(&Err(FrameError::BadEnd {
            offset: 0,
            length: 51
        }))
    );
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].as_ref().unwrap().bytes, clock);
    assert_eq!(all[1].as_ref().unwrap().offset, 35);
}

#[test]
fn a_whole_frame_inside_a_broken_off_one_is_found_at_the_end() {
    let bytes = [&b"APS110500000201"[..], b"APS110015000202\n"].concat();
    let all = outcome([bytes.as_slice()]);
    assert_eq!(all.len(), 2);
    assert!(matches!(
        all[0],
        Err(FrameError::Incomplete {
            need: Some(501),
            ..
        })
    ));
    assert_eq!(all[1].as_ref().unwrap().offset, 15);
}

#[test]
fn header_faults_are_named() {
    for (bytes, expected) in [
        (&b"HTTP/1.1 400\r\n"[..], HeaderFault::Signature),
        (b"APS1300160001END\n", HeaderFault::Group),
        (b"APS11x0160001END\n", HeaderFault::Length),
        (b"APS1100140001END\n", HeaderFault::Length),
        (b"APS110016000xEND\n", HeaderFault::Command),
    ] {
        let error = RawFrame::parse(bytes).unwrap_err();
        let FrameError::BadHeader { offset, fault, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((offset, fault), (0, expected));
    }
}

#[test]
fn errors_say_where_and_what_to_do() {
    let error = RawFrame::parse(b"APS11003200120020").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the frame at byte 0 is incomplete: 17 of 33 bytes arrived; the ECU closed the connection \
         early or the capture is cut, so ask again"
    );
}

#[test]
fn a_flood_of_garbage_is_not_kept() {
    let mut framer = Framer::new();
    for _ in 0..100 {
        framer.push(&[b'A'; 10_000]);
        framer.push(b"APS119999");
        framer.push(&[0; 10_000]);
        assert!(framer.buffered() <= MAX_FRAME);
    }
}
