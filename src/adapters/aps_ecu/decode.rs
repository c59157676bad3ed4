//! Answers of an ECU from a file instead of a device.

use jiff::civil::{Date, Time};
use serde_json::json;

use super::config::EcuConfig;
use super::installation::{Answers, Installation};
use super::wire::{Answer, Framer, RawFrame, annotate};
use crate::clock::Moment;
use crate::config::{Problems, Section};
use crate::device::{Decoded, Decoder, Undecoded};
use crate::hex::Hex;

/// Reads the same answers in the same way as the adapter.
#[derive(Debug)]
pub struct EcuDecoder {
    framer: Framer,
    installation: Installation,
    annotates: bool,
}

impl EcuDecoder {
    pub fn new(section: &Section) -> Result<Self, Problems> {
        let config: EcuConfig = section.read_without(&["host"])?;
        Ok(Self {
            framer: Framer::new(),
            installation: Installation::without_ecu(config),
            annotates: false,
        })
    }

    fn decode(&mut self, frame: &RawFrame) -> Result<Decoded, String> {
        let refuse = |error| format!("at byte {}: {error}", frame.offset);
        let annotation = self.annotates.then(|| annotate(frame));
        let mut decoded = Decoded {
            annotation: annotation.unwrap_or_default(),
            ..Decoded::default()
        };
        let mut answers = Answers::default();
        match Answer::decode(frame).map_err(refuse)? {
            Answer::EcuInfo(info) => {
                // In a file every ECU is right, at once.
                let serial = info.ecu.to_string();
                while !self.installation.meet(&serial) {}
                answers.info = Some(info);
            }
            Answer::Telemetry(telemetry) => {
                let (read, declared) = (telemetry.records.len(), telemetry.declared);
                if read != usize::from(declared) || !telemetry.undecoded.is_empty() {
                    decoded.notes.push(json!({
                        "answer": "inverters",
                        "declared": declared,
                        "read": read,
                        "not_understood": Hex::of(&telemetry.undecoded).to_string(),
                    }));
                }
                answers.telemetry = Some(telemetry);
            }
            answer => decoded.notes.push(note(&answer)),
        }
        // Times that are not in the answer itself are not known.
        decoded.reports = self.installation.reports(&answers, Moment::NONE);
        Ok(decoded)
    }
}

impl Decoder for EcuDecoder {
    fn annotate(&mut self) {
        self.annotates = true;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        let frame = self.framer.next_frame()?;
        let decoded = frame
            .map_err(|error| error.to_string())
            .and_then(|frame| self.decode(&frame));
        Some(decoded.map_err(Undecoded::from))
    }

    fn finish(&mut self) -> Option<String> {
        self.framer.finish().map(|error| error.to_string())
    }
}

/// What an answer without a device of its own says.
fn note(answer: &Answer) -> serde_json::Value {
    match answer {
        Answer::Signal(signal) => {
            let entries: serde_json::Map<_, _> = signal
                .entries
                .iter()
                .map(|(uid, raw)| (uid.to_string(), json!(raw)))
                .collect();
            json!({ "answer": "signal", "raw": entries })
        }
        Answer::DayCurve(curve) => {
            let point =
                |(time, watts): &(Time, u16)| json!([time.strftime("%H:%M").to_string(), watts]);
            json!({ "answer": "power_of_day", "watts": curve.points.iter().map(point).collect::<Vec<_>>() })
        }
        Answer::EnergyHistory(history) => {
            let day =
                |(date, energy): &(Date, u64)| json!([date.to_string(), *energy as f64 / 1000.0]);
            json!({
                "answer": "energy_history",
                "kilowatt_hours": history.days.iter().map(day).collect::<Vec<_>>(),
                "wraps_at_655_36": history.wraps,
            })
        }
        Answer::Clock(clock) => json!({ "answer": "clock", "at": clock.at.to_string() }),
        Answer::Status { command, status } => {
            json!({ "answer": "status", "command": format!("{command:04}"), "status": status.to_string() })
        }
        Answer::Other { command, body } => {
            json!({ "answer": "other", "command": format!("{command:04}"), "body": Hex::of(body).to_string() })
        }
        Answer::EcuInfo(_) | Answer::Telemetry(_) => json!({}),
    }
}
