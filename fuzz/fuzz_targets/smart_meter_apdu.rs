//! Messages of smart meters: header, decryption with a fixed key, telegram.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::smart_meter::wire::annotate::annotate_apdu;
use wattbridge::adapters::smart_meter::wire::apdu::{Apdu, seal};
use wattbridge::adapters::smart_meter::wire::key::Key;
use wattbridge::adapters::smart_meter::wire::profile::Profiles;
use wattbridge::adapters::smart_meter::wire::telegram::Telegram;

fuzz_target!(|data: &[u8]| {
    let _ = annotate_apdu(data);
    let profiles = Profiles::default();
    match Apdu::parse(data) {
        Err(_) => {}
        Ok(Apdu::Plain(plaintext)) => {
            let _ = Telegram::parse(plaintext, None, &profiles, None);
        }
        Ok(Apdu::Ciphered(message)) => {
            let (key, authentication) = if message.security.wants_long_key() {
                (Key::from([7; 32]), Key::from([8; 32]))
            } else {
                (Key::from([7; 16]), Key::from([8; 16]))
            };
            let opened = message.open(&key, Some(&authentication)).unwrap();
            let _ = Telegram::parse(&opened.plaintext, Some(&message.title), &profiles, None);
            // What was opened can be sealed again, and is then authentic.
            let sealed = seal(
                message.title,
                message.security,
                message.counter,
                &key,
                Some(&authentication),
                &opened.plaintext,
            );
            let sealed = sealed.unwrap();
            let Ok(Apdu::Ciphered(again)) = Apdu::parse(&sealed) else {
                panic!("sealed, but not to be read");
            };
            let again_opened = again.open(&key, Some(&authentication)).unwrap();
            assert_eq!(again.payload, message.payload);
            assert_eq!(again_opened.plaintext, opened.plaintext);
        }
    }
});
