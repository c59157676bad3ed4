use super::*;
use proptest::prelude::*;

const POWER: u32 = 5000;

fn sample(minute: i64, watt_hours: i64) -> Sample {
    let at = Timestamp::from_second(1_780_000_000 + minute * 60).unwrap();
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    Sample {
        value: Decimal::from_watt_hours(watt_hours),
        heard: at,
        measured: at,
        day,
    }
}

fn lifetime(guard: &mut Guard, minute: i64, watt_hours: i64) -> Verdict {
    guard.judge_lifetime(&sample(minute, watt_hours), POWER)
}

fn held(watt_hours: i64, reason: Reason) -> Verdict {
    Verdict::Held {
        show: Some(Decimal::from_watt_hours(watt_hours)),
        reason,
    }
}

#[test]
fn a_zero_is_never_believed_however_often_it_comes() {
    let mut guard = Guard::default();
    assert_eq!(lifetime(&mut guard, 0, 4_358_100), Verdict::Accepted);
    for minute in 1..500 {
        assert_eq!(
            lifetime(&mut guard, minute, 0),
            held(4_358_100, Reason::Zero)
        );
    }
    assert_eq!(lifetime(&mut guard, 500, 4_358_200), Verdict::Accepted);
}

#[test]
fn a_new_installation_may_really_be_at_zero() {
    let mut guard = Guard::default();
    let unknown = Verdict::Held {
        show: None,
        reason: Reason::FirstZero,
    };
    assert_eq!(lifetime(&mut guard, 0, 0), unknown);
    assert_eq!(lifetime(&mut guard, 5, 0), unknown);
    assert_eq!(lifetime(&mut guard, 10, 0), Verdict::Accepted);
    assert_eq!(lifetime(&mut guard, 15, 100), Verdict::Accepted);
}

#[test]
fn a_zero_at_the_start_does_not_count_the_whole_lifetime_later() {
    let mut guard = Guard::default();
    assert!(matches!(
        lifetime(&mut guard, 0, 0),
        Verdict::Held { show: None, .. }
    ));
    assert_eq!(lifetime(&mut guard, 5, 12_345_000), Verdict::Accepted);
}

#[test]
fn an_exchanged_device_is_believed_after_three_agreeing_samples() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    assert_eq!(lifetime(&mut guard, 5, 300), held(4_358_100, Reason::Fall));
    assert_eq!(lifetime(&mut guard, 10, 400), held(4_358_100, Reason::Fall));
    assert_eq!(lifetime(&mut guard, 10, 400), held(4_358_100, Reason::Fall));
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
        let verdict = guard.judge_lifetime(&frozen, POWER);
        assert_eq!(verdict, held(4_358_100, Reason::Jump));
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
    assert_eq!(
        guard.judge_lifetime(&later, POWER),
        held(4_358_100, Reason::Jump)
    );
}

#[test]
fn wild_values_confirm_nothing() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 4_358_100);
    for (minute, value) in [(5, 9_000_000), (10, 300), (15, 7_000_000), (20, 200)] {
        assert!(matches!(
            lifetime(&mut guard, minute, value),
            Verdict::Held { .. }
        ));
    }
    assert_eq!(lifetime(&mut guard, 25, 4_358_300), Verdict::Accepted);
}

#[test]
fn the_limit_grows_with_the_time_that_passed() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 0, 1_000_000);
    assert_eq!(
        lifetime(&mut guard, 60, 1_006_001),
        held(1_000_000, Reason::Jump)
    );
    assert_eq!(lifetime(&mut guard, 60, 1_006_000), Verdict::Accepted);
    // Three weeks without us.
    assert_eq!(
        lifetime(&mut guard, 60 + 21 * 1440, 2_000_000),
        Verdict::Accepted
    );
}

#[test]
fn a_clock_that_steps_back_costs_three_samples_at_most() {
    let mut guard = Guard::default();
    lifetime(&mut guard, 1000, 1_000_000);
    let mut verdicts = (0..4).map(|n| lifetime(&mut guard, n * 5, 1_002_000 + n * 100));
    assert!(verdicts.any(|verdict| matches!(verdict, Verdict::NewBaseline { .. })));
}

#[test]
fn a_daily_counter_starts_again_with_the_day_only() {
    let mut guard = Guard::default();
    let mut daily = |minute, value| guard.judge_daily(&sample(minute, value), POWER);
    let midnight = 1440 - 1_780_000_000 / 60 % 1440;
    assert_eq!(daily(midnight + 600, 5000), Verdict::Accepted);
    assert_eq!(daily(midnight + 605, 0), held(5000, Reason::Zero));
    assert_eq!(daily(midnight + 1200, 9000), Verdict::Accepted);
    // Yesterday's value leaks over midnight, then the counter restarts.
    assert_eq!(daily(midnight + 1445, 9000), Verdict::Accepted);
    assert_eq!(daily(midnight + 1560, 0), Verdict::Accepted);
    assert_eq!(daily(midnight + 2000, 700), Verdict::Accepted);
    assert_eq!(daily(midnight + 2005, 0), held(700, Reason::Zero));
    // On the third day it starts with more than nothing.
    assert_eq!(daily(midnight + 3300, 10), Verdict::Accepted);
    // On the fourth it is first heard of when it is past the value of the third.
    assert_eq!(daily(midnight + 5000, 2000), Verdict::Accepted);
    assert_eq!(daily(midnight + 5005, 0), held(2000, Reason::Zero));
}

#[test]
fn a_day_in_the_future_does_not_stay() {
    let mut guard = Guard::default();
    let midnight = 1440 - 1_780_000_000 / 60 % 1440;
    let years = 4 * 365 * 1440;
    guard.judge_daily(&sample(midnight + 600, 5000), POWER);
    // The clock stood wrong for one poll.
    guard.judge_daily(&sample(midnight + 605 + years, 5100), POWER);
    for minutes in [610, 615] {
        let verdict = guard.judge_daily(&sample(midnight + minutes, 5100), POWER);
        assert_eq!(verdict, Verdict::Accepted);
    }
    let verdict = guard.judge_daily(&sample(midnight + 620, 0), POWER);
    assert_eq!(verdict, held(5100, Reason::Zero));
    let verdict = guard.judge_daily(&sample(midnight + 1445, 0), POWER);
    assert_eq!(verdict, Verdict::Accepted);
}

proptest! {
    #[test]
    fn shown_values_never_fall_without_a_new_baseline(
        values in prop::collection::vec((0_i64..30, -100_i64..10_000_000), 1..200)
    ) {
        let mut guard = Guard::default();
        let (mut minute, mut shown) = (0, None);
        for (step, value) in values {
            minute += step;
            let now = match lifetime(&mut guard, minute, value) {
                Verdict::Accepted => Some(Decimal::from_watt_hours(value)),
                Verdict::NewBaseline { .. } => { shown = None; Some(Decimal::from_watt_hours(value)) }
                Verdict::Held { show, .. } => show,
            };
            prop_assert!(shown.is_none() || now >= shown, "{shown:?} {now:?}");
            shown = now;
        }
    }

    #[test]
    fn a_restart_changes_nothing(
        values in prop::collection::vec(0_i64..10_000, 1..50), cut in 0_usize..50
    ) {
        let (mut one, mut two) = (Guard::default(), Guard::default());
        for (n, value) in values.iter().enumerate() {
            if n == cut {
                two = serde_json::from_str(&serde_json::to_string(&two).unwrap()).unwrap();
            }
            let minute = n as i64 * 5;
            prop_assert_eq!(lifetime(&mut one, minute, *value), lifetime(&mut two, minute, *value));
        }
    }
}
