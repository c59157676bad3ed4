//! What the faults that hold mean on the air.

use std::time::Duration;

use super::faults::ZigbeeFault;
use super::manners::{AirConditions, AirMishaps};
use crate::simulation::Faults;

/// What holds for all inverters with these faults.
pub fn of<'a>(lasting: impl Iterator<Item = &'a ZigbeeFault>) -> AirConditions {
    let mut conditions = AirConditions::default();
    for fault in lasting {
        match *fault {
            ZigbeeFault::Night => conditions.is_night = true,
            ZigbeeFault::NoGrid => conditions.has_no_grid = true,
            ZigbeeFault::NoPanel(input) => conditions.missing_input = input.checked_sub(1),
            ZigbeeFault::Zeros => conditions.has_zeros = true,
            ZigbeeFault::Flapping => conditions.is_flapping = true,
            ZigbeeFault::LimitForgotten => conditions.forgets_limits = true,
            ZigbeeFault::OldFirmware => conditions.loses_long = true,
            ZigbeeFault::OneAnswer => conditions.answers_once = true,
            ZigbeeFault::Patience(count) => conditions.patience = few(count),
            ZigbeeFault::NoEcho => conditions.has_no_echo = true,
            ZigbeeFault::PairNever => conditions.pairs_never = true,
            ZigbeeFault::PairRound(round) => conditions.pairs_from = few(round),
            ZigbeeFault::PairOnAsk => conditions.pairs_on_ask = true,
            ZigbeeFault::PairOnMove => conditions.pairs_on_move = true,
            ZigbeeFault::PairRestarted => conditions.pairs_restarted = true,
            ZigbeeFault::LimitMarker(marker) => conditions.limit_marker = Some(marker),
            ZigbeeFault::PairOthers => conditions.pairs_others = true,
            _ => {}
        }
    }
    conditions
}

fn few(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What happens to the next request.
pub fn mishaps(faults: &mut Faults<ZigbeeFault>, elapsed: Duration) -> AirMishaps {
    let mut is = |wanted: ZigbeeFault| {
        let pick = |fault: &ZigbeeFault| (*fault == wanted).then_some(());
        faults.hit(elapsed, pick).is_some()
    };
    let mut mishaps = AirMishaps {
        is_lost: is(ZigbeeFault::Lost),
        has_no_route: is(ZigbeeFault::NoRoute),
        has_no_ack: is(ZigbeeFault::NoAck),
        late: Duration::ZERO,
        is_repeated: is(ZigbeeFault::Repeated),
        is_looped: is(ZigbeeFault::Looped),
        ignores_limit: is(ZigbeeFault::LimitIgnored),
        refuses_limit: is(ZigbeeFault::LimitRefused),
    };
    let late = |fault: &ZigbeeFault| match *fault {
        ZigbeeFault::Late(late) => Some(late),
        _ => None,
    };
    if let Some((_, late)) = faults.hit(elapsed, late) {
        mishaps.late = late;
    }
    mishaps
}
