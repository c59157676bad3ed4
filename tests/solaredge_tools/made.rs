//! On captures that are made here.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use wattbridge::links::capture::{CaptureFormat, CaptureWriter, LinkType, Segment};

use crate::{Done, command, tool};

/// Since 1970: a morning in 2025.
const BEGIN: u64 = 1_750_000_000;
const INVERTER: u32 = 0x7f12_3456;
const PANEL: u32 = 0x10f6_6e51;

/// The checksum of frames, bit by bit.
fn checksum(bytes: impl Iterator<Item = u8>) -> u16 {
    bytes.fold(0x5a5a, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc: u16, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xa001
            } else {
                shifted
            }
        })
    })
}

/// A frame with telemetry.
fn telemetry(sequence: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let (destination, function) = (0xffff_fffe_u32, 0x0500_u16);
    let mut frame = vec![0x12, 0x34, 0x56, 0x79];
    frame.extend(length.to_le_bytes());
    frame.extend((!length).to_le_bytes());
    frame.extend(sequence.to_le_bytes());
    frame.extend(INVERTER.to_le_bytes());
    frame.extend(destination.to_le_bytes());
    frame.extend(function.to_le_bytes());
    frame.extend(data);
    let covered = [
        &sequence.to_be_bytes()[..],
        &INVERTER.to_be_bytes(),
        &destination.to_be_bytes(),
        &function.to_be_bytes(),
        data,
    ]
    .concat();
    frame.extend(checksum(covered.into_iter()).to_le_bytes());
    frame
}

/// A record of an optimizer: 31.5 V, 27.25 V, 5.5 A, 34 °C.
fn optimizer(at: u64, quarters: u16) -> Vec<u8> {
    let mut record = vec![0x80, 0];
    record.extend(PANEL.to_le_bytes());
    record.extend([13, 0]);
    record.extend(u32::try_from(at).unwrap().to_le_bytes());
    record.extend([0x10, 0x10, 0xfc, 0x68, 0x03, 0x37]);
    record.extend(quarters.to_le_bytes());
    record.push(17);
    record
}

/// A capture of these frames, sent so many seconds after the beginning, one direction of it.
fn capture(frames: &[(u64, Vec<u8>)], is_up: bool) -> Vec<u8> {
    capture_of(4000, frames, is_up)
}

/// The same on a connection from this port.
fn capture_of(port: u16, frames: &[(u64, Vec<u8>)], is_up: bool) -> Vec<u8> {
    let ends: [SocketAddr; 2] = [
        SocketAddr::new([192, 0, 2, 50].into(), port),
        "198.51.100.22:22222".parse().unwrap(),
    ];
    let [from, to] = if is_up { ends } else { [ends[1], ends[0]] };
    let mut writer = CaptureWriter::new(CaptureFormat::Pcap, LinkType::ETHERNET);
    let mut sequence = 1;
    for (after, frame) in frames {
        let segment = Segment {
            mac: Some([2, 0, 0, 0, 0, 1]),
            mac_to: Some([2, 0, 0, 0, 0, 2]),
            sequence,
            acknowledged: Some(1),
            payload: frame,
            ..Segment::between(from, to)
        };
        writer.packet(
            Duration::from_secs(BEGIN + after),
            &segment.encode(LinkType::ETHERNET),
        );
        sequence += u32::try_from(frame.len()).unwrap();
    }
    writer.bytes().to_vec()
}

/// An hour of one panel.
fn hour() -> Vec<(u64, Vec<u8>)> {
    let frame = |index: u64| {
        let at = BEGIN + 300 * index;
        let record = optimizer(at, u16::try_from(100 + index).unwrap());
        (
            300 * index,
            telemetry(u16::try_from(index).unwrap(), &record),
        )
    };
    (0..12).map(frame).collect()
}

#[test]
fn a_table_has_a_row_for_each_record_and_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hour.pcap");
    fs::write(&file, capture(&hour(), true)).unwrap();
    let tables = folder.path().join("tables/");
    let out = format!("{}/", tables.display());
    let done = tool("import", &["--format", "csv", "--out", &out], &[&file]);
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.said);
    assert!(done.said.contains("12 records written"), "{}", done.said);
    let table = fs::read_to_string(tables.join("optimizers.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 13);
    assert_eq!(
        lines[0],
        "time,kind,serial,inverter,power,panel_voltage,output_voltage,current,temperature,uptime,energy_since_wake"
    );
    assert_eq!(
        lines[1],
        "2025-06-15T15:06:40Z,optimizer,10F66E51-C5,7F123456-1B,173.25,31.5,27.25,5.5,34,4112,0.025"
    );
    // All in one: as many columns in every row.
    let together = tool("import", &["--format", "csv"], &[&file]);
    let widths: Vec<usize> = together
        .out
        .lines()
        .map(|line| line.split(',').count())
        .collect();
    assert_eq!(widths.len(), 13);
    assert!(
        widths
            .iter()
            .all(|width| *width == widths[0] && *width > 50),
        "{widths:?}"
    );
    assert!(together.out.lines().nth(1).unwrap().contains(",173.25,"));
}

#[test]
fn packed_files_in_any_number_are_one_capture_and_inputs_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let frames = hour();
    let (first, second) = (
        folder.path().join("1.pcap.gz"),
        folder.path().join("2.pcap"),
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&capture(&frames, true)).unwrap();
    fs::write(&first, gzip.finish().unwrap()).unwrap();
    // What was sent again after the connection was lost.
    fs::write(&second, capture_of(4001, &frames[6..], true)).unwrap();
    let done = tool("import", &[], &[&first, &second]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.out.lines().count(), 12);
    assert!(
        done.said.contains("6 that were sent again"),
        "{}",
        done.said
    );
    let line: serde_json::Value = serde_json::from_str(done.out.lines().next().unwrap()).unwrap();
    assert_eq!(line["device"], "solaredge_10f66e51_c5");
    assert_eq!(line["readings"]["energy_since_wake"], 0.025);
    let before = fs::read(&second).unwrap();
    let out = second.to_str().unwrap();
    let done = tool("import", &["--out", out], &[&second]);
    assert_eq!(done.code, 1);
    assert!(
        done.said.contains("one of the files to read"),
        "{}",
        done.said
    );
    assert_eq!(fs::read(&second).unwrap(), before);
}

#[test]
fn the_doctor_sees_directions_and_silence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pcap");
    let doctor = |frames: &[(u64, Vec<u8>)], is_up: bool| -> Done {
        fs::write(&file, capture(frames, is_up)).unwrap();
        tool("doctor", &[], &[&file])
    };
    let one_way = doctor(&hour(), true);
    assert_eq!(one_way.code, 0, "{}", one_way.all());
    assert!(
        one_way.out.contains("a key cannot be found"),
        "{}",
        one_way.out
    );
    let answers: Vec<(u64, Vec<u8>)> = vec![(1, b"something".to_vec()), (2, b"else".to_vec())];
    let other_way = doctor(&answers, false);
    assert_eq!(other_way.code, 1);
    assert!(
        other_way.out.contains("show both directions"),
        "{}",
        other_way.out
    );
    // Values, and then an hour of nothing but that it is there.
    let mut frames = vec![(0, telemetry(1, &optimizer(BEGIN, 5)))];
    frames.extend((1..120).map(|index| {
        (
            30 * index,
            telemetry(1 + u16::try_from(index).unwrap(), &[]),
        )
    }));
    let silent = doctor(&frames, true);
    assert!(
        silent
            .out
            .contains("Connected, no telemetry since 2025-06-15 15:06:40 UTC"),
        "{}",
        silent.out
    );
    let late: Vec<_> = vec![(86_400, telemetry(1, &optimizer(BEGIN, 5)))];
    let late = doctor(&late, true);
    assert!(
        late.out.contains("24 hours older than the packets"),
        "{}",
        late.out
    );
}

#[test]
fn the_doctor_says_what_came_before_a_pipe_was_damaged() {
    let mut bytes = capture(&hour(), true);
    bytes.extend([0xff; 1000]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pcap");
    fs::write(&file, &bytes).unwrap();
    let of_file = tool("doctor", &[], &[&file]);
    let piped = command(&["solaredge", "doctor", "-"])
        .stdin(fs::File::open(&file).unwrap())
        .output();
    let piped = Done::of(piped.unwrap());
    assert_eq!((piped.code, of_file.code), (0, 0), "{}", piped.all());
    assert!(piped.out.contains("7F123456-1B"), "{}", piped.all());
    assert!(
        piped.said.contains("damaged from here on"),
        "{}",
        piped.said
    );
}

#[test]
fn the_doctor_asks_nobody_to_look_after_cables_where_there_is_no_capture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pcap");
    fs::write(&file, [0x55; 1000]).unwrap();
    let garbage = tool("doctor", &[], &[&file]);
    assert!(garbage.out.contains("no capture file"), "{}", garbage.out);
    assert!(!garbage.out.contains("cable"), "{}", garbage.out);
    fs::write(&file, b"").unwrap();
    let empty = tool("doctor", &[], &[&file]);
    assert!(empty.out.contains("no packet in it"), "{}", empty.out);
    // Packets of something else: it does not send people to itself.
    let http = capture_of(80, &[(0, b"GET / HTTP/1.0".to_vec())], true);
    fs::write(&file, http).unwrap();
    let other = tool("doctor", &[], &[&file]);
    assert!(!other.all().contains("looks closer"), "{}", other.all());
}

#[test]
fn what_is_not_there_is_said_at_once() {
    let missing = std::path::Path::new("/nowhere/missing.pcap");
    for name in ["doctor", "encrypted", "import"] {
        let done = tool(name, &[], &[missing]);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{name}");
        assert!(
            done.said.contains("there is no such file"),
            "{name}: {}",
            done.said
        );
    }
    let done = tool("key", &["--pcap"], &[missing]);
    assert!(
        done.code == 1 && done.said.contains("no such file"),
        "{}",
        done.said
    );
    let done = Done::of(
        command(&["solaredge", "doctor", "--interface", "no-such-if"])
            .output()
            .unwrap(),
    );
    assert!(
        done.code == 1 && done.said.contains("no-such-if"),
        "{}",
        done.said
    );
}

/// A disk that is full is no reader who has seen enough.
#[cfg(all(feature = "simulate", target_os = "linux"))]
#[test]
fn what_goes_to_a_full_disk_fails_and_what_nobody_reads_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcap");
    let path = file.to_str().unwrap();
    // At night there is little to tell.
    let mut simulate = command(&["simulate", "solaredge", "--at", "2026-06-13T12:00"]);
    let made = simulate.args(["--for", "20m", "--pcap", path]).output();
    assert!(made.unwrap().status.success());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut decode = command(&["decode", "solaredge", path]);
    let done = Done::of(decode.stdout(full.unwrap()).output().unwrap());
    assert_eq!(done.code, 1);
    assert!(done.said.contains("not all there"), "{}", done.said);
    let mut decode = command(&["decode", "solaredge", path]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = Done::of(decode.stdout(writer).output().unwrap());
    assert_eq!((done.code, done.said.as_str()), (0, ""));
}
