//! Why nothing comes.

use super::*;

#[test]
fn silence_is_told_and_so_is_its_end() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    bench.block(CHARGER);
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Online, HealthCode::Silent]);
    bench.block(CHARGER);
    bench.wait(2000);
    assert_eq!(bench.health().last(), Some(&HealthCode::Online));
}

#[test]
fn a_charger_that_lives_on_its_panels_sleeps_at_night() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    bench.block(&[
        ("PID", "0xA044"),
        ("SER#", "HQ0000000AD"),
        ("V", "25600"),
        ("PPV", "3"),
        ("H19", "100"),
    ]);
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Online, HealthCode::Asleep]);
    assert_eq!(bench.number("panel_power").as_deref(), Some("0"));
    assert_eq!(bench.number("energy_resettable").as_deref(), Some("1.00"));
    // Nobody sleeps through the next day. The port is opened anew now and then.
    for round in 0..24 * 400 {
        bench.milliseconds += 9_000;
        bench.wait(0);
        if round % 70 == 0 {
            bench.handle(Input::Opened);
        }
    }
    assert_eq!(bench.health().last(), Some(&HealthCode::Silent));
}

#[test]
fn a_cable_that_is_pulled_in_full_sun_is_no_night() {
    let block = |power| {
        [
            ("PID", "0xA044"),
            ("SER#", "HQ0000000AD"),
            ("V", "25600"),
            ("PPV", power),
        ]
    };
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    // In the morning there was as little as at dusk.
    bench.block(&block("3"));
    bench.wait(2000);
    bench.block(&block("500"));
    bench.wait(200_000);
    assert_eq!(bench.health(), [HealthCode::Online, HealthCode::Silent]);
    assert_eq!(bench.number("panel_power"), None, "nobody knows it");
    // Neither is it one after a restart.
    let known = bench.remembered();
    let mut again = Bench::knowing(VictronConfig::default(), &known);
    again.wait(60_000);
    assert_eq!(again.health(), [HealthCode::Silent]);
    assert!(again.readings().is_empty());
}

#[test]
fn a_night_in_which_the_program_starts_is_a_night_too() {
    let mut evening = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    for _ in 0..3 {
        evening.block(&[
            ("PID", "0xA044"),
            ("SER#", "HQ0000000AD"),
            ("V", "25600"),
            ("PPV", "3"),
        ]);
        evening.wait(1000);
    }
    let known = evening.remembered();
    let mut night = Bench::knowing(VictronConfig::default(), &known);
    night.wait(60_000);
    assert_eq!(night.health(), [HealthCode::Asleep]);
    assert_eq!(night.number("panel_power").as_deref(), Some("0"));
    assert_eq!(night.number("battery_voltage"), None);
}

#[test]
fn noise_is_told_from_silence() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    for _ in 0..100 {
        bench.push(&[0x80, 0xf8, 0x00, 0x78]);
        bench.wait(500);
    }
    assert_eq!(bench.health(), [HealthCode::Garbled]);
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Silent]);
}

/// A charger at the mains that says something for a few seconds of each minute.
fn bursts(bench: &mut Bench, minutes: u32) {
    for _ in 0..minutes {
        for _ in 0..6 {
            bench.block(&[
                ("PID", "0xA340"),
                ("SER#", "HQ0000000AE"),
                ("V", "13800"),
                ("I", "5000"),
            ]);
            bench.wait(1000);
        }
        bench.wait(54_000);
    }
}

#[test]
fn a_device_that_speaks_in_bursts_is_not_away_in_between() {
    let config = || VictronConfig {
        ask: false,
        ..VictronConfig::default()
    };
    let mut bench = Bench::new(config());
    bursts(&mut bench, 4);
    bench.reports.clear();
    bursts(&mut bench, 10);
    assert_eq!(bench.health(), [HealthCode::Online; 0]);
    assert!(
        bench
            .readings()
            .iter()
            .all(|readings| readings.get("battery_voltage").is_none_or(Value::is_known))
    );
    // What was learned is remembered.
    let known = bench.remembered();
    let mut again = Bench::knowing(config(), &known);
    bursts(&mut again, 3);
    assert_eq!(again.health(), [HealthCode::Online]);
    let pause = Duration::from_secs(54);
    assert!(
        again
            .devices()
            .iter()
            .all(|device| device.patience > Some(pause))
    );
    // And it is silent when it stays away.
    again.wait(60_000);
    assert_eq!(again.health().last(), Some(&HealthCode::Silent));
}

#[test]
fn time_is_looked_at_when_something_is_due_and_seldom_otherwise() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    for _ in 0..5 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    bench.block(CHARGER);
    let now = bench.at().steady;
    let due = bench.wake;
    assert!(due >= now + Duration::from_millis(1_000), "{:?}", due - now);
    bench.wait(25_000);
    // It is silent at the moment it is.
    let now = bench.at().steady;
    assert!(bench.wake <= now + Duration::from_secs(5));
    bench.wait(4_900);
    let now = bench.at().steady;
    assert!(bench.wake <= now + Duration::from_millis(100));
}
