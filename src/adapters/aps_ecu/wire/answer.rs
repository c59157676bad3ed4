//! Any answer of the gateway, told apart by its command.

use super::clock::{self, Clock};
use super::ecu_info::{self, EcuInfo};
use super::error::{DecodeError, Shortage};
use super::frame::{Group, RawFrame, seal, seal_status};
use super::history::{self, DayCurve, EnergyHistory};
use super::signal::{self, Signal};
use super::telemetry::{self, Telemetry};
use crate::model::Sentence;
use crate::say;

/// The outcome of a command, sent instead of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `00`: done.
    Done,
    /// `01`: the request named another ECU id.
    WrongEcuId,
    /// `02`: no data yet, as before the first cycle after a start.
    NoData,
    /// Any other two characters.
    Other(u8, u8),
}

impl Status {
    /// The status behind two characters.
    #[must_use]
    pub fn from_code(code: [u8; 2]) -> Self {
        match code {
            [b'0', b'0'] => Self::Done,
            [b'0', b'1'] => Self::WrongEcuId,
            [b'0', b'2'] => Self::NoData,
            [a, b] => Self::Other(a, b),
        }
    }

    /// Its two characters.
    #[must_use]
    pub fn code(self) -> [u8; 2] {
        match self {
            Self::Done => *b"00",
            Self::WrongEcuId => *b"01",
            Self::NoData => *b"02",
            Self::Other(a, b) => [a, b],
        }
    }
}

impl Status {
    /// For people.
    #[must_use]
    pub fn says(self) -> Sentence {
        match self {
            Self::Done => say!("done"),
            Self::WrongEcuId => say!("the request named another ECU id"),
            Self::NoData => say!("no data yet"),
            Self::Other(a, b) => say!(
                "unknown status {code}",
                code = [a, b].escape_ascii().to_string()
            ),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.says().fmt(f)
    }
}

/// An answer of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 0001
    EcuInfo(EcuInfo),
    /// 0002
    Telemetry(Telemetry),
    /// 0030
    Signal(Signal),
    /// 0003
    DayCurve(DayCurve),
    /// 0004
    EnergyHistory(EnergyHistory),
    /// 0012
    Clock(Clock),
    /// A status instead of data.
    Status {
        /// The command it is about.
        command: u16,
        /// The outcome.
        status: Status,
    },
    /// A command this codec does not read.
    Other {
        /// The command.
        command: u16,
        /// The bytes between header and `END`.
        body: Vec<u8>,
    },
}

impl Answer {
    /// Understands a frame.
    ///
    /// # Errors
    /// A body too short for its fixed fields, an essential field that is not valid, or a gateway
    /// model with unverified layouts. Records, entries and labels that cannot be read are no error.
    pub fn decode(frame: &RawFrame) -> Result<Self, DecodeError> {
        let (command, body) = (frame.command(), frame.body());
        if command == ecu_info::COMMAND && !frame.is_status() {
            return EcuInfo::decode(frame.group(), body).map(Self::EcuInfo);
        }
        let has_status = matches!(
            command,
            telemetry::COMMAND
                | signal::COMMAND
                | history::DAY_COMMAND
                | history::ENERGY_COMMAND
                | clock::COMMAND
        );
        if !has_status && !frame.is_status() {
            return Ok(Self::Other {
                command,
                body: body.to_vec(),
            });
        }
        let (code, rest) = body
            .split_first_chunk::<2>()
            .ok_or(Shortage::new(command, body))?;
        let status = Status::from_code(*code);
        if frame.is_status() || status != Status::Done {
            return Ok(Self::Status { command, status });
        }
        match command {
            telemetry::COMMAND => Telemetry::decode(body).map(Self::Telemetry),
            signal::COMMAND => Ok(Self::Signal(Signal::decode(rest))),
            history::DAY_COMMAND => Ok(Self::DayCurve(DayCurve::decode(rest))),
            history::ENERGY_COMMAND => {
                EnergyHistory::decode(frame.group(), rest).map(Self::EnergyHistory)
            }
            _ => Clock::decode(rest).map(Self::Clock),
        }
    }

    /// The bytes of the frame, which decode to the same answer. A value beyond what the wire can
    /// carry is clamped, a body beyond [`MAX_FRAME`](super::MAX_FRAME) cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::EcuInfo(info) => info.encode(),
            Self::Telemetry(telemetry) => telemetry.encode(),
            Self::Signal(signal) => signal.encode(),
            Self::DayCurve(curve) => curve.encode(),
            Self::EnergyHistory(history) => history.encode(),
            Self::Clock(clock) => clock.encode(),
            Self::Status { command, status } => seal_status(*command, status.code()),
            Self::Other { command, body } => seal(Group::G11, *command, body),
        }
    }

    /// The command it answers.
    #[must_use]
    pub fn command(&self) -> u16 {
        match self {
            Self::EcuInfo(_) => ecu_info::COMMAND,
            Self::Telemetry(_) => telemetry::COMMAND,
            Self::Signal(_) => signal::COMMAND,
            Self::DayCurve(_) => history::DAY_COMMAND,
            Self::EnergyHistory(_) => history::ENERGY_COMMAND,
            Self::Clock(_) => clock::COMMAND,
            Self::Status { command, .. } | Self::Other { command, .. } => *command,
        }
    }
}
