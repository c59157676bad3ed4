use proptest::prelude::*;

use super::*;

fn so_far(kind: CounterKind, before: Option<Before>, values: &[(i64, i64)]) -> Vec<Option<i64>> {
    let mut day = DayEnergy::new(kind, 3, before);
    let next = |(at, value): &(i64, i64)| {
        day.push(*at, *value);
        day.energy()
    };
    values.iter().map(next).collect()
}

/// A value every five minutes.
fn each_slot(values: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
    (1..).map(|slot| slot * 300).zip(values).collect()
}

fn before(value: i64, at: i64) -> Option<Before> {
    Some(Before {
        value,
        at: Some(at),
    })
}

#[test]
fn a_daily_counter_that_is_late_or_early_at_midnight_loses_nothing() {
    // The clock of the device is 10 minutes behind: it counts on, then begins again.
    let values = each_slot([5010, 5020, 0, 15]);
    let energy = so_far(CounterKind::Daily, before(5000, 0), &values);
    assert_eq!(energy, [10, 20, 20, 35].map(Some));
    // It is ahead.
    let values = each_slot([5, 15]);
    let energy = so_far(CounterKind::Daily, before(2, 0), &values);
    assert_eq!(energy, [3, 13].map(Some));
}

#[test]
fn a_daily_counter_that_was_not_heard_has_fallen_if_it_says_less() {
    let values = [(40_000, 9000), (40_300, 9010)];
    let energy = so_far(CounterKind::Daily, before(16_400, -30_000), &values);
    assert_eq!(energy, [9000, 9010].map(Some));
}

#[test]
fn a_small_fall_is_held() {
    let values = each_slot([0, 800, 790, 795, 810]);
    let energy = so_far(CounterKind::Daily, None, &values);
    assert_eq!(energy, [0, 800, 800, 800, 810].map(Some));
}

#[test]
fn a_lifetime_counter_falls_by_mistake_or_begins_anew() {
    let values = each_slot([1000, 1010, 500, 1020]);
    let energy = so_far(CounterKind::Lifetime, before(990, 0), &values);
    assert_eq!(energy, [10, 20, 20, 30].map(Some));
    let values = each_slot([1000, 1010, 0, 5, 9]);
    let energy = so_far(CounterKind::Lifetime, before(990, 0), &values);
    assert_eq!(energy, [10, 20, 20, 25, 29].map(Some));
}

#[test]
fn nothing_is_known_before_the_first_value() {
    for kind in [CounterKind::Lifetime, CounterKind::Daily] {
        assert_eq!(energy_of_day(kind, 3, before(5, 0), []), None);
    }
}

#[test]
fn the_finest_counter_counts() {
    let ranks = [
        rank(CounterKind::Lifetime, 3),
        rank(CounterKind::Daily, 3),
        rank(CounterKind::Lifetime, 1),
    ];
    assert!(ranks.is_sorted());
}

fn kinds() -> impl Strategy<Value = CounterKind> {
    prop_oneof![Just(CounterKind::Lifetime), Just(CounterKind::Daily)]
}

fn befores() -> impl Strategy<Value = Option<Before>> {
    let at = proptest::option::of(-200_000_i64..0);
    proptest::option::of((0_i64..20_000, at).prop_map(|(value, at)| Before { value, at }))
}

proptest! {
    /// Whatever the counter says.
    #[test]
    fn never_falls_within_a_day(
        kind in kinds(), before in befores(),
        values in proptest::collection::vec(prop_oneof![0_i64..20_000, Just(0), any::<i64>()], 1..50),
    ) {
        let energy = so_far(kind, before, &each_slot(values));
        prop_assert!(energy.iter().all(|it| it.is_some_and(|it| it >= 0)));
        prop_assert!(energy.is_sorted());
    }

    #[test]
    fn is_the_gain_of_a_counter_that_only_grows(
        start in 0_i64..1_000_000, last in proptest::option::of(0_i64..300),
        gains in proptest::collection::vec(0_i64..500, 1..50),
    ) {
        let grow = |from: i64| gains.iter().scan(from, |sum, gain| {
            *sum += gain;
            Some(*sum)
        });
        let all: i64 = gains.iter().sum();
        let first = gains[0];
        // A lifetime counter gains from yesterday's last value on, however old, else from the first of today.
        let values = each_slot(grow(start));
        let gained = energy_of_day(CounterKind::Lifetime, 3, before(start, -500_000), values.clone());
        prop_assert_eq!(gained, Some(all));
        let gained = energy_of_day(CounterKind::Lifetime, 3, None, values);
        prop_assert_eq!(gained, Some(all - first));
        // A daily counter that is set to 0 at midnight, heard all the time or for the first time.
        let values = each_slot([0].into_iter().chain(grow(0)));
        let seen = last.map(|at| Before { value: 16_400, at: Some(-at) });
        prop_assert_eq!(energy_of_day(CounterKind::Daily, 3, seen, values), Some(all));
    }

    /// Restarts of a daily counter lose only what was gained unseen.
    #[test]
    fn restarts_lose_nothing_that_was_seen(
        runs in proptest::collection::vec(proptest::collection::vec(20_i64..500, 1..10), 1..6),
    ) {
        let mut values = Vec::new();
        for run in &runs {
            values.push(0);
            values.extend(run.iter().scan(0, |sum, gain| {
                *sum += gain;
                Some(*sum)
            }));
        }
        let all: i64 = runs.iter().flatten().sum();
        prop_assert_eq!(energy_of_day(CounterKind::Daily, 3, None, each_slot(values)), Some(all));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(
        kind in kinds(), before in befores(),
        values in proptest::collection::vec(0_i64..20_000, 1..30), turn in 0_usize..30,
    ) {
        let values = each_slot(values);
        let mut turned = values.clone();
        turned.rotate_left(turn % values.len());
        turned.reverse();
        prop_assert_eq!(
            energy_of_day(kind, 3, before, values),
            energy_of_day(kind, 3, before, turned)
        );
    }
}
