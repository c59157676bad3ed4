//! The days that a device remembers.

use super::*;

#[test]
fn the_history_is_asked_for_gently_and_once_a_day() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(3000);
    let asked = bench.history();
    let registers: Vec<u16> = asked.iter().map(|(_, register)| *register).collect();
    // Behind the first empty place there is nothing.
    let expected: Vec<u16> = (TOTALS..=TODAY + 6).collect();
    assert_eq!(registers, expected);
    let rhythm = asked.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(rhythm.min().unwrap() >= seconds(20));
    // Everything else was asked for before.
    assert!(asked[0].0 > bench.times(YIELD)[0]);
    bench
        .poller
        .begin_day(BTreeSet::from([TODAY + 2, TODAY + 3]));
    bench.days = 6;
    bench.sent.clear();
    bench.run(600);
    let again: Vec<u16> = bench
        .history()
        .iter()
        .map(|(_, register)| *register)
        .collect();
    let expected = [
        TOTALS,
        TODAY,
        TODAY + 1,
        TODAY + 4,
        TODAY + 5,
        TODAY + 6,
        TODAY + 7,
    ];
    assert_eq!(again, expected);
}

#[test]
fn today_is_asked_for_every_hour_for_it_tells_when_the_day_ends() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(4 * 3600);
    assert_eq!(bench.times(TODAY).len(), 4);
    assert_eq!(bench.times(TODAY + 1).len(), 1);
}

#[test]
fn devices_without_a_history_are_not_asked_for_it() {
    for family in [Family::Shunt, Family::Inverter, Family::Charger] {
        let mut bench = Bench::new(family);
        bench.run(600);
        assert_eq!(bench.history(), [], "{family:?}");
    }
    let mut bench = Bench::new(Family::Mppt);
    bench.lacks = vec![TOTALS, TODAY];
    bench.run(600);
    assert_eq!(bench.history().len(), 2);
}
