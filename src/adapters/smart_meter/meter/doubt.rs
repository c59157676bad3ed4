//! Values of telegrams that nothing proves whole: one wrong digit looks like any other.
//!
//! Of numbers the middle one of three telegrams in a row counts, so that none that is wrong alone is ever told. Of
//! texts and states two telegrams in a row must say the same.

use std::collections::BTreeMap;

use super::super::metrics;
use crate::model::{Behavior, Decimal, Value};

/// What is another one in each telegram, and no more than a note.
const CHANGING: [&str; 2] = ["meter_time", "other_values"];

/// What the telegrams before said, by key.
#[derive(Debug, Default)]
pub struct Doubt {
    numbers: BTreeMap<&'static str, Vec<Decimal>>,
    /// What was told of counters.
    counted: BTreeMap<&'static str, Decimal>,
    words: BTreeMap<&'static str, Value>,
}

impl Doubt {
    /// What was said of a key counts no more.
    pub fn forget(&mut self, key: &str) {
        self.numbers.remove(key);
        self.words.remove(key);
    }

    /// What counts of a value, if anything does yet.
    pub fn settle(&mut self, key: &'static str, value: Value) -> Option<Value> {
        match value {
            Value::Number(number) => {
                self.words.remove(key);
                let before = self.numbers.entry(key).or_default();
                before.push(number);
                let [first, second, third] = before[..] else {
                    return None;
                };
                before.remove(0);
                let mut sorted = [first, second, third];
                sorted.sort();
                let [_, middle, most] = sorted;
                if is_counter(key) {
                    let told = self.counted.get(key);
                    // A counter that has fallen in earnest is lower each time.
                    if told.is_some_and(|told| middle < *told && most >= *told) {
                        return None;
                    }
                    self.counted.insert(key, middle);
                }
                Some(Value::Number(middle))
            }
            value if CHANGING.contains(&key) => Some(value),
            value => {
                let before = self.words.insert(key, value.clone());
                let told = before.filter(|before| *before == value);
                if told == Some(Value::Unknown) {
                    self.numbers.remove(key);
                }
                told
            }
        }
    }
}

fn is_counter(key: &str) -> bool {
    metrics::metric(key).is_some_and(|metric| metric.behavior == Behavior::LifetimeCounter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn told(doubt: &mut Doubt, watts: i64) -> Option<i64> {
        let value = doubt.settle("power_net", Decimal::integer(watts).into())?;
        value
            .as_number()
            .map(|number| number.with_scale(0).mantissa())
    }

    #[test]
    fn a_number_that_is_wrong_alone_is_never_told() {
        let mut doubt = Doubt::default();
        let said = [500, 30_500, 510, 520, 8, 530, 540, 2000, 2010];
        let told: Vec<_> = said.map(|watts| told(&mut doubt, watts)).to_vec();
        let right = [510, 520, 510, 520, 530, 540, 2000].map(Some);
        assert_eq!(told[..2], [None, None]);
        assert_eq!(told[2..], right);
    }

    #[test]
    fn a_counter_does_not_fall_by_two_that_are_wrong() {
        let mut doubt = Doubt::default();
        let mut told = |kilowatt_hours: i64| {
            let value = Decimal::integer(kilowatt_hours).into();
            let told = doubt.settle("energy_import", value)?.as_number();
            told.map(|number| number.with_scale(0).mantissa())
        };
        let said = [700, 701, 780, 703, 704, 5, 706, 707].map(&mut told);
        let right = [
            None,
            None,
            Some(701),
            Some(703),
            Some(704),
            None,
            Some(704),
            Some(706),
        ];
        assert_eq!(said, right);
        // In earnest it does.
        assert_eq!([1, 2, 3, 4].map(told), [Some(706), None, Some(2), Some(3)]);
    }

    proptest! {
        #[test]
        fn no_counter_falls_and_none_is_told_that_was_not_said(said in vec((0_i64..3, any::<u16>()), 3..60)) {
            let mut doubt = Doubt::default();
            let (mut truth, mut last, mut since) = (100_000, 0, 2);
            for (growth, wrong) in said {
                truth += growth;
                // At least two that are right follow each that is wrong.
                let is_wrong = wrong % 5 == 0 && since >= 2;
                since = if is_wrong { 0 } else { since + 1 };
                let shown = if is_wrong { i64::from(wrong) * 7 } else { truth };
                let value = Decimal::integer(shown).into();
                let told = doubt.settle("energy_import", value);
                let Some(told) = told.and_then(|told| told.as_number()) else { continue };
                let told = told.with_scale(0).mantissa();
                prop_assert!(last <= told && told <= truth, "{last} {told} {truth}");
                last = told;
            }
        }
    }

    #[test]
    fn a_word_counts_from_the_second_time() {
        let mut doubt = Doubt::default();
        let mut told = |word: &'static str| doubt.settle("valve", word.into());
        assert_eq!(told("open"), None);
        assert_eq!(told("open"), Some("open".into()));
        assert_eq!(told("other"), None);
        assert_eq!(told("open"), None);
        assert_eq!(told("open"), Some("open".into()));
    }
}
