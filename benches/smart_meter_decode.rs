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
//! | `dsmr5` | P1 text | checksum | |
//! | `fluvius` | P1 text, gas and water behind it | checksum | |
//!
//! With `METER_STREAMS=FOLDER` it writes telegrams there that others can read as well, and prints how
//! fast it reads them itself; see `tests/performance/meters`.

// What goes wrong in here shall end it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod telegrams;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group};
use wattbridge::model::{DeviceId, Reading};

use telegrams::{DAMAGED_ONE_IN, Stream, adapter, discard, frame, hex, open_all, parse_all, wire};

const METERS: [&str; 4] = ["tinetz", "evn", "am550", "e450"];
/// With a P1 port: what they send is text.
const P1: [&str; 2] = ["dsmr5", "fluvius"];
/// Read by others as well, each also over a bad line. `dsmr22` has no checksum, `smarty` is encrypted.
const BESIDE: [&str; 6] = ["tinetz", "e450", "dsmr5", "fluvius", "dsmr22", "smarty"];
/// Telegrams of a bad line that are lost one after another.
const LOST: usize = 8;
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

/// The whole way of texts, which are not opened, and how much of that is finding them.
fn texts(c: &mut Criterion) {
    for meter in P1 {
        let stream = Stream::new(meter, SHORT);
        let bytes = stream.bytes();
        assert_eq!(frame(&bytes), SHORT);
        assert!(adapter(&stream, &bytes, drop) >= SHORT);
        let mut group = c.benchmark_group("smart_meter_decode");
        group.throughput(Throughput::Elements(SHORT as u64));
        let name = |layer| BenchmarkId::new(layer, meter);
        group.bench_function(name("framing"), |b| b.iter(|| frame(black_box(&bytes))));
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

/// What a clean line gives of each device, in its order.
type Truth = BTreeMap<DeviceId, Vec<Vec<Reading>>>;

/// Writes streams, and prints what became of each: reader, stream, telegrams a second, telegrams
/// that gave values, and readings of a device with a wrong one.
fn beside_others(folder: &OsStr) {
    let folder = Path::new(folder);
    for meter in BESIDE {
        let right = Stream::new(meter, LONG);
        let mut truth = Truth::new();
        adapter(&right, &right.bytes(), |readings| {
            let of_device = truth.entry(readings.device).or_default();
            of_device.push(readings.values);
        });
        run(folder, meter, &right, &truth);
        let damaged = Stream::new(meter, LONG).damaged();
        run(folder, &format!("{meter}-damaged"), &damaged, &truth);
    }
}

fn run(folder: &Path, name: &str, stream: &Stream, truth: &Truth) {
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
    let mut given = BTreeMap::<DeviceId, usize>::new();
    let mut expected = BTreeMap::<DeviceId, usize>::new();
    adapter(stream, &bytes, |readings| {
        let next = expected.entry(readings.device.clone()).or_default();
        let all = truth.get(&readings.device).map_or(&[][..], Vec::as_slice);
        let ahead = all.iter().skip(*next).take(LOST);
        match ahead
            .into_iter()
            .position(|right| *right == readings.values)
        {
            Some(lost) => *next += lost + 1,
            None => wrong += 1,
        }
        *given.entry(readings.device).or_default() += 1;
    });
    // The meter itself; what is behind it says something more seldom.
    let given = given.values().max().copied().unwrap_or_default();
    let begun = Instant::now();
    adapter(stream, black_box(&bytes), |readings| discard(&readings));
    let rate = stream.telegrams() as f64 / begun.elapsed().as_secs_f64();
    println!(
        "wattbridge\t{}\t{name}\t{rate:.0}\t{given}/{}\t{wrong}",
        env!("CARGO_PKG_VERSION"),
        stream.telegrams()
    );
}

criterion_group!(benches, layers, texts, half_a_day);

fn main() {
    if let Some(folder) = std::env::var_os("METER_STREAMS") {
        return beside_others(&folder);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
