use super::super::MODELS;
use super::super::model::Model;
use super::super::settings::VictronSettings;
use super::*;
use crate::adapters::victron::wire::hex::{Collector, Frame};
use crate::adapters::victron::wire::registers::{Register, RegisterKind, RegisterReading};
use crate::clock::Moment;

fn device(name: &str) -> Device {
    let model = Model::named(name).unwrap();
    let beginning = VictronSettings::new(model).beginning();
    Device::new(model, model.serial, beginning)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets time pass for a device that begun at noon, up to so many seconds later.
fn pass(device: &mut Device, seconds: u64) {
    let noon: jiff::Timestamp = "2026-06-21T12:00:00Z".parse().unwrap();
    let steady = at(seconds);
    let wall = noon + steady;
    device.advance(Moment { wall, steady });
}

fn label(device: &Device, label: &str) -> String {
    let blocks = 0..device.model.blocks.len();
    let mut text = blocks.flat_map(|block| device.text(block));
    text.find(|(name, _)| name == label).unwrap().1
}

fn told(device: &Device, name: &str) -> i64 {
    label(device, name).parse().unwrap()
}

#[test]
fn every_register_has_as_many_bytes_as_readers_expect() {
    for model in MODELS {
        let device = device(model.name);
        for id in model.register_ids() {
            let Some(known) = Register::of(id) else {
                continue;
            };
            let Ok(bytes) = device.read(id) else {
                assert_eq!(known.kind, RegisterKind::Start, "{} {id:#06x}", model.name);
                continue;
            };
            let length = match known.kind {
                RegisterKind::Unsigned(length) | RegisterKind::Signed(length) => {
                    usize::from(length)
                }
                RegisterKind::Kelvin => 2,
                RegisterKind::Text | RegisterKind::Raw | RegisterKind::Start => continue,
            };
            assert_eq!(
                bytes.len(),
                length,
                "{} {id:#06x} {}",
                model.name,
                known.name
            );
        }
    }
}

#[test]
fn text_and_registers_say_the_same() {
    let number = |device: &Device, id: u16| {
        let read = Register::of(id).unwrap().decode(&device.read(id).unwrap());
        let RegisterReading::Number(_) = read else {
            panic!("{id:#06x}: {read:?}")
        };
        super::number(&device.read(id).unwrap(), true)
    };
    for (model, label, divide, register) in [
        ("bmv-712", "V", 10, 0xed8d),
        ("bmv-712", "I", 1, 0xed8c),
        ("bmv-712", "CE", 100, 0xeeff),
        ("bmv-712", "H17", 1, 0x0310),
        ("bmv-712", "VS", 10, 0xed7d),
        ("mppt-75-15", "VPV", 10, 0xedbb),
        ("mppt-75-15", "CS", 1, 0x0201),
        ("mppt-75-15", "H19", 1, 0xeddc),
        ("mppt-75-15", "H23", 1, 0xedd0),
        ("phoenix", "AC_OUT_V", 1, 0x2200),
        ("phoenix", "AC_OUT_S", 1, 0x2205),
        ("orion-xs", "DC_IN_V", 1, 0xedbb),
        ("multi-rs", "VPV", 10, 0xeccb),
        ("blue-smart-ip22", "V", 10, 0xedd5),
    ] {
        let device = device(model);
        assert_eq!(
            told(&device, label) / divide,
            number(&device, register),
            "{model} {label}"
        );
    }
}

#[test]
fn what_cannot_be_read_or_written_is_refused_with_its_reason() {
    let mut device = device("mppt-75-15");
    assert_eq!(device.read(0x1234), Err(Flags::UNKNOWN_ID));
    assert_eq!(device.write(0x1234, &[1], at(0)), Err(Flags::UNKNOWN_ID));
    assert_eq!(
        device.write(0xedd5, &[1, 0], at(0)),
        Err(Flags::NOT_SUPPORTED)
    );
    assert_eq!(device.write(0x1050, &[0], at(0)), Err(Flags::NOT_SUPPORTED));
    assert_eq!(device.write(0x0200, &[1, 0], at(0)), Err(Flags::PARAMETER));
    assert_eq!(device.write(0x0200, &[5], at(0)), Err(Flags::PARAMETER));
    assert_eq!(
        device.write(0xedf0, &[0xff, 0xff], at(0)),
        Err(Flags::PARAMETER)
    );
    assert_eq!(device.read(0x106f), Err(Flags::UNKNOWN_ID));
    let monitor = self::device("bmv-700");
    assert_eq!(monitor.read(0x1050), Err(Flags::UNKNOWN_ID));
    assert_eq!(monitor.read(0x1029), Err(Flags::NOT_SUPPORTED));
}

#[test]
fn a_charger_switched_off_does_nothing_and_says_why() {
    let mut device = device("mppt-75-15");
    assert_eq!(device.write(0x0200, &[4], at(1)), Ok(()));
    assert_eq!((told(&device, "CS"), told(&device, "PPV")), (0, 0));
    assert_eq!(label(&device, "OR"), "0x00000004");
    assert_eq!(device.write(0x0200, &[1], at(2)), Ok(()));
    assert!(told(&device, "PPV") > 0);
    let mut inverter = self::device("phoenix");
    assert_eq!(inverter.write(0x0200, &[4], at(1)), Ok(()));
    assert_eq!(label(&inverter, "MODE"), "4");
    assert_eq!((told(&inverter, "CS"), told(&inverter, "AC_OUT_V")), (0, 0));
    assert_eq!(inverter.write(0x0200, &[5], at(1)), Ok(()));
    assert_eq!(
        (label(&inverter, "MODE"), told(&inverter, "CS")),
        ("5".into(), 1)
    );
    assert_eq!(inverter.write(0x0200, &[2], at(1)), Ok(()));
    assert_eq!(
        inverter.write(0x0230, &22_000_u16.to_le_bytes(), at(1)),
        Ok(())
    );
    assert!((21_950..22_050).contains(&told(&inverter, "AC_OUT_V")));
}

#[test]
fn old_firmware_is_only_switched_after_it_was_allowed() {
    let mut device = device("mppt-100-50-old");
    assert_eq!(device.write(0x0200, &[4], at(1)), Err(Flags::NOT_SUPPORTED));
    assert_eq!(device.write(0x0202, &[2, 0, 0, 0], at(1)), Ok(()));
    assert_eq!(device.write(0x0200, &[4], at(1)), Ok(()));
    assert_eq!(told(&device, "CS"), 0);
    device.restart();
    assert_ne!(told(&device, "CS"), 0);
    assert_eq!(device.write(0x0200, &[4], at(1)), Err(Flags::NOT_SUPPORTED));
    assert_eq!(
        device.read(0x0100),
        Ok(vec![0xa0, 0x49]),
        "in the wrong order"
    );
}

#[test]
fn the_load_output_is_switched() {
    let mut device = device("mppt-75-15");
    assert_eq!(label(&device, "LOAD"), "ON");
    assert_eq!(device.write(0xedab, &[0], at(1)), Ok(()));
    assert_eq!(
        (label(&device, "LOAD"), told(&device, "IL")),
        ("OFF".into(), 0)
    );
    assert_eq!(device.read(0xeda8), Ok(vec![0]));
    assert_eq!(device.write(0xedab, &[1], at(1)), Ok(()));
    assert_eq!(label(&device, "LOAD"), "ON");
    assert_eq!(device.write(0xedab, &[2], at(1)), Err(Flags::PARAMETER));
}

#[test]
fn a_relay_is_switched_where_it_does_what_others_say() {
    let mut device = device("bmv-700");
    assert_eq!(device.write(0x034e, &[1], at(1)), Err(Flags::NOT_SUPPORTED));
    assert_eq!(device.write(0x034f, &[2], at(1)), Ok(()));
    assert_eq!(device.write(0x034e, &[1], at(1)), Ok(()));
    assert_eq!(label(&device, "Relay"), "ON");
    assert_eq!(device.write(0x034e, &[2], at(1)), Err(Flags::PARAMETER));
    assert_eq!(self::device("bmv-712").write(0x034e, &[1], at(1)), Ok(()));
    assert_eq!(
        self::device("smartshunt").write(0x034e, &[1], at(1)),
        Err(Flags::UNKNOWN_ID)
    );
}

#[test]
fn a_limit_holds_as_long_as_it_is_repeated() {
    let mut device = device("mppt-75-15");
    let free = (told(&device, "I"), told(&device, "PPV"));
    // Alone it does nothing.
    assert_eq!(device.write(0x2015, &[30, 0], at(0)), Ok(()));
    assert_eq!((told(&device, "I"), told(&device, "PPV")), free);
    assert_eq!(device.write(0x200e, &[5], at(0)), Ok(()));
    let limited = told(&device, "I") + device.live.load_current;
    assert!((2_900..=3_000).contains(&limited), "{limited}");
    assert!(told(&device, "PPV") < free.1 / 3);
    pass(&mut device, 50);
    assert_eq!(device.write(0x2015, &[30, 0], at(50)), Ok(()));
    pass(&mut device, 109);
    assert!(told(&device, "PPV") < free.1 / 3);
    assert_eq!(device.read(0x2015), Ok(vec![30, 0]));
    pass(&mut device, 110);
    assert!(told(&device, "PPV") > free.1 / 2);
    assert_eq!(device.read(0x2015), Ok(vec![0xff, 0xff]));
    assert_eq!(device.read(0x200e), Ok(vec![0]));
}

#[test]
fn the_setting_limits_even_where_the_network_allows_more() {
    let mut device = device("mppt-75-15");
    assert_eq!(device.write(0xedf0, &[20, 0], at(0)), Ok(()));
    assert_eq!(device.write(0x200e, &[5], at(0)), Ok(()));
    assert_eq!(device.write(0x2015, &[100, 0], at(0)), Ok(()));
    assert_eq!(device.live.charger_current, 2_000);
}

#[test]
fn a_charger_told_of_a_battery_management_wants_one_for_ever() {
    let mut device = device("mppt-75-15");
    assert_eq!(device.write(0x200e, &[0x0d], at(0)), Ok(()));
    assert_eq!((told(&device, "ERR"), told(&device, "CS")), (67, 2));
    device.restart();
    assert_eq!((told(&device, "ERR"), told(&device, "PPV")), (67, 0));
}

#[test]
fn answers_are_frames_that_repeat_the_register() {
    let mut device = device("smartshunt");
    let mut ask = |request: Request| device.answer(&request, at(1)).unwrap();
    assert_eq!(ask(Request::Ping), b":51944F3\n");
    assert_eq!(ask(Request::Version), b":11944F7\n");
    assert_eq!(ask(Request::Product), b":189A328\n");
    for request in [Request::Get(0x4711), Request::Set(0x0fff, vec![0, 0])] {
        let answer = ask(request.clone());
        let mut collector = Collector::default();
        let frame = Frame::parse(&answer, &mut collector).unwrap();
        let value = Answer::decode(&frame).value().unwrap();
        assert!(!value.flags.is_ok() && value.bytes.is_empty());
    }
    assert_eq!(device.answer(&Request::Restart, at(1)), None);
}

#[test]
fn a_register_that_is_set_has_its_usual_effect_or_a_fixed_value() {
    let mut device = device("mppt-75-15");
    device.set_register(0xedab, &[0]);
    assert_eq!(label(&device, "LOAD"), "OFF");
    device.set_register(0xeddd, &[1, 2, 3, 4]);
    device.set_register(0x4711, &[7]);
    assert_eq!(device.read(0xeddd), Ok(vec![1, 2, 3, 4]));
    assert_eq!(device.read(0x4711), Ok(vec![7]));
    device.set_register(0x010c, b"Roof");
    assert_eq!(device.read(0x010c), Ok(b"Roof".to_vec()));
}
