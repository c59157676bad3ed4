//! What can go wrong with a stick, on the air and with inverters, as people write it: `NAME[=VALUE][@WHEN]`.

use std::time::Duration;

use crate::simulation::Fault;
use crate::simulation::fault::{FaultKind, Refusal, length, number, plain};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZigbeeFault {
    /// A restart of the stick takes so long, and it hears nothing then.
    SlowReset(Duration),
    /// With power its boot loader holds it for so long, unless it is told EF.
    BootLoader(Duration),
    /// Its network takes so long to start.
    SlowStart(Duration),
    /// Not a byte comes.
    Mute,
    /// What is sent comes back, and nothing else.
    OwnBytes,
    /// A byte or two before a frame that mean nothing.
    Stray,
    /// So many bytes of anything before a frame.
    Noise(usize),
    /// A frame comes in pieces of so many bytes.
    Split(usize),
    /// Between two pieces of a frame passes so long.
    Pause(Duration),
    /// Frames come several at once.
    Glued,
    /// The check sum of a frame is wrong.
    WrongSum,
    /// After so many requests the stick says nothing more.
    Freeze(usize),
    /// It answers, and hears nobody.
    Deaf,
    /// A message is not taken, with this status.
    Refuse(u8),
    /// Whether a message is taken is told so late, maybe after what became of it.
    SlowAnswer(Duration),
    /// It does not say what became of a message.
    NoConfirm,
    /// It starts anew by itself.
    StickRestart,
    /// The address that it is given is lost.
    AddressLost,
    /// It has another one.
    AddressForeign,
    /// What the simple API would be told is not answered: the firmware has none.
    NoSimpleApi,
    /// Pairing is refused until the stick is woken by 67 00.
    NeedsWaking,
    /// An answer is lost.
    Lost,
    /// Nobody knows the way.
    NoRoute,
    /// Nobody acknowledges.
    NoAck,
    /// An answer is so late.
    Late(Duration),
    /// An answer comes twice.
    Repeated,
    /// What was sent comes back as if heard.
    Looped,
    /// It is night.
    Night,
    /// There is no grid.
    NoGrid,
    /// This input, from 1 on, has no panel.
    NoPanel(usize),
    /// A QS1 tells zeros for the grid.
    Zeros,
    /// In twilight inverters start over and over.
    Flapping,
    /// All inverters start anew.
    InverterRestart,
    /// Answers in two parts do not reach the host.
    OldFirmware,
    /// Each inverter answers once after a start of the stick.
    OneAnswer,
    /// So many requests to each inverter go unanswered after a start of the stick.
    Patience(usize),
    /// Another gateway asks in the same network, so often.
    OtherGateway(Duration),
    /// Another gateway takes all inverters away.
    TakenAway,
    /// Nobody repeats what is said to everybody.
    NoEcho,
    /// Nobody answers when it is paired.
    PairNever,
    /// They do from this round on.
    PairRound(usize),
    /// Only when asked for the address.
    PairOnAsk,
    /// Only when told to move.
    PairOnMove,
    /// Only those that have started anew since they were there do.
    PairRestarted,
    /// Others answer as well.
    PairOthers,
    /// A limit is taken and not kept.
    LimitIgnored,
    /// A limit is refused.
    LimitRefused,
    /// Behind the limit stands this.
    LimitMarker([u8; 2]),
    /// Limits are forgotten at night.
    LimitForgotten,
}

/// For a status in two hexadecimal digits.
fn status(value: Option<&str>) -> Result<ZigbeeFault, Refusal> {
    let code = u8::from_str_radix(value.unwrap_or("11"), 16);
    code.map(ZigbeeFault::Refuse).map_err(|_| Refusal::Wrong)
}

/// For two bytes in four hexadecimal digits.
fn marker(value: Option<&str>) -> Result<ZigbeeFault, Refusal> {
    let word = u16::from_str_radix(value.unwrap_or("0366"), 16);
    word.map(|word| ZigbeeFault::LimitMarker(word.to_be_bytes()))
        .map_err(|_| Refusal::Wrong)
}

const SECOND: Duration = Duration::from_secs(1);

impl Fault for ZigbeeFault {
    const EXAMPLES: [&'static str; 5] = [
        "lost@5%",
        "split=3@every=10",
        "limit-ignored@first=3",
        "night@30s..60s",
        "deaf",
    ];
    #[rustfmt::skip]
    const KINDS: &'static [FaultKind<Self>] = &[
        FaultKind::new("slow-reset", "20s", |v| length(v, 20 * SECOND).map(Self::SlowReset), "a restart of the stick takes so long").lasting(),
        FaultKind::new("boot-loader", "120s", |v| length(v, 120 * SECOND).map(Self::BootLoader), "it is held for so long when it gets power, unless told EF").lasting(),
        FaultKind::new("slow-start", "8s", |v| length(v, 8 * SECOND).map(Self::SlowStart), "its network takes so long to start").lasting(),
        FaultKind::new("mute", "", |v| plain(v, Self::Mute), "not a byte comes").lasting(),
        FaultKind::new("own-bytes", "", |v| plain(v, Self::OwnBytes), "what is sent comes back, and nothing else").lasting(),
        FaultKind::new("stray", "", |v| plain(v, Self::Stray), "F8, F0 F8 or 00 before a frame"),
        FaultKind::new("noise", "20", |v| number(v, 20).map(Self::Noise), "so many bytes of anything before a frame"),
        FaultKind::new("split", "3", |v| number(v, 3).map(Self::Split), "a frame comes in pieces of so many bytes"),
        FaultKind::new("pause", "200ms", |v| length(v, SECOND / 5).map(Self::Pause), "so long between pieces, with split").lasting(),
        FaultKind::new("glued", "", |v| plain(v, Self::Glued), "frames come several at once").lasting(),
        FaultKind::new("wrong-sum", "", |v| plain(v, Self::WrongSum), "the check sum of a frame is wrong"),
        FaultKind::new("freeze", "40", |v| number(v, 40).map(Self::Freeze), "after so many requests it says nothing more").lasting(),
        FaultKind::new("deaf", "", |v| plain(v, Self::Deaf), "it answers, and hears nobody").lasting(),
        FaultKind::new("refuse", "11", status, "a message is not taken, with this status"),
        FaultKind::new("slow-answer", "700ms", |v| length(v, SECOND * 7 / 10).map(Self::SlowAnswer), "whether a message is taken is told so late"),
        FaultKind::new("no-confirm", "", |v| plain(v, Self::NoConfirm), "it does not say what became of a message"),
        FaultKind::new("stick-restart", "", |v| plain(v, Self::StickRestart), "it starts anew by itself").once(),
        FaultKind::new("address-lost", "", |v| plain(v, Self::AddressLost), "the address that it is given is lost").lasting(),
        FaultKind::new("address-foreign", "", |v| plain(v, Self::AddressForeign), "it has another address").lasting(),
        FaultKind::new("no-simple-api", "", |v| plain(v, Self::NoSimpleApi), "writes and the start of the network go unanswered").lasting(),
        FaultKind::new("needs-waking", "", |v| plain(v, Self::NeedsWaking), "pairing is refused until it is sent 67 00").lasting(),
        FaultKind::new("lost", "", |v| plain(v, Self::Lost), "an answer of an inverter is lost"),
        FaultKind::new("no-route", "", |v| plain(v, Self::NoRoute), "nobody knows the way to it"),
        FaultKind::new("no-ack", "", |v| plain(v, Self::NoAck), "nobody acknowledges"),
        FaultKind::new("late", "6s", |v| length(v, 6 * SECOND).map(Self::Late), "its answer is so late"),
        FaultKind::new("repeated", "", |v| plain(v, Self::Repeated), "its answer comes twice"),
        FaultKind::new("looped", "", |v| plain(v, Self::Looped), "what was sent comes back as if heard"),
        FaultKind::new("night", "", |v| plain(v, Self::Night), "it is night").lasting(),
        FaultKind::new("no-grid", "", |v| plain(v, Self::NoGrid), "inverters have no grid").lasting(),
        FaultKind::new("no-panel", "2", |v| number(v, 2).map(Self::NoPanel), "this input has no panel").lasting(),
        FaultKind::new("zeros", "", |v| plain(v, Self::Zeros), "a QS1 tells zeros for voltage and frequency").lasting(),
        FaultKind::new("flapping", "", |v| plain(v, Self::Flapping), "in twilight inverters start over and over").lasting(),
        FaultKind::new("inverter-restart", "", |v| plain(v, Self::InverterRestart), "all inverters start anew").once(),
        FaultKind::new("old-firmware", "", |v| plain(v, Self::OldFirmware), "answers of DS3 and its kin do not come through").lasting(),
        FaultKind::new("one-answer", "", |v| plain(v, Self::OneAnswer), "each answers once after a start of the stick").lasting(),
        FaultKind::new("patience", "2", |v| number(v, 2).map(Self::Patience), "so many requests to each go unanswered then").lasting(),
        FaultKind::new("other-gateway", "30s", |v| length(v, 30 * SECOND).map(Self::OtherGateway), "another one asks in the same network, so often").lasting(),
        FaultKind::new("taken-away", "", |v| plain(v, Self::TakenAway), "another gateway takes all inverters away").once(),
        FaultKind::new("no-echo", "", |v| plain(v, Self::NoEcho), "nobody repeats what is said to everybody").lasting(),
        FaultKind::new("pair-never", "", |v| plain(v, Self::PairNever), "nobody answers when it is paired").lasting(),
        FaultKind::new("pair-round", "3", |v| number(v, 3).map(Self::PairRound), "they do from this round on").lasting(),
        FaultKind::new("pair-on-ask", "", |v| plain(v, Self::PairOnAsk), "only when asked for the address").lasting(),
        FaultKind::new("pair-on-move", "", |v| plain(v, Self::PairOnMove), "only when told to move; with both: twice").lasting(),
        FaultKind::new("pair-restarted", "", |v| plain(v, Self::PairRestarted), "only those that have started anew do").lasting(),
        FaultKind::new("pair-others", "", |v| plain(v, Self::PairOthers), "others answer as well").lasting(),
        FaultKind::new("limit-ignored", "", |v| plain(v, Self::LimitIgnored), "a limit is taken and not kept"),
        FaultKind::new("limit-refused", "", |v| plain(v, Self::LimitRefused), "a limit is refused"),
        FaultKind::new("limit-marker", "0366", marker, "behind the limit stands this, where others have 3B66").lasting(),
        FaultKind::new("limit-forgotten", "", |v| plain(v, Self::LimitForgotten), "limits are forgotten at night").lasting(),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::FaultRule;

    fn rule(text: &str) -> FaultRule<ZigbeeFault> {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(rule("refuse=C2@first=1").fault, ZigbeeFault::Refuse(0xc2));
        assert_eq!(rule("late").fault, ZigbeeFault::Late(6 * SECOND));
        assert!("refuse=never".parse::<FaultRule<ZigbeeFault>>().is_err());
        for kind in ZigbeeFault::KINDS {
            assert_eq!(rule(kind.name).name(), kind.name);
        }
        for example in ZigbeeFault::EXAMPLES {
            rule(example);
        }
    }
}
