//! Energy and power from counters, as an independent calculation has them, and the hours of polling.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use wattbridge::adapters::aps_zigbee::energy::{
    CounterAnswer, CounterClass, CounterFamily, EnergyGain, InverterEnergy, UNCALIBRATED,
};
use wattbridge::adapters::aps_zigbee::schedule::{
    LearnedHours, PollSchedule, PollSettings, PollStep,
};
use wattbridge::adapters::aps_zigbee::sun::{Site, SunDay};
use wattbridge::clock::Moment;

use crate::captures;

fn find(id: &str) -> Option<Value> {
    let files = ["aps-zigbee.json", "aps-zigbee-reports.json"].map(captures::read);
    let mut all = files
        .iter()
        .flat_map(|file| file["vectors"].as_array().unwrap());
    all.find(|entry| entry["id"] == id).cloned()
}

fn entry(id: &str) -> Value {
    find(id).unwrap_or_else(|| panic!("{id} is not there"))
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap_or_else(|| panic!("{value}"));
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

fn counters(value: &Value, micro_watt_hours: impl Fn(u64) -> u64) -> Vec<u64> {
    let list = value.as_array().unwrap().iter();
    list.map(|raw| micro_watt_hours(raw.as_u64().unwrap()))
        .collect()
}

/// 16.6 millionths of a watt-hour, as the expected numbers take it.
fn ds3(raw: u64) -> u64 {
    raw * 166 / 10
}

/// 8.311 joules.
fn yc600(raw: u64) -> u64 {
    raw * 8_311_000 / 3600
}

/// A bridge that hears one inverter.
struct Bridge {
    energy: InverterEnergy,
    now: Moment,
}

impl Bridge {
    fn new(at: &str) -> Self {
        Self {
            energy: InverterEnergy::default(),
            now: Moment {
                wall: at.parse().unwrap(),
                steady: Duration::from_secs(100),
            },
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now.wall += Duration::from_secs(seconds);
        self.now.steady += Duration::from_secs(seconds);
    }

    /// It is switched off for so long.
    fn restart(&mut self, seconds: u64) {
        let saved = serde_json::to_string(&self.energy).unwrap();
        self.energy = serde_json::from_str(&saved).unwrap();
        self.pass(seconds);
        self.now.steady = Duration::from_secs(1);
    }

    fn take(&mut self, family: CounterFamily, clock: u32, counters: &[u64]) -> EnergyGain {
        let answer = CounterAnswer {
            clock,
            counters,
            family,
            nameplate: 880,
            calibration: UNCALIBRATED,
            interval: Duration::from_secs(300),
            at: self.now,
            is_wall_trusted: true,
        };
        self.energy.take(&answer, &TimeZone::UTC)
    }

    /// An answer of a DS3 among the entries.
    fn hear(&mut self, id: &str) -> EnergyGain {
        let (clock, raw) = said(&entry(id));
        self.hear_raw(clock, &raw)
    }

    fn hear_raw(&mut self, clock: u64, raw: &[u64]) -> EnergyGain {
        let counters: Vec<u64> = raw.iter().copied().map(ds3).collect();
        self.take(CounterFamily::Ds3, u32::try_from(clock).unwrap(), &counters)
    }
}

/// Clock and counters of an answer of a DS3, as they are on the wire.
fn said(entry: &Value) -> (u64, Vec<u64>) {
    let computed = &entry["computed"];
    (
        computed["time_s"].as_u64().unwrap(),
        counters(&computed["energy_raw32"], |raw| raw),
    )
}

fn assert_near(found: &[u64], per: f64, expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let found = *found as f64 / per;
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }
}

/// Of energy, the last digit that is listed.
fn assert_energy(found: &[u64], expected: &Value) {
    assert_near(found, 1e6, &numbers(expected), 0.000_06);
}

fn assert_power(gain: &EnergyGain, expected: &Value) {
    let power = gain.power.as_ref().unwrap();
    assert_near(&power.milliwatts, 1e3, &numbers(expected), 0.006);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn pairs_of_answers_have_the_power_that_was_calculated() {
    for id in ["ds3-power-1", "ds3-power-2"] {
        let pair = entry(id);
        let (inputs, computed) = (&pair["inputs"], &pair["computed"]);
        let mut bridge = Bridge::new("2022-06-20T14:11:11Z");
        // The second answer of a pair is not always listed; what came between them is.
        let (clock, first) = said(&entry(inputs[0].as_str().unwrap()));
        let span = computed["dt_s"].as_u64().unwrap();
        let between = counters(&computed["delta_raw"], |raw| raw);
        let second: Vec<u64> = first
            .iter()
            .zip(&between)
            .map(|(it, more)| it + more)
            .collect();
        if let Some(listed) = find(inputs[1].as_str().unwrap()) {
            assert_eq!(said(&listed), (clock + span, second.clone()));
        }
        bridge.hear_raw(clock, &first);
        bridge.pass(span - 1);
        let gain = bridge.hear_raw(clock + span, &second);
        assert_eq!(gain.class, CounterClass::Normal);
        assert_energy(&gain.added, &computed["energy_wh"]);
        assert_power(&gain, &computed["power_w"]);
        let power = gain.power.unwrap();
        assert_eq!(u64::from(power.span), computed["dt_s"].as_u64().unwrap());
        assert_eq!(power.is_average, power.span > 900);
    }
    let pair = entry("yc600-power-1");
    let payload = entry(pair["inputs"][0].as_str().unwrap());
    let clock = payload["computed"]["time_s"].as_u64().unwrap() as u32;
    let stated = &payload["stated_by_source"]["next_sample_60s_later"];
    let next = ["e_mpp1_raw", "e_mpp2_raw"].map(|key| yc600(stated[key].as_u64().unwrap()));
    let mut bridge = Bridge::new("2021-02-24T12:00:00Z");
    let first = counters(&payload["computed"]["energy_raw24"], yc600);
    bridge.take(CounterFamily::B1, clock, &first);
    bridge.pass(60);
    let gain = bridge.take(CounterFamily::B1, clock + 60, &next);
    assert_energy(&gain.added, &pair["computed"]["energy_wh"]);
    assert_power(&gain, &pair["computed"]["power_w"]);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_ds3_begins_anew_after_twelve_hours() {
    let pair = entry("r-ds3-12h");
    let expected = &pair["expected"];
    let mut bridge = Bridge::new("2026-07-01T16:20:00Z");
    bridge.hear(pair["inputs"][0].as_str().unwrap());
    bridge.pass(300);
    let before = bridge.energy.today(bridge.now, &TimeZone::UTC);
    let gain = bridge.hear(pair["inputs"][1].as_str().unwrap());
    assert_eq!(gain.class, CounterClass::Restarted { scheduled: true });
    assert_energy(&gain.added, &expected["energy_added_wh_per_input"]);
    assert_power(&gain, &expected["power_w_per_input"]);
    let lost = gain.lost.unwrap().iter().sum::<u64>() as f64 / 1e6;
    let estimate = expected["lost_wh_estimate_total"].as_f64().unwrap();
    assert!((lost - estimate).abs() < 0.001, "{lost}");
    for (before, after) in before.iter().zip(&gain.today) {
        assert!(after >= before);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_same_clock_twice_adds_nothing_and_keeps_the_power() {
    let twice = entry("r-ds3-same-clock-twice");
    let computed = &twice["computed"];
    let clock = computed["time_s"].as_u64().unwrap() as u32;
    let raw = counters(&computed["energy_raw32"], ds3);
    let earlier: Vec<u64> = raw.iter().map(|energy| energy - 1_000_000).collect();
    let mut bridge = Bridge::new("2022-06-13T07:00:00Z");
    bridge.take(CounterFamily::Ds3, clock - 60, &earlier);
    bridge.pass(60);
    let first = bridge.hear("r-ds3-same-clock-twice");
    bridge.pass(60);
    let second = bridge.hear("r-ds3-same-clock-twice");
    assert_eq!(second.class, CounterClass::Repeated);
    assert_eq!(second.added.iter().sum::<u64>(), 0);
    assert_eq!(
        twice["expected"]["energy_added_wh"].as_u64(),
        Some(0),
        "as expected"
    );
    assert!(first.power.is_some());
    assert_eq!(second.power, first.power);
    assert_eq!(second.lifetime, first.lifetime);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_first_answer_of_a_day_brings_all_of_it() {
    let expected = entry("r-first-poll-of-day-8244")["expected"].clone();
    for is_restarted in [false, true] {
        let mut bridge = Bridge::new("2024-02-21T15:30:00Z");
        bridge.take(
            CounterFamily::Ds3,
            31_000,
            &[ds3(90_000_000), ds3(80_000_000)],
        );
        let night = 18 * 3600;
        if is_restarted {
            bridge.restart(night);
        } else {
            bridge.pass(night);
        }
        let gain = bridge.hear("r-first-poll-of-day-8244");
        assert_eq!(gain.class, CounterClass::NewRun);
        assert_energy(&gain.added, &expected["energy_added_wh"]);
        assert_eq!(gain.today, gain.added);
        let power = gain.power.unwrap();
        assert_eq!(
            u64::from(power.span),
            expected["power_average_over_s"].as_u64().unwrap()
        );
        assert!(power.is_average);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn another_day_that_looks_like_the_same_run_is_told_by_the_clock() {
    let expected = entry("r-next-day-looks-normal")["expected"].clone();
    for is_restarted in [false, true] {
        let mut bridge = Bridge::new("2026-06-01T14:00:00Z");
        bridge.take(
            CounterFamily::Ds3,
            20_000,
            &[ds3(40_000_000), ds3(39_000_000)],
        );
        let gap = 24 * 3600 + 1800;
        if is_restarted {
            bridge.restart(gap);
        } else {
            bridge.pass(gap);
        }
        let gain = bridge.hear("r-next-day-looks-normal");
        assert_eq!(gain.class, CounterClass::NewRun);
        assert_energy(&gain.added, &expected["energy_added_wh"]);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_negative_offset_widens_the_window_at_both_ends() {
    let window = entry("r-window-offset-minus-30");
    let at = |value: &Value| -> Timestamp {
        let time = value.as_str().unwrap();
        format!("2022-02-20T{time}:00Z").parse().unwrap()
    };
    let (inputs, expected) = (&window["inputs"], &window["expected"]);
    let sun = SunDay::Between(at(&inputs["sunrise"]), at(&inputs["sunset"]));
    let offset = SignedDuration::from_mins(inputs["offset_min"].as_i64().unwrap());
    assert_eq!(
        sun.window(offset),
        Some((at(&expected["start"]), at(&expected["end"])))
    );
}

/// As in the report of programs that slept all day because they never got a time.
#[test]
fn without_a_time_inverters_are_asked_all_day() {
    let settings = PollSettings {
        place: Site::new(52.0, 5.0),
        ..PollSettings::default()
    };
    let mut schedule = PollSchedule::new(settings, TimeZone::UTC, LearnedHours::default());
    let serial = "703000900001".parse().unwrap();
    schedule.set_inverters(&[serial]);
    let mut now = Moment::NONE;
    schedule.set_radio(true, now);
    for hour in 0..24 {
        now.steady = Duration::from_secs(hour * 3600);
        now.wall = Timestamp::UNIX_EPOCH + now.steady;
        assert_eq!(schedule.next(now), PollStep::Ask(serial));
        schedule.answered(serial, None, now);
    }
}
