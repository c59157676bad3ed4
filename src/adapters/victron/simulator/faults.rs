//! What can go wrong with a device and on its wire, as people write it: `NAME[=VALUE][@WHEN]`.
//!
//! When it happens is counted in blocks of text, and for answers in questions. What happens once,
//! such as a swap, happens once even if its time lasts.

use crate::simulation::Fault;
use crate::simulation::fault::{FaultKind, number, plain};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VictronFault {
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

impl Fault for VictronFault {
    const EXAMPLES: [&'static str; 5] = [
        "digit-lost@5%",
        "noise=50@every=10",
        "unanswered@first=3",
        "silence@30s..60s",
        "deaf",
    ];
    #[rustfmt::skip]
    const KINDS: &'static [FaultKind<Self>] = &[
        FaultKind::new("digit-lost", "", |v| plain(v, Self::DigitLost), "a digit of a value is lost"),
        FaultKind::new("byte-lost", "", |v| plain(v, Self::ByteLost), "a byte of the block is lost"),
        FaultKind::new("bit-turned", "", |v| plain(v, Self::BitTurned), "a bit of the block is turned"),
        FaultKind::new("lines-merged", "", |v| plain(v, Self::LinesMerged), "the end of a line is lost"),
        FaultKind::new("wrong-checksum", "", |v| plain(v, Self::WrongChecksum), "only the checksum is wrong"),
        FaultKind::new("noise", "20", |v| number(v, 20).map(Self::Noise), "so many bytes of anything before a block"),
        FaultKind::new("noise-inside", "20", |v| number(v, 20).map(Self::NoiseInside), "the same inside a block"),
        FaultKind::new("hex-inside", "", |v| plain(v, Self::HexInside), "a HEX frame cuts a line"),
        FaultKind::new("hex-between", "", |v| plain(v, Self::HexBetween), "a HEX frame half-way to the next block"),
        FaultKind::new("hex-glued", "", |v| plain(v, Self::HexGlued), "a HEX frame at once after the checksum byte"),
        FaultKind::new("hex-unended", "", |v| plain(v, Self::HexUnended), "the same, ended by the byte FE"),
        FaultKind::new("hex-damaged", "", |v| plain(v, Self::HexDamaged), "the same with a wrong check byte"),
        FaultKind::new("error-storm", "10", |v| number(v, 10).map(Self::ErrorStorm), "so many complaints of broken frames"),
        FaultKind::new("unknown-labels", "", |v| plain(v, Self::UnknownLabels), "labels that nobody knows"),
        FaultKind::new("malformed", "", |v| plain(v, Self::Malformed), "values such as abc"),
        FaultKind::new("dashes", "", |v| plain(v, Self::Dashes), "all values are ---"),
        FaultKind::new("zero-counters", "", |v| plain(v, Self::ZeroCounters), "all counters are 0"),
        FaultKind::new("long-block", "30", |v| number(v, 30).map(Self::LongBlock), "at least so many fields in the block"),
        FaultKind::new("text-stops", "", |v| plain(v, Self::TextStops), "no text, but HEX"),
        FaultKind::new("silence", "", |v| plain(v, Self::Silence), "nothing at all"),
        FaultKind::new("restart", "", |v| plain(v, Self::Restart), "the device starts anew").once(),
        FaultKind::new("swap", "", |v| plain(v, Self::Swap), "another device at the cable, and back the next time").once(),
        FaultKind::new("aux-changed", "", |v| plain(v, Self::AuxChanged), "auxiliary input: starter, mid-point, temperature").once(),
        FaultKind::new("monitor-changed", "", |v| plain(v, Self::MonitorChanged), "battery monitor to energy meter, and back").once(),
        FaultKind::new("yield-reset", "", |v| plain(v, Self::YieldReset), "the user sets the yield to 0").once(),
        FaultKind::new("day-ends", "", |v| plain(v, Self::DayEnds), "a new day begins").once(),
        FaultKind::new("deaf", "", |v| plain(v, Self::Deaf), "nothing that is asked arrives"),
        FaultKind::new("late", "600", |v| number(v, 600).map(|n| Self::Late(n as u64)), "the answer is so many milliseconds late"),
        FaultKind::new("unanswered", "", |v| plain(v, Self::Unanswered), "the answer does not come"),
        FaultKind::new("truncated", "", |v| plain(v, Self::Truncated), "half of the answer comes"),
        FaultKind::new("not-available", "", |v| plain(v, Self::NotAvailable), "the device has no value"),
        FaultKind::new("zero-answer", "", |v| plain(v, Self::ZeroAnswer), "the value is 0"),
        FaultKind::new("short-product", "", |v| plain(v, Self::ShortProduct), "the product id in two bytes, turned round"),
    ];
}

impl VictronFault {
    /// Whether it is about an answer, and so counted in questions.
    pub const fn is_about_answers(self) -> bool {
        matches!(
            self,
            Self::Deaf
                | Self::Late(_)
                | Self::Unanswered
                | Self::Truncated
                | Self::NotAvailable
                | Self::ZeroAnswer
                | Self::ShortProduct
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::simulation::{FaultRule, Faults};

    fn rule(text: &str) -> FaultRule<VictronFault> {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(rule("noise=7@every=3").fault, VictronFault::Noise(7));
        assert_eq!(rule("late").fault, VictronFault::Late(600));
        for kind in VictronFault::KINDS {
            assert_eq!(rule(kind.name).name(), kind.name);
        }
    }

    #[test]
    fn what_happens_once_does_so_when_its_time_begins() {
        let rules = ["swap", "dashes", "restart@every=2", "yield-reset@2s..4s"].map(rule);
        let mut faults = Faults::new(&rules);
        let mut due = |second| faults.due(Duration::from_secs(second), |_| true);
        assert_eq!(due(0), [VictronFault::Swap, VictronFault::Dashes]);
        assert_eq!(due(1), [VictronFault::Dashes, VictronFault::Restart]);
        assert_eq!(due(2), [VictronFault::Dashes, VictronFault::YieldReset]);
        assert_eq!(due(3), [VictronFault::Dashes, VictronFault::Restart]);
    }

    #[test]
    fn questions_and_blocks_are_counted_apart() {
        let mut faults = Faults::new(&[rule("unanswered@every=2")]);
        let mut due = |is_question| {
            let is_meant = |fault: VictronFault| fault.is_about_answers() == is_question;
            faults.due(Duration::ZERO, is_meant)
        };
        assert_eq!(due(false), []);
        assert_eq!(due(true), []);
        assert_eq!(due(false), []);
        assert_eq!(due(true), [VictronFault::Unanswered]);
    }
}
