//! The energy of a day, from what a counter said in it.
//!
//! It never falls within a day, begins with 0, and is unknown until the first value of the day. Where the counter
//! only grows it is its gain, to the last digit; what it does else is made good as far as anybody can tell.

use super::slot::HOUR;

/// How a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterKind {
    /// For ever. The energy of a day is the gain since its last value before midnight, also when that is days old:
    /// the gain then belongs to the day on which it is seen.
    Lifetime,
    /// From 0 on each day, when the device thinks that a day begins. The energy of a day is the sum of the gains.
    Daily,
}

/// The last value of a counter before the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// The value.
    pub value: i64,
    /// When that was, in seconds since 1970, if that is known.
    pub at: Option<i64>,
}

/// The energy of one day, value by value in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayEnergy {
    kind: CounterKind,
    /// A daily counter below this has begun anew: 10 Wh.
    few: i64,
    before: Option<Before>,
    gained: Option<i64>,
    /// What gains are counted from.
    reference: i64,
    doubt: Doubt,
}

/// What is not decided yet about the latest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    No,
    /// It may be yesterday's, until the counter moves.
    MayBeOfYesterday,
    /// A lifetime counter fell to this: a mistake if the next value is where it was, else a new beginning.
    Fell(i64),
}

/// A daily counter that was not heard for longer around midnight may have been set to 0 meanwhile, unseen.
const LONGEST_PAUSE: i64 = HOUR;

impl DayEnergy {
    /// Nothing yet. Values are integers with so many `decimals` of kWh.
    pub fn new(kind: CounterKind, decimals: u8, before: Option<Before>) -> Self {
        let few = 10_i64.checked_pow(u32::from(decimals)).unwrap_or(i64::MAX) / 100;
        Self {
            kind,
            few: few.max(1),
            before,
            gained: None,
            reference: 0,
            doubt: Doubt::No,
        }
    }

    /// The energy so far, with the decimals of the values.
    pub const fn energy(&self) -> Option<i64> {
        self.gained
    }

    /// The next value, and when that was in seconds since 1970.
    pub fn push(&mut self, at: i64, value: i64) {
        if self.gained.is_none() {
            self.begin(at, value);
            return;
        }
        match self.kind {
            CounterKind::Lifetime => self.push_lifetime(value),
            CounterKind::Daily => self.push_daily(value),
        }
    }

    fn begin(&mut self, at: i64, value: i64) {
        self.gained = Some(0);
        self.reference = value;
        let is_daily = self.kind == CounterKind::Daily;
        match self.before {
            Some(before) if !is_daily => {
                self.reference = before.value;
                self.push_lifetime(value);
            }
            None if !is_daily => {}
            // Heard over midnight: whatever it gains is gained now, whether it is set to 0 then or later.
            Some(Before {
                value: before,
                at: Some(then),
            }) if at.saturating_sub(then) <= LONGEST_PAUSE => {
                self.reference = before;
                self.push_daily(value);
            }
            // It has fallen meanwhile, so all of it is today's.
            Some(before) if value < before.value => self.gain(0, value),
            Some(_) | None => self.doubt = Doubt::MayBeOfYesterday,
        }
    }

    fn push_lifetime(&mut self, value: i64) {
        if value >= self.reference {
            self.gain(self.reference, value);
            return;
        }
        match self.doubt {
            // It stays below: it goes on from there.
            Doubt::Fell(low) => self.gain(low.min(value), value),
            Doubt::No | Doubt::MayBeOfYesterday => self.doubt = Doubt::Fell(value),
        }
    }

    fn push_daily(&mut self, value: i64) {
        let is_new = value < self.reference && (value < self.few || value < self.reference / 2);
        let is_unseen = self.doubt == Doubt::MayBeOfYesterday && value > self.reference;
        if is_new || is_unseen {
            // It has been set to 0 before, so the whole value is today's.
            self.gain(0, value);
        } else if value > self.reference {
            self.gain(self.reference, value);
        }
    }

    fn gain(&mut self, from: i64, to: i64) {
        let gain = to.saturating_sub(from).max(0);
        self.gained = self.gained.map(|gained| gained.saturating_add(gain));
        self.reference = to;
        self.doubt = Doubt::No;
    }
}

/// The energy of a whole day from values in any order, each with its moment in seconds since 1970, with the decimals
/// of the values.
pub fn energy_of_day(
    kind: CounterKind,
    decimals: u8,
    before: Option<Before>,
    values: impl IntoIterator<Item = (i64, i64)>,
) -> Option<i64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable();
    let mut day = DayEnergy::new(kind, decimals, before);
    for (at, value) in values {
        day.push(at, value);
    }
    day.energy()
}

/// How good a counter is to tell the energy of a day, the least number first: a lifetime counter with steps of at
/// most 10 Wh, a daily counter, a coarser lifetime counter.
pub const fn rank(kind: CounterKind, decimals: u8) -> u8 {
    match kind {
        CounterKind::Lifetime if decimals >= 2 => 0,
        CounterKind::Daily => 1,
        CounterKind::Lifetime => 2,
    }
}

#[cfg(test)]
mod tests;
