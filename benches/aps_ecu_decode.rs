//! How fast answers of the ECU are framed and decoded.
//!
//! One telemetry answer of 20 mixed inverters, and a stream of many in pieces of a TCP segment.

mod answers;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wattbridge::adapters::aps_ecu::wire::{Answer, Framer};

use answers::{INVERTERS, telemetry};

const STREAM: u16 = 500;
const SEGMENT: usize = 1448;

/// Number of inverters found.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let mut framer = Framer::new();
    let mut found = 0;
    for piece in pieces {
        framer.push(piece);
        while let Some(Ok(frame)) = framer.next_frame() {
            if let Ok(Answer::Telemetry(telemetry)) = Answer::decode(&frame) {
                found += black_box(telemetry).records.len();
            }
        }
    }
    found
}

fn benchmark(c: &mut Criterion) {
    let one = telemetry(jiff::civil::date(2025, 6, 1).at(12, 5, 30, 0));
    let many = one.repeat(usize::from(STREAM));
    let inputs = [
        ("one frame", &one, u64::from(INVERTERS)),
        ("stream", &many, u64::from(INVERTERS) * u64::from(STREAM)),
    ];
    for (name, input, inverters) in inputs {
        assert_eq!(decode(input.chunks(SEGMENT)) as u64, inverters);
        let mut group = c.benchmark_group("aps_ecu_decode");
        for (unit, throughput) in [
            ("bytes", Throughput::Bytes(input.len() as u64)),
            ("inverters", Throughput::Elements(inverters)),
        ] {
            group.throughput(throughput);
            group.bench_with_input(BenchmarkId::new(name, unit), input, |b, input| {
                b.iter(|| decode(black_box(input).chunks(SEGMENT)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
