//! Why nothing comes.

use super::*;

#[test]
fn silence_is_told_and_so_is_its_end() {
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
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
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
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
            let at = bench.at();
            bench.reception.opened(at);
        }
    }
    assert_eq!(bench.health().last(), Some(&HealthCode::Silent));
}

#[test]
fn a_night_in_which_the_program_starts_is_a_night_too() {
    let mut evening = Bench::new(Config {
        ask: false,
        ..Config::default()
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
    let known = evening.reception.unit().remembered().clone();
    let mut night = Bench::knowing(Config::default(), known);
    night.wait(60_000);
    assert_eq!(night.health(), [HealthCode::Asleep]);
    assert_eq!(night.number("panel_power").as_deref(), Some("0"));
    assert_eq!(night.number("battery_voltage"), None);
}

#[test]
fn noise_is_told_from_silence() {
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    for _ in 0..100 {
        bench.push(&[0x80, 0xf8, 0x00, 0x78]);
        bench.wait(500);
    }
    assert_eq!(bench.health(), [HealthCode::Garbled]);
    let mut bench = Bench::new(Config {
        ask: false,
        ..Config::default()
    });
    bench.wait(60_000);
    assert_eq!(bench.health(), [HealthCode::Silent]);
}
