//! What can go wrong with a simulated device, as people write it: `NAME[=VALUE][@WHEN]`.
//!
//! Each simulator has a table of its faults; reading and explaining them is the same for all. When a
//! fault happens is a [`Schedule`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Schedule;

/// The faults of one kind of device.
pub trait Fault: Copy + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// All there are.
    const KINDS: &'static [FaultKind<Self>];
    /// One for each kind of [`Schedule`]: at random, every so many, the first few, a window of time,
    /// always.
    const EXAMPLES: [&'static str; 5];
}

/// A kind of fault as the command line knows it.
pub struct FaultKind<F> {
    /// What it is called.
    pub name: &'static str,
    /// How the value is written; empty if there is none.
    pub value: &'static str,
    /// What happens.
    pub about: &'static str,
    /// It changes what goes on and not single answers, so it cannot come with every tenth.
    lasts: bool,
    /// It happens when its time begins, and not over and over while that lasts.
    once: bool,
    read: fn(Option<&str>) -> Result<F, Refusal>,
}

impl<F> fmt::Debug for FaultKind<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultKind").field(&self.name).finish()
    }
}

impl<F> FaultKind<F> {
    pub(crate) const fn new(
        name: &'static str,
        value: &'static str,
        read: fn(Option<&str>) -> Result<F, Refusal>,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            value,
            about,
            lasts: false,
            once: false,
            read,
        }
    }

    pub(crate) const fn lasting(mut self) -> Self {
        self.lasts = true;
        self
    }

    pub(crate) const fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

/// Why the value of a fault is not one.
#[derive(Debug)]
pub enum Refusal {
    /// It takes no number.
    NotNeeded,
    /// Its number makes no sense.
    Wrong,
    /// In words of its own.
    Because(String),
}

/// For a fault without a value.
pub fn plain<F>(value: Option<&str>, fault: F) -> Result<F, Refusal> {
    match value {
        None => Ok(fault),
        Some(_) => Err(Refusal::NotNeeded),
    }
}

/// For a fault with a number from 1 to 999 999.
pub fn number(value: Option<&str>, usual: usize) -> Result<usize, Refusal> {
    let Some(value) = value else {
        return Ok(usual);
    };
    let number = value.parse().ok();
    number
        .filter(|number| (1..1_000_000).contains(number))
        .ok_or(Refusal::Wrong)
}

/// For a fault with a length of time.
pub fn length(value: Option<&str>, usual: Duration) -> Result<Duration, Refusal> {
    let length = value.map(humantime::parse_duration).transpose();
    let length = length.map_err(|_| Refusal::Wrong)?;
    Ok(length.unwrap_or(usual))
}

/// A fault and when it happens, such as `hang@30s..60s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRule<F> {
    name: &'static str,
    /// What goes wrong.
    pub fault: F,
    /// When it does.
    pub when: Schedule,
    /// It happens once even if its time lasts.
    pub once: bool,
}

impl<F> FaultRule<F> {
    /// What the command line calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<F> fmt::Display for FaultRule<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No fault of that name.
    #[error("there is no fault \"{name}\"; known are {known}")]
    Unknown {
        /// What was written.
        name: String,
        /// The names that there are.
        known: String,
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
    /// The value is refused for a reason of this fault.
    #[error("{0}")]
    Because(String),
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

impl<F: Fault> FromStr for FaultRule<F> {
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
        let kind = F::KINDS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| FaultError::Unknown {
            name: name.to_owned(),
            known: names::<F>().join(", "),
        })?;
        let name = kind.name;
        let written = || value.unwrap_or_default().to_owned();
        let fault = (kind.read)(value).map_err(|refusal| match refusal {
            Refusal::NotNeeded => FaultError::NoValue {
                name,
                value: written(),
            },
            Refusal::Wrong => FaultError::Value {
                name,
                value: written(),
                example: kind.value,
            },
            Refusal::Because(reason) => FaultError::Because(reason),
        })?;
        let when = when.map_or(Ok(Schedule::Always), |text| {
            let when = text.to_owned();
            match Schedule::parse(text) {
                None => Err(FaultError::When { when }),
                Some(schedule) if kind.lasts && !schedule.lasts() => {
                    Err(FaultError::Lasts { name, when })
                }
                Some(schedule) => Ok(schedule),
            }
        })?;
        let once = kind.once;
        Ok(Self {
            name,
            fault,
            when,
            once,
        })
    }
}

fn names<F: Fault>() -> Vec<&'static str> {
    F::KINDS.iter().map(|kind| kind.name).collect()
}

/// The help for an option that takes faults, in a line.
pub fn fault_line<F: Fault>() -> String {
    let [chance, every, _, window, _] = F::EXAMPLES;
    format!("Something that goes wrong: {chance}, {every}, {window} (repeatable)")
}

/// The same at length.
pub fn fault_help<F: Fault>() -> String {
    let whens = [
        "at random, in 5 of 100",
        "with the 10th, 20th, ... one",
        "with the first three",
        "between 30 and 60 seconds after the start",
        "always",
    ];
    let line = |(example, when)| format!("  {example:<22} {when}\n");
    let examples: String = F::EXAMPLES.into_iter().zip(whens).map(line).collect();
    format!(
        "Something that goes wrong, as NAME[=VALUE][@WHEN]; may be given several times.\n\n\
         When it happens:\n{examples}\n\
         What can happen, with its usual value:\n{}",
        fault_list::<F>()
    )
}

/// One line for each fault, for a help text.
pub fn fault_list<F: Fault>() -> String {
    let line = |kind: &FaultKind<F>| {
        let equals = if kind.value.is_empty() { "" } else { "=" };
        let example = format!("{}{equals}{}", kind.name, kind.value);
        format!("  {example:<22} {}\n", kind.about)
    };
    F::KINDS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Trouble {
        Hang,
        Slow(Duration),
        Noise(usize),
        Night,
        Guest,
    }

    impl Fault for Trouble {
        #[rustfmt::skip]
        const KINDS: &'static [FaultKind<Self>] = &[
            FaultKind::new("hang", "", |v| plain(v, Self::Hang), "no answer"),
            FaultKind::new("slow", "3s", |v| length(v, 3 * SECOND).map(Self::Slow), "late"),
            FaultKind::new("noise", "20", |v| number(v, 20).map(Self::Noise), "bytes"),
            FaultKind::new("night", "", |v| plain(v, Self::Night), "night falls").lasting(),
            FaultKind::new("guest", "NAME", guest, "somebody comes"),
        ];
        const EXAMPLES: [&'static str; 5] = [
            "hang@5%",
            "noise@every=10",
            "slow@first=3",
            "night@30s..60s",
            "hang",
        ];
    }

    fn guest(value: Option<&str>) -> Result<Trouble, Refusal> {
        match value {
            Some("nobody") => Err(Refusal::Because("nobody cannot come".to_owned())),
            _ => Ok(Trouble::Guest),
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn rule(text: &str) -> (Trouble, Schedule) {
        let rule: FaultRule<Trouble> = text.parse().unwrap();
        (rule.fault, rule.when)
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(rule("hang"), (Trouble::Hang, Schedule::Always));
        assert_eq!(rule(" hang@5% ").1, Schedule::Chance(0.05));
        assert_eq!(
            rule("slow=2s@every=10"),
            (Trouble::Slow(2 * SECOND), Schedule::Every(10))
        );
        assert_eq!(rule("slow").0, Trouble::Slow(3 * SECOND));
        assert_eq!(
            rule("noise=7@first=3"),
            (Trouble::Noise(7), Schedule::First(3))
        );
        let window = Schedule::Window(30 * SECOND, Some(60 * SECOND));
        assert_eq!(rule("night@30s..1m"), (Trouble::Night, window));
        let window = Schedule::Window(Duration::ZERO, Some(5 * SECOND));
        assert_eq!(rule("night@..5s").1, window);
        let window = Schedule::Window(5 * SECOND, None);
        assert_eq!(rule("night@5s..").1, window);
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |text: &str| text.parse::<FaultRule<Trouble>>().unwrap_err().to_string();
        assert!(error("hung").contains("no fault \"hung\"; known are hang, slow, noise"));
        assert!(error("hang=3").contains("leave out \"=3\""));
        assert!(error("slow=3").contains("write it like slow=3s"));
        assert!(error("noise=0").contains("noise=20"));
        assert!(error("noise=1000000").contains("noise=20"));
        assert_eq!(error("guest=nobody"), "nobody cannot come");
        assert!(error("hang@often").contains("@every=10"));
        assert!(error("hang@60s..30s").contains("@30s..60s"));
        assert!(error("hang@120%").contains("@5%"));
        assert!(error("hang@every=0").contains("no time for a fault"));
        assert!(error("night@5%").contains("night@30s..60s"));
    }

    #[test]
    fn the_help_has_a_line_for_each() {
        let line = fault_line::<Trouble>();
        assert!(
            line.contains("hang@5%, noise@every=10, night@30s..60s"),
            "{line}"
        );
        for example in Trouble::EXAMPLES {
            rule(example);
        }
        let list = fault_list::<Trouble>();
        assert_eq!(list.lines().count(), 5);
        assert!(list.contains("  slow=3s                late\n"), "{list}");
        assert!(
            list.contains("  hang                   no answer\n"),
            "{list}"
        );
    }
}
