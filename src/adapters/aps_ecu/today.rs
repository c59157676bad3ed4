//! Today's energy, which some firmware shows as 0: for moments, or for ever.

use std::time::Duration;

use jiff::Timestamp;

use super::wire::EcuInfo;

/// An ECU that has seen so much produced and still shows 0 does not count. It shows steps of 10 Wh.
const SURELY_COUNTED: u64 = 100;
/// Over a longer time than this, between two rounds, nobody knows what was produced.
const GAP: Duration = Duration::from_secs(1800);

/// Tells a false zero from a true one.
#[derive(Debug, Default)]
pub(super) struct Today {
    /// Produced while the ECU showed 0, in watt-seconds.
    uncounted: u64,
    last: Option<(Timestamp, u32)>,
}

/// What today's energy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Energy {
    /// As the ECU says, in Wh.
    Counted(u64),
    /// It shows 0 for the moment; what it said before still counts.
    AsBefore,
    /// It does not count. `first` when this has just become clear.
    NotCounted {
        /// Whether this is news.
        first: bool,
    },
}

impl Today {
    /// What to make of an answer.
    pub(super) fn read(&mut self, info: &EcuInfo, now: Timestamp) -> Energy {
        let before = self.last.replace((now, info.power_w));
        let suspicious = info.today_wh == 0 && info.online > 0 && info.power_w > 0;
        if !suspicious {
            self.uncounted = 0;
            return Energy::Counted(info.today_wh);
        }
        let was_clear = self.is_clear();
        if let Some((since, power)) = before {
            let elapsed = now.duration_since(since).unsigned_abs();
            if elapsed <= GAP {
                let least = u64::from(power.min(info.power_w));
                self.uncounted = self.uncounted.saturating_add(least * elapsed.as_secs());
            }
        }
        match (was_clear, self.is_clear()) {
            (_, false) => Energy::AsBefore,
            (was_clear, true) => Energy::NotCounted { first: !was_clear },
        }
    }

    const fn is_clear(&self) -> bool {
        self.uncounted >= SURELY_COUNTED * 3600
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::aps_ecu::wire::Group;

    fn info(today_wh: u64, power_w: u32) -> EcuInfo {
        EcuInfo {
            ecu: "216000000001".parse().unwrap(),
            group: Group::G11,
            model: *b"01",
            lifetime_wh: 1000,
            power_w,
            today_wh,
            last_upload: None,
            registered: 1,
            online: u16::from(power_w > 0),
            channel: String::new(),
            firmware: String::new(),
            time_zone: String::new(),
            mac_ethernet: None,
            mac_wifi: None,
            tail: Vec::new(),
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn dawn_is_no_fault() {
        let mut today = Today::default();
        assert_eq!(today.read(&info(0, 0), at(0)), Energy::Counted(0));
        for round in 1..12 {
            assert_eq!(today.read(&info(0, 8), at(round * 5)), Energy::AsBefore);
        }
        assert_eq!(today.read(&info(10, 20), at(60)), Energy::Counted(10));
    }

    #[test]
    fn a_zero_that_lasts_in_the_sun_is_not_counted() {
        let mut today = Today::default();
        assert_eq!(today.read(&info(3100, 1200), at(0)), Energy::Counted(3100));
        assert_eq!(today.read(&info(0, 1200), at(4)), Energy::AsBefore);
        assert_eq!(
            today.read(&info(0, 1200), at(9)),
            Energy::NotCounted { first: true }
        );
        assert_eq!(
            today.read(&info(0, 1200), at(14)),
            Energy::NotCounted { first: false }
        );
        assert_eq!(today.read(&info(3200, 1200), at(19)), Energy::Counted(3200));
    }

    #[test]
    fn gaps_prove_nothing() {
        let mut today = Today::default();
        for round in 0..10 {
            assert_eq!(today.read(&info(0, 5000), at(round * 60)), Energy::AsBefore);
        }
    }
}
