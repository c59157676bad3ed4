//! Text telegrams, plain and encrypted, and what is left of them on a line with exchanged levels.

use super::super::super::dsmr::{Checksum, How, Unchecked};
use super::*;

const TEXT_PAUSE: Duration = Duration::from_millis(3001);

#[test]
fn text_may_pause_for_longer_than_frames_and_its_line_end_is_no_noise() {
    let text = dsmr::seal("/XYZ5\\a\r\n\r\n1-0:1.8.0(000001*Wh)\r\n!");
    let (one, other) = text.split_at(30);
    let after_pause = |pause| {
        let mut framer = Framer::new();
        framer.push(one);
        framer.idle(pause);
        framer.push(other);
        framer.push(b"\r\n");
        let events = pull(&mut framer);
        assert_eq!(
            framer.is_waiting(),
            pause == TEXT_PAUSE,
            "noise is the last"
        );
        (
            messages(&events) == [text.as_slice()],
            reasons(&events),
            framer.noise(),
        )
    };
    assert_eq!(after_pause(SHORT_PAUSE), (true, vec![], 0));
    assert_eq!(after_pause(LONG_PAUSE), (true, vec![], 0));
    let (is_whole, reasons, _) = after_pause(TEXT_PAUSE);
    let have = one.len();
    assert_eq!(
        (is_whole, reasons),
        (false, vec![Reason::NoTextEnd { have }])
    );
}

#[test]
fn a_short_checksum_waits_for_a_breath_only() {
    let short = (0..).map(|n| format!("/XYZ5\\a\r\n\r\n1-0:1.8.0({n:06}*Wh)\r\n!"));
    let mut sealed = short.into_iter().map(|text| dsmr::seal(&text));
    let mut text = sealed.find(|text| text[text.len() - 4] == b'0').unwrap();
    text.remove(text.len() - 4);
    let mut framer = Framer::new();
    framer.push(&text);
    framer.idle(Duration::from_millis(200));
    assert_eq!(pull(&mut framer), []);
    framer.idle(Duration::from_millis(201));
    assert_eq!(messages(&pull(&mut framer)), [text.as_slice()]);
    // Nothing else ends so soon.
    let apdu = ciphered(100, 15);
    for bytes in [&apdu, &mbus::frames(&apdu, 245).concat()[..50], &text[..20]] {
        framer = Framer::new();
        framer.push(bytes);
        framer.idle(Duration::from_millis(201));
        assert_eq!(
            (pull(&mut framer), framer.buffered()),
            (vec![], bytes.len())
        );
    }
}

#[test]
fn the_second_burst_that_begins_alike_is_named_and_no_frame_is_missed() {
    let burst = [
        0x68, 0xaa, 0x3d, 0x95, 0x56, 0xcd, 0x9f, 0xd6, 0x8d, 0xf6, 0x9f, 0xf6, 0x9f, 0x77,
    ];
    let apdu = ciphered(300, 16);
    for size in [1, 5, 100] {
        let mut framer = Framer::new();
        let mut hear = |bytes: &[u8]| {
            for piece in bytes.chunks(size) {
                framer.push(piece);
            }
            framer.idle(SHORT_PAUSE);
            pull(&mut framer)
        };
        assert_eq!(hear(&burst), []);
        assert_eq!(reasons(&hear(&burst)), [Reason::Inverted]);
        assert_eq!(reasons(&hear(&burst)), [Reason::Inverted]);
        let frames = mbus::frames(&apdu, 245).concat();
        assert_eq!(messages(&hear(&frames)), [apdu.as_slice()]);
        assert_eq!(hear(&burst), [], "what was before the frame does not count");
        let mut other = burst;
        other[5] ^= 1;
        assert_eq!(hear(&other), []);
        assert_eq!(
            reasons(&hear(&[other, other].concat())),
            [Reason::Inverted; 2]
        );
    }
}

#[test]
fn an_encrypted_text_is_longer_than_other_messages() {
    let apdu = ciphered(MAX_TEXT, 17);
    let (events, _) = outcome([apdu.as_slice(), &apdu]);
    assert_eq!(messages(&events), [apdu.as_slice(), &apdu]);
}

/// Lines with numbers, and what each of them says.
fn any_lines() -> impl Strategy<Value = Vec<(String, u32)>> {
    let codes = prop::collection::btree_map("1-0:[1-9]{1,2}\\.7\\.0", 0..1_000_000_u32, 1..60);
    codes.prop_map(|lines| lines.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_sealed_is_read_back(
        lines in any_lines(), has_parity: bool, is_short: bool, before in garbage(),
        size in 1..300_usize
    ) {
        let written = lines.iter().map(|(code, watts)| format!("{code}({watts:07}*W)\r\n"));
        let text = format!("/XYZ5\\a\r\n\r\n{}!", written.collect::<String>());
        let mut sealed = dsmr::seal(&text);
        if is_short && sealed[text.len()] == b'0' {
            sealed.remove(text.len());
        }
        let parity = |byte: &u8| byte | ((byte.count_ones() & 1) as u8) << 7;
        let bytes = match has_parity {
            true => sealed.iter().map(parity).collect(),
            false => sealed.clone(),
        };
        let stream = [before, bytes].concat();
        let (events, _) = outcome(stream.chunks(size));
        let messages = messages(&events);
        prop_assert_eq!(messages.last(), Some(&sealed.as_slice()));
        let items = dsmr::parse(&sealed).unwrap();
        for (code, watts) in lines {
            let code = code.parse().unwrap();
            let item = items.iter().find(|item| item.obis == Some(code)).unwrap();
            prop_assert_eq!(item.value.to_string(), format!("{watts} W"));
        }
    }

    /// The same as the fuzz target of text telegrams, without one.
    #[test]
    fn any_bytes_as_lines_are_whole_or_refused(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), select(b"(*)\r\n10.:-".to_vec())], 0..900),
        size in 1..300_usize
    ) {
        let lines = bytes.iter().map(|byte| char::from(byte & 0x7f));
        let lines: String = lines.filter(|c| !matches!(c, '!' | '/')).collect();
        let sealed = dsmr::seal(&format!("/XYZ5\\a\r\n\r\n1-0:1.8.0(1*Wh)\r\n{lines}\r\n!"));
        prop_assert_eq!(Checksum::of(&sealed), Checksum::Good(How::Arc));
        for stream in [bytes.clone(), sealed.clone(), [bytes, sealed.clone()].concat()] {
            let found = outcome(stream.chunks(size));
            prop_assert_eq!(&found, &outcome([stream.as_slice()]));
            let mut line = Unchecked::default();
            for message in messages(&found.0) {
                let _ = line.believe(message, true);
                let _ = dsmr::parse(message);
            }
        }
        let (events, _) = outcome([sealed.as_slice()]);
        prop_assert_eq!(messages(&events), [sealed.as_slice()]);
    }
}
