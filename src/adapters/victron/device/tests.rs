use super::remembered::HIGHEST;
use super::values::OLD_TEXT;
use super::*;
use crate::adapters::victron::metrics::METRICS;
use crate::adapters::victron::wire::text::{Decoder, Event, encode_block};

/// A device, and the text that it sends.
struct Bench {
    device: VeDevice,
    cycles: Cycles,
    now: Duration,
}

impl Bench {
    fn new() -> Self {
        Self {
            device: VeDevice::new("VE000001".to_owned(), Remembered::default(), TimeZone::UTC),
            cycles: Cycles::new(),
            now: Duration::ZERO,
        }
    }

    /// A round of one block, a second after the one before.
    fn round(&mut self, fields: &[(&str, &str)]) {
        self.now += Duration::from_secs(1);
        let Self {
            device,
            cycles,
            now,
        } = self;
        Decoder::new().push(&encode_block(fields).unwrap(), |event| {
            let Event::Block(block) = event else {
                panic!("it is whole")
            };
            cycles.block(&block, *now, |_| {});
        });
        let second = 1_800_000_000 + i64::try_from(now.as_secs()).unwrap();
        let at = Moment {
            steady: *now,
            wall: Timestamp::from_second(second).unwrap(),
        };
        cycles.tick(*now + Duration::from_secs(2), |cycles| {
            device.take_round(cycles, at);
        });
    }

    fn rounds(&mut self, count: usize, fields: &[(&str, &str)]) {
        for _ in 0..count {
            self.round(fields);
        }
    }

    fn hex(&mut self, register: u16, bytes: &[u8]) {
        self.take(&hex::Value::new(register, bytes));
    }

    fn take(&mut self, value: &hex::Value<'_>) {
        let now = Moment {
            steady: self.now,
            ..Moment::NONE
        };
        self.device.take_hex(value, now);
    }

    fn number(&self, key: &str) -> Option<String> {
        Some(self.device.value(key)?.as_number()?.to_string())
    }

    fn metrics(&mut self) -> Vec<String> {
        self.device.settle_identity();
        let device = self.device.known.device(&VictronConfig::default()).unwrap();
        let always = |key: &str| {
            METRICS
                .iter()
                .any(|row| row.is_always_there && row.key() == key)
        };
        let own = device.metrics.iter().filter(|metric| !always(&metric.key));
        own.map(|metric| metric.key.to_string()).collect()
    }

    fn has(&mut self, key: &str) -> bool {
        self.metrics().iter().any(|known| known == key)
    }
}

const SHUNT: &[(&str, &str)] = &[
    ("PID", "0xA381"),
    ("V", "12800"),
    ("VS", "12700"),
    ("I", "-1500"),
    ("P", "-19"),
    ("SOC", "876"),
    ("MON", "0"),
    ("H17", "100"),
    ("H18", "200"),
];

#[test]
fn a_device_has_the_metrics_that_it_sends_and_no_others() {
    let mut bench = Bench::new();
    bench.round(&[
        ("PID", "0xA053"),
        ("SER#", "HQ0000000AB"),
        ("V", "12800"),
        ("PPV", "20"),
    ]);
    assert_eq!(bench.metrics(), ["panel_power", "battery_voltage"]);
    let device = bench
        .device
        .known
        .device(&VictronConfig::default())
        .unwrap();
    assert_eq!(device.id.as_str(), "victron_hq0000000ab");
    assert_eq!(device.name, "SmartSolar MPPT 75/15 00AB");
    assert_eq!(device.model.as_deref(), Some("SmartSolar MPPT 75/15"));
    assert_eq!(device.model_id.as_deref(), Some("0xA053"));
    assert!(device.controls.is_empty());
}

#[test]
fn a_charger_without_load_output_has_none_whatever_it_says() {
    let mut bench = Bench::new();
    bench.round(&[("PID", "0xA06C"), ("V", "53000"), ("LOAD", "ON")]);
    assert_eq!(bench.metrics(), ["battery_voltage"]);
    let device = bench
        .device
        .known
        .device(&VictronConfig::default())
        .unwrap();
    assert_eq!(device.rated_power, Some(70 * HIGHEST));
}

#[test]
fn the_power_that_is_written_down_is_what_can_be() {
    let config = VictronConfig {
        max_power: Some(96_000),
        ..VictronConfig::default()
    };
    for (product, left_out) in [("0xA389", None), ("0xA06C", Some(70 * HIGHEST))] {
        let mut bench = Bench::new();
        bench.round(&[("PID", product), ("V", "53000")]);
        bench.device.settle_identity();
        let rated = |config| bench.device.known.device(config).unwrap().rated_power;
        assert_eq!(rated(&config), Some(96_000));
        assert_eq!(rated(&VictronConfig::default()), left_out);
    }
}

#[test]
fn power_is_reckoned_where_it_is_not_told() {
    let mut bench = Bench::new();
    bench.round(&[
        ("PID", "0xA053"),
        ("V", "13000"),
        ("I", "2000"),
        ("IL", "500"),
        ("ERR", "0"),
    ]);
    assert_eq!(bench.number("battery_power").as_deref(), Some("26.0"));
    assert_eq!(bench.number("load_power").as_deref(), Some("6.5"));
    assert_eq!(bench.device.value("fault"), Some(&false.into()));
    bench.round(&[
        ("PID", "0xA053"),
        ("V", "13000"),
        ("I", "2000"),
        ("ERR", "33"),
    ]);
    assert_eq!(bench.device.value("fault"), Some(&true.into()));
    let mut bench = Bench::new();
    bench.round(SHUNT);
    assert_eq!(bench.number("battery_power").as_deref(), Some("-19"));
}

#[test]
fn a_fault_is_an_error_a_warning_or_a_state() {
    let after = |labels: &[(&str, &str)]| {
        let mut bench = Bench::new();
        bench.round(&[&[("PID", "0xA201"), ("V", "13000")], labels].concat());
        bench.device.value("fault").cloned()
    };
    for (labels, fault) in [
        (&[("WARN", "0"), ("CS", "9")][..], Some(false.into())),
        (&[("WARN", "1"), ("CS", "9")], Some(true.into())),
        (&[("WARN", "0"), ("CS", "2")], Some(true.into())),
        (&[("ERR", "0")], Some(false.into())),
        (&[("ERR", "33")], Some(true.into())),
        (&[("ERR", "33"), ("WARN", "0")], Some(true.into())),
        (&[("CS", "3")], Some(false.into())),
        (&[], None),
    ] {
        assert_eq!(after(labels), fault, "{labels:?}");
    }
}

#[test]
fn a_shunt_that_measures_something_else_has_no_charge() {
    let mut bench = Bench::new();
    bench.round(SHUNT);
    assert!(bench.has("state_of_charge") && bench.has("energy_discharged"));
    let meter: Vec<_> = SHUNT
        .iter()
        .map(|(label, value)| match *label {
            "MON" => ("MON", "-9"),
            "SOC" => ("SOC", "---"),
            label => (label, *value),
        })
        .collect();
    bench.rounds(2, &meter);
    for key in ["state_of_charge", "energy_discharged", "energy_charged"] {
        assert!(!bench.has(key), "{key}");
    }
    assert_eq!(bench.number("energy_produced").as_deref(), Some("1.00"));
    assert_eq!(bench.number("energy_consumed").as_deref(), Some("2.00"));
    bench.rounds(2, SHUNT);
    assert!(bench.has("state_of_charge") && !bench.has("energy_produced"));
}

#[test]
fn the_auxiliary_input_is_what_it_is_set_to() {
    let with = |others: &[(&'static str, &'static str)]| {
        let rest = SHUNT.iter().filter(|(label, _)| *label != "VS").copied();
        rest.chain(others.iter().copied()).collect::<Vec<_>>()
    };
    let mut bench = Bench::new();
    bench.rounds(5, SHUNT);
    bench.rounds(5, &with(&[("VM", "6400"), ("DM", "-3")]));
    assert!(!bench.has("starter_voltage") && bench.has("mid_point_deviation"));
    bench.rounds(5, &with(&[("T", "21")]));
    assert!(!bench.has("mid_point_voltage") && bench.has("battery_temperature"));
    // A probe that was pulled is a temperature that nobody knows.
    bench.round(&with(&[("T", "---")]));
    assert_eq!(
        bench.device.value("battery_temperature"),
        Some(&Value::Unknown)
    );
    assert!(bench.has("battery_temperature"));
}

#[test]
fn a_probe_that_never_was_there_is_no_metric() {
    let mut bench = Bench::new();
    bench.round(&[
        ("PID", "0x203"),
        ("V", "12800"),
        ("T", "---"),
        ("SOC", "---"),
        ("TTG", "-1"),
    ]);
    assert!(!bench.has("battery_temperature"));
    assert!(bench.has("state_of_charge") && bench.has("time_to_go"));
    assert_eq!(bench.device.value("time_to_go"), Some(&Value::Unknown));
}

#[test]
fn a_label_that_is_missing_is_unknown_and_then_forgotten() {
    let mut bench = Bench::new();
    bench.round(&[("PID", "0xA053"), ("V", "12800"), ("IL", "500")]);
    bench.rounds(2, &[("PID", "0xA053"), ("V", "12800")]);
    assert_eq!(bench.number("load_current").as_deref(), Some("0.500"));
    bench.rounds(2, &[("PID", "0xA053"), ("V", "12800")]);
    assert_eq!(bench.device.value("load_current"), Some(&Value::Unknown));
    assert!(bench.has("load_current"));
    bench.now += Duration::from_secs(86_400);
    bench.round(&[("PID", "0xA053"), ("V", "12800")]);
    assert!(!bench.has("load_current"));
}

#[test]
fn text_counts_before_hex_and_hex_where_there_is_no_text() {
    let mut bench = Bench::new();
    bench.round(&[("PID", "0xA053"), ("V", "12800"), ("PPV", "20")]);
    bench.hex(0xedbc, &2_049_u32.to_le_bytes());
    assert_eq!(bench.number("panel_power").as_deref(), Some("20"));
    bench.hex(0xeddd, &12_345_u32.to_le_bytes());
    assert_eq!(bench.number("energy_total").as_deref(), Some("123.45"));
    // Not in a network: nothing to show.
    bench.hex(0x2027, &[0xff; 4]);
    assert!(!bench.has("network_panel_power"));
    bench.device.age(bench.now + Duration::from_secs(3600));
    assert_eq!(bench.number("energy_total").as_deref(), Some("123.45"));
}

#[test]
fn what_the_text_said_gives_way_to_hex_when_it_comes_no_more() {
    let mut bench = Bench::new();
    bench.round(&[
        ("PID", "0xA053"),
        ("V", "12800"),
        ("PPV", "20"),
        ("IL", "500"),
        ("H19", "100"),
    ]);
    bench.now += Duration::from_secs(20);
    bench.hex(0xedbc, &3_050_u32.to_le_bytes());
    assert_eq!(bench.number("panel_power").as_deref(), Some("30.50"));
    // Nothing says any more what the load takes.
    bench.now += Duration::from_secs(80);
    bench.device.age(bench.now);
    assert_eq!(bench.number("panel_power").as_deref(), Some("30.50"));
    for key in ["load_current", "load_power", "battery_voltage"] {
        assert_eq!(bench.device.value(key), Some(&Value::Unknown), "{key}");
    }
    assert_eq!(bench.number("energy_resettable").as_deref(), Some("1.00"));
}

#[test]
fn what_was_read_by_hex_gets_old() {
    let mut bench = Bench::new();
    bench.round(&[("PID", "0xA053"), ("V", "12800")]);
    bench.hex(0xeddb, &2_751_i16.to_le_bytes());
    bench.device.age(bench.now + Duration::from_secs(600));
    assert_eq!(
        bench.number("charger_temperature").as_deref(),
        Some("27.51")
    );
    bench.device.age(bench.now + Duration::from_secs(3600));
    assert_eq!(
        bench.device.value("charger_temperature"),
        Some(&Value::Unknown)
    );
}

#[test]
fn the_last_full_charge_stands_still() {
    let mut bench = Bench::new();
    let full = |bench: &Bench| bench.device.value("last_full_charge").cloned();
    bench.round(&[("PID", "0x203"), ("H9", "1000")]);
    let first = full(&bench);
    // A second later; the device counts minutes.
    bench.round(&[("PID", "0x203"), ("H9", "1000")]);
    assert_eq!(full(&bench), first);
    bench.round(&[("PID", "0x203"), ("H9", "0")]);
    assert_ne!(full(&bench), first);
}

#[test]
fn a_day_begins_when_the_charger_says_so() {
    let mut bench = Bench::new();
    let mut day = |number: &str| {
        bench.round(&[("PID", "0xA053"), ("V", "12800"), ("HSDS", number)]);
        bench.device.known.day.unwrap()
    };
    let first = day("364");
    assert_eq!(day("364"), first);
    // It wraps, and may begin a second one on the same date: the counters count on, the date stays.
    let second = day("0");
    assert_eq!(second.counted, first.counted.tomorrow().unwrap());
    assert_eq!(second.began, first.began);
    assert_eq!(day("1").counted, second.counted.tomorrow().unwrap());
}

#[test]
fn a_device_keeps_the_identity_that_it_was_first_known_by() {
    let mut bench = Bench::new();
    bench.round(SHUNT);
    bench.device.settle_identity();
    assert_eq!(bench.device.id().unwrap().as_str(), "victron_ve000001");
    bench.device.know_serial("HQ00000000C");
    let device = bench
        .device
        .known
        .device(&VictronConfig::default())
        .unwrap();
    assert_eq!(device.id.as_str(), "victron_ve000001");
    assert_eq!(device.serial, "HQ00000000C");
    assert!(bench.device.is_other(None, Some("HQ00000000D")));
    assert!(bench.device.is_other(Some(0xa389), None));
    assert!(!bench.device.is_other(Some(0xa381), None));
}

#[test]
fn the_name_that_was_given_in_its_app_comes_before_the_model() {
    let mut bench = Bench::new();
    bench.round(SHUNT);
    bench.device.know_serial("HQ00000000C");
    let named = |bench: &Bench| {
        bench
            .device
            .known
            .device(&VictronConfig::default())
            .unwrap()
            .name
    };
    assert_eq!(named(&bench), "BMV-712 Smart 000C");
    bench.device.know_custom_name(" House battery ");
    assert_eq!(named(&bench), "House battery");
}

#[test]
fn at_night_nothing_flows_and_what_was_counted_stays() {
    let mut bench = Bench::new();
    bench.round(&[
        ("PID", "0xA044"),
        ("V", "25900"),
        ("PPV", "3"),
        ("I", "100"),
        ("CS", "3"),
        ("H19", "100"),
    ]);
    bench.device.fall_asleep(bench.now);
    assert_eq!(bench.number("panel_power").as_deref(), Some("0"));
    assert_eq!(bench.number("battery_current").as_deref(), Some("0"));
    assert_eq!(bench.device.value("battery_voltage"), Some(&Value::Unknown));
    assert_eq!(bench.device.value("state"), Some(&"off".into()));
    assert_eq!(bench.number("energy_resettable").as_deref(), Some("1.00"));
}

#[test]
fn a_device_that_nobody_has_heard_of_works() {
    let mut bench = Bench::new();
    bench.round(&[
        ("PID", "0xA0FA"),
        ("V", "12800"),
        ("VPV", "40000"),
        ("NEW", "1"),
        ("CS", "99"),
    ]);
    assert_eq!(bench.device.family(), Some(Family::Mppt));
    assert_eq!(bench.device.label(), "Product 0xA0FA");
    assert_eq!(
        bench.device.holding.odd_text(LONGEST),
        Value::from("CS=99, NEW=1".to_owned())
    );
    let mut bench = Bench::new();
    bench.round(&[("BMV", "602S"), ("V", "12800"), ("SOC", "1000")]);
    assert_eq!(bench.device.family(), Some(Family::Shunt));
    assert_eq!(bench.device.model().as_deref(), Some("BMV-602S"));
}

/// A shunt set to measure what a wind turbine gives.
const METER: &[(&str, &str)] = &[
    ("PID", "0xA389"),
    ("V", "26480"),
    ("I", "4200"),
    ("P", "111"),
    ("SOC", "---"),
    ("MON", "-8"),
    ("H17", "4512"),
    ("H18", "3"),
];

#[test]
fn an_energy_meter_has_all_its_values_from_its_first_round() {
    let mut bench = Bench::new();
    bench.round(METER);
    for (key, expected) in [
        ("power", "111"),
        ("voltage", "26.480"),
        ("current", "4.200"),
        ("energy_produced", "45.12"),
        ("energy_consumed", "0.03"),
    ] {
        assert_eq!(bench.number(key).as_deref(), Some(expected), "{key}");
        assert!(bench.has(key), "{key}");
    }
    for key in ["energy_discharged", "battery_power", "state_of_charge"] {
        assert!(!bench.has(key), "{key}");
        assert_eq!(bench.device.value(key), None, "{key}");
    }
}

#[test]
fn an_energy_waits_until_its_mode_is_certain() {
    let mut bench = Bench::new();
    // The end of a round that began without us.
    bench.round(&[("H7", "11"), ("H17", "4512"), ("H18", "3")]);
    assert_eq!(bench.device.value("energy_discharged"), None);
    assert_eq!(bench.number("battery_voltage_min"), None);
    bench.round(METER);
    assert_eq!(bench.number("energy_produced").as_deref(), Some("45.12"));
    // Set to measure a battery, while its main block is lost.
    bench.round(&[("H17", "9912"), ("H18", "7703")]);
    assert_eq!(bench.number("energy_produced").as_deref(), Some("45.12"));
    bench.round(&[
        ("PID", "0xA389"),
        ("V", "26480"),
        ("MON", "0"),
        ("H17", "9912"),
        ("H18", "7703"),
    ]);
    assert_eq!(bench.number("energy_discharged").as_deref(), Some("99.12"));
    assert_eq!(bench.device.value("energy_produced"), None);
}

#[test]
fn a_monitor_without_modes_measures_a_battery() {
    let mut bench = Bench::new();
    bench.round(&[("PID", "0x203"), ("V", "12800"), ("SOC", "876")]);
    bench.round(&[("H17", "4512")]);
    assert_eq!(bench.number("energy_discharged").as_deref(), Some("45.12"));
}

#[test]
fn registers_of_a_shunt_wait_for_its_mode() {
    let energy = 4512_u32.to_le_bytes();
    let shunt = || {
        let mut bench = Bench::new();
        bench.device.know_product(0xa389);
        bench.hex(0x0310, &energy);
        assert_eq!(bench.device.value("energy_discharged"), None);
        bench
    };
    let mut bench = shunt();
    bench.hex(0xeeb8, &(-8_i16).to_le_bytes());
    bench.hex(0x0310, &energy);
    assert_eq!(bench.number("energy_produced").as_deref(), Some("45.12"));
    let mut bench = shunt();
    let mut none = hex::Value::new(0xeeb8, &[]);
    none.flags = hex::Flags::UNKNOWN_ID;
    bench.take(&none);
    bench.hex(0x0310, &energy);
    assert_eq!(bench.number("energy_discharged").as_deref(), Some("45.12"));
}

#[test]
fn a_number_without_a_word_becomes_one_of_the_words_of_its_metric() {
    let mut bench = Bench::new();
    for error in ["99", "37", "99", "0"] {
        bench.round(&[("PID", "0xA053"), ("V", "12800"), ("ERR", error)]);
        let value = bench.device.value("error").cloned();
        let expected = match error {
            "99" => "other (99)",
            "37" => "input absent: mains or fuse",
            _ => "none",
        };
        assert_eq!(value, Some(expected.into()));
    }
    bench.device.settle_identity();
    let options = |bench: &Bench| {
        let device = bench
            .device
            .known
            .device(&VictronConfig::default())
            .unwrap();
        match &device.metric("error").unwrap().behavior {
            Behavior::State(options) => options.clone().into_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert!(options(&bench).contains(&"other (99)".into()));
    assert!(options(&bench).contains(&"other".into()));
    // Damage must not fill the list without end.
    let most = options(&bench).len() + 10;
    for error in 300..400 {
        let error = error.to_string();
        bench.round(&[("PID", "0xA053"), ("V", "12800"), ("ERR", error.as_str())]);
    }
    assert!(options(&bench).len() <= most);
}

#[test]
fn a_load_output_of_an_unknown_product_has_a_current() {
    let mut bench = Bench::new();
    let block = [("PID", "0xA0FE"), ("V", "13730"), ("LOAD", "ON")];
    bench.round(&block);
    assert!(!bench.has("load_output"));
    bench.round(&[&block[..], &[("IL", "0")]].concat());
    assert!(bench.has("load_output"));
    assert_eq!(bench.device.value("load_output"), Some(&true.into()));
}

#[test]
fn a_battery_that_never_was_full_has_no_moment_for_that() {
    let mut bench = Bench::new();
    let full = |bench: &Bench| bench.device.value("last_full_charge").cloned();
    bench.round(&[("PID", "0x203"), ("H9", "0"), ("H10", "0")]);
    assert_eq!(full(&bench), Some(Value::Unknown));
    bench.round(&[("PID", "0x203"), ("H9", "0"), ("H10", "1")]);
    let first = full(&bench);
    assert!(first.as_ref().is_some_and(Value::is_known));
    // It is full, and stays so.
    for _ in 0..600 {
        bench.round(&[("PID", "0x203"), ("H9", "0"), ("H10", "1")]);
    }
    assert_eq!(full(&bench), first);
    bench.round(&[("PID", "0x203"), ("H9", "60"), ("H10", "1")]);
    assert_ne!(full(&bench), first);
}

#[test]
fn a_monitor_without_a_number_is_called_by_that_of_its_adapter() {
    let port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1B2C3D4-if00-port0";
    let mut device = VeDevice::new(port.to_owned(), Remembered::default(), TimeZone::UTC);
    device.know_product(0xa381);
    device.settle_identity();
    assert_eq!(device.label(), "BMV-712 Smart C3D4");
}

#[test]
fn more_energy_than_a_charger_can_have_moved_is_not_known() {
    let mut bench = Bench::new();
    // 1.2 kW for thirty years are 315,576 kWh.
    bench.round(&[("PID", "0xA053"), ("V", "12800"), ("H19", "31557600")]);
    assert!(bench.number("energy_resettable").is_some());
    bench.round(&[("PID", "0xA053"), ("V", "12800"), ("H19", "31557601")]);
    assert_eq!(bench.number("energy_resettable"), None);
}

#[test]
fn values_hold_over_the_pauses_that_belong_to_a_device() {
    let patience = |product: u16, pause: u64| {
        let mut device = VeDevice::new("port".to_owned(), Remembered::default(), TimeZone::UTC);
        device.know_product(product);
        device.settle_identity();
        device.know_pause(Duration::from_secs(pause));
        device
            .known
            .device(&VictronConfig::default())
            .unwrap()
            .patience
            .unwrap()
    };
    assert_eq!(patience(0xa053, 4), OLD_TEXT);
    assert!(patience(0xa340, 240) > Duration::from_secs(300));
    // This one lives on its panels.
    assert!(patience(0xa044, 4) >= Duration::from_secs(16 * 3600));
}

#[test]
fn a_label_that_came_once_does_not_stay_among_what_nobody_knows() {
    let mut bench = Bench::new();
    let block = [("PID", "0xA053"), ("V", "12800")];
    bench.round(&[&block[..], &[("NEW", "7")]].concat());
    assert_eq!(
        bench.device.holding.odd_text(LONGEST),
        "NEW=7".to_owned().into()
    );
    bench.rounds(3, &block);
    assert_eq!(bench.device.holding.odd_text(LONGEST), "none".into());
}
