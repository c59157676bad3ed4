//! How fast VE.Direct text is read: 20 MB of stream, every checksum verified and all labels kept.
//!
//! | Stream | Blocks |
//! |---|---|
//! | `shunt` | main and history in turn, 12 and 14 fields |
//! | `mppt` | 19 fields, a HEX frame behind one in twenty |
//! | `damaged` | `shunt`, a digit of the voltage lost in every tenth main block |
//!
//! First it prints, for us and for crates that read the same protocol, in the same run on the same
//! bytes: reader, stream, bytes that arrive at once, MB/s (best of three), blocks delivered of those
//! there are, and how many of the delivered are damaged. Then `criterion` measures ours.

// What goes wrong in here shall end it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    unsafe_code,
    reason = "an allocator that counts cannot be written without"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group};
use vedirect::Events;
use wattbridge::adapters::victron::wire::hex::encode_frame;
use wattbridge::adapters::victron::wire::text::{Decoder, Event, encode_block};

const SIZE: usize = 20_000_000;
const DAMAGED_ONE_IN: usize = 10;
/// The voltages are about 12 V, in mV, which is 5 digits; a damaged one has 4.
const LEAST_VOLTAGE: usize = 10_000;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the allocator of the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

struct Stream {
    name: &'static str,
    bytes: Vec<u8>,
    blocks: usize,
}

fn block(fields: &[(&str, String)]) -> Vec<u8> {
    encode_block(fields).unwrap()
}

fn shunt(name: &'static str, damaged: bool) -> Stream {
    let mut stream = Stream {
        name,
        bytes: Vec::new(),
        blocks: 0,
    };
    for second in 0.. {
        let voltage = 12_065 + second % 400;
        let mut main = block(&[
            ("PID", "0x203".to_owned()),
            ("V", voltage.to_string()),
            ("I", (-7_625 + second as i64 % 500).to_string()),
            ("P", (-92 + second as i64 % 7).to_string()),
            ("CE", (-65_473 - second as i64 % 9_999).to_string()),
            ("SOC", (839 - second % 100).to_string()),
            ("TTG", (942 + second % 50).to_string()),
            ("Alarm", "OFF".to_owned()),
            ("Relay", "OFF".to_owned()),
            ("AR", "0".to_owned()),
            ("BMV", "700".to_owned()),
            ("FW", "0308".to_owned()),
        ]);
        if damaged && second % DAMAGED_ONE_IN == 0 {
            let line = main.windows(4).position(|four| four == b"\r\nV\t").unwrap();
            main.remove(line + 5);
        }
        stream.bytes.extend(main);
        stream.bytes.extend(block(&[
            ("H1", "-149322".to_owned()),
            ("H2", "-82854".to_owned()),
            ("H3", "0".to_owned()),
            ("H4", "0".to_owned()),
            ("H5", "0".to_owned()),
            ("H6", (-5_526_294 - second as i64).to_string()),
            ("H7", "11733".to_owned()),
            ("H8", "16161".to_owned()),
            ("H9", (368_003 + second).to_string()),
            ("H10", "26".to_owned()),
            ("H11", "0".to_owned()),
            ("H12", "0".to_owned()),
            ("H17", "6843".to_owned()),
            ("H18", "8527".to_owned()),
        ]));
        stream.blocks += 2;
        if stream.bytes.len() >= SIZE {
            break;
        }
    }
    stream
}

fn mppt() -> Stream {
    let mut stream = Stream {
        name: "mppt",
        bytes: Vec::new(),
        blocks: 0,
    };
    for second in 0.. {
        stream.bytes.extend(block(&[
            ("PID", "0xA053".to_owned()),
            ("FW", "156".to_owned()),
            ("SER#", "HQ0000XXXXX".to_owned()),
            ("V", (12_450 + second % 1_000).to_string()),
            ("I", (second % 15_000).to_string()),
            ("VPV", (18_000 + second % 999).to_string()),
            ("PPV", (second % 200).to_string()),
            ("CS", (3 + second / 1_000 % 3).to_string()),
            ("MPPT", "2".to_owned()),
            ("OR", "0x00000000".to_owned()),
            ("ERR", "0".to_owned()),
            ("LOAD", "ON".to_owned()),
            ("IL", (second % 700).to_string()),
            ("H19", (4_000 + second / 100).to_string()),
            ("H20", "13".to_owned()),
            ("H21", "70".to_owned()),
            ("H22", "4".to_owned()),
            ("H23", "44".to_owned()),
            ("HSDS", "114".to_owned()),
        ]));
        if second % 20 == 0 {
            stream
                .bytes
                .extend(encode_frame(0xa, &[0xbc, 0xed, 0, 0x45, 0xa1, 0, 0]));
        }
        stream.blocks += 1;
        if stream.bytes.len() >= SIZE {
            break;
        }
    }
    stream
}

/// Blocks delivered, and those of them that are damaged.
#[derive(Default, PartialEq, Eq)]
struct Outcome {
    blocks: usize,
    damaged: usize,
}

fn ours(bytes: &[u8], piece: usize) -> Outcome {
    let mut decoder = Decoder::new();
    let mut outcome = Outcome::default();
    for piece in bytes.chunks(piece) {
        decoder.push(piece, |event| {
            if let Event::Block(block) = event {
                outcome.blocks += 1;
                for (label, value) in block.fields() {
                    black_box(label);
                    outcome.damaged += usize::from(label == b"V" && value.len() < 5);
                }
            }
        });
    }
    outcome
}

/// It leaves the checksum to its caller, who is us.
fn ve_direct_crate(bytes: &[u8], piece: usize) -> Outcome {
    let mut parser = ve_direct::Parser::new();
    let mut outcome = Outcome::default();
    for mut piece in bytes.chunks(piece) {
        while let Ok(fields) = parser.parse_slice(piece) {
            if fields.get("Calc_sum").is_some_and(|sum| sum == &[0]) {
                outcome.blocks += 1;
                let voltage = fields.get("V");
                outcome.damaged += usize::from(voltage.is_some_and(|value| value.len() < 5));
            }
            black_box(fields);
            piece = &[];
        }
    }
    outcome
}

impl Events<vedirect::Bmv700> for Outcome {
    fn on_complete_block(&mut self, block: vedirect::Bmv700) {
        self.blocks += 1;
        // It takes a voltage for ten times what it is; the unit is left to it here.
        let least = LEAST_VOLTAGE as f32 / 10.0;
        self.damaged += usize::from(block.voltage < least);
        black_box(block);
    }
}

impl Events<vedirect::MPPT> for Outcome {
    fn on_complete_block(&mut self, block: vedirect::MPPT) {
        self.blocks += 1;
        black_box(block);
    }
}

/// This crate knows blocks of one kind at a time, and no checksum.
fn vedirect_crate_shunt(bytes: &[u8], piece: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut parser = vedirect::Parser::<vedirect::Bmv700, _>::new(&mut outcome);
    for piece in bytes.chunks(piece) {
        let _ = parser.feed(piece);
    }
    outcome
}

fn vedirect_crate_mppt(bytes: &[u8], piece: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut parser = vedirect::Parser::<vedirect::MPPT, _>::new(&mut outcome);
    for piece in bytes.chunks(piece) {
        let _ = parser.feed(piece);
    }
    outcome
}

fn print(reader: &str, stream: &Stream, piece: usize, read: impl Fn(&[u8], usize) -> Outcome) {
    let mut best = f64::MAX;
    let mut last = Outcome::default();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..3 {
        let begun = Instant::now();
        last = read(black_box(&stream.bytes), piece);
        best = best.min(begun.elapsed().as_secs_f64());
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    println!(
        "{reader:<17} {:<8} {piece:>5} {:>5.0} MB/s {:>7} of {} blocks, {} damaged, {:.1} allocations a block",
        stream.name,
        stream.bytes.len() as f64 / best / 1e6,
        last.blocks,
        stream.blocks,
        last.damaged,
        (allocations / 3) as f64 / stream.blocks as f64,
    );
}

fn beside_others(streams: &[Stream]) {
    for stream in streams {
        for piece in [4096, 512, 64] {
            print("wattbridge", stream, piece, ours);
        }
        for piece in [4096, 512, 64] {
            if stream.name == "mppt" {
                print("vedirect 0.2.0", stream, piece, vedirect_crate_mppt);
            } else {
                print("vedirect 0.2.0", stream, piece, vedirect_crate_shunt);
            }
        }
        print("ve_direct 0.1.7", stream, 64, ve_direct_crate);
    }
}

fn text(c: &mut Criterion) {
    for stream in [shunt("shunt", false), mppt()] {
        for piece in [4096, 64] {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            assert!(ours(&stream.bytes, piece).blocks == stream.blocks);
            let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            assert!(
                allocations < 10,
                "{allocations}, so not for the decoder alone"
            );
            let mut group = c.benchmark_group("victron_text");
            group.sample_size(10).sampling_mode(SamplingMode::Flat);
            group.throughput(Throughput::Bytes(stream.bytes.len() as u64));
            group.bench_function(BenchmarkId::new(stream.name, piece), |b| {
                b.iter(|| ours(black_box(&stream.bytes), piece));
            });
            group.finish();
        }
    }
}

criterion_group!(benches, text);

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        beside_others(&[shunt("shunt", false), mppt(), shunt("damaged", true)]);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
