//! Why there are no values, in words with advice.

use super::radio::{RadioTrouble, SendTrouble, StartStep, StickFirmware};
use super::wire::ids::{InverterSerial, ShortAddress};
use super::wire::payload::AnswerFault;
use crate::model::{Health, HealthCode};

/// Inverters without sun do not answer.
pub fn asleep() -> Health {
    Health::new(HealthCode::Asleep)
}

/// It has no address in our network yet.
pub fn not_paired() -> Health {
    Health::new(HealthCode::NoData)
        .seen("it is not paired with this stick")
        .advise(
            "By day, with the stick a few metres away, press Pair on its page in Home Assistant. If another program has paired \
             it, write that one's ecu_id and addresses into the section.",
        )
}

/// It is paired, and has not answered in this run.
pub fn waiting() -> Health {
    Health::new(HealthCode::Starting)
}

/// It was asked in vain again and again.
pub fn silent() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen("it does not answer, though it is day")
        .advise(
            "An inverter without sun does not answer. If others do, look at its distance to the stick and to them; if it \
             was paired with an ECU since, pair it again.",
        )
}

/// Its answers come and cannot be believed.
pub fn damaged(fault: AnswerFault) -> Health {
    Health::new(HealthCode::Garbled)
        .seen(format!("it answers, but what it says cannot be: {fault}"))
        .advise(
            "If that happens now and then, bring the stick nearer. If it is always so, record it with wattbridge record and \
             send us the recording.",
        )
}

/// Its radio is there, and it does not answer.
pub fn unanswering() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen("its radio takes the questions, but no answer comes")
        .advise(
            "That is known of older firmware of the stick with the DS3 and its kin, and of some inverters of 2022: flash the \
             newest firmware for APsystems inverters. Others on the same stick go on.",
        )
}

/// Nothing was heard of it, where nobody asks.
pub fn unheard() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen("nothing was heard of it for a quarter of an hour, though it is day")
        .advise("Check that its ECU asks it, and that the stick is near enough to hear it.")
}

/// It answers in a form that nobody has described.
pub fn unread(model: Option<u8>) -> Health {
    let seen = match model {
        Some(model) => {
            format!("it answers, but nobody knows yet how model {model:02x} does (QT2 and kin)")
        }
        None => "it answers in a form that nobody knows yet".to_owned(),
    };
    Health::new(HealthCode::Unsupported).seen(seen).advise(
        "Switch on its entity \"Raw record\" and send us what it says, with what the inverter delivers at that moment.",
    )
}

/// It encrypts.
pub fn sealed() -> Health {
    Health::new(HealthCode::Unsupported)
        .seen("it answers, but encrypted, as the newest inverters do")
        .advise("Nobody has read these by radio yet. Use its ECU with the adapter aps_ecu.")
}

/// It is being paired.
pub fn pairing(round: u32) -> Health {
    Health::new(HealthCode::Retrying).seen(format!("it is being paired, round {round}"))
}

/// Of those that passed a request on, so many are named.
const NAMED: usize = 4;

/// Why pairing came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairingFailure {
    /// The stick did not get ready.
    NoStick,
    /// The stick did not take all requests of any round.
    NotSent(SendTrouble),
    /// Nobody heard us, or nobody said so.
    Nobody,
    /// Others heard us and passed it on; this one did not answer.
    OnlyEchoes(Vec<ShortAddress>),
    /// Another inverter answered.
    Other(InverterSerial),
    /// It told its address and does not answer there.
    Unverified(ShortAddress),
    /// Another one answers at that address.
    Mistaken(ShortAddress, InverterSerial),
}

impl PairingFailure {
    /// What is said of it.
    pub fn words(&self) -> String {
        match self {
            Self::NoStick => "the stick did not get ready for it".to_owned(),
            Self::NotSent(trouble) => {
                format!("the stick did not send all that belongs to it: {trouble}")
            }
            Self::Nobody => "the request went out, and nobody answered or passed it on".to_owned(),
            Self::OnlyEchoes(through) => {
                let named = through.iter().take(NAMED).map(ToString::to_string);
                let mut named: Vec<String> = named.collect();
                if let Some(more) = through.len().checked_sub(NAMED).filter(|more| *more > 0) {
                    named.push(format!("{more} more"));
                }
                format!(
                    "the request went out and was passed on by {}, but this inverter did not answer",
                    named.join(", ")
                )
            }
            Self::Other(serial) => format!("another inverter answered, {serial}"),
            Self::Unverified(address) => {
                format!("it told its address, {address}, but does not answer there yet")
            }
            Self::Mistaken(address, serial) => {
                format!("at its address, {address}, another inverter answers, {serial}")
            }
        }
    }

    /// And what to do.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoStick => "Look at the status of the stick, then try again.",
            Self::NotSent(_) => "Try again; if that lasts, unplug the stick for ten seconds.",
            Self::Nobody => {
                "Try around noon with full sun, and bring the stick within a few metres of the inverter: an inverter that \
                 is not paired cannot be reached through others."
            }
            Self::OnlyEchoes(_) => {
                "Check its serial number against the label. Try with more sun and less distance; if that does not help, \
                 switch the inverter off completely (AC and DC) for five minutes and try again."
            }
            Self::Other(_) => "Check the serial numbers in the section against the labels.",
            Self::Unverified(_) => {
                "Try again nearer to it, or with more sun. If it is a DS3 or newer and that lasts, the stick may have an old \
                 firmware."
            }
            Self::Mistaken(..) => "Pair that other inverter again as well, then this one.",
        }
    }

    /// As the status of an inverter that has no address.
    pub fn health(&self) -> Health {
        Health::new(HealthCode::NoData)
            .seen(format!("not paired: {}", self.words()))
            .advise(self.advice())
    }
}

/// A stick that is being brought up.
pub fn starting(step: StartStep) -> Health {
    let seen = match step {
        StartStep::Looking => "looking for the stick",
        StartStep::BootLoader => "the boot loader of the stick may take two and a half minutes",
        StartStep::Checking => "asking the stick how it is",
        StartStep::Resetting => "the stick starts anew",
        StartStep::Configuring => "telling the stick its network",
        StartStep::Network => "the stick starts its network",
        StartStep::Announcing => "the stick tells the inverters that it is there",
    };
    Health::new(HealthCode::Starting).seen(seen)
}

/// Which firmware is the right one, and where it is.
const FIRMWARE: &str = "The right one is CC2530ZNP-with-SBL.hex of 2022 (for a CC2531: CC2531ZNP-with-SBL.hex) from \
                        https://github.com/Koenkk/zigbee2mqtt/issues/4221; docs/devices/aps-zigbee.md has its checksum.";

/// An inverter behind a stick that does not work: nothing is known of it.
pub fn behind(stick: Health) -> Health {
    let code = if stick.code.has_data() {
        HealthCode::OutOfContact
    } else {
        stick.code
    };
    Health { code, ..stick }
}

/// A stick that refuses messages again and again, though all else is well.
pub fn refusing(trouble: SendTrouble) -> Health {
    Health::new(HealthCode::Degraded)
        .seen(format!("inverters are not asked: {trouble}"))
        .advise("It is tried again by itself. If that lasts, unplug it for ten seconds.")
}

/// A stick that does not work.
pub fn stick(trouble: &RadioTrouble) -> Health {
    let health = |code, seen: String, advice: String| Health::new(code).seen(seen).advise(advice);
    match trouble {
        RadioTrouble::NoByte => health(
            HealthCode::Silent,
            "not a single byte comes from the stick".to_owned(),
            "Check that this is its port, that it has power and that its wires are not swapped: TX of one goes to RX of \
             the other."
                .to_owned(),
        ),
        RadioTrouble::OwnBytes => health(
            HealthCode::Garbled,
            "what is sent to the stick comes straight back".to_owned(),
            "TX and RX are connected with each other, or this is no stick: check the wires and the port.".to_owned(),
        ),
        RadioTrouble::Garbage { bytes } => health(
            HealthCode::Garbled,
            format!("{bytes} bytes came that mean nothing"),
            "Check that this is the port of the stick, and its ground wire; another program may have the port open, too."
                .to_owned(),
        ),
        RadioTrouble::Stuck => health(
            HealthCode::Silent,
            "the stick does not answer any more".to_owned(),
            "It is tried again by itself. If that lasts, unplug it for ten seconds.".to_owned(),
        ),
        RadioTrouble::NoReset => health(
            HealthCode::Silent,
            "the stick answers, but does not start anew when it is told to".to_owned(),
            format!("Unplug it for ten seconds. {FIRMWARE}"),
        ),
        RadioTrouble::KeepsRestarting => health(
            HealthCode::Degraded,
            "the stick starts anew again and again".to_owned(),
            "Its power supply is too weak: plug it in directly, or feed the amplifier's 3.3 V from elsewhere.".to_owned(),
        ),
        RadioTrouble::WrongFirmware(found) => {
            let (seen, advice) = firmware(*found);
            health(HealthCode::Unsupported, seen.to_owned(), format!("{advice} {FIRMWARE}"))
        }
        RadioTrouble::Refused { status, .. } => health(
            HealthCode::Degraded,
            format!("the stick refuses what it is told ({status})"),
            "It is tried again by itself. If that lasts, unplug it for ten seconds.".to_owned(),
        ),
        RadioTrouble::NotRunning => health(
            HealthCode::Degraded,
            "the network of the stick does not come up".to_owned(),
            "It is tried again by itself. If that lasts, unplug it for ten seconds.".to_owned(),
        ),
        RadioTrouble::ForeignAddress { .. } => health(
            HealthCode::Degraded,
            "the stick does not keep the network it is told".to_owned(),
            format!("Unplug it for ten seconds. {FIRMWARE}"),
        ),
        RadioTrouble::Deaf => deaf(false),
    }
}

/// A stick that hears nobody by day, and whether it ever has.
pub fn deaf(has_heard: bool) -> Health {
    let health = Health::new(HealthCode::Degraded)
        .seen("the stick works, but hears no inverter though it is day");
    if has_heard {
        health.advise(
            "Snow or fog can do that, and a stick that was moved. It is started anew by itself now and then. If the sun \
             shines, unplug it for ten seconds.",
        )
    } else {
        health.advise(format!(
            "It may have a stock firmware of the same name as the right one. {FIRMWARE}"
        ))
    }
}

/// What is wrong with a firmware, and what to flash.
const fn firmware(firmware: StickFirmware) -> (&'static str, &'static str) {
    match firmware {
        StickFirmware::StockHome12 => (
            "the stick has the stock firmware Z-Stack Home 1.2, which cannot hear inverters",
            "Flash the firmware for APsystems inverters.",
        ),
        StickFirmware::Stock30 => (
            "the stick has a stock firmware Z-Stack 3.0, which cannot hear inverters",
            "Flash the firmware for APsystems inverters; the file of the stock firmware has the same name, so compare its \
             checksum.",
        ),
        StickFirmware::Cc26xx => (
            "this is a CC26xx stick with a stock firmware, which cannot hear inverters",
            "Use a CC2530 or CC2531 stick with the firmware for APsystems inverters.",
        ),
        _ => (
            "the firmware of the stick cannot hear inverters",
            "Flash the firmware for APsystems inverters.",
        ),
    }
}

/// A firmware, for people.
pub const fn firmware_name(firmware: StickFirmware) -> &'static str {
    match firmware {
        StickFirmware::Modified => "for APsystems inverters",
        StickFirmware::StockHome12 => "stock, Z-Stack Home 1.2",
        StickFirmware::Stock30 => "stock, Z-Stack 3.0",
        StickFirmware::Cc26xx => "stock, CC26xx",
        StickFirmware::Unknown => "unknown",
    }
}
