//! What can go wrong between a meter and its reader, as people write it: `NAME[=VALUE][@WHEN]`.
//!
//! | Fault | What happens |
//! |---|---|
//! | `flip` | one bit of the telegram arrives inverted |
//! | `lose` | one byte is lost |
//! | `cut` | only the first half of the telegram arrives |
//! | `noise=N` | N bytes of something else come before |
//! | `repeat` | the telegram comes twice |
//! | `midstart` | the first thing that arrives is the end of a telegram |
//! | `wrong-parity` | every byte is garbled, until the reader opens the port in another way |
//! | `silence` | nothing comes |
//! | `other-bus` | a heat meter's telegram comes instead |
//! | `zero` | all energies are 0 |
//! | `jump=KWH` | all energies are so much higher |
//! | `wrong-key` | the telegram is encrypted with another key |
//! | `wrong-authentication` | the tag is made with another key |

use std::str::FromStr;

use crate::adapters::simulation::Schedule;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One bit arrives inverted.
    Flip,
    /// One byte is lost.
    Lose,
    /// Only the first half arrives.
    Cut,
    /// So many bytes of something else come before.
    Noise(usize),
    /// The telegram comes twice.
    Repeat,
    /// The end of a telegram comes before.
    Midstart,
    /// Bytes are garbled until the port is opened again.
    WrongParity,
    /// Nothing comes.
    Silence,
    /// A telegram of another kind of meter comes instead.
    OtherBus,
    /// All energies are 0.
    Zero,
    /// All energies are so many watt-hours higher.
    Jump(u32),
    /// Encrypted with another key.
    WrongKey,
    /// The tag is made with another key.
    WrongAuthentication,
}

/// A kind of fault as the command line knows it: name, usual value, what it takes a value for.
struct Kind {
    name: &'static str,
    value: Option<u32>,
    make: fn(u32) -> Fault,
}

const fn plain(name: &'static str, make: fn(u32) -> Fault) -> Kind {
    Kind {
        name,
        value: None,
        make,
    }
}

const fn valued(name: &'static str, value: u32, make: fn(u32) -> Fault) -> Kind {
    Kind {
        name,
        value: Some(value),
        make,
    }
}

static KINDS: &[Kind] = &[
    plain("flip", |_| Fault::Flip),
    plain("lose", |_| Fault::Lose),
    plain("cut", |_| Fault::Cut),
    valued("noise", 20, |bytes| Fault::Noise(bytes as usize)),
    plain("repeat", |_| Fault::Repeat),
    plain("midstart", |_| Fault::Midstart),
    plain("wrong-parity", |_| Fault::WrongParity),
    plain("silence", |_| Fault::Silence),
    plain("other-bus", |_| Fault::OtherBus),
    plain("zero", |_| Fault::Zero),
    valued("jump", 1000, |kilowatt_hours| {
        Fault::Jump(kilowatt_hours.saturating_mul(1000))
    }),
    plain("wrong-key", |_| Fault::WrongKey),
    plain("wrong-authentication", |_| Fault::WrongAuthentication),
];

/// A fault and when it happens, such as `flip@5%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// When it does.
    pub when: Schedule,
}

/// The text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is none of that name.
    #[error("there is no fault \"{name}\"; known are {}", fault_names())]
    Unknown {
        /// What was written.
        name: String,
    },
    /// It takes no value, or another one.
    #[error("{0} does not take \"{1}\"; write {0} or, with noise and jump, {0}=20")]
    Value(&'static str, String),
    /// The part after `@` is none of those known.
    #[error("\"{0}\" is no time for a fault; write @5%, @every=10, @first=3 or @30s..60s")]
    When(String),
}

/// The names of all faults.
pub(super) fn fault_names() -> String {
    let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    names.join(", ")
}

impl FromStr for FaultRule {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (what, when) = text.trim().split_once('@').unzip();
        let what = what.unwrap_or(text.trim());
        let (name, value) = what.split_once('=').unzip();
        let name = name.unwrap_or(what);
        let kind = KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| FaultError::Unknown {
            name: name.to_owned(),
        })?;
        let value = match (value, kind.value) {
            (None, usual) => usual.unwrap_or(0),
            (Some(text), usual) => usual
                .and_then(|_| text.parse().ok())
                .filter(|value| (1..=100_000).contains(value))
                .ok_or_else(|| FaultError::Value(kind.name, text.to_owned()))?,
        };
        let when = when.map_or(Some(Schedule::Always), Schedule::parse);
        let when = when.ok_or_else(|| {
            FaultError::When(text.split_once('@').unwrap_or_default().1.to_owned())
        })?;
        Ok(Self {
            fault: (kind.make)(value),
            when,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn reads_what_people_write() {
        let rule = |text: &str| text.parse::<FaultRule>().unwrap();
        assert_eq!(rule("flip").when, Schedule::Always);
        assert_eq!(rule("flip@5%").when, Schedule::Chance(0.05));
        assert_eq!(rule("noise=7@every=3").fault, Fault::Noise(7));
        assert_eq!(rule("jump").fault, Fault::Jump(1_000_000));
        let minute = Duration::from_secs(60);
        assert_eq!(
            rule("silence@..1m").when,
            Schedule::Window(Duration::ZERO, Some(minute))
        );
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |text: &str| text.parse::<FaultRule>().unwrap_err().to_string();
        assert!(error("flop").contains("known are flip, lose"));
        assert!(error("flip=3").contains("does not take \"3\""));
        assert!(error("noise=0").contains("does not take \"0\""));
        assert!(error("flip@often").contains("@every=10"));
    }

    #[test]
    fn the_table_above_has_every_fault() {
        for kind in KINDS {
            let line = format!("//! | `{}", kind.name);
            assert!(include_str!("faults.rs").contains(&line), "{}", kind.name);
        }
    }
}
