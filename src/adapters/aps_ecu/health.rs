//! How an ECU and its inverters are, in words, with what to do.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::exchange::AskError;
use super::wire::{DecodeError, EcuId, Record, Status};
use crate::links::LinkError;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;

const REPORT: Sentence = say!("Make a recording with `wattbridge record` and report it.");
const SWITCH_OFF: Sentence = say!("Switch the ECU off and on.");
const IF_IT_LASTS: Sentence = say!("If it lasts, switch the ECU off and on.");
const IF_REPLACED: Sentence = say!("If it was replaced, it disappears here by itself.");

/// What it means that a question had no good answer.
pub fn unanswered(error: &AskError) -> Health {
    let (code, advice) = match error {
        AskError::Link(LinkError::Refused(_)) => (
            HealthCode::Unreachable,
            say!(
                "The ECU restarts (wait 10 minutes), or an ECU-R is wired: use its Wi-Fi address. If it lasts, press its \
                 AP button, or switch the ECU off and on."
            ),
        ),
        AskError::Link(LinkError::UnknownName(_) | LinkError::NothingAnswers(_)) => (
            HealthCode::Unreachable,
            say!("Write the ECU's address instead; `wattbridge scan ecu` finds it."),
        ),
        AskError::Link(_) => (
            HealthCode::Unreachable,
            say!("Check that the ECU has power and this address; `wattbridge scan ecu` finds it."),
        ),
        AskError::Silent(_) | AskError::Cut { .. } => (
            HealthCode::Silent,
            say!(
                "Close other programs and apps that talk to the ECU. If it is only slow, write timeout = \"15s\". If it \
                 lasts, switch the ECU off and on."
            ),
        ),
        AskError::Frame(..) | AskError::Endless(_) | AskError::OtherQuestion { .. } => (
            HealthCode::Garbled,
            say!(
                "Check that this is the address of an ECU. If it lasts, make a recording with `wattbridge record` and \
                 report it."
            ),
        ),
        AskError::Decode(_, DecodeError::UnsupportedModel { .. }) => {
            (HealthCode::Unsupported, REPORT)
        }
        AskError::Decode(..) => (HealthCode::Garbled, REPORT),
        AskError::Status(_, Status::NoData) => (
            HealthCode::NoData,
            say!("The ECU has just started; values come with its next round, within 10 minutes."),
        ),
        AskError::Status(..) => (HealthCode::Refused, IF_IT_LASTS),
    };
    Health::new(code).seen(error.says()).advise(advice)
}

/// Something else was answered than what was asked.
pub fn garbled() -> Health {
    Health::new(HealthCode::Garbled)
}

/// Once is no outage.
pub fn retrying(seen: Sentence) -> Health {
    Health::new(HealthCode::Retrying).seen(seen)
}

/// It is left alone in the night.
pub fn maintains_itself() -> Health {
    Health::new(HealthCode::Paused).seen(say!(
        "the ECU maintains itself at this time and is left alone"
    ))
}

/// Another ECU was met, which may be a mistake of the network.
pub fn another_answers(ecu: EcuId) -> Health {
    retrying(say!("ECU {ecu} answers instead", ecu = ecu.to_string()))
}

/// It is not at its address any more.
pub fn exchanged() -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(say!("another ECU answers at its address"))
        .advise(IF_REPLACED)
}

/// Its values stand still while inverters work.
pub fn repeats_itself(since: DateTime) -> Health {
    let since = since.strftime("%H:%M").to_string();
    Health::new(HealthCode::Stale)
        .seen(say!("the ECU repeats its values of {since}", since))
        .advise(SWITCH_OFF)
}

/// It works, and its inverters are not told.
pub fn without_inverters(why: Sentence) -> Health {
    Health::ONLINE.seen(say!("without inverters ({why})", why))
}

/// Nobody has told it of an inverter.
pub fn nothing_registered() -> Health {
    Health::ONLINE.seen(say!("no inverter is registered"))
}

/// A part of its list cannot be read.
pub fn partly_read(read: usize, declared: usize) -> Health {
    Health::new(HealthCode::Degraded)
        .seen(say!(
            "only {read} of the {declared} inverters that it tells of can be read",
            read,
            declared
        ))
        .advise(REPORT)
}

/// No inverter has been heard once or twice.
pub fn all_missed() -> Health {
    retrying(say!("no inverter answered the ECU just now"))
}

/// No inverter works, as at night.
pub fn all_asleep() -> Health {
    Health::new(HealthCode::Asleep).seen(say!("no inverter works, as at night"))
}

/// No inverter has been heard for several cycles of the day.
pub fn all_lost() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen(say!(
            "no inverter has answered the ECU for several rounds although it is day"
        ))
        .advise(say!(
            "Check the breaker of the inverters; snow on the panels does this too."
        ))
}

/// The ECU itself when all its inverters are lost.
pub fn blind() -> Health {
    Health {
        code: HealthCode::Degraded,
        ..all_lost()
    }
}

/// The ECU's list is empty.
pub fn nothing_listed() -> Health {
    Health::new(HealthCode::NoData)
        .seen(say!("the ECU lists no inverter at all"))
        .advise(IF_IT_LASTS)
}

/// The inverter may be in the part of the list that cannot be read.
pub fn perhaps_unread() -> Health {
    Health::new(HealthCode::NoData).seen(say!("not all that the ECU tells can be read"))
}

/// The list was without the inverter once or twice.
pub fn missing() -> Health {
    retrying(say!("the ECU did not list it just now"))
}

/// The list is without the inverter.
pub fn unlisted() -> Health {
    Health::new(HealthCode::OutOfContact)
        .seen(say!("the ECU no longer lists this inverter"))
        .advise(IF_REPLACED)
}

/// The radio failed once, or a few times.
pub fn unheard() -> Health {
    retrying(say!("the ECU did not hear it just now"))
}

/// The inverter sleeps.
pub fn asleep() -> Health {
    Health::new(HealthCode::Asleep)
}

/// It is not heard while others are. Since when is told, and not for how long: a text that changes with
/// every round fills the history.
pub fn out_of_contact(has_been_heard: bool, heard: Option<Timestamp>, zone: &TimeZone) -> Health {
    let seen = match heard {
        _ if !has_been_heard => say!("not heard since the ECU started"),
        Some(heard) => {
            let heard = heard.to_zoned(zone.clone());
            let heard = heard.strftime("%Y-%m-%d %H:%M").to_string();
            say!("not heard since {heard}", heard)
        }
        None => say!("not heard while others work"),
    };
    Health::new(HealthCode::OutOfContact).seen(seen).advise(
        say!("Check its breaker and its distance to the ECU. If there is no such inverter, write its serial \
         number into ignore."),
    )
}

/// An inverter that has answered the ECU.
pub fn heard(record: &Record) -> Health {
    if record.body.is_none() {
        return Health::new(HealthCode::Degraded)
            .seen(say!(
                "nobody has described its data (type {kind}, {bytes} bytes)",
                kind = record.kind.to_string(),
                bytes = record.raw.len()
            ))
            .advise(REPORT);
    }
    if record.frequency_dhz().is_none() && record.voltage_v(0).is_none() {
        return retrying(say!("the ECU listed it without values"));
    }
    Health::ONLINE
}
