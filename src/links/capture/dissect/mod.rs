//! What is in a packet: the headers from the interface up to TCP.

mod segment;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use super::reader::{LinkType, Packet};

pub use segment::Segment;

/// What a packet carries, as far as anybody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dissected<'a> {
    /// A segment of TCP.
    Tcp(Segment<'a>),
    /// A datagram of UDP.
    Udp {
        /// Who sent it in this network, if the interface says so.
        mac: Option<[u8; 6]>,
        /// From where.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A piece of a larger packet, which is not put together again.
    Fragment,
    /// Anything else, or not whole enough to tell.
    Other,
}

/// Takes a packet apart.
///
/// No checksum is looked at: what a machine sends itself is captured before its network card fills
/// them in. Whatever follows behind the end of the IP packet is left out.
pub fn dissect<'a>(packet: &Packet<'a>) -> Dissected<'a> {
    interface(packet).unwrap_or(Dissected::Other)
}

/// What the headers below IP have said.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    mac: Option<[u8; 6]>,
    mac_to: Option<[u8; 6]>,
    vlan: Option<u16>,
}

fn interface<'a>(packet: &Packet<'a>) -> Option<Dissected<'a>> {
    let data = packet.data;
    let mut below = Below::default();
    match packet.link {
        LinkType::ETHERNET => {
            let (to, rest) = data.split_first_chunk()?;
            let (from, rest) = rest.split_first_chunk()?;
            below.mac = mac(from);
            below.mac_to = mac(to);
            let (kind, rest) = u16_of(rest)?;
            network(kind, rest, below)
        }
        LinkType::COOKED => {
            let (head, rest) = data.split_first_chunk::<16>()?;
            let [_, _, _, _, l, m, address @ .., _, _, x, y] = head;
            if [*l, *m] == [0, 6] {
                below.mac = mac(address);
            }
            network(u16::from_be_bytes([*x, *y]), rest, below)
        }
        LinkType::COOKED_V2 => {
            let (head, rest) = data.split_first_chunk::<20>()?;
            let [x, y, _, _, _, _, _, _, _, _, _, length, address @ .., _, _] = head;
            if *length == 6 {
                below.mac = mac(address);
            }
            network(u16::from_be_bytes([*x, *y]), rest, below)
        }
        // The family, in the byte order of whatever machine captured it; IP itself says it better.
        LinkType::LOOPBACK => internet(data.get(4..)?, below),
        // Of Linux, of BSD, and of either version alone.
        LinkType::RAW | LinkType(12 | 14 | 228 | 229) => internet(data, below),
        _ => None,
    }
}

/// An address, unless it is the one of interfaces that have none.
fn mac(address: &[u8; 6]) -> Option<[u8; 6]> {
    (*address != [0; 6]).then_some(*address)
}

fn u16_of(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (value, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*value), rest))
}

fn network(mut kind: u16, mut rest: &[u8], mut below: Below) -> Option<Dissected<'_>> {
    loop {
        match kind {
            0x0800 | 0x86dd => return internet(rest, below),
            // VLANs, one inside the other.
            0x8100 | 0x88a8 | 0x9100 => {
                let (tag, behind) = u16_of(rest)?;
                // Zero is a priority, and no VLAN.
                if tag & 0x0fff != 0 {
                    below.vlan = Some(tag & 0x0fff);
                }
                (kind, rest) = u16_of(behind)?;
            }
            // A session of PPP over Ethernet: version, code, number and length, then what it carries.
            0x8864 => {
                let (protocol, behind) = u16_of(rest.get(6..)?)?;
                return match protocol {
                    0x0021 | 0x0057 => internet(behind, below),
                    _ => None,
                };
            }
            _ => return None,
        }
    }
}

/// What IP carries.
struct Carried<'a> {
    below: Below,
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// As much as was captured.
    data: &'a [u8],
    /// How much of it there was.
    length: usize,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

fn internet(data: &[u8], below: Below) -> Option<Dissected<'_>> {
    match data.first()? >> 4 {
        4 => version_4(data, below),
        6 => version_6(data, below),
        _ => None,
    }
}

fn version_4(data: &[u8], below: Below) -> Option<Dissected<'_>> {
    let head: &[u8; 20] = data.first_chunk()?;
    let [
        version,
        _,
        t,
        u,
        _,
        _,
        f,
        g,
        _,
        protocol,
        _,
        _,
        addresses @ ..,
    ] = head;
    let [a, b, c, d, w, x, y, z] = *addresses;
    let header = usize::from(version & 0x0f) * 4;
    let total = match u16::from_be_bytes([*t, *u]) {
        // So large that its length does not fit: what was captured is what there is.
        0 => data.len(),
        total => usize::from(total),
    };
    if header < 20 || total < header {
        return None;
    }
    // More of it to come, or not its beginning.
    if u16::from_be_bytes([*f, *g]) & 0x3fff != 0 {
        return Some(Dissected::Fragment);
    }
    transport(&Carried {
        below,
        source: [a, b, c, d].into(),
        destination: [w, x, y, z].into(),
        protocol: *protocol,
        data: data.get(header..total.min(data.len()))?,
        length: total - header,
    })
}

fn version_6(data: &[u8], below: Below) -> Option<Dissected<'_>> {
    let (head, mut rest) = data.split_first_chunk::<40>()?;
    let [_, _, _, _, l, m, protocol, _, addresses @ ..] = head;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let destination: &[u8; 16] = destination.first_chunk()?;
    let mut protocol = *protocol;
    let mut length = match u16::from_be_bytes([*l, *m]) {
        0 => jumbo(protocol, rest).unwrap_or(rest.len()),
        length => usize::from(length),
    };
    rest = rest.get(..length).unwrap_or(rest);
    // Options by the hop, routing, fragments, options for the end.
    while let 0 | 43 | 44 | 60 = protocol {
        let [next, units, f, g, ..] = *rest.first_chunk::<8>()?;
        let header = match protocol {
            // Not its beginning, or more to come. Neither: a fragment that is the whole.
            44 if u16::from_be_bytes([f, g]) & 0xfff9 != 0 => return Some(Dissected::Fragment),
            44 => 8,
            _ => 8 + 8 * usize::from(units),
        };
        protocol = next;
        rest = rest.get(header..)?;
        length = length.checked_sub(header)?;
    }
    transport(&Carried {
        below,
        source: (*source).into(),
        destination: (*destination).into(),
        protocol,
        data: rest,
        length,
    })
}

/// The length of a packet of IPv6 that has more than 64 KiB: an option by the hop (RFC 2675).
fn jumbo(protocol: u8, rest: &[u8]) -> Option<usize> {
    if protocol != 0 {
        return None;
    }
    let units = usize::from(*rest.get(1)?);
    let mut options = rest.get(2..8 + 8 * units)?;
    while let Some((kind, behind)) = options.split_first() {
        if *kind == 0 {
            options = behind;
            continue;
        }
        let (length, value) = behind.split_first()?;
        if *kind == 0xc2 && *length == 4 {
            let length = u32::from_be_bytes(*value.first_chunk()?);
            return usize::try_from(length).ok();
        }
        options = value.get(usize::from(*length)..)?;
    }
    None
}

fn transport<'a>(carried: &Carried<'a>) -> Option<Dissected<'a>> {
    match carried.protocol {
        TCP => tcp(carried),
        UDP => udp(carried),
        _ => None,
    }
}

fn tcp<'a>(carried: &Carried<'a>) -> Option<Dissected<'a>> {
    let head: &[u8; 20] = carried.data.first_chunk()?;
    let [
        a,
        b,
        c,
        d,
        s,
        e,
        q,
        u,
        ack @ ..,
        offset,
        flags,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = *head;
    let header = usize::from(offset >> 4) * 4;
    if header < 20 {
        return None;
    }
    let length = carried.length.checked_sub(header)?;
    // Options may be all that was captured, or even more.
    let payload = carried.data.get(header..).unwrap_or_default();
    Some(Dissected::Tcp(Segment {
        mac: carried.below.mac,
        mac_to: carried.below.mac_to,
        vlan: carried.below.vlan,
        source: SocketAddr::new(carried.source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(carried.destination, u16::from_be_bytes([c, d])),
        sequence: u32::from_be_bytes([s, e, q, u]),
        acknowledged: (flags & segment::ACKNOWLEDGES != 0).then_some(u32::from_be_bytes(ack)),
        is_syn: flags & segment::SYN != 0,
        is_fin: flags & segment::FIN != 0,
        is_reset: flags & segment::RESET != 0,
        payload,
        missing: length - payload.len(),
    }))
}

fn udp<'a>(carried: &Carried<'a>) -> Option<Dissected<'a>> {
    let (head, rest) = carried.data.split_first_chunk::<8>()?;
    let [a, b, c, d, l, m, _, _] = *head;
    let payload = match u16::from_be_bytes([l, m]) {
        // So large that its length does not fit.
        0 => rest,
        length => {
            let length = usize::from(length).checked_sub(8)?;
            rest.get(..length).unwrap_or(rest)
        }
    };
    Some(Dissected::Udp {
        mac: carried.below.mac,
        source: SocketAddr::new(carried.source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(carried.destination, u16::from_be_bytes([c, d])),
        payload,
    })
}
