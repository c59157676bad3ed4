//! Keeping up a limit of the charge current.
//!
//! A charger takes a limit from the network only while it is told again and again, and goes back to
//! its own after a minute. That is a safeguard, and is passed on: when nobody is there any more who
//! could lift the limit, it is no longer told.

use std::time::Duration;

use super::CHARGE_CURRENT_LIMIT;
use crate::adapters::victron::wire::hex::Request;

/// How the charger is told that it is controlled from afar: bit 0, networked; bit 2, externally. No
/// other bit is ever set.
const NETWORK_MODE: u16 = 0x200e;
const CONTROLLED: u8 = 0x05;
/// How often the limit is told.
const EVERY: Duration = Duration::from_secs(30);
/// How long nobody may be there before the limit counts as lifted: the charger forgets it then.
const GRACE: Duration = Duration::from_secs(60);

/// What tells a charger its limit in tenths of an ampere.
pub(super) fn writes(tenths: u16) -> [Request; 2] {
    [
        Request::Set(NETWORK_MODE, vec![CONTROLLED]),
        Request::Set(CHARGE_CURRENT_LIMIT, tenths.to_le_bytes().to_vec()),
    ]
}

/// A limit that is kept up, or none.
#[derive(Debug, Default)]
pub(in super::super) struct Limit {
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    tenths: u16,
    told: Duration,
    /// Since when nobody has been there.
    alone: Option<Duration>,
}

impl Limit {
    /// Keeps this limit up from now on.
    pub(super) fn set(&mut self, tenths: Option<u16>, now: Duration) {
        self.kept = tenths.map(|tenths| Kept {
            tenths,
            told: now,
            alone: None,
        });
    }

    /// Keeps none up any more.
    pub(super) fn lift(&mut self) {
        self.kept = None;
    }

    /// What to tell the charger now.
    pub(super) fn tick(&mut self, now: Duration, is_attended: bool) -> Vec<Request> {
        let Some(kept) = &mut self.kept else {
            return Vec::new();
        };
        if !is_attended {
            let alone = *kept.alone.get_or_insert(now);
            if now.saturating_sub(alone) >= GRACE {
                tracing::warn!(
                    "nobody can lift the limit of the charge current any more, so it is no longer kept up, and the \
                     charger goes by its own. Set the limit again once MQTT and Home Assistant are back."
                );
                self.kept = None;
            }
            return Vec::new();
        }
        let is_back = kept.alone.take().is_some();
        if !is_back && now.saturating_sub(kept.told) < EVERY {
            return Vec::new();
        }
        kept.told = now;
        writes(kept.tenths).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn times(limit: &mut Limit, seconds: std::ops::Range<u64>, is_attended: bool) -> Vec<u64> {
        let told = |second: &u64| !limit.tick(at(*second), is_attended).is_empty();
        seconds.filter(told).collect()
    }

    #[test]
    fn it_is_told_again_every_half_minute() {
        let mut limit = Limit::default();
        assert_eq!(times(&mut limit, 0..60, true), [0; 0]);
        limit.set(Some(100), at(0));
        assert_eq!(times(&mut limit, 1..100, true), [30, 60, 90]);
        assert_eq!(limit.tick(at(120), true), writes(100));
        limit.lift();
        assert_eq!(times(&mut limit, 121..200, true), [0; 0]);
    }

    #[test]
    fn it_is_not_told_while_nobody_is_there_to_lift_it() {
        let mut limit = Limit::default();
        limit.set(Some(100), at(0));
        assert_eq!(times(&mut limit, 1..50, false), [0; 0]);
        // Somebody is back before the charger has forgotten it.
        assert_eq!(times(&mut limit, 50..90, true), [50, 80]);
        assert_eq!(times(&mut limit, 90..151, false), [0; 0]);
        assert_eq!(times(&mut limit, 151..300, true), [0; 0]);
    }

    #[test]
    fn the_bit_that_locks_a_charger_is_never_written() {
        let Request::Set(register, bytes) = &writes(0)[0] else {
            panic!("it writes");
        };
        assert_eq!((*register, bytes.as_slice()), (0x200e, [0x05].as_slice()));
    }
}
