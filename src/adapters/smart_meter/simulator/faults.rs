//! What can go wrong between a meter and its reader, as people write it: `NAME[=VALUE][@WHEN]`.

use std::time::Duration;

use crate::simulation::Fault;
use crate::simulation::fault::{FaultKind, length, number, plain};

/// Seconds of a year and of a day.
const YEAR: u64 = 365 * DAY;
const DAY: u64 = 86_400;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterFault {
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
    /// The text comes twice without anything between.
    Glued,
    /// Of line ends only the second half arrives.
    LfOnly,
    /// Zeros come before and after the text.
    NulPadded,
    /// A digit of a value arrives as another one.
    WrongDigit,
    /// A line of the text is lost.
    LineLost,
    /// The end of the text is lost.
    NoEnd,
    /// Seven bits with even parity are read as eight.
    SevenBits,
    /// The signal is the wrong way round.
    Inverted,
    /// A code comes twice, with two values.
    DoubledCode,
    /// The clock was never set.
    ClockNotSet,
    /// The clock is late by so much.
    ClockLate(Duration),
    /// The clocks of the meters behind it are ahead by so much.
    CaptureAhead(Duration),
    /// The gas meter says 0.
    GasZero,
    /// The gas meter is replaced.
    GasExchanged,
    /// No gas meter was ever read.
    GasUnpaired,
}

impl Fault for MeterFault {
    const EXAMPLES: [&'static str; 5] = [
        "flip@5%",
        "zero@every=10",
        "cut@first=3",
        "silence@30s..60s",
        "wrong-key",
    ];
    #[rustfmt::skip]
    const KINDS: &'static [FaultKind<Self>] = &[
        FaultKind::new("flip", "", |v| plain(v, Self::Flip), "one bit of the telegram arrives inverted"),
        FaultKind::new("lose", "", |v| plain(v, Self::Lose), "one byte is lost"),
        FaultKind::new("cut", "", |v| plain(v, Self::Cut), "only the first half of the telegram arrives"),
        FaultKind::new("noise", "20", |v| number(v, 20).map(Self::Noise), "so many bytes of something else come before"),
        FaultKind::new("repeat", "", |v| plain(v, Self::Repeat), "the telegram comes twice"),
        FaultKind::new("midstart", "", |v| plain(v, Self::Midstart), "the first thing that arrives is the end of a telegram"),
        FaultKind::new("wrong-parity", "", |v| plain(v, Self::WrongParity), "bytes are garbled until the port is opened otherwise"),
        FaultKind::new("silence", "", |v| plain(v, Self::Silence), "nothing comes"),
        FaultKind::new("other-bus", "", |v| plain(v, Self::OtherBus), "a heat meter's telegram comes instead"),
        FaultKind::new("zero", "", |v| plain(v, Self::Zero), "all energies are 0"),
        FaultKind::new("jump", "1000", |v| number(v, 1000).map(|kwh| Self::Jump(kwh as u32 * 1000)), "all energies are so many kWh higher"),
        FaultKind::new("wrong-key", "", |v| plain(v, Self::WrongKey), "the telegram is encrypted with another key"),
        FaultKind::new("wrong-authentication", "", |v| plain(v, Self::WrongAuthentication), "the tag is made with another key"),
        FaultKind::new("glued", "", |v| plain(v, Self::Glued), "a text comes twice with nothing between"),
        FaultKind::new("lf-only", "", |v| plain(v, Self::LfOnly), "a text has LF where it had CR LF"),
        FaultKind::new("nul-padded", "", |v| plain(v, Self::NulPadded), "zeros come before and after a text"),
        FaultKind::new("wrong-digit", "", |v| plain(v, Self::WrongDigit), "a digit of a text arrives as another one"),
        FaultKind::new("line-lost", "", |v| plain(v, Self::LineLost), "a line of a text is lost"),
        FaultKind::new("no-end", "", |v| plain(v, Self::NoEnd), "the end of a text is lost"),
        FaultKind::new("seven-bits", "", |v| plain(v, Self::SevenBits), "a text of 7E1 is read as 8N1"),
        FaultKind::new("inverted", "", |v| plain(v, Self::Inverted), "the signal is inverted"),
        FaultKind::new("doubled-code", "", |v| plain(v, Self::DoubledCode), "a text has two values of one code"),
        FaultKind::new("clock-not-set", "", |v| plain(v, Self::ClockNotSet), "the clock of a P1 meter was never set"),
        FaultKind::new("clock-late", "3years", |v| length(v, Duration::from_secs(3 * YEAR)).map(Self::ClockLate), "it is late by so much"),
        FaultKind::new("capture-ahead", "16days", |v| length(v, Duration::from_secs(16 * DAY)).map(Self::CaptureAhead), "clocks of gas, water and heat are ahead"),
        FaultKind::new("gas-zero", "", |v| plain(v, Self::GasZero), "the gas meter says 0"),
        FaultKind::new("gas-exchanged", "", |v| plain(v, Self::GasExchanged), "another gas meter is put in").lasting().once(),
        FaultKind::new("gas-unpaired", "", |v| plain(v, Self::GasUnpaired), "no gas meter was ever read"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::FaultRule;

    #[test]
    fn reads_what_people_write() {
        let fault = |text: &str| text.parse::<FaultRule<MeterFault>>().unwrap().fault;
        assert_eq!(fault("noise=7@every=3"), MeterFault::Noise(7));
        let days = |days: u64| Duration::from_secs(days * 86_400);
        assert_eq!(fault("clock-late=2days"), MeterFault::ClockLate(days(2)));
        assert_eq!(fault("jump"), MeterFault::Jump(1_000_000));
        for kind in MeterFault::KINDS {
            assert_eq!(
                kind.name.parse::<FaultRule<MeterFault>>().unwrap().name(),
                kind.name
            );
        }
    }
}
