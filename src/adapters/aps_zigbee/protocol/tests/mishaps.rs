//! What goes wrong around a stick at the worst moment.

use super::*;
use crate::links::LinkError;

impl Bench {
    /// The stick is unplugged, and plugged in again after a while.
    fn unplug(&mut self, seconds: u64) {
        self.handle(Input::Closed);
        let error = LinkError::RecordingEnded;
        self.handle(Input::Unreachable(&error));
        self.stick.replug();
        self.stick.run(Duration::from_secs(seconds));
        self.handle(Input::Opened);
    }
}

#[test]
fn a_stick_that_is_unplugged_while_it_pairs_goes_on_asking() {
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, |_| {});
    bench.minutes(2);
    let ids = bench.ids();
    bench.command(&ids[0], "pair", Value::Unknown);
    bench.run(Duration::from_secs(8));
    bench.unplug(5);
    bench.minutes(5);
    bench
        .reports
        .retain(|report| matches!(report, Report::Device(_)));
    bench.minutes(3);
    assert!(bench.number(&ids[1], "power").is_some());
}

#[test]
fn an_inverter_that_is_not_paired_says_so_after_the_stick_was_away() {
    let mut bench = Bench::new("DS3", false);
    bench.minutes(1);
    let id = bench.ids()[0].clone();
    assert_eq!(bench.code(&id), Some(HealthCode::NoData));
    bench.unplug(5);
    bench.minutes(2);
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    assert_eq!(
        bench.code(&id),
        Some(HealthCode::NoData),
        "{:?}",
        bench.health(&id)
    );
}

#[test]
fn an_address_that_cannot_be_does_not_stop_the_others() {
    let change = |config: &mut ZigbeeConfig| {
        let serial = config.inverters[0];
        config.addresses.insert(serial, ShortAddress(0));
    };
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, change);
    bench.minutes(30);
    let ids = bench.ids();
    bench
        .reports
        .retain(|report| matches!(report, Report::Device(_)));
    bench.minutes(3);
    assert!(bench.number(&ids[1], "power").is_some());
}

#[test]
fn the_limit_before_the_first_is_kept_even_if_the_stick_goes_away_then() {
    let mut bench = Bench::new("DS3", true);
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let serial = bench.config.inverters[0];
    let original = bench.stick.stick().mesh.inverter(serial).unwrap().limit();
    bench.command(&id, "power_limit", Decimal::integer(100).into());
    let mut waits = 0;
    while bench.stick.stick().mesh.inverter(serial).unwrap().limit() == original {
        bench.run(Duration::from_millis(100));
        waits += 1;
        assert!(waits < 300);
    }
    bench.unplug(5);
    bench.minutes(2);
    let known = bench.conversation.inverters[&serial]
        .remembered
        .original_limit;
    assert_eq!(known, Some(original));
}

#[test]
fn it_wakes_and_saves_seldom() {
    let mut bench = Bench::new("DS3,YC600,QS1", true);
    bench.minutes(5);
    // By day, in the evening when hours are learnt, at night.
    for (hours, most_wakes, most_saved) in [(0, 1000, 61), (8, 1000, 61), (7, 60, 1)] {
        bench.minutes(60 * hours);
        let end = bench.stick.now().steady + Duration::from_secs(3600);
        let (mut wakes, mut saved) = (0, 0);
        let mut before = format!("{:?}", bench.memory);
        while bench.stick.now().steady < end {
            let least = bench.stick.now().steady + Duration::from_millis(10);
            let until = bench.wake.max(least).min(end);
            match bench.stick.next(until) {
                Some(bytes) => bench.handle(Input::Bytes(&bytes)),
                None => bench.handle(Input::Time),
            }
            wakes += 1;
            let after = format!("{:?}", bench.memory);
            saved += u32::from(after != before);
            before = after;
        }
        assert!(
            wakes <= most_wakes && saved <= most_saved,
            "{wakes} {saved}"
        );
    }
}

#[test]
fn under_snow_the_status_stays_what_it_is() {
    let mut bench = Bench::with("DS3,YC600", true, |_, _| {}, |_| {});
    bench.minutes(5);
    bench.stick.stick().faults.set("night".parse().unwrap());
    bench.minutes(30);
    let before = bench.reports.len();
    bench.minutes(240);
    let told = bench.reports[before..].iter();
    let told: Vec<_> = told.filter(|it| matches!(it, Report::Health(..))).collect();
    assert!(told.len() <= 3, "{told:?}");
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Degraded));
    bench.minutes(60 * 7);
    for id in bench.ids() {
        assert_eq!(bench.code(&id), Some(HealthCode::Asleep), "{id}");
    }
    assert_eq!(bench.code(&bench.stick_id()), Some(HealthCode::Online));
    bench.stick.stick().faults.remove("night");
    bench.minutes(60 * 14);
    for id in bench.ids() {
        assert_eq!(bench.code(&id), Some(HealthCode::Online), "{id}");
    }
}

#[test]
fn a_campaign_in_vain_does_not_stop_the_others_nor_tell_each_start() {
    let far = |index, manners: &mut InverterManners| manners.is_in_reach = index != 1;
    let mut bench = Bench::with("DS3,YC600", true, far, |config| {
        let serial = config.inverters[1];
        config.addresses.remove(&serial);
    });
    let serial = bench.config.inverters[1];
    bench
        .stick
        .stick()
        .mesh
        .take_away(Some(serial), "AAA3011B9780".parse().unwrap());
    bench.minutes(2);
    let stick = bench.stick_id();
    bench.command(&stick, "pairing", Value::OnOff(true));
    let ids = bench.ids();
    let before = bench.reports.len();
    bench.minutes(120);
    let polls = bench.reports[before..]
        .iter()
        .filter(|report| matches!(report, Report::Readings(it) if it.device.as_str() == ids[0]))
        .count();
    assert!(polls > 40, "{polls}");
    let of_stick = |it: &&Report| matches!(it, Report::Health(id, _) if id.as_str() == stick);
    assert_eq!(bench.reports[before..].iter().filter(of_stick).count(), 0);
}

#[test]
fn a_round_of_pairing_darkens_nobody() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(10);
    let ids = bench.ids();
    bench.command(&ids[0], "pair", Value::Unknown);
    bench.run(Duration::from_secs(60));
    let serial = bench.config.inverters[1];
    bench
        .stick
        .stick()
        .mesh
        .inverter(serial)
        .unwrap()
        .manners
        .loss = 1.0;
    bench.run(Duration::from_secs(230));
    assert!(bench.number(&ids[1], "power") != Some(0.0));
}

#[test]
fn an_inverter_that_is_listed_again_is_still_paired_and_counts_on() {
    let mut bench = Bench::new("DS3,YC600", true);
    bench.minutes(60);
    let id = bench.ids()[1].clone();
    let before = bench.number(&id, "energy_total").unwrap();
    let whole = Arc::clone(&bench.config);
    let mut config = (*whole).clone();
    config.addresses.clear();
    config.inverters.pop();
    bench.config = Arc::new(config.clone());
    bench.restart();
    bench.minutes(5);
    config.inverters.clone_from(&whole.inverters);
    bench.config = Arc::new(config);
    bench.restart();
    bench.minutes(5);
    let after = bench.number(&id, "energy_total").unwrap();
    assert!(after > before && before > 0.1, "{before} {after}");
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
}

#[test]
fn a_limit_that_waits_gives_way_to_a_newer_one() {
    let mut bench = Bench::new("DS3", true);
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let watts = |watts: i64| Decimal::integer(watts).into();
    let all: Vec<u64> = (0..40)
        .map(|more| bench.command(&id, "power_limit", watts(100 + more)))
        .collect();
    bench.minutes(2);
    for command in &all {
        let answers = bench.answers.iter().filter(|(it, _)| it == command);
        assert_eq!(answers.count(), 1, "{command}");
    }
    assert!(matches!(bench.answer(all[39]), Some(Ok(_))));
    let done = all
        .iter()
        .filter(|it| matches!(bench.answer(**it), Some(Ok(_))));
    assert!(done.count() <= 2);
    bench.minutes(1);
    assert!((bench.number(&id, "power_limit").unwrap() - 139.0).abs() < 1.0);
}

#[test]
fn only_what_an_inverter_measures_changes_what_is_known_of_it() {
    let mut bench = Bench::new("DS3", true);
    bench.minutes(3);
    let id = bench.ids()[0].clone();
    let serial = bench.config.inverters[0];
    let address = bench.conversation.inverters[&serial]
        .remembered
        .place
        .address();
    let odd = [0xfb, 0xfb, 3, 0xe4, 1, 2, 0, 0, 0xfe, 0xfe];
    for (cluster, rest) in [
        (0x0106, &[7_u8; 22][..]),
        (0x0106, &odd),
        (0x0101, &[7; 22]),
        (0x0101, &[0xff; 2]),
    ] {
        let data = [&serial.wire()[..], rest].concat();
        let message = overheard(ShortAddress(0x1234), cluster, data);
        let bytes = message.encode().unwrap();
        bench.handle(Input::Bytes(&bytes));
        assert_eq!(bench.code(&id), Some(HealthCode::Online), "{rest:?}");
        let known = bench.conversation.inverters[&serial]
            .remembered
            .place
            .address();
        assert_eq!(known, address, "{rest:?}");
    }
}

#[test]
fn what_waits_for_a_stick_that_goes_away_is_answered() {
    let mut bench = Bench::new("DS3,DS3", true);
    bench.minutes(3);
    let ids = bench.ids();
    let first = bench.command(&ids[0], "power_limit", Decimal::integer(200).into());
    let second = bench.command(&ids[1], "power_limit", Decimal::integer(200).into());
    assert_eq!((bench.answer(first), bench.answer(second)), (None, None));
    bench.handle(Input::Closed);
    for id in [first, second] {
        assert!(
            matches!(bench.answer(id), Some(Err(_))),
            "{:?}",
            bench.answer(id)
        );
    }
    // And nothing is set afterwards.
    bench.handle(Input::Opened);
    bench.minutes(5);
    let answers = bench.answers.len();
    assert_eq!(answers, 2);
    assert_eq!(
        bench.values(&ids[1], "power_limit").next_back(),
        Some(&Value::Unknown)
    );
}

#[test]
fn an_end_in_good_order_forgets_nothing() {
    let mut bench = Bench::new("DS3", true);
    bench.minutes(30);
    let id = bench.ids()[0].clone();
    // Somewhere between two times at which it is saved.
    for _ in 0..40 {
        bench.run(Duration::from_secs(7));
        let told = bench.number(&id, "energy_total").unwrap();
        bench.restart();
        let serial = bench.config.inverters[0];
        let energy = &bench.conversation.inverters[&serial].remembered.energy;
        let saved: u64 = energy.lifetime().iter().sum();
        assert!((saved as f64 / 1e9 - told).abs() < 1e-5, "{saved} {told}");
    }
}
