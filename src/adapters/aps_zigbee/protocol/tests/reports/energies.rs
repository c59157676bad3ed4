//! Energies and powers that cannot be.

use super::*;

fn listed_energy(value: &serde_json::Value) -> f64 {
    let all = value.as_array().unwrap().iter();
    all.map(|it| it.as_f64().unwrap()).sum::<f64>() / 1000.0
}

/// Report 6, as it was calculated.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_restart_after_twelve_hours_takes_nothing_from_today() {
    let (first, second) = (bytes_of("r-ds3-12h-1"), bytes_of("r-ds3-12h-2"));
    let (serial, address, telemetry) = measured(&first);
    let expected = &capture("r-ds3-12h")["expected"];
    let mut bench = Bench::quiet(serial, address, &at("2026-07-01T18:00"));
    let mut before = telemetry;
    before.clock -= 300;
    for input in &mut before.inputs {
        input.counter -= 600_000;
    }
    bench.play(address, &answered(&before, address));
    bench.play(address, &first);
    let id = bench.ids()[0].clone();
    let (today, total) = (
        bench.number(&id, "energy_today").unwrap(),
        bench.number(&id, "energy_total").unwrap(),
    );
    assert!(today > 0.01, "{today}");
    bench.play(address, &second);
    let added = listed_energy(&expected["energy_added_wh_per_input"]);
    near(
        bench.number(&id, "energy_today").unwrap(),
        today + added,
        2e-6,
    );
    near(
        bench.number(&id, "energy_total").unwrap(),
        total + added,
        2e-6,
    );
    let power = listed_energy(&expected["power_w_per_input"]) * 1000.0;
    near(bench.number(&id, "power_counted").unwrap(), power, 0.1);
    assert_eq!(bench.number(&id, "power"), Some(120.0));
    assert_eq!(bench.problems(), Vec::<&Health>::new());
}

/// Report 6, on a day that is longer than twelve hours.
#[test]
fn a_long_day_with_a_restart_is_one_day_of_energy() {
    let settings = settings("DS3,DS3-L", true, &[]);
    let mut bench = Bench::of(settings, &at("2026-06-21T07:00"), |_, _| {}, |_| {});
    bench.minutes(60 * 16);
    let truth = bench.stick.truth();
    let ids = bench.ids();
    for (id, really) in ids.iter().zip(&truth.inverters) {
        assert_eq!(really.starts, 2, "{id}");
        let today = bench.numbers(id, "energy_today");
        assert!(
            today.windows(2).all(|two| two[0] <= two[1]),
            "{id} {today:?}"
        );
        let really = really.produced.iter().sum::<u64>() as f64 / 1e9;
        let told = today.last().unwrap();
        assert!(
            (0.99..=1.0).contains(&(told / really)),
            "{told} of {really}"
        );
    }
    assert_eq!(bench.problems(), Vec::<&Health>::new());
}

/// Report 7.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_first_answer_of_a_day_counts_and_shows_the_power_of_now() {
    let bytes = bytes_of("r-first-poll-of-day-8244");
    let (serial, address, telemetry) = measured(&bytes);
    let expected = &capture("r-first-poll-of-day-8244")["expected"];
    let mut bench = Bench::quiet(serial, address, &at("2026-02-21T15:50"));
    let mut yesterday = telemetry.clone();
    yesterday.clock = 31_000;
    yesterday.inputs[0].counter = 90_000_000;
    yesterday.inputs[1].counter = 80_000_000;
    bench.play(address, &answered(&yesterday, address));
    let id = bench.ids()[0].clone();
    let total = bench.number(&id, "energy_total").unwrap();
    bench.minutes(60 * 18);
    bench.play(address, &bytes);
    let added = listed_energy(&expected["energy_added_wh"]);
    near(
        bench.number(&id, "energy_total").unwrap(),
        total + added,
        2e-6,
    );
    near(bench.number(&id, "energy_today").unwrap(), added, 2e-6);
    assert_eq!(bench.number(&id, "power"), Some(150.0));
    // The average of two hours is not the power of now.
    assert_eq!(bench.last(&id, "power_counted"), &Value::Unknown);
    // And the next one is not refused because of it.
    let mut next = telemetry;
    next.clock += 300;
    for input in &mut next.inputs {
        input.counter += 500_000;
    }
    bench.play(address, &answered(&next, address));
    let more = 2.0 * 500_000.0 * 1.66e-8;
    near(
        bench.number(&id, "energy_today").unwrap(),
        added + more,
        2e-6,
    );
    assert_eq!(bench.code(&id), Some(HealthCode::Online));
}

/// Report 8.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_same_clock_once_more_adds_nothing_and_keeps_the_power() {
    let bytes = bytes_of("r-ds3-same-clock-twice");
    assert_eq!(heard(&bytes).len(), 2);
    let (serial, address, telemetry) = measured(&bytes);
    let mut bench = Bench::quiet(serial, address, &at("2026-06-13T09:00"));
    let mut before = telemetry;
    before.clock -= 300;
    for input in &mut before.inputs {
        input.counter -= 400_000;
    }
    bench.play(address, &answered(&before, address));
    bench.play(address, &bytes);
    let id = bench.ids()[0].clone();
    let seen = |bench: &Bench| {
        ["energy_total", "energy_today", "power", "power_counted"]
            .map(|key| bench.number(&id, key).unwrap())
    };
    let first = seen(&bench);
    near(first[0], 2.0 * 400_000.0 * 1.66e-8, 2e-6);
    assert!(first[3] > 100.0, "{first:?}");
    // A minute later once more the same.
    bench.play(address, &bytes);
    assert_eq!(seen(&bench), first);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
}

/// Report 16.
#[test]
fn answers_within_seconds_show_the_power_that_the_inverter_tells() {
    let serial = PLAYED.parse().unwrap();
    let mut bench = Bench::quiet(serial, PLACE, &at("2026-06-21T10:00"));
    bench.play(
        PLACE,
        &answered(&ds3(9000, [10_000_000, 10_000_000], 100), PLACE),
    );
    bench.play(
        PLACE,
        &answered(&ds3(9300, [10_250_000, 10_250_000], 100), PLACE),
    );
    let id = bench.ids()[0].clone();
    let counted = bench.number(&id, "power_counted").unwrap();
    // Within four seconds: the clock has whole seconds, so counters would tell 53 W, then 130 W.
    let before = bench.numbers(&id, "power").len();
    for (after, more, power) in [(1, 900, 101), (2, 2600, 102), (4, 6200, 103)] {
        let counters = [10_250_000 + more; 2];
        let bytes = answered(&ds3(9300 + after, counters, power), PLACE);
        bench.handle(Input::Bytes(&bytes));
        bench.run(SECOND);
        assert_eq!(bench.number(&id, "power"), Some(f64::from(power)));
        near(
            bench.number(&id, "power_counted").unwrap_or(counted),
            counted,
            counted * 0.03,
        );
    }
    assert_eq!(bench.numbers(&id, "power").len(), before + 3);
    assert_eq!(bench.problems(), Vec::<&Health>::new());
}

/// Report 16, of a kind that does not tell its power: it is counted over half a minute at least.
#[test]
fn however_often_answers_come_the_power_does_not_jump() {
    let mut bench = Bench::faulty("YC600,DS3", true, &["other-gateway=2s"]);
    bench.minutes(5);
    bench.reports.retain(|it| matches!(it, Report::Device(_)));
    bench.minutes(5);
    for id in bench.ids() {
        let powers = bench.numbers(&id, "power");
        assert!(powers.len() > 60, "{id} {}", powers.len());
        let most = powers.iter().copied().fold(0.0, f64::max);
        let least = powers.iter().copied().fold(f64::MAX, f64::min);
        assert!(least > 0.9 * most, "{id} {least} {most}");
    }
}

/// Report 17.
#[test]
fn at_midnight_no_energy_is_negative_and_the_lifetime_does_not_fall() {
    let serial = PLAYED.parse().unwrap();
    let nowhere = |config: &mut ZigbeeConfig| (config.latitude, config.longitude) = (None, None);
    let mut bench = Bench::playing(serial, PLACE, &at("2026-06-21T23:40"), nowhere);
    let id = bench.ids()[0].clone();
    let mut clock = 40_000;
    let mut counter = 90_000_000;
    for _ in 0..3 {
        bench.play(PLACE, &answered(&ds3(clock, [counter; 2], 30), PLACE));
        clock += 300;
        counter += 75_000;
    }
    // Past midnight it has begun anew.
    for round in 0..6 {
        let clock = 100 + round * 300;
        let counter = 20_000 + 75_000 * u64::from(round);
        bench.play(PLACE, &answered(&ds3(clock, [counter; 2], 30), PLACE));
    }
    let total = bench.numbers(&id, "energy_total");
    assert!(total.windows(2).all(|two| two[0] <= two[1]), "{total:?}");
    let today = bench.numbers(&id, "energy_today");
    assert!(today.iter().all(|it| (0.0..0.1).contains(it)), "{today:?}");
    let falls = today.windows(2).filter(|two| two[0] > two[1]).count();
    assert_eq!(falls, 1, "{today:?}");
    let stick = bench.stick_id();
    let sums = bench.numbers(&stick, "energy_total");
    assert!(sums.windows(2).all(|two| two[0] <= two[1]), "{sums:?}");
    let sums = bench.numbers(&stick, "energy_today");
    assert!(sums.iter().all(|it| *it >= 0.0), "{sums:?}");
    // All of it was counted: two steps before midnight, the start and five after it.
    let steps = 2.0 * (7.0 * 75_000.0 + 20_000.0) * 1.66e-8;
    near(*total.last().unwrap(), steps, 1e-5);
}

/// Another day that looks like the same run.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_day_that_looks_like_the_last_one_going_on_is_counted_as_a_new_run() {
    let bytes = bytes_of("r-next-day-looks-normal");
    let (serial, address, telemetry) = measured(&bytes);
    let expected = &capture("r-next-day-looks-normal")["expected"];
    let mut bench = Bench::quiet(serial, address, &at("2026-06-01T13:58"));
    let mut yesterday = telemetry;
    yesterday.clock = 20_000;
    yesterday.inputs[0].counter = 40_000_000;
    yesterday.inputs[1].counter = 39_000_000;
    bench.play(address, &answered(&yesterday, address));
    let id = bench.ids()[0].clone();
    let total = bench.number(&id, "energy_total").unwrap();
    bench.minutes(24 * 60 + 26);
    bench.restart();
    bench.play(address, &bytes);
    let added = listed_energy(&expected["energy_added_wh"]);
    near(
        bench.number(&id, "energy_total").unwrap(),
        total + added,
        2e-6,
    );
}
