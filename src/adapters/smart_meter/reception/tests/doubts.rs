//! Values that cannot be, and clocks and registers that count otherwise.

use super::*;

#[test]
fn impossible_values_are_left_out_and_counted() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    bench.take();
    let insane = Sample {
        power_import: 4_000_000,
        voltage: [2300, 3001, 2300],
        energy_import: 20_000_000,
        ..Sample::default()
    };
    bench.hear(&meter.0.telegram_of(insane).unwrap().frames.concat());
    let reports = bench.take();
    let last = readings(&reports).last().copied().unwrap();
    assert_eq!(
        (last.get("power_import"), last.get("voltage_l2")),
        (None, None)
    );
    assert_eq!(
        last.get("power_net"),
        None,
        "computed from what is not known"
    );
    assert!(last.get("voltage_l1").is_some() && last.get("energy_import").is_some());
    let refused = last.get("values_refused").unwrap().as_number().unwrap();
    assert_eq!(refused.mantissa(), 2);
}

#[test]
fn what_stays_impossible_becomes_unknown() {
    let mut bench = Bench::new(config(Some(KEY)));
    let mut meter = series("tinetz");
    bench.hear(&meter.next());
    bench.hear(&meter.next());
    bench.take();
    let insane = Sample {
        power_export: 200_000,
        ..Sample::default()
    };
    for _ in 0..3 {
        bench.hear(&meter.0.telegram_of(insane).unwrap().frames.concat());
    }
    let reports = bench.take();
    let values = readings(&reports);
    let of = |key| {
        values
            .iter()
            .map(|one| one.get(key).cloned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("power_export"), [None, None, Some(Value::Unknown)]);
    assert_eq!(of("power_net"), [None, None, Some(Value::Unknown)]);
    bench.hear(&meter.next());
    let reports = bench.take();
    assert!(
        readings(&reports)[0]
            .get("power_export")
            .unwrap()
            .is_known()
    );
}

/// What is said of the meter's health.
fn words(reports: &[Report]) -> Vec<String> {
    let health = |report: &Report| match report {
        Report::Health(_, health) => Some(health.sentence()),
        _ => None,
    };
    reports.iter().filter_map(health).collect()
}

#[test]
fn a_value_that_stays_left_out_is_a_reason_on_the_device() {
    let mut bench = Bench::new(config(None));
    let voltages = |one: i128, two: i128| {
        let values = [
            ("1.1.1.7.0", 0x06, 600),
            ("1.1.32.7.0", 0x12, one),
            ("1.1.52.7.0", 0x12, two),
        ];
        kamstrup(HeaderTime::Absent, &values)
    };
    // Of the first telegram it is not certain which meter it is of.
    for _ in 0..4 {
        bench.hear(&voltages(23_012, 6000));
    }
    let reports = bench.take();
    let last = readings(&reports).last().copied().unwrap();
    // Hundredths of volts are certain, 6000 is not.
    let shown = |key| last.get(key).map(|value| value.to_json().to_string());
    assert_eq!(shown("voltage_l1").as_deref(), Some("230.12"));
    assert_eq!(shown("voltage_l2"), None);
    let said = words(&reports).last().cloned().unwrap();
    assert!(
        said.starts_with("Not everything works: Voltage L2 is left out: beyond"),
        "{said}"
    );
    assert!(said.contains("profile"), "{said}");
    bench.hear(&voltages(2301, 2302));
    assert_eq!(words(&bench.take()), ["Online"]);
}

#[test]
fn currents_that_cannot_carry_the_power_are_left_out() {
    let mut bench = Bench::new(config(None));
    let telegram = |watts, current| {
        let values = [
            ("1.1.1.7.0", 0x06, watts),
            ("1.1.2.7.0", 0x06, 0),
            ("1.1.31.7.0", 0x06, current),
        ];
        kamstrup(HeaderTime::Absent, &values)
    };
    bench.hear(&telegram(2300, 1000));
    bench.hear(&telegram(2300, 1000));
    let current = |reports: &[Report]| {
        let last = readings(reports).last().copied().unwrap();
        last.get("current_l1")
            .map(|value| value.to_json().to_string())
    };
    assert_eq!(current(&bench.take()).as_deref(), Some("10"));
    // Whole amperes, taken for hundredths.
    bench.hear(&telegram(2300, 10));
    assert_eq!(current(&bench.take()), None);
}

#[test]
fn a_clock_that_keeps_standard_time_is_known_in_summer() {
    // A meter that no profile knows, so that the scale is its own.
    let telegram = |moment: Timestamp, hours: i64| {
        let shown = moment + jiff::SignedDuration::from_hours(hours);
        let local = TimeZone::UTC.to_datetime(shown);
        let time = MeterTime::new(local, None, ClockStatus(0));
        let code = Data::Octets(vec![1, 0, 1, 7, 0, 255]);
        let unit = [(0x0f, 0), (0x16, 27)].map(|(tag, value)| Data::Number { tag, value });
        let pair = vec![code, Data::u32(500), Data::Structure(unit.to_vec())];
        let bytes = notification(1, HeaderTime::Bare(time), &Data::Structure(pair));
        mbus::frames(&bytes, 245).concat()
    };
    let drift = |bench: &mut Bench| {
        let reports = bench.take();
        let last = readings(&reports).last().copied().cloned().unwrap();
        last.get("clock_drift").unwrap().to_json().to_string()
    };
    let port = MeterConfig {
        port: Some("/dev/ttyUSB0".parse().unwrap()),
        ..config(None)
    };
    for (hours, start) in [
        (1, "2026-07-01T10:00:00Z"),
        (2, "2026-07-01T10:00:00Z"),
        (1, "2026-01-01T10:00:00Z"),
    ] {
        let mut bench = Bench::new(port.clone()).from(start);
        let hear = |bench: &mut Bench| {
            let next = at(bench.second + 5);
            bench.hear(&telegram(next, hours));
        };
        // So long that a meter without a number has a name.
        for _ in 0..30 {
            hear(&mut bench);
        }
        assert_eq!(drift(&mut bench), "0", "{hours} {start}");
        // It is remembered.
        let known = bench.remembered();
        let mut again = Bench::remembering(port.clone(), known).from(start);
        hear(&mut again);
        assert_eq!(drift(&mut again), "0", "{hours} {start}");
    }
}

#[test]
fn energies_that_grow_ten_times_too_fast_name_the_other_layout() {
    let mut bench = Bench::new(config(None));
    let mut register = 5_000_000.0;
    for _ in 0..3 * 720 {
        // 3 kW in steps of 1 Wh, taken for steps of 10 Wh.
        register += 3000.0 * 5.0 / 3600.0;
        let values = [
            ("1.1.1.7.0", 0x06, 3000),
            ("1.1.1.8.0", 0x06, register as i128),
        ];
        bench.hear(&kamstrup(HeaderTime::Absent, &values));
    }
    let said = words(&bench.take());
    let last = said.last().unwrap();
    assert!(
        last.contains("ten times") && last.contains("kamstrup-wh"),
        "{said:?}"
    );
}
