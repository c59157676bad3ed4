use proptest::prelude::*;

use super::super::payload::{InverterCommand, PairingRequest};
use super::super::znp::encode_frame;
use super::*;

/// The bytes that a dump shows, in their order.
fn shown(dump: &str) -> Vec<u8> {
    let of_line = |line: &str| {
        // Offset, two spaces, then columns of three.
        let hex: Vec<char> = line.chars().skip(7).take(35).collect();
        let hex: String = hex.into_iter().collect();
        let bytes = hex.split_whitespace().map(|it| u8::from_str_radix(it, 16));
        bytes.map(Result::unwrap).collect::<Vec<u8>>()
    };
    dump.lines().flat_map(of_line).collect()
}

fn serial() -> InverterSerial {
    "703000990001".parse().unwrap()
}

fn heard_by_stick(data: Vec<u8>) -> Vec<u8> {
    let message = ZnpMessage::Incoming(AfIncoming {
        group: 0,
        cluster: 0x0106,
        source: ShortAddress(0x7c3a),
        source_endpoint: 20,
        destination_endpoint: 20,
        broadcast: 0,
        lqi: 128,
        security: 0,
        timestamp: 7,
        sequence: 1,
        data,
        last_hop: ShortAddress(0x1b2c),
        radius: 0x0d,
    });
    message.encode().unwrap()
}

fn words(bytes: &[u8]) -> FrameWords {
    FrameWords::of(ZnpFrame::exactly(bytes).unwrap())
}

#[test]
fn an_answer_is_told_by_who_passed_it_on_and_what_it_says() {
    let accepted = InverterAnswer::accepted(serial()).data();
    let frame = heard_by_stick(accepted);
    let words = words(&frame);
    assert_eq!(
        (words.name, words.side),
        ("AF_INCOMING_MSG", FrameSide::Stick)
    );
    assert_eq!(
        words.summary,
        "from 0x7C3A, cluster 0106, link quality 128 of 255 (50 %), passed on by 0x1B2C"
    );
    assert_eq!(words.details, ["703000990001 accepts what it was told"]);
    let dump = annotate_frame(ZnpFrame::exactly(&frame).unwrap());
    assert!(!dump.contains("not understood"), "{dump}");
    assert_eq!(shown(&dump), frame);
}

#[test]
fn requests_are_told_from_answers() {
    for (bytes, side, name, summary) in [
        ("2101", FrameSide::Host, "SYS_PING", ""),
        (
            "61017907",
            FrameSide::Stick,
            "SYS_PING",
            "capabilities 0779",
        ),
        ("410000", FrameSide::Host, "SYS_RESET_REQ", "kind 00"),
        ("6700", FrameSide::Host, "UTIL_GET_DEVICE_INFO", ""),
        (
            "640202",
            FrameSide::Stick,
            "AF_DATA_REQUEST_EXT",
            "status 02 (invalid parameter)",
        ),
        (
            "45c008",
            FrameSide::Stick,
            "ZDO_STATE_CHANGE_IND",
            "starting",
        ),
        ("260301aa", FrameSide::Host, "not known", "2603: 01AA"),
        (
            "26050108ffff80971b01a3d8",
            FrameSide::Host,
            "ZB_WRITE_CONFIGURATION",
            "01 IEEE address: ECU id D8A3011B9780",
        ),
        (
            "6000022603",
            FrameSide::Stick,
            "RPC_ERROR",
            "2603 not known is refused: 02 it does not know the command",
        ),
    ] {
        let bytes = crate::hex::bytes(bytes).unwrap();
        let (command, data) = bytes.split_at(2);
        let command = u16::from_be_bytes(command.try_into().unwrap());
        let words = FrameWords::of(ZnpFrame { command, data });
        assert_eq!((words.side, words.name), (side, name), "{command:04x}");
        assert_eq!(words.summary, summary);
    }
}

#[test]
fn each_request_of_pairing_and_each_question_has_words_of_its_own() {
    let gateway = "D8A3011B9780".parse().unwrap();
    let mut said = std::collections::BTreeSet::new();
    for request in PairingRequest::all(serial(), gateway) {
        let words = says(ShortAddress::GATEWAY, request.cluster(), &request.data());
        assert!(words[0].starts_with("pairing"), "{words:?}");
        assert!(said.insert(words));
    }
    for command in [
        InverterCommand::Poll,
        InverterCommand::Info,
        InverterCommand::SwitchOn,
        InverterCommand::SwitchOff,
        InverterCommand::NormalOperation,
    ] {
        let words = says(ShortAddress::GATEWAY, 6, &command.data(gateway));
        assert!(said.insert(words), "{command:?}");
    }
}

#[test]
fn fields_of_a_layout_do_not_overlap() {
    use super::super::payload::TelemetryLayout::{Ds3, Qs1, Qs2, Yc600};
    for layout in [Yc600, Qs1, Ds3, Qs2] {
        let mut end = 10;
        for (at, length, field) in fields_of(layout) {
            assert!(*at >= end, "{layout:?} {field:?}");
            end = at + length;
        }
        assert!(end <= 90);
    }
}

proptest! {
    #[test]
    fn every_byte_of_any_frame_is_shown_once(
        command in prop_oneof![
            any::<u16>(),
            proptest::sample::select(vec![
                0x2400_u16, 0x2401, 0x2402, 0x2605, 0x4100, 0x4180, 0x4481, 0x45c4, 0x6000, 0x6102, 0x6700,
            ]),
        ],
        data in proptest::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..60),
    ) {
        let bytes = encode_frame(command, &data).unwrap();
        let frame = ZnpFrame { command, data: &data };
        prop_assert_eq!(shown(&annotate_frame(frame)), bytes);
        let _ = FrameWords::of(frame);
    }

    #[test]
    fn every_byte_of_any_answer_is_shown_once(
        body in proptest::collection::vec(any::<u8>(), 80..95),
        command in proptest::sample::select(vec![0xb1_u8, 0xbb, 0xdd, 0xde, 0xdc]),
        model in proptest::sample::select(vec![0x20_u8, 0x36, 0x29]),
        is_four: bool,
    ) {
        let mut body = body;
        body.resize(if command == 0xb1 { 80 } else { 91 }, 7);
        if command == 0xbb {
            (body[0], body[1]) = (0xbb, model);
        }
        let serial: InverterSerial = if is_four { "802000990001" } else { "408000990001" }.parse().unwrap();
        let data = [&serial.wire()[..], &super::super::payload::l2(command, &body)].concat();
        prop_assert_eq!(&shown(&annotate_payload(&data)), &data);
        let frame = heard_by_stick(data);
        prop_assert_eq!(shown(&annotate_frame(ZnpFrame::exactly(&frame).unwrap())), frame);
    }

    #[test]
    fn any_bytes_have_words(source: u16, cluster: u16, data: Vec<u8>) {
        prop_assert!(!says(ShortAddress(source), cluster, &data).is_empty());
        prop_assert_eq!(&shown(&annotate_payload(&data)), &data);
    }
}
