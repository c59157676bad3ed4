//! What is waited for after something was sent, and what there is to say if it does not come.

use std::time::Duration;

use super::super::super::wire::firmware::StickFirmware;
use super::super::super::wire::ids::{EcuId, ShortAddress};
use super::super::super::wire::znp::{
    CoordinatorState, DeviceInfo, ZnpFrame, ZnpIdentity, ZnpKind, ZnpMessage, ZnpRequest, ZnpStatus,
};

/// How long the stick may take to answer.
const STICK: Duration = Duration::from_millis(1500);
/// How long it may take to start anew.
const RESET: Duration = Duration::from_secs(5);
/// How long an inverter may take to answer, through others too.
const INVERTER: Duration = Duration::from_secs(6);
/// After it was said that the message did not arrive: some answer all the same.
const LATE: Duration = Duration::from_millis(1500);

/// What is waited for.
#[derive(Debug)]
pub struct AwaitedAnswer {
    request: ZnpRequest,
    /// Whose answer follows that of the stick.
    inverter: Option<ShortAddress>,
    until: Duration,
    /// Bytes that have come since.
    pub bytes: u64,
    /// Bytes of them that mean nothing.
    pub noise: u64,
    /// Whether what was sent has come back as it was.
    is_own: bool,
    /// Whether the stick has answered.
    is_taken: bool,
    /// Whether it was asked anew, since it started meanwhile.
    is_again: bool,
    /// Why it did not arrive.
    lost: Option<ZnpStatus>,
}

/// Whether it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwaitedEnd {
    /// There is more to come.
    Open,
    /// The stick has started meanwhile, and has not heard it: this is to be asked anew.
    Again(ZnpRequest),
    /// It has come; and what there is to say of it.
    Done(Option<String>),
}

impl AwaitedAnswer {
    /// What follows a request; nothing if nothing does.
    pub fn of(request: &ZnpRequest, now: Duration) -> Option<Self> {
        let inverter = match request {
            ZnpRequest::Send(message) if message.destination.is_of_inverter() => {
                Some(message.destination)
            }
            _ => None,
        };
        let is_reset = matches!(request, ZnpRequest::Reset(_));
        if request.answer().is_none() && !is_reset {
            return None;
        }
        Some(Self {
            request: request.clone(),
            inverter,
            until: now + if is_reset { RESET } else { STICK },
            bytes: 0,
            noise: 0,
            is_own: false,
            is_taken: false,
            is_again: false,
            lost: None,
        })
    }

    /// The same, asked anew; that is done once.
    #[must_use]
    pub const fn again(mut self) -> Self {
        self.is_again = true;
        self
    }

    /// Until when.
    pub const fn until(&self) -> Duration {
        self.until
    }

    /// A frame came.
    pub fn frame(
        &mut self,
        frame: ZnpFrame<'_>,
        gateway: Option<EcuId>,
        identity: ZnpIdentity,
        now: Duration,
    ) -> AwaitedEnd {
        let is_host = frame.kind() == ZnpKind::Question || frame.command == 0x4100;
        if is_host {
            self.is_own |= ZnpRequest::decode(frame) == self.request;
            return AwaitedEnd::Open;
        }
        let message = ZnpMessage::decode(frame);
        match &message {
            ZnpMessage::Refused { .. } if !self.is_taken => AwaitedEnd::Done(Some(
                "The firmware of the stick does not know this command.".to_owned(),
            )),
            ZnpMessage::Reset(_) if matches!(self.request, ZnpRequest::Reset(_)) => {
                AwaitedEnd::Done(None)
            }
            ZnpMessage::Reset(_) if !self.is_taken && !self.is_again => {
                AwaitedEnd::Again(self.request.clone())
            }
            ZnpMessage::Sending(status) | ZnpMessage::SendingForeign(status)
                if self.request.answer() == Some(frame.command) =>
            {
                if *status != ZnpStatus::Success {
                    return AwaitedEnd::Done(Some(refused(*status)));
                }
                self.is_taken = true;
                if self.inverter.is_none() {
                    return AwaitedEnd::Done(None);
                }
                self.until = now + INVERTER;
                AwaitedEnd::Open
            }
            ZnpMessage::Confirm { status, .. } if self.inverter.is_some() => {
                if *status != ZnpStatus::Success {
                    self.lost = Some(*status);
                    self.until = self.until.min(now + LATE);
                }
                AwaitedEnd::Open
            }
            ZnpMessage::Incoming(incoming) if self.inverter == Some(incoming.source) => {
                AwaitedEnd::Done(None)
            }
            _ if self.request.answer() == Some(frame.command) => {
                AwaitedEnd::Done(self.verdict(&message, gateway, identity))
            }
            _ => AwaitedEnd::Open,
        }
    }

    /// What an answer of the stick means.
    fn verdict(
        &self,
        message: &ZnpMessage,
        gateway: Option<EcuId>,
        identity: ZnpIdentity,
    ) -> Option<String> {
        match (message, &self.request) {
            (ZnpMessage::Loopback(data), ZnpRequest::Loopback(sent)) => Some(if data == sent {
                "The wires are right: the stick sends back what it gets.".to_owned()
            } else {
                "The stick sends back something else: garbage on the line; check the ground wire."
                    .to_owned()
            }),
            (ZnpMessage::Pong(_) | ZnpMessage::Version(_), _) => Some(firmware(identity)),
            (ZnpMessage::DeviceInfo(info), _) => Some(health(info, gateway)),
            _ => None,
        }
    }

    /// It has not come in time.
    pub fn missing(&self) -> String {
        if let (Some(address), Some(status)) = (self.inverter, self.lost) {
            return format!(
                "It did not arrive at {address}: {status}. The inverter is dark, too far, or in another network."
            );
        }
        if let (Some(address), true) = (self.inverter, self.is_taken) {
            return format!(
                "{address} does not answer. It may be dark or asleep; or the address, or the id of the network, is wrong."
            );
        }
        if self.is_own {
            return "Own bytes back: what is sent comes straight back. TX and RX are connected with each other, or this is no \
                    stick; check the wires and the port."
                .to_owned();
        }
        match (self.bytes, self.noise) {
            (0, _) => "No byte came. Check that this is its port, that it has power, and that TX of one goes to RX of the \
                       other."
                .to_owned(),
            (bytes, noise) if noise > 0 => format!(
                "Garbage: {noise} of the {bytes} bytes that came mean nothing. Check that this is the port of the stick, and \
                 its ground wire."
            ),
            _ => "No answer, though the stick says other things. Try again; if that lasts, unplug it for ten seconds."
                .to_owned(),
        }
    }
}

/// Why a message was not taken.
fn refused(status: ZnpStatus) -> String {
    match status {
        ZnpStatus::Failure | ZnpStatus::InvalidParameter | ZnpStatus::NotStarted => format!(
            "The stick does not take it, {status}: its network is not up. Type start, then try again."
        ),
        status => format!("The stick does not take it: {status}. Try again in a moment."),
    }
}

fn firmware(identity: ZnpIdentity) -> String {
    match identity.firmware() {
        StickFirmware::Modified => {
            "By that, it has the firmware for APsystems inverters; stock 3.0.x may look the same.".to_owned()
        }
        StickFirmware::StockHome12 => {
            "That is the stock firmware Z-Stack Home 1.2, which cannot hear inverters.".to_owned()
        }
        StickFirmware::Stock30 => {
            "That is a stock firmware Z-Stack 3.0, which cannot hear inverters.".to_owned()
        }
        StickFirmware::Cc26xx => {
            "That is a CC26xx stick with stock firmware, which cannot hear inverters.".to_owned()
        }
        StickFirmware::Unknown => {
            "That alone does not say whether the firmware is the one for APsystems inverters; ping and version together \
             do."
                .to_owned()
        }
    }
}

/// The id of the gateway that a stick is.
pub fn gateway_of(info: &DeviceInfo) -> Option<EcuId> {
    let [0xff, 0xff, rest @ ..] = info.ieee else {
        return None;
    };
    let digits: String = rest
        .iter()
        .rev()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    digits.parse().ok()
}

/// How a coordinator is.
fn health(info: &DeviceInfo, wanted: Option<EcuId>) -> String {
    let found = gateway_of(info);
    let is_up = info.status == ZnpStatus::Success
        && info.address == ShortAddress::GATEWAY
        && info.state == CoordinatorState::Running;
    match (is_up, found) {
        (_, None) => "It has no network of an ECU id. Type start.".to_owned(),
        (_, Some(found)) if wanted.is_some_and(|wanted| wanted != found) => {
            format!("It has another network, that of {found}. Type start to give it yours.")
        }
        (true, Some(found)) => format!("It is well: the coordinator of {found} runs."),
        (false, Some(found)) => {
            format!(
                "It has the network of {found}, which is not up ({}). Type start.",
                info.state
            )
        }
    }
}
