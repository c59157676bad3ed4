//! Masked bytes of meters that are built here.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::config::MeterConfig;
use super::super::wire::axdr::Data;
use super::super::wire::dsmr;
use super::super::wire::link::{Message, hdlc, mbus};
use super::super::wire::{HeaderTime, SecurityControl, notification};
use super::*;
use crate::config::Secret;

const KEY: &str = "7e11aa5500c3f00dcafe0123456789ab";
const SERIAL: &[u8] = b"\x10\x20\x09\xfb\xf1";
const NUMBER: &[u8] = b"1ABC0200654321";
const NAME: &[u8] = b"ABC1200200654321";

fn title(last: u8) -> SystemTitle {
    SystemTitle([b'A', b'B', b'C', 0x10, 0x20, 0x09, 0xfb, last])
}

fn masker(key: Option<&str>) -> Masker {
    let config = MeterConfig {
        key: key.map(Secret::new),
        ..MeterConfig::default()
    };
    let keys = KeyRing::read(&config).unwrap();
    let profiles = Profiles::default();
    Masker::new(Arc::new(keys), Arc::new(profiles), config.profile)
}

fn octets(bytes: &[u8]) -> Data {
    Data::Octets(bytes.to_vec())
}

fn plaintext(energy: u32) -> Vec<u8> {
    let pair = |code: [u8; 6], value| Data::Structure(vec![octets(&code), value]);
    let data = Data::Structure(vec![
        pair([0, 0, 96, 1, 0, 255], octets(NUMBER)),
        pair([0, 0, 42, 0, 0, 255], octets(NAME)),
        pair([0, 0, 96, 13, 0, 255], octets(b"Dear Anna")),
        pair([1, 0, 1, 8, 0, 255], Data::u32(energy)),
        pair([1, 0, 2, 8, 0, 255], Data::u32(9)),
    ]);
    notification(energy, HeaderTime::Absent, &data)
}

fn text() -> Vec<u8> {
    let body = "/ABC5 1ABC0200654321\r\n\r\n0-0:96.1.0(3141424330323030363534333231)\r\n\
                0-0:96.13.0(44656172)\r\n1-0:1.8.0(000654321*Wh)\r\n!";
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(body.as_bytes());
    format!("{body}{crc:04X}\r\n").into_bytes()
}

fn message(security: u8, counter: u32, plaintext: &[u8]) -> Vec<u8> {
    let (key, security) = (KEY.parse().unwrap(), SecurityControl(security));
    seal(title(0xf1), security, counter, &key, Some(&key), plaintext).unwrap()
}

fn messages(bytes: &[u8]) -> Vec<Message> {
    let mut framer = Framer::new();
    framer.push(bytes);
    framer.finish();
    let events = std::iter::from_fn(|| framer.next_event());
    let message = |event| match event {
        LinkEvent::Message(message) => Some(message),
        LinkEvent::Refused(_) => None,
    };
    events.filter_map(message).collect()
}

/// What the published key makes of a message.
fn opened(message: &[u8]) -> (SystemTitle, Vec<u8>, Authentication) {
    let Ok(Apdu::Ciphered(ciphered)) = Apdu::parse(message) else {
        panic!("not ciphered")
    };
    let (key, authentication) = (published::key(false), published::authentication_key(false));
    let opened = ciphered.open(&key, Some(&authentication)).unwrap();
    (ciphered.title, opened.plaintext, opened.authentication)
}

/// Whether anything of the meter is left.
fn gives_away(bytes: &[u8]) -> bool {
    let digits = |bytes: &[u8], upper| -> Vec<u8> {
        let digit = |byte: &u8| match upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        };
        bytes.iter().map(digit).collect::<String>().into_bytes()
    };
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    [SERIAL, NUMBER, NAME, b"654321"]
        .iter()
        .any(|secret| has(secret) || has(&digits(secret, false)) || has(&digits(secret, true)))
}

/// The message in every kind of frame.
fn framed(apdu: &[u8]) -> [Vec<u8>; 5] {
    let sender = hdlc::Sender::default();
    [
        mbus::frames(apdu, 60).concat(),
        mbus::frames(apdu, 252).concat(),
        hdlc::frames(apdu, 50, sender).concat(),
        hdlc::block_frames(apdu, 70, sender).concat(),
        apdu.to_vec(),
    ]
}

#[test]
fn every_kind_of_frame_keeps_its_shape_and_opens_with_the_published_key() {
    for security in [0x20, 0x30, 0x21, 0x31, 0x10] {
        let apdu = message(security, 7, &plaintext(1234));
        for bytes in framed(&apdu) {
            let masked = masker(Some(KEY)).mask(&bytes);
            let (before, after) = (messages(&bytes), messages(&masked));
            assert_eq!(after.len(), 1);
            assert_eq!(after[0].frames, before[0].frames);
            let (title, plaintext, authentication) = opened(&after[0].bytes);
            assert_eq!(title, SystemTitle(*b"ABC\0\0\0\0\x01"));
            let is_tagged = security & 0x10 != 0;
            assert_eq!(authentication == Authentication::Verified, is_tagged);
            let expected = self::plaintext(1234);
            assert_eq!(plaintext.len(), expected.len());
            assert_eq!(
                plaintext[plaintext.len() - 30..],
                expected[expected.len() - 30..]
            );
            assert!(!gives_away(&plaintext) && !gives_away(&masked));
            assert!(!plaintext.windows(4).any(|window| window == b"Dear"));
            for name in [
                b"1ABC0200000001".as_slice(),
                b"ABC1200000000001",
                b"xxxxxxxx1",
            ] {
                assert!(plaintext.windows(name.len()).any(|window| window == name));
            }
        }
    }
}

#[test]
fn a_long_key_is_replaced_by_a_long_one() {
    let key = KEY.repeat(2);
    let plaintext = plaintext(5);
    let sealed = |key: &Key, authentication: &Key| {
        let security = SecurityControl(0x32);
        seal(
            title(0xf1),
            security,
            3,
            key,
            Some(authentication),
            &plaintext,
        )
        .unwrap()
    };
    let own: Key = key.parse().unwrap();
    let masked = masker(Some(&key)).mask(&sealed(&own, &own));
    let Ok(Apdu::Ciphered(ciphered)) = Apdu::parse(&masked) else {
        panic!("not ciphered")
    };
    let authentication = published::authentication_key(true);
    let opened = ciphered.open(&published::key(true), Some(&authentication));
    assert_eq!(opened.unwrap().authentication, Authentication::Verified);
}

#[test]
fn telegrams_in_clear_lose_their_names_alone() {
    let bytes = plaintext(1234);
    for bytes in framed(&bytes).into_iter().take(4) {
        let masked = masker(None).mask(&bytes);
        let after = messages(&masked);
        assert_eq!(after.len(), 1);
        assert!(!gives_away(&masked));
        let words = b"Dear".as_slice();
        assert!(!after[0].bytes.windows(4).any(|window| window == words));
        let read = Telegram::parse(&after[0].bytes, None, &Profiles::default(), None).unwrap();
        assert_eq!(read.items.len(), 5);
        assert_eq!(read.items[0].value.as_text(), Some("1ABC0200000001"));
        assert_eq!(read.items[3].value.as_quantity().unwrap().raw, 1234);
    }
}

#[test]
fn text_telegrams_lose_their_names_and_keep_a_right_checksum() {
    let bytes = mbus::frames(&message(0x30, 7, &text()), 245).concat();
    let masked = masker(Some(KEY)).mask(&bytes);
    let (_, plaintext, _) = opened(&messages(&masked)[0].bytes);
    let shown = String::from_utf8_lossy(&plaintext);
    assert!(shown.starts_with("/ABC5 1ABC0200000001\r\n"), "{shown}");
    assert!(
        shown.contains("96.1.0(3141424330323030303030303031)"),
        "{shown}"
    );
    assert!(shown.contains("1.8.0(000654321*Wh)"), "{shown}");
    assert!(!shown.contains("44656172"), "{shown}");
    Telegram::parse(&plaintext, None, &Profiles::default(), None).unwrap();

    // What was damaged in the meter stays damaged.
    let mut damaged = text();
    damaged[95] ^= 1;
    let masked = masker(Some(KEY)).mask(&message(0x20, 7, &damaged));
    let (_, plaintext, _) = opened(&masked);
    let read = Telegram::parse(&plaintext, None, &Profiles::default(), None);
    assert!(read.unwrap_err().to_string().contains("damaged"));
}

#[test]
fn meters_keep_their_invented_names_and_differ() {
    let mut masker = masker(Some(KEY));
    let of = |masker: &mut Masker, last, counter| {
        let mut apdu = message(0x20, counter, &plaintext(counter));
        apdu[9] = last;
        messages(&masker.mask(&apdu))[0].bytes[2..10].to_vec()
    };
    let first = of(&mut masker, 0xf1, 1);
    let second = of(&mut masker, 0xf2, 2);
    assert_ne!(first, second);
    assert_eq!(of(&mut masker, 0xf1, 3), first);
}

#[test]
fn without_the_right_key_only_the_title_changes() {
    let apdu = message(0x30, 7, &plaintext(1234));
    for key in [None, Some("00112233445566778899aabbccddeeff")] {
        for bytes in framed(&apdu) {
            let masked = masker(key).mask(&bytes);
            let after = messages(&masked);
            assert_eq!(after[0].bytes[10..], apdu[10..]);
            assert_eq!(after[0].bytes[2..10], *b"ABC\0\0\0\0\x01");
            assert!(!gives_away(&masked));
        }
    }
}

#[test]
fn a_wrong_tag_stays_wrong() {
    let mut apdu = message(0x30, 7, &plaintext(1234));
    let config = MeterConfig {
        key: Some(Secret::new(KEY)),
        authentication_key: Some(Secret::new(KEY)),
        ..MeterConfig::default()
    };
    *apdu.last_mut().unwrap() ^= 4;
    let keys = Arc::new(KeyRing::read(&config).unwrap());
    let mut masker = Masker::new(keys, Arc::default(), config.profile);
    let (_, plaintext, authentication) = opened(&masker.mask(&apdu));
    assert_eq!(authentication, Authentication::Failed);
    assert!(Telegram::parse(&plaintext, None, &Profiles::default(), None).is_ok());
}

#[test]
fn a_first_frame_that_came_twice_still_does() {
    let frames = mbus::frames(&message(0x20, 7, &plaintext(1234)), 60);
    let bytes = [frames[0].as_slice(), &frames.concat()].concat();
    let masked = masker(Some(KEY)).mask(&bytes);
    let length = frames[0].len();
    assert_eq!(masked[..length], masked[length..2 * length]);
    assert_eq!(messages(&masked).len(), 1);
}

#[test]
fn another_kind_of_meter_loses_its_number_and_stays_sound() {
    let mut bytes = vec![
        0x68, 0x0b, 0x0b, 0x68, 0x08, 0x01, 0x72, 0x78, 0x56, 0x34, 0x12,
    ];
    bytes.extend([0x24, 0x40, 0x01, 0x04]);
    let sum = bytes[4..]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.extend([sum, 0x16]);
    let masked = masker(None).mask(&bytes);
    assert_eq!(masked[7..11], [0, 0, 0, 1]);
    assert!(frames(&masked)[0].is_sound);
}

#[test]
fn the_keys_that_are_shown_are_the_published_ones_and_never_the_own_one() {
    let of = |config: &MeterConfig| settings(&KeyRing::read(config).unwrap());
    assert_eq!(of(&MeterConfig::default()), []);
    let mut config = MeterConfig {
        key: Some(Secret::new(KEY)),
        ..MeterConfig::default()
    };
    assert_eq!(of(&config), [("key".to_owned(), published::KEY.to_owned())]);
    config.authentication_key = Some(Secret::new(KEY));
    config
        .keys
        .insert("flat".to_owned(), Secret::new(KEY.repeat(2)));
    let all = of(&config);
    let values: Vec<&str> = all.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(
        values,
        [
            published::KEY,
            published::LONG_KEY,
            published::AUTHENTICATION_KEY
        ]
    );
}

#[test]
fn text_of_a_line_in_clear_loses_its_names_with_eight_bits_or_seven_whole_or_damaged() {
    let parity = |bytes: &[u8]| -> Vec<u8> {
        let parity = |byte: &u8| byte | ((byte.count_ones() & 1) as u8) << 7;
        bytes.iter().map(parity).collect()
    };
    let characters = |bytes: &[u8]| -> Vec<u8> { bytes.iter().map(|byte| byte & 0x7f).collect() };
    // Its energy is not the end of its number.
    let text = String::from_utf8(text())
        .unwrap()
        .replace("000654321*Wh", "000001234*Wh");
    let text = dsmr::seal(&text[..text.len() - 6]);
    let masked = masker(None).mask(&text);
    assert!(!gives_away(&masked));
    assert_eq!(messages(&masked).len(), 1, "its checksum is right");
    let masked = masker(None).mask(&parity(&text));
    assert_eq!(messages(&masked).len(), 1, "and its parity");
    assert!(!gives_away(&characters(&masked)));
    for at in 0..text.len() {
        let mut damaged = text.clone();
        damaged[at] ^= 1;
        assert!(!gives_away(&masker(None).mask(&damaged[..])), "{at}");
        let masked = masker(None).mask(&parity(&damaged));
        assert!(!gives_away(&characters(&masked)), "{at}");
        let cut = &text[at..];
        assert!(!gives_away(&masker(None).mask(cut)), "cut at {at}");
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let likely = select(vec![
        0x68, 0x7e, 0xa0, 0xdb, 0x08, b'A', 0x0f, 0x16, b'1', b'/',
    ]);
    prop::collection::vec(prop_oneof![any::<u8>(), likely], 0..300)
}

proptest! {
    #[test]
    fn no_bytes_change_their_number(pieces in prop::collection::vec(any_bytes(), 0..4)) {
        let mut masker = masker(Some(KEY));
        for piece in &pieces {
            prop_assert_eq!(masker.mask(piece).len(), piece.len());
        }
    }

    #[test]
    fn damage_gives_nothing_away_and_stays(
        kind in 0..5_usize, at in any::<prop::sample::Index>(), bit in 0..8, lost: bool, in_clear: bool,
    ) {
        let apdu = if in_clear { plaintext(1234) } else { message(0x20, 7, &plaintext(1234)) };
        // A bare message with a head like this one is not recognised.
        let kind = if in_clear { kind % 4 } else { kind };
        let mut bytes = framed(&apdu)[kind].clone();
        let at = at.index(bytes.len());
        if lost {
            bytes.remove(at);
        } else {
            bytes[at] ^= 1_u8 << bit;
        }
        let mut masker = masker(Some(KEY));
        let whole = framed(&apdu)[kind].clone();
        // The meter is known by the telegram before.
        masker.mask(&whole);
        let masked = masker.mask(&bytes);
        prop_assert_eq!(masked.len(), bytes.len());
        prop_assert!(!gives_away(&masked), "{:02x?}", masked);
        let spans = |bytes: &[u8]| -> Vec<_> { messages(bytes).into_iter().map(|it| it.frames).collect() };
        prop_assert_eq!(spans(&masked), spans(&bytes));
    }

    #[test]
    fn a_telegram_that_is_cut_gives_nothing_away(kind in 0..5_usize, at in any::<prop::sample::Index>()) {
        let bytes = framed(&message(0x20, 7, &plaintext(1234)))[kind].clone();
        let (front, back) = bytes.split_at(at.index(bytes.len()));
        let mut masker = masker(Some(KEY));
        let masked = [masker.mask(front), masker.mask(back)];
        prop_assert!(masked.iter().all(|masked| !gives_away(masked)), "{masked:02x?}");
    }
}
