//! What can go wrong with an inverter, its connection and who sees it, as people write it:
//! `NAME[=VALUE][@WHEN]`.
//!
//! What happens to packets is counted in frames. Times are those of the house, from its beginning on.

use std::time::Duration;

use crate::simulation::Fault;
use crate::simulation::fault::{FaultKind, number, plain};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolarEdgeFault {
    /// The server cannot be reached: what is measured is kept, and told later.
    ServerAway,
    /// The connection breaks off, and the next one comes from the same port.
    Reset,
    /// The inverter starts anew.
    Restart,
    /// This optimizer starts anew.
    OptimizerRestart(usize),
    /// A new key for the session.
    NewSession,
    /// Bytes that are no frame come before it.
    Junk(usize),
    /// A frame comes in so many pieces.
    Cut(usize),
    /// The pieces of a frame come in the wrong order.
    OutOfOrder,
    /// Each packet of a frame is seen twice.
    Doubled,
    /// The second piece of a frame begins inside the first.
    Overlap,
    /// The frame was not captured, though the server got it.
    Lost,
    /// A bit of the frame is turned in what was captured.
    Damaged,
    /// An old frame is sent once more.
    SentAgain,
    /// A question whether the server is still there, without a byte.
    Probe0,
    /// The same with a byte that was sent already.
    Probe1,
    /// So many bytes follow each IP packet.
    Trailer(usize),
    /// All is in this VLAN.
    Vlan(u16),
    /// Others talk, too.
    OtherTraffic,
    /// The numbers of bytes begin anew at zero soon.
    Wrap,
    /// The beginning of connections is not seen.
    Midstream,
}

impl Fault for SolarEdgeFault {
    const EXAMPLES: [&'static str; 5] = [
        "lost@5%",
        "sent-again@every=10",
        "out-of-order@first=3",
        "server-away@1h..2h",
        "vlan=7",
    ];
    #[rustfmt::skip]
    const KINDS: &'static [FaultKind<Self>] = &[
        FaultKind::new("server-away", "", |v| plain(v, Self::ServerAway), "the server is away; what is kept is told later").lasting(),
        FaultKind::new("reset", "", |v| plain(v, Self::Reset), "the connection breaks off, the next has the same port").once(),
        FaultKind::new("restart", "", |v| plain(v, Self::Restart), "the inverter starts anew").once(),
        FaultKind::new("optimizer-restart", "3", |v| number(v, 3).map(Self::OptimizerRestart), "this optimizer starts anew").once(),
        FaultKind::new("new-session", "", |v| plain(v, Self::NewSession), "a new key for the session").once(),
        FaultKind::new("junk", "9", |v| number(v, 9).map(Self::Junk), "so many bytes of anything before a frame"),
        FaultKind::new("cut", "3", |v| number(v, 3).map(Self::Cut), "a frame in so many pieces"),
        FaultKind::new("out-of-order", "", |v| plain(v, Self::OutOfOrder), "the pieces of a frame in the wrong order"),
        FaultKind::new("doubled", "", |v| plain(v, Self::Doubled), "each packet of a frame twice"),
        FaultKind::new("overlap", "", |v| plain(v, Self::Overlap), "the second piece of a frame begins inside the first"),
        FaultKind::new("lost", "", |v| plain(v, Self::Lost), "a frame that nobody captured"),
        FaultKind::new("damaged", "", |v| plain(v, Self::Damaged), "a bit is turned where it is captured"),
        FaultKind::new("sent-again", "", |v| plain(v, Self::SentAgain), "an old frame is sent once more"),
        FaultKind::new("probe-0", "", |v| plain(v, Self::Probe0), "a keep-alive of TCP without a byte"),
        FaultKind::new("probe-1", "", |v| plain(v, Self::Probe1), "the same with one old byte"),
        FaultKind::new("trailer", "6", |v| number(v, 6).map(Self::Trailer), "so many bytes behind each IP packet").lasting(),
        FaultKind::new("vlan", "7", |v| number(v, 7).map(|n| Self::Vlan(n as u16)), "all of it in this VLAN").lasting(),
        FaultKind::new("other-traffic", "", |v| plain(v, Self::OtherTraffic), "others talk, too"),
        FaultKind::new("wrap", "", |v| plain(v, Self::Wrap), "TCP's numbers of bytes begin anew soon").lasting(),
        FaultKind::new("midstream", "", |v| plain(v, Self::Midstream), "the beginning of connections is not seen").lasting(),
    ];
}

impl SolarEdgeFault {
    /// Whether it is about the inverter and its connection, and so asked about as time passes.
    pub const fn is_of_the_inverter(self) -> bool {
        matches!(
            self,
            Self::Reset | Self::Restart | Self::OptimizerRestart(_) | Self::NewSession
        )
    }

    /// Whether it holds for a time rather than for a frame.
    pub const fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::ServerAway | Self::Trailer(_) | Self::Vlan(_) | Self::Wrap | Self::Midstream
        )
    }

    /// Whether it is about how a frame looks in a capture.
    pub const fn is_of_a_frame(self) -> bool {
        !self.is_of_the_inverter() && !self.is_lasting()
    }
}

/// The time of the house, from its beginning on.
pub fn elapsed(begun: i64, at: i64) -> Duration {
    Duration::from_secs(u64::try_from(at - begun).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::FaultRule;

    #[test]
    fn each_is_read_by_its_name_and_of_one_sort() {
        for kind in SolarEdgeFault::KINDS {
            let rule: FaultRule<SolarEdgeFault> = kind.name.parse().unwrap();
            assert_eq!(rule.name(), kind.name);
            let sorts = [
                rule.fault.is_of_the_inverter(),
                rule.fault.is_lasting(),
                rule.fault.is_of_a_frame(),
            ];
            assert_eq!(sorts.iter().filter(|it| **it).count(), 1, "{rule}");
        }
        let error = "vlan@5%".parse::<FaultRule<SolarEdgeFault>>().unwrap_err();
        assert!(error.to_string().contains("vlan lasts"), "{error}");
    }
}
