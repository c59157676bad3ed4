//! How inverters were paired, and the example of encryption.

use wattbridge::adapters::aps_zigbee::wire::ids::{EcuId, InverterSerial, ShortAddress};
use wattbridge::adapters::aps_zigbee::wire::payload::{
    PAIRED_CLUSTER, PairingHeard, PairingRequest, Sealed, pairing_heard,
};

use super::{captured, frames, gateway_of, messages};

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_requests_of_pairing_are_those_of_gateways() {
    let captures = captured(&["pair_request"]);
    let data: Vec<_> = captures
        .iter()
        .map(|capture| &frames(&capture.bytes, [0x24, 0x02])[0][20..])
        .collect();
    let [_, asked, _, stay] = data[..] else {
        panic!("four requests")
    };
    let serial = InverterSerial::of_wire(asked.try_into().unwrap()).unwrap();
    let all = PairingRequest::all(serial, gateway_of(stay.try_into().unwrap()));
    for (capture, request) in captures.iter().zip(all) {
        let frame = frames(&capture.bytes, [0x24, 0x02])[0];
        let cluster = u16::from_le_bytes([frame[13], frame[14]]);
        assert_eq!(cluster, request.cluster(), "{}", capture.id);
        assert_eq!(frame[15], request.transaction(), "{}", capture.id);
        assert_eq!(frame[20..], request.data(), "{}", capture.id);
        assert_eq!(usize::from(frame[18]), request.data().len());
        assert_eq!(PairingRequest::read(cluster, &frame[20..]), Some(request));
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn only_the_inverter_that_is_wanted_is_paired() {
    let gateway: EcuId = "D8A3011B9780".parse().unwrap();
    let other: InverterSerial = "703000990077".parse().unwrap();
    for capture in captured(&["pair_answer"]) {
        let id = capture.id.as_str();
        let stated = &capture.all["stated_by_source"]["inverter_id"];
        let expected = &capture.all["expected"]["short_address"];
        let address = stated.as_str().or_else(|| expected.as_str()).unwrap();
        let address: ShortAddress = address.parse().unwrap();
        let mut answered = 0;
        for (source, cluster, data) in messages(&capture.bytes) {
            let serial = data
                .last_chunk()
                .copied()
                .and_then(InverterSerial::of_wire)
                .unwrap();
            let heard = pairing_heard(serial, gateway, source, cluster, data);
            if cluster == PAIRED_CLUSTER {
                assert_eq!(heard, PairingHeard::Answered(address), "{id}");
                let heard = pairing_heard(other, gateway, source, cluster, data);
                assert_eq!(heard, PairingHeard::OtherAnswered(serial, address), "{id}");
                answered += 1;
            } else {
                assert_eq!(heard, PairingHeard::Echo, "{id}");
            }
        }
        assert_eq!(answered, 1, "{id}");
    }
    for capture in captured(&["pair_echo"]) {
        for (source, cluster, data) in messages(&capture.bytes) {
            let (serial, gateway) = match PairingRequest::read(cluster, data).unwrap() {
                PairingRequest::Prime(serial, gateway) | PairingRequest::Move(serial, gateway) => {
                    (serial, gateway)
                }
                PairingRequest::Ask(serial) => (serial, gateway),
                PairingRequest::Stay(gateway) => (other, gateway),
            };
            let heard = pairing_heard(serial, gateway, source, cluster, data);
            assert_eq!(heard, PairingHeard::Echo, "{}", capture.id);
        }
        assert!(!messages(&capture.bytes).is_empty(), "{}", capture.id);
    }
    for capture in captured(&["pair_fail"]) {
        assert!(messages(&capture.bytes).is_empty(), "{}", capture.id);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_computed_example_of_encryption_comes_out() {
    for capture in captured(&["crypto"]) {
        let key = capture.hex("key");
        let serial = InverterSerial::of_wire(key[6..12].try_into().unwrap()).unwrap();
        let plain = capture.hex("plain");
        let envelope = &plain[1..=usize::from(plain[0])];
        let nonce = key[..6].try_into().unwrap();
        let sealed = Sealed::seal(envelope, Some(serial), nonce, None);
        assert_eq!(sealed.sealed, capture.hex("cipher"));
        assert_eq!(sealed.open(Some(serial)).unwrap(), envelope);
    }
}
