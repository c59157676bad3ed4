use super::*;
use crate::adapters::victron::device::Remembered;
use crate::adapters::victron::wire::hex::{Flags, Value as Register};
use crate::adapters::victron::wire::registers;
use crate::clock::Moment;

const NOW: Duration = Duration::from_secs(1_000);

/// A device that has these registers with these numbers.
fn device(product: u16, firmware: &str, registers: &[(u16, i64)]) -> VeDevice {
    let mut device = VeDevice::new(
        "port".to_owned(),
        Remembered::default(),
        jiff::tz::TimeZone::UTC,
    );
    device.know_product(product);
    device.know_firmware(firmware.to_owned());
    for (id, number) in registers {
        let register = registers::Register::of(*id).unwrap();
        let bytes = register
            .encode(Decimal::new(*number, register.decimals))
            .unwrap();
        let now = Moment {
            steady: NOW,
            ..Moment::NONE
        };
        device.take_hex(&Register::new(*id, &bytes), now);
    }
    device
}

fn solar_charger(firmware: &str) -> VeDevice {
    device(
        0xa053,
        firmware,
        &[(0x0200, 1), (0xedab, 1), (0x2015, 100), (0xeddf, 150)],
    )
}

/// Plays a device that does as it is told, and says what it was asked.
fn obey(
    controls: &mut Controls,
    device: &VeDevice,
    key: &str,
    value: &Value,
) -> (Vec<Request>, Result<Value, String>) {
    let begun = controls.begin(7, key, value, device, NOW);
    if let Err(why) = begun {
        return (Vec::new(), Err(why));
    }
    let mut asked = Vec::new();
    let mut written = std::collections::BTreeMap::new();
    loop {
        let request = controls.next(NOW).expect("it goes on");
        assert_eq!(controls.next(NOW), None, "one at a time");
        asked.push(request.clone());
        let finished = match &request {
            Request::Set(register, bytes) => {
                written.insert(*register, bytes.clone());
                let answer = Answer::Set(Register::new(*register, bytes));
                controls.answered(&request, &answer, device, NOW)
            }
            Request::Get(register) => {
                let register_of = |register: u16| written.get(&register).cloned();
                let bytes = match *register {
                    0x034f => vec![2],
                    0xeda8 => register_of(0xedab).map_or(vec![1], |mode| vec![mode[0].min(1)]),
                    register => register_of(register).unwrap_or_else(|| vec![1]),
                };
                let answer = Answer::Get(Register::new(*register, &bytes));
                controls.answered(&request, &answer, device, NOW)
            }
            other => panic!("{other:?}"),
        };
        if let Some(Finished { id, result }) = finished {
            assert_eq!(id, 7);
            return (asked, result);
        }
    }
}

fn text(word: &'static str) -> Value {
    Value::Text(word.into())
}

#[test]
fn a_device_offers_what_it_can_do() {
    let keys = |device: &VeDevice| {
        let controls = offered(device);
        controls
            .iter()
            .map(|control| control.key.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&solar_charger("1.59")),
        [
            "mode",
            "load_output",
            "load_control",
            "charge_current_limit",
            "lift_charge_current_limit"
        ]
    );
    // Without a load output, and not in reach of a network.
    assert_eq!(keys(&device(0xa06c, "3.16", &[(0x0200, 1)])), ["mode"]);
    assert_eq!(keys(&device(0xa271, "1.18", &[(0x0200, 2)])), ["mode"]);
    // Nobody has seen what an RS device makes of it.
    assert_eq!(keys(&device(0xa442, "1.18", &[(0x0200, 3)])), [""; 0]);
    // A relay that minds itself is not switched.
    assert_eq!(
        keys(&device(0xa381, "4.08", &[(0x034f, 0), (0x034e, 0)])),
        [""; 0]
    );
    assert_eq!(
        keys(&device(0xa381, "4.08", &[(0x034f, 2), (0x034e, 0)])),
        ["relay"]
    );
}

#[test]
fn the_mode_is_written_and_read_back() {
    let (asked, result) = obey(
        &mut Controls::default(),
        &solar_charger("1.59"),
        "mode",
        &text("off"),
    );
    assert_eq!(asked, [Request::Set(0x0200, vec![4]), Request::Get(0x0200)]);
    assert_eq!(result, Ok(text("off")));
    let inverter = device(0xa271, "1.18", &[(0x0200, 2)]);
    let (asked, _) = obey(&mut Controls::default(), &inverter, "mode", &text("eco"));
    assert_eq!(asked, [Request::Set(0x0200, vec![5]), Request::Get(0x0200)]);
    let (_, result) = obey(
        &mut Controls::default(),
        &inverter,
        "mode",
        &text("charger on"),
    );
    assert!(result.is_err());
}

#[test]
fn old_solar_chargers_are_told_first_that_they_are_controlled() {
    let (asked, _) = obey(
        &mut Controls::default(),
        &solar_charger("1.23"),
        "mode",
        &text("charger on"),
    );
    assert_eq!(asked[0], Request::Set(0x0202, vec![2, 0, 0, 0]));
    let (asked, _) = obey(
        &mut Controls::default(),
        &solar_charger("1.42"),
        "mode",
        &text("charger on"),
    );
    assert_eq!(asked.len(), 2);
}

#[test]
fn a_load_output_that_is_switched_on_again_guards_the_battery_as_before() {
    let mut controls = Controls::default();
    let (asked, result) = obey(
        &mut controls,
        &solar_charger("1.59"),
        "load_output",
        &false.into(),
    );
    assert_eq!(asked[0], Request::Set(0xedab, vec![0]));
    assert_eq!(result, Ok(false.into()));
    let off = device(0xa053, "1.59", &[(0xedab, 0)]);
    let (asked, _) = obey(&mut controls, &off, "load_output", &true.into());
    assert_eq!(asked[0], Request::Set(0xedab, vec![AUTOMATIC]));
    // It is so already: memory that wears out is not written.
    let (asked, result) = obey(
        &mut controls,
        &solar_charger("1.59"),
        "load_control",
        &text("automatic"),
    );
    assert_eq!(asked, [Request::Get(0xedab)]);
    assert_eq!(result, Ok(text("automatic")));
}

#[test]
fn a_limit_is_kept_up_until_it_is_lifted() {
    let mut controls = Controls::default();
    let ten = Value::Number(Decimal::integer(10));
    let (asked, result) = obey(
        &mut controls,
        &solar_charger("1.59"),
        "charge_current_limit",
        &ten,
    );
    assert_eq!(asked[..2], limit::writes(100));
    assert_eq!(result, Ok(ten));
    let at = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
    assert_eq!(controls.keep_up(at(0), true, true), Upkeep::Nothing);
    assert_eq!(controls.keep_up(at(29), true, true), Upkeep::Nothing);
    let told = Upkeep::Tell(limit::writes(100));
    assert_eq!(controls.keep_up(at(30), true, true), told);
    assert_eq!(controls.end_limit(None, "lifted"), []);
    assert_eq!(controls.keep_up(at(59), true, true), Upkeep::Nothing);
}

/// Answers what is asked next with these numbers, a byte each, and says what was asked. A step whose
/// time has not come yet is waited for.
fn answer(
    controls: &mut Controls,
    device: &VeDevice,
    answers: &[Option<u8>],
) -> (Vec<Request>, Option<Result<Value, String>>) {
    let mut now = NOW;
    let mut asked = Vec::new();
    for byte in answers {
        let request = loop {
            match controls.next(now) {
                Some(request) => break request,
                None => now += Duration::from_millis(500),
            }
            assert!(now < NOW + Duration::from_secs(60), "it asks nothing more");
        };
        asked.push(request.clone());
        let (Request::Get(register) | Request::Set(register, _)) = request else {
            panic!("{request:?}")
        };
        let bytes: Vec<u8> = byte.iter().copied().collect();
        let mut value = Register::new(register, &bytes);
        if byte.is_none() {
            value.flags = Flags::UNKNOWN_ID;
        }
        let told = match request {
            Request::Get(_) => Answer::Get(value),
            _ => Answer::Set(value),
        };
        if let Some(finished) = controls.answered(&request, &told, device, now) {
            return (asked, Some(finished.result));
        }
    }
    (asked, None)
}

#[test]
fn a_load_that_stays_off_is_told_with_its_reason() {
    let mut controls = Controls::default();
    let device = device(0xa053, "1.59", &[(0xedab, 1), (0xeda8, 0), (0xed91, 1)]);
    let on = Value::from(true);
    controls.begin(1, "load_output", &on, &device, NOW).unwrap();
    let no = [Some(1), Some(0), Some(0), Some(0), Some(1)];
    let (asked, result) = answer(&mut controls, &device, &no);
    let output = Request::Get(0xeda8);
    let expected = [
        Request::Get(0xedab),
        output.clone(),
        output.clone(),
        output,
        Request::Get(0xed91),
    ];
    assert_eq!(asked, expected);
    let why = result.unwrap().unwrap_err();
    assert!(
        why.contains("\"automatic\", but its load output is still off (battery low)"),
        "{why}"
    );

    // Its relay takes a moment.
    controls.begin(2, "load_output", &on, &device, NOW).unwrap();
    let (asked, result) = answer(&mut controls, &device, &[Some(1), Some(0), Some(1)]);
    assert_eq!(asked.len(), 3);
    assert_eq!(result, Some(Ok(on)));

    // It does not go off.
    let off = Value::from(false);
    controls
        .begin(3, "load_output", &off, &device, NOW)
        .unwrap();
    let no = [Some(0), Some(0), Some(1), Some(1), Some(1)];
    let (_, result) = answer(&mut controls, &device, &no);
    let why = result.unwrap().unwrap_err();
    assert!(why.contains("still on"), "{why}");
}

#[test]
fn a_load_output_that_has_no_register_is_known_by_the_text() {
    for (is_on, expected) in [(1, true), (0, false)] {
        let mut controls = Controls::default();
        // The text says so in the same value.
        let device = device(0xa053, "1.59", &[(0xedab, 1), (0xeda8, is_on)]);
        let on = Value::from(true);
        controls.begin(1, "load_output", &on, &device, NOW).unwrap();
        let (_, result) = answer(&mut controls, &device, &[Some(1), None]);
        assert_eq!(result, None);
        assert_eq!(controls.tick(&device, NOW), None, "the text needs a moment");
        let seconds = (0..20).map(|second| NOW + Duration::from_secs(second));
        let finished: Vec<_> = seconds
            .filter_map(|now| controls.tick(&device, now))
            .collect();
        assert_eq!(finished.len(), 1);
        assert_eq!(finished[0].result.is_ok(), expected, "{finished:?}");
    }
}

#[test]
fn a_relay_that_minds_itself_by_now_is_not_written() {
    let mut controls = Controls::default();
    let device = device(0xa381, "4.08", &[(0x034f, 2), (0x034e, 0)]);
    controls
        .begin(1, "relay", &true.into(), &device, NOW)
        .unwrap();
    let (asked, result) = answer(&mut controls, &device, &[Some(0)]);
    assert_eq!(asked, [Request::Get(0x034f)]);
    let why = result.unwrap().unwrap_err();
    assert!(why.contains("VictronConnect"), "{why}");
    assert_eq!(controls.next(NOW), None);
}

#[test]
fn a_limit_that_was_lifted_or_replaced_meanwhile_does_not_come_back() {
    let mut controls = Controls::default();
    let device = solar_charger("1.59");
    let amperes = |amperes| Value::Number(Decimal::integer(amperes));
    let at = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
    let ids = |finished: Vec<Finished>| -> Vec<u64> {
        finished.iter().map(|finished| finished.id).collect()
    };
    controls.keep_up(at(0), true, true);
    let (_, result) = obey(&mut controls, &device, SET_LIMIT, &amperes(20));
    assert_eq!(result, Ok(amperes(20)));
    // A lower one: the higher one is not told in between, though its time has come.
    controls
        .begin(1, SET_LIMIT, &amperes(10), &device, NOW)
        .unwrap();
    assert_eq!(ids(controls.end_limit(Some(1), "another")), [0; 0]);
    assert_eq!(controls.keep_up(at(40), true, true), Upkeep::Nothing);
    let first = controls.next(NOW).unwrap();
    let finished = controls.unanswered(&first).unwrap();
    assert!(finished.result.unwrap_err().contains("No limit is kept up"));
    assert_eq!(controls.keep_up(at(50), true, true), Upkeep::Nothing);

    // Lifted while one waits and one is under way.
    controls
        .begin(2, SET_LIMIT, &amperes(10), &device, NOW)
        .unwrap();
    controls
        .begin(3, "mode", &text("off"), &device, NOW)
        .unwrap();
    controls
        .begin(4, SET_LIMIT, &amperes(11), &device, NOW)
        .unwrap();
    assert!(controls.next(NOW).is_some());
    assert_eq!(ids(controls.end_limit(None, "lifted")), [2, 4]);
    assert_eq!(controls.next(NOW), Some(Request::Set(0x0200, vec![4])));
    assert_eq!(controls.keep_up(at(100), true, true), Upkeep::Nothing);
}

#[test]
fn what_nobody_waits_for_is_not_begun() {
    let mut controls = Controls::default();
    let device = solar_charger("1.59");
    for id in 1..=2 {
        controls
            .begin(id, "mode", &text("off"), &device, NOW)
            .unwrap();
    }
    assert!(controls.next(NOW).is_some());
    controls.withdraw(1);
    controls.withdraw(2);
    // What has been written already is seen through.
    let left: Vec<u64> = controls.abandon("gone").iter().map(|job| job.id).collect();
    assert_eq!(left, [1]);
}

#[test]
fn what_the_device_does_not_take_is_told() {
    let mut controls = Controls::default();
    let device = solar_charger("1.59");
    controls
        .begin(1, "mode", &text("off"), &device, NOW)
        .unwrap();
    let request = controls.next(NOW).unwrap();
    let mut refused = Register::new(0x0200, &[]);
    refused.flags = Flags::NOT_SUPPORTED;
    let finished = controls
        .answered(&request, &Answer::Set(refused), &device, NOW)
        .unwrap();
    assert!(finished.result.unwrap_err().contains("refuses"));

    // It says yes, and is still on.
    controls
        .begin(2, "mode", &text("off"), &device, NOW)
        .unwrap();
    let set = controls.next(NOW).unwrap();
    assert_eq!(
        controls.answered(
            &set,
            &Answer::Set(Register::new(0x0200, &[4])),
            &device,
            NOW
        ),
        None
    );
    let get = controls.next(NOW).unwrap();
    let finished = controls
        .answered(
            &get,
            &Answer::Get(Register::new(0x0200, &[1])),
            &device,
            NOW,
        )
        .unwrap();
    assert!(finished.result.unwrap_err().contains("0x0200 says 1"));

    controls
        .begin(3, "mode", &text("off"), &device, NOW)
        .unwrap();
    let set = controls.next(NOW).unwrap();
    let finished = controls.unanswered(&set).unwrap();
    assert!(finished.result.unwrap_err().contains("did not answer"));
}

#[test]
fn commands_wait_for_each_other_but_not_without_end() {
    let mut controls = Controls::default();
    let device = solar_charger("1.59");
    for id in 0..MOST as u64 {
        controls
            .begin(id, "mode", &text("off"), &device, NOW)
            .unwrap();
    }
    assert!(
        controls
            .begin(9, "mode", &text("off"), &device, NOW)
            .is_err()
    );
    assert_eq!(controls.abandon("gone").len(), MOST);
    assert_eq!(controls.next(NOW), None);
}

#[test]
fn nothing_but_these_registers_is_ever_written() {
    const ALLOWED: [u16; 6] = [0x0200, 0x0202, 0x034e, 0x200e, 0x2015, 0xedab];
    for device in [
        solar_charger("1.23"),
        device(0xa381, "4.08", &[(0x034f, 2), (0x034e, 0)]),
        device(0xa271, "1.18", &[(0x0200, 2)]),
    ] {
        for control in offered(&device) {
            let values = match &control.kind {
                ControlKind::Switch => vec![true.into(), false.into()],
                ControlKind::Number { min, max, .. } => {
                    vec![Value::Number(*min), Value::Number(*max)]
                }
                ControlKind::Select(options) => options.iter().cloned().map(Value::Text).collect(),
                ControlKind::Button => vec![Value::Unknown],
            };
            for value in values {
                let (asked, _) = obey(&mut Controls::default(), &device, &control.key, &value);
                for request in asked {
                    if let Request::Set(register, bytes) = request {
                        assert!(ALLOWED.contains(&register), "{register:#06x}");
                        assert!(register != 0x200e || bytes == [0x05]);
                    }
                }
            }
        }
    }
}
