//! What was captured, masked: no number of before is in it, and it says the same.

use std::collections::BTreeSet;

use wattbridge::adapters::aps_zigbee::ADAPTER;
use wattbridge::adapters::aps_zigbee::wire::payload::{
    InverterAnswer, InverterCommand, PairingRequest,
};
use wattbridge::adapters::aps_zigbee::wire::znp::{
    ZnpFrame, ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner,
};
use wattbridge::config::Section;
use wattbridge::device::Adapter as _;
use wattbridge::model::Report;

use crate::znp::exchanges;

/// What was made of bytes: readings, and why others were refused.
#[derive(Debug, PartialEq)]
enum Seen {
    Readings(String),
    Other(usize),
    Refused(String),
}

fn section() -> Section {
    Section::from_pairs("aps_zigbee", &[]).unwrap()
}

fn seen(bytes: &[u8]) -> Vec<Seen> {
    let mut decoder = ADAPTER.decoder(&section()).unwrap();
    decoder.push(bytes);
    decoder.finish();
    let mut all = Vec::new();
    while let Some(result) = decoder.next() {
        all.push(match result {
            Err(refused) => {
                // Behind it stands the sum itself.
                let reason = refused.reason.split("check sum").next();
                Seen::Refused(reason.unwrap().to_owned())
            }
            Ok(decoded) => {
                let values = decoded.reports.into_iter().find_map(|report| match report {
                    Report::Readings(readings) => Some(format!("{:?}", readings.values)),
                    _ => None,
                });
                values.map_or(Seen::Other(decoded.notes.len()), Seen::Readings)
            }
        });
    }
    all
}

/// Numbers that are in the frames of an exchange.
fn numbers(bytes: &[u8]) -> BTreeSet<[u8; 6]> {
    let mut all = BTreeSet::new();
    let mut scanner = ZnpScanner::default();
    scanner.push(bytes);
    scanner.give_up();
    while let Some(scanned) = scanner.next() {
        let ZnpScanned::Frame { frame, .. } = scanned else {
            continue;
        };
        of_frame(frame, &mut all);
    }
    // No number at all.
    all.retain(|id| id.iter().collect::<BTreeSet<_>>().len() > 2);
    let reversed: Vec<[u8; 6]> = all
        .iter()
        .map(|id| {
            let mut id = *id;
            id.reverse();
            id
        })
        .collect();
    all.extend(reversed);
    all
}

fn of_frame(frame: ZnpFrame<'_>, all: &mut BTreeSet<[u8; 6]>) {
    let mut of_message = |cluster: u16, data: &[u8]| {
        let first = data.first_chunk().copied();
        match PairingRequest::read(cluster, data) {
            Some(PairingRequest::Prime(serial, id) | PairingRequest::Move(serial, id)) => {
                all.extend([serial.wire(), id.reversed()]);
            }
            Some(PairingRequest::Ask(serial)) => all.extend([serial.wire()]),
            Some(PairingRequest::Stay(id)) => all.extend([id.reversed()]),
            None if cluster == 0x0101 => all.extend(data.last_chunk().copied()),
            None if InverterAnswer::decode(data).is_ok() => all.extend(first),
            None if InverterCommand::read(data).is_ok() => all.extend(first),
            None => {}
        }
    };
    match (ZnpMessage::decode(frame), ZnpRequest::decode(frame)) {
        (ZnpMessage::Incoming(incoming), _) => of_message(incoming.cluster, &incoming.data),
        (_, ZnpRequest::Send(message)) => of_message(message.cluster, &message.data),
        (_, ZnpRequest::SendForeign(message)) => of_message(message.cluster, &message.data),
        (ZnpMessage::DeviceInfo(info), _) => all.extend(info.ieee.last_chunk().copied()),
        (_, ZnpRequest::WriteConfiguration { item: 1, value }) => {
            all.extend(value.last_chunk().copied());
        }
        _ => {}
    }
}

#[test]
fn no_capture_shows_a_number_once_it_is_masked_and_all_say_the_same() {
    let (mut numbers_seen, mut readings_seen) = (0, 0);
    for exchange in exchanges() {
        let mut mask = ADAPTER.mask(&section()).unwrap();
        let masked = mask(&exchange.bytes);
        assert_eq!(masked.len(), exchange.bytes.len());
        let id = &exchange.id;
        for number in numbers(&exchange.bytes) {
            numbers_seen += 1;
            let is_there = masked.windows(6).any(|window| window == number);
            assert!(!is_there, "{id}: {number:02x?} is still there");
        }
        let (before, after) = (seen(&exchange.bytes), seen(&masked));
        assert_eq!(before, after, "{id}");
        let is_readings = |it: &&Seen| matches!(it, Seen::Readings(_));
        readings_seen += after.iter().filter(is_readings).count();
    }
    assert!(numbers_seen > 50, "{numbers_seen} numbers");
    assert!(readings_seen > 8, "{readings_seen} answers");
}
