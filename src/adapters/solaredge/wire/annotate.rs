//! A labelled dump of frames, for people who look for a mistake: ours, or the device's.
//!
//! What is shown may be sent to others: parts of keys and passwords are not in it.

use std::fmt::Write;

use super::frame::{BarkerFrame, address, function};
use super::parameters::{
    KEY, ParameterKind, ParameterValue, Questions, asked_for, is_secret, values, written,
};
use super::record::{RawRecord, Records, fields_of_body, kind_name, time_words};
use super::scanner::{FrameScanner, Scanned};
use super::serial::Serial;
use crate::hex::{Dump, Hex};

/// Columns that names of fields take.
const NAMES: usize = 26;

/// What stands for a secret.
const SECRET: &str = "***";

/// Functions that carry many parameters at once, keys and passwords among them.
const FULL_OF_SECRETS: [u16; 5] = [0x0017, 0x0018, 0x001d, 0x001f, 0x0094];

/// Describes what is in a stream of frames, and what is between them. What is not a frame may be half of one that
/// carries a key, and is counted only.
#[must_use]
pub fn annotate(bytes: &[u8]) -> String {
    let (mut scanner, mut annotator) = (FrameScanner::default(), Annotator::default());
    let mut out = String::new();
    scanner.push(bytes);
    scanner.finish();
    while let Some(scanned) = scanner.next() {
        annotator.scanned(&mut out, &scanned);
    }
    out
}

/// Describes frames one after the other: an answer is understood by its request.
#[derive(Debug, Default)]
pub struct Annotator {
    questions: Questions,
}

impl Annotator {
    /// Describes what was found in a stream.
    pub fn scanned(&mut self, out: &mut String, scanned: &Scanned<'_>) {
        match scanned {
            Scanned::Frame { offset, frame } => self.frame(out, *offset, frame),
            Scanned::Skipped {
                offset,
                bytes,
                reason,
            } => {
                let _ = writeln!(out, "{offset:>6}  {bytes} bytes are no frame: {reason}");
            }
        }
    }

    /// Describes a frame that begins here, line by line.
    pub fn frame(&mut self, out: &mut String, offset: u64, frame: &BarkerFrame<'_>) {
        let asked = self.questions.take(frame);
        let name = function::name(frame.function).unwrap_or("unknown function");
        let _ = writeln!(
            out,
            "{offset:>6}  {name} ({:#06x}), number {}, from {} to {}, {} bytes",
            frame.function,
            frame.sequence,
            whose(frame.source),
            whose(frame.destination),
            frame.data.len(),
        );
        let data = frame.data;
        match frame.function {
            function::TELEMETRY => telemetry(out, data),
            function::GET_PARAMETERS => {
                for id in asked_for(data) {
                    line(out, &parameter_name(id), "?");
                }
            }
            function::SET_PARAMETER => match written(frame) {
                Some((id, _)) if is_secret(id) => line(out, &parameter_name(id), SECRET),
                Some((id, bytes)) => {
                    let value = u32::from_le_bytes(bytes).to_string();
                    line(out, &parameter_name(id), &value);
                }
                None => line(out, "not understood", SECRET),
            },
            function::PARAMETERS => answer(out, frame, &asked.unwrap_or_default()),
            function::TIME => {
                let mut dump = Dump::new(data, NAMES);
                if let Some((time, rest)) = data.split_first_chunk() {
                    dump.field(4, "time", time_words(u32::from_le_bytes(*time)));
                    if let Some(zone) = rest.first_chunk() {
                        let zone = i32::from_le_bytes(*zone);
                        dump.field(4, "zone", format!("{zone} s"));
                    }
                }
                dumped(out, dump);
            }
            function::SESSION_KEY => {
                let mut dump = Dump::new(data, NAMES);
                dump.field(16, "challenge", "");
                dump.field(16, "key, masked", "");
                dumped(out, dump);
            }
            function::SEALED => {
                let mut dump = Dump::new(data, NAMES);
                dump.field(16, "initial counter", "");
                let left = dump.left().len();
                dump.field(left, "sealed", "");
                out.push_str(&dump.finish());
            }
            code if FULL_OF_SECRETS.contains(&code) => line(out, "parameters", SECRET),
            _ => dumped(out, Dump::new(data, NAMES)),
        }
    }
}

/// What is left of it is unknown.
fn dumped(out: &mut String, mut dump: Dump<'_>) {
    let left = dump.left().len();
    dump.field(left, "unknown", "");
    out.push_str(&dump.finish());
}

fn line(out: &mut String, name: &str, value: &str) {
    let text = format!("        {name:<NAMES$}  {value}");
    let _ = writeln!(out, "{}", text.trim_end());
}

fn whose(address: u32) -> String {
    match address {
        address::SERVER => "the server".to_owned(),
        address::TOOL => "a tool".to_owned(),
        address::BROADCAST => "everybody".to_owned(),
        address if address::is_special(address) => format!("{address:08x}"),
        address => Serial::of_inverter(address).to_string(),
    }
}

fn telemetry(out: &mut String, data: &[u8]) {
    let mut records = Records::new(data);
    loop {
        let at = records.offset();
        match records.next_raw() {
            None => return,
            Some(Ok(raw)) => record(out, at, &raw),
            Some(Err(error)) => {
                let _ = writeln!(out, "        not readable: {error}");
                let rest = data.get(at..).unwrap_or_default();
                dumped(out, Dump::new(rest, NAMES));
            }
        }
    }
}

fn record(out: &mut String, at: usize, raw: &RawRecord<'_>) {
    let RawRecord { kind, id, body } = *raw;
    let name = kind_name(kind).unwrap_or("unknown record");
    let serial = Serial(id);
    let length = body.len();
    let _ = writeln!(
        out,
        "        byte {at}: {name} ({kind:#06x}) of {serial}, {length} bytes"
    );
    let mut dump = Dump::new(body, NAMES);
    let fields = fields_of_body(kind, body);
    let is_known = !fields.is_empty();
    for field in fields {
        if let Some(gap) = field.at.checked_sub(dump.at()) {
            dump.field(gap, "unknown", "");
            dump.field(field.size, &field.name, field.value);
        } else {
            // Other bits of what is shown already.
            dump.note(&field.name, field.value);
        }
    }
    let left = dump.left().len();
    let appended = if is_known { "appended" } else { "unknown" };
    dump.field(left, appended, "");
    out.push_str(&dump.finish());
}

fn answer(out: &mut String, frame: &BarkerFrame<'_>, asked: &[u16]) {
    let values = values(frame).unwrap_or_default();
    if values.is_empty() || values.len() != asked.len() {
        // Whose they are is not known: one may be a part of a key.
        line(out, "parameters", SECRET);
        return;
    }
    for (id, value) in asked.iter().zip(values) {
        let words = if is_secret(*id) {
            SECRET.to_owned()
        } else {
            value_words(&value)
        };
        line(out, &parameter_name(*id), &words);
    }
}

fn value_words(value: &ParameterValue<'_>) -> String {
    match value.kind {
        ParameterKind::Number => u32::from_le_bytes(value.bytes).to_string(),
        ParameterKind::Float => f32::from_le_bytes(value.bytes).to_string(),
        ParameterKind::Signed => i32::from_le_bytes(value.bytes).to_string(),
        ParameterKind::Text => format!("\"{}\"", value.text.escape_ascii()),
        ParameterKind::Unknown(kind) => {
            format!("{} (type {kind})", Hex::of(&value.bytes).with(" "))
        }
    }
}

fn parameter_name(id: u16) -> String {
    match KEY.iter().position(|it| *it == id) {
        Some(part) => format!("{id:#06x} key, part {}", part + 1),
        None => format!("{id:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::{EventKind, EventRecord, Record};
    use super::*;

    const UNIT: u32 = 0x7f12_3456;

    fn frame(from_unit: bool, function: u16, data: &[u8]) -> Vec<u8> {
        let (source, destination) = if from_unit {
            (UNIT, address::TOOL)
        } else {
            (address::TOOL, UNIT)
        };
        let mut bytes = Vec::new();
        BarkerFrame {
            sequence: 7,
            source,
            destination,
            function,
            data,
        }
        .encode(&mut bytes);
        bytes
    }

    #[test]
    fn telemetry_is_told_field_by_field() {
        let mut data = Vec::new();
        for kind in [
            EventKind::ClockSet {
                before: 1_700_000_000,
                zone: Some(-28_800),
                after: 1_700_000_001,
            },
            EventKind::Unknown(7),
        ] {
            let event = EventRecord {
                id: UNIT,
                at: 1_700_000_002,
                kind,
            };
            Record::Event(event).encode(&mut data);
        }
        data.truncate(40);
        data.extend([0x80, 0, 1, 2, 3, 4, 9]);
        data[36..44].copy_from_slice(&[0x80, 0, 0xe7, 0xd6, 0xc5, 0x10, 13, 0]);
        data.truncate(44);
        data.extend([0x02, 0xf1, 0x53, 0x65, 0x10, 0x27, 0xf0, 0xc0, 0x23]);
        data.extend([0x04, 0x90, 1, 0xfb, 1, 2]);
        let stream = [b"??".to_vec(), frame(true, 0x0500, &data)].concat();
        let blank = |hex: &str| format!("{hex:<35}");
        let named = |name: &str| format!("{name:<NAMES$}");
        let field = |at: usize, hex: &str, name: &str, value: &str| {
            let text = format!("{at:>5}  {}  {}  {value}", blank(hex), named(name));
            format!("{}\n", text.trim_end())
        };
        let expected = [
            "     0  2 bytes are no frame: this is not the beginning of a frame\n".to_owned(),
            "     2  telemetry (0x0500), number 7, from 7F123456-1B to a tool, 59 bytes\n"
                .to_owned(),
            "        byte 0: event (0x0300) of 7F123456-1B, 28 bytes\n".to_owned(),
            field(0, "02 f1 53 65", "time", "2023-11-14T22:13:22Z"),
            field(4, "01 00 00 00", "kind", "1 (clock set)"),
            field(8, "00 f1 53 65", "clock before", "2023-11-14T22:13:20Z"),
            field(12, "80 8f ff ff", "zone", "-28800"),
            field(16, "01 f1 53 65", "clock after", "2023-11-14T22:13:21Z"),
            field(20, "00 00 00 00 00 00 00 00", "appended", ""),
            "        byte 36: optimizer (0x0080) of 10C5D6E7-92, 13 bytes\n".to_owned(),
            field(0, "02 f1 53 65", "time", "2023-11-14T22:13:22Z"),
            field(4, "10 27", "uptime", "10000 s"),
            field(6, "f0 c0 23 04", "panel voltage", "30 V"),
            field(10, "", "output voltage", "30 V"),
            field(10, "", "panel current", "0.4125 A"),
            field(10, "90 01", "energy since wake-up", "100 Wh"),
            field(12, "fb", "temperature", "-10 °C"),
            "        not readable: byte 57: 2 bytes are left, too few for a record\n".to_owned(),
            field(0, "01 02", "unknown", ""),
        ];
        assert_eq!(annotate(&stream), expected.concat());
    }

    /// The bytes of a key, as they would be shown.
    fn shows_key(text: &str) -> bool {
        let numbers = u32::from_le_bytes([0xde, 0xad, 0xbe, 0xef]).to_string();
        ["de ad", "dead", "DEAD", &numbers]
            .iter()
            .any(|it| text.contains(*it))
    }

    #[test]
    fn parts_of_keys_and_passwords_are_not_shown() {
        let part = [0xde, 0xad, 0xbe, 0xef];
        let value = [part.as_slice(), &[0, 0]].concat();
        let both = [value.as_slice(), &[5, 0, 0, 0, 0, 0]].concat();
        for id in [0x0239_u16, 0x023a, 0x023b, 0x023c, 0x0028] {
            let asks = [id.to_le_bytes(), [0x18, 0]].concat();
            let writes = [id.to_le_bytes().as_slice(), &part].concat();
            let exchange = [
                frame(false, function::GET_PARAMETERS, &asks),
                frame(true, function::PARAMETERS, &both),
                frame(false, function::SET_PARAMETER, &writes),
                frame(false, function::SET_PARAMETER, &writes[..4]),
                frame(true, function::PARAMETERS, &both),
                frame(true, function::PARAMETERS, &part),
                frame(true, 0x0094, &both),
                frame(false, 0x0017, &both),
                frame(false, 0x0018, &writes),
            ];
            let mut damaged = frame(true, function::PARAMETERS, &value);
            damaged[10] ^= 1;
            let text = annotate(&[exchange.concat(), damaged].concat());
            assert!(!shows_key(&text), "{text}");
            assert!(text.contains("0x0018                      5\n"), "{text}");
        }
        let shown = frame(
            false,
            function::SET_PARAMETER,
            &[0x29, 3, 0xde, 0xad, 0xbe, 0xef],
        );
        assert!(shows_key(&annotate(&shown)));
    }

    #[test]
    fn other_frames_are_told() {
        let time = [0, 0xf1, 0x53, 0x65, 0x10, 0x0e, 0, 0];
        let text = annotate(
            &[
                frame(false, function::TIME, &time),
                frame(true, function::SESSION_KEY, &[1; 34]),
                frame(true, function::SEALED, &[2; 60]),
                frame(true, 0x4288, &[3; 2]),
                frame(true, function::ACK, &[]),
            ]
            .concat(),
        );
        for words in [
            "2023-11-14T22:13:20Z",
            "3600 s",
            "key, masked",
            "initial counter",
            "unknown function (0x4288)",
            "yes (0x0080), number 7, from 7F123456-1B to a tool, 0 bytes",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_frame_can_be_told(
            function in prop_oneof![
                any::<u16>(),
                proptest::sample::select(vec![0x0011_u16, 0x0012, 0x003d, 0x0090, 0x0500, 0x0503, 0x0580]),
            ],
            data in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(annotate(&frame(true, function, &data)).contains("number 7"));
        }

        #[test]
        fn any_bytes_can_be_told(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(annotate(&bytes).is_empty() == bytes.is_empty());
        }
    }
}
