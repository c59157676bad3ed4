//! What is set, and what never is.

use proptest::prelude::*;

use super::*;

#[test]
fn what_can_be_set_stays_over_a_restart() {
    let registers: [(u16, &[u8]); 2] = [(0x0200, &[1]), (0xedab, &[4])];
    let run = |known: &Remembered| {
        let mut bench = Bench::knowing(VictronConfig::default(), known).hears(&registers);
        for _ in 0..30 {
            bench.block(&[
                ("PID", "0xA053"),
                ("SER#", "HQ0000000AE"),
                ("V", "12600"),
                ("PPV", "3"),
            ]);
            bench.wait(1000);
        }
        bench
    };
    let keys = |device: &&Device| -> Vec<String> {
        let controls = device.controls.iter();
        controls.map(|control| control.key.to_string()).collect()
    };
    let first = run(&Remembered::default());
    let all = keys(first.devices().last().unwrap());
    assert_eq!(all, ["mode", "load_output", "load_control"]);
    let again = run(&first.remembered());
    let announced: Vec<_> = again.devices().iter().map(keys).collect();
    assert!(!announced.is_empty());
    assert!(announced.iter().all(|keys| *keys == all), "{announced:?}");
}

#[test]
fn a_command_is_written_read_back_and_shown() {
    let charger: &[(u16, &[u8])] = &[(0x0100, &[0x53, 0xa0]), (0x0200, &[1])];
    let mut bench = Bench::new(VictronConfig::default()).hears(charger);
    for _ in 0..20 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    let device = bench.devices().last().copied().cloned().unwrap();
    assert!(device.control("mode").is_some());
    bench.command(5, "mode", &"off".into());
    bench.block(CHARGER);
    bench.wait(1000);
    assert_eq!(bench.finished(), [(5, Ok("off".into()))]);
    assert_eq!(bench.registers[&0x0200], [4]);
    bench.block(CHARGER);
    bench.wait(2000);
    let mode = bench
        .readings()
        .last()
        .and_then(|readings| readings.get("mode").cloned());
    assert_eq!(mode, Some("off".into()));
}

#[test]
fn a_command_that_a_lost_connection_interrupts_blocks_no_other() {
    let mut bench = controlled(CHARGER_REGISTERS, CHARGER);
    let since = bench.sent.len();
    bench.command(1, "mode", &"off".into());
    // It is sent, and the connection is lost before the answer.
    assert_eq!(bench.written(since).len(), 1);
    bench.handle(Input::Opened);
    let finished = bench.finished();
    let [(1, Err(why))] = &finished[..] else {
        panic!("{finished:?}")
    };
    assert!(why.contains("was lost"), "{why}");
    for _ in 0..3 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    assert_eq!(bench.set("mode", &"off".into(), CHARGER), Ok("off".into()));
}

#[test]
fn what_was_set_on_one_device_is_never_written_to_another() {
    let other: &[(&str, &str)] = &[
        ("PID", "0xA054"),
        ("SER#", "HQ0000000AC"),
        ("V", "25000"),
        ("PPV", "3"),
    ];
    let ten = Value::Number(crate::model::Decimal::integer(10));
    for has_closed in [true, false] {
        let mut bench = controlled(CHARGER_REGISTERS, CHARGER);
        assert_eq!(
            bench.set("charge_current_limit", &ten, CHARGER),
            Ok(ten.clone())
        );
        if !has_closed {
            // The cable is pulled out at the device.
            bench.registers.clear();
            bench.wait(20_000);
            bench = bench.hears(CHARGER_REGISTERS);
        }
        bench.registers.insert(0x0100, vec![0x54, 0xa0]);
        bench.registers.insert(0x010a, b"HQ0000000AC\0".to_vec());
        // A command for the one that is unplugged.
        if has_closed {
            bench.milliseconds += 29_000;
            bench.handle(Input::Opened);
        }
        let since = bench.sent.len();
        bench.command(3, "mode", &"off".into());
        bench.wait(500);
        for _ in 0..60 {
            bench.block(other);
            bench.wait(1000);
        }
        assert_eq!(bench.written(since), [&Request::Ping; 0]);
        let finished = bench.finished();
        let [(3, Err(_))] = &finished[..] else {
            panic!("{finished:?}")
        };
        assert_eq!(
            bench.devices().last().unwrap().id.as_str(),
            "victron_hq0000000ac"
        );
    }
}

#[test]
fn a_limit_is_lifted_for_good_though_commands_wait() {
    let ten = Value::Number(crate::model::Decimal::integer(10));
    let mut bench = controlled(CHARGER_REGISTERS, CHARGER);
    assert_eq!(
        bench.set("charge_current_limit", &ten, CHARGER),
        Ok(ten.clone())
    );
    let since = bench.sent.len();
    for (id, key, value) in [
        (1, "charge_current_limit", &ten),
        (2, "mode", &"off".into()),
        (3, "mode", &"charger on".into()),
        (4, "mode", &"off".into()),
    ] {
        bench.command(id, key, value);
    }
    assert_eq!(bench.finished(), []);
    // It is on its way, and the next half of it waits.
    assert_eq!(bench.written(since).len(), 1);
    bench.command(5, "lift_charge_current_limit", &Value::Unknown);
    let finished = bench.finished();
    assert!(finished.contains(&(5, Ok(Value::Unknown))), "{finished:?}");
    let is_ended = |(id, result): &(u64, Result<_, _>)| *id == 1 && result.is_err();
    assert!(finished.iter().any(is_ended), "{finished:?}");
    assert_eq!(finished.len(), 2);
    let since = bench.sent.len();
    for _ in 0..60 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    let finished = bench.finished().into_iter();
    let finished: Vec<_> = finished.map(|(id, result)| (id, result.is_ok())).collect();
    assert_eq!(finished, [(2, true), (3, true), (4, true)]);
    for request in bench.written(since) {
        assert!(matches!(request, Request::Set(0x0200, _)), "{request:?}");
    }
}

#[test]
fn a_device_that_speaks_hex_only_can_be_set_too() {
    let mut bench = Bench::new(VictronConfig::default()).hears(CHARGER_REGISTERS);
    bench.wait(60_000);
    bench.command(4, "mode", &"off".into());
    assert_eq!(bench.finished(), []);
    bench.wait(3_000);
    assert_eq!(bench.finished(), [(4, Ok("off".into()))]);
}

#[test]
fn who_only_listens_asks_nothing_and_nobody_writes_what_was_not_wanted() {
    let charger: &[(u16, &[u8])] = &[(0x0100, &[0x53, 0xa0]), (0x0200, &[1])];
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    })
    .hears(charger);
    bench.block(CHARGER);
    bench.wait(5000);
    assert_eq!(bench.sent, []);
    let mut bench = Bench::new(VictronConfig::default()).hears(charger);
    for _ in 0..20 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    assert!(
        !bench
            .sent
            .iter()
            .any(|request| matches!(request, Request::Set(..) | Request::Restart))
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_it_panic_or_write(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..30)) {
        let mut bench = Bench::new(VictronConfig::default());
        for piece in pieces {
            bench.push(&piece);
            bench.wait(300);
        }
        prop_assert!(!bench.sent.iter().any(|request| matches!(request, Request::Set(..) | Request::Restart)));
    }
}

/// A device that may be set, and has been met.
fn controlled(registers: &[(u16, &[u8])], block: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(VictronConfig::default()).hears(registers);
    for _ in 0..20 {
        bench.block(block);
        bench.wait(1000);
    }
    assert!(!bench.devices().last().unwrap().controls.is_empty());
    bench
}
