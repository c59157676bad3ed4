use std::sync::Arc;

use super::*;
use crate::model::{Decimal, Device, DeviceState, Health, HealthCode, Metric, Quantity, Value};

const HEAD: Head = Head {
    port: 18_830,
    wanted: 18_830,
    page: 18_099,
};

fn device(name: &str, via: Option<&Known>, values: &[(&'static str, Quantity, i64)]) -> Known {
    let mut device = Device::new("text", name, name, "Somebody");
    device.via = via.map(|known| known.device.id.clone());
    let metric =
        |(key, quantity, _): &(&'static str, Quantity, i64)| Metric::measurement(key, *quantity);
    device.metrics = values.iter().map(metric).collect();
    let value = |(key, _, number): &(&'static str, Quantity, i64)| {
        ((*key).into(), Value::Number(Decimal::from(*number)))
    };
    let state = DeviceState {
        device: device.id.clone(),
        at: Some(jiff::Timestamp::UNIX_EPOCH),
        values: values.iter().map(value).collect(),
        health: Health::ONLINE,
        era: 0,
        held: Default::default(),
    };
    Known {
        device: Arc::new(device),
        state: Arc::new(state),
    }
}

fn house() -> Vec<Known> {
    let roof = device(
        "South roof",
        None,
        &[
            ("voltage", Quantity::Voltage, 231),
            ("energy_today", Quantity::Energy, 12),
            ("power", Quantity::Power, 3210),
        ],
    );
    let panel = |name: &str, watts| device(name, Some(&roof), &[("power", Quantity::Power, watts)]);
    let parts = [panel("Inverter 1", 1600), panel("Inverter 2", 1610)];
    let meter = device("Meter", None, &[("net_power", Quantity::Power, -2345)]);
    let mut silent = device("Shed", None, &[("power", Quantity::Power, 7)]);
    let health = Health::new(HealthCode::Unreachable)
        .seen("192.0.2.7:8899 refuses the connection")
        .advise("Switch the gateway off and on.");
    silent.state = Arc::new(DeviceState {
        health,
        ..(*silent.state).clone()
    });
    // Not beside what they are parts of.
    let [first, second] = parts;
    vec![first, meter, roof, silent, second]
}

fn drawn(devices: &[Known], log: &[String], rows: usize, columns: usize) -> Vec<String> {
    let picture = Picture {
        head: HEAD,
        devices,
        log,
    };
    let lines = picture.lines(rows, columns);
    lines.iter().map(|line| line.render(false)).collect()
}

fn warnings() -> Vec<String> {
    vec![
        "2026-11-28 12:00:00  WARN The ECU under 127.0.0.1 does not answer; is it switched on?"
            .to_owned(),
        "2026-11-28 12:00:05  WARN Something else that takes a few words to be told.".to_owned(),
    ]
}

#[test]
fn no_line_is_wider_than_the_terminal_and_all_fit_above_the_cursor() {
    let house = house();
    for log in [Vec::new(), warnings()] {
        for rows in [1, 2, 3, 5, 8, 13, 17, 24, 40] {
            for columns in (1..40).chain([60, 79, 80, 100, 120, 200]) {
                let lines = drawn(&house, &log, rows, columns);
                assert!(lines.len() < rows, "{rows}: {lines:#?}");
                for line in lines {
                    assert!(measure_text_width(&line) <= columns, "{columns}: {line:?}");
                }
            }
        }
    }
}

#[test]
fn on_a_usual_terminal_there_are_the_address_and_every_device_with_its_values() {
    for (rows, columns) in [(24, 80), (40, 120), (24, 60)] {
        let text = drawn(&house(), &[], rows, columns).join("\n");
        for wanted in [
            "127.0.0.1:18830",
            "mosquitto_sub -p 18830",
            "Ctrl-C",
            "● South roof    Power 3210 W",
            "  ● Inverter 1  Power 1600 W",
            "  ● Inverter 2  Power 1610 W",
            "● Meter         Net power -2345 W",
            "● Shed          Unreachable: 192.0.2.7:8899",
        ] {
            assert!(text.contains(wanted), "{wanted:?} at {columns} in\n{text}");
        }
        assert!(text.find("South roof") < text.find("Inverter 1"), "{text}");
    }
}

#[test]
fn the_telling_values_come_first_and_only_whole_ones() {
    let house = house();
    let line = |columns: usize| {
        let lines = drawn(&house, &[], 24, columns);
        let found = lines.iter().find(|line| line.contains("South roof"));
        found.unwrap().trim_end().to_owned()
    };
    assert_eq!(
        line(80),
        "● South roof    Power 3210 W   Energy today 12 kWh   Voltage 231 V"
    );
    assert_eq!(
        line(55),
        "● South roof    Power 3210 W   Energy today 12 kWh"
    );
    assert_eq!(line(30), "● South roof  Power 3210 W");
    assert_eq!(line(24), "● South roof  3210 W");
}

#[test]
fn on_a_small_terminal_the_address_stays() {
    let text = drawn(&house(), &[], 6, 60);
    assert!(
        text.first().unwrap().contains("127.0.0.1:18830"),
        "{text:?}"
    );
    assert!(
        text.iter().any(|line| line.contains("South roof")),
        "{text:?}"
    );
    assert!(
        !text.iter().any(|line| line.contains("Inverter")),
        "{text:?}"
    );
    let text = drawn(&house(), &[], 4, 60);
    assert_eq!(text.last().unwrap(), "and 2 more");
}

#[test]
fn what_is_logged_is_told_below_the_devices() {
    let text = drawn(&house(), &warnings(), 24, 80).join("\n");
    assert!(text.contains("! 2026-11-28 12:00:00"), "{text}");
    assert!(text.contains("● Meter"), "{text}");
    // However much there is, the devices stay.
    let many: Vec<_> = warnings().into_iter().cycle().take(60).collect();
    let text = drawn(&house(), &many, 24, 80).join("\n");
    assert!(
        text.contains("● Meter") && text.contains("127.0.0.1:18830"),
        "{text}"
    );
}

#[test]
fn before_the_first_device_the_picture_says_so() {
    let text = drawn(&[], &[], 24, 80).join("\n");
    assert!(text.contains("Waiting for the first device"), "{text}");
}

#[test]
fn colours_are_there_only_if_wanted() {
    let house = house();
    let picture = Picture {
        head: HEAD,
        devices: &house,
        log: &[],
    };
    for line in picture.lines(24, 80) {
        assert!(!line.render(false).contains('\x1b'));
    }
    let coloured: String = picture
        .lines(24, 80)
        .iter()
        .map(|line| line.render(true))
        .collect();
    assert!(coloured.contains("\x1b[32m"), "{coloured:?}");
}

#[test]
fn only_a_port_that_was_wanted_can_be_taken() {
    let taken = |wanted, port| {
        let head = Head {
            port,
            wanted,
            page: 0,
        };
        head.taken()
    };
    assert_eq!(taken(1883, 1883), "");
    assert_eq!(taken(0, 40_001), "");
    assert!(taken(1883, 40_001).contains("port 1883 is taken"));
}
