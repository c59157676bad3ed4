//! Every profile by its bytes.

mod scripted;

use std::collections::BTreeMap;
use std::time::Duration;

use crc::{CRC_16_IBM_SDLC, Crc};
use jiff::Zoned;

use super::super::{Checksum, Model, P1_MODELS, P1Profile, Series, Telegram};
use crate::adapters::smart_meter::published;
use crate::adapters::smart_meter::wire::{Apdu, Authentication, Framer, Key, LinkEvent, dsmr};
use crate::simulation::FaultRule;

const SHARED: &str = "00112233445566778899AABBCCDDEEFF";

/// A model that sends from a moment on.
fn series(name: &str, begun: &str, every: Duration, faults: &[&str]) -> Series {
    let begun: Zoned = begun.parse().unwrap();
    let rules = faults.iter().map(|fault| fault.parse().unwrap());
    let rules: Vec<FaultRule<_>> = rules.collect();
    let tag = Some(published::authentication_key(false));
    let model = Model::named(name).unwrap();
    Series::new(model, published::key(false), tag, every)
        .beginning(&begun)
        .with_faults(&rules)
}

fn profile(model: &Model) -> &'static P1Profile {
    model.p1().unwrap()
}

fn telegrams(series: &mut Series, count: usize) -> Vec<Telegram> {
    (0..count).map(|_| series.telegram().unwrap()).collect()
}

/// The text of a telegram, decrypted with the keys that somebody with such a meter has.
fn text(model: &Model, telegram: &Telegram) -> String {
    let plain = if model.is_encrypted() {
        let Ok(Apdu::Ciphered(sealed)) = Apdu::parse(&telegram.message) else {
            panic!("{}: not encrypted", model.name);
        };
        let tag: Key = if profile(model).shares_authentication {
            SHARED.parse().unwrap()
        } else {
            published::authentication_key(false)
        };
        let opened = sealed.open(&published::key(false), Some(&tag)).unwrap();
        assert_eq!(opened.authentication, Authentication::Verified);
        opened.plaintext
    } else {
        telegram.message.clone()
    };
    String::from_utf8(plain).unwrap()
}

/// What stands behind a code, bracket by bracket.
fn groups(text: &str, code: &str) -> Vec<String> {
    let lines = text.split("\r\n").filter_map(|line| {
        let rest = line.strip_prefix(code)?.strip_prefix('(')?;
        Some(rest.trim_end_matches(')').split(")(").map(str::to_owned))
    });
    lines.flatten().collect()
}

/// The number behind a code, in thousandths.
fn thousandths(text: &str, code: &str) -> u64 {
    let groups = groups(text, code);
    let last = groups
        .last()
        .unwrap_or_else(|| panic!("no {code} in {text}"));
    in_thousandths(last)
}

/// The number before a unit, in thousandths.
fn in_thousandths(value: &str) -> u64 {
    let value = value.trim_end_matches(')');
    let value = value.rsplit('(').next().unwrap();
    let number = value.split('*').next().unwrap();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = &format!("{fraction}000")[..3];
    format!("{whole}{fraction}").parse().unwrap()
}

const WINTER: &str = "2026-01-15T06:58:00[Europe/Amsterdam]";

#[test]
fn the_framer_finds_each_telegram_of_each_model_with_its_checksum() {
    for model in P1_MODELS {
        let profile = profile(model);
        let mut series = series(model.name, WINTER, model.pace(), &[]);
        let all = telegrams(&mut series, 40);
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for telegram in &all {
            framer.push(&telegram.frames.concat());
            framer.idle(Duration::from_millis(900));
            while let Some(event) = framer.next_event() {
                found.push(event);
            }
        }
        if profile.hides_title {
            assert!(
                found
                    .iter()
                    .all(|event| matches!(event, LinkEvent::Refused(_)))
            );
            continue;
        }
        // Whether zeros are believed is not for the framer to say.
        if profile.checksum != Checksum::Zeros {
            assert_eq!(found.len(), all.len(), "{}: {found:?}", model.name);
            for (event, telegram) in found.iter().zip(&all) {
                let LinkEvent::Message(message) = event else {
                    panic!("{}: {event:?}", model.name);
                };
                assert_eq!(message.bytes, telegram.message, "{}", model.name);
            }
        }
        for telegram in &all {
            let text = text(model, telegram);
            let (before, digits) = text.trim_ascii_end().rsplit_once('!').unwrap();
            let sealed =
                Crc::<u16>::new(&CRC_16_IBM_SDLC).checksum(format!("{before}!").as_bytes());
            match profile.checksum {
                Checksum::None => assert_eq!(digits, "", "{}", model.name),
                Checksum::Zeros => assert_eq!(digits, "0000", "{}", model.name),
                Checksum::X25 => assert_eq!(digits, format!("{sealed:04X}"), "{}", model.name),
                Checksum::Arc | Checksum::Short => {
                    let found = dsmr::Checksum::of(text.as_bytes());
                    assert!(matches!(found, dsmr::Checksum::Good(_)), "{}", model.name);
                    assert!(digits.len() == 4 || profile.checksum == Checksum::Short);
                    assert!(!digits.starts_with('0') || digits.len() == 4);
                }
            }
        }
    }
}

#[test]
fn a_checksum_of_warmtelink_has_no_leading_zeros() {
    let model = Model::named("warmtelink").unwrap();
    let mut series = series(model.name, WINTER, model.pace(), &[]);
    let is_short = |telegram: &Telegram| {
        let text = text(model, telegram);
        text.rsplit_once('!').unwrap().1.len() < 4
    };
    assert!(telegrams(&mut series, 100).iter().any(is_short));
}

#[test]
fn every_line_has_the_digits_of_its_profile() {
    for model in P1_MODELS {
        if profile(model).hides_title {
            continue;
        }
        let telegram = series(model.name, WINTER, model.pace(), &[])
            .telegram()
            .unwrap();
        let text = text(model, &telegram);
        let lines: Vec<&str> = text.split("\r\n").collect();
        for (own, sent) in profile(model).text.lines().zip(&lines) {
            assert!(!sent.contains(['{', '}']), "{}: {sent}", model.name);
            if !own.contains('{') && own != "!" {
                let is_same = |own: char, sent: char| {
                    own == sent || own.is_ascii_digit() && sent.is_ascii_digit()
                };
                // A sign is written only where there is one.
                let unsigned = own.replacen("(-0", "(0", 1);
                let own = if sent.contains("(-") || own.contains("(-063") {
                    own
                } else {
                    &unsigned
                };
                assert_eq!(own.len(), sent.len(), "{}: {own} {sent}", model.name);
                assert!(
                    own.chars()
                        .zip(sent.chars())
                        .all(|(own, sent)| is_same(own, sent))
                );
            }
        }
    }
}

/// The telegrams of real meters that the profiles are made after.
const REAL: &[(&str, &str)] = &[
    ("dsmr22", "nl-dsmr22-gas-channel-2"),
    ("dsmr22-zeros", "nl-dsmr22-iskra"),
    ("dsmr3", "nl-dsmr30-spec"),
    ("dsmr42", "nl-dsmr42-kaifa"),
    ("dsmr5", "nl-dsmr50-spec"),
    ("warmtelink", "nl-warmtelink-short-crc"),
    ("warmtelink-vi", "nl-warmtelink-vi"),
    ("fluvius", "be-fluvius-gas-water"),
    ("fluvius-water", "be-water-on-channel-1"),
    ("ie5", "be-iskra-ie5"),
    ("smarty-plain", "lu-smarty-plain"),
    ("ellevio", "se-ellevio-summer"),
    ("am550-se", "se-am550-split-clock"),
    ("aidon", "fi-standard-time"),
    ("eon", "hu-eon-sagemcom"),
    ("wasion", "hu-wasion-words"),
    ("holley", "holley-slash-and-x25"),
    ("eso", "lt-eso-kilo-units"),
    ("am550-si", "si-am550-zero-crc"),
    ("zmf100", "ch-channel-1"),
];

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn profiles_write_what_real_meters_write() {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors").to_owned();
    let folder = std::env::var("WATTBRIDGE_VECTORS").unwrap_or_else(|_| beside());
    let file = std::fs::read(format!("{folder}/p1.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let real: BTreeMap<&str, &str> = vectors
        .iter()
        .filter_map(|vector| Some((vector["id"].as_str()?, vector["raw_text"].as_str()?)))
        .collect();
    // Code, digits and unit of the last bracket.
    let shape = |text: &str| {
        let lines = text.split("\r\n").filter(|line| line.contains(['(', '/']));
        let mut lines: Vec<String> = lines
            .map(|line| {
                let (code, groups) = line.split_once('(').unwrap_or((line, ""));
                let last = groups.rsplit('(').next().unwrap_or_default();
                let has_unit = last.contains('*');
                let number: String = last
                    .chars()
                    .filter(|it| *it != '-' && has_unit)
                    .map(|it| if it.is_ascii_digit() { '0' } else { it })
                    .collect();
                let head = if line.starts_with('/') {
                    &line[..4]
                } else {
                    code
                };
                format!("{head} {number}")
            })
            .collect();
        lines.sort();
        lines
    };
    for (name, vector) in REAL {
        let model = Model::named(name).unwrap();
        let telegram = series(name, WINTER, model.pace(), &[]).telegram().unwrap();
        let (ours, theirs) = (shape(&text(model, &telegram)), shape(real[vector]));
        // The list of peaks is as long as the meter is old.
        let is_of_age = |line: &&String| !line.starts_with("0-0:98.1.0");
        let missing = theirs.iter().filter(is_of_age);
        let missing: Vec<_> = missing.filter(|line| !ours.contains(line)).collect();
        let added: Vec<_> = ours.iter().filter(|line| !theirs.contains(line)).collect();
        assert!(
            missing.is_empty(),
            "{name} has no {missing:?}, but {added:?}"
        );
    }
}

#[test]
fn one_that_hides_its_title_begins_in_clear_and_goes_on_without_it() {
    let telegram = series("stoen", WINTER, Duration::from_secs(10), &[])
        .telegram()
        .unwrap();
    let message = telegram.message;
    assert!(message.starts_with(b"/EGM5G15\r\n\r\n\0"));
    let rest = &message[b"/EGM5G15\r\n\r\n\0".len()..];
    assert_eq!(usize::from(rest[1]), rest.len() - 2);
    assert_eq!((rest[0], &rest[2..7]), (0x81, &[0x30, 0, 0, 0, 0][..]));
}
