//! What we ask the gateway, and how a simulator reads what it is asked.
//!
//! | Request | Bytes |
//! |---|---|
//! | who are you | `APS1100160001END` |
//! | telemetry | `APS1100280002<id>END` |
//! | signal | `APS1100280030<id>END` |
//! | day curve | `APS1100390003<id>ENDyyyymmddEND` |
//! | energy | `APS1100330004<id>ENDppEND`, `pp` = `00` week, `01` month, `02` year |
//! | clock | `APS1100280012<id>END` |
//!
//! All are followed by a newline which the length does not count. Clients in the field leave the
//! newline out or send a wrong length, and the gateway does not mind, so [`Request::parse`] looks at
//! neither.

use jiff::civil;

use super::bcd;
use super::frame::{Group, seal};
use super::history::Period;
use super::ids::{EcuId, IdError};
use super::{clock, ecu_info, history, signal, telemetry};

/// Why some bytes are not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Sound so far; more bytes are needed.
    #[error("the request is incomplete: {have} bytes so far")]
    Incomplete {
        /// Bytes so far.
        have: usize,
    },
    /// Does not begin with `APS`, a group, a length and a command.
    #[error("byte {offset} is not part of a request: requests begin with APS11 and eight digits")]
    NotARequest {
        /// The first wrong byte.
        offset: usize,
    },
    /// The command is none of those this codec reads.
    #[error("command {0:04} is not known")]
    UnknownCommand(u16),
    /// The ECU id is not one.
    #[error("the ECU id at byte 13 is not valid: {0}")]
    BadEcuId(IdError),
    /// The date or the period is not one.
    #[error("the {0} at byte 28 is not valid")]
    BadArgument(&'static str),
    /// `END` is missing.
    #[error("END is missing at byte {offset}")]
    NoEnd {
        /// Where it should be.
        offset: usize,
    },
}

/// A question to the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// 0001: who are you; the only one that needs no id.
    EcuInfo,
    /// 0002: what did the inverters measure.
    Telemetry {
        /// The gateway asked.
        ecu: EcuId,
    },
    /// 0030: how well do you hear them.
    Signal {
        /// The gateway asked.
        ecu: EcuId,
    },
    /// 0003: power over one day.
    DayCurve {
        /// The gateway asked.
        ecu: EcuId,
        /// The day, in the gateway's local time.
        date: civil::Date,
    },
    /// 0004: energy of past days or months.
    EnergyHistory {
        /// The gateway asked.
        ecu: EcuId,
        /// How far back.
        period: Period,
    },
    /// 0012: what time is it.
    Clock {
        /// The gateway asked.
        ecu: EcuId,
    },
}

impl Request {
    /// The bytes to send: right length, newline at the end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(ecu) = self.ecu() {
            body.extend_from_slice(ecu.as_bytes());
        }
        match self {
            Self::DayCurve { date, .. } => {
                body.extend_from_slice(b"END");
                for byte in bcd::date_bytes(*date) {
                    body.extend_from_slice(&[b'0' + (byte >> 4), b'0' + (byte & 0x0f)]);
                }
            }
            Self::EnergyHistory { period, .. } => {
                body.extend_from_slice(b"END");
                body.extend_from_slice(&period.code());
            }
            Self::EcuInfo | Self::Telemetry { .. } | Self::Signal { .. } | Self::Clock { .. } => {}
        }
        seal(Group::G11, self.command(), &body)
    }

    /// The command.
    #[must_use]
    pub fn command(&self) -> u16 {
        match self {
            Self::EcuInfo => ecu_info::COMMAND,
            Self::Telemetry { .. } => telemetry::COMMAND,
            Self::Signal { .. } => signal::COMMAND,
            Self::DayCurve { .. } => history::DAY_COMMAND,
            Self::EnergyHistory { .. } => history::ENERGY_COMMAND,
            Self::Clock { .. } => clock::COMMAND,
        }
    }

    /// The gateway it is addressed to.
    #[must_use]
    pub fn ecu(&self) -> Option<&EcuId> {
        match self {
            Self::EcuInfo => None,
            Self::Telemetry { ecu }
            | Self::Signal { ecu }
            | Self::DayCurve { ecu, .. }
            | Self::EnergyHistory { ecu, .. }
            | Self::Clock { ecu } => Some(ecu),
        }
    }

    /// Reads a request as leniently as a gateway does: any length field, newline or not, anything
    /// after it.
    ///
    /// # Errors
    /// [`RequestError::Incomplete`] as long as more bytes could make it one, else what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        let incomplete = RequestError::Incomplete { have: bytes.len() };
        let head = |(at, byte): (usize, &u8)| match at {
            0..3 => b"APS".get(at) == Some(byte),
            _ => byte.is_ascii_digit(),
        };
        let wrong = bytes.iter().take(13).enumerate().find(|pair| !head(*pair));
        if let Some((offset, _)) = wrong {
            return Err(RequestError::NotARequest { offset });
        }
        let field = |from: usize, to: usize| bytes.get(from..to).ok_or(incomplete.clone());
        let end = |offset: usize| match field(offset, offset + 3)? {
            b"END" => Ok(()),
            _ => Err(RequestError::NoEnd { offset }),
        };
        let command = bcd::number(field(9, 13)?).and_then(|number| u16::try_from(number).ok());
        let command = command.unwrap_or_default();
        if command == ecu_info::COMMAND {
            end(13)?;
            return Ok(Self::EcuInfo);
        }
        let known = [
            telemetry::COMMAND,
            signal::COMMAND,
            history::DAY_COMMAND,
            history::ENERGY_COMMAND,
            clock::COMMAND,
        ];
        if !known.contains(&command) {
            return Err(RequestError::UnknownCommand(command));
        }
        let ecu = EcuId::from_ascii(field(13, 25)?).map_err(RequestError::BadEcuId)?;
        end(25)?;
        match command {
            telemetry::COMMAND => Ok(Self::Telemetry { ecu }),
            signal::COMMAND => Ok(Self::Signal { ecu }),
            history::DAY_COMMAND => {
                let date = bcd::from_ascii::<4>(field(28, 36)?).and_then(|date| bcd::date(&date));
                let date = date.ok_or(RequestError::BadArgument("date"))?;
                end(36)?;
                Ok(Self::DayCurve { ecu, date })
            }
            history::ENERGY_COMMAND => {
                let code = field(28, 30)?.try_into().ok().and_then(Period::from_code);
                let period = code.ok_or(RequestError::BadArgument("period"))?;
                end(30)?;
                Ok(Self::EnergyHistory { ecu, period })
            }
            _ => Ok(Self::Clock { ecu }),
        }
    }
}
