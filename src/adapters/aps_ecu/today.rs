//! Today's energy, which some firmware shows as 0: for moments, or for ever.

use std::time::Duration;

use jiff::civil::Date;

use super::wire::EcuInfo;
use crate::clock::Moment;

/// An ECU that has seen so much produced and still shows 0 does not count. It shows steps of 10 Wh.
const SURELY_COUNTED: u64 = 100;
/// Over a longer time than this, between two rounds, nobody knows what was produced.
const GAP: Duration = Duration::from_secs(1800);

/// Tells a false zero from a true one.
#[derive(Debug, Default)]
pub struct Today {
    /// Produced while the ECU showed 0, in watt-seconds.
    uncounted: u64,
    last: Option<(Duration, u32)>,
    /// The latest day of which the ECU has counted something.
    day: Option<Date>,
}

/// What today's energy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Energy {
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
    /// What to make of an answer on a day of the ECU's clock.
    pub fn read(&mut self, info: &EcuInfo, day: Date, now: Moment) -> Energy {
        let Some(today) = info.counted_today_wh() else {
            return Energy::AsBefore;
        };
        let power = info.measured_power_w().unwrap_or(0);
        let before = self.last.replace((now.steady, power));
        let suspicious = today == 0 && info.online > 0 && power > 0;
        if !suspicious {
            self.uncounted = 0;
            if today > 0 {
                self.day = Some(day);
            }
            return Energy::Counted(today);
        }
        let was_clear = self.is_clear();
        if let Some((since, power_before)) = before {
            let elapsed = now.since(since);
            if elapsed <= GAP {
                let least = u64::from(power_before.min(power));
                self.uncounted = self.uncounted.saturating_add(least * elapsed.as_secs());
            }
        }
        match (was_clear, self.is_clear()) {
            // The first light of a day of which nothing has been counted yet.
            (_, false) if self.day.is_some_and(|before| before < day) => Energy::Counted(0),
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

    const DAY: Date = jiff::civil::date(2026, 6, 21);

    fn at(minutes: u64) -> Moment {
        Moment {
            steady: Duration::from_secs(minutes * 60),
            ..Moment::NONE
        }
    }

    #[test]
    fn dawn_is_no_fault() {
        let mut today = Today::default();
        assert_eq!(today.read(&info(0, 0), DAY, at(0)), Energy::Counted(0));
        for round in 1..12 {
            assert_eq!(
                today.read(&info(0, 8), DAY, at(round * 5)),
                Energy::AsBefore
            );
        }
        assert_eq!(today.read(&info(10, 20), DAY, at(60)), Energy::Counted(10));
    }

    #[test]
    fn a_zero_that_lasts_in_the_sun_is_not_counted() {
        let mut today = Today::default();
        assert_eq!(
            today.read(&info(3100, 1200), DAY, at(0)),
            Energy::Counted(3100)
        );
        assert_eq!(today.read(&info(0, 1200), DAY, at(4)), Energy::AsBefore);
        assert_eq!(
            today.read(&info(0, 1200), DAY, at(9)),
            Energy::NotCounted { first: true }
        );
        assert_eq!(
            today.read(&info(0, 1200), DAY, at(14)),
            Energy::NotCounted { first: false }
        );
        assert_eq!(
            today.read(&info(3200, 1200), DAY, at(19)),
            Energy::Counted(3200)
        );
    }

    #[test]
    fn gaps_prove_nothing() {
        let mut today = Today::default();
        for round in 0..10 {
            assert_eq!(
                today.read(&info(0, 5000), DAY, at(round * 60)),
                Energy::AsBefore
            );
        }
    }

    #[test]
    fn the_first_light_of_a_new_day_is_no_fault_of_the_day_before() {
        let mut today = Today::default();
        today.read(&info(23_400, 20), DAY, at(0));
        assert_eq!(today.read(&info(0, 8), DAY, at(5)), Energy::AsBefore);
        let next = DAY.tomorrow().unwrap();
        assert_eq!(today.read(&info(0, 8), next, at(600)), Energy::Counted(0));
        assert_eq!(
            today.read(&info(10, 90), next, at(605)),
            Energy::Counted(10)
        );
        assert_eq!(today.read(&info(0, 90), next, at(610)), Energy::AsBefore);
    }
}
