//! A day in a capture, with all that can go wrong in one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use wattbridge::adapters::solaredge::simulator::{Exchange, InverterSettings};
use wattbridge::adapters::solaredge::wire::{Record, Records};
use wattbridge::adapters::solaredge::{ADAPTER, KIND};
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::model::Report;
use wattbridge::simulation::{House, Sky};

use crate::KEY;

/// Whose values, and of when.
type Told = BTreeSet<(String, Timestamp)>;

struct Day {
    capture: Vec<u8>,
    /// What was sent and could be seen, and what could not.
    seen: Told,
    lost: Told,
}

fn told(data: &[u8]) -> impl Iterator<Item = (String, Timestamp)> {
    let told = |record: Record<'_>| {
        let whose = match &record {
            Record::Inverter(_) => "inverter".to_owned(),
            Record::Optimizer(it) => it.serial.to_string(),
            Record::Meter(_) => "meter".to_owned(),
            Record::Battery(_) => "battery".to_owned(),
            _ => return None,
        };
        let at = i64::from(record.at()?);
        Some((whose, Timestamp::from_second(at).unwrap()))
    };
    Records::new(data).filter_map(move |record| told(record.unwrap()))
}

fn day(key: Option<&str>, faults: &[&str]) -> Day {
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let begun = date(2026, 6, 21).at(4, 0, 0, 0).to_zoned(zone).unwrap();
    let house = House::new(&begun, Sky::default()).at_speed(0.0);
    let settings = InverterSettings {
        optimizers: 4,
        has_battery: true,
        key: key.map(|key| key.parse().unwrap()),
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..InverterSettings::new(house)
    };
    let begun = begun.timestamp().as_second();
    let mut exchange = Exchange::new(settings, begun);
    exchange.run_until(begun + 12 * 3600);
    let mut day = Day {
        capture: [Exchange::head(), exchange.take()].concat(),
        seen: Told::new(),
        lost: Told::new(),
    };
    for spoken in exchange.spoken() {
        let told = told(&spoken.data);
        match spoken.is_seen {
            true => day.seen.extend(told),
            false => day.lost.extend(told),
        }
    }
    day
}

/// What is read of a capture that comes in pieces of this size, and how often something was refused.
fn read(capture: &[u8], key: Option<&str>, size: usize) -> (Told, usize) {
    let pairs = key.map(|key| ("key".to_owned(), key.to_owned()));
    let pairs: Vec<_> = pairs.into_iter().collect();
    let section = Section::from_pairs(KIND, &pairs).unwrap();
    let mut decoder = ADAPTER.decoder(&section).unwrap();
    let (mut all, mut refused) = (Told::new(), 0);
    let mut take = |decoder: &mut dyn wattbridge::device::Decoder| {
        while let Some(result) = decoder.next() {
            let Ok(decoded) = result else {
                refused += 1;
                continue;
            };
            for report in decoded.reports {
                if let Report::Readings(readings) | Report::Late(readings) = report {
                    all.insert((readings.device.to_string(), readings.at));
                }
            }
        }
    };
    for piece in capture.chunks(size) {
        decoder.push(piece);
        take(decoder.as_mut());
    }
    while decoder.finish().is_some() {
        take(decoder.as_mut());
    }
    take(decoder.as_mut());
    (all, refused)
}

/// The same with the ids of devices.
fn as_devices(told: &Told) -> Told {
    let id = |whose: &str| match whose {
        "inverter" => "solaredge_7f1a2b3c_00".to_owned(),
        "meter" => "solaredge_7f1a2b3c_00_meter_5".to_owned(),
        "battery" => "solaredge_sim0b0001".to_owned(),
        serial => format!("solaredge_{}", serial.to_lowercase().replace('-', "_")),
    };
    told.iter().map(|(whose, at)| (id(whose), *at)).collect()
}

fn check(key: Option<&str>, faults: &[&str], loses: bool) -> usize {
    let day = day(key, faults);
    assert!(day.seen.len() > 600, "{faults:?}: {}", day.seen.len());
    assert_eq!(loses, !day.lost.is_empty(), "{faults:?}");
    // What was lost and told again is not lost.
    let expected = as_devices(&day.seen);
    let (read, refused) = read(&day.capture, key, 1999);
    let missing: Vec<_> = expected.difference(&read).take(3).collect();
    let made_up: Vec<_> = read.difference(&expected).take(3).collect();
    assert!(
        missing.is_empty() && made_up.is_empty(),
        "{faults:?} {key:?}: {} expected, {} read, missing {missing:?}, made up {made_up:?}",
        expected.len(),
        read.len()
    );
    refused
}

/// Disorders after which all is there.
const HARMLESS: &[&[&str]] = &[
    &[],
    &["cut=7"],
    &["out-of-order"],
    &["out-of-order@every=3", "sent-again@every=2"],
    &["doubled"],
    &["overlap"],
    &["overlap", "doubled", "out-of-order"],
    &["sent-again"],
    &["probe-0"],
    &["probe-1"],
    &["junk@every=5"],
    &["trailer"],
    &["vlan"],
    &["other-traffic"],
    &["wrap"],
    &["wrap", "out-of-order", "doubled"],
    &["midstream"],
    &["reset@8h..", "wrap"],
    &["server-away@6h..9h"],
    &["restart@8h..", "optimizer-restart=2@9h.."],
    &["new-session@7h.."],
];

#[test]
fn all_that_is_said_in_clear_arrives_in_every_disorder() {
    for faults in HARMLESS {
        check(None, faults, false);
    }
}

#[test]
fn all_that_is_sealed_arrives_in_every_disorder() {
    for faults in HARMLESS {
        check(Some(KEY), faults, false);
    }
}

#[test]
fn exactly_what_is_lost_is_missing() {
    // Without the first frames, which hold the key of the session.
    for key in [None, Some(KEY)] {
        check(key, &["lost@every=7"], true);
        check(
            key,
            &["lost@every=11", "out-of-order@every=2", "doubled@every=3"],
            true,
        );
        let refused = check(key, &["damaged@every=9"], true);
        assert!(refused > 10, "{refused}");
    }
}
