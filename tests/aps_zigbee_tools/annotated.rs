//! `decode aps-zigbee --annotate`: every byte has its name.

use std::fs;
use std::path::Path;

use wattbridge::adapters::aps_zigbee::wire::ids::ShortAddress;
use wattbridge::adapters::aps_zigbee::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, InverterFirmware, LimitScale, PairingRequest,
    PanelInput, PanelTelemetry, REQUEST_CLUSTER, SettingsAnswer, StatusBits, TelemetryLayout,
    pairing_answer,
};
use wattbridge::adapters::aps_zigbee::wire::znp::{
    AfForeign, AfIncoming, AfSend, CoordinatorState, DeviceInfo, ZnpMessage, ZnpRequest, ZnpStatus,
};
use wattbridge::model::Decimal;

use crate::wattbridge;

const GATEWAY: &str = "D8A3011B9780";

fn input(millivolts: i64, milliamperes: i64, counter: u64) -> PanelInput {
    PanelInput {
        voltage: Decimal::new(millivolts, 3),
        current: Decimal::new(milliamperes, 3),
        counter,
    }
}

fn telemetry(serial: &str, layout: TelemetryLayout) -> PanelTelemetry {
    let is_bb = layout == TelemetryLayout::Ds3;
    let inputs = [
        input(33_000, 5_000, 1_200_000),
        input(34_000, 6_000, 1_300_000),
        input(35_000, 7_000, 1_400_000),
        input(36_000, 8_000, 1_500_000),
    ];
    PanelTelemetry {
        serial: serial.parse().unwrap(),
        layout,
        model: is_bb.then_some(0x20),
        firmware: is_bb.then_some(InverterFirmware::new(3, 15)),
        temperature: Some(Decimal::new(235, 1)),
        frequency: Some(Decimal::integer(50)),
        grid_voltage: Some(Decimal::integer(230)),
        clock: 12_345,
        status: if is_bb {
            StatusBits::Bb([0, 0, 0, 0xa0, 0])
        } else {
            StatusBits::B1([0; 4])
        },
        links: (layout == TelemetryLayout::Qs1).then_some(0x1234),
        inputs: inputs[..layout.inputs()].to_vec(),
        ac_power: is_bb.then_some(321),
        reactive_power: is_bb.then_some(-12),
        state: is_bb.then_some(0),
    }
}

fn heard(source: u16, cluster: u16, data: Vec<u8>) -> Vec<u8> {
    let message = ZnpMessage::Incoming(AfIncoming {
        group: 0,
        cluster,
        source: ShortAddress(source),
        source_endpoint: 20,
        destination_endpoint: 20,
        broadcast: 0,
        lqi: 170,
        security: 0,
        timestamp: 1_000_000,
        sequence: 7,
        data,
        last_hop: ShortAddress(0x7c3a),
        radius: 14,
    });
    message.encode().unwrap()
}

/// A stick that is set up, pairs an inverter and asks others, as if it had been recorded.
fn conversation() -> Vec<u8> {
    let gateway = GATEWAY.parse().unwrap();
    let serial = "408000990001".parse().unwrap();
    let [_, ask, ..] = PairingRequest::all(serial, gateway);
    let limit = LimitScale::Ds3.of_watts(300).unwrap();
    let answer = |serial: &str, content| {
        InverterAnswer {
            serial: serial.parse().unwrap(),
            content,
        }
        .data()
    };
    let mut ieee = [0xff; 8];
    ieee[2..].copy_from_slice(&gateway_reversed());
    let host = [
        ZnpRequest::Ping,
        ZnpRequest::WriteConfiguration {
            item: 0x84,
            value: vec![0, 0, 1, 0],
        },
        ZnpRequest::WriteConfiguration {
            item: 0x01,
            value: ieee.to_vec(),
        },
        ZnpRequest::SendForeign(AfForeign {
            mode: 15,
            destination: [0xff; 8],
            destination_endpoint: 20,
            network: 0xffff,
            source_endpoint: 20,
            cluster: ask.cluster(),
            transaction: 1,
            options: 0,
            radius: 15,
            data: ask.data(),
        }),
        ZnpRequest::Send(AfSend {
            destination: ShortAddress(0x7c3a),
            destination_endpoint: 20,
            source_endpoint: 20,
            cluster: REQUEST_CLUSTER,
            transaction: 1,
            options: 0,
            radius: 15,
            data: InverterCommand::Poll.data(gateway),
        }),
    ];
    let stick = [
        ZnpMessage::Pong(0x0779),
        ZnpMessage::DeviceInfo(DeviceInfo {
            status: ZnpStatus::Success,
            ieee,
            address: ShortAddress(0),
            kind: 7,
            state: CoordinatorState::Running,
            children: Vec::new(),
        }),
        ZnpMessage::Confirm {
            status: ZnpStatus::NoRoute,
            endpoint: 20,
            transaction: 1,
        },
        ZnpMessage::Route {
            destination: ShortAddress(0x1b2c),
            relays: vec![ShortAddress(0x7c3a)],
        },
    ];
    let mut bytes: Vec<u8> = host.iter().flat_map(|it| it.encode().unwrap()).collect();
    bytes.extend(stick.iter().flat_map(|it| it.encode().unwrap()));
    bytes.extend(heard(0x7c3a, 0x0101, pairing_answer(serial, 0x1a)));
    bytes.extend(heard(
        0x7c3a,
        0x0106,
        telemetry("408000990001", TelemetryLayout::Yc600).data(),
    ));
    bytes.extend(heard(
        0x1b2c,
        0x0106,
        telemetry("703000990002", TelemetryLayout::Ds3).data(),
    ));
    bytes.extend(heard(
        0x2d4e,
        0x0106,
        telemetry("802000990003", TelemetryLayout::Qs1).data(),
    ));
    let page = SettingsAnswer::with_limit(limit);
    bytes.extend(heard(
        0x1b2c,
        0x0106,
        answer("703000990002", AnswerContent::Settings(page)),
    ));
    bytes
}

fn gateway_reversed() -> [u8; 6] {
    [0x80, 0x97, 0x1b, 0x01, 0xa3, 0xd8]
}

#[tokio::test]
async fn every_frame_is_labelled_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stick");
    fs::write(&file, conversation()).unwrap();
    let done = wattbridge(
        &["decode", "aps-zigbee", "--annotate", file.to_str().unwrap()],
        "",
    )
    .await;
    assert_eq!(done.code, 0, "{done:?}");
    let mut settings = insta::Settings::clone_current();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aps_zigbee_tools");
    settings.set_snapshot_path(&here);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("annotated", done.out));
}

#[tokio::test]
async fn the_words_of_one_inverter_are_labelled_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answer");
    let mut data = telemetry("703000990002", TelemetryLayout::Ds3).data();
    fs::write(&file, &data).unwrap();
    let args = ["decode", "aps-zigbee", "--annotate", file.to_str().unwrap()];
    let done = wattbridge(&args, "").await;
    assert!(done.out.contains("grid voltage"), "{done:?}");
    // Damaged, it is refused, and shown all the same.
    data[30] ^= 1;
    fs::write(&file, &data).unwrap();
    let done = wattbridge(&args, "").await;
    let all = format!("{}{}", done.out, done.said);
    assert!(
        all.contains("its sum should be") && all.contains("703000990002"),
        "{done:?}"
    );
}
