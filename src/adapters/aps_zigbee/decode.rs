//! Files: what a stick sent and was sent, or the bare words of one inverter. Which it is, shows.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::KIND;
use super::config::ZigbeeConfig;
use super::inverter::{RememberedInverter, ZigbeeInverter};
use super::wire::annotate::{FrameWords, annotate_frame, annotate_payload};
use super::wire::ids::InverterSerial;
use super::wire::payload::{AnswerContent, InverterAnswer, input_letter};
use super::wire::znp::{ZnpMessage, ZnpScanned, ZnpScanner};
use crate::device::{Decoded, Decoder, Undecoded};
use crate::hex::Hex;
use crate::model::{DeviceId, Report};

/// Bytes that tell what a file is: a serial number, and the start of an envelope.
const ENOUGH: usize = 8;
/// More bytes than the words of one inverter have.
const MOST: usize = 4096;

/// Reads files.
#[derive(Debug)]
pub struct ZigbeeDecoder {
    config: ZigbeeConfig,
    form: StickFile,
    inverters: BTreeMap<InverterSerial, ZigbeeInverter>,
    results: VecDeque<Result<Decoded, Undecoded>>,
    is_annotated: bool,
}

/// What a file is.
#[derive(Debug)]
enum StickFile {
    /// Not known yet.
    Beginning(Vec<u8>),
    /// Frames of a stick.
    Frames(ZnpScanner),
    /// The words of an inverter.
    Payload(Vec<u8>),
}

impl ZigbeeDecoder {
    /// With what a section says.
    pub const fn new(config: ZigbeeConfig) -> Self {
        Self {
            config,
            form: StickFile::Beginning(Vec::new()),
            inverters: BTreeMap::new(),
            results: VecDeque::new(),
            is_annotated: false,
        }
    }

    fn begin(&mut self, bytes: Vec<u8>) {
        if matches!(bytes.get(6..8), Some([0xfb, 0xfb])) && bytes.first() != Some(&0xfe) {
            self.form = StickFile::Payload(bytes);
            return;
        }
        self.form = StickFile::Frames(ZnpScanner::default());
        self.push(&bytes);
    }

    fn scan(&mut self) {
        loop {
            let StickFile::Frames(scanner) = &mut self.form else {
                return;
            };
            let (message, words, annotation) = match scanner.next() {
                None => return,
                Some(ZnpScanned::Frame { offset, frame }) => {
                    let annotation = self
                        .is_annotated
                        .then(|| format!("frame at byte {offset}\n{}", annotate_frame(frame)));
                    (ZnpMessage::decode(frame), FrameWords::of(frame), annotation)
                }
                Some(ZnpScanned::Skipped {
                    offset,
                    bytes,
                    reason,
                }) => {
                    let reason = format!("at byte {offset}: {bytes} bytes passed over: {reason}");
                    self.results.push_back(Err(reason.into()));
                    continue;
                }
            };
            let before = self.results.len();
            match &message {
                ZnpMessage::Incoming(incoming) => self.answer(&incoming.data),
                _ => self.note(json!({
                    "frame": words.name, "from": words.side.name(), "says": words.summary,
                })),
            }
            if let Some(annotation) = annotation {
                self.label(before, annotation);
            }
        }
    }

    /// Labels the bytes of a result.
    fn label(&mut self, index: usize, annotation: String) {
        match self.results.get_mut(index) {
            Some(Ok(decoded)) => decoded.annotation = annotation,
            Some(Err(undecoded)) => undecoded.annotation = annotation,
            None => {}
        }
    }

    fn note(&mut self, note: Value) {
        self.results.push_back(Ok(Decoded {
            notes: vec![note],
            ..Decoded::default()
        }));
    }

    /// What an inverter says.
    fn answer(&mut self, data: &[u8]) {
        let answer = match InverterAnswer::decode(data) {
            Ok(answer) => answer,
            Err(error) => {
                self.results.push_back(Err(error.to_string().into()));
                return;
            }
        };
        let serial = answer.serial;
        let inverter = self.inverters.entry(serial).or_insert_with(|| {
            ZigbeeInverter::new(serial, &self.config, RememberedInverter::default())
        });
        let mut decoded = Decoded::default();
        let name = serial.to_string();
        match answer.content {
            AnswerContent::Telemetry(telemetry) => {
                inverter.learn(&telemetry);
                let stick = DeviceId::new(KIND, "file");
                let mut device = inverter.device(&stick);
                device.via = None;
                decoded.reports.push(Report::Device(Box::new(device)));
                let readings = inverter.measured(&telemetry, Timestamp::UNIX_EPOCH);
                decoded.reports.push(Report::Readings(readings));
                let scale = telemetry.counter_scale();
                let counters = telemetry.inputs.iter().enumerate().map(|(index, input)| {
                    let energy = scale.energy_of(input.counter) as f64 / 1e6;
                    (input_letter(index).to_string(), json!((energy * 1000.0).round() / 1000.0))
                });
                let counters: serde_json::Map<String, Value> = counters.collect();
                decoded.notes.push(json!({
                    "serial": name, "seconds_since_start": telemetry.clock, "watt_hours_since_start": counters,
                    "status": telemetry.status.hex(),
                }));
            }
            AnswerContent::Info(info) => decoded.notes.push(json!({
                "serial": name, "model": format!("{:02x}", info.model), "firmware": info.firmware.to_string(),
            })),
            AnswerContent::Settings(page) => {
                let limit = page.limit().map(|limit| limit.watts().to_f64());
                decoded.notes.push(json!({ "serial": name, "settings": Hex::of(&page.body).to_string(), "limit": limit }));
            }
            AnswerContent::Accepted(_) => decoded.notes.push(json!({ "serial": name, "accepted": true })),
            AnswerContent::Refused(_) => decoded.notes.push(json!({ "serial": name, "accepted": false })),
            AnswerContent::Unread { model, data, .. } => decoded.notes.push(json!({
                "serial": name, "unread": Hex::of(&data).to_string(), "model": model.map(|it| format!("{it:02x}")),
            })),
            AnswerContent::Sealed(_) => decoded.notes.push(json!({ "serial": name, "encrypted": true })),
        }
        self.results.push_back(Ok(decoded));
    }
}

impl Decoder for ZigbeeDecoder {
    fn annotate(&mut self) {
        self.is_annotated = true;
    }

    fn push(&mut self, bytes: &[u8]) {
        match &mut self.form {
            StickFile::Beginning(beginning) => {
                beginning.extend_from_slice(bytes);
                if beginning.len() >= ENOUGH {
                    let beginning = std::mem::take(beginning);
                    self.begin(beginning);
                }
            }
            StickFile::Frames(scanner) => {
                scanner.push(bytes);
                self.scan();
            }
            StickFile::Payload(payload) => {
                let room = MOST.saturating_sub(payload.len());
                payload.extend(bytes.iter().take(room));
            }
        }
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        self.results.pop_front()
    }

    fn finish(&mut self) -> Option<String> {
        match &mut self.form {
            StickFile::Beginning(beginning) if !beginning.is_empty() => {
                let beginning = std::mem::take(beginning);
                self.begin(beginning);
                self.finish()
            }
            StickFile::Beginning(_) => None,
            StickFile::Frames(scanner) => {
                scanner.give_up();
                self.scan();
                None
            }
            StickFile::Payload(payload) => {
                let payload = std::mem::take(payload);
                self.form = StickFile::Beginning(Vec::new());
                let before = self.results.len();
                self.answer(&payload);
                if self.is_annotated {
                    self.label(before, annotate_payload(&payload));
                }
                None
            }
        }
    }
}
