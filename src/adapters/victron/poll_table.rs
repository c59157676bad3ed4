//! What a device is asked for, and how often: data, not code.

use std::time::Duration;

use super::wire::families::{
    ALL, CHARGER, CHARGERS, DCDC, FED, Families, Family, INVERTER, INVERTERS, MPPT, NETWORKED, RS,
    SHUNTS, SOLAR, SWITCHED,
};
use super::wire::history::{DAYS, TODAY, TOTALS};
use super::wire::registers::RELAY_MODE;

/// How often a register is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// When the device is met, and every hour: settings, and what seldom changes.
    Seldom,
    /// Every minute, which also keeps newer firmware sending values on change.
    Minute,
    /// Every few seconds, and only if the device sends no text by itself.
    WithoutText,
    /// When the device is met and after its day has changed, one of them every twenty seconds and
    /// only when nothing else is due: what it remembers of former days.
    Daily,
}

/// A register to ask for.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Its number.
    pub register: u16,
    /// Of which devices.
    pub families: Families,
    /// How often.
    pub rhythm: Rhythm,
}

impl Rhythm {
    /// The time between two questions, of [`Rhythm::Daily`] those for different registers. A device whose text stops while it is asked is asked less.
    pub const fn every(self, is_shy: bool) -> Duration {
        match self {
            Self::Seldom => Duration::from_secs(3600),
            Self::Minute | Self::Daily if is_shy => Duration::from_secs(600),
            Self::Minute => Duration::from_secs(60),
            Self::WithoutText => Duration::from_secs(5),
            Self::Daily => Duration::from_secs(20),
        }
    }
}

/// What a family is asked for.
pub fn of(family: Option<Family>) -> impl Iterator<Item = &'static Question> {
    QUESTIONS
        .iter()
        .filter(move |question| question.families.include(family))
}

/// What a family is asked for of its former days: the whole life, today, and back from there.
pub fn history(family: Option<Family>) -> impl Iterator<Item = Question> {
    let keeps = SOLAR.include(family);
    let registers = std::iter::once(TOTALS).chain(TODAY..=TODAY + DAYS);
    registers
        .filter(move |_| keeps)
        .map(|register| row(register, SOLAR, Rhythm::Daily))
}

const fn row(register: u16, families: Families, rhythm: Rhythm) -> Question {
    Question {
        register,
        families,
        rhythm,
    }
}

use Rhythm::{Minute, Seldom, WithoutText};

const QUESTIONS: &[Question] = &[
    // The yield that nobody can reset comes first: it is what the Energy dashboard is for.
    row(0xEDDD, SOLAR, Minute),
    row(0xEDDB, CHARGERS, Minute),
    row(0xEDEC, ALL, Minute),
    row(0xEDBD, SOLAR, Minute),
    row(0x0120, ALL, Seldom),
    row(0x0200, SWITCHED, Minute),
    row(0xEDDF, CHARGERS, Seldom),
    row(0xEDF0, MPPT, Seldom),
    // Load output.
    row(0xEDAB, MPPT, Minute),
    row(0xEDA9, MPPT, Minute),
    row(0xED91, MPPT, Minute),
    // The network of VE.Smart devices.
    row(0x2015, NETWORKED, Minute),
    row(0x2027, NETWORKED, Minute),
    row(0x2013, NETWORKED, Minute),
    row(0x200A, NETWORKED, Minute),
    row(0x2002, NETWORKED, Minute),
    row(0x2003, NETWORKED, Minute),
    // Trackers of RS units.
    row(0xECCC, RS, Minute),
    row(0xECCB, RS, Minute),
    row(0xECCD, RS, Minute),
    row(0xECC3, RS, Minute),
    row(0xECDC, RS, Minute),
    row(0xECDB, RS, Minute),
    row(0xECDD, RS, Minute),
    row(0xECD3, RS, Minute),
    row(0xECEC, RS, Minute),
    row(0xECEB, RS, Minute),
    row(0xECED, RS, Minute),
    row(0xECE3, RS, Minute),
    row(0xECFC, RS, Minute),
    row(0xECFB, RS, Minute),
    row(0xECFD, RS, Minute),
    row(0xECF3, RS, Minute),
    row(0x2204, RS, Minute),
    row(0x2217, RS, Minute),
    row(0x2205, RS, Minute),
    row(0x2250, RS, Minute),
    row(0x2251, RS, Minute),
    row(0x2252, RS, Minute),
    row(0x2254, RS, Minute),
    row(0x0204, RS, Minute),
    row(0x0206, CHARGER, Minute),
    row(0x1040, INVERTER, Seldom),
    // Whether the relay of a battery monitor may be set.
    row(RELAY_MODE, SHUNTS, Seldom),
    // What the text carries, for those that do not send it.
    row(0x0201, SWITCHED, WithoutText),
    row(0x0207, SWITCHED, WithoutText),
    row(0xEDDA, CHARGERS, WithoutText),
    row(0xEDD5, MPPT, WithoutText),
    row(0xEDBB, SOLAR, WithoutText),
    row(0xEDBC, SOLAR, WithoutText),
    row(0xEDB3, MPPT, WithoutText),
    row(0xEDD3, SOLAR, WithoutText),
    row(0xEDD1, SOLAR, WithoutText),
    row(0xEDDC, SOLAR, WithoutText),
    row(0xEDA8, MPPT, WithoutText),
    row(0xEDAD, MPPT, WithoutText),
    row(0xED8D, SHUNTS, WithoutText),
    row(0xED8C, SHUNTS, WithoutText),
    row(0xED8E, SHUNTS, WithoutText),
    row(0x0FFF, SHUNTS, WithoutText),
    row(0x0FFE, SHUNTS, WithoutText),
    row(0xEEFF, SHUNTS, WithoutText),
    row(0xEEB8, SHUNTS, WithoutText),
    row(0x0310, SHUNTS, WithoutText),
    row(0x0311, SHUNTS, WithoutText),
    row(0xED8D, FED, WithoutText),
    row(0xED8F, FED, WithoutText),
    row(0xEDBB, DCDC, WithoutText),
    row(0xEDBC, DCDC, WithoutText),
    row(0x2200, INVERTERS, WithoutText),
    row(0x2201, INVERTERS, WithoutText),
    row(0xED8D, INVERTERS, WithoutText),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::victron::metrics::of_register;
    use crate::adapters::victron::wire::registers::Register;

    #[test]
    fn every_answer_is_good_for_something() {
        // The mode of the relay is needed to know what may be set.
        for family in Family::ALL {
            for question in of(Some(family)) {
                let register = question.register;
                assert!(Register::of(register).is_some(), "{register:#06x}");
                let is_metric = of_register(register, Some(family)).is_some();
                assert!(
                    is_metric || register == RELAY_MODE,
                    "{register:#06x} {family:?}"
                );
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
