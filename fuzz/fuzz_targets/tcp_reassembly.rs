//! Segments of any kind, in any order and at any time, put in order.
//!
//! Whatever comes, a direction is announced before its bytes and closed once. Whatever the input says of
//! how a stream is sent, what comes out is that stream.

#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wattbridge::links::capture::{Delivery, FlowId, Reassembly, Segment};

/// What every delivery keeps to.
#[derive(Default)]
struct Watch {
    open: BTreeSet<FlowId>,
    seen: BTreeSet<FlowId>,
}

impl Watch {
    fn tell(&mut self, delivery: Delivery<'_>) {
        match delivery {
            Delivery::Opened { flow, peer, .. } => {
                assert!(self.seen.insert(flow) && self.open.insert(flow));
                assert!(peer.is_none_or(|peer| self.open.contains(&peer)));
            }
            Delivery::Bytes(flow, bytes) => assert!(self.open.contains(&flow) && !bytes.is_empty()),
            Delivery::Lost(flow, count) => assert!(self.open.contains(&flow) && count > 0),
            Delivery::Closed(flow) => assert!(self.open.remove(&flow)),
        }
    }
}

/// Segments out of eight bytes each.
fn anything(data: &[u8]) {
    let mut reassembly = Reassembly::default();
    let mut watch = Watch::default();
    let payload = [7; 256];
    let (mut at, mut base) = (Duration::from_secs(1 << 30), 0_u32);
    for step in data.as_chunks::<8>().0 {
        let [kind, ends, low, high, acknowledged, time, length, more] = *step;
        if kind & 0x80 != 0 {
            base = base.wrapping_add(u32::from(more) << 24);
        }
        let seconds = u64::from(time & 0x7f).pow(2);
        at = match time & 0x80 {
            0 => at + Duration::from_millis(seconds),
            _ => Duration::from_secs((1 << 30) + seconds),
        };
        let address = |number: u8| ([192, 0, 2, number & 1], u16::from(number & 2)).into();
        let number = |number: u16| base.wrapping_add(number.into());
        let segment = Segment {
            sequence: number(u16::from_le_bytes([low, high & 0x03])),
            acknowledged: (kind & 1 != 0).then(|| number(acknowledged.into())),
            is_syn: kind & 0x0e == 2,
            is_fin: kind & 0x0e == 4,
            is_reset: kind & 0x0e == 8,
            payload: payload.get(..usize::from(length)).unwrap_or_default(),
            missing: if kind & 0x40 != 0 { more.into() } else { 0 },
            ..Segment::between(address(ends), address(ends >> 4))
        };
        reassembly.take(at, &segment, &mut |delivery| watch.tell(delivery));
    }
    reassembly.finish(&mut |delivery| watch.tell(delivery));
    assert!(watch.open.is_empty());
}

/// A stream of which the input says how it is cut and in which order it is sent, and that is sent once
/// more in order, so that nothing is missing.
fn stream(data: &[u8]) {
    let stream: Vec<u8> = (0..1024_u32).map(|number| (number * 7 >> 3) as u8).collect();
    let (first, steps) = match data.split_first_chunk() {
        Some((first, steps)) => (u32::from_le_bytes(*first), steps),
        None => return,
    };
    let mut reassembly = Reassembly::default();
    let mut came = Vec::new();
    let mut tell = |delivery: Delivery<'_>| match delivery {
        Delivery::Bytes(_, bytes) => came.extend_from_slice(bytes),
        Delivery::Lost(..) => panic!("{delivery:?}"),
        Delivery::Opened { .. } | Delivery::Closed(_) => {}
    };
    let opening = Segment {
        sequence: first.wrapping_sub(1),
        is_syn: true,
        ..Segment::between(([192, 0, 2, 1], 1).into(), ([192, 0, 2, 2], 2).into())
    };
    let mut take = |begin: usize, end: usize| {
        let segment = Segment {
            sequence: first.wrapping_add(begin as u32),
            is_syn: false,
            payload: &stream[begin..end],
            ..opening
        };
        reassembly.take(Duration::ZERO, &segment, &mut tell);
    };
    let mut whole = 0;
    for step in steps.as_chunks::<3>().0 {
        let begin = usize::from(u16::from_le_bytes([step[0], step[1]]) & 1023);
        take(begin, (begin + usize::from(step[2])).min(1024));
    }
    while whole < 1024 {
        take(whole, whole + 64);
        whole += 64;
    }
    // Without an opening it begins where it was first seen.
    let begin = steps.as_chunks::<3>().0.iter().find(|step| step[2] > 0);
    let begin = begin.map_or(0, |step| usize::from(u16::from_le_bytes([step[0], step[1]]) & 1023));
    assert_eq!(came, &stream[begin..]);
}

fuzz_target!(|data: &[u8]| {
    anything(data);
    stream(data);
});
