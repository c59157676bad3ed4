//! How often a value may change in Home Assistant.
//!
//! A meter that speaks each second would fill its database with the noise of a mains voltage. So a
//! value that was published waits before it may change again, unless it moves far:
//!
//! | what | waits | unless it moves by more than |
//! |---|---|---|
//! | active power | 10 s, and 1 s whatever it does | 50 W and 5 % |
//! | other measurements | 30 s | the dead band of its quantity, see [`measured`] |
//! | counters | 30 s, but not past a full hour | nothing, or falls: a daily counter starts again |
//! | moments | 60 s | |
//! | texts | 10 s | |
//! | states, on and off | not at all | |
//!
//! A value that waits is replaced by the one published before, and goes out by itself when its time
//! has come. A change from or to unknown never waits, and neither does anything when the health
//! changes. The other outputs get every value.
//!
//! Home Assistant takes the energy of an hour from what its counters showed last before the hour was
//! full, so what waits goes out just before that.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::{Complaint, Period};
use crate::model::{
    Behavior, Decimal, Device, DeviceState, Health, Metric, Quantity, Sentence, Value, reserved,
};

/// Stands for every key.
pub const ALL: &str = "*";
/// The key of the words about how a device is.
const STATUS: &str = reserved::REASON.key;
/// That which the words of the guard stand in.
const GUARD: &str = reserved::COUNTER_GUARD.key;

/// What is not believed of a device, by keys.
type HeldValues = BTreeMap<Cow<'static, str>, Sentence>;
/// The key of the moment that each state message carries.
const MOMENT: &str = reserved::TIME;
/// Values that stand still for longer help nobody.
const LONGEST: Period = Period::days(1);
/// How long even what moves far waits, where that may be with every telegram.
const FLOOR: Duration = Duration::from_secs(1);
/// How long before an hour is full counters do not wait any more: long enough to be there in time.
const BEFORE_THE_HOUR: Duration = Duration::from_secs(2);
const HOUR: i64 = 3600;

/// How often a value may change in Home Assistant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleSettings {
    /// The shortest time between two changes. "0s" lets each one through. Set without `change`, it
    /// holds for a power that leaps too.
    pub every: Option<Period>,
    /// A value that moves by more than this, in its unit, does not wait.
    pub change: Option<f64>,
}

impl ThrottleSettings {
    fn or(self, other: Self) -> Self {
        Self {
            every: self.every.or(other.every),
            change: self.change.or(other.change),
        }
    }
}

/// What is wrong with the paces of the configuration.
pub fn check(paces: &BTreeMap<String, ThrottleSettings>) -> Vec<Complaint> {
    let complain = |(key, pace): (&String, &ThrottleSettings)| {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let change = pace.change.unwrap_or_default();
        let every = pace.every.unwrap_or(Period::seconds(0));
        let (what, advice) = if key != ALL && (key.is_empty() || !key.chars().all(word)) {
            (
                format!("{key:?} is not a key"),
                "keys are words such as voltage_l1, as in `wattbridge discovery`; \"*\" stands for all",
            )
        } else if pace.every.is_none() && pace.change.is_none() {
            (
                format!("{key:?} says nothing"),
                "write { every = \"1m\" }, { change = 5 } or both",
            )
        } else if every > LONGEST {
            (
                format!("{key:?}: a value that stands still for {every} helps nobody"),
                "choose one day or less; to leave a value out, name it in exclude",
            )
        } else if change.is_sign_negative() || exact(change).is_none() {
            (
                format!("{key:?}: {change} is not how far a value can move"),
                "write a plain number such as 5 or 0.5, in the unit of the value",
            )
        } else {
            return None;
        };
        Some(Complaint::new("pace", what, advice))
    };
    paces.iter().filter_map(complain).collect()
}

/// The number as it was written.
fn exact(number: f64) -> Option<Decimal> {
    number.to_string().parse().ok()
}

/// How long a value waits, and how far it has to move not to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval {
    every: Duration,
    unless: Unless,
}

/// What makes a value wait no longer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unless {
    Never,
    /// It moves by more than this.
    MovesOver(Decimal),
    /// It moves by this at least, and by this share of what was shown: it can still do so often.
    Leaps {
        by: Decimal,
        percent: Decimal,
    },
}

impl Interval {
    const fn every(seconds: u64) -> Self {
        Self {
            every: Duration::from_secs(seconds),
            unless: Unless::Never,
        }
    }

    const fn unless(self, change: Decimal) -> Self {
        Self {
            unless: Unless::MovesOver(change),
            ..self
        }
    }

    const fn unless_it_leaps(self, by: i64, percent: i64) -> Self {
        let [by, percent] = [Decimal::integer(by), Decimal::integer(percent)];
        Self {
            unless: Unless::Leaps { by, percent },
            ..self
        }
    }

    fn set(self, asked: ThrottleSettings) -> Self {
        let change = asked.change.and_then(exact).map(Unless::MovesOver);
        let usual = match (self.unless, asked.every) {
            // Who sets a pace for power alone wants no more than that.
            (Unless::Leaps { .. }, Some(_)) => Unless::Never,
            (usual, _) => usual,
        };
        Self {
            every: asked.every.map_or(self.every, Period::get),
            unless: change.unwrap_or(usual),
        }
    }

    /// How long a number that has moved waits since it did so last.
    fn wait(self, shown: Decimal, value: Decimal) -> Duration {
        let moved = shown.distance(value);
        match self.unless {
            Unless::MovesOver(change) if moved > change => Duration::ZERO,
            Unless::Leaps { by, percent } if moved >= by && is_share(percent, moved, shown) => {
                FLOOR.min(self.every)
            }
            _ => self.every,
        }
    }
}

/// Whether a number is at least so many percent of another one.
fn is_share(percent: Decimal, number: Decimal, of: Decimal) -> bool {
    let none = Decimal::integer(0);
    let number = number.times_plus(Decimal::integer(100), none);
    let share = of.distance(none).times_plus(percent, none);
    number >= share
}

/// The pace of a metric, if the user does not say; `None` for what never waits.
fn usual(metric: &Metric) -> Option<Interval> {
    match metric.behavior {
        Behavior::Measurement => Some(measured(metric.quantity)),
        Behavior::Figure | Behavior::LifetimeCounter | Behavior::DailyCounter => {
            Some(Interval::every(30))
        }
        Behavior::Timestamp => Some(Interval::every(60)),
        // Words about noise on a line are other ones with every byte of it.
        Behavior::Text => Some(Interval::every(10)),
        Behavior::State(_) | Behavior::OnOff(_) => None,
    }
}

/// The dead bands are what a person would call a change.
const fn measured(quantity: Option<Quantity>) -> Interval {
    let Some(quantity) = quantity else {
        return Interval::every(30);
    };
    let change = match quantity {
        Quantity::Power => return Interval::every(10).unless_it_leaps(50, 5),
        Quantity::ApparentPower | Quantity::ReactivePower => Decimal::integer(50),
        Quantity::SignalQuality | Quantity::SignalStrength => Decimal::integer(10),
        Quantity::Ratio | Quantity::Angle => Decimal::integer(5),
        Quantity::Voltage => Decimal::integer(2),
        Quantity::Resistance => Decimal::integer(100),
        Quantity::Temperature | Quantity::StateOfCharge => Decimal::integer(1),
        Quantity::Current => Decimal::new(5, 1),
        Quantity::Frequency | Quantity::PowerFactor => Decimal::new(1, 1),
        Quantity::Energy
        | Quantity::ReactiveEnergy
        | Quantity::Gas
        | Quantity::Water
        | Quantity::Heat
        | Quantity::Charge
        | Quantity::Duration
        | Quantity::Minutes
        | Quantity::Count => {
            return Interval::every(30);
        }
    };
    Interval::every(30).unless(change)
}

/// Holds back what changes too often, for one device. Without a clock: it is told what time it is.
#[derive(Debug)]
pub struct Throttle {
    /// The metrics that may have to wait.
    tracks: Vec<Track>,
    /// How the device is and what is not believed of it, as it was shown last.
    told: Option<(Health, HeldValues)>,
    /// The moment of the latest values, and when its hour is full.
    hour: Option<(Timestamp, Instant)>,
    moment: Duration,
    due: Option<Instant>,
}

/// What was shown of one metric.
#[derive(Debug)]
struct Track {
    key: Cow<'static, str>,
    decimals: u8,
    counts: bool,
    pace: Interval,
    /// The value, and since when.
    shown: Option<(Value, Instant)>,
}

impl Throttle {
    pub fn new(device: &Device, paces: &BTreeMap<String, ThrottleSettings>) -> Self {
        let asked = |key: &str| {
            let of_device = format!("{}_{key}", device.id);
            let names = [of_device.as_str(), key, ALL];
            let asked = names.iter().filter_map(|name| paces.get(*name));
            asked.fold(ThrottleSettings::default(), |nearer, other| {
                nearer.or(*other)
            })
        };
        let track = |metric: &Metric| {
            let pace = usual(metric)?.set(asked(&metric.key));
            (!pace.every.is_zero()).then(|| Track {
                key: metric.key.clone(),
                decimals: metric.decimals,
                counts: metric.is_counter(),
                pace,
                shown: None,
            })
        };
        Self {
            tracks: device.metrics.iter().filter_map(track).collect(),
            told: None,
            hour: None,
            moment: Interval::every(60).set(asked(MOMENT)).every,
            due: None,
        }
    }

    /// The state to publish now: with the values shown before in place of those that have to wait.
    pub fn pace<'s>(&mut self, latest: &'s DeviceState, now: Instant) -> Cow<'s, DeviceState> {
        let told = self
            .told
            .take()
            .filter(|(told, _)| told.code == latest.health.code);
        let nothing_waits = told.is_none();
        let (mut words_wait, mut guard_waits) = (false, false);
        self.due = None;
        let hour = self.hour_ends(latest.at, now);
        let mut paced = Cow::Borrowed(latest);
        for track in &mut self.tracks {
            let value = latest.value(&track.key);
            let Some((shown, until)) = track.waits(value, hour, now).filter(|_| !nothing_waits)
            else {
                track.show(value, now);
                continue;
            };
            words_wait |= track.key == STATUS;
            guard_waits |= track.key == GUARD;
            self.due = Some(self.due.map_or(until, |due| due.min(until)));
            let values = &mut paced.to_mut().values;
            values.insert(track.key.clone(), shown);
        }
        // The parts of the status wait with it, and what the words of the guard are made of with those.
        if let Some((health, held)) = told {
            if words_wait {
                paced.to_mut().health = health;
            }
            if guard_waits {
                paced.to_mut().held = held;
            }
        }
        self.told = Some((paced.health.clone(), paced.held.clone()));
        paced
    }

    /// When the hour is full in which the latest values came, which is now unless they are known
    /// already.
    fn hour_ends(&mut self, at: Option<Timestamp>, now: Instant) -> Option<Instant> {
        if let Some(at) = at.filter(|at| self.hour.is_none_or(|(known, _)| known != *at)) {
            let left = HOUR - at.as_second().rem_euclid(HOUR);
            self.hour = Some((at, now + Duration::from_secs(left.unsigned_abs())));
        }
        self.hour.map(|(_, ends)| ends).filter(|ends| *ends > now)
    }

    /// When a value that waits may be shown.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// How long a message waits that says nothing new but that the values were confirmed.
    pub const fn moment(&self) -> Duration {
        self.moment
    }

    /// Nothing was shown yet, or not to somebody who is still there.
    pub fn forget(&mut self) {
        self.tracks.iter_mut().for_each(|track| track.shown = None);
        self.told = None;
        self.due = None;
    }
}

impl Track {
    /// What to show instead, and until when, if the value has to wait. `hour` is when the present one
    /// is full.
    fn waits(
        &self,
        value: &Value,
        hour: Option<Instant>,
        now: Instant,
    ) -> Option<(Value, Instant)> {
        let (shown, since) = self.shown.as_ref()?;
        let paced = *since + self.wait(shown, value)?;
        let latest = hour.and_then(|hour| hour.checked_sub(BEFORE_THE_HOUR));
        let until = match latest.filter(|_| self.counts) {
            Some(latest) => paced.min(latest),
            None => paced,
        };
        (now < until).then(|| (shown.clone(), until))
    }

    /// How long after what is shown this may be, if that is not now. What is the same has nothing to
    /// wait for, and neither has what comes from unknown or becomes it.
    fn wait(&self, shown: &Value, value: &Value) -> Option<Duration> {
        match (shown, value) {
            (Value::Number(shown), Value::Number(value)) => {
                let value = value.rounded(self.decimals);
                let falls = self.counts && value < *shown;
                (value != *shown && !falls).then(|| self.pace.wait(*shown, value))
            }
            (Value::Timestamp(shown), Value::Timestamp(value)) => {
                (shown != value).then_some(self.pace.every)
            }
            (Value::Text(shown), Value::Text(value)) => (shown != value).then_some(self.pace.every),
            _ => None,
        }
    }

    fn show(&mut self, value: &Value, now: Instant) {
        let value = match value {
            Value::Number(number) => Value::Number(number.rounded(self.decimals)),
            other => other.clone(),
        };
        if self.shown.as_ref().is_none_or(|(shown, _)| *shown != value) {
            self.shown = Some((value, now));
        }
    }
}

#[cfg(test)]
mod tests;
