//! Keeping up a limit of the charge current.
//!
//! A charger takes a limit from the network only while it is told again and again, and goes back to
//! its own after a minute. That is a safeguard, and is passed on: when nobody is there any more who
//! could lift the limit, it is no longer told.

use std::time::Duration;

use jiff::Timestamp;

use super::CHARGE_CURRENT_LIMIT;
use crate::adapters::victron::wire::hex::Request;
use crate::adapters::victron::wire::registers::{NETWORK_CONTROLLED, NETWORK_MODE};

/// How often the limit is told.
const EVERY: Duration = Duration::from_secs(30);
/// The same, while the charger has not confirmed it.
const AGAIN: Duration = Duration::from_secs(10);
/// How long it may stay unconfirmed before it counts as lifted: the charger forgets it then.
const GRACE: Duration = Duration::from_secs(60);

const ALONE: &str = "nobody can lift the limit of the charge current any more, so it is no longer kept up, and the \
                     charger goes by its own. Set the limit again once MQTT and Home Assistant are back.";
const UNTOLD: &str = "the charger could not be told its limit of the charge current for a minute, or did not take it, so \
                      it is no longer kept up, and the charger goes by its own. Set the limit again when the device answers.";

/// What tells a charger its limit in tenths of an ampere.
pub fn writes(tenths: u16) -> [Request; 2] {
    [
        Request::Set(NETWORK_MODE, vec![NETWORK_CONTROLLED]),
        Request::Set(CHARGE_CURRENT_LIMIT, tenths.to_le_bytes().to_vec()),
    ]
}

/// Whether a register has to do with a limit.
pub const fn is_of_limit(register: u16) -> bool {
    matches!(register, NETWORK_MODE | CHARGE_CURRENT_LIMIT)
}

/// What is to be done for a limit now.
#[derive(Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Nothing.
    Nothing,
    /// To tell the charger again.
    Tell([Request; 2]),
    /// The limit has ended, for this reason.
    Over(&'static str),
}

/// A limit that is kept up, or none.
#[derive(Debug, Default)]
pub struct Limit {
    kept: Option<Kept>,
    last: Option<Timestamp>,
}

#[derive(Debug)]
struct Kept {
    tenths: u16,
    /// How long ago it was told, and confirmed. Both run on while the port is closed.
    told: Duration,
    confirmed: Duration,
    /// Whether it has been confirmed since it was told.
    is_confirmed: bool,
    /// Whether nobody has been there since it was told.
    is_alone: bool,
}

impl Limit {
    /// Keeps this limit up from now on, which the charger has just confirmed.
    pub fn set(&mut self, tenths: u16) {
        self.kept = Some(Kept {
            tenths,
            told: Duration::ZERO,
            confirmed: Duration::ZERO,
            is_confirmed: true,
            is_alone: false,
        });
    }

    /// Keeps none up any more.
    pub fn lift(&mut self) {
        self.kept = None;
    }

    /// Whether one is kept up.
    pub const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The charger has taken a limit, in the bytes of its register.
    pub fn confirm(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept
            && kept.tenths.to_le_bytes() == bytes
        {
            (kept.confirmed, kept.is_confirmed) = (Duration::ZERO, true);
        }
    }

    /// What to do now. A clock that is set back stands still here, and one that leaps ends a limit:
    /// nobody knows then how long the charger was left alone.
    pub fn tick(&mut self, at: Timestamp, is_attended: bool, is_sure: bool) -> Upkeep {
        let passed = self.last.replace(at).map(|last| at.duration_since(last));
        let passed = passed.and_then(|passed| Duration::try_from(passed).ok());
        let Some(kept) = &mut self.kept else {
            return Upkeep::Nothing;
        };
        kept.told += passed.unwrap_or_default();
        kept.confirmed += passed.unwrap_or_default();
        if kept.confirmed >= GRACE {
            self.kept = None;
            return Upkeep::Over(if is_attended { UNTOLD } else { ALONE });
        }
        kept.is_alone |= !is_attended;
        if !is_attended || !is_sure {
            return Upkeep::Nothing;
        }
        let every = if kept.is_confirmed { EVERY } else { AGAIN };
        let is_back = std::mem::take(&mut kept.is_alone);
        if !is_back && kept.told < every {
            return Upkeep::Nothing;
        }
        (kept.told, kept.is_confirmed) = (Duration::ZERO, false);
        Upkeep::Tell(writes(kept.tenths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_second(1_000_000 + i64::try_from(seconds).unwrap()).unwrap()
    }

    /// When it is told; the charger confirms it if it `hears`.
    fn times(
        limit: &mut Limit,
        seconds: std::ops::Range<u64>,
        is_attended: bool,
        hears: bool,
    ) -> Vec<u64> {
        let told = |second: &u64| {
            let told = limit.tick(at(*second), is_attended, true);
            if hears && let Upkeep::Tell([_, Request::Set(_, bytes)]) = &told {
                limit.confirm(bytes);
            }
            told != Upkeep::Nothing
        };
        seconds.filter(told).collect()
    }

    #[test]
    fn it_is_told_again_every_half_minute() {
        let mut limit = Limit::default();
        assert_eq!(times(&mut limit, 0..60, true, true), [0; 0]);
        limit.set(100);
        assert_eq!(times(&mut limit, 60..150, true, true), [89, 119, 149]);
        assert_eq!(limit.tick(at(180), true, true), Upkeep::Tell(writes(100)));
        limit.lift();
        assert_eq!(times(&mut limit, 181..300, true, true), [0; 0]);
    }

    #[test]
    fn it_is_not_told_while_nobody_is_there_to_lift_it() {
        let mut limit = Limit::default();
        limit.tick(at(0), true, true);
        limit.set(100);
        assert_eq!(times(&mut limit, 1..50, false, true), [0; 0]);
        // Somebody is back before the charger has forgotten it.
        assert_eq!(times(&mut limit, 50..90, true, true), [50, 80]);
        assert_eq!(times(&mut limit, 90..140, false, true), [0; 0]);
        assert_eq!(limit.tick(at(140), false, true), Upkeep::Over(ALONE));
        assert_eq!(times(&mut limit, 141..300, true, true), [0; 0]);
    }

    #[test]
    fn it_ends_with_a_word_when_the_charger_does_not_take_it() {
        let mut limit = Limit::default();
        limit.tick(at(0), true, true);
        limit.set(100);
        assert_eq!(times(&mut limit, 1..60, true, false), [30, 40, 50]);
        assert_eq!(limit.tick(at(60), true, true), Upkeep::Over(UNTOLD));
        assert_eq!(times(&mut limit, 61..300, true, true), [0; 0]);
        // A confirmation of another limit is none.
        limit.set(100);
        limit.confirm(&200_u16.to_le_bytes());
        assert_eq!(limit.tick(at(359), true, true), Upkeep::Over(UNTOLD));
    }

    #[test]
    fn it_ends_when_the_device_was_unplugged_for_longer_than_a_minute() {
        let mut limit = Limit::default();
        limit.tick(at(0), true, true);
        limit.set(100);
        assert_eq!(limit.tick(at(20), true, false), Upkeep::Nothing);
        assert_eq!(limit.tick(at(59), true, true), Upkeep::Tell(writes(100)));
        assert_eq!(limit.tick(at(3600), true, false), Upkeep::Over(UNTOLD));
    }

    #[test]
    fn the_bit_that_locks_a_charger_is_never_written() {
        let Request::Set(register, bytes) = &writes(0)[0] else {
            panic!("it writes");
        };
        assert_eq!((*register, bytes.as_slice()), (0x200e, [0x05].as_slice()));
    }
}
