//! Masked bytes of a stick: no number of before is in them, and they say the same.

use proptest::prelude::*;

use super::super::ADAPTER;
use super::super::wire::ids::{EcuId, ShortAddress};
use super::super::wire::payload::{
    InverterAnswer, InverterCommand, PairingRequest, REQUEST_CLUSTER, pairing_answer,
};
use super::super::wire::znp::{
    AfForeign, AfIncoming, AfSend, CoordinatorState, DeviceInfo, ZnpMessage, ZnpRequest,
    ZnpScanned, ZnpScanner, encode_frame,
};
use super::*;
use crate::config::Section;
use crate::device::Adapter as _;

const SERIALS: [&str; 3] = ["408000990001", "703000990002", "725000990003"];
const STRANGER: &str = "801000990077";

fn gateway() -> EcuId {
    "D8A3011B9781".parse().unwrap()
}

fn serial(index: usize) -> InverterSerial {
    SERIALS[index].parse().unwrap()
}

fn config() -> ZigbeeConfig {
    ZigbeeConfig {
        inverters: (0..3).map(serial).collect(),
        ecu_id: Some(gateway()),
        addresses: [(serial(0), ShortAddress(0x7c3a))].into(),
        inputs: [(serial(0), vec!["B Anna".to_owned(), "A".to_owned()])].into(),
        ..ZigbeeConfig::default()
    }
}

fn heard(cluster: u16, source: u16, data: Vec<u8>) -> Vec<u8> {
    let incoming = AfIncoming {
        group: 0,
        cluster,
        source: ShortAddress(source),
        source_endpoint: 0x14,
        destination_endpoint: 0x14,
        broadcast: 0,
        lqi: 80,
        security: 0,
        timestamp: 0x0102_0304,
        sequence: 7,
        data,
        last_hop: ShortAddress(source),
        radius: 0x0e,
    };
    ZnpMessage::Incoming(incoming).encode().unwrap()
}

fn sent(data: Vec<u8>) -> Vec<u8> {
    let message = AfSend {
        destination: ShortAddress(0x7c3a),
        destination_endpoint: 0x14,
        source_endpoint: 0x14,
        cluster: REQUEST_CLUSTER,
        transaction: 1,
        options: 0,
        radius: 15,
        data,
    };
    ZnpRequest::Send(message).encode().unwrap()
}

fn foreign(request: PairingRequest) -> Vec<u8> {
    let message = AfForeign {
        mode: 15,
        destination: [0xff, 0xff, 0, 0, 0, 0, 0, 0],
        destination_endpoint: 0x14,
        network: 0xffff,
        source_endpoint: 0x14,
        cluster: request.cluster(),
        transaction: request.transaction(),
        options: 0,
        radius: 15,
        data: request.data(),
    };
    ZnpRequest::SendForeign(message).encode().unwrap()
}

fn sealed(index: usize) -> Vec<u8> {
    let envelope = InverterCommand::Poll.envelope();
    let sealed = Sealed::seal(&envelope, Some(serial(index)), [9, 8, 7, 6, 5, 4], None);
    sealed.data(serial(index).wire())
}

/// A bit of everything.
fn frames() -> Vec<Vec<u8>> {
    let [a, b, c, d, e, f] = gateway().reversed();
    let ieee = [0xff, 0xff, a, b, c, d, e, f];
    let stranger: InverterSerial = STRANGER.parse().unwrap();
    let answer = |serial| InverterAnswer::accepted(serial).data();
    let info = DeviceInfo {
        status: 0.into(),
        ieee,
        address: ShortAddress(0),
        kind: 7,
        state: CoordinatorState::from(9),
        children: vec![ShortAddress(0x7c3a)],
    };
    // An answer that names the gateway inside, where nobody expects it.
    let body = [
        &[0xbb, 0x20][..],
        &gateway().reversed(),
        &serial(1).wire(),
        &[1; 6],
    ]
    .concat();
    let strange = super::super::wire::payload::l2(0xbb, &body);
    let strange = [&serial(1).wire()[..], &strange].concat();
    let write = |item, value: &[u8]| {
        let value = value.to_vec();
        ZnpRequest::WriteConfiguration { item, value }
            .encode()
            .unwrap()
    };
    let mut all = vec![
        write(1, &ieee),
        write(0x83, &gateway().network()),
        write(3, &[3]),
        ZnpMessage::DeviceInfo(info).encode().unwrap(),
        encode_frame(0x6604, &[&[0, 1, 8][..], &ieee].concat()).unwrap(),
        sent(InverterCommand::Poll.data(gateway())),
        heard(0x0106, 0x7c3a, answer(serial(0))),
        heard(0x0106, 0x1234, answer(stranger)),
        heard(0x0106, 0x2222, strange),
        heard(0x0106, 0x3333, sealed(2)),
        heard(REQUEST_CLUSTER, 0, InverterCommand::Poll.data(gateway())),
        heard(0x0101, 0x7c3a, pairing_answer(serial(0), 0x1a)),
        encode_frame(0x4480, &[0, 0x14, 1]).unwrap(),
    ];
    for request in PairingRequest::all(serial(1), gateway()) {
        all.push(foreign(request));
        all.push(heard(request.cluster(), 0, request.data()));
        all.push(heard(request.cluster(), 0x4444, request.data()));
    }
    all
}

/// Whether a number of before is somewhere.
fn leak(bytes: &[u8]) -> Option<String> {
    let mut ids: Vec<[u8; ID]> = SERIALS
        .iter()
        .chain([&STRANGER])
        .map(|it| it.parse::<InverterSerial>().unwrap().wire())
        .collect();
    ids.extend([gateway().bytes(), gateway().reversed()]);
    let found = ids
        .into_iter()
        .find(|id| bytes.windows(ID).any(|it| it == id));
    found.map(|id| format!("{id:02x?}"))
}

fn decoded(bytes: &[u8]) -> Vec<Result<ZnpMessage, u64>> {
    let mut scanner = ZnpScanner::default();
    scanner.push(bytes);
    scanner.give_up();
    let mut all = Vec::new();
    while let Some(scanned) = scanner.next() {
        all.push(match scanned {
            ZnpScanned::Frame { frame, .. } => Ok(ZnpMessage::decode(frame)),
            ZnpScanned::Skipped { bytes, .. } => Err(bytes),
        });
    }
    all
}

fn masked_in(pieces: &[&[u8]]) -> Vec<u8> {
    let mut masker = StickMasker::new(&config());
    let mut all = Vec::new();
    for piece in pieces {
        let masked = masker.mask(piece);
        assert_eq!(masked.len(), piece.len());
        all.extend(masked);
    }
    all
}

fn invented(number: &str) -> InverterSerial {
    Invented::of_this_run().serial(number.parse().unwrap())
}

#[test]
fn no_number_of_before_is_left_and_all_sums_are_right() {
    let all = frames().concat();
    assert!(leak(&all).is_some());
    let masked = masked_in(&[&all]);
    assert_eq!(leak(&masked), None);
    let (before, after) = (decoded(&all), decoded(&masked));
    assert_eq!(before.len(), frames().len());
    assert_eq!(before.len(), after.len());
    for (old, new) in before.into_iter().zip(after) {
        let (Ok(ZnpMessage::Incoming(old)), Ok(ZnpMessage::Incoming(new))) = (old, new) else {
            continue;
        };
        let (old, new) = (
            InverterAnswer::decode(&old.data),
            InverterAnswer::decode(&new.data),
        );
        match (old, new) {
            (Ok(old), Ok(new)) => {
                assert_eq!(new.serial, invented(&old.serial.to_string()));
                assert_eq!(
                    std::mem::discriminant(&old.content),
                    std::mem::discriminant(&new.content)
                );
            }
            (Err(old), Err(new)) => assert_eq!(old, new),
            (old, new) => panic!("{old:?} became {new:?}"),
        }
    }
}

#[test]
fn what_was_sealed_is_sealed_by_the_other_number() {
    let masked = masked_in(&[&heard(0x0106, 0x3333, sealed(2))]);
    let [Ok(ZnpMessage::Incoming(incoming))] = &decoded(&masked)[..] else {
        panic!("no message");
    };
    let again = Sealed::detect(&incoming.data).unwrap();
    let envelope = again.open(Some(invented(SERIALS[2])));
    assert_eq!(envelope, Some(InverterCommand::Poll.envelope()));
    assert_eq!(again.open(Some(serial(2))), None);
    // In pieces it cannot be sealed again, and everybody could find out by which number it was.
    let frame = heard(0x0106, 0x3333, sealed(2));
    let (head, tail) = frame.split_at(40);
    let masked = masked_in(&[head, tail]);
    let [Ok(ZnpMessage::Incoming(incoming))] = &decoded(&masked)[..] else {
        panic!("no message");
    };
    assert_eq!(incoming.data[12..], [0; 16]);
}

#[test]
fn damaged_frames_are_damaged_afterwards_and_say_no_more() {
    for frame in frames() {
        for lost in 0..frame.len() {
            let mut damaged = frame.clone();
            damaged.remove(lost);
            let whole = encode_frame(0x2101, &[]).unwrap();
            for bytes in [damaged.clone(), [&damaged[..], &whole].concat()] {
                let masked = masked_in(&[&bytes]);
                assert_eq!(leak(&masked), None, "{frame:02x?} without byte {lost}");
            }
            damaged = frame.clone();
            damaged[lost] ^= 0x01;
            let masked = masked_in(&[&damaged]);
            assert_eq!(leak(&masked), None, "{frame:02x?} with another byte {lost}");
            // As many pieces as before mean something: none, as a rule.
            let sound = |bytes: &[u8]| decoded(bytes).iter().filter(|it| it.is_ok()).count();
            assert_eq!(
                sound(&masked),
                sound(&damaged),
                "{frame:02x?} with another byte {lost}: {masked:02x?}"
            );
        }
    }
}

#[test]
fn the_section_of_a_masked_recording_has_the_invented_numbers() {
    let keys = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    };
    let section = keys(&[
        ("port", "/dev/ttyUSB0"),
        ("ecu_id", "D8A3011B9781"),
        ("inverters", "[\"408000990001\"]"),
        ("addresses.408000990001", "0x7C3A"),
        ("calibration.408000990001", "1.02"),
        ("inputs.408000990001", "[\"B Anna\", \"A\"]"),
        ("latitude", "48.2"),
        ("longitude", "16.4"),
    ]);
    let section = Section::from_pairs("aps_zigbee", &section).unwrap();
    let settings = ADAPTER.mask_settings(&section);
    let text = format!("{settings:?}");
    for secret in ["408000990001", "D8A3011B9781", "Anna", "48.2", "16.4"] {
        assert!(!text.contains(secret), "{text}");
    }
    let again = Section::from_pairs("aps_zigbee", &settings).unwrap();
    let again: ZigbeeConfig = again.read_without(&["port"]).unwrap();
    let other = invented(SERIALS[0]);
    assert_eq!(again.inverters, [other]);
    assert_eq!(again.addresses.get(&other), Some(&ShortAddress(0x7c3a)));
    assert_eq!(again.calibration.get(&other), Some(&1.02));
    assert_eq!(again.inputs.get(&other).unwrap(), &["B", "A"]);
    let mut mask = ADAPTER.mask(&section).unwrap();
    let masked = mask(&sent(InverterCommand::Poll.data(gateway())));
    let expected = sent(InverterCommand::Poll.data(again.ecu_id.unwrap()));
    assert_eq!(masked, expected);
}

proptest! {
    #[test]
    fn however_it_is_cut_it_becomes_the_same(
        order in prop::collection::vec(0..25_usize, 1..12),
        cuts in prop::collection::vec(0..600_usize, 0..12),
        noise in prop::collection::vec(prop::sample::select(vec![0xf8_u8, 0, 0xef, 0x44]), 0..4),
        between: bool,
    ) {
        let all = frames();
        // What is sealed, or names somebody inside, is not the same in pieces.
        let plain: Vec<&Vec<u8>> = order.iter().filter(|it| !(8..10).contains(*it)).map(|it| &all[*it]).collect();
        let mut bytes = noise;
        bytes.extend(plain.into_iter().flatten());
        let whole = masked_in(&[&bytes]);
        prop_assert_eq!(leak(&whole), None);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|it| it % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut masker = StickMasker::new(&config());
        let mut masked = Vec::new();
        for pair in cuts.windows(2) {
            masked.extend(masker.mask(&bytes[pair[0]..pair[1]]));
            if between {
                // The host speaks in between.
                let said = sent(InverterCommand::Info.data(gateway()));
                prop_assert_eq!(leak(&masker.mask(&said)), None);
            }
        }
        prop_assert_eq!(leak(&masked), None);
        prop_assert_eq!(masked, whole);
    }

    #[test]
    fn any_bytes_are_masked(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        masked_in(&pieces);
    }
}
