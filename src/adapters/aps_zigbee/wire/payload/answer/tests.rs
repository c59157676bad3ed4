use proptest::prelude::*;

use super::super::{InverterFirmware, LimitScale, SettingsPage, l2};
use super::*;

fn serial() -> InverterSerial {
    "703000990001".parse().unwrap()
}

fn said(envelope: &[u8]) -> Vec<u8> {
    [&serial().wire()[..], envelope].concat()
}

#[test]
fn an_acknowledgement_is_told_from_a_page_by_its_length() {
    for answer in [
        InverterAnswer::accepted(serial()),
        InverterAnswer::refused(serial()),
    ] {
        assert_eq!(InverterAnswer::decode(&answer.data()), Ok(answer));
    }
    for scale in LimitScale::ALL {
        let page = SettingsAnswer::with_limit(scale.of_watts(300).unwrap());
        let answer = InverterAnswer {
            serial: serial(),
            content: AnswerContent::Settings(page),
        };
        assert_eq!(InverterAnswer::decode(&answer.data()), Ok(answer));
    }
}

#[test]
fn the_sum_is_checked_where_it_is_known_to_be_sent() {
    let cases = [
        (0xbb, 90, true),
        (0xdd, 90, true),
        (0xb1, 80, false),
        (0xde, 76, false),
    ];
    for (command, length, is_checked) in cases {
        let body = vec![1; length];
        let right = said(&l2(command, &body));
        let without = said(&l2_without_sum(command, &body));
        assert!(InverterAnswer::decode(&right).is_ok(), "{command:x}");
        let fault = InverterAnswer::decode(&without).err();
        let is_sum = matches!(fault, Some(AnswerFault::Envelope(L2Fault::Sum { .. })));
        assert_eq!(is_sum, is_checked, "{command:x}");
    }
}

#[test]
fn of_a_model_whose_layout_is_not_known_nothing_is_read() {
    for model in [0x29, 0x30, 0x32, 0x05, 0x23] {
        let mut body = vec![0x22; 91];
        body[0] = 0xbb;
        body[1] = model;
        let data = said(&l2(0xbb, &body));
        let answer = InverterAnswer::decode(&data).unwrap();
        let unread = AnswerContent::Unread {
            command: 0xbb,
            model: Some(model),
            data: data.clone(),
        };
        assert_eq!(answer.content, unread);
        assert_eq!(answer.data(), data);
    }
}

#[test]
fn an_info_answer_may_lack_its_sum() {
    let info = InverterInfo {
        model: 0x20,
        firmware: InverterFirmware::new(5, 203),
        is_long: true,
    };
    let envelope = info.envelope();
    let part = L2Part::read(&envelope).unwrap();
    for envelope in [l2_without_sum(0xdd, part.body), l2(0xdd, part.body)] {
        let answer = InverterAnswer::decode(&said(&envelope)).unwrap();
        assert_eq!(answer.content, AnswerContent::Info(info));
    }
}

#[test]
fn what_is_no_answer_is_told_why() {
    let request = InverterCommand::Settings(SettingsPage::B);
    // A gateway's id may look like a serial number.
    let gateway = "D6B3011B9780".parse().unwrap();
    for data in [request.data(gateway), said(&request.envelope())] {
        assert_eq!(InverterAnswer::decode(&data), Err(AnswerFault::Request));
    }
    assert_eq!(InverterAnswer::decode(&[1; 5]), Err(AnswerFault::Serial));
    let mut letters = said(&l2(0xb1, &[0; 80]));
    letters[0] = 0xaf;
    assert_eq!(InverterAnswer::decode(&letters), Err(AnswerFault::Serial));
    let cut = &said(&l2(0xb1, &[0; 80]))[..93];
    let fault = InverterAnswer::decode(cut).unwrap_err();
    assert!(fault.to_string().contains("some were lost"), "{fault}");
}

#[test]
fn an_encrypted_answer_is_recognised() {
    let sealed = Sealed::seal(&l2(0xbb, &[0; 91]), Some(serial()), [9; 6], None);
    let data = sealed.data(serial().wire());
    let answer = InverterAnswer::decode(&data).unwrap();
    assert_eq!(answer.content, AnswerContent::Sealed(sealed));
    assert_eq!(answer.data(), data);
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_what_is_read_can_be_written(
        mut data in proptest::collection::vec(any::<u8>(), 0..130),
        body in proptest::collection::vec(any::<u8>(), 0..100),
        command in prop::sample::select(vec![0xb1, 0xbb, 0xdc, 0xdd, 0xde, 0xdf, 0xdb, 0x12]),
    ) {
        let _ = InverterAnswer::decode(&data);
        for digit in data.iter_mut().take(6) {
            *digit = ((*digit / 16 % 10) << 4) | (*digit % 16 % 10);
        }
        for data in [said(&l2(command, &body)), data] {
            if let Ok(answer) = InverterAnswer::decode(&data) {
                let again = InverterAnswer::decode(&answer.data()).unwrap();
                prop_assert_eq!(again.serial, answer.serial);
                if !matches!(answer.content, AnswerContent::Telemetry(_)) {
                    prop_assert_eq!(again, answer);
                }
            }
        }
    }
}
