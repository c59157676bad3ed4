//! A clock in our hands: what waits, for how long, and what never does.

use proptest::prelude::*;

use super::*;
use crate::model::{Health, HealthCode, OnOff};

const SECOND: Duration = Duration::from_secs(1);

fn paces(text: &str) -> BTreeMap<String, ThrottleSettings> {
    toml::from_str(text).unwrap()
}

/// A pacer, its clock, and the state of its device.
struct Bench {
    pacer: Throttle,
    state: DeviceState,
    begun: Instant,
    now: Instant,
}

impl Bench {
    fn new(metrics: Vec<Metric>, asked: &str) -> Self {
        let mut device = Device::new("smart_meter", "1", "Meter", "Kaifa");
        device.metrics = metrics;
        Self {
            pacer: Throttle::new(&device, &paces(asked)),
            state: DeviceState {
                device: device.id.clone(),
                at: None,
                values: BTreeMap::new(),
                health: Health::ONLINE,
                era: 0,
                held: Default::default(),
            },
            begun: Instant::now(),
            now: Instant::now(),
        }
    }

    /// What is shown of a metric so many seconds later, when it has this value then.
    fn later(&mut self, seconds: u64, key: &'static str, value: impl Into<Value>) -> Value {
        self.now += SECOND * u32::try_from(seconds).unwrap();
        self.state.values.insert(key.into(), value.into());
        self.shown(key)
    }

    fn shown(&mut self, key: &str) -> Value {
        self.pacer.pace(&self.state, self.now).value(key).clone()
    }

    /// The same, with the moment of the values; the bench begins at the full hour.
    fn clocked(&mut self, seconds: u64, key: &'static str, value: impl Into<Value>) -> Value {
        let elapsed = self.now + SECOND * u32::try_from(seconds).unwrap() - self.begun;
        let second = i64::try_from(elapsed.as_secs()).unwrap();
        self.state.at = Some(jiff::Timestamp::from_second(second).unwrap());
        self.later(seconds, key, value)
    }

    fn due_in(&self) -> Option<Duration> {
        self.pacer.due().map(|due| due - self.now)
    }
}

fn volts(tenths: i64) -> Value {
    Decimal::new(tenths, 1).into()
}

fn kilowatt_hours(watt_hours: i64) -> Value {
    Decimal::from_watt_hours(watt_hours).into()
}

fn voltage() -> Metric {
    Metric::measurement("voltage", Quantity::Voltage).decimals(1)
}

#[test]
fn a_small_change_waits_and_goes_out_by_itself() {
    let mut bench = Bench::new(vec![voltage()], "");
    assert_eq!(bench.later(0, "voltage", volts(2300)), volts(2300));
    assert_eq!(bench.due_in(), None);
    assert_eq!(bench.later(5, "voltage", volts(2310)), volts(2300));
    assert_eq!(bench.later(5, "voltage", volts(2311)), volts(2300));
    assert_eq!(bench.due_in(), Some(SECOND * 20));
    bench.now += SECOND * 20;
    assert_eq!(bench.shown("voltage"), volts(2311));
    assert_eq!(bench.due_in(), None);
}

#[test]
fn a_change_after_a_quiet_time_is_shown_at_once() {
    let mut bench = Bench::new(vec![voltage()], "");
    bench.later(0, "voltage", volts(2300));
    assert_eq!(bench.later(30, "voltage", volts(2301)), volts(2301));
    assert_eq!(bench.later(29, "voltage", volts(2302)), volts(2301));
}

#[test]
fn a_value_that_moves_far_does_not_wait() {
    let mut bench = Bench::new(vec![voltage()], "");
    bench.later(0, "voltage", volts(2300));
    assert_eq!(bench.later(1, "voltage", volts(2320)), volts(2300));
    assert_eq!(bench.later(1, "voltage", volts(2321)), volts(2321));
    assert_eq!(bench.later(1, "voltage", volts(2301)), volts(2321));
    // It came back: there is nothing left to wait for.
    assert_eq!(bench.later(1, "voltage", volts(2321)), volts(2321));
    assert_eq!(bench.due_in(), None);
}

#[test]
fn what_is_too_fine_to_be_seen_is_no_change() {
    let mut bench = Bench::new(vec![voltage()], "");
    bench.later(0, "voltage", Decimal::new(23004, 2));
    bench.later(20, "voltage", Decimal::new(22996, 2));
    assert_eq!(bench.due_in(), None);
    assert_eq!(bench.later(10, "voltage", volts(2301)), volts(2301));
}

#[test]
fn a_counter_that_falls_does_not_wait() {
    let metrics = vec![Metric::daily("energy_today", Quantity::Energy).decimals(3)];
    let mut bench = Bench::new(metrics, "");
    bench.later(0, "energy_today", kilowatt_hours(9000));
    let shown = bench.later(1, "energy_today", kilowatt_hours(9500));
    assert_eq!(shown, kilowatt_hours(9000));
    let shown = bench.later(1, "energy_today", kilowatt_hours(0));
    assert_eq!(shown, kilowatt_hours(0));
}

#[test]
fn unknown_and_health_never_wait() {
    let mut bench = Bench::new(vec![voltage()], "");
    bench.later(0, "voltage", volts(2300));
    assert_eq!(bench.later(1, "voltage", Value::Unknown), Value::Unknown);
    assert_eq!(bench.later(1, "voltage", volts(2300)), volts(2300));
    assert_eq!(bench.later(1, "voltage", volts(2301)), volts(2300));
    bench.state.health = Health::new(HealthCode::Retrying);
    assert_eq!(bench.shown("voltage"), volts(2301));
    assert_eq!(bench.due_in(), None);
    // Another one is there now, who has seen nothing yet.
    bench.later(1, "voltage", volts(2302));
    bench.pacer.forget();
    assert_eq!(bench.shown("voltage"), volts(2302));
}

#[test]
fn states_never_wait_moments_and_words_do() {
    let metrics = vec![
        Metric::on_off("relay", OnOff::Plain),
        Metric::timestamp("meter_time"),
    ];
    // On and off do not wait whatever is asked for.
    let mut bench = Bench::new(metrics, "relay = { every = \"1m\" }");
    for n in 0..3_i64 {
        let on = n % 2 == 0;
        assert_eq!(bench.later(0, "relay", on), on.into());
    }
    let at = |second| Value::from(jiff::Timestamp::from_second(second).unwrap());
    assert_eq!(bench.later(0, "meter_time", at(0)), at(0));
    assert_eq!(bench.later(59, "meter_time", at(59)), at(0));
    assert_eq!(bench.later(1, "meter_time", at(60)), at(60));
}

fn power() -> Metric {
    Metric::measurement("power", Quantity::Power)
}

fn watts(watts: i64) -> Value {
    Decimal::integer(watts).into()
}

#[test]
fn a_power_that_leaps_is_shown_within_a_second_and_another_every_ten() {
    let mut bench = Bench::new(vec![power()], "");
    for (seconds, value, shown) in [
        (0, 2000, 2000),
        // By 50 W, and not by 5 %.
        (1, 2099, 2000),
        (1, 2100, 2100),
        // From a telegram to the next.
        (1, 1995, 1995),
        (0, 2400, 1995),
        (8, 2400, 2400),
        (9, 2399, 2400),
        (1, 2398, 2398),
        (10, 200, 200),
        // By 5 %, and not by 50 W.
        (2, 249, 200),
        (2, 250, 250),
        (2, -30, -30),
        (2, 19, -30),
        (2, 20, 20),
        (2, 0, 20),
    ] {
        let there = bench.later(seconds, "power", watts(value));
        assert_eq!(there, watts(shown), "{value}");
    }
    assert_eq!(bench.due_in(), Some(SECOND * 8));
    bench.now += SECOND * 8;
    assert_eq!(bench.shown("power"), watts(0));
}

#[test]
fn what_leaps_again_within_a_second_waits_for_the_rest_of_it() {
    let mut bench = Bench::new(vec![power()], "");
    bench.later(0, "power", watts(100));
    assert_eq!(bench.later(0, "power", watts(900)), watts(100));
    assert_eq!(bench.due_in(), Some(SECOND));
    bench.now += SECOND;
    assert_eq!(bench.shown("power"), watts(900));
    // It came back before anybody saw it go.
    assert_eq!(bench.later(0, "power", watts(100)), watts(900));
    assert_eq!(bench.later(0, "power", watts(900)), watts(900));
    assert_eq!(bench.due_in(), None);
}

#[test]
fn a_power_that_is_asked_for_seldom_never_waits() {
    let mut bench = Bench::new(vec![power()], "");
    for n in 0..20 {
        let value = watts(300 + n % 3);
        assert_eq!(bench.later(10, "power", value.clone()), value);
    }
}

#[test]
fn what_the_user_asks_of_a_power_is_all_there_is() {
    let mut bench = Bench::new(vec![power()], "power = { every = \"1m\" }");
    bench.later(0, "power", watts(100));
    assert_eq!(bench.later(59, "power", watts(9000)), watts(100));
    let mut bench = Bench::new(vec![power()], "power = { change = 10 }");
    bench.later(0, "power", watts(1000));
    assert_eq!(bench.later(0, "power", watts(1010)), watts(1000));
    assert_eq!(bench.later(0, "power", watts(1011)), watts(1011));
}

#[test]
fn a_counter_that_changes_seldom_is_shown_at_once() {
    let gas = Metric::lifetime("gas", Quantity::Energy).decimals(3);
    let mut bench = Bench::new(vec![gas], "");
    for n in 0..30 {
        let value = kilowatt_hours(5_000 + n);
        assert_eq!(bench.clocked(300, "gas", value.clone()), value);
    }
}

/// Home Assistant counts what is there then.
#[test]
fn what_a_counter_has_is_shown_before_the_hour_is_full() {
    let counter = Metric::lifetime("energy_import", Quantity::Energy).decimals(3);
    let mut bench = Bench::new(vec![counter, voltage()], "");
    let energy = |n: i64| kilowatt_hours(5_000_000 + n);
    // The last telegrams of a meter that sends every ten seconds.
    bench.clocked(3575, "energy_import", energy(0));
    bench.clocked(0, "voltage", volts(2300));
    assert_eq!(bench.clocked(10, "energy_import", energy(1)), energy(0));
    assert_eq!(bench.clocked(10, "energy_import", energy(2)), energy(0));
    bench.clocked(0, "voltage", volts(2301));
    assert_eq!(bench.due_in(), Some(SECOND * 3));
    bench.now += SECOND * 3;
    assert_eq!(bench.shown("energy_import"), energy(2));
    assert_eq!(bench.shown("voltage"), volts(2300));
    // One that sends each second.
    assert_eq!(bench.clocked(1, "energy_import", energy(3)), energy(3));
    // In the next hour it waits again.
    assert_eq!(bench.clocked(1, "energy_import", energy(4)), energy(3));
    assert_eq!(bench.due_in(), Some(SECOND * 5));
    bench.now += SECOND * 5;
    assert_eq!(bench.shown("voltage"), volts(2301));
    assert_eq!(bench.due_in(), Some(SECOND * 24));
}

#[test]
fn an_hour_that_is_over_hurries_nothing() {
    let counter = Metric::lifetime("energy_import", Quantity::Energy).decimals(3);
    let mut bench = Bench::new(vec![counter], "energy_import = { every = \"2h\" }");
    bench.clocked(3500, "energy_import", kilowatt_hours(1000));
    bench.clocked(50, "energy_import", kilowatt_hours(1001));
    bench.now += SECOND * 48;
    assert_eq!(bench.shown("energy_import"), kilowatt_hours(1001));
    // Values that are confirmed, or come without a moment, say nothing of another hour.
    let shown = bench.later(3, "energy_import", kilowatt_hours(1002));
    assert_eq!(shown, kilowatt_hours(1001));
    assert_eq!(bench.due_in(), Some(SECOND * (7200 - 3)));
}

/// Noise on a line has other words with every byte of it.
#[test]
fn words_about_a_trouble_that_stays_wait_and_those_about_another_do_not() {
    let mut bench = Bench::new(vec![Metric::text("reason")], "");
    let said = |bench: &mut Bench, seconds: u32, code: HealthCode, words: &str| {
        bench.now += SECOND * seconds;
        bench.state.health = Health::new(code).seen(words.to_owned());
        let reason = Value::from(bench.state.health.sentence());
        bench.state.values.insert("reason".into(), reason);
        let shown = bench.pacer.pace(&bench.state, bench.now).into_owned();
        assert_eq!(
            shown.value("reason"),
            &Value::from(shown.health.sentence()),
            "the words and their parts belong together"
        );
        shown.health.detail.to_string()
    };
    assert_eq!(said(&mut bench, 0, HealthCode::Garbled, "a"), "a");
    assert_eq!(said(&mut bench, 1, HealthCode::Garbled, "b"), "a");
    assert_eq!(said(&mut bench, 1, HealthCode::Silent, "c"), "c");
    assert_eq!(said(&mut bench, 9, HealthCode::Silent, "d"), "c");
    assert_eq!(said(&mut bench, 1, HealthCode::Silent, "e"), "e");
}

#[test]
fn the_nearest_wish_of_the_user_counts() {
    let metric = |key| Metric::measurement(key, Quantity::Voltage).decimals(1);
    let metrics = || {
        let mut metrics = vec![metric("voltage_l1"), metric("voltage_l2")];
        metrics.push(Metric::measurement("power", Quantity::Power));
        metrics
    };
    let asked = |text: &str| {
        let pacer = Bench::new(metrics(), text).pacer;
        let tracks = pacer.tracks.iter();
        let paces = tracks.map(|track| (track.key.to_string(), track.pace));
        (paces.collect::<BTreeMap<_, _>>(), pacer.moment)
    };
    let two = Decimal::integer(2);
    let (paces, moment) = asked("");
    assert_eq!(paces["voltage_l1"], Interval::every(30).unless(two));
    assert_eq!(paces["power"], Interval::every(10).unless_it_leaps(50, 5));
    assert_eq!((paces.len(), moment), (3, SECOND * 60));
    let (paces, _) = asked(
        "voltage_l1 = { every = \"1m\" }\nsmart_meter_1_voltage_l1 = { change = 0.5 }\n\
         power = { every = \"10s\" }\nsmart_meter_2_voltage_l2 = { every = \"0s\" }",
    );
    assert_eq!(
        paces["voltage_l1"],
        Interval::every(60).unless(Decimal::new(5, 1))
    );
    assert_eq!(paces["voltage_l2"], Interval::every(30).unless(two));
    assert_eq!(paces["power"], Interval::every(10));
    let (paces, moment) = asked("\"*\" = { every = \"0s\" }\nvoltage_l2 = { every = \"5s\" }");
    assert_eq!(paces.keys().collect::<Vec<_>>(), ["voltage_l2"]);
    assert_eq!(moment, Duration::ZERO);
}

#[test]
fn complains_about_paces_that_make_no_sense() {
    let wrong = [
        ("\"Voltage L1\" = { every = \"1m\" }", "is not a key"),
        ("\"\" = { every = \"1m\" }", "is not a key"),
        ("power = {}", "says nothing"),
        ("power = { every = \"2days\" }", "stands still"),
        ("voltage = { change = -1 }", "how far"),
        ("voltage = { change = nan }", "how far"),
        ("voltage = { change = inf }", "how far"),
        ("voltage = { change = 1e300 }", "how far"),
    ];
    for (text, words) in wrong {
        let complaints = check(&paces(text));
        assert_eq!(complaints.len(), 1, "{text}");
        assert!(complaints[0].what.contains(words), "{text}: {complaints:?}");
    }
    let right = "\"*\" = { every = \"0s\" }\nvoltage_l1 = { every = \"1m\", change = 5 }";
    assert_eq!(check(&paces(right)), []);
}

#[derive(Debug, Clone)]
enum Happening {
    Value(i64),
    Unknown,
    Health(bool),
    Wait(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (-60_i64..60).prop_map(Happening::Value),
        1 => Just(Happening::Unknown),
        1 => any::<bool>().prop_map(Happening::Health),
        4 => (0_u64..40).prop_map(Happening::Wait),
    ]
}

proptest! {
    /// Whatever happens: nothing waits for longer than its time, what must not wait does not,
    /// small changes are rare, and the last value is shown in the end.
    #[test]
    fn what_waits_arrives(
        story in proptest::collection::vec(happening(), 0..60),
        counts: bool,
    ) {
        let metric = if counts {
            Metric::lifetime("voltage", Quantity::Energy).decimals(1)
        } else {
            voltage()
        };
        let mut bench = Bench::new(vec![metric], "");
        let every = SECOND * 30;
        let (mut truth, mut shown) = (Value::Unknown, Value::Unknown);
        let (mut changed, mut differs): (Option<Instant>, Option<Instant>) = (None, None);
        for happening in story.into_iter().chain([Happening::Wait(31)]) {
            let mut at_once = false;
            let mut wait = 0;
            match happening {
                Happening::Value(value) => {
                    at_once = truth == Value::Unknown;
                    truth = volts(value);
                }
                Happening::Unknown => (truth, at_once) = (Value::Unknown, true),
                Happening::Health(good) => {
                    let code = if good { HealthCode::Online } else { HealthCode::Retrying };
                    at_once = bench.state.health.code != code;
                    bench.state.health = Health::new(code);
                }
                Happening::Wait(seconds) => wait = seconds,
            }
            bench.state.values.insert("voltage".into(), truth.clone());
            for second in 0..=wait {
                if second > 0 {
                    bench.now += SECOND;
                    // Between news it is asked only when it wants to be.
                    if bench.pacer.due().is_none_or(|due| due > bench.now) {
                        continue;
                    }
                }
                let now = bench.now;
                let next = bench.shown("voltage");
                prop_assert!(bench.pacer.due().is_none_or(|due| due > now), "time stands still");
                if let (Some(before), Some(after)) = (shown.as_number(), next.as_number())
                    && before != after && !at_once
                {
                    let far = if counts {
                        after < before
                    } else {
                        before.distance(after) > Decimal::integer(2)
                    };
                    let apart = now - changed.unwrap();
                    prop_assert!(far || apart >= every, "{before} to {after} after {apart:?}");
                }
                if next != shown {
                    changed = Some(now);
                }
                shown = next;
                if at_once {
                    prop_assert_eq!(&shown, &truth);
                }
                differs = (shown != truth).then(|| differs.unwrap_or(now));
                let waited = differs.map_or(Duration::ZERO, |since| now - since);
                prop_assert!(waited < every, "waits for {waited:?}");
                prop_assert_eq!(bench.pacer.due().is_some(), shown != truth);
            }
        }
        prop_assert_eq!(shown, truth);
    }
}
