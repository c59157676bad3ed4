//! How fast captures of SolarEdge inverters are read.
//!
//! * `records`: from the bytes of a capture to records: packets, connections, frames, envelopes
//! * `decoder`: the whole way to the values of devices, as `wattbridge decode` has it
//!
//! The capture has five kinds of frames in turn, as an inverter with a meter sends them, each with the
//! server's answer and what TCP says to both, four packets in all:
//!
//! | Frame | Records |
//! |---|---|
//! | one phase | an inverter with one phase, 8 optimizers |
//! | optimizers | 16 optimizers |
//! | three phases | 8 optimizers, an inverter with three phases |
//! | empty | none |
//! | meter | 8 optimizers that name their inverter, a meter |
//!
//! With `SOLAREDGE_CAPTURE=FOLDER` it writes `clear.pcap` and `sealed.pcap` there, as many frames as
//! `SOLAREDGE_FRAMES` says, for others to read as well, and prints how fast it reads them itself. With
//! `SOLAREDGE_READ=FILE` it reads a file, piece by piece, and prints the most memory it took.

// What goes wrong in here shall end it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group};
use wattbridge::adapters::find;
use wattbridge::adapters::solaredge::records_of;
use wattbridge::adapters::solaredge::wire::{
    DeviceKey, Frame, Handshake, Inverter, Meter, Optimizer, Phase, Record, Serial, SessionKey,
    address, function,
};
use wattbridge::config::File as ConfigFile;
use wattbridge::device::Decoder;
use wattbridge::links::capture::{CaptureFormat, CaptureWriter, LinkType, Segment};

/// Frames of a short capture: about 6 MB.
const SHORT: u32 = 10_000;
/// Frames of a long one: about 30 MB.
const LONG: u32 = 50_000;
/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;
const INVERTER: u32 = 0x7f12_3456;
const FIRST_OPTIMIZER: u32 = 0x10ab_1c00;
/// A morning in June.
const BEGIN: u32 = 1_781_157_600;
const DEVICE_KEY: [u8; 16] = *b"key of the bench";
const MAC: [u8; 6] = [0x00, 0x27, 0x02, 0x12, 0x34, 0x56];
const MAC_OF_ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 1];

fn optimizer(kind: u16, number: u32, at: u32) -> Record<'static> {
    let wave = (number * 7 + at / 300) % 64;
    Record::Optimizer(Optimizer {
        serial: Serial(FIRST_OPTIMIZER + number),
        kind,
        inverter: Some(Serial(INVERTER)),
        at,
        uptime: Some(at % 40_000),
        input_voltage: Some(30.0 + 0.125 * wave as f32),
        output_voltage: Some(26.0 + 0.125 * wave as f32),
        input_current: Some(0.0625 * wave as f32),
        energy: Some(0.25 * (at % 10_000) as f32),
        temperature: Some(2.0 * (wave % 30) as f32),
    })
}

fn inverter(phases: usize, at: u32) -> Record<'static> {
    let step = (at - BEGIN) / 300;
    let phase = Phase {
        voltage: Some(230.5 + 0.25 * (step % 20) as f32),
        current: Some(4.5 + 0.125 * (step % 40) as f32),
        frequency: Some(50.0),
        power_factor: Some(0.98),
        direct_current: Some(0.01),
        active_power: Some(1000.0 + 12.5 * (step % 60) as f32),
        apparent_power: Some(1020.0 + 12.5 * (step % 60) as f32),
        reactive_power: Some(-80.0),
        voltage_to_next: (phases == 3).then_some(400.25),
    };
    Record::Inverter(Inverter {
        id: INVERTER,
        at,
        uptime: Some(step * 300 % 40_000),
        interval: Some(300),
        temperature: Some(41.5),
        energy_since_wake: Some(100.0 + step as f32),
        energy_interval: Some(83.25),
        dc_voltage: Some(375.0),
        energy_total: Some(u64::from(12_000_000 + step * 83)),
        residual_current: Some(0.002),
        mode: Some(4),
        insulation: Some(5000.0),
        power_limit: Some(100.0),
        phases: vec![phase; phases],
    })
}

fn meter(at: u32) -> Record<'static> {
    let step = (at - BEGIN) / 300;
    Record::Meter(Meter {
        id: INVERTER,
        at,
        kind: 5,
        total_out: Some(5_000_000 + step * 40),
        total_in: Some(7_000_000 + step * 3),
        interval: Some(300),
        energy_out: Some(40),
        energy_in: Some(3),
        power_out: Some(480.0),
        power_in: Some(0.0),
    })
}

/// The records of a frame.
fn records(number: u32) -> Vec<Record<'static>> {
    let at = BEGIN + number / 5 * 300;
    let eight = |kind, from: u32| (from..from + 8).map(move |it| optimizer(kind, it, at));
    match number % 5 {
        0 => std::iter::once(inverter(1, at))
            .chain(eight(0x0080, 0))
            .collect(),
        1 => (8..24).map(|it| optimizer(0x0080, it, at)).collect(),
        2 => eight(0x0080, 24).chain([inverter(3, at + 1)]).collect(),
        3 => Vec::new(),
        _ => eight(0x0082, 32).chain([meter(at)]).collect(),
    }
}

/// How many records so many frames have.
const fn records_in(frames: u32) -> u64 {
    frames as u64 / 5 * (9 + 16 + 9 + 9)
}

/// Writes the packets of one connection.
struct Talk {
    writer: CaptureWriter,
    at: Duration,
    /// Of the inverter, of the server.
    sequences: [u32; 2],
    session: Option<SessionKey>,
    number: u16,
}

impl Talk {
    fn new(is_sealed: bool) -> Self {
        let mut talk = Self {
            writer: CaptureWriter::new(CaptureFormat::Pcap, LinkType::ETHERNET),
            at: Duration::from_secs(BEGIN.into()),
            sequences: [1000, 2_000_000],
            session: None,
            number: 0,
        };
        for (from, is_answer) in [(0, false), (1, true)] {
            talk.packet(from, &[], |segment| {
                segment.is_syn = true;
                if !is_answer {
                    segment.acknowledged = None;
                }
            });
        }
        if is_sealed {
            let session = SessionKey::new(zeroize::Zeroizing::new(*b"one of a session"));
            let key = DeviceKey::new(DEVICE_KEY).unwrap();
            let offer = Handshake::offer(&key, &session, *b"sixteen by luck.");
            let mut bytes = Vec::new();
            frame(INVERTER, function::SESSION_KEY, 1, &offer.data()).encode(&mut bytes);
            talk.packet(0, &bytes, |_| {});
            talk.session = Some(session);
        }
        talk
    }

    fn packet(&mut self, from: usize, payload: &[u8], change: impl FnOnce(&mut Segment<'_>)) {
        let ends: [SocketAddr; 2] = [
            "192.168.1.40:50123".parse().unwrap(),
            "203.0.113.7:22222".parse().unwrap(),
        ];
        let to = 1 - from;
        let macs = [MAC, MAC_OF_ROUTER];
        let mut segment = Segment {
            mac: Some(macs[from]),
            mac_to: Some(macs[to]),
            sequence: self.sequences[from],
            acknowledged: Some(self.sequences[to]),
            payload,
            ..Segment::between(ends[from], ends[to])
        };
        change(&mut segment);
        let next = payload.len() as u32 + u32::from(segment.is_syn);
        self.sequences[from] = self.sequences[from].wrapping_add(next);
        let mut packet = segment.encode(LinkType::ETHERNET);
        // As Ethernet wants it.
        packet.resize(packet.len().max(60), 0);
        self.at += Duration::from_millis(20);
        self.writer.packet(self.at, &packet);
    }

    /// A frame, sealed if the session is, and that TCP has it.
    fn say(&mut self, from: usize, frame: &Frame<'_>) {
        self.number = self.number.wrapping_add(1);
        let mut bytes = Vec::new();
        match &self.session {
            None => frame.encode(&mut bytes),
            Some(session) => {
                let mut counter = [0x11; 16];
                counter[..4].copy_from_slice(&self.sequences[from].to_le_bytes());
                let mask = self.sequences[from].wrapping_mul(0x9e37_79b9).to_le_bytes();
                let data = session.seal(frame, counter, self.number, mask);
                let (source, destination) = match from {
                    0 => (INVERTER, address::SERVER),
                    _ => (address::TOOL, address::BROADCAST),
                };
                let envelope = Frame {
                    source,
                    destination,
                    function: function::SEALED,
                    data: &data,
                    ..*frame
                };
                envelope.encode(&mut bytes);
            }
        }
        self.packet(from, &bytes, |_| {});
        self.packet(1 - from, &[], |_| {});
    }

    /// A frame of records and the server's answer.
    fn exchange(&mut self, number: u32) {
        let mut data = Vec::new();
        for record in records(number) {
            record.encode(&mut data);
        }
        let sequence = number as u16;
        self.say(0, &frame(INVERTER, function::TELEMETRY, sequence, &data));
        self.say(1, &frame(address::SERVER, function::ACK, sequence, &[]));
        self.at += Duration::from_secs(59);
    }

    /// The bytes since this was asked last.
    fn bytes(&mut self) -> Vec<u8> {
        let bytes = self.writer.bytes().to_vec();
        self.writer.clear();
        bytes
    }
}

fn frame(source: u32, function: u16, sequence: u16, data: &[u8]) -> Frame<'_> {
    let destination = if source == INVERTER {
        address::SERVER
    } else {
        INVERTER
    };
    Frame {
        sequence,
        source,
        destination,
        function,
        data,
    }
}

fn capture(frames: u32, is_sealed: bool) -> Vec<u8> {
    let mut talk = Talk::new(is_sealed);
    for number in 0..frames {
        talk.exchange(number);
    }
    talk.bytes()
}

fn keys() -> BTreeMap<Serial, DeviceKey> {
    BTreeMap::from([(Serial(INVERTER), DeviceKey::new(DEVICE_KEY).unwrap())])
}

/// Records that are read.
fn read(capture: &[u8]) -> u64 {
    let mut count = 0;
    let frames = records_of(capture.chunks(PIECE), keys(), |_, record| {
        black_box(record);
        count += 1;
    });
    black_box(frames);
    count
}

fn decoder() -> Box<dyn Decoder> {
    let key: String = DEVICE_KEY.map(|byte| format!("{byte:02x}")).concat();
    let text = format!("[[solaredge]]\nkey = \"{key}\"\ntime_zone = \"Europe/Vienna\"\n");
    let file = ConfigFile::parse(&text, "bench").unwrap();
    let section = file.sections("solaredge").remove(0);
    let adapter = find("solaredge").unwrap();
    adapter.decoder(&section).unwrap()
}

/// Messages that are decoded.
fn decode(capture: &[u8]) -> u64 {
    let mut decoder = decoder();
    let mut count = 0;
    for piece in capture.chunks(PIECE) {
        decoder.push(piece);
        while let Some(decoded) = decoder.next() {
            count += u64::from(decoded.is_ok());
            black_box(&decoded);
        }
    }
    assert_eq!(decoder.finish(), None);
    count
}

fn captures(c: &mut Criterion) {
    for (name, is_sealed) in [("clear", false), ("sealed", true)] {
        let bytes = capture(SHORT, is_sealed);
        assert_eq!(read(&bytes), records_in(SHORT));
        let mut group = c.benchmark_group("solaredge_capture");
        group.sample_size(20).sampling_mode(SamplingMode::Flat);
        group.throughput(Throughput::BytesDecimal(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("records", name), |b| {
            b.iter(|| read(black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("decoder", name), |b| {
            b.iter(|| decode(black_box(&bytes)));
        });
        group.finish();
    }
}

/// A way to read a capture; returns how much came of it.
type Way = fn(&[u8]) -> u64;

/// Writes captures, and prints how fast each is read: what was done, capture, MB, MB/s (best of five), records
/// or messages.
fn beside_others(folder: &OsStr) {
    let frames = std::env::var("SOLAREDGE_FRAMES").ok();
    let frames = frames.map_or(LONG, |frames| frames.parse().unwrap());
    for (name, is_sealed) in [("clear", false), ("sealed", true)] {
        let path = Path::new(folder).join(format!("{name}.pcap"));
        let mut file = BufWriter::new(File::create(&path).unwrap());
        let mut talk = Talk::new(is_sealed);
        for number in 0..frames {
            talk.exchange(number);
            file.write_all(&talk.bytes()).unwrap();
        }
        file.into_inner().unwrap().sync_all().unwrap();
        if frames > 4 * LONG {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let ways: [(&str, Way); 2] = [("records", read), ("decoder", decode)];
        for (way, read) in ways {
            let best = (0..5).map(|_| {
                let begun = Instant::now();
                (read(&bytes), begun.elapsed())
            });
            let (count, time) = best.min_by_key(|(_, time)| *time).unwrap();
            let megabytes = bytes.len() as f64 / 1e6;
            let speed = megabytes / time.as_secs_f64();
            println!("{way}\t{name}\t{megabytes:.1}\t{speed:.0}\t{count}");
        }
    }
}

/// Reads a file as it is, and prints records, MB/s and the most memory.
fn read_file(path: &OsStr) {
    let mut file = File::open(path).unwrap();
    let begun = Instant::now();
    let mut decoder = decoder();
    let mut piece = vec![0; PIECE];
    let (mut messages, mut length) = (0, 0);
    loop {
        let count = file.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        length += count;
        decoder.push(&piece[..count]);
        while let Some(decoded) = decoder.next() {
            messages += u64::from(decoded.is_ok());
        }
    }
    let speed = length as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find(|line| line.starts_with("VmHWM"));
    println!(
        "{length} bytes, {messages} messages, {speed:.0} MB/s, {}",
        most.unwrap()
    );
}

criterion_group!(benches, captures);

fn main() {
    if let Some(folder) = std::env::var_os("SOLAREDGE_CAPTURE") {
        return beside_others(&folder);
    }
    if let Some(path) = std::env::var_os("SOLAREDGE_READ") {
        return read_file(&path);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
