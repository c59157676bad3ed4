//! How an inverter is told to move into our network, and how it tells its address there.
//!
//! | # | Cluster | Data | Meaning |
//! |---|---|---|---|
//! | 0 | 020D | serial, `FF FF 10 FF FF`, id | who we are, to where it may be now; 10 is channel 16 |
//! | 1 | 020C | serial | what is your address? |
//! | 2 | 010F | serial, network, `10 FF FF`, id | move into our network |
//! | 3 | 0101 | id | stay there |
//!
//! `id` is the gateway's, its last byte first. All go to everybody in any network, so inverters nearby repeat them
//! and we hear our own words again, from the source 0000. **That is no answer**, and the address of whoever repeated
//! it is not that of the inverter. Only this is an answer, to the second or the third request or to both:
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 2 | `FF FF`, `FF 1A`, `FF 0E`: nobody knows what they say |
//! | 2 | 6 | serial |
//!
//! in cluster 0101, from the address that is asked for. All four are said even if the answer came early: an
//! inverter that has not heard the last does not stay.

use crate::adapters::aps_zigbee::wire::ids::{EcuId, InverterSerial, ShortAddress};

/// The cluster of the answer, and of the last request.
pub const PAIRED_CLUSTER: u16 = 0x0101;
/// The cluster of the first request.
pub const PRIME_CLUSTER: u16 = 0x020d;
/// The cluster of the second request.
pub const ASK_CLUSTER: u16 = 0x020c;
/// The cluster of the third request.
pub const MOVE_CLUSTER: u16 = 0x010f;

/// Channel 16, and the rest that stands between a network and our id.
const CHANNEL: [u8; 3] = [0x10, 0xff, 0xff];
const NOWHERE: [u8; 2] = [0xff, 0xff];

/// One of the four requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairingRequest {
    /// Who we are.
    Prime(InverterSerial, EcuId),
    /// What is your address?
    Ask(InverterSerial),
    /// Move into our network.
    Move(InverterSerial, EcuId),
    /// Stay there.
    Stay(EcuId),
}

impl PairingRequest {
    /// All four, in their order.
    pub const fn all(serial: InverterSerial, gateway: EcuId) -> [Self; 4] {
        [
            Self::Prime(serial, gateway),
            Self::Ask(serial),
            Self::Move(serial, gateway),
            Self::Stay(gateway),
        ]
    }

    /// Its place among them, which is its transaction as well.
    pub const fn transaction(self) -> u8 {
        match self {
            Self::Prime(..) => 0,
            Self::Ask(_) => 1,
            Self::Move(..) => 2,
            Self::Stay(_) => 3,
        }
    }

    /// Where it is said.
    pub const fn cluster(self) -> u16 {
        match self {
            Self::Prime(..) => PRIME_CLUSTER,
            Self::Ask(_) => ASK_CLUSTER,
            Self::Move(..) => MOVE_CLUSTER,
            Self::Stay(_) => PAIRED_CLUSTER,
        }
    }

    /// Its application data.
    pub fn data(self) -> Vec<u8> {
        let toward = |serial: InverterSerial, network: [u8; 2], gateway: EcuId| {
            let serial = serial.wire();
            let gateway = gateway.reversed();
            [&serial[..], &network, &CHANNEL, &gateway].concat()
        };
        match self {
            Self::Prime(serial, gateway) => toward(serial, NOWHERE, gateway),
            Self::Ask(serial) => serial.wire().to_vec(),
            Self::Move(serial, gateway) => {
                let [first, second] = gateway.network();
                toward(serial, [second, first], gateway)
            }
            Self::Stay(gateway) => gateway.reversed().to_vec(),
        }
    }

    /// That of a cluster and its data, as an inverter hears it.
    pub fn read(cluster: u16, data: &[u8]) -> Option<Self> {
        let request = match cluster {
            PRIME_CLUSTER | MOVE_CLUSTER => {
                let (serial, rest) = data.split_first_chunk()?;
                let serial = InverterSerial::of_wire(*serial)?;
                let gateway = gateway_of(*rest.last_chunk()?)?;
                if cluster == PRIME_CLUSTER {
                    Self::Prime(serial, gateway)
                } else {
                    Self::Move(serial, gateway)
                }
            }
            ASK_CLUSTER => Self::Ask(InverterSerial::of_wire(data.try_into().ok()?)?),
            PAIRED_CLUSTER => Self::Stay(gateway_of(data.try_into().ok()?)?),
            _ => return None,
        };
        (request.data() == data).then_some(request)
    }
}

/// The gateway whose id this is, its last byte first.
fn gateway_of(mut reversed: [u8; 6]) -> Option<EcuId> {
    reversed.reverse();
    let digits: String = reversed.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.parse().ok()
}

/// What something heard while pairing means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingHeard {
    /// The inverter has this address in our network.
    Answered(ShortAddress),
    /// Another inverter told its address.
    OtherAnswered(InverterSerial, ShortAddress),
    /// Our own words: the request went out, and somebody is near enough to repeat it.
    Echo,
    /// Nothing of pairing.
    Unrelated,
}

/// What this message means to a gateway that is pairing this inverter.
pub fn pairing_heard(
    wanted: InverterSerial,
    gateway: EcuId,
    source: ShortAddress,
    cluster: u16,
    data: &[u8],
) -> PairingHeard {
    if source == ShortAddress::GATEWAY {
        let is_ours = |it: PairingRequest| it.cluster() == cluster && it.data() == data;
        let all = PairingRequest::all(wanted, gateway);
        return if all.into_iter().any(is_ours) {
            PairingHeard::Echo
        } else {
            PairingHeard::Unrelated
        };
    }
    let serial = match data {
        [_, _, serial @ ..] if cluster == PAIRED_CLUSTER && source.is_of_inverter() => serial,
        _ => return PairingHeard::Unrelated,
    };
    let serial: Option<[u8; 6]> = serial.try_into().ok();
    match serial.and_then(InverterSerial::of_wire) {
        Some(serial) if serial == wanted => PairingHeard::Answered(source),
        Some(serial) => PairingHeard::OtherAnswered(serial, source),
        None => PairingHeard::Unrelated,
    }
}

/// What an inverter answers, in [`PAIRED_CLUSTER`]; the second byte varies.
pub fn pairing_answer(serial: InverterSerial, second: u8) -> Vec<u8> {
    [&[0xff, second][..], &serial.wire()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADDRESS: ShortAddress = ShortAddress(0x7c3a);

    fn serial() -> InverterSerial {
        "408000990001".parse().unwrap()
    }

    fn gateway() -> EcuId {
        "D8A3011B9780".parse().unwrap()
    }

    fn heard(source: ShortAddress, cluster: u16, data: &[u8]) -> PairingHeard {
        pairing_heard(serial(), gateway(), source, cluster, data)
    }

    #[test]
    fn the_requests_are_read_as_they_were_said() {
        for (place, request) in (0..).zip(PairingRequest::all(serial(), gateway())) {
            assert_eq!(request.transaction(), place);
            let data = request.data();
            assert_eq!(
                PairingRequest::read(request.cluster(), &data),
                Some(request)
            );
            assert_eq!(PairingRequest::read(request.cluster(), &data[1..]), None);
            assert_eq!(PairingRequest::read(0x0006, &data), None);
        }
        let moved = PairingRequest::Move(serial(), gateway()).data();
        assert_eq!(moved[6..8], [0xa3, 0xd8]);
    }

    #[test]
    fn our_own_words_are_no_answer_whoever_repeats_them() {
        for request in PairingRequest::all(serial(), gateway()) {
            let data = request.data();
            let cluster = request.cluster();
            assert_eq!(
                heard(ShortAddress::GATEWAY, cluster, &data),
                PairingHeard::Echo
            );
            assert_eq!(heard(ADDRESS, cluster, &data), PairingHeard::Unrelated);
        }
        let answer = pairing_answer(serial(), 0xff);
        let looped = heard(ShortAddress::GATEWAY, PAIRED_CLUSTER, &answer);
        assert_eq!(looped, PairingHeard::Unrelated);
    }

    #[test]
    fn only_the_inverter_itself_answers() {
        for second in [0xff, 0x1a, 0x0e] {
            let answer = pairing_answer(serial(), second);
            let address = heard(ADDRESS, PAIRED_CLUSTER, &answer);
            assert_eq!(address, PairingHeard::Answered(ADDRESS));
            assert_eq!(heard(ADDRESS, 0x0106, &answer), PairingHeard::Unrelated);
            for nobody in [0xffff, 0xfffc] {
                let found = heard(ShortAddress(nobody), PAIRED_CLUSTER, &answer);
                assert_eq!(found, PairingHeard::Unrelated);
            }
        }
        let other: InverterSerial = "703000990002".parse().unwrap();
        assert_eq!(
            heard(ADDRESS, PAIRED_CLUSTER, &pairing_answer(other, 0x1a)),
            PairingHeard::OtherAnswered(other, ADDRESS)
        );
        let mut long = pairing_answer(serial(), 0xff);
        long.push(0);
        assert_eq!(
            heard(ADDRESS, PAIRED_CLUSTER, &long),
            PairingHeard::Unrelated
        );
        let no_digits = [0xff, 0xff, 0xab, 0, 0, 0, 0, 0];
        assert_eq!(
            heard(ADDRESS, PAIRED_CLUSTER, &no_digits),
            PairingHeard::Unrelated
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_heard(source: u16, cluster: u16, data: Vec<u8>) {
            for cluster in [cluster, PAIRED_CLUSTER, PRIME_CLUSTER, ASK_CLUSTER, MOVE_CLUSTER] {
                let found = heard(ShortAddress(source), cluster, &data);
                if let PairingHeard::Answered(address) = found {
                    prop_assert_eq!(address, ShortAddress(source));
                    prop_assert_eq!(&data[2..], serial().wire());
                }
                if let Some(request) = PairingRequest::read(cluster, &data) {
                    prop_assert_eq!(request.data(), data.clone());
                }
            }
        }
    }
}
