use std::time::Duration;

use jiff::ToSpan;
use proptest::prelude::*;

use super::*;
use crate::adapters::{aps_ecu, smart_meter, victron};

/// At night, in winter: the demo has to shine whenever it is started.
fn house() -> House {
    house_at("2026-12-24T22:17:03[Europe/Vienna]")
}

fn house_at(moment: &str) -> House {
    House::new(&moment.parse().unwrap())
}

fn moments(house: &House, count: i64, step: i64) -> impl Iterator<Item = Timestamp> {
    let begun = house.begun;
    (0..count).map(move |turn| begun + (turn * step).seconds())
}

#[test]
fn there_is_something_to_see_within_a_minute() {
    let house = house();
    for begin in (0..24 * 60).step_by(7) {
        let minute = moments(&house, 30, 2).map(|at| at + i64::from(begin).minutes());
        let taken: Vec<_> = minute.map(|at| house.consumption(at)).collect();
        let (least, most) = (taken.iter().min().unwrap(), taken.iter().max().unwrap());
        assert!(most - least >= 10, "minute {begin}: {taken:?}");
        assert!((200..9500).contains(most), "minute {begin}: {taken:?}");
    }
}

#[test]
fn a_cloud_comes_and_something_is_switched_on_in_the_first_minute() {
    let house = house();
    let light: Vec<_> = (0..60)
        .map(|second| house.sky().light(f64::from(second)))
        .collect();
    let first = light.first().unwrap();
    assert!(light.iter().any(|light| light * 1.5 < *first), "{light:?}");
    let taken: Vec<_> = moments(&house, 30, 2)
        .map(|at| house.consumption(at))
        .collect();
    assert!(
        taken.iter().max().unwrap() - taken.iter().min().unwrap() > 1500,
        "{taken:?}"
    );
}

#[test]
fn clouds_pass_and_the_sun_comes_back() {
    let sky = house().sky();
    let light: Vec<_> = (0..600)
        .map(|turn| sky.light(f64::from(turn) * 6.0))
        .collect();
    assert!(light.iter().any(|light| *light > 0.85));
    assert!(light.iter().any(|light| *light < 0.5));
    assert!(light.iter().all(|light| (0.2..=1.0).contains(light)));
}

#[test]
fn the_night_before_was_dark() {
    let sky = house().sky();
    assert_eq!(sky.light(-6.0 * 3600.0), 0.0);
    assert!(sky.light(-3600.0) > 0.5);
}

proptest! {
    #[test]
    fn what_the_meter_sees_is_what_is_taken_less_what_is_produced(
        watts in 0_u32..20_000, seconds in 0_i64..1_000_000,
    ) {
        let house = house();
        house.connect(move |_| watts);
        house.connect(move |_| watts / 3);
        let at = house.begun + seconds.seconds();
        prop_assert_eq!(house.production(at), watts + watts / 3);
        let (taken, made) = (house.consumption(at), house.production(at));
        prop_assert_eq!(i64::from(house.from_grid(at)), i64::from(taken) - i64::from(made));
    }
}

/// Power times time, from sample to sample, in watt-hours.
#[derive(Default)]
struct Sum {
    watt_seconds: f64,
}

impl Sum {
    fn count(&mut self, watts: u32, time: Duration) {
        self.watt_seconds += f64::from(watts) * time.as_secs_f64();
    }

    fn watt_hours(&self) -> f64 {
        self.watt_seconds / 3600.0
    }
}

#[tokio::test(start_paused = true)]
async fn over_an_hour_of_the_house_powers_and_counters_balance() {
    const STEP: Duration = Duration::from_secs(2);
    let house = house();
    let ecus = aps_ecu::simulator::demo::start(&house).await.unwrap();
    let meter = smart_meter::simulator::demo::start(&house).await.unwrap();
    let produced = || -> u64 {
        let truths = ecus.iter().map(|ecu| ecu.truth());
        truths.map(|truth| truth.lifetime_wh).sum()
    };
    // Between two telegrams.
    tokio::time::sleep(STEP / 2).await;
    let first = (meter.samples().remove(0), produced());
    let mut consumed = Sum::default();
    let (mut imports, mut exports) = (0, 0);
    for _ in 0..1800 {
        tokio::time::sleep(STEP).await;
        let shown = meter.samples().remove(0);
        // When the telegram was made.
        let at = house.now() - STEP / 2;
        let net = i64::from(shown.power_import) - i64::from(shown.power_export);
        let taken = house.consumption(at);
        assert_eq!(net, i64::from(taken) - i64::from(house.production(at)));
        let powers = ecus.iter().map(|ecu| ecu.truth());
        let power: u32 = powers
            .inspect(|truth| {
                let now = house.now().to_zoned(house.zone().clone()).datetime();
                assert!(truth.at <= now && truth.cycle.unwrap() <= now);
                assert_eq!(truth.online, truth.registered, "it is never night");
            })
            .map(|truth| truth.power_w)
            .sum();
        assert_eq!(power, house.production(house.now()));
        consumed.count(taken, STEP);
        imports += u32::from(net > 0);
        exports += u32::from(net < 0);
    }
    let last = (meter.samples().remove(0), produced());
    let gain = |first: u32, last: u32| f64::from(last - first);
    let import = gain(first.0.energy_import, last.0.energy_import);
    let export = gain(first.0.energy_export, last.0.energy_export);
    let produced = (last.1 - first.1) as f64;
    let missing = import - export - consumed.watt_hours() + produced;
    // A cycle of the ECU is ten seconds of at most 6 kW.
    assert!(missing.abs() < 20.0, "{missing} Wh of {produced} Wh");
    assert!((1500.0..6000.0).contains(&produced), "{produced}");
    assert!(imports > 200 && exports > 200, "{imports} {exports}");
}

#[tokio::test(start_paused = true)]
async fn what_the_shed_gets_and_takes_flows_through_its_battery() {
    let house = house();
    let shed = victron::simulator::demo::start(&house).await.unwrap();
    let [charger, monitor] = shed.as_slice() else {
        panic!("a charger and a monitor")
    };
    let value = |text: &[(String, String)], label: &str| -> i64 {
        let found = text.iter().find(|(name, _)| name == label);
        found.unwrap().1.parse().unwrap()
    };
    let mut charged = 0;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        // Asking for anything brings a device up to now.
        let now = |device: &victron::simulator::SimulatedVictron| {
            device.register(0x0100);
            device.text()
        };
        let (charger, monitor) = (now(charger), now(monitor));
        let (at_charger, at_battery) = (value(&charger, "I"), value(&monitor, "I"));
        // A charger tells currents and voltages in steps of ten.
        assert!(
            (at_charger - at_battery).abs() <= 10,
            "{charger:?} {monitor:?}"
        );
        assert!((value(&charger, "V") - value(&monitor, "V")).abs() <= 10);
        charged += i64::from(at_battery > 0);
    }
    assert!(charged > 20, "{charged}");
}

#[tokio::test(start_paused = true)]
async fn today_has_its_morning_and_no_more() {
    for (moment, most) in [
        ("2026-06-21T11:00:00[Europe/Vienna]", 30_000),
        ("2026-06-21T23:50:00[Europe/Vienna]", 30_000),
        // The sun of the demo has been up since nine in the evening, but today is young.
        ("2026-06-21T00:10:00[Europe/Vienna]", 1_500),
    ] {
        let ecus = aps_ecu::simulator::demo::start(&house_at(moment))
            .await
            .unwrap();
        for ecu in ecus {
            let truth = ecu.truth();
            assert!((20..most).contains(&truth.today_wh), "{moment}: {truth:?}");
        }
    }
}
