//! One message on its way.

use std::time::Duration;

use super::super::super::wire::ids::ShortAddress;
use super::super::super::wire::znp::{AfForeign, AfSend, ENDPOINT, RADIUS, ZnpRequest, ZnpStatus};
use super::super::{Outgoing, SendTrouble, StickStatus};

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendStage {
    /// The stick was asked to take it.
    Asked,
    /// The stick did not want it; it was woken, and is asked again then.
    Woken(Duration),
    /// It was taken; what became of it is told until then.
    Confirm(Duration),
}

/// A message that is being sent.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) request: ZnpRequest,
    pub(super) stage: SendStage,
    /// What became of it, told before the stick said that it takes it.
    pub(super) confirmed: Option<ZnpStatus>,
    /// Whether the stick has been woken for it.
    pub(super) was_woken: bool,
}

impl Sending {
    /// # Errors
    /// If it cannot be sent at all.
    pub(super) fn new(message: Outgoing) -> Result<Self, SendTrouble> {
        let request = match message {
            Outgoing::To {
                address,
                cluster,
                data,
            } if address.is_of_inverter() => to(address, cluster, data),
            Outgoing::To { .. } => return Err(SendTrouble::Impossible),
            Outgoing::Unjoined {
                cluster,
                transaction,
                data,
            } => ZnpRequest::SendForeign(AfForeign {
                mode: 0x0f,
                destination: [0xff; 8],
                destination_endpoint: ENDPOINT,
                network: 0xffff,
                source_endpoint: ENDPOINT,
                cluster,
                transaction,
                options: 0,
                radius: RADIUS,
                data,
            }),
        };
        if request.encode().is_none() {
            return Err(SendTrouble::Impossible);
        }
        Ok(Self {
            request,
            stage: SendStage::Asked,
            confirmed: None,
            was_woken: false,
        })
    }

    /// Whether it is for radios outside of the network, so that it does not matter what becomes of it.
    pub(super) const fn is_foreign(&self) -> bool {
        matches!(self.request, ZnpRequest::SendForeign(_))
    }
}

/// A message to a member of the network, or to all.
pub(super) fn to(destination: ShortAddress, cluster: u16, data: Vec<u8>) -> ZnpRequest {
    ZnpRequest::Send(AfSend::of_gateway(destination, cluster, data))
}

/// What a status means for who wanted a message sent.
pub(super) fn outcome(status: ZnpStatus) -> Result<(), SendTrouble> {
    Err(match status {
        ZnpStatus::Success => return Ok(()),
        ZnpStatus::Failure | ZnpStatus::InvalidParameter | ZnpStatus::NotStarted => {
            SendTrouble::NotReady
        }
        ZnpStatus::OutOfMemory | ZnpStatus::BuffersFull => SendTrouble::Busy,
        ZnpStatus::NoRoute => SendTrouble::NoRoute,
        ZnpStatus::NoMacAcknowledgement => SendTrouble::NoAck,
        ZnpStatus::NoAcknowledgement | ZnpStatus::Expired => SendTrouble::Expired,
        ZnpStatus::AlreadyRegistered | ZnpStatus::Other(_) => SendTrouble::Refused(shown(status)),
    })
}

/// A status, as it is told outside.
pub(super) fn shown(status: ZnpStatus) -> StickStatus {
    StickStatus {
        code: status.code(),
        words: status.words(),
    }
}
