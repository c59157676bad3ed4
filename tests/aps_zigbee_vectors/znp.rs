//! Frames between a host and its stick.

use serde_json::Value;
use wattbridge::adapters::aps_zigbee::wire::ids::ShortAddress;
use wattbridge::adapters::aps_zigbee::wire::znp::{
    CoordinatorState, ZnpFrame, ZnpKind, ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner, ZnpStatus,
};

use crate::captures;

/// Frames of all these kinds are understood to the last byte.
const KINDS: &[&str] = &[
    "init",
    "health",
    "normal_operation",
    "wrong_firmware",
    "pair_request",
    "pair_echo",
    "pair_answer",
    "pair_fail",
    "poll_request",
    "poll_answer",
    "poll_fail",
    "route",
    "limit_set",
    "limit_read",
];

/// Its data was cut by who sent it.
const CUT: &str = "init-normal-op-truncated";

pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) all: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Exchange {
    pub(crate) fn is(&self, key: &str, value: &str) -> bool {
        self.all[key] == value
    }

    /// Whether it was written down with all of its bytes.
    pub(crate) fn is_complete(&self) -> bool {
        self.all["complete"] == true
    }

    fn is_of_host(&self) -> bool {
        self.is("direction", "host_to_radio")
    }
}

fn hex(text: &str) -> Vec<u8> {
    wattbridge::hex::bytes(text).unwrap()
}

pub(crate) fn exchanges() -> Vec<Exchange> {
    let mut all = Vec::new();
    for name in ["aps-zigbee.json", "aps-zigbee-reports.json"] {
        let file = captures::read(name);
        all.extend(
            file["vectors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|value| Exchange {
                    id: value["id"].as_str().unwrap().to_owned(),
                    all: value.clone(),
                    bytes: hex(value["hex"].as_str().unwrap()),
                }),
        );
    }
    all.retain(|it| KINDS.iter().any(|kind| it.is("kind", kind)));
    for kind in KINDS {
        assert!(all.iter().any(|it| it.is("kind", kind)), "{kind}");
    }
    all
}

pub(crate) fn exchange(id: &str) -> Exchange {
    let found = exchanges().into_iter().find(|it| it.id == id);
    found.unwrap_or_else(|| panic!("{id}"))
}

/// The bytes of each frame, and how many were none.
fn scan<'a>(pieces: impl Iterator<Item = &'a [u8]>, whole: &[u8]) -> (Vec<Vec<u8>>, u64) {
    let mut scanner = ZnpScanner::default();
    let (mut frames, mut stray) = (Vec::new(), 0);
    let mut drain = |scanner: &mut ZnpScanner| {
        while let Some(scanned) = scanner.next() {
            match scanned {
                ZnpScanned::Frame { offset, frame } => {
                    let from = usize::try_from(offset).unwrap();
                    frames.push(whole[from..from + frame.data.len() + 5].to_vec());
                }
                ZnpScanned::Skipped { bytes, .. } => stray += bytes,
            }
        }
    };
    for piece in pieces {
        scanner.push(piece);
        drain(&mut scanner);
    }
    scanner.give_up();
    drain(&mut scanner);
    (frames, stray)
}

fn frames(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
    scan(std::iter::once(bytes), bytes)
}

fn message(frame: &[u8]) -> ZnpMessage {
    ZnpMessage::decode(ZnpFrame::exactly(frame).unwrap())
}

pub(crate) fn messages(id: &str) -> Vec<ZnpMessage> {
    let (frames, _) = frames(&exchange(id).bytes);
    frames.iter().map(|frame| message(frame)).collect()
}

pub(crate) fn number(value: &Value) -> u16 {
    let digits = value.as_str().unwrap().trim_start_matches("0x");
    u16::from_str_radix(digits, 16).unwrap()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_frames_are_found_however_they_are_cut() {
    let mut count = 0;
    for exchange in exchanges() {
        let Some(listed) = exchange.all["frames"].as_array() else {
            let is_listed = exchange.is_of_host() || !exchange.is_complete();
            assert!(is_listed, "{}", exchange.id);
            continue;
        };
        let is_sound = |frame: &&Value| frame["fcs_ok"] == true;
        let expected: Vec<Vec<u8>> = listed
            .iter()
            .filter(is_sound)
            .map(|frame| hex(frame["frame"].as_str().unwrap()))
            .collect();
        let (found, stray) = frames(&exchange.bytes);
        assert_eq!(found, expected, "{}", exchange.id);
        count += found.len();
        let commands: Vec<u16> = found
            .iter()
            .map(|frame| ZnpFrame::exactly(frame).unwrap().command)
            .collect();
        let expected: Vec<u16> = listed
            .iter()
            .filter(is_sound)
            .map(|frame| number(&frame["cmd"]))
            .collect();
        assert_eq!(commands, expected, "{}", exchange.id);
        for size in 1..40 {
            let cut = scan(exchange.bytes.chunks(size), &exchange.bytes);
            assert_eq!(cut, (found.clone(), stray), "{} by {size}", exchange.id);
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_frame_is_understood_and_written_as_it_came() {
    for exchange in exchanges() {
        let (frames, stray) = frames(&exchange.bytes);
        let expected = &exchange.all["expected"];
        let stray_of_list = expected["stray_bytes"].as_u64().unwrap_or(0);
        if exchange.is_complete() {
            assert_eq!(stray, stray_of_list, "{}", exchange.id);
            assert!(!frames.is_empty(), "{}", exchange.id);
        }
        if let Some(count) = expected["frames"].as_u64() {
            assert_eq!(frames.len() as u64, count, "{}", exchange.id);
        }
        for bytes in frames {
            let frame = ZnpFrame::exactly(&bytes).unwrap();
            let (is_raw, written) = if exchange.is_of_host() {
                let request = ZnpRequest::decode(frame);
                let is_raw = matches!(request, ZnpRequest::Other { .. });
                (is_raw, request.encode())
            } else {
                assert_ne!(frame.kind(), ZnpKind::Question, "{}", exchange.id);
                let message = ZnpMessage::decode(frame);
                let is_raw = matches!(message, ZnpMessage::Other { .. });
                (is_raw, message.encode())
            };
            assert_eq!(written, Some(bytes.clone()), "{}", exchange.id);
            assert_eq!(is_raw, exchange.id == CUT, "{}", exchange.id);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
pub(crate) fn messages_of_inverters_have_the_fields_of_the_list() {
    let mut count = 0;
    for exchange in exchanges() {
        for listed in exchange.all["frames"].as_array().into_iter().flatten() {
            let af = &listed["af"];
            if af.is_null() || listed["fcs_ok"] != true {
                continue;
            }
            let id = &exchange.id;
            let ZnpMessage::Incoming(message) = message(&hex(listed["frame"].as_str().unwrap()))
            else {
                panic!("{id}");
            };
            assert_eq!(
                u64::from(message.group),
                af["group"].as_u64().unwrap(),
                "{id}"
            );
            assert_eq!(message.cluster, number(&af["cluster"]), "{id}");
            assert_eq!(message.source.0, number(&af["src"]), "{id}");
            assert_eq!(u64::from(message.source_endpoint), af["src_ep"], "{id}");
            assert_eq!(
                u64::from(message.destination_endpoint),
                af["dst_ep"],
                "{id}"
            );
            assert_eq!(u64::from(message.broadcast), af["broadcast"], "{id}");
            assert_eq!(u64::from(message.lqi), af["lqi"], "{id}");
            assert_eq!(u64::from(message.timestamp), af["timestamp"], "{id}");
            assert_eq!(u64::from(message.sequence), af["seq"], "{id}");
            assert_eq!(message.data.len() as u64, af["len"], "{id}");
            assert_eq!(message.data, hex(af["data"].as_str().unwrap()), "{id}");
            assert_eq!(message.last_hop.0, number(&af["trailer_mac_src"]), "{id}");
            assert_eq!(
                u16::from(message.radius),
                number(&af["trailer_radius"]),
                "{id}"
            );
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn statuses_and_routes_are_named() {
    let confirmed = |id: &str| {
        let confirm = messages(id).into_iter().find_map(|message| match message {
            ZnpMessage::Confirm {
                status, endpoint, ..
            } => Some((status, endpoint)),
            _ => None,
        });
        confirm.unwrap()
    };
    assert_eq!(confirmed("poll-no-route"), (ZnpStatus::NoRoute, 0x14));
    let expected = (ZnpStatus::NoMacAcknowledgement, 0x14);
    assert_eq!(confirmed("poll-mac-no-ack"), expected);
    assert_eq!(confirmed("poll-confirm-only"), (ZnpStatus::Success, 0x14));
    assert_eq!(
        messages("pair-fail-not-started"),
        [
            ZnpMessage::SendingForeign(ZnpStatus::NotStarted),
            ZnpMessage::State(CoordinatorState::Running)
        ]
    );
    let refused = ZnpMessage::SendingForeign(ZnpStatus::InvalidParameter);
    assert_eq!(messages("pair-fail-invalid-param"), [refused]);
    let refused = ZnpMessage::Sending(ZnpStatus::InvalidParameter);
    assert_eq!(messages("r-poll-cold-boot-02"), [refused]);
    let route = |to, relays: &[u16]| ZnpMessage::Route {
        destination: ShortAddress(to),
        relays: relays.iter().map(|relay| ShortAddress(*relay)).collect(),
    };
    assert_eq!(messages("route-ind-direct"), [route(0xd5e1, &[])]);
    assert_eq!(messages("route-ind-one-relay"), [route(0x12e9, &[0xfc78])]);
}
