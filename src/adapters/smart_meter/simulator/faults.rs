//! What can go wrong between a meter and its reader, as people write it: `NAME[=VALUE][@WHEN]`.

use crate::simulation::Fault;
use crate::simulation::fault::{FaultKind, number, plain};

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
        assert_eq!(fault("jump"), MeterFault::Jump(1_000_000));
        for kind in MeterFault::KINDS {
            assert_eq!(
                kind.name.parse::<FaultRule<MeterFault>>().unwrap().name(),
                kind.name
            );
        }
    }
}
