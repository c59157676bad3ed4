//! How fast telegrams of smart meters become values: telegrams a second.
//!
//! * `framing`: frames found in the bytes and joined to messages
//! * `opening`: messages decrypted, with their tag where there is one
//! * `items`: telegrams in clear taken apart
//! * `wire`: these three one after the other
//! * `adapter`: the whole way to the values of a device, as `wattbridge decode` has it
//!
//! | Meter | Layout | Frames | Tag |
//! |---|---|---|---|
//! | `tinetz` | nested | M-Bus | no |
//! | `evn` | flat | M-Bus | no |
//! | `am550` | by position | HDLC, four | no |
//! | `e450` | by position | HDLC, one | yes |
//!
//! With `METER_STREAMS=FOLDER` it writes telegrams there that others can read as well, and prints how
//! fast it reads them itself; see `tests/performance/meters`.

// What goes wrong in here shall end it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod telegrams;

use std::ffi::OsStr;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group};
use wattbridge::model::Readings;

use telegrams::{DAMAGED_ONE_IN, Stream, adapter, discard, frame, hex, open_all, parse_all, wire};

const METERS: [&str; 4] = ["tinetz", "evn", "am550", "e450"];
/// Telegrams of a short stream.
const SHORT: usize = 500;
/// Telegrams of a long one: half a day at 5 seconds.
const LONG: usize = 10_000;

fn layers(c: &mut Criterion) {
    for meter in METERS {
        let stream = Stream::new(meter, SHORT);
        let bytes = stream.bytes();
        let plaintexts = open_all(&stream);
        assert_eq!(frame(&bytes), SHORT);
        assert_eq!(wire(&stream, &bytes), SHORT);
        assert_eq!(adapter(&stream, &bytes, drop), SHORT);
        let mut group = c.benchmark_group("smart_meter_decode");
        group.throughput(Throughput::Elements(SHORT as u64));
        let name = |layer| BenchmarkId::new(layer, meter);
        group.bench_function(name("framing"), |b| b.iter(|| frame(black_box(&bytes))));
        group.bench_function(name("opening"), |b| b.iter(|| open_all(black_box(&stream))));
        group.bench_function(name("items"), |b| {
            b.iter(|| parse_all(black_box(&plaintexts)));
        });
        group.bench_function(name("wire"), |b| {
            b.iter(|| wire(&stream, black_box(&bytes)));
        });
        group.bench_function(name("adapter"), |b| {
            b.iter(|| adapter(&stream, black_box(&bytes), |readings| discard(&readings)));
        });
        group.finish();
    }
}

/// Half a day of a meter on a bad line.
fn half_a_day(c: &mut Criterion) {
    let stream = Stream::new("tinetz", LONG).damaged();
    let bytes = stream.bytes();
    let whole = LONG - LONG / DAMAGED_ONE_IN;
    assert_eq!(adapter(&stream, &bytes, drop), whole);
    let mut group = c.benchmark_group("smart_meter_decode");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(LONG as u64));
    group.bench_function("half a day, one in 100 damaged/tinetz", |b| {
        b.iter(|| adapter(&stream, black_box(&bytes), |readings| discard(&readings)));
    });
    group.finish();
}

/// Writes streams, and prints what became of each: reader, stream, telegrams a second, telegrams
/// that gave values, and those of them with a wrong one.
fn beside_others(folder: &OsStr) {
    let folder = Path::new(folder);
    for meter in ["tinetz", "e450"] {
        let right = Stream::new(meter, LONG);
        let bytes = right.bytes();
        let mut truth = Vec::with_capacity(LONG);
        adapter(&right, &bytes, |readings| truth.push(readings));
        truth.sort_by_key(|readings| readings.at);
        run(folder, meter, &right, &truth);
        let damaged = Stream::new(meter, LONG).damaged();
        run(folder, &format!("{meter}-damaged"), &damaged, &truth);
    }
}

fn run(folder: &Path, name: &str, stream: &Stream, truth: &[Readings]) {
    let lines = |lines: Vec<String>| lines.join("\n") + "\n";
    let frames = stream.frames.iter();
    let frames = frames.map(|frames| frames.iter().map(|frame| hex(frame)).collect::<Vec<_>>());
    let frames = lines(frames.map(|frames| frames.join(" ")).collect());
    std::fs::write(folder.join(format!("{name}.frames")), frames).unwrap();
    let messages = stream.messages.iter().map(|message| hex(message));
    let messages = lines(messages.collect());
    std::fs::write(folder.join(format!("{name}.messages")), messages).unwrap();

    let bytes = stream.bytes();
    // The first time warms up, and is looked through.
    let mut wrong = 0;
    let given = adapter(stream, &bytes, |readings| {
        let found = truth.binary_search_by_key(&readings.at, |right| right.at);
        let right = found.ok().and_then(|index| truth.get(index));
        wrong += usize::from(right != Some(&readings));
    });
    let begun = Instant::now();
    adapter(stream, black_box(&bytes), |readings| discard(&readings));
    let rate = stream.telegrams() as f64 / begun.elapsed().as_secs_f64();
    println!(
        "wattbridge\t{}\t{name}\t{rate:.0}\t{given}/{}\t{wrong}",
        env!("CARGO_PKG_VERSION"),
        stream.telegrams()
    );
}

criterion_group!(benches, layers, half_a_day);

fn main() {
    if let Some(folder) = std::env::var_os("METER_STREAMS") {
        return beside_others(&folder);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
