//! What can go wrong with a gateway, and how people ask for it: `NAME[=VALUE][@WHEN]`.
//!
//! The times are those of [`Schedule`].
//!
//! All of this has been seen on real gateways, apart from the garbage.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::super::wire::{Product, Status};
use super::plant::{PlantError, product_named};
use crate::adapters::simulation::Schedule;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The port is closed, after single connections for this long.
    Refuse(Duration),
    /// Takes connections and requests, and never answers.
    Hang,
    /// Closes the connection instead of answering.
    Empty,
    /// So many clients at a time; the port is closed while they are connected.
    Slots(usize),
    /// So many clients at a time; others are taken and never answered.
    Busy(usize),
    /// Waits before it answers.
    Slow(Duration),
    /// Sends the answer in pieces of so many bytes, with pauses.
    Split(usize, Duration),
    /// Sends so many bytes of the answer, or half of it, and closes the connection.
    Truncate(Option<usize>),
    /// So many bytes of something else before the answer.
    GarbageBefore(usize),
    /// So many bytes of something else after the answer.
    GarbageAfter(usize),
    /// A status instead of the answer.
    Status(Status),
    /// The lifetime energy is 0.
    LifetimeZero,
    /// The lifetime energy is so many Wh too high.
    LifetimeJump(u64),
    /// The energy of today is 0.
    TodayZero,
    /// The energy of today is 0 for as long as this lasts.
    TodayStuck,
    /// Answers repeat; their timestamp stands still.
    Stale,
    /// The list of inverters is empty.
    EmptyList,
    /// The record of one inverter has an unknown type.
    UnknownType(usize),
    /// The gateway's own id is registered as an inverter.
    EcuAsInverter,
    /// The energy of past days is empty.
    NoHistory,
    /// All inverters are off, as at night.
    Sleep,
    /// One inverter is not heard.
    Missing(usize),
    /// One inverter is not registered any more.
    LostInverter(usize),
    /// An inverter is registered in addition.
    NewInverter(&'static Product),
    /// The port is closed; when it opens again, no inverter has been heard yet.
    Reboot,
}

/// A kind of fault as the command line knows it.
struct Kind {
    name: &'static str,
    /// How the value is written, and what it is without one.
    value: &'static str,
    what: &'static str,
    /// It changes what goes on and not single answers, so it cannot come with every tenth.
    lasts: bool,
    read: fn(Option<&str>) -> Result<Fault, Refusal>,
}

/// Why the value of a fault is not one.
enum Refusal {
    NotNeeded,
    Wrong,
    Product(PlantError),
}

const fn kind(
    name: &'static str,
    value: &'static str,
    lasts: bool,
    read: fn(Option<&str>) -> Result<Fault, Refusal>,
    what: &'static str,
) -> Kind {
    Kind {
        name,
        value,
        what,
        lasts,
        read,
    }
}

const DS3: &str = "DS3";

#[rustfmt::skip]
static KINDS: &[Kind] = &[
    kind("refuse", "10s", false, |v| length(v, 10).map(Fault::Refuse), "the port is closed"),
    kind("hang", "", false, |v| plain(v, Fault::Hang), "connections are taken, nothing is ever answered"),
    kind("empty", "", false, |v| plain(v, Fault::Empty), "connections are closed without an answer"),
    kind("slots", "1", true, |v| number(v, 1).map(Fault::Slots), "with so many clients the port is closed to others"),
    kind("busy", "1", true, |v| number(v, 1).map(Fault::Busy), "with so many clients others get no answer"),
    kind("slow", "3s", false, |v| length(v, 3).map(Fault::Slow), "answers come late"),
    kind("split", "7 or 7/20ms", false, split, "answers come in pieces of so many bytes, with pauses"),
    kind("truncate", "BYTES", false, truncate, "answers are cut after so many bytes, or in the middle"),
    kind("garbage-before", "7", false, |v| number(v, 7).map(Fault::GarbageBefore), "so many bytes of something else before answers"),
    kind("garbage-after", "7", false, |v| number(v, 7).map(Fault::GarbageAfter), "so many bytes of something else after answers"),
    kind("status-01", "", false, |v| plain(v, Fault::Status(Status::WrongEcuId)), "answers say that the ECU id is wrong"),
    kind("status-02", "", false, |v| plain(v, Fault::Status(Status::NoData)), "answers say that there is no data yet"),
    kind("lifetime-zero", "", false, |v| plain(v, Fault::LifetimeZero), "the lifetime energy is 0"),
    kind("lifetime-jump", "1000", false, |v| number(v, 1000).map(|kwh| Fault::LifetimeJump(kwh as u64 * 1000)), "the lifetime energy is so many kWh too high"),
    kind("today-zero", "", false, |v| plain(v, Fault::TodayZero), "the energy of today is 0"),
    kind("today-stuck", "", true, |v| plain(v, Fault::TodayStuck), "the energy of today stays 0"),
    kind("stale", "", true, |v| plain(v, Fault::Stale), "answers repeat, the time of the last cycle stands still"),
    kind("empty-list", "", false, |v| plain(v, Fault::EmptyList), "the list of inverters is empty"),
    kind("unknown-type", "1", false, |v| number(v, 1).map(Fault::UnknownType), "the record of this inverter has an unknown type"),
    kind("ecu-as-inverter", "", false, |v| plain(v, Fault::EcuAsInverter), "the ECU's own id is among the inverters"),
    kind("no-history", "", false, |v| plain(v, Fault::NoHistory), "the energy of past days is empty"),
    kind("sleep", "", true, |v| plain(v, Fault::Sleep), "night falls at once"),
    kind("missing", "1", true, |v| number(v, 1).map(Fault::Missing), "this inverter is not heard"),
    kind("lost-inverter", "1", true, |v| number(v, 1).map(Fault::LostInverter), "this inverter disappears from the list"),
    kind("new-inverter", DS3, true, new_inverter, "an inverter joins the list"),
    kind("reboot", "", true, |v| plain(v, Fault::Reboot), "the port is closed; then no inverter has been heard"),
];

fn plain(value: Option<&str>, fault: Fault) -> Result<Fault, Refusal> {
    match value {
        None => Ok(fault),
        Some(_) => Err(Refusal::NotNeeded),
    }
}

fn number(value: Option<&str>, usual: usize) -> Result<usize, Refusal> {
    let Some(value) = value else {
        return Ok(usual);
    };
    let number: u32 = value.parse().map_err(|_| Refusal::Wrong)?;
    match number {
        1..1_000_000 => Ok(number as usize),
        _ => Err(Refusal::Wrong),
    }
}

fn length(value: Option<&str>, usual: u64) -> Result<Duration, Refusal> {
    let length = value.map(humantime::parse_duration).transpose();
    let length = length.map_err(|_| Refusal::Wrong)?;
    Ok(length.unwrap_or(Duration::from_secs(usual)))
}

fn split(value: Option<&str>) -> Result<Fault, Refusal> {
    let (bytes, pause) = match value.and_then(|value| value.split_once('/')) {
        Some((bytes, pause)) => (Some(bytes), length(Some(pause), 0)?),
        None => (value, Duration::ZERO),
    };
    Ok(Fault::Split(number(bytes, 7)?, pause))
}

fn truncate(value: Option<&str>) -> Result<Fault, Refusal> {
    let bytes = value.map(|value| number(Some(value), 0)).transpose()?;
    Ok(Fault::Truncate(bytes))
}

fn new_inverter(value: Option<&str>) -> Result<Fault, Refusal> {
    let product = product_named(value.unwrap_or(DS3)).map_err(Refusal::Product)?;
    Ok(Fault::NewInverter(product))
}

/// A fault and when it happens, such as `hang@30s..60s`.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    name: &'static str,
    /// What goes wrong.
    pub fault: Fault,
    /// When it does.
    pub when: Schedule,
}

impl FaultRule {
    /// What the command line calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No fault of that name.
    #[error("there is no fault \"{name}\"; known are {}", fault_names().join(", "))]
    Unknown {
        /// What was written.
        name: String,
    },
    /// The value is not what this fault takes.
    #[error("{name} does not take \"{value}\"; write it like {name}={example}")]
    Value {
        /// The fault.
        name: &'static str,
        /// What was written.
        value: String,
        /// How it is written.
        example: &'static str,
    },
    /// It takes no value.
    #[error("{name} takes no value; leave out \"={value}\"")]
    NoValue {
        /// The fault.
        name: &'static str,
        /// What was written.
        value: String,
    },
    /// The inverter to add does not exist.
    #[error(transparent)]
    Product(#[from] PlantError),
    /// The part after `@` is none of those known.
    #[error("\"{when}\" is no time for a fault; write @5%, @every=10, @first=3 or @30s..60s")]
    When {
        /// What was written.
        when: String,
    },
    /// A state of things that cannot hit single answers.
    #[error("{name} lasts, so \"{when}\" does not fit it; write a time such as {name}@30s..60s")]
    Lasts {
        /// The fault.
        name: &'static str,
        /// What was written.
        when: String,
    },
}

fn fault_names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// One line for each fault, for a help text.
#[must_use]
pub fn fault_list() -> String {
    let line = |kind: &Kind| {
        let equals = if kind.value.is_empty() { "" } else { "=" };
        let example = format!("{}{equals}{}", kind.name, kind.value);
        format!("  {example:<22} {}\n", kind.what)
    };
    KINDS.iter().map(line).collect()
}

impl FromStr for FaultRule {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (what, when) = match text.trim().split_once('@') {
            Some((what, when)) => (what, Some(when)),
            None => (text.trim(), None),
        };
        let (name, value) = match what.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (what, None),
        };
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| FaultError::Unknown {
            name: name.to_owned(),
        })?;
        let written = || value.unwrap_or_default().to_owned();
        let fault = (kind.read)(value).map_err(|refusal| match refusal {
            Refusal::NotNeeded => FaultError::NoValue {
                name: kind.name,
                value: written(),
            },
            Refusal::Wrong => FaultError::Value {
                name: kind.name,
                value: written(),
                example: kind.value,
            },
            Refusal::Product(error) => error.into(),
        })?;
        let when = match when {
            None => Schedule::Always,
            Some(when) => {
                let schedule = Schedule::parse(when).ok_or_else(|| FaultError::When {
                    when: when.to_owned(),
                })?;
                if kind.lasts && !schedule.lasts() {
                    return Err(FaultError::Lasts {
                        name: kind.name,
                        when: when.to_owned(),
                    });
                }
                schedule
            }
        };
        Ok(Self {
            name: kind.name,
            fault,
            when,
        })
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> (Fault, Schedule) {
        let rule: FaultRule = text.parse().unwrap();
        (rule.fault, rule.when)
    }

    fn error(text: &str) -> String {
        text.parse::<FaultRule>().unwrap_err().to_string()
    }

    #[test]
    fn reads_what_people_write() {
        let second = Duration::from_secs(1);
        assert_eq!(rule("hang"), (Fault::Hang, Schedule::Always));
        assert_eq!(
            rule("lifetime-zero@5%"),
            (Fault::LifetimeZero, Schedule::Chance(0.05))
        );
        assert_eq!(
            rule("refuse=2s@every=10"),
            (Fault::Refuse(2 * second), Schedule::Every(10))
        );
        assert_eq!(
            rule("hang@30s..1m"),
            (
                Fault::Hang,
                Schedule::Window(30 * second, Some(60 * second))
            )
        );
        assert_eq!(
            rule("sleep@..5s").1,
            Schedule::Window(Duration::ZERO, Some(5 * second))
        );
        assert_eq!(rule("sleep@5s..").1, Schedule::Window(5 * second, None));
        assert_eq!(
            rule("split=1/20ms").0,
            Fault::Split(1, Duration::from_millis(20))
        );
        assert_eq!(rule("truncate=20@first=3").0, Fault::Truncate(Some(20)));
        assert_eq!(
            rule("new-inverter=qs1").0,
            Fault::NewInverter(product_named("QS1").unwrap())
        );
    }

    #[test]
    fn every_fault_is_written_as_its_help_says() {
        for kind in KINDS {
            assert_eq!(rule(kind.name).1, Schedule::Always, "{}", kind.name);
            let example = kind.value.split(' ').next().unwrap();
            if !matches!(example, "" | "BYTES") {
                rule(&format!("{}={example}", kind.name));
            }
            assert!(fault_list().contains(kind.what));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(error("hung").contains("no fault \"hung\"; known are refuse, hang"));
        assert!(error("hang=3").contains("leave out \"=3\""));
        assert!(error("slow=3").contains("write it like slow=3s"));
        assert!(error("split=0").contains("split=7"));
        assert!(error("new-inverter=XY").contains("known are YC500"));
        assert!(error("hang@often").contains("@every=10"));
        assert!(error("hang@60s..30s").contains("@30s..60s"));
        assert!(error("hang@120%").contains("@5%"));
        assert!(error("hang@every=0").contains("no time for a fault"));
        assert!(error("sleep@5%").contains("sleep@30s..60s"));
    }
}
