use proptest::prelude::*;

use super::super::{AnswerContent, AnswerFault, InverterAnswer};
use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn serial(text: &str) -> InverterSerial {
    text.parse().unwrap()
}

fn input(voltage: &str, current: &str, counter: u64) -> PanelInput {
    PanelInput {
        voltage: decimal(voltage),
        current: decimal(current),
        counter,
    }
}

fn ds3() -> PanelTelemetry {
    PanelTelemetry {
        serial: serial("703000990001"),
        layout: TelemetryLayout::Ds3,
        model: Some(0x20),
        firmware: Some(InverterFirmware::new(3, 15)),
        temperature: Some(decimal("35.5600")),
        frequency: Some(decimal("49.98")),
        grid_voltage: Some(decimal("227.80")),
        clock: 12_345,
        status: StatusBits::Bb([0; 5]),
        links: None,
        inputs: vec![
            input("33.5", "4.68800", 12_345_678),
            input("35.5", "5.86000", 23_456_789),
        ],
        ac_power: Some(333),
        reactive_power: Some(-21),
        state: Some(0),
    }
}

fn qs1(serial_number: &str, layout: TelemetryLayout) -> PanelTelemetry {
    let inputs = vec![
        input("34.241", "1.3428", 1_234_567_890),
        input("34.261", "1.3495", 1_234_567_891),
        input("34.281", "2.6855", 1_099_511_627_775),
        input("34.301", "1.7120", 7),
    ];
    let is_four = layout == TelemetryLayout::Qs1;
    PanelTelemetry {
        serial: serial(serial_number),
        layout,
        model: None,
        firmware: None,
        temperature: Some(decimal("16.5000")),
        frequency: Some(decimal("49.987")),
        grid_voltage: Some(decimal("227.273")),
        clock: 23_456,
        status: StatusBits::B1([0, 0, 2, 0]),
        links: is_four.then_some(0x0102),
        inputs: inputs.into_iter().take(layout.inputs()).collect(),
        ac_power: None,
        reactive_power: None,
        state: None,
    }
}

fn again(telemetry: &PanelTelemetry) -> PanelTelemetry {
    let content = InverterAnswer::decode(&telemetry.data()).unwrap().content;
    let AnswerContent::Telemetry(read) = content else {
        panic!("{content:?}")
    };
    *read
}

#[test]
fn each_layout_is_read_as_it_was_written() {
    let mut qs2 = ds3();
    qs2.layout = TelemetryLayout::Qs2;
    qs2.model = Some(0x36);
    qs2.inputs = vec![
        input("34.27200", "4.6800", 1),
        input("34.29216", "4.6917", 2),
        input("20.16", "1.17", u64::from(u32::MAX)),
        input("0", "0", 0),
    ];
    for telemetry in [
        ds3(),
        qs2,
        qs1("801000990001", TelemetryLayout::Qs1),
        qs1("408000990001", TelemetryLayout::Yc600),
    ] {
        assert_eq!(again(&telemetry), telemetry);
    }
}

#[test]
fn who_has_which_inputs_and_clock_is_told_by_the_serial_number_then_by_the_clock() {
    let unknown = qs1("999900990001", TelemetryLayout::Qs1);
    assert_eq!(again(&unknown).layout, TelemetryLayout::Qs1);
    let unknown = qs1("999900990001", TelemetryLayout::Yc600);
    assert_eq!(again(&unknown).layout, TelemetryLayout::Yc600);
    let mut new = qs1("806000990001", TelemetryLayout::Qs1);
    new.clock = 0;
    assert_eq!(again(&new), new);
}

#[test]
fn without_a_grid_all_else_is_there() {
    let mut telemetry = qs1("806000990001", TelemetryLayout::Qs1);
    telemetry.frequency = None;
    telemetry.grid_voltage = None;
    assert_eq!(again(&telemetry), telemetry);
    let mut telemetry = ds3();
    telemetry.grid_voltage = Some(decimal("15.008"));
    telemetry.frequency = Some(decimal("0.67"));
    let read = again(&telemetry);
    assert_eq!(
        (read.frequency, read.grid_voltage),
        (None, telemetry.grid_voltage)
    );
    assert_eq!(read.inputs, telemetry.inputs);
}

#[test]
fn what_is_not_known_stays_so() {
    let unknown = PanelTelemetry {
        temperature: None,
        frequency: None,
        grid_voltage: None,
        ac_power: None,
        reactive_power: None,
        ..ds3()
    };
    assert_eq!(again(&unknown), unknown);
}

#[test]
fn what_no_inverter_measures_is_refused_as_a_whole() {
    for (voltage, current, is_refused) in [
        ("80", "29.9", false),
        ("80.02", "1", true),
        ("30", "30.0032", true),
    ] {
        let mut telemetry = ds3();
        telemetry.inputs[1] = input(voltage, current, 1);
        let answer = InverterAnswer::decode(&telemetry.data());
        let impossible = matches!(answer, Err(AnswerFault::Impossible(_)));
        assert_eq!(impossible, is_refused, "{answer:?}");
    }
    let mut telemetry = ds3();
    telemetry.inputs[1] = input("100", "1", 1);
    let fault = InverterAnswer::decode(&telemetry.data()).unwrap_err();
    assert!(
        fault.to_string().starts_with("input B would have 100"),
        "{fault}"
    );
}

#[test]
fn an_inverter_of_three_phases_is_not_read_as_one_of_two_or_four_inputs() {
    for prefix in [0x50, 0x90] {
        let digits = [prefix, 0x10, 0, 0x99, 0, 1];
        let data = dressed(vec![0; 94], b1::LENGTH, b1::COMMAND, 0, digits);
        let answer = InverterAnswer::decode(&data).unwrap();
        assert!(
            matches!(answer.content, AnswerContent::Unread { .. }),
            "{answer:?}"
        );
    }
}

#[test]
fn power_is_that_of_the_inputs() {
    assert_eq!(ds3().inputs[0].power(), decimal("157.0"));
    assert_eq!(ds3().dc_power(), decimal("365.0"));
    let steps = [12_345_678, 23_456_789_u64];
    assert_eq!(ds3().energies(), steps.map(|steps| (steps * 166 + 5) / 10));
    assert_eq!(input_letter(3), 'D');
    assert_eq!(input_letter(300), '?');
    assert_eq!(ds3().producing(), Some(ProducingState::Both));
}

/// An answer around any contents, so that it gets as far as the fields.
fn dressed(mut data: Vec<u8>, length: usize, command: u8, model: u8, digits: [u8; 6]) -> Vec<u8> {
    data.resize(length, 0);
    if command == bb::COMMAND {
        data[BODY] = command;
        data[bb::MODEL] = model;
    }
    let body = data[BODY..length - 4].to_vec();
    let digits = digits.map(|byte| ((byte / 16 % 10) << 4) | (byte % 16 % 10));
    [&digits[..], &super::super::l2(command, &body)].concat()
}

proptest! {
    #[test]
    fn any_fields_are_read_and_written_the_same(
        data in proptest::collection::vec(any::<u8>(), 105),
        model in prop::sample::select(vec![0x20, 0x21, 0x22, 0x36]),
        mut digits: [u8; 6],
    ) {
        // Not one of three phases.
        digits[0] = 0x40 | digits[0] & 0xf;
        for (length, command) in [(b1::LENGTH, b1::COMMAND), (bb::LENGTH, bb::COMMAND)] {
            let mut data = data.clone();
            // Else nearly all are refused.
            for at in [26, 28, 30, 32, 62, 64, 66, 68] {
                if command == bb::COMMAND {
                    data[at] %= 10;
                }
            }
            let data = dressed(data, length, command, model, digits);
            match InverterAnswer::decode(&data) {
                Ok(answer) => {
                    let again = InverterAnswer::decode(&answer.data()).unwrap();
                    let (AnswerContent::Telemetry(one), AnswerContent::Telemetry(two)) =
                        (&answer.content, &again.content)
                    else {
                        panic!("{answer:?}")
                    };
                    prop_assert_eq!(one.clock, two.clock);
                    if one.layout == two.layout {
                        prop_assert_eq!(one, two);
                    }
                }
                Err(fault) => prop_assert!(matches!(fault, AnswerFault::Impossible(_)), "{fault:?}"),
            }
        }
    }
}
