//! How much of what comes over a line is damaged. A single telegram is on every line; a tenth of
//! them is a fault that somebody should look for.

use std::time::Duration;

use crate::model::{Health, HealthCode};
use crate::say;

/// Over how long it is counted.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// The share that is too much: one of so many.
const ONE_OF: u32 = 10;
/// Fewer are chance.
const LEAST: u32 = 3;

/// What is counted of one line.
#[derive(Debug, Clone, Default)]
pub struct Damage {
    /// Damaged ones since the start.
    pub total: u64,
    /// Since when is counted.
    since: Option<Duration>,
    good: u32,
    bad: u32,
    /// Damaged ones since the last good one.
    in_a_row: u32,
    /// How many of how many were damaged when it became too much.
    told: Option<(u32, u32)>,
    /// Why it is, where that is known.
    cause: Option<Health>,
}

impl Damage {
    /// A telegram has come whole.
    pub fn good(&mut self, now: Duration) {
        self.turn(now);
        self.good = self.good.saturating_add(1);
        self.in_a_row = 0;
    }

    /// One was damaged.
    pub fn bad(&mut self, now: Duration) {
        self.turn(now);
        self.total += 1;
        self.bad = self.bad.saturating_add(1);
        self.in_a_row = self.in_a_row.saturating_add(1);
    }

    /// What the serial server is known to do to the bytes.
    pub fn explain(&mut self, cause: Option<Health>) {
        self.cause = cause;
    }

    /// Begins to count anew when it is time to. The words stay as long as there is too much of it.
    fn turn(&mut self, now: Duration) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) < WINDOW {
            return;
        }
        let all = self.good.saturating_add(self.bad);
        let is_much = self.bad >= LEAST && self.bad.saturating_mul(ONE_OF) > all;
        let told = self.told.unwrap_or((self.bad, all));
        self.told = is_much.then_some(told);
        (self.since, self.good, self.bad) = (Some(now), 0, 0);
    }

    /// How a meter is whose other telegrams are good.
    pub fn health(&self) -> Option<Health> {
        let (bad, all) = self.told?;
        let cause = self.cause.as_ref();
        let advice = cause.map_or_else(advice, |cause| cause.advice.clone());
        let seen = say!(
            "{bad} of {all} telegrams within five minutes were damaged on their way",
            bad,
            all
        );
        Some(Health::new(HealthCode::Degraded).seen(seen).advise(advice))
    }

    /// Why there are bytes and no telegram, as far as more is known than that.
    pub fn without_telegrams(&self, health: Health) -> Health {
        if health.code != HealthCode::Garbled {
            return health;
        }
        let damaged = || {
            (self.in_a_row >= LEAST).then(|| {
                Health::new(HealthCode::Garbled)
                    .seen(say!("telegrams arrive, but each of them is damaged"))
                    .advise(advice())
            })
        };
        self.cause.clone().or_else(damaged).unwrap_or(health)
    }
}

fn advice() -> crate::model::Sentence {
    say!(
        "Check the cable and its power supply. Two readers on one port disturb each other. A Landis+Gyr E360 needs a \
         cable with a pull-up resistor."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line on which a telegram comes each second for so many minutes; of a hundred so many are
    /// damaged.
    fn pass(damage: &mut Damage, minute: &mut u64, minutes: u64, bad_of_hundred: u64) {
        for second in *minute * 60..(*minute + minutes) * 60 {
            let now = Duration::from_secs(second);
            if second % 100 < bad_of_hundred {
                damage.bad(now);
            } else {
                damage.good(now);
            }
        }
        *minute += minutes;
    }

    #[test]
    fn a_tenth_is_too_much_and_said_in_the_same_words_until_it_is_better() {
        let (mut damage, mut minute) = (Damage::default(), 0);
        pass(&mut damage, &mut minute, 30, 10);
        assert_eq!(damage.health(), None);
        assert_eq!(damage.total, 180);
        pass(&mut damage, &mut minute, 5, 11);
        pass(&mut damage, &mut minute, 1, 50);
        let told = damage.health().unwrap();
        assert_eq!(told.code, HealthCode::Degraded);
        assert!(told.sentence().contains("33 of 300"), "{told:?}");
        assert!(told.sentence().chars().count() <= 255);
        pass(&mut damage, &mut minute, 30, 50);
        assert_eq!(damage.health(), Some(told));
        pass(&mut damage, &mut minute, 11, 1);
        assert_eq!(damage.health(), None);
    }

    #[test]
    fn one_or_two_are_chance_however_seldom_the_meter_sends() {
        let mut damage = Damage::default();
        for minute in 0..60 {
            let now = Duration::from_secs(minute * 60);
            if minute % 5 < 2 {
                damage.bad(now);
            } else {
                damage.good(now);
            }
            assert_eq!(damage.health(), None);
        }
    }

    #[test]
    fn what_is_known_of_the_server_comes_before_the_cable() {
        let mut damage = Damage::default();
        let other = Health::new(HealthCode::Garbled);
        let silent = Health::new(HealthCode::Silent);
        assert_eq!(damage.without_telegrams(other.clone()), other);
        for second in 0..3 {
            damage.bad(Duration::from_secs(second));
        }
        let words = damage.without_telegrams(other.clone()).sentence();
        assert!(words.contains("each of them"), "{words}");
        assert_eq!(damage.without_telegrams(silent.clone()), silent);
        let cause = Health::new(HealthCode::Garbled).seen("it speaks in riddles".to_owned());
        damage.explain(Some(cause.clone()));
        assert_eq!(damage.without_telegrams(other), cause);
        damage.bad(Duration::from_secs(301));
        assert_eq!(damage.health().unwrap().advice, cause.advice);
    }
}
