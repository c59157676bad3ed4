use super::super::MODELS;
use super::super::settings::VictronSettings;
use super::*;

fn device(name: &str) -> Device {
    let model = Model::named(name).unwrap();
    Device::new(model, model.serial, beginning())
}

fn beginning() -> Beginning {
    VictronSettings::new(Model::named("bmv-712").unwrap()).beginning()
}

/// Lets so many seconds pass for a device.
fn pass(device: &mut Device, seconds: u64) {
    let passed = Duration::from_secs(seconds);
    device.advance(Moment {
        wall: device.last.wall + passed,
        steady: device.last.steady + passed,
    });
}

fn label(device: &Device, label: &str) -> Option<String> {
    let blocks = 0..device.model.blocks.len();
    let mut text = blocks.flat_map(|block| device.text(block));
    text.find(|(name, _)| name == label).map(|(_, value)| value)
}

fn told(device: &Device, name: &str) -> i64 {
    label(device, name).unwrap().parse().unwrap()
}

#[test]
fn names_serials_and_labels_of_all_models_are_in_order() {
    for (at, model) in MODELS.iter().enumerate() {
        assert_eq!(Model::named(model.name).unwrap().product, model.product);
        for other in &MODELS[..at] {
            assert_ne!(model.name, other.name);
            assert_ne!(model.serial, other.serial);
        }
        let serial = model.serial;
        assert!(
            serial.starts_with("HQ0000000") && serial.len() == 11,
            "{serial}"
        );
        for id in model.tells {
            assert!(model.row(*id).is_some(), "{} {id:#06x}", model.name);
        }
        let mut labels: Vec<_> = model.labels().collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), model.labels().count(), "{}", model.name);
    }
}

#[test]
fn the_firmware_in_text_is_that_of_hex() {
    for model in MODELS {
        let device = Device::new(model, model.serial, beginning());
        let told = label(&device, "FW")
            .or_else(|| label(&device, "FWE"))
            .unwrap();
        let hex = format!("{:X}", model.firmware());
        let told = told.trim_start_matches('0').trim_end_matches("FF");
        assert_eq!(told, hex, "{}", model.name);
    }
}

#[test]
fn a_day_of_sun_fills_the_counters_that_belong_together() {
    let mut device = device("mppt-75-15");
    let (user, today) = (told(&device, "H19"), told(&device, "H20"));
    for _ in 1..=120 {
        pass(&mut device, 60);
    }
    let more = told(&device, "H20") - today;
    assert!(more > 10, "{more}");
    assert_eq!(told(&device, "H19"), user + more);
    let register = |id| number(&device.read(id).unwrap(), false);
    assert_eq!(register(0xeddc), user + more);
    assert_eq!(register(0xedd3), today + more);
    assert_eq!(register(0xeddd) - register(0xeddc), 20_000);
    assert_eq!(told(&device, "H21"), register(0xedd2));
    assert_eq!(told(&device, "H22"), register(0xedd1));
}

#[test]
fn at_midnight_today_becomes_yesterday() {
    let mut device = device("mppt-150-70");
    let before = ["H19", "H20", "H21", "HSDS"].map(|name| told(&device, name));
    device.set_night(true);
    pass(&mut device, 11 * 3600);
    assert!(!device.day_ended);
    // What flowed before it got dark counts until the device was looked at again.
    let evening = ["H19", "H20", "H21", "HSDS"].map(|name| told(&device, name));
    assert_eq!(before, evening);
    pass(&mut device, 2 * 3600);
    assert!(device.day_ended);
    let [total, today, power, day] = evening;
    assert_eq!(told(&device, "H19"), total);
    assert_eq!((told(&device, "H20"), told(&device, "H21")), (0, 0));
    assert_eq!((told(&device, "H22"), told(&device, "H23")), (today, power));
    assert_eq!(told(&device, "HSDS"), day + 1);
}

#[test]
fn time_may_fly() {
    let model = Model::named("multi-rs").unwrap();
    let mut device = Device::new(model, model.serial, beginning());
    for _ in 1..=50 {
        let before = told(&device, "H19");
        pass(&mut device, 100_000);
        assert!(told(&device, "H19") >= before);
    }
}

#[test]
fn a_battery_monitor_counts_what_flows() {
    let mut device = device("bmv-712");
    device.set_night(true);
    let before = ["H17", "H18", "CE", "H6", "H9"].map(|name| told(&device, name));
    assert!(told(&device, "I") < 0);
    assert!(told(&device, "TTG") > 0);
    for _ in 1..=600 {
        pass(&mut device, 60);
    }
    let [discharged, charged, consumed, drawn, full] = before;
    assert!(told(&device, "H17") > discharged);
    assert_eq!(told(&device, "H18"), charged);
    assert_eq!(told(&device, "CE") - consumed, told(&device, "H6") - drawn);
    assert_eq!(told(&device, "H9"), full + 36_000);
    let percent = 100.0 + told(&device, "CE") as f64 / 2_000.0;
    assert!((told(&device, "SOC") as f64 / 10.0 - percent).abs() < 0.2);
    // Above the charge the rest is not needed for, there is still time to go; below, there is none.
    device.answer(
        &super::super::super::wire::hex::Request::Set(0x102c, vec![]),
        Duration::ZERO,
    );
    assert_eq!((told(&device, "CE"), told(&device, "SOC")), (0, 1000));
}

#[test]
fn an_energy_meter_has_no_state_of_charge() {
    let mut device = device("smartshunt");
    assert_ne!(label(&device, "SOC").unwrap(), "---");
    let discharged = label(&device, "H17");
    device.set_register(0xeeb8, &(-9_i16).to_le_bytes());
    for name in [
        "CE", "SOC", "TTG", "H1", "H2", "H3", "H4", "H5", "H6", "H9", "H10",
    ] {
        assert_eq!(label(&device, name).unwrap(), "---", "{name}");
    }
    assert_eq!(label(&device, "MON").unwrap(), "-9");
    // What was drawn from a battery has gone into a meter.
    assert_eq!(label(&device, "H18"), discharged);
    assert_eq!(device.read(0x0fff), Ok(vec![0xff, 0xff]));
    assert_eq!(device.read(0xeeff), Ok(vec![0xff, 0xff, 0xff, 0x7f]));
}

#[test]
fn the_auxiliary_input_decides_which_labels_there_are() {
    let mut device = device("bmv-712");
    let labels = |device: &Device| {
        let there = ["VS", "VM", "DM", "T"].map(|name| label(device, name).is_some());
        (there, label(device, "H15").is_some())
    };
    assert_eq!(labels(&device), ([true, false, false, false], true));
    device.set_register(AUX_MODE, &[1]);
    assert_eq!(labels(&device), ([false, true, true, false], false));
    device.set_register(AUX_MODE, &[2]);
    assert_eq!(labels(&device), ([false, false, false, true], false));
    assert_eq!(device.read(0xed7d), Ok(vec![0xff, 0x7f]));
}

#[test]
fn at_night_a_charger_rests_and_says_why() {
    let mut device = device("mppt-75-15");
    device.set_night(true);
    assert_eq!((told(&device, "CS"), told(&device, "PPV")), (0, 0));
    assert_eq!(label(&device, "OR").unwrap(), "0x00000001");
    assert!(told(&device, "I") < 0, "the load goes on");
    assert!(!device.is_dead());
    let model = Model::named("mppt-blue-100-30").unwrap();
    let mut on_panels = Device::new(model, model.serial, beginning());
    assert!(!on_panels.is_dead());
    on_panels.set_night(true);
    assert!(on_panels.is_dead());
}

#[test]
fn labels_can_be_fixed_left_out_and_added() {
    let mut device = device("mppt-150-70");
    device.set_label("V", Some("12345"));
    device.set_label("PPV", None);
    device.set_label("NEW", Some("x"));
    assert_eq!(label(&device, "V").unwrap(), "12345");
    assert_eq!(label(&device, "PPV"), None);
    assert_eq!(device.text(1).last().unwrap().0, "NEW");
    device.set_label("V", Some("12346"));
    assert_eq!(label(&device, "V").unwrap(), "12346");
}

#[test]
fn numbers_have_signs_where_they_may() {
    assert_eq!(number(&[0xf7, 0xff], true), -9);
    assert_eq!(number(&[0xf7, 0xff], false), 0xfff7);
    assert_eq!(number(&[], true), 0);
    assert_eq!(number(&[0xff; 12], true), -1);
}
