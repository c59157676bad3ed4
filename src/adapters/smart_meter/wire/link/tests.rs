//! The framer over streams of all kinds.

mod text;

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::dsmr;
use super::hdlc::Sender;
use super::*;

const SHORT_PAUSE: Duration = Duration::from_millis(501);
const LONG_PAUSE: Duration = Duration::from_millis(2001);

/// A ciphered message of this many bytes, at least 19; `seed` makes the ciphertext.
fn ciphered(size: usize, seed: u8) -> Vec<u8> {
    let rest = size - 13;
    let mut message = b"\xdb\x08XXX00001\x82".to_vec();
    message.extend((rest as u16).to_be_bytes());
    message.extend([0x20, 0, 0, 0, seed]);
    let bytes = std::iter::successors(Some(seed), |byte| {
        Some(byte.wrapping_mul(5).wrapping_add(17))
    });
    message.extend(bytes.take(size - message.len()));
    message
}

fn plain() -> Vec<u8> {
    let head = [0x0f, 0x80, 0, 0, 1, 0x09, 0x0c];
    let date = [7, 0xea, 1, 2, 5, 3, 4, 5, 0xff, 0x80, 0, 0];
    [&head[..], &date, &[2, 1, 6, 0, 0, 0, 7]].concat()
}

fn pull(framer: &mut Framer) -> Vec<LinkEvent> {
    std::iter::from_fn(|| framer.next_event()).collect()
}

fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<LinkEvent>, u64) {
    let mut framer = Framer::new();
    let mut events = Vec::new();
    for piece in pieces {
        framer.push(piece);
        assert!(framer.buffered() <= MAX_BUFFER);
        events.append(&mut pull(&mut framer));
    }
    framer.finish();
    events.append(&mut pull(&mut framer));
    (events, framer.noise())
}

fn messages(events: &[LinkEvent]) -> Vec<&[u8]> {
    let messages = events.iter().filter_map(|event| match event {
        LinkEvent::Message(message) => Some(message.bytes.as_slice()),
        LinkEvent::Refused(_) => None,
    });
    messages.collect()
}

fn reasons(events: &[LinkEvent]) -> Vec<Reason> {
    let reason = |event: &LinkEvent| match event {
        LinkEvent::Refused(refused) => Some(refused.reason),
        LinkEvent::Message(_) => None,
    };
    events.iter().filter_map(reason).collect()
}

#[test]
fn a_message_tells_where_it_came_from() {
    let apdu = ciphered(300, 1);
    let stream = [vec![0, 1, 2], mbus::frames(&apdu, 245).concat()].concat();
    let (events, noise) = outcome([stream.as_slice()]);
    let span = |offset, length| Span { offset, length };
    let expected = Message {
        offset: 3,
        transport: Transport::MBus,
        bytes: apdu,
        surplus: 0,
        frames: vec![span(3, 256), span(259, 66)],
    };
    assert_eq!(events, [LinkEvent::Message(expected)]);
    assert_eq!(noise, 3);
}

#[test]
fn the_transport_may_change_on_the_line() {
    let apdu = ciphered(300, 2);
    let parts = [
        hdlc::frames(&apdu, 120, Sender::default()).concat(),
        mbus::frames(&apdu, 245).concat(),
        [apdu.clone(), plain()].concat(),
        hdlc::block_frames(&apdu, 120, Sender::default()).concat(),
        mbus::frames(&apdu, 245).concat(),
    ];
    let mut framer = Framer::new();
    let mut events = Vec::new();
    for part in &parts {
        framer.push(part);
        framer.idle(SHORT_PAUSE);
        events.append(&mut pull(&mut framer));
    }
    let transports: Vec<_> = events
        .iter()
        .map(|event| match event {
            LinkEvent::Message(message) => message.transport,
            LinkEvent::Refused(refused) => panic!("{refused}"),
        })
        .collect();
    use Transport::{Hdlc, MBus, Raw};
    assert_eq!(transports, [Hdlc, MBus, Raw, Raw, Hdlc, MBus]);
    assert_eq!(framer.noise(), 0);
}

#[test]
fn frames_of_hdlc_share_a_flag_or_have_more_than_two() {
    let apdu = ciphered(300, 3);
    let frames = hdlc::frames(&apdu, 120, Sender::default());
    for flags in 0..4 {
        let mut stream = Vec::new();
        for frame in &frames {
            stream.extend_from_slice(&frame[1..]);
            stream.extend(vec![0x7e; flags]);
        }
        stream.insert(0, 0x7e);
        let (events, noise) = outcome(stream.chunks(1));
        assert_eq!(messages(&events), [apdu.as_slice()], "{flags}");
        assert!(noise < 4);
    }
}

#[test]
fn a_frame_hides_in_the_claim_of_a_false_start() {
    let apdu = ciphered(60, 4);
    let stream = [
        vec![0x68, 0xfa, 0xfa, 0x68],
        mbus::frames(&apdu, 245).concat(),
    ]
    .concat();
    let mut framer = Framer::new();
    framer.push(&stream);
    assert_eq!(pull(&mut framer), []);
    framer.idle(SHORT_PAUSE);
    let events = pull(&mut framer);
    assert_eq!(messages(&events), [apdu.as_slice()]);
    let (have, need) = (stream.len(), Some(256));
    assert_eq!(reasons(&events), [Reason::Silence { have, need }]);
    assert_eq!(framer.noise(), 4);
}

#[test]
fn a_damaged_beginning_leaves_one_error_and_an_orphan() {
    let apdu = ciphered(300, 5);
    let mut stream = mbus::frames(&apdu, 245).concat();
    stream[100] ^= 4;
    let (events, noise) = outcome([stream.as_slice()]);
    let [checksum, orphan] = reasons(&events)[..] else {
        panic!("{events:?}")
    };
    assert!(checksum.is_checksum_error());
    let (sequence, at_start) = (Some(1), true);
    assert_eq!(orphan, Reason::Orphan { sequence, at_start });
    assert_eq!(noise, 256);
}

#[test]
fn other_kinds_of_mbus_are_told_apart() {
    let mut frame = mbus::frames(&ciphered(60, 6), 245).remove(0);
    frame[6] = 0x5b;
    let at = frame.len() - 2;
    frame[at] = frame[at].wrapping_add(0x5b - 0x10);
    let (events, noise) = outcome([frame.as_slice()]);
    let control_information = 0x5b;
    assert_eq!(
        reasons(&events),
        [Reason::OtherBus {
            control_information
        }]
    );
    assert_eq!(noise, 0);
}

#[test]
fn quiet_in_the_middle_ends_frames_soon_and_messages_later() {
    let apdu = ciphered(300, 7);
    let frames = mbus::frames(&apdu, 245);
    let after_pause = |pause| {
        let mut framer = Framer::new();
        framer.push(&frames[0]);
        framer.idle(pause);
        framer.push(&frames[1]);
        pull(&mut framer)
    };
    let events = after_pause(SHORT_PAUSE);
    assert_eq!(messages(&events), [apdu.as_slice()]);
    let events = after_pause(LONG_PAUSE);
    assert_eq!(messages(&events).len(), 0);
    let (have, need) = (245, None);
    assert_eq!(reasons(&events)[0], Reason::Silence { have, need });

    let mut framer = Framer::new();
    framer.push(&frames[0][..50]);
    framer.idle(Duration::from_millis(500));
    assert_eq!(framer.buffered(), 50);
    framer.idle(SHORT_PAUSE);
    assert_eq!(framer.buffered(), 0);
}

#[test]
fn a_message_without_frames_waits_for_quiet() {
    for message in [ciphered(100, 8), plain()] {
        let mut framer = Framer::new();
        framer.push(&message);
        assert_eq!(pull(&mut framer), []);
        framer.idle(SHORT_PAUSE);
        assert_eq!(messages(&pull(&mut framer)), [message.as_slice()]);
        framer.push(&[0xee; 3]);
        framer.push(&message);
        framer.idle(SHORT_PAUSE);
        assert_eq!(pull(&mut framer), [], "it does not begin after quiet");
        framer.push(&message);
        framer.push(&message);
        assert_eq!(messages(&pull(&mut framer)), [message.as_slice()]);
    }
}

#[test]
fn lengths_are_compared_with_the_announced_one() {
    let apdu = ciphered(100, 9);
    let (events, _) = outcome([mbus::frames(&apdu[..99], 245).concat().as_slice()]);
    let (announced, have) = (100, 99);
    assert_eq!(reasons(&events), [Reason::Length { announced, have }]);
    let longer = [apdu.as_slice(), &[1, 2]].concat();
    let (events, _) = outcome([mbus::frames(&longer, 245).concat().as_slice()]);
    let [LinkEvent::Message(message)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((&message.bytes, message.surplus), (&apdu, 2));
    let (events, _) = outcome([mbus::frames(&[], 245).concat().as_slice()]);
    let (announced, have) = (1, 0);
    assert_eq!(reasons(&events), [Reason::Length { announced, have }]);
}

#[test]
fn a_lost_segment_of_hdlc_is_noticed() {
    let apdu = ciphered(300, 10);
    let mut frames = hdlc::frames(&apdu, 120, Sender::default());
    frames[1][50] ^= 1;
    let (events, _) = outcome([frames.concat().as_slice()]);
    let reasons = reasons(&events);
    assert!(reasons[0].is_checksum_error());
    assert_eq!(reasons[1], Reason::Gap);
    assert!(matches!(reasons[2], Reason::Orphan { .. }));
    assert_eq!(reasons.len(), events.len());
}

#[test]
fn a_lost_block_is_noticed() {
    let apdu = ciphered(300, 11);
    let mut frames = hdlc::block_frames(&apdu, 120, Sender::default());
    frames.remove(1);
    let (events, _) = outcome([frames.concat().as_slice()]);
    let (expected, found) = (2, 3);
    assert_eq!(
        reasons(&events),
        [Reason::OutOfSequence { expected, found }]
    );
}

#[test]
fn a_stream_that_ends_in_a_frame_says_so() {
    let frame = mbus::frames(&ciphered(100, 12), 245).remove(0);
    let (events, _) = outcome([&frame[..50]]);
    let (have, need) = (50, Some(frame.len()));
    assert_eq!(reasons(&events), [Reason::CutOff { have, need }]);
    assert_eq!(outcome([&frame[..3]]), (vec![], 3));
}

#[test]
fn other_languages_are_named_by_their_marks() {
    let sml = [
        0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1, 0x76, 5, 0, 0x1b, 0x1b, 0x1b, 0x1b, 0x1a,
    ];
    for size in 1..sml.len() {
        let (events, _) = outcome(sml.chunks(size));
        assert_eq!(reasons(&events), [Reason::Sml], "{size}");
    }
    let hidden = [
        b"/XYZ5a\r\n\r\n".as_slice(),
        &[0, 0x82, 2, 0x30, 0x30, 0, 0, 0, 1, 7, 7],
    ]
    .concat();
    let (events, _) = outcome(hidden.chunks(3));
    assert_eq!(reasons(&events), [Reason::HiddenTitle]);
    let apdu = ciphered(60, 13);
    let (events, _) = outcome([[b"/XYZ5a\r\n\r\n".as_slice(), &apdu].concat().as_slice()]);
    assert_eq!(
        messages(&events),
        [apdu.as_slice()],
        "a head in clear before it"
    );
}

#[test]
fn after_whole_telegrams_nothing_is_waited_for() {
    let apdu = ciphered(300, 14);
    for bytes in [
        mbus::frames(&apdu, 245).concat(),
        hdlc::frames(&apdu, 120, Sender::default()).concat(),
    ] {
        let mut framer = Framer::new();
        framer.push(&bytes[..bytes.len() - 20]);
        assert!(framer.is_waiting());
        framer.push(&bytes[bytes.len() - 20..]);
        assert!(!framer.is_waiting());
    }
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    (19..700_usize, any::<u8>()).prop_map(|(size, seed)| ciphered(size, seed))
}

/// A message as bytes of the line.
fn any_telegram() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    (any_message(), 0..4, 30..256_usize).prop_map(|(apdu, kind, size)| {
        let frames = match kind {
            0 => hdlc::frames(&apdu, size, Sender::default()),
            1 => hdlc::block_frames(&apdu, size, Sender::default()),
            _ => mbus::frames(&apdu, size),
        };
        (apdu, frames.concat())
    })
}

/// A text telegram, of eight bits or of seven with parity.
fn any_text() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let lines = prop::collection::vec("1-0:[0-9]{1,2}\\.8\\.0\\([0-9]{3,6}\\*Wh\\)\r\n", 1..40);
    (lines, any::<bool>()).prop_map(|(lines, has_parity)| {
        let text = dsmr::seal(&format!("/XYZ5\\a\r\n\r\n{}!", lines.concat()));
        let parity = |byte: &u8| match has_parity {
            true => byte | ((byte.count_ones() & 1) as u8) << 7,
            false => *byte,
        };
        let bytes = text.iter().map(parity).collect();
        (text, bytes)
    })
}

fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let likely = select(vec![
        0x68, 0xfa, 0x16, 0x7e, 0xa0, 0xdb, 0x08, 0x0f, 0x0c, 0x10, 0xe5, 0x01, 0x00,
    ]);
    let byte = prop_oneof![any::<u8>(), likely];
    prop::collection::vec(byte, 0..700)
}

proptest! {
    #[test]
    fn every_telegram_is_found_between_noise(
        telegrams in prop::collection::vec(
            (prop_oneof![any_telegram(), any_text()], prop::collection::vec(any::<u8>(), 0..40)), 1..8
        ),
        size in 1..400_usize,
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for ((apdu, bytes), noise) in &telegrams {
            stream.extend_from_slice(noise);
            stream.extend_from_slice(bytes);
            expected.push(apdu.as_slice());
        }
        let (events, _) = outcome(stream.chunks(size));
        prop_assert_eq!(messages(&events), expected);
    }

    #[test]
    fn cuts_change_nothing(
        before in garbage(), telegram in prop_oneof![any_telegram(), any_text()], after in garbage(),
        size in 1..300_usize
    ) {
        let stream = [before, telegram.1, after].concat();
        prop_assert_eq!(outcome(stream.chunks(size)), outcome([stream.as_slice()]));
    }

    #[test]
    fn spans_lead_to_the_frames(telegram in any_telegram(), before in 0..9_usize) {
        let stream = [vec![0; before], telegram.1].concat();
        let (events, _) = outcome([stream.as_slice()]);
        let [LinkEvent::Message(message)] = events.as_slice() else { panic!("{events:?}") };
        prop_assert_eq!(message.offset, before as u64);
        let mut end = before;
        for span in &message.frames {
            prop_assert_eq!(span.offset, end as u64);
            end += span.length;
            prop_assert!(!annotate(&stream[end - span.length..end]).contains("not understood"));
        }
        prop_assert_eq!(end, stream.len());
    }

    #[test]
    fn messages_without_frames_follow_each_other(apdus in prop::collection::vec(any_message(), 1..6)) {
        let stream = apdus.concat();
        let (events, noise) = outcome(stream.chunks(50));
        prop_assert_eq!(messages(&events), apdus);
        prop_assert_eq!(noise, 0);
    }
}
