//! What can go wrong with a device and on its wire, as people write it: `NAME[=VALUE][@WHEN]`.
//!
//! When it happens is counted in blocks of text, and for answers in questions. What happens once,
//! such as a swap, happens once even if its time lasts.

use std::time::Duration;

use crate::simulation;
use crate::simulation::fault::{Kind, Planned, number, plain};
use crate::simulation::noise::Dice;

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
pub enum Counted {
    /// Blocks.
    Block,
    /// Blocks; if its time lasts, it happens when that begins.
    Once,
    /// Questions.
    Question,
}

/// A fault and when it happens, such as `digit-lost@5%`.
pub type FaultRule = simulation::FaultRule<Fault>;

impl simulation::Fault for Fault {
    #[rustfmt::skip]
    const KINDS: &'static [Kind<Self>] = &[
        Kind::new("digit-lost", "", |v| plain(v, Self::DigitLost), "a digit of a value is lost"),
        Kind::new("byte-lost", "", |v| plain(v, Self::ByteLost), "a byte of the block is lost"),
        Kind::new("bit-turned", "", |v| plain(v, Self::BitTurned), "a bit of the block is turned"),
        Kind::new("lines-merged", "", |v| plain(v, Self::LinesMerged), "the end of a line is lost"),
        Kind::new("wrong-checksum", "", |v| plain(v, Self::WrongChecksum), "only the checksum is wrong"),
        Kind::new("noise", "20", |v| number(v, 20).map(Self::Noise), "so many bytes of anything before a block"),
        Kind::new("noise-inside", "20", |v| number(v, 20).map(Self::NoiseInside), "the same inside a block"),
        Kind::new("hex-inside", "", |v| plain(v, Self::HexInside), "a HEX frame cuts a line"),
        Kind::new("hex-between", "", |v| plain(v, Self::HexBetween), "a HEX frame half-way to the next block"),
        Kind::new("hex-glued", "", |v| plain(v, Self::HexGlued), "a HEX frame at once after the checksum byte"),
        Kind::new("hex-unended", "", |v| plain(v, Self::HexUnended), "the same, ended by the byte FE"),
        Kind::new("hex-damaged", "", |v| plain(v, Self::HexDamaged), "the same with a wrong check byte"),
        Kind::new("error-storm", "10", |v| number(v, 10).map(Self::ErrorStorm), "so many complaints of broken frames"),
        Kind::new("unknown-labels", "", |v| plain(v, Self::UnknownLabels), "labels that nobody knows"),
        Kind::new("malformed", "", |v| plain(v, Self::Malformed), "values such as abc"),
        Kind::new("dashes", "", |v| plain(v, Self::Dashes), "all values are ---"),
        Kind::new("zero-counters", "", |v| plain(v, Self::ZeroCounters), "all counters are 0"),
        Kind::new("long-block", "30", |v| number(v, 30).map(Self::LongBlock), "at least so many fields in the block"),
        Kind::new("text-stops", "", |v| plain(v, Self::TextStops), "no text, but HEX"),
        Kind::new("silence", "", |v| plain(v, Self::Silence), "nothing at all"),
        Kind::new("restart", "", |v| plain(v, Self::Restart), "the device starts anew"),
        Kind::new("swap", "", |v| plain(v, Self::Swap), "another device at the cable, and back the next time"),
        Kind::new("aux-changed", "", |v| plain(v, Self::AuxChanged), "auxiliary input: starter, mid-point, temperature"),
        Kind::new("monitor-changed", "", |v| plain(v, Self::MonitorChanged), "battery monitor to energy meter, and back"),
        Kind::new("yield-reset", "", |v| plain(v, Self::YieldReset), "the user sets the yield to 0"),
        Kind::new("day-ends", "", |v| plain(v, Self::DayEnds), "a new day begins"),
        Kind::new("deaf", "", |v| plain(v, Self::Deaf), "nothing that is asked arrives"),
        Kind::new("late", "600", |v| number(v, 600).map(|n| Self::Late(n as u64)), "the answer is so many milliseconds late"),
        Kind::new("unanswered", "", |v| plain(v, Self::Unanswered), "the answer does not come"),
        Kind::new("truncated", "", |v| plain(v, Self::Truncated), "half of the answer comes"),
        Kind::new("not-available", "", |v| plain(v, Self::NotAvailable), "the device has no value"),
        Kind::new("zero-answer", "", |v| plain(v, Self::ZeroAnswer), "the value is 0"),
        Kind::new("short-product", "", |v| plain(v, Self::ShortProduct), "the product id in two bytes, turned round"),
    ];
}

impl Fault {
    const fn counted(self) -> Counted {
        match self {
            Self::Restart
            | Self::Swap
            | Self::AuxChanged
            | Self::MonitorChanged
            | Self::YieldReset
            | Self::DayEnds => Counted::Once,
            Self::Deaf
            | Self::Late(_)
            | Self::Unanswered
            | Self::Truncated
            | Self::NotAvailable
            | Self::ZeroAnswer
            | Self::ShortProduct => Counted::Question,
            Self::DigitLost
            | Self::ByteLost
            | Self::BitTurned
            | Self::LinesMerged
            | Self::WrongChecksum
            | Self::Noise(_)
            | Self::NoiseInside(_)
            | Self::HexInside
            | Self::HexBetween
            | Self::HexGlued
            | Self::HexUnended
            | Self::HexDamaged
            | Self::ErrorStorm(_)
            | Self::UnknownLabels
            | Self::Malformed
            | Self::Dashes
            | Self::ZeroCounters
            | Self::LongBlock(_)
            | Self::TextStops
            | Self::Silence => Counted::Block,
        }
    }
}

/// The faults of a device, and how often each could have happened.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    pub dice: Dice,
}

#[derive(Debug)]
struct Rule {
    planned: Planned<Fault>,
    was_due: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            dice: Dice::new(11),
        }
    }
}

impl Rules {
    pub fn add(&mut self, rule: FaultRule) {
        self.rules.push(Rule {
            planned: Planned::new(rule),
            was_due: false,
        });
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Those that happen now, in a block or to a question.
    pub fn due(&mut self, to_question: bool, elapsed: Duration) -> Vec<Fault> {
        let mut due = Vec::new();
        for Rule { planned, was_due } in &mut self.rules {
            let fault = planned.rule.fault;
            let counted = fault.counted();
            if (counted == Counted::Question) != to_question {
                continue;
            }
            let happens = planned.happens(elapsed, &mut self.dice);
            if happens && !(counted == Counted::Once && planned.rule.when.lasts() && *was_due) {
                due.push(fault);
            }
            *was_due = happens;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Fault as _;

    fn rule(text: &str) -> FaultRule {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(rule("noise=7@every=3").fault, Fault::Noise(7));
        assert_eq!(rule("late").fault, Fault::Late(600));
        for kind in Fault::KINDS {
            assert_eq!(rule(kind.name).name(), kind.name);
        }
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
