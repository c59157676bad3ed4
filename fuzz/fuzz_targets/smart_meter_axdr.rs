//! Values and telegrams of smart meters in clear: reading, and writing what was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::smart_meter::wire::annotate::annotate_plaintext;
use wattbridge::adapters::smart_meter::wire::axdr::Data;
use wattbridge::adapters::smart_meter::wire::notification::Notification;
use wattbridge::adapters::smart_meter::wire::profile::Profiles;
use wattbridge::adapters::smart_meter::wire::telegram::Telegram;
use wattbridge::adapters::smart_meter::wire::title::SystemTitle;

fn written(data: &Data) -> Vec<u8> {
    let mut bytes = Vec::new();
    data.encode(&mut bytes);
    bytes
}

fuzz_target!(|data: &[u8]| {
    if let Ok((value, took)) = Data::decode(data) {
        assert!(took <= data.len());
        let bytes = written(&value);
        let (again, took) = Data::decode(&bytes).unwrap();
        assert_eq!(took, bytes.len());
        // Not the values: a float may be no number, which equals nothing.
        assert_eq!(written(&again), bytes);
    }
    let _ = annotate_plaintext(data);
    if let Ok(notification) = Notification::parse(data) {
        let bytes = notification.encode();
        assert_eq!(Notification::parse(&bytes).unwrap().encode(), bytes);
    }
    let profiles = Profiles::default();
    let title = data.first_chunk().map(|bytes| SystemTitle(*bytes));
    for chosen in [None, Some("wiener-netze"), Some("kamstrup")] {
        if let Ok(telegram) = Telegram::parse(data, title.as_ref(), &profiles, chosen) {
            for item in &telegram.items {
                let _ = item.value.to_string();
            }
        }
    }
});
