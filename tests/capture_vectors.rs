//! Captures of a protocol that is known elsewhere, read in place: what they hold has to come out of
//! them, whatever their format, their order and what is missing from them.
//!
//! The captures are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/vectors.rs"]
mod captures;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use wattbridge::links::capture::{
    CaptureReader, Captured, Delivery, Dissected, FlowId, FlowKey, LinkType, Reassembly, dissect,
};

/// What every frame of the protocol begins with.
const BARKER: &[u8] = &[0x12, 0x34, 0x56, 0x79];

/// Everything that comes out of a capture.
#[derive(Debug, Default, PartialEq, Eq)]
struct Out {
    packets: Vec<(Option<Duration>, LinkType, Vec<u8>)>,
    flows: BTreeMap<FlowId, (FlowKey, bool, Vec<u8>)>,
    closed: usize,
    lost: Vec<u32>,
    datagrams: Vec<Vec<u8>>,
    refused: bool,
}

impl Out {
    fn tell(&mut self, delivery: Delivery<'_>) {
        match delivery {
            Delivery::Opened {
                flow,
                key,
                from_start,
                ..
            } => {
                let new = self.flows.insert(flow, (key, from_start, Vec::new()));
                assert!(new.is_none());
            }
            Delivery::Bytes(flow, bytes) => self.flows.get_mut(&flow).unwrap().2.extend(bytes),
            Delivery::Lost(_, count) => self.lost.push(count),
            Delivery::Closed(_) => self.closed += 1,
        }
    }

    /// What the device has sent, one connection after the other.
    fn up(&self) -> Vec<u8> {
        let up = self.flows.values().filter(|(key, ..)| {
            let port = key.destination.port();
            [22222, 22221, 80, 443].contains(&port)
        });
        up.flat_map(|(.., bytes)| bytes.clone()).collect()
    }
}

fn read(bytes: &[u8], piece: usize) -> Out {
    let mut out = Out::default();
    let mut reader = CaptureReader::default();
    let mut reassembly = Reassembly::default();
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(captured) = reader.next() {
            let packet = match captured {
                Captured::Packet(packet) => packet,
                Captured::Dropped(_) => continue,
                Captured::Refused(_) => {
                    out.refused = true;
                    continue;
                }
            };
            out.packets
                .push((packet.at, packet.link, packet.data.to_vec()));
            match dissect(&packet) {
                Dissected::Tcp(segment) => {
                    let at = packet.at.unwrap_or_default();
                    reassembly.take(at, &segment, &mut |delivery| out.tell(delivery));
                }
                Dissected::Udp { payload, .. } => out.datagrams.push(payload.to_vec()),
                Dissected::Fragment | Dissected::Other => {}
            }
        }
    }
    reassembly.finish(&mut |delivery| out.tell(delivery));
    out
}

fn vectors() -> Vec<Value> {
    let mut all = Vec::new();
    for file in ["solaredge.json", "solaredge-reports.json"] {
        let file = captures::read(file);
        let vectors = file["vectors"].as_array().unwrap().iter();
        let vectors = vectors.filter(|vector| vector["kind"] == "capture");
        all.extend(vectors.cloned());
    }
    assert!(!all.is_empty());
    all
}

fn name(vector: &Value) -> &str {
    vector["file"].as_str().unwrap()
}

/// The frames that a capture is known to hold, in their order; those that are named by a remark alone
/// are left out.
fn frames(vector: &Value) -> Vec<Vec<u8>> {
    let posts = vector["expect_posts"].as_array().map(Vec::as_slice);
    let posts = posts.unwrap_or_default().iter().map(|id| id.as_str());
    let posts = posts.filter_map(|id| id.filter(|id| !id.starts_with('(')));
    let frame = |id: &str| match id {
        "post_events" => captures::bytes("solaredge/frames/event_0300_pair.bin"),
        id => captures::bytes(&format!("solaredge/frames/rebuilt_{id}.bin")),
    };
    posts.map(frame).collect()
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_frames_are_in_what_the_device_has_sent() {
    let mut checked = 0;
    for vector in vectors() {
        let name = name(&vector);
        let out = read(&captures::bytes(name), usize::MAX);
        let up = out.up();
        let mut rest = up.as_slice();
        // What is encrypted is for others to open.
        let frames = match vector["key"].is_string() {
            true => Vec::new(),
            false => frames(&vector),
        };
        for (number, frame) in frames.iter().enumerate() {
            let at = position(rest, frame).unwrap_or_else(|| {
                panic!("{name}: frame {number} of {} is not there", frames.len())
            });
            rest = &rest[at + frame.len()..];
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn nothing_is_missing_but_what_was_never_captured() {
    for vector in vectors() {
        let name = name(&vector);
        let out = read(&captures::bytes(name), usize::MAX);
        assert!(!out.refused, "{name}");
        assert!(!out.packets.is_empty(), "{name}");
        assert_eq!(out.closed, out.flows.len(), "{name}");
        let expected: &[u32] = match name.contains("loss_one_segment") {
            true => &[100],
            false => &[],
        };
        assert_eq!(out.lost, expected, "{name}");
        let up = out.up();
        let begin = match name {
            name if name.contains("tls-unit") => &[0x16, 3],
            name if name.contains("midstream_start") => &up[..0],
            _ => BARKER,
        };
        assert!(up.starts_with(begin), "{name}");
        for (key, from_start, _) in out.flows.values() {
            assert!(
                *from_start || name.contains("midstream_start") || name.contains("no_handshake"),
                "{name} {key:?}"
            );
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn any_cut_gives_the_same() {
    for vector in vectors() {
        let bytes = captures::bytes(name(&vector));
        assert!(CaptureReader::recognises(&bytes));
        let whole = read(&bytes, usize::MAX);
        for piece in [1, 13, 1000] {
            assert!(read(&bytes, piece) == whole, "{} {piece}", name(&vector));
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn formats_differ_in_nothing_but_their_form() {
    let plain = read(&captures::bytes("solaredge/pcap/plain_le_us.pcap"), 4096);
    for other in [
        "plain_be_us.pcap",
        "plain_le_ns.pcap",
        "plain_be_ns.pcap",
        "plain.pcapng",
    ] {
        let other = read(&captures::bytes(&format!("solaredge/pcap/{other}")), 4096);
        assert!(other.flows == plain.flows);
        assert_eq!(other.packets.len(), plain.packets.len());
        for (other, plain) in other.packets.iter().zip(&plain.packets) {
            assert_eq!((other.1, &other.2), (plain.1, &plain.2));
            // Rounded by whoever made them.
            let (other, plain) = (other.0.unwrap(), plain.0.unwrap());
            assert!(other.abs_diff(plain) <= Duration::from_micros(1));
        }
    }
    for other in ["plain_vlan4.pcap", "plain_sll.pcap", "plain_rawip.pcap"] {
        let other = read(&captures::bytes(&format!("solaredge/pcap/{other}")), 4096);
        assert!(other.flows == plain.flows);
    }
    let modified = captures::bytes("solaredge-reports/fritzbox-modified.pcap");
    let modified = read(&modified, 4096).up();
    let pair = read(&captures::bytes("solaredge-reports/bit23-pair.pcap"), 4096).up();
    assert!(!modified.is_empty() && position(&pair, &modified).is_some());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_name_is_asked_for_in_a_datagram() {
    let out = read(&captures::bytes("solaredge-reports/tls-unit.pcap"), 4096);
    assert!(
        out.datagrams
            .iter()
            .any(|datagram| position(datagram, b"solaredge").is_some())
    );
}
