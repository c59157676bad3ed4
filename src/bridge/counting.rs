//! What is remembered of one counter, whichever way its values come about.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::derive::{Integral, SinceMidnight};
use super::guard::{Guard, Reason, Sample, Verdict};
use crate::model::{Behavior, Decimal, Derivation, Metric, Quantity};

/// A counter that is guarded, or one that is computed.
#[derive(Debug, Clone)]
pub(super) struct Counting {
    memory: Memory,
    origin: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Memory {
    Guard(Guard),
    Integral(Integral),
    SinceMidnight(SinceMidnight),
}

impl Serialize for Counting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.memory.serialize(serializer)
    }
}

/// A value as reported.
pub(super) struct Reported {
    pub(super) value: Decimal,
    /// When it was heard, by our own clock.
    pub(super) heard: Timestamp,
    /// When it was measured, by the device's clock.
    pub(super) measured: Timestamp,
    pub(super) day: Date,
}

/// What becomes of a reported value.
pub(super) struct Outcome {
    /// What to show.
    pub(super) show: Option<Decimal>,
    /// Why the reported value is held back, in words.
    pub(super) held: Option<String>,
    /// The last good value before a counter that starts anew.
    pub(super) restarted_from: Option<Decimal>,
}

impl Counting {
    /// A counter of this metric, going on from what was saved if that fits the metric.
    pub(super) fn new(metric: &Metric, saved: Option<serde_json::Value>) -> Self {
        let fresh = match &metric.derived {
            None => Memory::Guard(Guard::default()),
            Some(Derivation::IntegralOf(_)) => Memory::Integral(Integral::default()),
            Some(Derivation::SinceMidnightOf(_)) => Memory::SinceMidnight(SinceMidnight::default()),
        };
        let saved = saved.and_then(|saved| serde_json::from_value::<Memory>(saved).ok());
        let same_kind =
            |saved: &Memory| std::mem::discriminant(saved) == std::mem::discriminant(&fresh);
        let memory = saved.filter(same_kind).unwrap_or(fresh);
        let origin = metric.derived.as_ref().map(|derivation| match derivation {
            Derivation::IntegralOf(key) | Derivation::SinceMidnightOf(key) => key.to_string(),
        });
        Self { memory, origin }
    }

    /// The metric that it is computed from.
    pub(super) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The last good value.
    pub(super) fn last(&self) -> Option<Decimal> {
        match &self.memory {
            Memory::Guard(guard) => guard.last(),
            Memory::Integral(integral) => Some(integral.energy()),
            Memory::SinceMidnight(gain) => gain.gain(),
        }
    }

    /// Takes a value of the metric that it is computed from.
    pub(super) fn derive(&mut self, value: Option<Decimal>, at: Timestamp, day: Date) {
        match (&mut self.memory, value) {
            (Memory::Integral(integral), value) => integral.add(at, value),
            (Memory::SinceMidnight(gain), Some(value)) => gain.add(day, value),
            _ => {}
        }
    }

    /// Judges a value as the device reports it. `power` is the most that the counter can gain in
    /// an hour.
    pub(super) fn judge(&mut self, metric: &Metric, reported: &Reported, power: u32) -> Outcome {
        let good = Outcome {
            show: Some(reported.value),
            held: None,
            restarted_from: None,
        };
        let Memory::Guard(guard) = &mut self.memory else {
            return good;
        };
        let sample = Sample {
            value: reported.value,
            heard: reported.heard,
            measured: reported.measured,
            day: reported.day,
        };
        let verdict = if metric.behavior == Behavior::DailyCounter {
            guard.judge_daily(&sample, power)
        } else {
            guard.judge_lifetime(&sample, power)
        };
        match verdict {
            Verdict::Accepted => good,
            // A number of things does begin with zero.
            Verdict::Held {
                reason: Reason::FirstZero,
                ..
            } if metric.quantity == Some(Quantity::Count) => good,
            Verdict::NewBaseline { from } => Outcome {
                restarted_from: Some(from.rounded(metric.decimals)),
                ..good
            },
            Verdict::Held { show, reason } => {
                let show = show.map(|show| show.rounded(metric.decimals));
                let held = words(reason, reported.value, show, metric.unit().unwrap_or(""));
                Outcome {
                    show,
                    held: Some(held),
                    restarted_from: None,
                }
            }
        }
    }
}

fn words(reason: Reason, value: Decimal, show: Option<Decimal>, unit: &str) -> String {
    let kept = show.map_or_else(
        || "is not shown yet".to_owned(),
        |show| format!("is held at {show} {unit}"),
    );
    let because = match reason {
        Reason::Zero => "the device says 0".to_owned(),
        Reason::FirstZero => "the device says 0, which may be its start".to_owned(),
        Reason::Fall => format!("the device says {value}, which is less"),
        Reason::Jump => format!("the device says {value}, which is more than it can have counted"),
        Reason::Negative => format!("the device says {value}"),
    };
    format!("{}: {because}", kept.trim_end())
}
