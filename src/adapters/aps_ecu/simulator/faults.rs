//! What can go wrong with a gateway, and how people ask for it: `NAME[=VALUE][@WHEN]`.
//!
//! The times are those of [`Schedule`](crate::simulation::Schedule).
//!
//! All of this has been seen on real gateways, apart from the garbage.

use std::time::Duration;

use super::super::wire::{Product, Status};
use super::plant::product_named;
use crate::simulation::Fault;
use crate::simulation::fault::{FaultKind, Refusal, length, number, plain};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EcuFault {
    /// The port is closed, after single connections for this long.
    Refuse(Duration),
    /// Takes connections and requests, and never answers.
    Hang,
    /// Closes the connection instead of answering.
    Empty,
    /// So many clients at a time; the port is closed while they are connected.
    Slots(usize),
    /// So many clients at a time; others are taken and never answered.
    Busy(usize),
    /// Waits before it answers.
    Slow(Duration),
    /// Sends the answer in pieces of so many bytes, with pauses.
    Split(usize, Duration),
    /// Sends so many bytes of the answer, or half of it, and closes the connection.
    Truncate(Option<usize>),
    /// So many bytes of something else before the answer.
    GarbageBefore(usize),
    /// So many bytes of something else after the answer.
    GarbageAfter(usize),
    /// A status instead of the answer.
    Status(Status),
    /// The lifetime energy is 0.
    LifetimeZero,
    /// The lifetime energy is so many Wh too high.
    LifetimeJump(u64),
    /// The energy of today is 0.
    TodayZero,
    /// The energy of today is 0 for as long as this lasts.
    TodayStuck,
    /// Answers repeat; their timestamp stands still.
    Stale,
    /// The list of inverters is empty.
    EmptyList,
    /// The record of one inverter has an unknown type.
    UnknownType(usize),
    /// The records of the type of one inverter are longer than anybody has described.
    LongerRecord(usize),
    /// The answer says another number of inverters than it lists.
    WrongCount(usize),
    /// One inverter is online and everything it measured is 0.
    Blank(usize),
    /// The inverters have other ids in each answer.
    StrangeIds,
    /// The gateway's own id is registered as an inverter.
    EcuAsInverter,
    /// The id of another gateway is registered as an inverter.
    ForeignEcu,
    /// The answer lacks its last byte, a newline.
    NoNewline,
    /// Sends the beginnings of frames instead of the answer, without end.
    Endless,
    /// The energies of past days have 4 bytes, also in group 11.
    WideHistory,
    /// The energy of past days is empty.
    NoHistory,
    /// All inverters are off, as at night.
    Sleep,
    /// Each inverter wakes so much later than the one before.
    WakeApart(Duration),
    /// One inverter is not heard.
    Missing(usize),
    /// One inverter is not registered any more.
    LostInverter(usize),
    /// An inverter is registered in addition.
    NewInverter(&'static Product),
    /// The port is closed; when it opens again, no inverter has been heard yet.
    Reboot,
}

const DS3: &str = "DS3";
const SECOND: Duration = Duration::from_secs(1);

impl Fault for EcuFault {
    const EXAMPLES: [&'static str; 5] = [
        "lifetime-zero@5%",
        "refuse@every=10",
        "status-02@first=3",
        "hang@30s..60s",
        "hang",
    ];
    #[rustfmt::skip]
    const KINDS: &'static [FaultKind<Self>] = &[
        FaultKind::new("refuse", "10s", |v| length(v, 10 * SECOND).map(Self::Refuse), "the port is closed"),
        FaultKind::new("hang", "", |v| plain(v, Self::Hang), "connections are taken, nothing is ever answered"),
        FaultKind::new("empty", "", |v| plain(v, Self::Empty), "connections are closed without an answer"),
        FaultKind::new("slots", "1", |v| number(v, 1).map(Self::Slots), "with so many clients the port is closed to others").lasting(),
        FaultKind::new("busy", "1", |v| number(v, 1).map(Self::Busy), "with so many clients others get no answer").lasting(),
        FaultKind::new("slow", "3s", |v| length(v, 3 * SECOND).map(Self::Slow), "answers come late"),
        FaultKind::new("split", "7 or 7/20ms", split, "answers come in pieces of so many bytes, with pauses"),
        FaultKind::new("truncate", "BYTES", truncate, "answers are cut after so many bytes, or in the middle"),
        FaultKind::new("garbage-before", "7", |v| number(v, 7).map(Self::GarbageBefore), "so many bytes of something else before answers"),
        FaultKind::new("garbage-after", "7", |v| number(v, 7).map(Self::GarbageAfter), "so many bytes of something else after answers"),
        FaultKind::new("status-01", "", |v| plain(v, Self::Status(Status::WrongEcuId)), "answers say that the ECU id is wrong"),
        FaultKind::new("status-02", "", |v| plain(v, Self::Status(Status::NoData)), "answers say that there is no data yet"),
        FaultKind::new("lifetime-zero", "", |v| plain(v, Self::LifetimeZero), "the lifetime energy is 0"),
        FaultKind::new("lifetime-jump", "1000", |v| number(v, 1000).map(|kwh| Self::LifetimeJump(kwh as u64 * 1000)), "the lifetime energy is so many kWh too high"),
        FaultKind::new("today-zero", "", |v| plain(v, Self::TodayZero), "the energy of today is 0"),
        FaultKind::new("today-stuck", "", |v| plain(v, Self::TodayStuck), "the energy of today stays 0").lasting(),
        FaultKind::new("stale", "", |v| plain(v, Self::Stale), "answers repeat, the time of the last cycle stands still").lasting(),
        FaultKind::new("empty-list", "", |v| plain(v, Self::EmptyList), "the list of inverters is empty"),
        FaultKind::new("unknown-type", "1", |v| number(v, 1).map(Self::UnknownType), "the record of this inverter has an unknown type"),
        FaultKind::new("longer-record", "1", |v| number(v, 1).map(Self::LongerRecord), "records of this inverter's type have an unknown size"),
        FaultKind::new("wrong-count", "1", |v| number(v, 1).map(Self::WrongCount), "answers say that they list so many inverters"),
        FaultKind::new("blank", "1", |v| number(v, 1).map(Self::Blank), "this inverter is online, but everything it measures is 0"),
        FaultKind::new("strange-ids", "", |v| plain(v, Self::StrangeIds), "the inverters have other ids in each answer"),
        FaultKind::new("ecu-as-inverter", "", |v| plain(v, Self::EcuAsInverter), "the ECU's own id is among the inverters"),
        FaultKind::new("foreign-ecu", "", |v| plain(v, Self::ForeignEcu), "the id of another ECU is among the inverters"),
        FaultKind::new("no-newline", "", |v| plain(v, Self::NoNewline), "answers lack their last byte, a newline"),
        FaultKind::new("endless", "", |v| plain(v, Self::Endless), "instead of answers come bytes without end"),
        FaultKind::new("wide-history", "", |v| plain(v, Self::WideHistory), "the energies of past days have 4 bytes in any group"),
        FaultKind::new("no-history", "", |v| plain(v, Self::NoHistory), "the energy of past days is empty"),
        FaultKind::new("sleep", "", |v| plain(v, Self::Sleep), "night falls at once").lasting(),
        FaultKind::new("wake-apart", "20m", |v| length(v, 1200 * SECOND).map(Self::WakeApart), "each inverter wakes so much later than the one before").lasting(),
        FaultKind::new("missing", "1", |v| number(v, 1).map(Self::Missing), "this inverter is not heard").lasting(),
        FaultKind::new("lost-inverter", "1", |v| number(v, 1).map(Self::LostInverter), "this inverter disappears from the list").lasting(),
        FaultKind::new("new-inverter", DS3, new_inverter, "an inverter joins the list").lasting(),
        FaultKind::new("reboot", "", |v| plain(v, Self::Reboot), "the port is closed; then no inverter has been heard").lasting(),
    ];
}

fn split(value: Option<&str>) -> Result<EcuFault, Refusal> {
    let (bytes, pause) = match value.and_then(|value| value.split_once('/')) {
        Some((bytes, pause)) => (Some(bytes), length(Some(pause), Duration::ZERO)?),
        None => (value, Duration::ZERO),
    };
    Ok(EcuFault::Split(number(bytes, 7)?, pause))
}

fn truncate(value: Option<&str>) -> Result<EcuFault, Refusal> {
    let bytes = value.map(|value| number(Some(value), 0)).transpose()?;
    Ok(EcuFault::Truncate(bytes))
}

fn new_inverter(value: Option<&str>) -> Result<EcuFault, Refusal> {
    let product =
        product_named(value.unwrap_or(DS3)).map_err(|error| Refusal::Because(error.to_string()))?;
    Ok(EcuFault::NewInverter(product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{FaultRule, Schedule};

    fn fault(text: &str) -> EcuFault {
        text.parse::<FaultRule<EcuFault>>().unwrap().fault
    }

    fn error(text: &str) -> String {
        text.parse::<FaultRule<EcuFault>>().unwrap_err().to_string()
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(fault("refuse=2s"), EcuFault::Refuse(2 * SECOND));
        let pause = Duration::from_millis(20);
        assert_eq!(fault("split=1/20ms"), EcuFault::Split(1, pause));
        assert_eq!(fault("split"), EcuFault::Split(7, Duration::ZERO));
        assert_eq!(fault("truncate=20@first=3"), EcuFault::Truncate(Some(20)));
        assert_eq!(fault("truncate"), EcuFault::Truncate(None));
        assert_eq!(fault("lifetime-jump"), EcuFault::LifetimeJump(1_000_000));
        assert_eq!(
            fault("new-inverter=qs1"),
            EcuFault::NewInverter(product_named("QS1").unwrap())
        );
    }

    #[test]
    fn every_fault_is_written_as_its_help_says() {
        for kind in EcuFault::KINDS {
            let rule: FaultRule<EcuFault> = kind.name.parse().unwrap();
            assert_eq!(rule.when, Schedule::Always, "{}", kind.name);
            let example = kind.value.split(' ').next().unwrap();
            if !matches!(example, "" | "BYTES") {
                fault(&format!("{}={example}", kind.name));
            }
        }
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(error("hung").contains("no fault \"hung\"; known are refuse, hang"));
        assert!(error("split=0").contains("split=7"));
        assert!(error("new-inverter=XY").contains("known are YC500"));
        assert!(error("sleep@5%").contains("sleep@30s..60s"));
    }
}
