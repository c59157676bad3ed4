//! Whole captures, from their packets to the values of devices: all that is in each, and nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wattbridge::adapters::solaredge::wire::{DeviceKey, Frame, Records, Serial};
use wattbridge::adapters::solaredge::{ADAPTER, KIND, records_of};
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::model::{Readings, Report};

use super::{captures, entries, hex, text};

const INVERTER: Serial = Serial(0x7f19_0ff7);

/// All inverters that the captures are of.
fn keys(entry: &Value) -> BTreeMap<Serial, DeviceKey> {
    let mut keys = BTreeMap::new();
    if let Some(key) = entry["key"].as_str() {
        for unit in [INVERTER, Serial(0x7f10_4920)] {
            keys.insert(unit, key.parse().unwrap());
        }
    }
    for (unit, key) in entry["keys"].as_object().into_iter().flatten() {
        keys.insert(unit.parse().unwrap(), text(key).parse().unwrap());
    }
    keys
}

/// The records that a capture is known to hold, in their order; `None` where they are told by a remark.
fn known(entry: &Value) -> Option<Vec<String>> {
    let mut known = Vec::new();
    for post in entry["expect_posts"].as_array()? {
        let post = match text(post) {
            post if post.starts_with('(') => return None,
            "post_events" => "event_0300_pair".to_owned(),
            post => format!("rebuilt_{post}"),
        };
        let bytes = captures::bytes(&format!("solaredge/frames/{post}.bin"));
        let frame = Frame::exactly(&bytes).unwrap();
        for record in Records::new(frame.data).map_while(Result::ok) {
            known.push(format!("{record:?}"));
        }
    }
    Some(known)
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_record_of_every_capture_comes_out_in_its_order() {
    let (mut compared, mut counted) = (0, 0);
    for entry in entries(&["capture"]) {
        let id = text(&entry["id"]);
        // It begins behind the handshake, which others have kept: see below.
        if entry["last_0503"].is_string() {
            continue;
        }
        let bytes = captures::bytes(text(&entry["file"]));
        let mut records = Vec::new();
        let frames = records_of(bytes.chunks(1000), keys(&entry), |_, record| {
            records.push(format!("{record:?}"));
        });
        let expected = [&entry["expect_post_count"], &entry["expected"]["posts"]];
        if let Some(expected) = expected.into_iter().find_map(Value::as_u64) {
            // Sent again and confirmed late: told once further up, here as often as it came.
            let again = u64::from(id == "pcap/duplicate_frame.pcap");
            assert!(
                (expected..=expected + again).contains(&frames),
                "{id}: {frames}"
            );
            counted += 1;
        }
        if let Some(known) = known(&entry).filter(|_| !id.contains("duplicate")) {
            assert_eq!(records, known, "{id}");
            compared += known.len();
        }
    }
    assert!(counted >= 40 && compared > 500, "{counted} {compared}");
}

fn decode(file: &str, pairs: &[(&str, &str)]) -> Vec<Readings> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let section = Section::from_pairs(KIND, &pairs).unwrap();
    let mut decoder = ADAPTER.decoder(&section).unwrap();
    decoder.push(&captures::bytes(file));
    decoder.finish();
    let mut all = Vec::new();
    while let Some(decoded) = decoder.next() {
        // What is refused has no values.
        for report in decoded.into_iter().flat_map(|it| it.reports) {
            if let Report::Readings(readings) = report {
                all.push(readings);
            }
        }
    }
    all
}

fn number(readings: &Readings, key: &str) -> Option<f64> {
    Some(readings.get(key)?.as_number()?.to_f64())
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_capture_without_its_beginning_is_read_with_what_was_kept() {
    let all = entries(&["capture"]);
    let entry = all.iter().find(|it| it["last_0503"].is_string()).unwrap();
    let (key, kept) = (text(&entry["key"]), text(&entry["last_0503"]));
    assert_eq!(Frame::exactly(&hex(kept)).unwrap().unit(), Some(INVERTER));
    let session = format!("sessions.{INVERTER}");
    let pairs = [("key", key), (session.as_str(), kept)];
    let whole = decode("solaredge/pcap/enc_basic.pcap", &[("key", key)]);
    assert!(whole.len() > 20);
    assert_eq!(decode(text(&entry["file"]), &pairs).len(), whole.len());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn days_are_those_of_the_place() {
    let zone = [("time_zone", "America/New_York")];
    let all = decode("solaredge-reports/day-boundary-new-york.pcap", &zone);
    let mut days = BTreeMap::new();
    for readings in &all {
        let today = number(readings, "energy_today").unwrap();
        days.insert(readings.day.unwrap().to_string(), (today * 1000.0).round());
    }
    let entry = entries(&["capture"]);
    let of_days = |it: &&Value| it["id"] == "report/day-boundary-new-york";
    let expected = entry.iter().find(of_days).unwrap()["expected"]["local_days_Wh"].clone();
    assert_eq!(json!(days), expected);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_people_have_reported_comes_out_right() {
    let decode = |name: &str, pairs: &[(&str, &str)]| {
        decode(&format!("solaredge-reports/{name}.pcap"), pairs)
    };
    let key = ("keys.6710B3A7", "101112131415161718191a1b1c1d1e1f");
    for (name, pairs, power, total) in [
        ("fritzbox-modified", &[][..], 2524.0, 21_034.567),
        ("gateway-envelope", &[key], 2524.0, 21_034.567),
        ("board-replaced-key-set", &[], 510.0, 0.012),
        ("evening-to-sleep", &[], 0.0, 975.773),
    ] {
        let all = decode(name, pairs);
        let last = all.iter().rev().find(|it| it.get("energy_total").is_some());
        let last = last.unwrap_or_else(|| panic!("{name}: {all:?}"));
        assert_eq!(number(last, "power"), Some(power), "{name}");
        assert_eq!(number(last, "energy_total"), Some(total), "{name}");
    }
    let pair = decode("bit23-pair", &[]);
    let of = |serial: &str| {
        let is_it = |it: &&Readings| it.device.as_str() == format!("solaredge_{serial}");
        number(pair.iter().find(is_it).unwrap(), "power")
    };
    assert_eq!(of("10214d77_f5"), Some(120.0));
    assert_eq!(of("10a14d77_75"), Some(131.75));
    let nothing = decode("tls-unit", &[("time_zone", "UTC")]);
    assert!(nothing.is_empty());
}
