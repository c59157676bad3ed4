use super::*;
use proptest::prelude::*;

const TITLE: SystemTitle = SystemTitle(*b"KFM\x10\x20\x00\x00\x07");

fn ciphered(bytes: &[u8]) -> Ciphered<'_> {
    match Apdu::parse(bytes).unwrap() {
        Apdu::Ciphered(ciphered) => ciphered,
        Apdu::Plain(_) => panic!("in clear"),
    }
}

fn keys(security: SecurityControl) -> (Key, Key) {
    if security.wants_long_key() {
        (Key::from([3; 32]), Key::from([4; 32]))
    } else {
        (Key::from([1; 16]), Key::from([2; 16]))
    }
}

#[test]
fn messages_that_cannot_be_read_are_refused_with_a_reason() {
    let said = |bytes: &[u8]| Apdu::parse(bytes).unwrap_err().to_string();
    assert!(said(&[]).contains("empty"));
    assert!(said(&[0xdd, 0]).contains("general ciphering"));
    assert!(said(&[0xdf, 0]).contains("signed"));
    assert!(said(&[0xe0, 0]).contains("joined"));
    assert!(said(&[0x68, 0]).contains("begins with 68"));
    assert_eq!(Apdu::parse(&[0xdb, 7]), Err(ApduError::TitleLength(7)));
    let mut bytes = [&[0xdb, 8][..], &TITLE.0, &[6, 0xa0, 0, 0, 0, 1, 0]].concat();
    assert_eq!(Apdu::parse(&bytes), Err(ApduError::Compressed(0xa0)));
    bytes[11] = 0x23;
    assert_eq!(Apdu::parse(&bytes), Err(ApduError::UnknownSuite(3)));
    bytes[11] = 0x30;
    assert_eq!(Apdu::parse(&bytes), Err(ApduError::NoRoom(6)));
    bytes[10] = 7;
    assert!(matches!(
        Apdu::parse(&bytes),
        Err(ApduError::CutOff {
            got: 17,
            expected: 18
        })
    ));
    bytes[10] = 0x80;
    assert_eq!(Apdu::parse(&bytes), Err(ApduError::Length));
}

#[test]
fn the_length_is_written_in_its_shortest_form() {
    let security = SecurityControl(0x21);
    let (key, _) = keys(security);
    let sealed = |size: usize| seal(TITLE, security, 1, &key, None, &vec![0; size]).unwrap();
    assert_eq!(sealed(72).get(10..12), Some(&[77, 0x21][..]));
    assert_eq!(sealed(243).get(10..13), Some(&[0x81, 0xf8, 0x21][..]));
    assert_eq!(sealed(336).get(10..14), Some(&[0x82, 0x01, 0x55, 0x21][..]));
}

#[test]
fn a_key_of_the_wrong_length_is_an_error() {
    let sealed = seal(
        TITLE,
        SecurityControl(0x20),
        1,
        &Key::from([1; 16]),
        None,
        b"abc",
    );
    let sealed = sealed.unwrap();
    let error = ciphered(&sealed)
        .open(&Key::from([1; 32]), None)
        .unwrap_err();
    assert!(
        error.to_string().contains("32 hexadecimal digits"),
        "{error}"
    );
    let error = seal(
        TITLE,
        SecurityControl(0x22),
        1,
        &Key::from([1; 16]),
        None,
        b"abc",
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("64 hexadecimal digits")
    );
    let error = seal(
        TITLE,
        SecurityControl(0x30),
        1,
        &Key::from([1; 16]),
        None,
        b"abc",
    );
    assert_eq!(error, Err(OpenError::NoAuthenticationKey));
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(
        plaintext in prop::collection::vec(any::<u8>(), 0..400),
        counter: u32,
        suite in 0_u8..=2,
        flags in 0_u8..8,
        excess in 0_usize..3,
    ) {
        let security = SecurityControl(flags << 4 | suite);
        let (key, authentication) = keys(security);
        let mut sealed =
            seal(TITLE, security, counter, &key, Some(&authentication), &plaintext).unwrap();
        sealed.extend(vec![0; excess]);
        let message = ciphered(&sealed);
        prop_assert_eq!((message.title, message.counter), (TITLE, counter));
        prop_assert_eq!((message.excess, message.needs_key()), (excess, flags & 2 != 0));
        let opened = message.open(&key, Some(&authentication)).unwrap();
        prop_assert_eq!(&opened.plaintext, &plaintext);
        let has_tag = security.is_authenticated();
        let verified = if has_tag { Authentication::Verified } else { Authentication::None };
        prop_assert_eq!(opened.authentication, verified);
        let unchecked = message.open(&key, None).unwrap();
        prop_assert_eq!(&unchecked.plaintext, &plaintext);
        if has_tag {
            prop_assert_eq!(unchecked.authentication, Authentication::NotChecked);
            // The encryption key is a wrong authentication key.
            let failed = message.open(&key, Some(&key)).unwrap();
            prop_assert_eq!(&failed.plaintext, &plaintext);
            prop_assert_eq!(failed.authentication, Authentication::Failed);
        }
        for cut in 0..sealed.len() - excess {
            prop_assert!(Apdu::parse(sealed.get(..cut).unwrap()).is_err());
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), db: bool) {
        let mut message = if db { vec![0xdb, 8] } else { Vec::new() };
        message.extend(bytes);
        if let Ok(Apdu::Ciphered(message)) = Apdu::parse(&message) {
            let _ = message.open(&Key::from([0; 16]), None);
        }
    }
}
