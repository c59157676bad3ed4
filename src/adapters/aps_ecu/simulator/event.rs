//! What a simulator tells of what it does.

use std::fmt;
use std::net::SocketAddr;

use jiff::civil;

use super::super::wire::{EcuId, Request, RequestError};

/// Something a simulator did. Its `Display` is a line for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcuEvent {
    /// Which simulator.
    pub ecu: EcuId,
    /// The simulated local time.
    pub at: civil::DateTime,
    /// What it did.
    pub what: EcuAct,
}

/// What a simulator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EcuAct {
    /// The last byte of an answer was written.
    Answered {
        /// To whom.
        peer: SocketAddr,
        /// The question.
        request: Request,
        /// Bytes written.
        bytes: usize,
        /// Faults that hit the answer.
        faults: Vec<&'static str>,
    },
    /// A question got no answer; the connection stays open.
    Silent {
        /// From whom.
        peer: SocketAddr,
        /// The question.
        request: Request,
        /// Why.
        faults: Vec<&'static str>,
    },
    /// The connection was closed instead of an answer.
    Closed {
        /// From whom.
        peer: SocketAddr,
        /// The question.
        request: Request,
        /// Why.
        faults: Vec<&'static str>,
    },
    /// Something that is no question came in; the connection was closed.
    NotUnderstood {
        /// From whom.
        peer: SocketAddr,
        /// What is wrong with it.
        error: RequestError,
    },
    /// The port was opened or closed.
    Port {
        /// Whether it is open now.
        open: bool,
    },
    /// The port could not be opened again; it is tried once more after a while.
    PortTaken {
        /// What the system said.
        error: String,
    },
}

impl fmt::Display for EcuEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.at.strftime("%Y-%m-%d %H:%M:%S"), self.ecu)?;
        let because = |f: &mut fmt::Formatter<'_>, faults: &[&str]| match faults {
            [] => Ok(()),
            _ => write!(f, " ({})", faults.join(", ")),
        };
        match &self.what {
            EcuAct::Answered {
                peer,
                request,
                bytes,
                faults,
            } => {
                write!(f, "{}: {bytes} bytes to {peer}", title(request))?;
                because(f, faults)
            }
            EcuAct::Silent {
                peer,
                request,
                faults,
            } => {
                write!(f, "{}: no answer to {peer}", title(request))?;
                because(f, faults)
            }
            EcuAct::Closed {
                peer,
                request,
                faults,
            } => {
                write!(f, "{}: closed the connection to {peer}", title(request))?;
                because(f, faults)
            }
            EcuAct::NotUnderstood { peer, error } => {
                write!(f, "{peer} sent something else than a question: {error}")
            }
            EcuAct::Port { open: true } => f.write_str("the port is open"),
            EcuAct::Port { open: false } => f.write_str("the port is closed"),
            EcuAct::PortTaken { error } => {
                write!(
                    f,
                    "the port cannot be opened again, trying once more: {error}"
                )
            }
        }
    }
}

fn title(request: &Request) -> &'static str {
    match request {
        Request::EcuInfo => "0001 gateway",
        Request::Telemetry { .. } => "0002 inverters",
        Request::Signal { .. } => "0030 signal",
        Request::DayCurve { .. } => "0003 power of a day",
        Request::EnergyHistory { .. } => "0004 energy of past days",
        Request::Clock { .. } => "0012 clock",
    }
}
