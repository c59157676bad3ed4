//! The values of a device: where each came from, and how old it is.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::adapters::victron::interpret::Told;
use crate::adapters::victron::metrics::metric;
use crate::model::{Behavior, Decimal, Metric, Quantity, Role, Value};

/// Rounds that a label may be missing in before its value is no longer known, and before its metric
/// is no longer one of the device because another label has taken its place.
const MISSING: u64 = 3;
/// How long a label may be missing before its metric is no longer one of the device.
const GONE: Duration = Duration::from_secs(86_400);
/// How long the text counts before HEX does.
const TEXT_COUNTS: Duration = Duration::from_secs(15);
/// How old a value of the text may get; some chargers send text for a few seconds a minute.
pub const OLD_TEXT: Duration = Duration::from_secs(90);
/// How old a value may get that was read by HEX, and one that is asked for once an hour only.
const OLD: Duration = Duration::from_secs(35 * 60);
const OLD_FIGURE: Duration = Duration::from_secs(3 * 3600);
/// What nobody knows the meaning of: so many labels and registers.
const MOST_ODD: usize = 20;

/// The auxiliary input of a shunt measures one of these.
const AUXILIARY: &[&[&str]] = &[
    &["starter_voltage"],
    &["mid_point_voltage", "mid_point_deviation"],
    &["battery_temperature"],
];

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource {
    /// The device sends it by itself.
    Text,
    /// It was asked for, or was sent on change.
    Hex,
    /// It follows from others.
    Derived,
    /// The sun has set.
    Night,
}

#[derive(Debug)]
struct Held {
    value: Value,
    source: ValueSource,
    round: u64,
    at: Duration,
}

/// The values of a device.
#[derive(Debug, Default)]
pub struct HeldValues {
    values: BTreeMap<&'static str, Held>,
    /// By label or register, with where it comes from and the round then.
    odd: BTreeMap<String, (String, ValueSource, u64)>,
    round: u64,
}

impl HeldValues {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|held| &held.value)
    }

    pub fn values(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(key, held)| (*key, &held.value))
    }

    /// Whether the text carries it.
    fn is_text(&self, key: &str) -> bool {
        let held = self.values.get(key);
        held.is_some_and(|held| held.source == ValueSource::Text)
    }

    /// Whether the text carries it, and has said it just now.
    pub fn is_fresh_text(&self, key: &str, now: Duration) -> bool {
        let held = self.values.get(key).filter(|_| self.is_text(key));
        held.is_some_and(|held| now.saturating_sub(held.at) < TEXT_COUNTS)
    }

    /// Whether the device itself says it.
    pub fn is_measured(&self, key: &str) -> bool {
        let held = self.values.get(key);
        held.is_some_and(|held| held.source != ValueSource::Derived)
    }

    pub fn put(&mut self, key: &'static str, value: Value, source: ValueSource, at: Duration) {
        let round = self.round;
        let held = Held {
            value,
            source,
            round,
            at,
        };
        self.values.insert(key, held);
    }

    pub fn remove(&mut self, key: &str) {
        self.values.remove(key);
    }

    /// Takes note of something odd, and that it is odd no more.
    pub fn odd(
        &mut self,
        told: &Told,
        source: ValueSource,
        words: impl FnOnce() -> (String, String),
    ) {
        if !told.is_odd && self.odd.is_empty() {
            return;
        }
        let (name, value) = words();
        if !told.is_odd {
            self.odd.remove(&name);
        } else if self.odd.contains_key(&name) || self.odd.len() < MOST_ODD {
            self.odd.insert(name, (value, source, self.round));
        }
    }

    /// What nobody knows the meaning of, as words of at most so many bytes.
    pub fn odd_text(&self, most: usize) -> Value {
        let mut text = String::new();
        for (name, (value, ..)) in &self.odd {
            let word = format!("{name}={value}");
            if text.len() + word.len() + 2 > most {
                break;
            }
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&word);
        }
        if text.is_empty() {
            Value::from("none")
        } else {
            text.into()
        }
    }

    /// Rounds of text so far.
    pub const fn rounds(&self) -> u64 {
        self.round
    }

    pub fn begin_round(&mut self) {
        self.round += 1;
    }

    /// Lets go of what the text no longer carries. Returns the metrics that the device no longer
    /// has.
    pub fn end_round(&mut self, now: Duration) -> Vec<&'static str> {
        let round = self.round;
        // A register is asked for now and then only.
        self.odd
            .retain(|_, (_, source, last)| *source == ValueSource::Hex || round - *last < MISSING);
        let is_here = |key: &str| self.values.get(key).is_some_and(|held| held.round == round);
        let chosen = AUXILIARY.iter().position(|group| {
            // A temperature is also read by HEX, whatever the input is used for.
            group.iter().any(|key| is_here(key) && self.is_text(key))
        });
        let mut gone = Vec::new();
        for (key, held) in &mut self.values {
            if held.source != ValueSource::Text || held.round == round {
                continue;
            }
            let group = AUXILIARY.iter().position(|group| group.contains(key));
            let is_replaced = group.is_some() && chosen.is_some() && group != chosen;
            let missing = round.saturating_sub(held.round);
            let is_gone = is_replaced || now.saturating_sub(held.at) >= GONE;
            if is_gone && missing >= MISSING {
                gone.push(*key);
            } else if missing >= MISSING {
                held.value = Value::Unknown;
            }
        }
        for key in &gone {
            self.values.remove(key);
        }
        gone
    }

    /// Makes unknown what was said too long ago; true if something was. `pause` is for how long the
    /// device may say nothing.
    pub fn age(&mut self, now: Duration, pause: Duration) -> bool {
        let mut changed = false;
        for (key, held) in &mut self.values {
            let behavior = metric(key).map(|metric| &metric.behavior);
            let longest = match (held.source, behavior) {
                (_, Some(Behavior::LifetimeCounter | Behavior::DailyCounter) | None)
                | (ValueSource::Text, Some(Behavior::Figure | Behavior::Timestamp))
                | (ValueSource::Derived | ValueSource::Night, _) => continue,
                (ValueSource::Text, _) => OLD_TEXT.max(pause),
                (ValueSource::Hex, Some(Behavior::Figure)) => OLD_FIGURE,
                (ValueSource::Hex, _) => OLD,
            };
            if now.saturating_sub(held.at) >= longest && held.value.is_known() {
                held.value = Value::Unknown;
                changed = true;
            }
        }
        changed
    }

    /// Without sun there is neither power nor current; what else was measured is not known.
    pub fn fall_asleep(&mut self, key: &'static str, metric: &Metric, now: Duration) {
        let value = match (&metric.behavior, metric.quantity) {
            (Behavior::Measurement, Some(Quantity::Power | Quantity::Current))
                if metric.role == Role::Primary =>
            {
                Decimal::integer(0).into()
            }
            (Behavior::Measurement, _) => Value::Unknown,
            (Behavior::OnOff(_), _) if key == "load_output" => false.into(),
            (Behavior::State(_), _) if key == "state" || key == "tracker_state" => "off".into(),
            _ => return,
        };
        self.put(key, value, ValueSource::Night, now);
    }
}
