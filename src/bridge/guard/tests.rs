use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    power: 5000,
    ceiling: 1_000_000_000,
    floor: 0,
    begins_at_zero: false,
};

/// Heard at a second of a run in which no clock is set.
fn sample_at(second: i64, watt_hours: i64) -> Sample {
    let at = Timestamp::from_second(1_780_000_000 + second).unwrap();
    Sample {
        value: Decimal::from_watt_hours(watt_hours),
        heard: moment(second),
        measured: at,
        day: at.to_zoned(jiff::tz::TimeZone::UTC).date(),
    }
}

fn moment(second: i64) -> HeardAt {
    let clock = crate::clock::Clock::manual(
        Timestamp::from_second(1_780_000_000).unwrap(),
        jiff::tz::TimeZone::UTC,
    );
    clock.move_to(Timestamp::from_second(1_780_000_000 + second).unwrap());
    HeardAt::now(&clock)
}

fn sample(minute: i64, watt_hours: i64) -> Sample {
    sample_at(minute * 60, watt_hours)
}

fn lifetime(guard: &mut Guard, minute: i64, watt_hours: i64) -> Verdict {
    guard.judge_lifetime(&sample(minute, watt_hours), &LIMITS)
}

const fn held(reason: Reason) -> Verdict {
    Verdict::Held(reason)
}

/// The last good value in watt-hours.
fn shown(guard: &Guard) -> i64 {
    guard.last().map_or(-1, Decimal::to_watt_hours)
}

#[test]
fn a_zero_is_never_believed_however_often_it_comes() {
    let mut guard = Guard::default();
    assert_eq!(lifetime(&mut guard, 0, 4_358_100), Verdict::Accepted);
    for minute in 1..500 {
        assert_eq!(lifetime(&mut guard, minute, 0), held(Reason::Zero));
    }
    assert_eq!(lifetime(&mut guard, 500, 4_358_200), Verdict::Accepted);
}

#[test]
fn a_new_installation_may_really_be_at_zero() {
    let mut guard = Guard::default();
    let unknown = held(Reason::FirstZero);
    assert_eq!(lifetime(&mut guard, 0, 0), unknown);
    assert_eq!(lifetime(&mut guard, 5, 0), unknown);
    assert_eq!(lifetime(&mut guard, 10, 0), Verdict::Accepted);
    assert_eq!(lifetime(&mut guard, 15, 100), Verdict::Accepted);
}

#[test]
fn a_zero_at_the_start_does_not_count_the_whole_lifetime_later() {
    let mut guard = Guard::default();
    assert_eq!(lifetime(&mut guard, 0, 0), held(Reason::FirstZero));
    assert_eq!(guard.last(), None);
    assert_eq!(lifetime(&mut guard, 5, 12_345_000), Verdict::Accepted);
}

#[test]
fn an_exchanged_device_is_believed_after_three_agreeing_samples() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    assert_eq!(lifetime(&mut guard, 5, 300), held(Reason::Fall));
    assert_eq!(lifetime(&mut guard, 10, 400), held(Reason::Fall));
    assert_eq!(lifetime(&mut guard, 10, 400), held(Reason::Fall));
    let from = Decimal::from_watt_hours(4_358_100);
    assert_eq!(lifetime(&mut guard, 15, 400), Verdict::NewBaseline { from });
    assert_eq!(lifetime(&mut guard, 20, 500), Verdict::Accepted);
}

#[test]
fn one_frozen_value_does_not_confirm_itself() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    for minute in 5..30 {
        let frozen = Sample {
            measured: sample(5, 0).measured,
            ..sample(minute, 9_000_000)
        };
        let verdict = guard.judge_lifetime(&frozen, &LIMITS);
        assert_eq!(verdict, held(Reason::Jump));
    }
}

#[test]
fn a_wrong_clock_of_the_device_allows_no_jump() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    let later = Sample {
        measured: sample(500_000, 0).measured,
        ..sample(5, 5_358_100)
    };
    assert_eq!(guard.judge_lifetime(&later, &LIMITS), held(Reason::Jump));
}

#[test]
fn wild_values_confirm_nothing() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    for (minute, value) in [(5, 9_000_000), (10, 300), (15, 7_000_000), (20, 200)] {
        assert!(matches!(
            lifetime(&mut guard, minute, value),
            Verdict::Held(_)
        ));
    }
    assert_eq!(lifetime(&mut guard, 25, 4_358_300), Verdict::Accepted);
}

#[test]
fn the_limit_grows_with_the_time_that_passed() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 1_000_000);
    assert_eq!(lifetime(&mut guard, 60, 1_006_001), held(Reason::Jump));
    assert_eq!(lifetime(&mut guard, 60, 1_006_000), Verdict::Accepted);
    // Three weeks without a word.
    assert_eq!(
        lifetime(&mut guard, 60 + 21 * 1440, 2_000_000),
        Verdict::Accepted
    );
}

/// A burst of false values, five in a second, and the way back from it.
#[test]
fn a_burst_is_no_new_meter_however_many_values_it_has() {
    for false_value in [9_358_100, 4_058_100, 500] {
        let mut guard = Guard::default();
        let mut judge = |tenth: i64, value| {
            let mut sample = sample_at(tenth / 10, value);
            sample.measured += Duration::from_millis(tenth as u64 % 10 * 100);
            guard.judge_lifetime(&sample, &LIMITS)
        };
        assert_eq!(judge(0, 4_358_100), Verdict::Accepted);
        for tenth in 1..599 {
            let verdict = judge(tenth, false_value);
            assert!(
                matches!(verdict, Verdict::Held(_)),
                "{false_value} at {tenth}"
            );
        }
        for tenth in 599..1300 {
            assert_eq!(judge(tenth, 4_358_101), Verdict::Accepted, "{false_value}");
        }
        // What has lasted for a minute is believed, and so is the way back, a minute later.
        let second = |verdict| matches!(verdict, Verdict::NewBaseline { .. });
        let believed: Vec<i64> = (1300..3000)
            .filter(|tenth| {
                let value = if *tenth < 2000 {
                    false_value
                } else {
                    4_358_102
                };
                second(judge(*tenth, value))
            })
            .collect();
        assert_eq!(believed.len(), 2, "{false_value}: {believed:?}");
        assert!((1900..=1910).contains(&believed[0]), "{believed:?}");
        assert!((2600..=2610).contains(&believed[1]), "{believed:?}");
    }
}

#[test]
fn a_minute_of_two_values_confirms_nothing() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    assert_eq!(lifetime(&mut guard, 5, 300), held(Reason::Fall));
    assert_eq!(lifetime(&mut guard, 50, 300), held(Reason::Fall));
    assert!(matches!(
        lifetime(&mut guard, 55, 300),
        Verdict::NewBaseline { .. }
    ));
}

#[test]
fn more_than_any_home_ever_counts_is_never_believed() {
    let mut guard = Guard::default();
    for minute in 0..100 {
        let verdict = lifetime(&mut guard, minute, 999_999_999_999);
        assert_eq!(verdict, held(Reason::Absurd));
    }
    assert_eq!(lifetime(&mut guard, 100, 4_358_100), Verdict::Accepted);
    for minute in 101..200 {
        let verdict = lifetime(&mut guard, minute, i64::MAX);
        assert_eq!(verdict, held(Reason::Absurd));
    }
}

#[test]
fn a_clock_of_1970_at_the_start_makes_no_gain_plausible() {
    let mut guard = Guard::default();
    let early = Sample {
        heard: HeardAt::from(Timestamp::UNIX_EPOCH),
        ..sample(0, 4_358_100)
    };
    guard.judge_lifetime(&early, &LIMITS);
    assert_eq!(lifetime(&mut guard, 1, 9_358_100), held(Reason::Jump));
    // A day of its full power, no more.
    assert_eq!(
        lifetime(&mut guard, 2, 4_358_100 + 121_001),
        held(Reason::Jump)
    );
    assert_eq!(
        lifetime(&mut guard, 3, 4_358_100 + 121_000),
        Verdict::Accepted
    );
}

#[test]
fn a_daily_counter_starts_again_with_the_day_only() {
    let mut guard = Guard::default();
    let mut daily = |minute, value| guard.judge_daily(&sample(minute, value), &LIMITS);
    let midnight = 1440 - 1_780_000_000 / 60 % 1440;
    assert_eq!(daily(midnight + 600, 5000), Verdict::Accepted);
    assert_eq!(daily(midnight + 605, 0), held(Reason::Zero));
    assert_eq!(daily(midnight + 1200, 9000), Verdict::Accepted);
    // Yesterday's value leaks over midnight, then the counter restarts.
    assert_eq!(daily(midnight + 1445, 9000), Verdict::Accepted);
    assert_eq!(daily(midnight + 1560, 0), Verdict::Accepted);
    assert_eq!(daily(midnight + 2000, 700), Verdict::Accepted);
    assert_eq!(daily(midnight + 2005, 0), held(Reason::Zero));
    // On the third day it starts with more than nothing.
    assert_eq!(daily(midnight + 3300, 10), Verdict::Accepted);
    // On the fourth it is first heard of when it is past the value of the third: as it goes on
    // growing, it is of that day.
    for step in 0..5 {
        let verdict = daily(midnight + 5000 + step * 5, 2000 + step * 10);
        assert_eq!(verdict, Verdict::Accepted);
    }
    assert_eq!(daily(midnight + 5025, 0), held(Reason::Zero));
}

/// The last of yesterday's data comes after midnight, so that the value grows once more.
#[test]
fn late_data_after_midnight_does_not_begin_the_day() {
    for late in [0, 1, 2] {
        let mut guard = Guard::default();
        let midnight = 1440 - 1_780_000_000 / 60 % 1440;
        let mut daily = |minute, value| guard.judge_daily(&sample(minute, value), &LIMITS);
        daily(midnight + 600, 5000);
        for minute in [1435, 1441] {
            let value = if minute > 1440 { 23_390 } else { 23_380 };
            assert_eq!(daily(midnight + minute, value), Verdict::Accepted);
        }
        for n in 0..late {
            let verdict = daily(midnight + 1446 + n * 5, 23_400 + n * 10);
            assert_eq!(verdict, Verdict::Accepted);
        }
        // Nothing new all night, and the first light.
        for minute in [1500, 1600, 1700] {
            daily(midnight + minute, 23_400 + late * 10);
        }
        assert_eq!(daily(midnight + 1705, 0), Verdict::Accepted, "{late}");
        assert_eq!(daily(midnight + 1710, 0), Verdict::Accepted);
        assert_eq!(daily(midnight + 1800, 10), Verdict::Accepted);
        assert_eq!(daily(midnight + 1805, 0), held(Reason::Zero));
        assert_eq!(shown(&guard), 10);
    }
}

#[test]
fn a_clock_that_stood_a_day_ahead_for_a_while_costs_no_midnight() {
    let mut guard = Guard::default();
    let midnight = 1440 - 1_780_000_000 / 60 % 1440;
    let mut daily = |minute, value, ahead: bool| {
        let mut sample = sample(midnight + minute, value);
        if ahead {
            sample.day = sample.day.tomorrow().unwrap();
        }
        guard.judge_daily(&sample, &LIMITS)
    };
    for step in 0..100 {
        // For two hours the clock is a day ahead.
        let ahead = (20..44).contains(&step);
        let verdict = daily(600 + step * 5, 5000 + step * 10, ahead);
        assert_eq!(verdict, Verdict::Accepted, "{step}");
    }
    assert_eq!(daily(1430, 0, false), held(Reason::Zero));
    assert_eq!(daily(1450, 0, false), Verdict::Accepted);
}

#[test]
fn yesterdays_value_does_not_come_back_once_the_day_has_begun() {
    let mut guard = Guard::default();
    let midnight = 1440 - 1_780_000_000 / 60 % 1440;
    let mut daily = |minute, value| guard.judge_daily(&sample(minute, value), &LIMITS);
    daily(midnight + 600, 5000);
    daily(midnight + 1200, 23_400);
    // A false zero at night, then what was true.
    assert_eq!(daily(midnight + 1445, 0), Verdict::Accepted);
    for minute in 1446..1700 {
        if minute < 1600 {
            assert_eq!(daily(midnight + minute, 23_400), held(Reason::Jump));
        }
    }
    assert_eq!(daily(midnight + 1700, 10), Verdict::Accepted);
    // Nobody is surprised when today reaches it honestly.
    assert_eq!(daily(midnight + 2000, 23_400), Verdict::Accepted);
}

#[test]
fn a_day_in_the_future_does_not_stay() {
    let mut guard = Guard::default();
    let midnight = 1440 - 1_780_000_000 / 60 % 1440;
    let years = 4 * 365 * 1440;
    guard.judge_daily(&sample(midnight + 600, 5000), &LIMITS);
    // The clock stood wrong for one poll.
    guard.judge_daily(&sample(midnight + 605 + years, 5100), &LIMITS);
    for minutes in [610, 615] {
        let verdict = guard.judge_daily(&sample(midnight + minutes, 5100), &LIMITS);
        assert_eq!(verdict, Verdict::Accepted);
    }
    let verdict = guard.judge_daily(&sample(midnight + 620, 0), &LIMITS);
    assert_eq!(verdict, held(Reason::Zero));
    let verdict = guard.judge_daily(&sample(midnight + 1445, 0), &LIMITS);
    assert_eq!(verdict, Verdict::Accepted);
}

proptest! {
    #[test]
    fn shown_values_never_fall_without_a_new_baseline(
        values in prop::collection::vec((0_i64..30, -100_i64..10_000_000), 1..200)
    ) {
        let mut guard = Guard::default();
        let (mut minute, mut before) = (0, None);
        for (step, value) in values {
            minute += step;
            match lifetime(&mut guard, minute, value) {
                Verdict::Accepted => prop_assert_eq!(shown(&guard), value),
                Verdict::NewBaseline { .. } => before = None,
                Verdict::Held(_) => {}
            }
            prop_assert!(before.is_none() || guard.last() >= before, "{before:?}");
            before = guard.last();
        }
    }

    /// Whatever is waiting for confirmation has to come again.
    #[test]
    fn a_restart_makes_nothing_believed_that_would_not_be(
        values in prop::collection::vec(0_i64..10_000, 1..50), cut in 0_usize..50
    ) {
        let (mut one, mut two) = (Guard::default(), Guard::default());
        for (n, value) in values.iter().enumerate() {
            if n == cut {
                two = serde_json::from_str(&serde_json::to_string(&two).unwrap()).unwrap();
            }
            let minute = n as i64 * 5;
            let (first, second) = (lifetime(&mut one, minute, *value), lifetime(&mut two, minute, *value));
            if one.last() != two.last() {
                prop_assert!(matches!(second, Verdict::Held(_)) && !matches!(first, Verdict::Held(_)));
                break;
            }
        }
    }

    /// Steps of the wall clock, of any size and at any moment, change no verdict.
    #[test]
    fn the_wall_clock_does_not_matter(
        values in prop::collection::vec((0_u64..4000, 0_i64..100_000, prop::option::of(-40_000_000_i64..40_000_000)), 1..60)
    ) {
        let start = Timestamp::from_second(1_780_000_000).unwrap();
        let clocks = [0, 1].map(|_| crate::clock::Clock::manual(start, jiff::tz::TimeZone::UTC));
        let (mut steady, mut stepped) = (Guard::default(), Guard::default());
        for (n, (pause, value, step)) in values.into_iter().enumerate() {
            for clock in &clocks {
                clock.move_to(clock.now() + Duration::from_secs(pause));
            }
            if let Some(minutes) = step {
                clocks[1].step(jiff::SignedDuration::from_mins(minutes));
            }
            let judge = |guard: &mut Guard, clock| {
                let sample = Sample {
                    heard: HeardAt::now(clock),
                    ..sample(n as i64, value)
                };
                guard.judge_lifetime(&sample, &LIMITS)
            };
            let verdicts = (judge(&mut steady, &clocks[0]), judge(&mut stepped, &clocks[1]));
            prop_assert_eq!(verdicts.0, verdicts.1);
        }
    }
}
