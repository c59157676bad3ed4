//! What a device is asked for: the part of the table of metrics that its family is asked for, and a
//! register that is no metric.

use crate::adapters::victron::metrics::{Carrier, METRICS, Rhythm, VeMetric};
use crate::adapters::victron::wire::families::{Family, SHUNTS, SOLAR};
use crate::adapters::victron::wire::history::{DAYS, TODAY, TOTALS};
use crate::adapters::victron::wire::registers::RELAY_MODE;

/// A register to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its number.
    pub register: u16,
    /// How often.
    pub rhythm: Rhythm,
}

/// Tells whether the relay of a battery monitor may be set.
const OF_RELAY: Carrier = Carrier {
    register: RELAY_MODE,
    families: SHUNTS,
    rhythm: Some(Rhythm::Seldom),
};

/// What a family is asked for.
pub fn of(family: Option<Family>) -> impl Iterator<Item = Question> {
    let carriers = METRICS.iter().flat_map(VeMetric::carriers);
    let question = |carrier: &Carrier| {
        Some(Question {
            register: carrier.register,
            rhythm: carrier.rhythm?,
        })
    };
    carriers
        .chain([&OF_RELAY])
        .filter(move |carrier| carrier.families.include(family))
        .filter_map(question)
}

/// The registers of the former days of a family: the whole life, today, and back from there.
pub fn history(family: Option<Family>) -> impl Iterator<Item = u16> {
    let registers = std::iter::once(TOTALS).chain(TODAY..=TODAY + DAYS);
    registers.filter(move |_| SOLAR.include(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::victron::wire::registers::Register;

    #[test]
    fn the_yield_that_nobody_can_reset_comes_first() {
        for family in [Family::Mppt, Family::Rs] {
            let first = of(Some(family)).min_by_key(|question| question.rhythm);
            assert_eq!(first.unwrap().register, 0xeddd, "{family:?}");
        }
    }

    #[test]
    fn every_answer_can_be_read() {
        for family in Family::ALL {
            for Question { register, .. } in of(Some(family)) {
                assert!(Register::of(register).is_some(), "{register:#06x}");
            }
        }
    }

    #[test]
    fn only_what_lives_on_sun_is_asked_for_its_days() {
        assert_eq!(history(Some(Family::Mppt)).count(), 32);
        assert_eq!(history(Some(Family::Rs)).count(), 32);
        let others = Family::ALL
            .into_iter()
            .filter(|family| !SOLAR.include(Some(*family)));
        for family in others.map(Some).chain([None]) {
            assert_eq!(history(family).count(), 0, "{family:?}");
        }
    }

    #[test]
    fn nothing_is_asked_for_twice() {
        for family in Family::ALL {
            let mut registers: Vec<u16> =
                of(Some(family)).map(|question| question.register).collect();
            let count = registers.len();
            registers.sort_unstable();
            registers.dedup();
            assert_eq!(registers.len(), count, "{family:?}");
        }
    }
}
