//! The simulated devices of one house, as they stand in the demo: at any moment of any day what they tell
//! adds up.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::time::Duration;

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use tokio::time::sleep;
use wattbridge::adapters::aps_ecu::simulator::{self as ecu, SimulatedEcu};
use wattbridge::adapters::aps_zigbee::simulator::{self as zigbee, SimulatedStick};
use wattbridge::adapters::smart_meter::simulator::{self as meter, SimulatedMeters};
use wattbridge::adapters::victron::simulator::{self as victron, SimulatedVictron};
use wattbridge::simulation::{House, Sky};

/// At night, in winter: the demo has to shine whenever it is started.
const LOOKED_AT: &str = "2026-12-24T22:17:03[Europe/Vienna]";
/// How often the meter sends.
const STEP: Duration = Duration::from_secs(2);

/// All devices of a house.
struct Devices {
    ecus: Vec<SimulatedEcu>,
    stick: SimulatedStick,
    meter: SimulatedMeters,
    charger: SimulatedVictron,
    monitor: SimulatedVictron,
}

impl Devices {
    async fn of(house: &House) -> Self {
        let ecus = ecu::demo::start(house).await.unwrap();
        let stick = zigbee::demo::start(house).await.unwrap();
        let meter = meter::demo::start(house).await.unwrap();
        let shed = victron::demo::start(house).await.unwrap();
        let [charger, monitor] = shed.try_into().unwrap();
        Self {
            ecus,
            stick,
            meter,
            charger,
            monitor,
        }
    }

    /// Watts from the grid; negative for those that go there.
    fn net(&self) -> i64 {
        let shown = self.meter.samples().remove(0);
        i64::from(shown.power_import) - i64::from(shown.power_export)
    }

    /// Watts that the inverters feed in.
    fn fed_in(&self) -> i64 {
        let truths = self.ecus.iter().map(|ecu| ecu.truth());
        let of_ecus: i64 = truths.map(|truth| i64::from(truth.power_w)).sum();
        let of_stick = self.stick.look(|stick| {
            let at = stick.mesh.at();
            stick.mesh.power(at)
        });
        of_ecus + of_stick.round() as i64
    }

    /// Watt-hours that they have fed in since some moment.
    fn produced(&self) -> f64 {
        let truths = self.ecus.iter().map(|ecu| ecu.truth());
        let of_ecus: u64 = truths.map(|truth| truth.lifetime_wh).sum();
        of_ecus as f64 + self.stick.truth().produced() as f64 / 1e6
    }
}

/// What a device says now.
fn text(device: &SimulatedVictron) -> Vec<(String, String)> {
    // Asking for anything brings it up to now.
    device.register(0x0100);
    device.text()
}

fn value(text: &[(String, String)], label: &str) -> i64 {
    let found = text.iter().find(|(name, _)| name == label);
    found.unwrap().1.parse().unwrap()
}

/// Of mV and mA, in W.
fn watts(millivolts: i64, milliamperes: i64) -> f64 {
    millivolts as f64 * milliamperes as f64 / 1e6
}

#[tokio::test(start_paused = true)]
async fn at_every_moment_import_less_export_is_load_less_sun_and_what_the_battery_takes() {
    let midnight = date(2026, 6, 21).at(0, 0, 0, 0);
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let begun = midnight.to_zoned(zone).unwrap();
    // Time stands still, so that all devices tell of the same moment.
    let days = House::new(&begun, Sky::default()).at_speed(0.0);
    let demo = House::of_the_demo(&begun).at_speed(0.0);
    for (house, dark_at_night) in [(days, true), (demo, false)] {
        let devices = Devices::of(&house).await;
        let (mut imports, mut exports, mut charged, mut drawn, mut nights) = (0, 0, 0, 0, 0);
        for turn in 0..150_i64 {
            // All minutes of an hour, and all seconds of one, have their turn.
            let at: DateTime = midnight + Duration::from_secs(turn.unsigned_abs() * 577);
            house.jump_to(at);
            sleep(2 * STEP).await;
            let (charger, monitor) = (text(&devices.charger), text(&devices.monitor));
            let panels = value(&charger, "PPV");
            let battery = watts(value(&monitor, "V"), value(&monitor, "I"));
            // What the shed takes itself: its load, and what the charger loses.
            let shed = watts(value(&charger, "V"), value(&charger, "IL")) + panels as f64 * 0.03;
            let load = f64::from(house.consumption(house.now())) + shed;
            let sun = (devices.fed_in() + panels) as f64;
            let net = devices.net();
            let missing = net as f64 - (load - sun + battery);
            // The charger tells currents in steps of 100 mA.
            assert!(missing.abs() < 4.0, "{at}: {missing} of {net}");
            assert_eq!(net, i64::from(house.flows(house.now()).from_grid()), "{at}");
            imports += u32::from(net > 0);
            exports += u32::from(net < 0);
            charged += u32::from(battery > 0.0);
            drawn += u32::from(battery < 0.0);
            nights += u32::from(sun == 0.0);
        }
        assert!(imports > 10 && exports > 10, "{imports} {exports}");
        assert!(charged > 10, "{charged}");
        assert_eq!(dark_at_night, drawn > 30 && nights > 30, "{drawn} {nights}");
    }
}

#[tokio::test(start_paused = true)]
async fn over_an_hour_of_the_demo_powers_and_counters_balance() {
    let house = House::of_the_demo(&LOOKED_AT.parse().unwrap());
    let devices = Devices::of(&house).await;
    let counted = || {
        let shown = devices.meter.samples().remove(0);
        (shown.energy_import, shown.energy_export)
    };
    // Between two telegrams.
    sleep(STEP / 2).await;
    let first = (counted(), devices.produced());
    let mut consumed = 0.0;
    let (mut imports, mut exports) = (0, 0);
    for _ in 0..1800 {
        sleep(STEP).await;
        // When the telegram was made.
        let at = house.now() - STEP / 2;
        let net = devices.net();
        assert_eq!(net, i64::from(house.flows(at).from_grid()));
        for truth in devices.ecus.iter().map(|ecu| ecu.truth()) {
            let now = house.local(house.now());
            assert!(truth.at <= now && truth.cycle.unwrap() <= now);
            assert_eq!(truth.online, truth.registered, "it is never night");
        }
        let shed = value(&text(&devices.charger), "PPV");
        let production = i64::from(house.flows(house.now()).production);
        assert_eq!(devices.fed_in() + shed, production);
        consumed += f64::from(house.consumption(at)) * STEP.as_secs_f64() / 3600.0;
        imports += u32::from(net > 0);
        exports += u32::from(net < 0);
    }
    let last = (counted(), devices.produced());
    let gain = |first: u32, last: u32| f64::from(last - first);
    let import = gain(first.0.0, last.0.0);
    let export = gain(first.0.1, last.0.1);
    let produced = last.1 - first.1;
    let missing = import - export - consumed + produced;
    // A cycle of the ECU is ten seconds of at most 6 kW.
    assert!(missing.abs() < 20.0, "{missing} Wh of {produced} Wh");
    assert!((1500.0..6000.0).contains(&produced), "{produced}");
    assert!(imports > 200 && exports > 200, "{imports} {exports}");
}

#[tokio::test(start_paused = true)]
async fn what_the_shed_gets_and_takes_flows_through_its_battery() {
    let house = House::of_the_demo(&LOOKED_AT.parse().unwrap());
    let devices = Devices::of(&house).await;
    let mut charged = 0;
    for _ in 0..40 {
        sleep(Duration::from_millis(2_500)).await;
        let (charger, monitor) = (text(&devices.charger), text(&devices.monitor));
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
        let house = House::of_the_demo(&moment.parse().unwrap());
        for ecu in ecu::demo::start(&house).await.unwrap() {
            let truth = ecu.truth();
            assert!((20..most).contains(&truth.today_wh), "{moment}: {truth:?}");
        }
    }
}
