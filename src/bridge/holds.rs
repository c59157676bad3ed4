//! What is not believed of a device at the moment, and why: said in the log when it begins and ends,
//! and on the device while it lasts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::guard::Reason;
use super::plausible;
use crate::model::{Behavior, Decimal, Device, Metric, Sentence};
use crate::say;

/// Values in a row that cannot be, after which the device is said not to be well.
const LASTING: u32 = 3;
/// How long the log says no more of the same, which may come and go with every sample.
const QUIET: Duration = Duration::from_secs(60);

/// All that is not believed of one device.
#[derive(Debug, Default)]
pub struct Holds {
    now: BTreeMap<Cow<'static, str>, Hold>,
    /// When the log last said it, by the monotonic clock.
    told: BTreeMap<(Cow<'static, str>, Why), Duration>,
}

#[derive(Debug)]
struct Hold {
    why: Why,
    /// With the name of the metric.
    words: Sentence,
    advice: Sentence,
    in_a_row: u32,
    /// Whether the log has said that it began.
    is_told: bool,
}

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The guard holds a counter back.
    Guard(Reason),
    /// It cannot be a value of this metric.
    Doubt,
}

impl Holds {
    /// What is not believed, by keys.
    pub fn words(&self) -> BTreeMap<Cow<'static, str>, Sentence> {
        let all = self.now.iter();
        all.map(|(key, hold)| (key.clone(), hold.words.clone()))
            .collect()
    }

    /// A value that has been nonsense for some time, and what to do.
    pub fn lasting_doubt(&self) -> Option<(Sentence, Sentence)> {
        let lasts = |hold: &&Hold| hold.why == Why::Doubt && hold.in_a_row >= LASTING;
        let hold = self.now.values().find(lasts)?;
        Some((hold.words.clone(), hold.advice.clone()))
    }

    /// There are no values that could be nonsense.
    pub fn forget_doubts(&mut self) {
        self.now.retain(|_, hold| hold.why != Why::Doubt);
    }

    /// A value that is no counter's: why it cannot be, or that it is good.
    pub fn doubt(
        &mut self,
        device: &Device,
        metric: &Metric,
        words: Option<Sentence>,
        now: Duration,
    ) {
        // The usual way, for each of many values.
        if words.is_some() || !self.now.is_empty() {
            self.note(device, metric, words.map(|words| (Why::Doubt, words)), now);
        }
    }

    /// A value is held back, for this reason and with these words, or good.
    pub fn note(
        &mut self,
        device: &Device,
        metric: &Metric,
        held: Option<(Why, Sentence)>,
        now: Duration,
    ) {
        let before = self.now.remove(&metric.key);
        let Some((why, words)) = held else {
            if before.is_some_and(|hold| hold.is_told) {
                tracing::info!("{}: {} is good again.", device.name, metric.title());
            }
            return;
        };
        let advice = advice(why, metric);
        let mut is_told = before.as_ref().is_some_and(|hold| hold.is_told);
        if before.is_none() {
            let told = self.told.entry((metric.key.clone(), why));
            let mut is_due = false;
            let last = told.or_insert_with(|| {
                is_due = true;
                now
            });
            is_due |= now.saturating_sub(*last) >= QUIET;
            if is_due {
                *last = now;
                is_told = true;
                tracing::warn!("{}: {words}. {advice}", device.name);
            }
        }
        let in_a_row = before.map_or(0, |hold| hold.in_a_row).saturating_add(1);
        let hold = Hold {
            why,
            words,
            advice,
            in_a_row,
            is_told,
        };
        self.now.insert(metric.key.clone(), hold);
    }

    /// A counter goes on from another value, which has been confirmed.
    pub fn restarted(&mut self, device: &Device, metric: &Metric, from: Decimal, to: Decimal) {
        let (name, title) = (&device.name, metric.title());
        let from = from.rounded(metric.decimals);
        let (how, advice) = match (to < from, &metric.behavior) {
            // A counter of the day begins every day; nobody's statistics mind.
            (true, Behavior::DailyCounter) => ("starts anew", "Nothing needs to be done."),
            (true, _) => (
                "starts anew",
                "If the device was not exchanged, note the date: statistics will show a new meter.",
            ),
            (false, _) => (
                "goes on",
                "If the device was not out of reach for long, note the date: statistics will count the difference.",
            ),
        };
        tracing::warn!(
            "{name}: {title} {how} at {to} after {from}: values that agree have come for a minute. {advice}"
        );
    }
}

/// What to do about a value of this metric that is not believed.
const fn advice(why: Why, metric: &Metric) -> Sentence {
    let reason = match why {
        Why::Doubt => return plausible::advice(metric),
        Why::Guard(reason) => reason,
    };
    match reason {
        Reason::Absurd => plausible::advice(metric),
        Reason::Negative => say!("Check the device and its cable."),
        Reason::Zero => say!("Nothing needs to be done; if it lasts, restart the device."),
        Reason::FirstZero => say!(
            "Nothing needs to be done: it is believed if it comes for a minute, or once it counts."
        ),
        Reason::Fall | Reason::Jump => say!(
            "Nothing needs to be done: if it is true, it is believed when values that agree have come for a minute."
        ),
        Reason::BelowToday => say!(
            "If the device has just started, nothing needs to be done; if it lasts, compare its total and what it has \
             counted today with what it shows itself: one of the two is wrong."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;

    fn is_told(holds: &Holds) -> bool {
        holds.now.values().any(|hold| hold.is_told)
    }

    #[test]
    fn what_comes_and_goes_is_said_once_a_minute() {
        let device = Device::new("text", "clamp", "Clamp", "");
        let metric = Metric::measurement("power", Quantity::Power);
        let mut holds = Holds::default();
        let mut lines = 0;
        for second in 0..600 {
            let now = Duration::from_secs(second);
            let words = (second % 2 == 0).then(|| "Power is nonsense".into());
            holds.doubt(&device, &metric, words, now);
            lines += u32::from(is_told(&holds));
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn a_larger_max_power_is_advised_where_power_is_the_bound() {
        let of = |why, metric: &Metric| advice(why, metric).to_string().contains("max_power");
        let energy = Metric::lifetime("energy_total", Quantity::Energy);
        let count = Metric::daily("cycles_today", Quantity::Count);
        assert!(of(Why::Guard(Reason::Absurd), &energy));
        assert!(!of(Why::Guard(Reason::Absurd), &count));
        assert!(!of(Why::Guard(Reason::Negative), &energy));
    }

    #[test]
    fn only_a_zero_that_lasts_asks_for_a_restart() {
        let energy = Metric::lifetime("energy_total", Quantity::Energy);
        for (reason, is_asked) in [
            (Reason::Zero, true),
            (Reason::FirstZero, false),
            (Reason::Fall, false),
            (Reason::Jump, false),
            (Reason::Negative, false),
            (Reason::Absurd, false),
            (Reason::BelowToday, false),
        ] {
            let advice = advice(Why::Guard(reason), &energy).to_string();
            assert!(advice.ends_with('.'), "{advice}");
            assert_eq!(advice.contains("restart the device"), is_asked, "{advice}");
        }
    }

    #[test]
    fn only_nonsense_that_lasts_is_how_the_device_is() {
        let device = Device::new("text", "clamp", "Clamp", "");
        let metric = Metric::measurement("power", Quantity::Power);
        let mut holds = Holds::default();
        let mut say = |is_good: bool| {
            let words = (!is_good).then(|| "Power is nonsense".into());
            holds.doubt(&device, &metric, words, Duration::ZERO);
            holds.lasting_doubt().map(|(words, _)| words)
        };
        assert_eq!([say(false), say(false), say(true)], [None, None, None]);
        assert_eq!([say(false), say(false)], [None, None]);
        assert_eq!(say(false), Some("Power is nonsense".into()));
        assert_eq!(say(true), None);
    }
}
