//! Which values of a telegram count.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::super::config::MeterConfig;
use super::super::values::{Values, Why, tariffs};
use super::super::{health, metrics};
use super::flow::Flow;
use super::{Meter, STAYS, usual};
use crate::model::Value;

/// Texts in a row that lack a value which the meter has told, after which it is no longer true: each carries all.
const MISSING: u32 = 30;

impl Meter {
    /// The values that count, of those that the meter is known to carry.
    pub(super) fn believe(
        &mut self,
        values: Values,
        now: Duration,
        config: &MeterConfig,
    ) -> Vec<(&'static str, Value)> {
        let cannot_be = |why| !matches!(why, Why::NoScale | Why::Unit);
        let refused = values.refused.iter().filter(|value| cannot_be(value.why));
        self.quality.refused += refused.count() as u64;
        let mut believed: Vec<_> = Vec::with_capacity(values.known.len());
        // A total that is summed up counts only if no tariff is missing.
        let carried = || self.known.carries.iter().map(String::as_str);
        let mut partial = values.summed.clone();
        partial.retain(|total| tariffs(total, carried()) != values.tariffs(total));
        believed.extend(self.flow.settle(&values, now, self.patience(config)));
        for (key, value) in values.known {
            self.left_out.remove(key);
            if !partial.contains(&key) {
                believed.push((key, value));
            }
        }
        for refused in values.refused {
            let (key, why) = (refused.key, refused.why);
            let (seen, reason) = self.left_out.entry(key).or_insert((0, why));
            *seen = seen.saturating_add(1);
            *reason = why;
            if *seen < STAYS {
                continue;
            }
            if *seen == STAYS
                && let Some(metric) = usual(key)
            {
                let health = health::left_out(&[metric], why, &self.fitting);
                tracing::warn!("{}: {}", self.label(), health.sentence());
            }
            let together = Flow::KEYS.contains(&key).then_some(Flow::KEYS);
            let unknown = together
                .as_ref()
                .map_or(std::slice::from_ref(&key), |keys| keys);
            believed.extend(unknown.iter().map(|key| (*key, Value::Unknown)));
        }
        believed.retain(|(key, _)| self.known.carries.contains(*key));
        believed
    }

    /// Keys that its texts have carried, and lack for so long that nothing is known of them any more.
    pub(super) fn no_longer_there(&mut self, there: &BTreeSet<&'static str>) -> Vec<&'static str> {
        self.missing.retain(|key, _| !there.contains(key.as_str()));
        let mut gone = Vec::new();
        let carried = self.known.carries.iter();
        for key in carried.filter(|key| !there.contains(key.as_str())) {
            let lacked = self.missing.entry(key.clone()).or_default();
            *lacked = lacked.saturating_add(1);
            let metric = metrics::metric(key).filter(|_| *lacked == MISSING);
            if let Some(Cow::Borrowed(key)) = metric.map(|metric| &metric.key) {
                gone.push(*key);
            }
        }
        gone
    }
}
