//! What can go wrong between a meter and its reader, as people write it: `NAME[=VALUE][@WHEN]`.

use crate::simulation;
use crate::simulation::fault::{Kind, number, plain};

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

/// A fault and when it happens, such as `flip@5%`.
pub type FaultRule = simulation::FaultRule<Fault>;

impl simulation::Fault for Fault {
    #[rustfmt::skip]
    const KINDS: &'static [Kind<Self>] = &[
        Kind::new("flip", "", |v| plain(v, Self::Flip), "one bit of the telegram arrives inverted"),
        Kind::new("lose", "", |v| plain(v, Self::Lose), "one byte is lost"),
        Kind::new("cut", "", |v| plain(v, Self::Cut), "only the first half of the telegram arrives"),
        Kind::new("noise", "20", |v| number(v, 20).map(Self::Noise), "so many bytes of something else come before"),
        Kind::new("repeat", "", |v| plain(v, Self::Repeat), "the telegram comes twice"),
        Kind::new("midstart", "", |v| plain(v, Self::Midstart), "the first thing that arrives is the end of a telegram"),
        Kind::new("wrong-parity", "", |v| plain(v, Self::WrongParity), "bytes are garbled until the port is opened otherwise"),
        Kind::new("silence", "", |v| plain(v, Self::Silence), "nothing comes"),
        Kind::new("other-bus", "", |v| plain(v, Self::OtherBus), "a heat meter's telegram comes instead"),
        Kind::new("zero", "", |v| plain(v, Self::Zero), "all energies are 0"),
        Kind::new("jump", "1000", |v| number(v, 1000).map(|kwh| Self::Jump(kwh as u32 * 1000)), "all energies are so many kWh higher"),
        Kind::new("wrong-key", "", |v| plain(v, Self::WrongKey), "the telegram is encrypted with another key"),
        Kind::new("wrong-authentication", "", |v| plain(v, Self::WrongAuthentication), "the tag is made with another key"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Fault as _;

    #[test]
    fn reads_what_people_write() {
        let fault = |text: &str| text.parse::<FaultRule>().unwrap().fault;
        assert_eq!(fault("noise=7@every=3"), Fault::Noise(7));
        assert_eq!(fault("jump"), Fault::Jump(1_000_000));
        for kind in Fault::KINDS {
            assert_eq!(kind.name.parse::<FaultRule>().unwrap().name(), kind.name);
        }
    }
}
