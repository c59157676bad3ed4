//! What is remembered of one counter, whichever way its values come about, and what of it is shown.
//!
//! **What is shown has been saved before.** A program may be killed at any moment, so what it has
//! told must be what it finds again: a counter shows its value as it is in the store, and not the
//! latest one that is still on its way there ([`super::saving`]). The next run begins with no less,
//! judges what the device says by it and counts computed energy on from it, so that neither falls,
//! and no energy is made up to be on the safe side. In a new run nothing is shown before the first
//! reading that the guard believes.
//!
//! Where nothing can be saved, because the disk is full, the two kinds part. What the device itself
//! counts is shown as it comes, until all that was shown has been saved after all: the device does
//! not forget it. What only wattbridge counts stands still, as it would fall with the next start; when the disk takes it again all of it is there.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::computed::{Integral, SinceMidnight};
use super::guard::{Guard, Limits, Reason, Sample, Verdict};
use super::heard::HeardAt;
use crate::model::{Behavior, Decimal, Derivation, Metric, Quantity, Sentence};
use crate::say;

/// A counter that is guarded, or one that is computed.
#[derive(Debug, Clone)]
pub struct Counting {
    nature: Nature,
    memory: Memory,
    /// What of it is in the store for sure.
    saved: Kept,
    /// What of it has been handed over to the store last.
    handed_over: Kept,
    /// Whether there has been a good reading in this run.
    is_read: bool,
    /// Whether the device says now that it does not know.
    is_unknown: bool,
    /// Whether more has been shown than is saved, because nothing could be.
    is_ahead: bool,
}

/// What a counter counts. A metric of the same key that counts something else is another counter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Nature {
    behavior: Behavior,
    quantity: Option<Quantity>,
    derived: Option<Derivation>,
    is_summed_here: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Memory {
    Guard(Guard),
    Integral(Integral),
    SinceMidnight(SinceMidnight),
}

/// What makes it worth writing: a value, or a day that is to begin again from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Kept {
    value: Option<Decimal>,
    day: Option<Date>,
}

impl Serialize for Counting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.memory.serialize(serializer)
    }
}

/// A value as reported.
pub struct Reported {
    pub value: Decimal,
    /// When it was heard, by our own clock.
    pub heard: HeardAt,
    /// When it was measured, by the device's clock.
    pub measured: Timestamp,
    pub day: Date,
}

/// What becomes of a reported value.
pub enum Outcome {
    Good,
    /// It is held back, for this reason.
    Held(Reason),
    /// The counter starts anew after this value.
    Restarted(Decimal),
}

impl Nature {
    fn of(metric: &Metric) -> Self {
        Self {
            behavior: metric.behavior.clone(),
            quantity: metric.quantity,
            derived: metric.derived.clone(),
            is_summed_here: metric.is_summed_here,
        }
    }

    /// Whether what was counted before is known to the device itself, so that nothing is lost with the store.
    const fn is_of_device(&self) -> bool {
        self.derived.is_none() && !self.is_summed_here
    }
}

impl Counting {
    /// A counter of this metric, going on from what was saved if that fits the metric.
    pub fn new(metric: &Metric, saved: Option<serde_json::Value>) -> Self {
        let fresh = match &metric.derived {
            None => Memory::Guard(Guard::default()),
            Some(Derivation::IntegralOf(_)) => Memory::Integral(Integral::default()),
            Some(Derivation::SinceMidnightOf(_)) => Memory::SinceMidnight(SinceMidnight::default()),
        };
        let saved = saved.and_then(|saved| serde_json::from_value::<Memory>(saved).ok());
        let same_kind =
            |saved: &Memory| std::mem::discriminant(saved) == std::mem::discriminant(&fresh);
        let saved = saved.filter(same_kind);
        let kept = saved.as_ref().map(Memory::kept).unwrap_or_default();
        Self {
            nature: Nature::of(metric),
            memory: saved.unwrap_or(fresh),
            saved: kept,
            handed_over: kept,
            is_read: false,
            is_unknown: false,
            is_ahead: false,
        }
    }

    /// Whether it counts what this metric says.
    pub fn is_of(&self, metric: &Metric) -> bool {
        self.nature == Nature::of(metric)
    }

    /// The metric that it is computed from.
    pub fn origin(&self) -> Option<&str> {
        self.nature
            .derived
            .as_ref()
            .map(|derivation| match derivation {
                Derivation::IntegralOf(key) | Derivation::SinceMidnightOf(key) => key.as_ref(),
            })
    }

    /// The latest good value, which need not have been saved.
    pub fn latest(&self) -> Option<Decimal> {
        self.memory.kept().value
    }

    /// What to show. `can_save` is whether the store takes values.
    pub fn shown(&mut self, can_save: bool) -> Option<Decimal> {
        if !self.is_read || self.is_unknown {
            return None;
        }
        self.is_ahead |= !can_save && self.nature.is_of_device();
        if self.is_ahead {
            self.latest()
        } else {
            self.saved.value
        }
    }

    /// Whether there has been a good reading in this run.
    pub const fn is_read(&self) -> bool {
        self.is_read
    }

    /// Whether it has changed since it was handed over to the store.
    pub fn is_unsaved(&self) -> bool {
        self.memory.kept() != self.handed_over
    }

    /// It is on its way to the store as it is now.
    pub fn hand_over(&mut self) {
        self.handed_over = self.memory.kept();
    }

    /// What was handed over is saved.
    pub fn confirm(&mut self) {
        self.saved = self.handed_over;
        self.is_ahead &= self.is_unsaved();
    }

    /// What was handed over may not have been saved.
    pub const fn take_back(&mut self) {
        self.handed_over = self.saved;
    }

    /// Begins an energy anew that is summed up here; true if it is one. Nothing is shown of it before
    /// that has been saved.
    pub fn begin_anew(&mut self) -> bool {
        let Memory::Integral(integral) = &mut self.memory else {
            return false;
        };
        *integral = Integral::anew();
        // What may be on its way to the store counts no more.
        (self.saved, self.handed_over) = (Kept::default(), Kept::default());
        self.is_read = false;
        true
    }

    /// Takes a value of the metric that it is computed from, or that it is not known.
    pub fn derive(
        &mut self,
        value: Option<Decimal>,
        heard: HeardAt,
        measured: Timestamp,
        day: Date,
    ) {
        match (&mut self.memory, value) {
            (Memory::Integral(integral), value) => integral.add(heard, measured, value),
            (Memory::SinceMidnight(gain), Some(value)) => gain.add(heard, day, value),
            _ => return,
        }
        self.is_read = true;
    }

    /// The device does not know its value now.
    pub const fn miss(&mut self) {
        self.is_unknown = true;
    }

    /// Judges a value as the device reports it.
    pub fn judge(&mut self, reported: &Reported, limits: &Limits) -> Outcome {
        let Memory::Guard(guard) = &mut self.memory else {
            return Outcome::Good;
        };
        self.is_unknown = false;
        let sample = Sample {
            value: reported.value,
            heard: reported.heard,
            measured: reported.measured,
            day: reported.day,
        };
        let verdict = if self.nature.behavior == Behavior::DailyCounter {
            guard.judge_daily(&sample, limits)
        } else {
            guard.judge_lifetime(&sample, limits)
        };
        self.is_read |= !matches!(verdict, Verdict::Held(_));
        match verdict {
            Verdict::Accepted => Outcome::Good,
            Verdict::NewBaseline { from } => Outcome::Restarted(from),
            Verdict::Held(reason) => Outcome::Held(reason),
        }
    }
}

impl Memory {
    fn kept(&self) -> Kept {
        match self {
            Self::Guard(guard) => Kept {
                value: guard.last(),
                day: guard.day(),
            },
            Self::Integral(integral) => Kept {
                value: integral.energy(),
                day: None,
            },
            Self::SinceMidnight(gain) => Kept {
                value: gain.gain(),
                day: gain.day(),
            },
        }
    }
}

/// Why a value is held back, in words. `show` is what is shown in its place.
pub fn words(metric: &Metric, reason: Reason, value: Decimal, show: Option<Decimal>) -> Sentence {
    let because = match reason {
        Reason::Zero => say!("the device says 0"),
        Reason::FirstZero => say!("the device says 0, which may be its start"),
        Reason::Fall => say!("the device says {value}, which is less", value),
        Reason::Jump => {
            say!(
                "the device says {value}, which is more than it can have counted",
                value
            )
        }
        Reason::Negative => say!("the device says {value}", value),
        Reason::Absurd => {
            say!(
                "the device says {value}, which is more than it can ever count",
                value
            )
        }
        Reason::BelowToday => {
            say!(
                "the device says {value}, which is less than it has counted today",
                value
            )
        }
    };
    match show {
        None => say!("{metric} is not shown yet: {because}", metric, because),
        Some(show) => {
            let unit = metric.unit().unwrap_or("");
            let show = format!("{show} {unit}").trim_end().to_owned();
            say!(
                "{metric} is held at {show}: {because}",
                metric,
                show,
                because
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use jiff::tz::TimeZone;

    #[test]
    fn what_was_shown_while_nothing_could_be_saved_does_not_fall_when_it_can() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let limits = Limits {
            power: 50_000,
            ceiling: i64::MAX,
            floor: 0,
            begins_at_zero: false,
        };
        let mut counting = Counting::new(&Metric::lifetime("energy", Quantity::Energy), None);
        let reads = |counting: &mut Counting, watt_hours: i64| {
            clock.move_to(clock.now() + std::time::Duration::from_secs(60));
            let reported = Reported {
                value: Decimal::from_watt_hours(watt_hours),
                heard: HeardAt::now(&clock),
                measured: clock.now(),
                day: clock.local().date(),
            };
            assert!(matches!(counting.judge(&reported, &limits), Outcome::Good));
        };
        let shown = |counting: &mut Counting, can_save| {
            counting
                .shown(can_save)
                .map(|it| it.with_scale(3).mantissa())
        };
        reads(&mut counting, 1000);
        counting.hand_over();
        counting.confirm();
        reads(&mut counting, 1100);
        assert_eq!(shown(&mut counting, true), Some(1000));
        // The disk is full.
        assert_eq!(shown(&mut counting, false), Some(1100));
        // It takes values again, but has not taken this one yet.
        assert_eq!(shown(&mut counting, true), Some(1100));
        counting.hand_over();
        reads(&mut counting, 1200);
        counting.confirm();
        assert_eq!(shown(&mut counting, true), Some(1200));
        counting.hand_over();
        counting.confirm();
        reads(&mut counting, 1300);
        assert_eq!(shown(&mut counting, true), Some(1200));

        // What an adapter adds up itself would fall with the next start.
        let metric = Metric::lifetime("energy", Quantity::Energy).summed_here();
        let mut counting = Counting::new(&metric, None);
        reads(&mut counting, 10);
        assert_eq!(shown(&mut counting, false), None);
        counting.hand_over();
        counting.confirm();
        reads(&mut counting, 20);
        assert_eq!(shown(&mut counting, false), Some(10));
    }
}
