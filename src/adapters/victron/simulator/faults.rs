//! What can go wrong with a device and on its wire, as people write it: `NAME[=VALUE][@WHEN]`.
//!
//! When it happens is counted in blocks of text, and for answers in questions. What happens once,
//! such as a swap, happens once even if its time lasts.

use std::str::FromStr;
use std::time::Duration;

use crate::adapters::simulation::Schedule;
use crate::adapters::simulation::noise::hash;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A digit of a value is lost.
    DigitLost,
    /// A byte of the block is lost.
    ByteLost,
    /// A bit of the block is turned.
    BitTurned,
    /// The end of a line is lost.
    LinesMerged,
    /// The checksum is wrong, everything else is right.
    WrongChecksum,
    /// So many bytes of anything come before the block.
    Noise(usize),
    /// So many bytes of anything come in the middle of the block.
    NoiseInside(usize),
    /// A HEX frame cuts a line of text.
    HexInside,
    /// A HEX frame comes half-way to the next block.
    HexBetween,
    /// A HEX frame follows the checksum byte at once.
    HexGlued,
    /// The same, with the byte 0xFE where its line feed should be.
    HexUnended,
    /// The same, with a wrong check byte.
    HexDamaged,
    /// The device says so many times that it got a broken frame.
    ErrorStorm(usize),
    /// Labels that nobody knows come along.
    UnknownLabels,
    /// Values are not written as they should be.
    Malformed,
    /// All values are `---`.
    Dashes,
    /// All counters are 0.
    ZeroCounters,
    /// The block has at least so many fields.
    LongBlock(usize),
    /// No text; HEX goes on.
    TextStops,
    /// Nothing at all.
    Silence,
    /// The device starts anew: broken text, and what is kept in memory only is gone.
    Restart,
    /// Somebody plugs the cable into another device, and back the next time.
    Swap,
    /// The auxiliary input is used for the next thing: starter battery, mid-point, temperature.
    AuxChanged,
    /// A battery monitor becomes an energy meter, and back the next time.
    MonitorChanged,
    /// The user sets the yield to 0.
    YieldReset,
    /// A new day begins.
    DayEnds,
    /// Nothing that is asked arrives at the device.
    Deaf,
    /// The answer comes so many milliseconds late.
    Late(u64),
    /// The answer does not come.
    Unanswered,
    /// Half of the answer comes.
    Truncated,
    /// The device has no value.
    NotAvailable,
    /// The value is 0.
    ZeroAnswer,
    /// The product id comes in two bytes in the wrong order.
    ShortProduct,
}

/// What a fault is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Blocks.
    Block,
    /// Blocks; if its time lasts, it happens when that begins.
    Once,
    /// Questions.
    Question,
}

/// A kind of fault as the command line knows it: name, what it is counted in, usual value, meaning.
struct Kind {
    name: &'static str,
    counted: Counted,
    value: Option<u32>,
    make: fn(u32) -> Fault,
    about: &'static str,
}

const fn kind(
    name: &'static str,
    counted: Counted,
    make: fn(u32) -> Fault,
    about: &'static str,
) -> Kind {
    Kind {
        name,
        counted,
        value: None,
        make,
        about,
    }
}

impl Kind {
    const fn value(mut self, usual: u32) -> Self {
        self.value = Some(usual);
        self
    }

    fn refuse(&self, value: &str) -> FaultError {
        let Self { name, .. } = *self;
        let remedy = self.value.map_or_else(
            || format!("{name} alone"),
            |usual| format!("{name}={usual}"),
        );
        FaultError::Value {
            name,
            value: value.to_owned(),
            remedy,
        }
    }
}

use Counted::{Block, Once, Question};

#[rustfmt::skip]
static KINDS: &[Kind] = &[
    kind("digit-lost", Block, |_| Fault::DigitLost, "a digit of a value is lost"),
    kind("byte-lost", Block, |_| Fault::ByteLost, "a byte of the block is lost"),
    kind("bit-turned", Block, |_| Fault::BitTurned, "a bit of the block is turned"),
    kind("lines-merged", Block, |_| Fault::LinesMerged, "the end of a line is lost"),
    kind("wrong-checksum", Block, |_| Fault::WrongChecksum, "only the checksum is wrong"),
    kind("noise", Block, |n| Fault::Noise(n as usize), "N bytes of anything before a block").value(20),
    kind("noise-inside", Block, |n| Fault::NoiseInside(n as usize), "the same inside a block").value(20),
    kind("hex-inside", Block, |_| Fault::HexInside, "a HEX frame cuts a line"),
    kind("hex-between", Block, |_| Fault::HexBetween, "a HEX frame half-way to the next block"),
    kind("hex-glued", Block, |_| Fault::HexGlued, "a HEX frame at once after the checksum byte"),
    kind("hex-unended", Block, |_| Fault::HexUnended, "the same, ended by the byte FE"),
    kind("hex-damaged", Block, |_| Fault::HexDamaged, "the same with a wrong check byte"),
    kind("error-storm", Block, |n| Fault::ErrorStorm(n as usize), "N complaints of broken frames").value(10),
    kind("unknown-labels", Block, |_| Fault::UnknownLabels, "labels that nobody knows"),
    kind("malformed", Block, |_| Fault::Malformed, "values such as abc"),
    kind("dashes", Block, |_| Fault::Dashes, "all values are ---"),
    kind("zero-counters", Block, |_| Fault::ZeroCounters, "all counters are 0"),
    kind("long-block", Block, |n| Fault::LongBlock(n as usize), "at least N fields in the block").value(30),
    kind("text-stops", Block, |_| Fault::TextStops, "no text, but HEX"),
    kind("silence", Block, |_| Fault::Silence, "nothing at all"),
    kind("restart", Once, |_| Fault::Restart, "the device starts anew"),
    kind("swap", Once, |_| Fault::Swap, "another device at the cable, and back the next time"),
    kind("aux-changed", Once, |_| Fault::AuxChanged, "auxiliary input: starter, mid-point, temperature"),
    kind("monitor-changed", Once, |_| Fault::MonitorChanged, "battery monitor to energy meter, and back"),
    kind("yield-reset", Once, |_| Fault::YieldReset, "the user sets the yield to 0"),
    kind("day-ends", Once, |_| Fault::DayEnds, "a new day begins"),
    kind("deaf", Question, |_| Fault::Deaf, "nothing that is asked arrives"),
    kind("late", Question, |n| Fault::Late(u64::from(n)), "the answer is N milliseconds late").value(600),
    kind("unanswered", Question, |_| Fault::Unanswered, "the answer does not come"),
    kind("truncated", Question, |_| Fault::Truncated, "half of the answer comes"),
    kind("not-available", Question, |_| Fault::NotAvailable, "the device has no value"),
    kind("zero-answer", Question, |_| Fault::ZeroAnswer, "the value is 0"),
    kind("short-product", Question, |_| Fault::ShortProduct, "the product id in two bytes, turned round"),
];

/// A fault and when it happens, such as `digit-lost@5%`.
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
    #[error("{name} does not take \"{value}\"; write {remedy}")]
    Value {
        /// The fault.
        name: &'static str,
        /// What was written.
        value: String,
        /// What to write instead.
        remedy: String,
    },
    /// The part after `@` is none of those known.
    #[error("\"{0}\" is no time for a fault; write @5%, @every=10, @first=3 or @30s..60s")]
    When(String),
}

fn fault_names() -> String {
    let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    names.join(", ")
}

/// One line for each fault, for a help text.
pub(super) fn fault_list() -> String {
    let line = |kind: &Kind| {
        let value = if kind.value.is_some() { "=N" } else { "" };
        format!("  {:<16} {}\n", format!("{}{value}", kind.name), kind.about)
    };
    KINDS.iter().map(line).collect()
}

impl Fault {
    pub(super) fn counted(self) -> Counted {
        let same = |kind: &&Kind| {
            let made = (kind.make)(0);
            std::mem::discriminant(&made) == std::mem::discriminant(&self)
        };
        let kind = KINDS.iter().find(same);
        kind.map_or(Counted::Block, |kind| kind.counted)
    }
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
                .ok_or_else(|| kind.refuse(text))?,
        };
        let when = match when {
            None => Schedule::Always,
            Some(when) => Schedule::parse(when).ok_or_else(|| FaultError::When(when.to_owned()))?,
        };
        Ok(Self {
            fault: (kind.make)(value),
            when,
        })
    }
}

/// The faults of a device, and how often each could have happened.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    pub(super) chance: Chance,
}

#[derive(Debug)]
struct Rule {
    rule: FaultRule,
    seen: u32,
    was_due: bool,
}

impl Rules {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(Rule {
            rule,
            seen: 0,
            was_due: false,
        });
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Those that happen now, in a block or to a question.
    pub(super) fn due(&mut self, to_question: bool, elapsed: Duration) -> Vec<Fault> {
        let mut due = Vec::new();
        for Rule {
            rule,
            seen,
            was_due,
        } in &mut self.rules
        {
            let counted = rule.fault.counted();
            if (counted == Question) != to_question {
                continue;
            }
            *seen = seen.saturating_add(1);
            let happens = match rule.when {
                Schedule::Always => true,
                Schedule::Chance(chance) => self.chance.fraction() < chance,
                Schedule::Every(count) => seen.is_multiple_of(count),
                Schedule::First(count) => *seen <= count,
                Schedule::Window(from, to) => elapsed >= from && to.is_none_or(|to| elapsed < to),
            };
            if happens && !(counted == Once && rule.when.lasts() && *was_due) {
                due.push(rule.fault);
            }
            *was_due = happens;
        }
        due
    }
}

/// Numbers that look random and are the same in every run.
#[derive(Debug, Default)]
pub(super) struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        hash(11, self.0)
    }

    /// A number from 0 to one less than this.
    pub(super) fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// So many bytes of anything.
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> FaultRule {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(rule("silence").when, Schedule::Always);
        assert_eq!(rule("byte-lost@5%").when, Schedule::Chance(0.05));
        assert_eq!(rule("noise=7@every=3").fault, Fault::Noise(7));
        assert_eq!(rule("late").fault, Fault::Late(600));
        for kind in KINDS {
            assert_eq!(
                rule(kind.name).fault.counted(),
                kind.counted,
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |text: &str| text.parse::<FaultRule>().unwrap_err().to_string();
        assert!(error("flop").contains("known are digit-lost, byte-lost"));
        assert!(error("silence=3").ends_with("write silence alone"));
        assert!(error("noise=0").ends_with("write noise=20"));
        assert!(error("silence@often").contains("@every=10"));
    }

    #[test]
    fn what_happens_once_does_so_when_its_time_begins() {
        let mut rules = Rules::default();
        for text in ["swap", "dashes", "restart@every=2", "yield-reset@2s..4s"] {
            rules.add(rule(text));
        }
        let mut due = |second| rules.due(false, Duration::from_secs(second));
        assert_eq!(due(0), [Fault::Swap, Fault::Dashes]);
        assert_eq!(due(1), [Fault::Dashes, Fault::Restart]);
        assert_eq!(due(2), [Fault::Dashes, Fault::YieldReset]);
        assert_eq!(due(3), [Fault::Dashes, Fault::Restart]);
    }

    #[test]
    fn questions_and_blocks_are_counted_apart() {
        let mut rules = Rules::default();
        rules.add(rule("unanswered@every=2"));
        assert_eq!(rules.due(false, Duration::ZERO), []);
        assert_eq!(rules.due(true, Duration::ZERO), []);
        assert_eq!(rules.due(false, Duration::ZERO), []);
        assert_eq!(rules.due(true, Duration::ZERO), [Fault::Unanswered]);
    }
}
