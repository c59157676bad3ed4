//! What cannot be opened or is not read here, and texts in clear.

use super::*;
use crate::adapters::smart_meter::wire::{SecurityControl, seal};

#[test]
fn keys_are_to_blame_after_three_telegrams_and_not_before() {
    for (key, code) in [
        (None, HealthCode::KeyMissing),
        (Some(OTHER), HealthCode::KeyWrong),
    ] {
        let mut bench = Bench::new(config(key));
        let mut meter = series("tinetz");
        bench.hear(&meter.next());
        bench.hear(&meter.next());
        assert_eq!(bench.take(), []);
        bench.hear(&meter.next());
        let reports = bench.take();
        assert_eq!(devices(&reports), ["4B464D102009FBF1"]);
        assert_eq!(healths(&reports), [code]);
        bench.hear(&meter.next());
        assert_eq!(bench.take(), [], "said once");
    }
}

#[test]
fn a_single_telegram_that_cannot_be_opened_is_no_matter_of_keys() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    let mut stranger = Talk::new("tinetz", OTHER);
    for _ in 0..4 {
        bench.hear(&meter.next());
        bench.hear(&stranger.next());
        bench.hear(&stranger.next());
    }
    assert_eq!(healths(&bench.take()), [HealthCode::Online]);
}

#[test]
fn messages_that_are_no_telegrams_are_said() {
    let mut bench = Bench::new(config(Some(KEY)));
    // A kind of message that nobody on this interface sends.
    let message = [&[0xdd, 8][..], &[0x41; 40]].concat();
    for _ in 0..3 {
        for frame in crate::adapters::smart_meter::wire::link::mbus::frames(&message, 245) {
            bench.hear(&frame);
        }
    }
    bench.pass(5);
    assert_eq!(healths(&bench.take()), [HealthCode::Unsupported]);
}

#[test]
fn a_meter_that_sends_text_in_clear_is_read_without_a_key() {
    let mut bench = Bench::new(config(None));
    bench.hear(&series("p1").next());
    let reports = bench.take();
    assert_eq!(devices(&reports), ["E0054000654321"]);
    let Some(Report::Device(device)) = reports.first() else {
        panic!("{reports:?}")
    };
    assert_eq!(device.id, DeviceId::new("smart_meter", "E0054000654321"));
    assert_eq!(device.manufacturer, "Iskraemeco");
    let telegram = Series::new(
        Model::named("p1").unwrap(),
        KEY.parse().unwrap(),
        None,
        Duration::ZERO,
    )
    .telegram()
    .unwrap();
    let found = readings(&reports)[0];
    let value = |key: &str| {
        let mut values = found.values.iter();
        values
            .find(|reading| reading.key == key)
            .map(|reading| reading.value.to_json().to_string())
    };
    let import = f64::from(telegram.sample.energy_import) / 1000.0;
    assert_eq!(value("energy_import"), Some(import.to_string()));
    assert_eq!(
        value("power_import"),
        Some(telegram.sample.power_import.to_string())
    );
    assert_eq!(healths(&reports), [HealthCode::Online]);
}

#[test]
fn text_without_a_checksum_needs_a_second_telegram_like_it() {
    let without = |text: Vec<u8>| {
        let text = String::from_utf8(text)
            .unwrap()
            .replace("1-3:0.2.8(50)\r\n", "");
        let (text, _) = text.split_once('!').unwrap();
        format!("{text}!\r\n").into_bytes()
    };
    let mut bench = Bench::new(config(None));
    let mut meter = series("p1");
    bench.hear(&without(meter.next()));
    assert_eq!(bench.take(), []);
    let mut damaged = without(meter.next());
    let place = damaged
        .windows(3)
        .position(|three| three == b"kWh")
        .unwrap();
    damaged[place] ^= 1;
    damaged.remove(place + 9);
    bench.hear(&damaged);
    assert_eq!(readings(&bench.take()).len(), 0);
    for _ in 0..3 {
        bench.hear(&without(meter.next()));
    }
    assert_eq!(devices(&bench.take()), ["E0054000654321"]);
}

#[test]
fn what_is_of_no_use_here_is_named_for_what_it_is() {
    for (bytes, words) in [
        (
            b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01\x76\x05".as_slice(),
            "SML",
        ),
        (
            b"/XYZ5G\r\n\r\n\x00\x82\x02\x30\x30\x00\x00\x00\x00",
            "system title",
        ),
    ] {
        let mut bench = Bench::new(config(Some(KEY)));
        for _ in 0..4 {
            bench.hear(bytes);
            bench.reception.idle(Duration::from_secs(3));
            bench.pass(5);
        }
        let reports = bench.take();
        assert_eq!(healths(&reports), [HealthCode::Unsupported], "{words}");
        let Some(Report::Source(health)) = reports.first() else {
            panic!("{reports:?}")
        };
        assert!(health.sentence().contains(words), "{}", health.sentence());
    }
}

#[test]
fn an_inverted_signal_is_named_at_the_second_burst() {
    let burst = [
        0x68, 0xaa, 0x3d, 0x95, 0x56, 0xcd, 0x9f, 0xd6, 0x8d, 0xf6, 0x9f, 0xf6,
    ];
    let mut bench = Bench::new(config(None));
    for said in [vec![], vec![HealthCode::Garbled], vec![]] {
        bench.hear(&[&burst[..], &[0x9f; 90]].concat());
        bench.reception.idle(Duration::from_secs(3));
        bench.pass(5);
        assert_eq!(healths(&bench.take()), said);
    }
    bench.hear(&series("p1").next());
    let reports = bench.take();
    assert_eq!(healths(&reports), [HealthCode::Online], "mended");
}

/// A text telegram of a meter, encrypted in this way.
fn encrypted(text: &[u8], security: u8, counter: u32, authentication: &str) -> Vec<u8> {
    let title = "5341476700000001".parse().unwrap();
    let (key, authentication) = (KEY.parse().unwrap(), authentication.parse().unwrap());
    let security = SecurityControl(security);
    seal(title, security, counter, &key, Some(&authentication), text).unwrap()
}

#[test]
fn a_text_is_proven_by_its_tag_or_by_its_checksum() {
    let word = |security, authentication: &str, change: fn(String) -> String| {
        let mut bench = Bench::new(config(Some(KEY)));
        let mut meter = series("p1");
        let mut found = None;
        for counter in 1..4 {
            let text = change(String::from_utf8(meter.next()).unwrap());
            bench.hear(&encrypted(
                text.as_bytes(),
                security,
                counter,
                authentication,
            ));
            bench.reception.idle(Duration::from_secs(1));
            bench.hear(&[]);
            let reports = bench.take();
            found = readings(&reports).last().and_then(|values| {
                let word = values
                    .get("authentication")
                    .map(|word| word.to_json().to_string());
                values.get("energy_import").map(|_| word)
            });
        }
        found
    };
    let told = |word: &str| Some(Some(format!("{word:?}")));
    let cut = |text: String| text.split_inclusive('!').next().unwrap().to_owned();
    let changed = |text: String| text.replacen("1-0:1.8", "1-0:1.9", 1);
    let luxembourg = "00112233445566778899AABBCCDDEEFF";
    assert_eq!(word(0x30, luxembourg, |text| text), told("verified"));
    assert_eq!(word(0x30, OTHER, |text| text), told("not_checked"));
    assert_eq!(word(0x20, OTHER, |text| text), Some(None));
    // The tag covers what a checksum would.
    assert_eq!(word(0x30, luxembourg, cut), told("verified"));
    for (security, change) in [
        (0x30, cut as fn(String) -> String),
        (0x20, cut),
        (0x20, changed),
    ] {
        assert_eq!(word(security, OTHER, change), None);
    }
}

#[test]
fn keys_that_are_swapped_or_of_which_one_is_missing_are_told() {
    let keys = |key: Option<&str>, authentication: Option<&str>| MeterConfig {
        key: key.map(Secret::new),
        authentication_key: authentication.map(Secret::new),
        ..MeterConfig::default()
    };
    let said = |config: MeterConfig| {
        let (model, other) = (Model::named("e450").unwrap(), OTHER.parse().unwrap());
        let mut meter = Series::new(
            model,
            KEY.parse().unwrap(),
            Some(other),
            Duration::from_secs(5),
        );
        let mut bench = Bench::new(config);
        for _ in 0..3 {
            bench.hear(&meter.telegram().unwrap().frames.concat());
        }
        let health = |report: Report| match report {
            Report::Health(_, health) => Some((health.code, health.sentence())),
            _ => None,
        };
        bench.take().into_iter().find_map(health).unwrap()
    };
    let (code, words) = said(keys(Some(OTHER), Some(KEY)));
    assert!(
        code == HealthCode::KeyWrong && words.contains("swapped"),
        "{words}"
    );
    let (code, words) = said(keys(None, Some(OTHER)));
    assert!(
        code == HealthCode::KeyMissing && words.contains("second key is needed"),
        "{words}"
    );
    let (code, words) = said(keys(Some(OTHER), None));
    assert!(
        code == HealthCode::KeyWrong && words.contains("gave you two keys"),
        "{words}"
    );
    let (code, words) = said(keys(Some(&"5a".repeat(16)), Some(OTHER)));
    assert!(
        code == HealthCode::KeyWrong && !words.contains("swapped"),
        "{words}"
    );
    assert_eq!(said(keys(Some(KEY), Some(OTHER))).0, HealthCode::Online);
}

#[test]
fn noise_makes_no_meters() {
    let mut bench = Bench::new(config(None));
    let mut meter = series("tinetz");
    // Whole frames with titles that nobody has: what damage makes of a title.
    for title in 0..200_u8 {
        let telegram = meter.next();
        let mut damaged = telegram.clone();
        let (place, sum) = (15, 254);
        let before = damaged[place];
        damaged[place] = title;
        damaged[sum] = damaged[sum].wrapping_add(title).wrapping_sub(before);
        bench.hear(&damaged);
    }
    assert_eq!(devices(&bench.take()), [""; 0]);
    assert!(bench.reception.meters.len() <= MOST_METERS);
}
