//! A segment of TCP, and the packet that carries it.

use std::net::{IpAddr, SocketAddr};

use super::super::reader::LinkType;

/// A segment of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sent it in this network, if the interface says so.
    pub mac: Option<[u8; 6]>,
    /// To whom in this network.
    pub mac_to: Option<[u8; 6]>,
    /// The innermost VLAN.
    pub vlan: Option<u16>,
    /// From where.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// The number of its first byte.
    pub sequence: u32,
    /// What the sender has received, if it says so.
    pub acknowledged: Option<u32>,
    /// It opens the connection.
    pub is_syn: bool,
    /// It ends this direction.
    pub is_fin: bool,
    /// It breaks the connection off.
    pub is_reset: bool,
    /// What it carries, as many bytes of it as were captured.
    pub payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub missing: usize,
}

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RESET: u8 = 0x04;
const PUSH: u8 = 0x08;
pub(super) const ACKNOWLEDGES: u8 = 0x10;

const TCP_HEADER: usize = 20;

impl Segment<'_> {
    /// A segment with nothing in it, to be filled with `..`.
    pub fn between(source: SocketAddr, destination: SocketAddr) -> Self {
        Self {
            mac: None,
            mac_to: None,
            vlan: None,
            source,
            destination,
            sequence: 0,
            acknowledged: None,
            is_syn: false,
            is_fin: false,
            is_reset: false,
            payload: &[],
            missing: 0,
        }
    }

    /// The packet that carries it over interfaces of this kind, with right checksums; of a kind that is
    /// not known, the IP packet alone.
    ///
    /// Too long a payload makes one of those large packets that network cards take over from the
    /// kernel, and which only captures see.
    pub fn encode(&self, link: LinkType) -> Vec<u8> {
        let mut packet = Vec::with_capacity(80 + self.payload.len());
        let is_v6 = self.source.is_ipv6();
        let ethertype: u16 = if is_v6 { 0x86dd } else { 0x0800 };
        match link {
            LinkType::ETHERNET => {
                packet.extend(self.mac_to.unwrap_or_default());
                packet.extend(self.mac.unwrap_or_default());
                if let Some(vlan) = self.vlan {
                    packet.extend(0x8100_u16.to_be_bytes());
                    packet.extend((vlan & 0x0fff).to_be_bytes());
                }
                packet.extend(ethertype.to_be_bytes());
            }
            LinkType::COOKED => {
                packet.extend([0, 0, 0, 1, 0, 6]);
                packet.extend(self.mac.unwrap_or_default());
                packet.extend([0, 0]);
                packet.extend(ethertype.to_be_bytes());
            }
            LinkType::COOKED_V2 => {
                packet.extend(ethertype.to_be_bytes());
                packet.extend([0, 0, 0, 0, 0, 1, 0, 1, 0, 6]);
                packet.extend(self.mac.unwrap_or_default());
                packet.extend([0, 0]);
            }
            LinkType::LOOPBACK => packet.extend([if is_v6 { 30 } else { 2 }, 0, 0, 0]),
            _ => {}
        }
        let length = TCP_HEADER + self.payload.len() + self.missing;
        let pseudo = match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let begin = packet.len();
                packet.extend([0x45, 0]);
                // Too long for the field: zero, as kernels do it.
                packet.extend(u16::try_from(20 + length).unwrap_or(0).to_be_bytes());
                packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
                packet.extend(source.octets());
                packet.extend(destination.octets());
                let sum = checksum(packet.get(begin..).unwrap_or_default(), 0);
                set(&mut packet, begin + 10, sum);
                let octets = [source.octets(), destination.octets()].concat();
                sum_of(&octets)
            }
            (source, destination) => {
                let (source, destination) = (v6(source), v6(destination));
                packet.extend([0x60, 0, 0, 0]);
                match u16::try_from(length) {
                    Ok(short) => {
                        packet.extend(short.to_be_bytes());
                        packet.extend([6, 64]);
                        packet.extend(source);
                        packet.extend(destination);
                    }
                    // A jumbogram: the true length is in an option.
                    Err(_) => {
                        packet.extend([0, 0, 0, 64]);
                        packet.extend(source);
                        packet.extend(destination);
                        packet.extend([6, 0, 0xc2, 4]);
                        packet.extend((8 + length as u32).to_be_bytes());
                    }
                }
                sum_of(&[source, destination].concat())
            }
        };
        let begin = packet.len();
        packet.extend(self.source.port().to_be_bytes());
        packet.extend(self.destination.port().to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.acknowledged.unwrap_or_default().to_be_bytes());
        packet.extend([0x50, self.flags(), 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend_from_slice(self.payload);
        let pseudo = pseudo + 6 + (length as u64 & 0xffff) + (length as u64 >> 16);
        let sum = checksum(packet.get(begin..).unwrap_or_default(), pseudo);
        set(&mut packet, begin + 16, sum);
        packet
    }

    fn flags(&self) -> u8 {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        flag(self.is_fin, FIN)
            | flag(self.is_syn, SYN)
            | flag(self.is_reset, RESET)
            | flag(!self.payload.is_empty(), PUSH)
            | flag(self.acknowledged.is_some(), ACKNOWLEDGES)
    }
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn set(packet: &mut [u8], at: usize, value: u16) {
    if let Some(field) = packet.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

fn sum_of(bytes: &[u8]) -> u64 {
    let pairs = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u64::from(u16::from_be_bytes([high, low])),
        [high] => u64::from(high) << 8,
        _ => 0,
    });
    pairs.sum()
}

/// The checksum of IP and TCP (RFC 1071), of these bytes and of what was summed before.
fn checksum(bytes: &[u8], before: u64) -> u16 {
    let mut sum = before + sum_of(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_hosts_check() {
        let segment = Segment {
            sequence: 7,
            acknowledged: Some(9),
            payload: b"odd",
            ..Segment::between(
                "192.0.2.1:1024".parse().unwrap(),
                "192.0.2.2:22222".parse().unwrap(),
            )
        };
        let packet = segment.encode(LinkType::RAW);
        // What is summed with its checksum gives zero.
        assert_eq!(checksum(&packet[..20], 0), 0);
        let pseudo = sum_of(&packet[12..20]) + 6 + 23;
        assert_eq!(checksum(&packet[20..], pseudo), 0);
        // And a header from a textbook, whose sum is known.
        let header = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 192, 168, 0, 1, 192, 168, 0, 199,
        ];
        assert_eq!(checksum(&header, 0), 0xb861);
    }
}
