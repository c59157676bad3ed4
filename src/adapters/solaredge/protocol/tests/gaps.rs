//! Every gap has a reason, and only one at a time.

use super::*;

/// What was said of a device, one after the other.
fn said(bench: &Bench, id: &str) -> Vec<HealthCode> {
    let of_device = |report: &Report| match report {
        Report::Health(device, health) if device.as_str() == id => Some(health.code),
        _ => None,
    };
    bench.reports.iter().filter_map(of_device).collect()
}

#[test]
fn after_a_restart_by_day_silence_is_told() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 900.0, 1_000_000), panel(PANEL, at, 100.0)]);
    bench.restart();
    bench.pass(16 * 60);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Silent));
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Silent));
}

#[test]
fn an_inverter_that_only_keeps_its_connection_is_told() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        let empty = bench.frame(function::TELEMETRY, &[]);
        bench.pass_by(&empty);
        bench.pass(60);
    }
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Silent));
}

#[test]
fn what_stays_shut_is_not_silent_too() {
    let (key, session, handshake) = session();
    let mut bench = Bench::with(SolarEdgeConfig {
        interface: Some("eth0".to_owned()),
        key: Some(crate::config::Secret::new(key.reveal().as_str())),
        ..SolarEdgeConfig::default()
    });
    let hello = bench.frame(function::SESSION_KEY, &handshake.data());
    bench.pass_by(&hello);
    let at = bench.unix();
    let bytes = sealed(&mut bench, &session, &[inverter(at, 700.0, 1_000_000)]);
    bench.pass_by(&bytes);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Online));
    // Another session has begun unseen.
    let other = SessionKey::new(zeroize::Zeroizing::new([0x43; 16]));
    for _ in 0..40 {
        let at = bench.unix();
        let bytes = sealed(&mut bench, &other, &[inverter(at, 700.0, 1_000_000)]);
        bench.pass_by(&bytes);
        bench.pass(60);
    }
    let mut said = said(&bench, &inverter_id());
    said.dedup();
    assert_eq!(said, [HealthCode::Online, HealthCode::NoData], "{said:?}");
}

#[test]
fn lists_without_end_do_not_fill_the_memory() {
    let mut bench = Bench::new();
    for list in 0..8_u32 {
        let at = bench.unix();
        let listed = (0..250).map(|it| Serial(0x1000_0000 + 1000 * list + it));
        let listed = listed.collect();
        bench.tell(&[Record::Optimizers(Inventory {
            id: INVERTER,
            at,
            listed,
        })]);
        bench.pass(60);
    }
    let plant: serde_json::Value = bench.memory.get(PLANT).unwrap();
    let unit = plant["units"].as_object().unwrap().values().next().unwrap();
    let panels = unit["panels"].as_object().unwrap().len();
    assert!((250..=256).contains(&panels), "{panels}");
}

const OTHER: u32 = 0x7f12_9999;

fn of_other(bench: &mut Bench, records: &[Record<'_>]) {
    let mut data = Vec::new();
    for record in records {
        record.encode(&mut data);
    }
    bench.number += 1;
    let mut bytes = Vec::new();
    Frame {
        sequence: bench.number,
        source: OTHER,
        destination: address::SERVER,
        function: function::TELEMETRY,
        data: &data,
    }
    .encode(&mut bytes);
    bench.pass_by(&bytes);
}

/// Behind which inverter a device was described to be last.
fn via(bench: &Bench, id: &str) -> Option<String> {
    let of_device = |report: &Report| match report {
        Report::Device(device) if device.id.as_str() == id => Some(device.via.clone()),
        _ => None,
    };
    let via = bench.reports.iter().rev().find_map(of_device)?;
    via.map(|via| via.to_string())
}

#[test]
fn an_optimizer_that_was_moved_stays_where_it_is_and_counts_on() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 900.0, 1_000_000), panel(PANEL, at, 100.0)]);
    bench.pass(300);
    let at = bench.unix();
    of_other(&mut bench, &[panel(PANEL, at, 2.0)]);
    let other = id(Serial(OTHER));
    assert_eq!(via(&bench, &id(PANEL)), Some(other.clone()));
    assert_eq!(
        bench.last(&id(PANEL), "energy_today").as_deref(),
        Some("0.102")
    );
    // What its old inverter had kept back.
    bench.tell(&[panel(PANEL, at - 7200, 50.0)]);
    assert_eq!(via(&bench, &id(PANEL)), Some(other));
    // The new one lists it, and the old one no longer does.
    let list = |id, listed: &[Serial]| {
        Record::Optimizers(Inventory {
            id,
            at,
            listed: listed.to_vec(),
        })
    };
    of_other(&mut bench, &[list(OTHER, &[PANEL])]);
    bench.tell(&[list(INVERTER, &[OTHER_PANEL])]);
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Online));
}

#[test]
fn a_gateway_is_well_once_what_it_seals_is_opened() {
    let (key, session, handshake) = session();
    let mut bench = Bench::new();
    let gateway = |bench: &mut Bench, function, data: &[u8]| {
        bench.number += 1;
        let mut bytes = Vec::new();
        Frame {
            sequence: bench.number,
            source: OTHER,
            destination: address::SERVER,
            function,
            data,
        }
        .encode(&mut bytes);
        bench.pass_by(&bytes);
    };
    let envelope = |bench: &mut Bench| {
        let at = bench.unix();
        let inner = bench.telemetry(&[inverter(at, 700.0, 1_000_000)]);
        session.seal(&Frame::exactly(&inner).unwrap(), [7; 16], 9, [1, 2, 3, 4])
    };
    gateway(&mut bench, function::SESSION_KEY, &handshake.data());
    let data = envelope(&mut bench);
    gateway(&mut bench, function::SEALED, &data);
    let other = id(Serial(OTHER));
    assert_eq!(bench.health(&other), Some(HealthCode::KeyMissing));
    // Its next connection.
    gateway(&mut bench, function::SESSION_KEY, &handshake.data());
    bench.config.key = Some(crate::config::Secret::new(key.reveal().as_str()));
    bench.restart();
    assert!(bench.is_described(&other));
    for _ in 0..10 {
        let data = envelope(&mut bench);
        gateway(&mut bench, function::SEALED, &data);
        bench.pass(300);
    }
    assert_eq!(bench.last(&inverter_id(), "power").as_deref(), Some("700"));
    assert_eq!(bench.health(&other), Some(HealthCode::Online));
}

#[test]
fn a_restart_in_the_evening_ends_in_sleep() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 0.0, 1_000_000), panel(PANEL, at, 100.0)]);
    bench.restart();
    bench.pass(16 * 60);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Asleep));
    assert_eq!(bench.health(&id(PANEL)), Some(HealthCode::Asleep));
}

#[test]
fn a_day_ends_at_midnight_not_at_wake_up() {
    let mut bench = Bench::new();
    for step in 0..3 {
        let at = bench.unix();
        bench.tell(&[
            inverter(at, 900.0, 1_000_000 + 75 * step),
            panel(PANEL, at, 100.0 + step as f32),
        ]);
        bench.pass(300);
    }
    let at = bench.unix();
    bench.tell(&[sleep(at)]);
    let today = |bench: &Bench, id: &str| bench.last(id, "energy_today");
    assert_eq!(today(&bench, &id(PANEL)).as_deref(), Some("0.102"));
    bench.pass(18 * 3600);
    assert_eq!(today(&bench, &inverter_id()).as_deref(), Some("0"));
    assert_eq!(today(&bench, &id(PANEL)).as_deref(), Some("0"));
    let at = bench.unix();
    bench.tell(&[inverter(at, 60.0, 1_000_153), panel(PANEL, at, 1.0)]);
    assert_eq!(today(&bench, &inverter_id()).as_deref(), Some("0.003"));
    assert_eq!(today(&bench, &id(PANEL)).as_deref(), Some("0.001"));
}

#[test]
fn tls_is_recognised_in_the_middle_of_a_connection_too() {
    let mut bench = Bench::new();
    let record = [&[0x17, 3, 3, 0, 64][..], &[0xa5; 64]].concat();
    bench.pass_by(&record);
    let source = |bench: &Bench| {
        let of_source = |report: &Report| match report {
            Report::Source(health) => Some(health.code),
            _ => None,
        };
        bench.reports.iter().rev().find_map(of_source)
    };
    assert_eq!(source(&bench), Some(HealthCode::Unsupported));
    // Anything else is not.
    let mut bench = Bench::new();
    bench.pass_by(&[0x17, 3, 3, 0xff, 0xff, 0]);
    bench.pass(60);
    assert_eq!(source(&bench), None);
}

#[test]
fn an_inverter_that_speaks_by_tls_from_now_on_is_told_so() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 900.0, 1_000_000)]);
    bench.port = 2071;
    bench.pass_by(&[&[0x17, 3, 3, 0, 64][..], &[0xa5; 64]].concat());
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Online));
    bench.pass(20 * 60);
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Unsupported));
}

#[test]
fn optimizers_that_are_heard_are_well_though_their_inverter_says_nothing_of_itself() {
    let mut bench = Bench::new();
    let at = bench.unix();
    bench.tell(&[inverter(at, 900.0, 1_000_000), panel(OTHER_PANEL, at, 1.0)]);
    for step in 0..10 {
        let at = bench.unix();
        bench.tell(&[panel(PANEL, at, 10.0 + step as f32)]);
        bench.pass(300);
    }
    assert_eq!(bench.health(&inverter_id()), Some(HealthCode::Silent));
    assert_eq!(bench.health(&id(OTHER_PANEL)), Some(HealthCode::Silent));
    assert_eq!(said(&bench, &id(PANEL)), [HealthCode::Online]);
}
