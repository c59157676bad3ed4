//! Why there are no values, in words with advice.

use super::radio::{RadioTrouble, SendTrouble, StartStep, StickFirmware};
use super::wire::ids::{InverterSerial, ShortAddress};
use super::wire::payload::AnswerFault;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;

/// Inverters without sun do not answer.
pub fn asleep() -> Health {
    Health::new(HealthCode::Asleep)
}

/// It has no address in our network yet.
pub fn not_paired() -> Health {
    Health::new(HealthCode::NoData)
        .seen(say!("it is not paired with this stick"))
        .advise(
            say!("By day, with the stick a few metres away, press Pair on its page in Home Assistant. If another program has paired \
             it, write that one's ecu_id and addresses into the section."),
        )
}

/// It is paired, and has not answered in this run.
pub fn waiting() -> Health {
    Health::new(HealthCode::Starting)
}

/// It was asked in vain again and again.
pub fn silent() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen(say!("it does not answer, though it is day"))
        .advise(
            say!("An inverter without sun does not answer. If others do, look at its distance to the stick and to them; if it \
             was paired with an ECU since, pair it again."),
        )
}

/// Its answers come and cannot be believed.
pub fn damaged(fault: AnswerFault) -> Health {
    Health::new(HealthCode::Garbled)
        .seen(say!("it answers, but what it says cannot be: {fault}", fault = fault.says()))
        .advise(
            say!("If that happens now and then, bring the stick nearer. If it is always so, record it with wattbridge record and \
             send us the recording."),
        )
}

/// Its radio is there, and it does not answer.
pub fn unanswering() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen(say!("its radio takes the questions, but no answer comes"))
        .advise(
            say!("That is known of older firmware of the stick with the DS3 and its kin, and of some inverters of 2022: flash the \
             newest firmware for APsystems inverters. Others on the same stick go on."),
        )
}

/// Nothing was heard of it, where nobody asks.
pub fn unheard() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen(say!(
            "nothing was heard of it for a quarter of an hour, though it is day"
        ))
        .advise(say!(
            "Check that its ECU asks it, and that the stick is near enough to hear it."
        ))
}

/// It answers in a form that nobody has described.
pub fn unread(model: Option<u8>) -> Health {
    let seen = match model {
        Some(model) => say!(
            "it answers, but nobody knows yet how model {model} does (QT2 and kin)",
            model = format_args!("{model:02x}")
        ),
        None => say!("it answers in a form that nobody knows yet"),
    };
    Health::new(HealthCode::Unsupported).seen(seen).advise(
        say!("Switch on its entity \"Raw record\" and send us what it says, with what the inverter delivers at that moment."),
    )
}

/// It encrypts.
pub fn sealed() -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(say!(
            "it answers, but encrypted, as the newest inverters do"
        ))
        .advise(say!(
            "Nobody has read these by radio yet. Use its ECU with the adapter aps_ecu."
        ))
}

/// It is being paired.
pub fn pairing(round: u32) -> Health {
    Health::new(HealthCode::Retrying).seen(say!("it is being paired, round {round}", round))
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
    pub fn words(&self) -> Sentence {
        match self {
            Self::NoStick => say!("the stick did not get ready for it"),
            Self::NotSent(trouble) => {
                say!(
                    "the stick did not send all that belongs to it: {trouble}",
                    trouble = trouble.says()
                )
            }
            Self::Nobody => say!("the request went out, and nobody answered or passed it on"),
            Self::OnlyEchoes(through) => {
                let named = through.iter().take(NAMED).map(ToString::to_string);
                let mut named = Sentence::verbatim(named.collect::<Vec<_>>().join(", "));
                if let Some(more) = through.len().checked_sub(NAMED).filter(|more| *more > 0) {
                    named = say!("{named}, {more} more", named, more);
                }
                say!(
                    "the request went out and was passed on by {named}, but this inverter did not answer",
                    named
                )
            }
            Self::Other(serial) => say!(
                "another inverter answered, {serial}",
                serial = serial.to_string()
            ),
            Self::Unverified(address) => {
                say!(
                    "it told its address, {address}, but does not answer there yet",
                    address = address.to_string()
                )
            }
            Self::Mistaken(address, serial) => {
                say!(
                    "at its address, {address}, another inverter answers, {serial}",
                    address = address.to_string(),
                    serial = serial.to_string()
                )
            }
        }
    }

    /// And what to do.
    pub const fn advice(&self) -> Sentence {
        match self {
            Self::NoStick => say!("Look at the status of the stick, then try again."),
            Self::NotSent(_) => say!("Try again; if that lasts, unplug the stick for ten seconds."),
            Self::Nobody => {
                say!(
                    "Try around noon with full sun, and bring the stick within a few metres of the inverter: an inverter \
                     that is not paired cannot be reached through others."
                )
            }
            Self::OnlyEchoes(_) => {
                say!(
                    "Check its serial number against the label. Try with more sun and less distance; if that does not \
                     help, switch the inverter off completely (AC and DC) for five minutes and try again."
                )
            }
            Self::Other(_) => {
                say!("Check the serial numbers in the section against the labels.")
            }
            Self::Unverified(_) => {
                say!(
                    "Try again nearer to it, or with more sun. If it is a DS3 or newer and that lasts, the stick may have \
                     an old firmware."
                )
            }
            Self::Mistaken(..) => {
                say!("Pair that other inverter again as well, then this one.")
            }
        }
    }

    /// As the status of an inverter that has no address.
    pub fn health(&self) -> Health {
        Health::new(HealthCode::NoData)
            .seen(say!("not paired: {why}", why = self.words()))
            .advise(self.advice())
    }
}

/// A stick that is being brought up.
pub fn starting(step: StartStep) -> Health {
    let seen = match step {
        StartStep::Looking => say!("looking for the stick"),
        StartStep::BootLoader => {
            say!("the boot loader of the stick may take two and a half minutes")
        }
        StartStep::Checking => say!("asking the stick how it is"),
        StartStep::Resetting => say!("the stick starts anew"),
        StartStep::Configuring => say!("telling the stick its network"),
        StartStep::Network => say!("the stick starts its network"),
        StartStep::Announcing => say!("the stick tells the inverters that it is there"),
    };
    Health::new(HealthCode::Starting).seen(seen)
}

/// Which firmware is the right one, and where it is.
const FIRMWARE: Sentence = say!(
    "The right one is CC2530ZNP-with-SBL.hex of 2022 (for a CC2531: CC2531ZNP-with-SBL.hex) from \
     https://github.com/Koenkk/zigbee2mqtt/issues/4221; docs/devices/aps-zigbee.md has its checksum."
);
/// What may help against anything.
const UNPLUG: Sentence = say!("Unplug it for ten seconds.");
const BY_ITSELF: Sentence =
    say!("It is tried again by itself. If that lasts, unplug it for ten seconds.");

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
        .seen(say!(
            "inverters are not asked: {trouble}",
            trouble = trouble.says()
        ))
        .advise(BY_ITSELF)
}

/// A stick that does not work.
pub fn stick(trouble: &RadioTrouble) -> Health {
    let health =
        |code, seen: Sentence, advice: Sentence| Health::new(code).seen(seen).advise(advice);
    match trouble {
        RadioTrouble::NoByte => health(
            HealthCode::Silent,
            say!("not a single byte comes from the stick"),
            say!(
                "Check that this is its port, that it has power and that its wires are not swapped: TX of one goes to RX \
                 of the other."
            ),
        ),
        RadioTrouble::OwnBytes => health(
            HealthCode::Garbled,
            say!("what is sent to the stick comes straight back"),
            say!(
                "TX and RX are connected with each other, or this is no stick: check the wires and the port."
            ),
        ),
        RadioTrouble::Garbage { bytes } => health(
            HealthCode::Garbled,
            say!("{bytes} bytes came that mean nothing", bytes = *bytes),
            say!(
                "Check that this is the port of the stick, and its ground wire; another program may have the port open, too."
            ),
        ),
        RadioTrouble::Stuck => health(
            HealthCode::Silent,
            say!("the stick does not answer any more"),
            BY_ITSELF,
        ),
        RadioTrouble::NoReset => health(
            HealthCode::Silent,
            say!("the stick answers, but does not start anew when it is told to"),
            UNPLUG.then(FIRMWARE),
        ),
        RadioTrouble::KeepsRestarting => health(
            HealthCode::Degraded,
            say!("the stick starts anew again and again"),
            say!(
                "Its power supply is too weak: plug it in directly, or feed the amplifier's 3.3 V from elsewhere."
            ),
        ),
        RadioTrouble::WrongFirmware(found) => {
            let (seen, advice) = firmware(*found);
            health(HealthCode::Unsupported, seen, advice.then(FIRMWARE))
        }
        RadioTrouble::Refused { status, .. } => health(
            HealthCode::Degraded,
            say!(
                "the stick refuses what it is told ({status})",
                status = status.to_string()
            ),
            BY_ITSELF,
        ),
        RadioTrouble::NotRunning => health(
            HealthCode::Degraded,
            say!("the network of the stick does not come up"),
            BY_ITSELF,
        ),
        RadioTrouble::ForeignAddress { .. } => health(
            HealthCode::Degraded,
            say!("the stick does not keep the network it is told"),
            UNPLUG.then(FIRMWARE),
        ),
        RadioTrouble::Deaf => deaf(false),
    }
}

/// A stick that hears nobody by day, and whether it ever has.
pub fn deaf(has_heard: bool) -> Health {
    let health = Health::new(HealthCode::Degraded).seen(say!(
        "the stick works, but hears no inverter though it is day"
    ));
    if has_heard {
        health.advise(
            say!("Snow or fog can do that, and a stick that was moved. It is started anew by itself now and then. If the sun \
             shines, unplug it for ten seconds."),
        )
    } else {
        let advice = say!("It may have a stock firmware of the same name as the right one.");
        health.advise(advice.then(FIRMWARE))
    }
}

/// What is wrong with a firmware, and what to flash.
const fn firmware(firmware: StickFirmware) -> (Sentence, Sentence) {
    match firmware {
        StickFirmware::StockHome12 => (
            say!("the stick has the stock firmware Z-Stack Home 1.2, which cannot hear inverters"),
            say!("Flash the firmware for APsystems inverters."),
        ),
        StickFirmware::Stock30 => (
            say!("the stick has a stock firmware Z-Stack 3.0, which cannot hear inverters"),
            say!(
                "Flash the firmware for APsystems inverters; the file of the stock firmware has the same name, so compare \
                 its checksum."
            ),
        ),
        StickFirmware::Cc26xx => (
            say!("this is a CC26xx stick with a stock firmware, which cannot hear inverters"),
            say!("Use a CC2530 or CC2531 stick with the firmware for APsystems inverters."),
        ),
        _ => (
            say!("the firmware of the stick cannot hear inverters"),
            say!("Flash the firmware for APsystems inverters."),
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
