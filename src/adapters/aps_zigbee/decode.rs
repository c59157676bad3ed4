//! Files: what a stick sent and was sent, or the bare words of one inverter. Which it is, shows.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::KIND;
use super::config::ZigbeeConfig;
use super::inverter::{RememberedInverter, ZigbeeInverter};
use super::wire::annotate::{FrameWords, annotate_frame, annotate_payload, opened_words};
use super::wire::ids::{InverterSerial, ShortAddress};
use super::wire::payload::{
    AnswerContent, InverterAnswer, PAIRED_CLUSTER, PairingRequest, input_letter,
};
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
                // Our own words, sent back by the stick or by who passes them on.
                ZnpMessage::Incoming(incoming)
                    if incoming.source == ShortAddress::GATEWAY
                        || PairingRequest::read(incoming.cluster, &incoming.data).is_some() =>
                {
                    let mut says = vec![words.summary];
                    says.extend(words.details);
                    self.note(json!({ "echo": true, "says": says.join(", ") }));
                }
                ZnpMessage::Incoming(incoming) => {
                    match told_address(incoming.cluster, &incoming.data) {
                        Some(serial) => self.note(json!({
                            "serial": serial.to_string(), "address": incoming.source.to_string(),
                        })),
                        None => self.answer(&incoming.data),
                    }
                }
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
            AnswerContent::Sealed(sealed) => decoded.notes.push(json!({
                "serial": name, "encrypted": true, "experimentally": opened_words(serial, &sealed),
            })),
        }
        self.results.push_back(Ok(decoded));
    }
}

/// The inverter that tells its address with this.
fn told_address(cluster: u16, data: &[u8]) -> Option<InverterSerial> {
    match data {
        [_, _, serial @ ..] if cluster == PAIRED_CLUSTER => {
            InverterSerial::of_wire(serial.try_into().ok()?)
        }
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::super::wire::ids::EcuId;
    use super::super::wire::payload::{InverterCommand, REQUEST_CLUSTER, Sealed, pairing_answer};
    use super::super::wire::znp::AfIncoming;
    use super::*;

    fn serial() -> InverterSerial {
        "725000990001".parse().unwrap()
    }

    fn heard(cluster: u16, source: u16, data: Vec<u8>) -> Vec<u8> {
        let message = ZnpMessage::Incoming(AfIncoming {
            group: 0,
            cluster,
            source: ShortAddress(source),
            source_endpoint: 0x14,
            destination_endpoint: 0x14,
            broadcast: 0,
            lqi: 80,
            security: 0,
            timestamp: 0,
            sequence: 7,
            data,
            last_hop: ShortAddress(source),
            radius: 0x0e,
        });
        message.encode().unwrap()
    }

    fn noted(frame: &[u8]) -> Value {
        let mut decoder = ZigbeeDecoder::new(ZigbeeConfig::default());
        decoder.push(frame);
        assert_eq!(decoder.finish(), None);
        let decoded = decoder.next().unwrap().unwrap();
        decoded.notes[0].clone()
    }

    #[test]
    fn our_own_words_are_no_fault() {
        let gateway: EcuId = "D8A3011B9780".parse().unwrap();
        let poll = InverterCommand::Poll.data(gateway);
        let note = noted(&heard(REQUEST_CLUSTER, 0, poll.clone()));
        assert_eq!(note["echo"], true, "{note}");
        assert!(
            note["says"]
                .as_str()
                .unwrap()
                .contains("asks what it measures")
        );
        for request in PairingRequest::all(serial(), gateway) {
            for source in [0, 0x1234] {
                let note = noted(&heard(request.cluster(), source, request.data()));
                assert_eq!(note["echo"], true, "{note}");
            }
        }
        // Those of another gateway are not ours.
        let mut decoder = ZigbeeDecoder::new(ZigbeeConfig::default());
        decoder.push(&heard(REQUEST_CLUSTER, 0x1234, poll));
        assert!(decoder.next().unwrap().is_err());
    }

    #[test]
    fn who_tells_its_address_is_told() {
        let note = noted(&heard(
            PAIRED_CLUSTER,
            0x7c3a,
            pairing_answer(serial(), 0x1a),
        ));
        assert_eq!(
            note,
            json!({ "serial": "725000990001", "address": "0x7C3A" })
        );
    }

    #[test]
    fn what_is_encrypted_is_opened_as_an_experiment() {
        let inner = InverterAnswer::accepted(serial()).data();
        let sealed = |by: InverterSerial| {
            let sealed = Sealed::seal(&inner[6..], Some(by), [1, 2, 3, 4, 5, 6], Some(0xa1));
            sealed.data(serial().wire())
        };
        let as_heard = |data| heard(InverterAnswer::CLUSTER, 0x7c3a, data);
        let note = noted(&as_heard(sealed(serial())));
        assert_eq!(note["encrypted"], true);
        let words = note["experimentally"][0].as_str().unwrap();
        assert!(words.contains("accepts what it was told"), "{note}");
        let dump = annotate_payload(&sealed(serial()));
        assert!(dump.contains("experimentally: "), "{dump}");
        let locked = noted(&as_heard(sealed("725000990002".parse().unwrap())));
        assert_eq!(locked["encrypted"], true);
        assert_eq!(locked["experimentally"], Value::Null);
    }
}
