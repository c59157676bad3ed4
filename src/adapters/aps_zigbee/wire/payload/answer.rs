//! What an inverter answers, whatever was asked.
//!
//! The sum is checked where it is known to be sent: with BB and DD. With others it is zero.

use super::command::{ANSWER_CLUSTER, InverterCommand};
use super::envelope::{L2Fault, L2Part, l2_without_sum};
use super::info::InverterInfo;
use super::sealed::Sealed;
use super::settings::SettingsAnswer;
use super::telemetry::{Impossible, PanelTelemetry};
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;
use crate::model::Sentence;
use crate::say;

const TELEMETRY_B1: u8 = 0xb1;
const TELEMETRY_BB: u8 = 0xbb;
const LONG: u8 = 0xdd;
const LONG_INFO: u8 = 0xdc;
const ACCEPTED: u8 = 0xde;
const REFUSED: u8 = 0xdf;
/// What follows in an answer to something that was to be changed: so it is told from a page.
type AckBody = [u8; 5];

/// An answer, by its serial number never by when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InverterAnswer {
    /// Who answers.
    pub serial: InverterSerial,
    /// And what.
    pub content: AnswerContent,
}

/// What is in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerContent {
    /// What it measures.
    Telemetry(Box<PanelTelemetry>),
    /// What it is.
    Info(InverterInfo),
    /// A page of its settings.
    Settings(SettingsAnswer),
    /// It has taken what it was told. It may still not do so: read it back.
    Accepted(AckBody),
    /// It has not.
    Refused(AckBody),
    /// It is sound and nothing is known of what is in it, such as what three-phase inverters measure.
    Unread {
        /// The command that it answers with.
        command: u8,
        /// The code of its model, where it is telemetry.
        model: Option<u8>,
        /// All of it, from the serial number on.
        data: Vec<u8>,
    },
    /// It is encrypted.
    Sealed(Sealed),
}

/// Why application data are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum AnswerFault {
    /// There is not even who says it, or that has no decimal digits.
    Serial,
    /// There is no sound envelope.
    Envelope(#[from] L2Fault),
    /// It is something to say to an inverter.
    Request,
    /// No inverter can have measured this.
    Impossible(#[from] Impossible),
}

impl AnswerFault {
    /// For people.
    pub fn says(self) -> Sentence {
        match self {
            Self::Serial => say!("it does not begin with the serial number of an inverter"),
            Self::Envelope(fault) => fault.says(),
            Self::Request => say!("it is a request, ours or that of another gateway"),
            Self::Impossible(what) => what.says(),
        }
    }
}

impl InverterAnswer {
    /// The cluster in which answers come.
    pub const CLUSTER: u16 = ANSWER_CLUSTER;

    /// That of the application data of a message.
    pub fn decode(data: &[u8]) -> Result<Self, AnswerFault> {
        let (speaker, envelope) = data.split_first_chunk().ok_or(AnswerFault::Serial)?;
        let part = L2Part::read(envelope);
        if part.is_ok() && InverterCommand::of_envelope(envelope).is_ok() {
            return Err(AnswerFault::Request);
        }
        let serial = InverterSerial::of_wire(*speaker).ok_or(AnswerFault::Serial)?;
        let content = match Sealed::detect(data) {
            Some(sealed) => AnswerContent::Sealed(sealed),
            None => Self::content(serial, part?, data)?,
        };
        Ok(Self { serial, content })
    }

    fn content(
        serial: InverterSerial,
        part: L2Part<'_>,
        data: &[u8],
    ) -> Result<AnswerContent, AnswerFault> {
        let is_info = part.command == LONG && part.body.first() == Some(&LONG_INFO);
        // Nobody has seen the sum of such an answer.
        let is_checked = matches!(part.command, TELEMETRY_BB | LONG) && !(is_info && part.sum == 0);
        let part = if is_checked { part.checked()? } else { part };
        let verdict: Result<AckBody, _> = part.body.try_into();
        let telemetry = match part.command {
            TELEMETRY_B1 => PanelTelemetry::of_b1(serial, data),
            TELEMETRY_BB => PanelTelemetry::of_bb(serial, data),
            _ => None,
        };
        if let Some(telemetry) = telemetry {
            return Ok(AnswerContent::Telemetry(Box::new(telemetry?)));
        }
        if let Some(info) = InverterInfo::decode(part.command, part.body) {
            return Ok(AnswerContent::Info(info));
        }
        if let Some(page) = SettingsAnswer::decode(part.command, part.body) {
            return Ok(AnswerContent::Settings(page));
        }
        Ok(match (part.command, verdict) {
            (ACCEPTED, Ok(verdict)) => AnswerContent::Accepted(verdict),
            (REFUSED, Ok(verdict)) => AnswerContent::Refused(verdict),
            (command, _) => AnswerContent::Unread {
                command,
                model: match *part.body {
                    [TELEMETRY_BB, model, ..] if command == TELEMETRY_BB => Some(model),
                    _ => None,
                },
                data: data.to_vec(),
            },
        })
    }

    /// Its application data.
    pub fn data(&self) -> Vec<u8> {
        let speaker = self.serial.wire();
        let of = |envelope: Vec<u8>| [&speaker[..], &envelope].concat();
        match &self.content {
            AnswerContent::Telemetry(telemetry) => telemetry.data(),
            AnswerContent::Info(info) => of(info.envelope()),
            AnswerContent::Settings(page) => of(page.envelope()),
            AnswerContent::Accepted(verdict) => of(l2_without_sum(ACCEPTED, verdict)),
            AnswerContent::Refused(verdict) => of(l2_without_sum(REFUSED, verdict)),
            AnswerContent::Unread { data, .. } => data.clone(),
            AnswerContent::Sealed(sealed) => sealed.data(speaker),
        }
    }

    /// What an inverter answers to a limit or a switch that it takes.
    pub const fn accepted(serial: InverterSerial) -> Self {
        Self {
            serial,
            content: AnswerContent::Accepted([2, 0, 0, 0, 0]),
        }
    }

    /// And to one that it does not.
    pub const fn refused(serial: InverterSerial) -> Self {
        Self {
            serial,
            content: AnswerContent::Refused([0, 3, 0, 0, 0]),
        }
    }
}

#[cfg(test)]
mod tests;
