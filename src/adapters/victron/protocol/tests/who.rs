//! Which device is there.

use super::*;
use crate::model::Decimal;

#[test]
fn a_shunt_is_named_by_the_number_that_it_tells_when_asked() {
    let mut bench = Bench::new(VictronConfig::default()).hears(&[
        (0x0100, SMART_SHUNT),
        (0x010a, SERIAL_C),
        (0x010c, b"Boat\0"),
    ]);
    for _ in 0..4 {
        bench.block(SHUNT);
        bench.wait(1000);
    }
    let [device] = bench.devices()[..] else {
        panic!("{:?}", bench.devices())
    };
    assert_eq!(device.id.as_str(), "victron_hq00000000c");
    assert_eq!(device.name, "Boat");
    assert_eq!(device.firmware.as_deref(), Some("1.59"));
}

#[test]
fn of_two_shunts_alike_the_values_go_to_the_right_one() {
    let mut bench =
        Bench::new(VictronConfig::default()).hears(&[(0x0100, SMART_SHUNT), (0x010a, SERIAL_C)]);
    for _ in 0..4 {
        bench.block(SHUNT);
        bench.wait(1000);
    }
    // The cable is put into the other one.
    bench.handle(Input::Opened);
    bench.registers.insert(0x010a, SERIAL_D.to_vec());
    bench.reports.clear();
    for _ in 0..4 {
        bench.block(&[("PID", "0xA389"), ("V", "25600"), ("SOC", "100")]);
        bench.wait(1000);
    }
    let id = |serial: &str| DeviceId::new(crate::adapters::victron::KIND, serial);
    assert_eq!(
        bench.reports.first(),
        Some(&Report::Absent(id("HQ00000000C"), health::replaced()))
    );
    assert!(!bench.readings().is_empty());
    for readings in bench.readings() {
        assert_eq!(readings.device, id("HQ00000000D"));
    }
}

#[test]
fn another_product_on_the_port_is_another_device() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    bench.block(CHARGER);
    bench.wait(2000);
    bench.reports.clear();
    for _ in 0..5 {
        bench.block(&[("PID", "0xA054"), ("SER#", "HQ0000000AC"), ("V", "13000")]);
        bench.wait(1000);
    }
    let gone = DeviceId::new(crate::adapters::victron::KIND, "HQ0000000AB");
    assert_eq!(
        bench.reports.first(),
        Some(&Report::Absent(gone, health::replaced()))
    );
    assert_eq!(bench.devices()[0].id.as_str(), "victron_hq0000000ac");
    assert_eq!(
        bench.health(),
        [HealthCode::Unreachable, HealthCode::Online]
    );
    for readings in bench.readings() {
        assert_eq!(readings.get("panel_power"), None);
    }
}

#[test]
fn a_damaged_serial_number_makes_no_device() {
    let damaged: Vec<_> = CHARGER
        .iter()
        .map(|(label, value)| match *label {
            "SER#" => ("SER#", "HQ00000O0AB"),
            label => (label, *value),
        })
        .collect();
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    for fields in [
        &damaged[..],
        CHARGER,
        CHARGER,
        CHARGER,
        &damaged,
        CHARGER,
        &damaged,
        CHARGER,
    ] {
        bench.block(fields);
        bench.wait(1000);
    }
    bench.wait(1000);
    let ids: Vec<_> = bench
        .devices()
        .iter()
        .map(|device| device.id.to_string())
        .collect();
    assert_eq!(ids, ["victron_hq0000000ab"]);
    assert!(!bench.readings().is_empty());
}

#[test]
fn of_two_numbers_of_a_monitor_that_of_the_whole_product_counts() {
    let mut bench = Bench::new(VictronConfig::default()).hears(&[
        (0x0100, SMART_SHUNT),
        (0x010a, b"HQ00000000C,HQ00000000D\0"),
    ]);
    for _ in 0..4 {
        bench.block(SHUNT);
        bench.wait(1000);
    }
    let ids: Vec<_> = bench
        .devices()
        .iter()
        .map(|device| device.id.to_string())
        .collect();
    assert_eq!(ids, ["victron_hq00000000d"]);
    assert_eq!(bench.devices()[0].serial, "HQ00000000D");
}

#[test]
fn a_second_device_on_the_line_is_told_and_not_read() {
    let mut bench = Bench::new(VictronConfig {
        ask: false,
        ..VictronConfig::default()
    });
    let mut second = CHARGER.to_vec();
    second[1] = ("SER#", "HQ0000000AC");
    second[3] = ("PPV", "99");
    for _ in 0..4 {
        bench.block(CHARGER);
        bench.wait(500);
    }
    for _ in 0..10 {
        bench.block(CHARGER);
        bench.wait(500);
        bench.block(&second);
        bench.wait(500);
        // Of whom this is, nobody knows.
        bench.block(&[("H19", "100")]);
        bench.wait(10);
    }
    let Some(Report::Health(_, health)) = bench
        .reports
        .iter()
        .rev()
        .find(|report| matches!(report, Report::Health(..)))
    else {
        panic!("nothing was told of it");
    };
    assert_eq!(health.code, HealthCode::Degraded);
    assert!(health.detail.contains("HQ0000000AC"), "{health:?}");
    assert_eq!(bench.devices().len(), 1);
    for readings in bench.readings() {
        assert_ne!(
            readings.get("panel_power"),
            Some(&Decimal::integer(99).into())
        );
    }
    let last = bench
        .readings()
        .last()
        .unwrap()
        .get("energy_resettable")
        .cloned();
    assert!(
        last.as_ref().is_none_or(|value| !value.is_known()),
        "{last:?}"
    );
    // It is taken off the line.
    for _ in 0..130 {
        bench.block(CHARGER);
        bench.wait(1000);
    }
    assert_eq!(bench.health().last(), Some(&HealthCode::Online));
}
