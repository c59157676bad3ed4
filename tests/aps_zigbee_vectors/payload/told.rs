//! What inverters were told, and how they answered.

use serde_json::Value;
use wattbridge::adapters::aps_zigbee::models::InverterModel;
use wattbridge::adapters::aps_zigbee::wire::ids::InverterSerial;
use wattbridge::adapters::aps_zigbee::wire::payload::{
    ANSWER_CLUSTER, AnswerContent, AnswerFault, InverterAnswer, InverterCommand, InverterInfo,
    L2Fault, L2Part, LimitCode, LimitScale, REQUEST_CLUSTER, RequestFault, SettingsAnswer,
    SettingsPage, l2,
};

use super::{captured, close, frames, gateway_of, messages, told};

fn raw_of(value: &Value) -> u16 {
    u16::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn limit_of(command: InverterCommand) -> LimitCode {
    match command {
        InverterCommand::Limit(code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn limits_are_told_as_gateways_told_them() {
    for capture in captured(&["limit_set", "limit_set_l2"]) {
        let id = capture.id.as_str();
        let computed = &capture.all["computed"];
        let envelope = if capture.is("kind", "limit_set") {
            let (cluster, data) = told(&capture.bytes);
            assert_eq!(cluster, REQUEST_CLUSTER, "{id}");
            &data[6..]
        } else {
            &capture.bytes[..]
        };
        let read = InverterCommand::of_envelope(envelope);
        if computed["l2_sum_ok"] == false {
            let carried = raw_of(&computed["carried_sum"]);
            let computed = raw_of(&computed["right_sum"]);
            let sum = L2Fault::Sum { computed, carried };
            assert_eq!(read, Err(RequestFault::Envelope(sum)), "{id}");
            continue;
        }
        let command = read.unwrap();
        assert_eq!(command.envelope(), envelope, "{id}");
        let code = limit_of(command);
        let is_ds3 = capture.is("model", "DS3");
        assert_eq!(code.scale == LimitScale::Ds3, is_ds3, "{id}");
        for (key, listed) in computed.as_object().unwrap() {
            match key.as_str() {
                "formulas" | "l2_sum_ok" | "openaps" => {}
                "raw" => assert_eq!(raw_of(listed), code.raw, "{id}"),
                "watt_per_input" => close(id, key, listed, &[code.watts().to_f64()], 0.04),
                "l2_sum" => {
                    let part = L2Part::read(envelope).unwrap();
                    assert_eq!(raw_of(listed), part.sum, "{id}");
                }
                other => panic!("{id}: nothing tests {other}"),
            }
        }
        let watts = capture.all["stated_by_source"]["watt_per_input"].as_u64();
        if let Some(watts) = watts {
            let ours = LimitScale::Ds3
                .of_watts(u16::try_from(watts).unwrap())
                .unwrap();
            assert_eq!(raw_of(&computed["openaps"]), ours.raw, "{id}");
            assert_eq!(code, ours, "{id}");
        }
        if id == "r-limit-ds3-309" {
            assert_eq!(LimitScale::Ds3.of_watts(309), Some(code));
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn limits_are_read_back() {
    let mut found = 0;
    for capture in captured(&["limit_read"]) {
        let id = capture.id.as_str();
        let computed = &capture.all["computed"];
        match id {
            "limit-read-req" => {
                let (_, data) = told(&capture.bytes);
                let command = InverterCommand::Settings(SettingsPage::B);
                assert_eq!(InverterCommand::read(data).unwrap().1, command);
                assert_eq!(data[6..], command.envelope());
            }
            "limit-read-ds3-500-partial" => {
                let at = capture
                    .bytes
                    .windows(2)
                    .position(|two| two == [0xfb, 0xfb])
                    .unwrap()
                    - 6;
                let data = &capture.bytes[at..];
                let fault = InverterAnswer::decode(data).unwrap_err();
                assert!(matches!(
                    fault,
                    AnswerFault::Envelope(L2Fault::Length { .. })
                ));
                // With the rest it is whole.
                let mut body = data[10..].to_vec();
                body.resize(91, 0xff);
                let page = SettingsAnswer::decode(0xdd, &body).unwrap();
                let limit = page.limit().unwrap();
                assert_eq!(limit.raw, raw_of(&computed["raw"]));
                let watts = limit.watts().to_f64();
                close(id, "watts", &computed["watt_per_input"], &[watts], 0.006);
            }
            _ => {
                let all = messages(&capture.bytes);
                let [(_, ANSWER_CLUSTER, data)] = all[..] else {
                    panic!("{id}")
                };
                let answer = InverterAnswer::decode(data).unwrap();
                let AnswerContent::Settings(page) = &answer.content else {
                    panic!("{id}: {answer:?}")
                };
                assert_eq!(page.page, SettingsPage::B, "{id}");
                let limit = page.limit().unwrap();
                assert_eq!(limit.raw, raw_of(&computed["raw"]), "{id}");
                let watts = limit.watts().to_f64();
                close(id, "watts", &computed["watt_per_input"], &[watts], 0.006);
                if let Some(stated) = capture.all["stated_by_source"]["watt"].as_f64() {
                    assert!((stated - watts).abs() < 0.5, "{id}");
                }
                let again = InverterAnswer::decode(&answer.data()).unwrap();
                assert_eq!(again, answer, "{id}");
                assert_eq!(answer.data(), data, "{id}");
            }
        }
        found += 1;
    }
    assert!(found > 6);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn acknowledgements_and_what_inverters_are_is_read() {
    let serial: InverterSerial = "703000990001".parse().unwrap();
    for capture in captured(&["limit_ack_l2"]) {
        let data = [&serial.wire()[..], &capture.bytes].concat();
        let answer = InverterAnswer::decode(&data).unwrap();
        let (ours, is_pass) = match answer.content {
            AnswerContent::Accepted(_) => (InverterAnswer::accepted(serial), true),
            AnswerContent::Refused(_) => (InverterAnswer::refused(serial), false),
            other => panic!("{other:?}"),
        };
        assert_eq!(capture.all["stated_by_source"]["result"] == "PASS", is_pass);
        assert_eq!(ours.data(), data);
    }
    for capture in captured(&["info_answer_payload", "info_answer_l2"]) {
        let computed = &capture.all["computed"];
        let info = if capture.is("kind", "info_answer_payload") {
            let answer = InverterAnswer::decode(&capture.bytes).unwrap();
            let AnswerContent::Info(info) = answer.content else {
                panic!("{answer:?}")
            };
            // Another program says it is a QS1.
            let model = InverterModel::of(answer.serial, Some(info.model)).unwrap();
            assert_eq!((model.name, model.inputs), ("YC600", 2));
            info
        } else {
            let body = &capture.bytes[4..];
            let answer = [&serial.wire()[..], &l2(capture.bytes[3], body)].concat();
            let AnswerContent::Info(info) = InverterAnswer::decode(&answer).unwrap().content else {
                panic!("{}", capture.id)
            };
            let InverterInfo { is_long, .. } = info;
            assert!(is_long);
            assert_eq!(info.envelope()[..capture.bytes.len()], capture.bytes);
            info
        };
        assert_eq!(u16::from(info.model), raw_of(&computed["model_code"]));
        assert_eq!(computed["version"], info.firmware.to_string());
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn limits_of_the_grid_are_shown() {
    for capture in captured(&["protection_answer_l2"]) {
        let part = L2Part::read(&capture.bytes).unwrap();
        let page = SettingsAnswer::decode(part.command, part.body).unwrap();
        assert_eq!(page.page, SettingsPage::A);
        assert_eq!(page.envelope(), capture.bytes);
        let found = page.thresholds();
        let stated = capture.all["stated_by_source"].as_object().unwrap();
        assert_eq!(found.len(), stated.len());
        for (row, value) in found {
            // The source cuts the decimals of voltages.
            let value = value.to_f64();
            let shown = if row.unit == "V" {
                value.floor()
            } else {
                value
            };
            close(&capture.id, row.code, &stated[row.code], &[shown], 0.0);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn commands_are_told_as_gateways_told_them() {
    for capture in captured(&["command_l2"]) {
        let id = capture.id.as_str();
        let command = match id {
            "cmd-on" => InverterCommand::SwitchOn,
            "cmd-off" => InverterCommand::SwitchOff,
            "cmd-on-all" => InverterCommand::SwitchAllOn,
            "cmd-off-all" => InverterCommand::SwitchAllOff,
            "cmd-info" => InverterCommand::Info,
            "cmd-poll" => InverterCommand::Poll,
            "cmd-limit-read" => InverterCommand::Settings(SettingsPage::B),
            // An inverter checks the sum, which is wrong.
            "cmd-reboot-peers" | "cmd-limit-dummy-peers" => {
                let fault = InverterCommand::of_envelope(&capture.bytes).unwrap_err();
                let is_sum = matches!(fault, RequestFault::Envelope(L2Fault::Sum { .. }));
                assert!(is_sum, "{id}");
                continue;
            }
            other => panic!("nothing tests {other}"),
        };
        assert_eq!(command.envelope(), capture.bytes, "{id}");
        assert_eq!(
            InverterCommand::of_envelope(&capture.bytes),
            Ok(command),
            "{id}"
        );
    }
    for capture in captured(&["poll_request", "normal_operation"]) {
        let id = capture.id.as_str();
        if id == "init-normal-op-truncated" {
            let frame = frames(&capture.bytes, [0x24, 0x01])[0];
            assert!(InverterCommand::read(&frame[10..]).is_err());
            continue;
        }
        let (cluster, data) = told(&capture.bytes);
        let (gateway, command) = InverterCommand::read(data).unwrap();
        assert_eq!(cluster, REQUEST_CLUSTER, "{id}");
        assert_eq!(command.data(gateway_of(gateway)), data, "{id}");
        let is_poll = capture.is("kind", "poll_request");
        assert_eq!(command == InverterCommand::Poll, is_poll, "{id}");
    }
}
