//! Files: captures, streams of frames, or bare records. Which it is, shows.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::keys::UnitKeys;
use super::listener::{ConnectionId, Listener, Noticed};
use super::plant::{Origin, Plant, Setting};
use super::repeats::Repeats;
use super::sessions::{Lock, Sessions, Unsealed};
use super::wire::{
    Annotator, EventKind, Frame, FrameScanner, Record, Records, Scanned, Serial, function,
};
use super::{health, wire};
use crate::clock::Moment;
use crate::device::{Decoded, Decoder, Undecoded};
use crate::hex::Hex;
use crate::links::capture::CaptureReader;
use crate::model::Report;

/// Bytes that tell what a file is.
const ENOUGH: usize = 64;
/// More bytes than bare records that somebody sends in have.
const MOST_RECORDS: usize = 64 * 1024;

/// Reads files.
#[derive(Debug)]
pub struct FileDecoder {
    form: FileForm,
    teller: Teller,
}

/// What a file is.
#[derive(Debug)]
enum FileForm {
    /// Not known yet.
    Beginning(Vec<u8>),
    /// Packets.
    Capture(Box<Listener>),
    /// What was said, both ways perhaps, and not how it travelled.
    Frames(FrameScanner),
}

/// Tells what frames say.
#[derive(Debug)]
struct Teller {
    sessions: Sessions,
    plant: Plant,
    repeats: Repeats,
    results: VecDeque<Result<Decoded, Undecoded>>,
    buffer: Vec<u8>,
    /// Where frames are to be labelled.
    annotator: Option<Annotator>,
    has_frames: bool,
    /// Whom it was last said of that what they send stays shut, and why.
    shut: Option<(Option<Serial>, Lock)>,
}

impl FileDecoder {
    /// With the keys of a section.
    pub fn new(keys: &UnitKeys, setting: Setting) -> Self {
        Self {
            form: FileForm::Beginning(Vec::new()),
            teller: Teller {
                sessions: keys.sessions(),
                plant: Plant::default().with(setting),
                repeats: Repeats::default(),
                results: VecDeque::new(),
                buffer: Vec::new(),
                annotator: None,
                has_frames: false,
                shut: None,
            },
        }
    }

    /// Decides what the file is.
    fn begin(&mut self, is_all: bool) {
        let FileForm::Beginning(bytes) = &mut self.form else {
            return;
        };
        if CaptureReader::recognises(bytes) {
            let bytes = std::mem::take(bytes);
            let mut listener = Box::<Listener>::default();
            let teller = &mut self.teller;
            listener.push(&bytes, &mut |noticed| teller.notice(noticed));
            self.form = FileForm::Capture(listener);
            return;
        }
        let may_be_records = !has_barker(bytes) && bytes.len() <= MOST_RECORDS;
        if may_be_records && !is_all {
            return;
        }
        let bytes = std::mem::take(bytes);
        if may_be_records && are_records(&bytes) {
            self.teller.records(&bytes, Origins::OfRecords);
            return;
        }
        self.form = FileForm::Frames(FrameScanner::default());
        self.frames(&bytes);
    }

    fn frames(&mut self, bytes: &[u8]) {
        let FileForm::Frames(scanner) = &mut self.form else {
            return;
        };
        scanner.push(bytes);
        self.teller.scan(scanner);
    }
}

fn has_barker(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window == wire::BARKER)
}

/// Whether bytes are records and nothing else, each of a kind that is known and with a time that can be.
fn are_records(bytes: &[u8]) -> bool {
    let is_one = |record: Result<Record<'_>, _>| {
        record.is_ok_and(|record| {
            let is_known = !matches!(record, Record::Unknown { kind, .. } if kind > 0x0a00);
            is_known
                && record
                    .at()
                    .is_some_and(|at| (1_200_000_000..=4_102_444_800).contains(&at))
        })
    };
    !bytes.is_empty() && Records::new(bytes).all(is_one)
}

impl Decoder for FileDecoder {
    fn annotate(&mut self) {
        self.teller.annotator.get_or_insert_default();
    }

    fn push(&mut self, bytes: &[u8]) {
        let teller = &mut self.teller;
        match &mut self.form {
            FileForm::Beginning(beginning) => {
                beginning.extend_from_slice(bytes);
                if beginning.len() >= ENOUGH {
                    self.begin(false);
                }
            }
            FileForm::Capture(listener) => {
                listener.push(bytes, &mut |noticed| teller.notice(noticed));
            }
            FileForm::Frames(_) => self.frames(bytes),
        }
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        self.teller.results.pop_front()
    }

    fn next_file(&mut self) -> bool {
        match &mut self.form {
            FileForm::Capture(listener) => {
                listener.begin_file();
                true
            }
            FileForm::Beginning(_) | FileForm::Frames(_) => false,
        }
    }

    fn finish(&mut self) -> Option<String> {
        self.begin(true);
        let teller = &mut self.teller;
        match &mut self.form {
            FileForm::Beginning(_) => {}
            FileForm::Capture(listener) => {
                listener.finish(&mut |noticed| teller.notice(noticed));
                if !teller.has_frames {
                    let seen = listener.seen();
                    teller.has_frames = true;
                    return Some(format!(
                        "{} packets, {} of them TCP, and no frame of an inverter among them",
                        seen.packets, seen.segments
                    ));
                }
            }
            FileForm::Frames(scanner) => {
                scanner.finish();
                teller.scan(scanner);
            }
        }
        None
    }
}

/// Whose the records are.
#[derive(Debug, Clone, Copy)]
enum Origins {
    /// Of the unit that sent the frame.
    OfFrame(Serial, Option<Serial>),
    /// Only they themselves say.
    OfRecords,
}

impl Teller {
    fn scan(&mut self, scanner: &mut FrameScanner) {
        while let Some(scanned) = scanner.next() {
            match scanned {
                // One stream of bytes is as one connection.
                Scanned::Frame { frame, offset } => self.frame(ConnectionId::ONLY, offset, frame),
                Scanned::Skipped {
                    offset,
                    bytes,
                    reason,
                } => self.refuse(format!(
                    "at byte {offset}: {bytes} bytes passed over: {reason}"
                )),
            }
        }
    }

    fn notice(&mut self, noticed: Noticed<'_>) {
        match noticed {
            Noticed::Frame {
                connection,
                offset,
                frame,
                ..
            } => self.frame(connection, offset, frame),
            Noticed::Skipped(bytes, reason) => {
                self.refuse(format!(
                    "{bytes} bytes between frames passed over: {reason}"
                ));
            }
            Noticed::Tls(key) => {
                self.refuse(format!("{}: {}", key.source, health::tls().sentence()));
            }
            Noticed::Closed(connection) => self.sessions.closed(connection),
            Noticed::Refused(refused) => self.refuse(refused.to_string()),
        }
    }

    fn refuse(&mut self, reason: String) {
        self.results.push_back(Err(reason.into()));
    }

    fn frame(&mut self, connection: ConnectionId, offset: u64, frame: Frame<'_>) {
        self.has_frames = true;
        let mut buffer = std::mem::take(&mut self.buffer);
        match self.sessions.take(connection, frame, &mut buffer) {
            Unsealed::Frame { sealed_by, frame } => self.tell(sealed_by, offset, &frame),
            // Once is enough: all that follows has the same reason.
            Unsealed::Shut {
                unit,
                why: Some(why),
            } if self.shut.replace((unit, why)) != Some((unit, why)) => {
                let health = unit.and_then(|unit| health::shut(why, unit, None));
                let words = health.map_or_else(
                    || "sealed by the server in a session whose beginning was not seen".to_owned(),
                    |health| health.sentence(),
                );
                self.refuse(format!("at byte {offset} of its connection: {words}"));
            }
            Unsealed::Shut { .. } => {}
        }
        self.buffer = buffer;
        for unit in self.sessions.newly_found() {
            let note = json!({ "key_found": unit.to_string() });
            self.results.push_back(Ok(Decoded {
                notes: vec![note],
                ..Decoded::default()
            }));
        }
    }

    fn tell(&mut self, sealed_by: Option<Serial>, offset: u64, frame: &Frame<'_>) {
        let mut annotation = String::new();
        if let Some(annotator) = &mut self.annotator {
            annotator.frame(&mut annotation, offset, frame);
        }
        match frame
            .unit()
            .filter(|_| frame.function == function::TELEMETRY)
        {
            Some(unit) => self.records(frame.data, Origins::OfFrame(unit, sealed_by)),
            None => self.results.push_back(Ok(Decoded::default())),
        }
        if let Some(Ok(last)) = self.results.back_mut() {
            last.annotation = annotation;
        }
    }

    fn records(&mut self, data: &[u8], origins: Origins) {
        let mut notes = Vec::new();
        let mut trouble = None;
        let mut records = Records::new(data);
        while let Some(record) = records.next_raw() {
            let record = match record {
                Ok(raw) if self.repeats.is_repeated(raw) => continue,
                Ok(raw) => Record::of_body(raw.kind, raw.id, raw.body),
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            };
            let (source, sealed_by) = match origins {
                Origins::OfFrame(source, sealed_by) => (source, sealed_by),
                Origins::OfRecords => (owner(&record), None),
            };
            let origin = Origin {
                source,
                sealed_by,
                now: Moment::NONE,
            };
            self.plant.take(&record, origin);
            notes.extend(note(&record, source));
        }
        let reports = self.plant.reports().into_iter();
        let reports = reports.filter(|report| {
            matches!(
                report,
                Report::Device(_) | Report::Readings(_) | Report::Late(_)
            )
        });
        let decoded = Decoded {
            reports: reports.collect(),
            notes,
            annotation: String::new(),
        };
        if let Some(trouble) = trouble {
            self.refuse(trouble.to_string());
        }
        self.results.push_back(Ok(decoded));
    }
}

/// Whose a record is by itself.
fn owner(record: &Record<'_>) -> Serial {
    match record {
        Record::Optimizer(optimizer) => optimizer.inverter.unwrap_or(Serial(0)),
        other => Serial::of_inverter(other.id()),
    }
}

/// What a record says that is no reading.
pub fn note(record: &Record<'_>, source: Serial) -> Option<Value> {
    let serial = source.to_string();
    let time = |at: u32| {
        Timestamp::from_second(at.into())
            .map(|at| at.to_string())
            .ok()
    };
    Some(match record {
        Record::Event(event) => {
            let at = time(event.at);
            match event.kind {
                EventKind::WakeOrSleep { utc, local } => json!({
                    "event": "wake_or_sleep", "serial": serial, "at": at,
                    "utc_offset": i64::from(local) - i64::from(utc),
                }),
                EventKind::ClockSet {
                    before,
                    zone,
                    after,
                } => json!({
                    "event": "clock_set", "serial": serial, "at": at,
                    "step": i64::from(after) - i64::from(before), "utc_offset": zone,
                }),
                EventKind::Unknown(kind) => json!({
                    "event": "unknown", "kind": kind, "serial": serial, "at": at,
                }),
            }
        }
        Record::Meters(inventory) => {
            let meters = inventory.listed.iter().map(|meter| {
                json!({
                    "kind": meter.kind, "computed": meter.is_computed, "serial": meter.serial,
                    "manufacturer": meter.manufacturer, "model": meter.model, "version": meter.version,
                })
            });
            json!({ "meters": meters.collect::<Vec<_>>(), "serial": serial, "at": time(inventory.at) })
        }
        Record::Optimizers(inventory) => {
            let optimizers: Vec<_> = inventory.listed.iter().map(ToString::to_string).collect();
            json!({ "optimizers": optimizers, "serial": serial, "at": time(inventory.at) })
        }
        Record::Unknown { kind, at, body, .. } => json!({
            "record": format!("{kind:#06x}"), "serial": serial, "at": at.and_then(time),
            "body": Hex::of(body).to_string(),
        }),
        Record::Battery(battery) if !battery.is_there() => {
            json!({ "battery": Value::Null, "serial": serial, "at": time(battery.at) })
        }
        _ => return None,
    })
}
