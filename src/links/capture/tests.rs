//! The whole way, from what is written to streams of bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::*;

const SERVER: ([u8; 4], u16) = ([198, 51, 100, 22], 22222);

/// What two units with the same port send, in turns, as each is cut into segments.
fn sent() -> [(SocketAddr, Vec<u8>); 2] {
    let stream = |seed: u8| {
        (0..3000_u32)
            .map(|number| (number % 251) as u8 ^ seed)
            .collect()
    };
    [
        (([192, 0, 2, 50], 1025).into(), stream(0)),
        (([192, 0, 2, 51], 1025).into(), stream(0x80)),
    ]
}

fn capture(format: CaptureFormat, link: LinkType, longest: usize, is_nested: bool) -> Vec<u8> {
    let mut writer = CaptureWriter::new(format, link);
    let sent = sent();
    for begin in (0..3000).step_by(300) {
        for (source, stream) in &sent {
            let segment = Segment {
                mac: Some([2, 0, 0, 0, 0, 1]),
                vlan: is_nested.then_some(4),
                sequence: (begin as u32).wrapping_sub(1000),
                payload: &stream[begin..begin + 300],
                ..Segment::between(*source, SERVER.into())
            };
            let mut packet = segment.encode(link);
            if is_nested {
                packet.splice(12..12, [0x88, 0xa8, 0, 9]);
            }
            let kept = packet.len().min(longest);
            let at = Duration::from_millis(begin as u64);
            writer.cut_packet(at, &packet[..kept], packet.len());
        }
    }
    writer.take()
}

/// The bytes of each direction, and how many of it were lost.
fn streams(bytes: &[u8]) -> BTreeMap<SocketAddr, (Vec<u8>, u32)> {
    let (mut reader, mut reassembly) = (CaptureReader::default(), Reassembly::default());
    let (mut flows, mut streams) = (BTreeMap::new(), BTreeMap::new());
    let mut deliver = |delivery: Delivery<'_>| match delivery {
        Delivery::Opened { flow, key, .. } => {
            flows.insert(flow, key.source);
            streams.insert(key.source, (Vec::new(), 0));
        }
        Delivery::Bytes(flow, bytes) => {
            streams.get_mut(&flows[&flow]).unwrap().0.extend(bytes);
        }
        Delivery::Lost(flow, count) => streams.get_mut(&flows[&flow]).unwrap().1 += count,
        Delivery::Closed(_) => {}
    };
    reader.push(bytes);
    while let Some(captured) = reader.next() {
        let Captured::Packet(packet) = captured else {
            panic!("{captured:?}");
        };
        if let Dissected::Tcp(segment) = dissect(&packet) {
            reassembly.take(packet.at.unwrap(), &segment, &mut deliver);
        }
    }
    reassembly.finish(&mut deliver);
    streams
}

#[test]
fn two_units_with_the_same_port_are_told_apart_in_every_form() {
    for format in [
        CaptureFormat::Pcap,
        CaptureFormat::PcapNanos,
        CaptureFormat::PcapModified,
        CaptureFormat::PcapNg,
    ] {
        for link in [
            LinkType::ETHERNET,
            LinkType::RAW,
            LinkType::COOKED,
            LinkType::COOKED_V2,
            LinkType::LOOPBACK,
        ] {
            for is_nested in [false, true] {
                let is_nested = is_nested && link == LinkType::ETHERNET;
                let streams = streams(&capture(format, link, usize::MAX, is_nested));
                for (source, stream) in sent() {
                    assert!(streams[&source] == (stream, 0), "{format:?} {link:?}");
                }
            }
        }
    }
}

#[test]
fn of_packets_that_are_cut_the_beginnings_come() {
    let streams = streams(&capture(CaptureFormat::Pcap, LinkType::ETHERNET, 96, false));
    for (source, stream) in sent() {
        // 54 bytes of headers, 42 of each payload.
        let begins = stream.chunks(300).flat_map(|payload| &payload[..42]);
        let begins: Vec<u8> = begins.copied().collect();
        assert!(streams[&source] == (begins, 2580));
    }
}
