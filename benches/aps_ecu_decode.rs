//! How fast answers of the ECU are framed and decoded.
//!
//! One telemetry answer of 20 mixed inverters, and a stream of many in pieces of a TCP segment.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wattbridge::adapters::aps_ecu::wire::{
    Answer, Body, Framer, Quad, Record, RecordType, Telemetry, Uid,
};

const INVERTERS: u16 = 20;
const STREAM: u16 = 500;
const SEGMENT: usize = 1448;

fn record(number: u16) -> Record {
    let (prefix, kind, powers, voltages): (_, _, &[u16], &[u16]) = match number % 4 {
        0 => ([0x40, 0x80], RecordType::T01, &[211, 214], &[231, 231]),
        1 => ([0x80, 0x20], RecordType::T03, &[180, 181, 182, 183], &[232]),
        2 => (
            [0x90, 0x10],
            RecordType::T02,
            &[260, 261, 262, 263],
            &[390, 391, 392],
        ),
        _ => ([0x70, 0x40], RecordType::T00, &[], &[]),
    };
    let [a, b] = prefix;
    let low = u8::try_from(number % 10).unwrap_or_default();
    let body = (!powers.is_empty()).then(|| Body {
        frequency_dhz: 499,
        temperature_raw: 131,
        power_w: Quad::new(powers),
        voltage_v: Quad::new(voltages),
    });
    Record::new(
        Uid::from_wire([a, b, 0, 0, 0, low]),
        body.is_some(),
        kind,
        body,
    )
}

fn frame() -> Vec<u8> {
    Telemetry {
        model: "01".to_owned(),
        at: Some(jiff::civil::date(2025, 6, 1).at(12, 5, 30, 0)),
        declared: INVERTERS,
        records: (0..INVERTERS).map(record).collect(),
        undecoded: Vec::new(),
    }
    .encode()
}

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
    let one = frame();
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
