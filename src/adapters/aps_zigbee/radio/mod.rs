//! What a radio is, whatever its firmware: it brings messages to inverters and back, and says how it is.
//!
//! ```text
//!                     handle(RadioInput)            poll() -> RadioOutput
//!  opened, bytes, time, closed ──>         Radio ──> bytes, a pulse of the reset line, reopen,
//!  send, restart, settle, deaf ─────────>            notices, wait until
//! ```
//!
//! Like a [`Protocol`](crate::device::Protocol) it has no I/O: it is told what happened and when, and asked what is
//! to be done until there is nothing left but to wait. What a message means is nothing to it.

pub mod znp;

use std::fmt;
use std::time::Duration;

use super::wire::ids::{EcuId, ShortAddress};
use crate::clock::Moment;
use crate::model::Sentence;
use crate::say;

pub use super::wire::firmware::StickFirmware;

/// A radio.
pub trait Radio: Send {
    /// Takes what happened.
    fn handle(&mut self, happening: RadioInput<'_>, now: Moment);

    /// What is to be done next; to be asked until it says [`RadioOutput::Wait`], after each call of the others.
    fn poll(&mut self) -> RadioOutput;

    /// Sends a message. One at a time: the next after [`RadioNotice::Done`] of this one.
    fn send(&mut self, message: Outgoing, now: Moment);

    /// Whether a message is on its way, of which it is not known yet what becomes of it.
    fn is_sending(&self) -> bool;

    /// Brings it up anew, ready for a round of pairing: messages to radios that are not in the network are taken
    /// then. It stays so, whatever happens to the radio, until [`settle`](Self::settle). Forgets the routes of
    /// inverters that are relayed.
    fn restart(&mut self, now: Moment);

    /// The round of pairing is over: makes it ready for the inverters that are in the network. They can be asked
    /// when it is [`RadioState::Ready`] again.
    fn settle(&mut self, now: Moment);

    /// Nothing was heard of any inverter for many requests in daylight, though it says that all is well: to be
    /// said after ten of them, and again as long as that is so. It makes something of it every quarter of an hour.
    fn deaf(&mut self, now: Moment);
}

/// The radio of the gateway with this id. Its port is not open yet. The one place that says which radios there are.
pub fn radio(gateway: EcuId) -> Box<dyn Radio> {
    Box::new(znp::ZnpRadio::new(gateway))
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RadioInput<'a> {
    /// The port was opened.
    Opened,
    /// Bytes came, cut anywhere.
    Bytes(&'a [u8]),
    /// Time has passed.
    Time,
    /// The port was closed, or cannot be opened.
    Closed,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RadioOutput {
    /// To be written to the port.
    Send(Vec<u8>),
    /// The reset line is to be pulsed (low for half a second), if there is one.
    Reset,
    /// The port is to be closed and opened again. The radio hears [`RadioInput::Opened`] then.
    Reopen,
    /// Something to be known.
    Noticed(RadioNotice),
    /// Nothing more until something comes or it is this moment of the monotonic clock.
    Wait(Duration),
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// To one inverter of the network. Done when the next radio, or the inverter, has taken it.
    To {
        /// Which.
        address: ShortAddress,
        /// Cluster.
        cluster: u16,
        /// The message, 240 bytes at most.
        data: Vec<u8>,
    },
    /// To all that hear it, in whatever network they are. Done when the radio has taken it.
    Unjoined {
        /// Cluster.
        cluster: u16,
        /// Its number.
        transaction: u8,
        /// The message, 230 bytes at most.
        data: Vec<u8>,
    },
}

/// Something to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RadioNotice {
    /// How it is now.
    State(RadioState),
    /// Which firmware it has, as far as that is known by now.
    Identified(StickFirmware),
    /// A message of an inverter.
    Received(ReceivedMessage),
    /// What became of the message that was sent last.
    Done(Result<(), SendTrouble>),
    /// It has started anew by itself.
    Restarted,
    /// The way to an inverter.
    Route {
        /// Which.
        to: ShortAddress,
        /// Through whom; empty if it is heard directly.
        relays: Vec<ShortAddress>,
    },
    /// Our own message to all came back: somebody has heard it, and said it again.
    Echo {
        /// Who.
        through: ShortAddress,
        /// Cluster of the message.
        cluster: u16,
        /// The message.
        data: Vec<u8>,
    },
    /// Bytes came that mean nothing; a few of them are nothing unusual.
    Noise {
        /// How many.
        bytes: u64,
    },
}

/// A message of an inverter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Whose.
    pub source: ShortAddress,
    /// Cluster.
    pub cluster: u16,
    /// Quality of the radio link of the last hop, 0 to 255.
    pub lqi: u8,
    /// Whose radio was heard: the source, or who relayed it last.
    pub last_hop: ShortAddress,
    /// Through whom, by the last [`RadioNotice::Route`] of this source; empty if none was told.
    pub relays: Vec<ShortAddress>,
    /// How many more hops it might have taken, 0E if heard directly; means nothing in messages of two parts.
    pub radius: u8,
    /// Whether it was for everybody.
    pub was_broadcast: bool,
    /// The message.
    pub data: Vec<u8>,
}

/// How a radio is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RadioState {
    /// The port is not open.
    Away,
    /// It is being brought up.
    Starting(StartStep),
    /// Messages can be sent.
    Ready,
    /// It does not work. It is tried again, for ever; that is not told before it works, or something else is wrong.
    Trouble(RadioTrouble),
}

/// What is being done with a radio that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartStep {
    /// It is asked whether it is there.
    Looking,
    /// Its boot loader may take two and a half minutes.
    BootLoader,
    /// It is asked how it is.
    Checking,
    /// It starts anew.
    Resetting,
    /// It is told which network it has.
    Configuring,
    /// It starts the network.
    Network,
    /// It is told that the inverters can be asked.
    Announcing,
}

/// What a stick says of something that it does not do, in the words of its own protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StickStatus {
    /// Its number there.
    pub code: u8,
    /// What that means; empty if nobody knows.
    pub words: &'static str,
}

impl fmt::Display for StickStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words {
            "" => write!(f, "{:02X}", self.code),
            words => write!(f, "{:02X} ({words})", self.code),
        }
    }
}

/// Why a radio does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RadioTrouble {
    /// Not a single byte came: no power, no wire from it to us, or another port.
    NoByte,
    /// What we send comes back: transmit and receive are bridged, or it is no stick.
    OwnBytes,
    /// Bytes come that mean nothing: wrong speed, bad ground, another device.
    Garbage {
        /// How many.
        bytes: u64,
    },
    /// It has spoken, and does not answer any more.
    Stuck,
    /// It answers, but does not start anew when told to.
    NoReset,
    /// It starts anew again and again: its supply is too weak.
    KeepsRestarting,
    /// Its firmware cannot hear inverters.
    WrongFirmware(StickFirmware),
    /// It does not do what it is told.
    Refused {
        /// What was being done; `None` if a message was to be sent.
        step: Option<StartStep>,
        /// What it says.
        status: StickStatus,
    },
    /// Its network does not come up.
    NotRunning,
    /// It does not keep the address it is given.
    ForeignAddress {
        /// The one that it has, with its last byte first; all zeros if it has none.
        found: [u8; 8],
    },
    /// It answers, and hears no inverter.
    Deaf,
}

/// Why a message was not sent, or not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.says())]
pub enum SendTrouble {
    /// The radio is not ready; it is being brought up.
    NotReady,
    /// It has too much to do just now.
    Busy,
    /// It does not answer.
    NoAnswer,
    /// It does not say what became of the message.
    NoConfirm,
    /// Nobody knows the way to the inverter: dark, out of reach, in another network.
    NoRoute,
    /// The next radio has not acknowledged it: a poor link, or it has just gone.
    NoAck,
    /// It was not taken in time.
    Expired,
    /// Another status.
    Refused(StickStatus),
    /// It has no address of an inverter, or is too long.
    Impossible,
}

impl SendTrouble {
    /// For people.
    pub fn says(self) -> Sentence {
        match self {
            Self::NotReady => say!("the stick is not ready"),
            Self::Busy => say!("the stick is busy"),
            Self::NoAnswer => say!("the stick does not answer"),
            Self::NoConfirm => say!("the stick does not say what became of the message"),
            Self::NoRoute => say!("no route to the inverter"),
            Self::NoAck => say!("the inverter's radio does not acknowledge"),
            Self::Expired => say!("the message was not taken in time"),
            Self::Refused(status) => say!("the stick says {status}", status = status.to_string()),
            Self::Impossible => say!("such a message cannot be sent"),
        }
    }

    /// Whether the inverter is not to blame.
    pub const fn is_of_radio(self) -> bool {
        !matches!(
            self,
            Self::NoRoute | Self::NoAck | Self::Expired | Self::NoConfirm
        )
    }
}
