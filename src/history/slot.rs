//! Slots of five minutes: which one a moment belongs to, and what becomes of the values in it.

use jiff::Timestamp;

/// The length of a slot in seconds.
pub const SLOT: i64 = 300;
/// The length of an hour in seconds.
pub const HOUR: i64 = 3600;

/// The end of the slot that a moment belongs to, in seconds since 1970: a slot is `(end - 300 s, end]`.
pub fn slot_end(at: Timestamp) -> i64 {
    end_of(at, SLOT)
}

/// The same for another length.
fn end_of(at: Timestamp, length: i64) -> i64 {
    const NANOS: i128 = 1_000_000_000;
    let length = i128::from(length);
    let ends = -(-at.as_nanosecond()).div_euclid(length * NANOS);
    // A timestamp has at most 12 digits of seconds.
    i64::try_from(ends * length).unwrap_or(i64::MAX)
}

/// The start of the hour, `(start, start + 3600 s]`, to which the slot with this end belongs.
pub const fn hour_of(end: i64) -> i64 {
    (end - 1).div_euclid(HOUR) * HOUR
}

/// A moment by its seconds since 1970.
pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// `sum / count`, rounded half away from zero.
pub fn mean(sum: i128, count: u32) -> Option<i64> {
    let count = i128::from(count);
    let half = count / 2 * sum.signum();
    let mean = sum.saturating_add(half).checked_div(count)?;
    i64::try_from(mean).ok()
}

/// What is kept of a slot, in the smallest decimal of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRow {
    /// The mean; of a counter the last value.
    pub value: i64,
    /// The least and the greatest, where they differ from the mean.
    pub bounds: Option<(i64, i64)>,
}

impl SlotRow {
    /// The least.
    pub fn min(self) -> i64 {
        self.bounds.map_or(self.value, |(min, _)| min)
    }

    /// The greatest.
    pub fn max(self) -> i64 {
        self.bounds.map_or(self.value, |(_, max)| max)
    }
}

/// The values of one series in one slot, as far as they have come. Their order does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotValues {
    pub sum: i128,
    pub count: u32,
    pub min: i64,
    pub max: i64,
    /// The last one and when that was, in nanoseconds since 1970.
    pub last: (i128, i64),
}

impl SlotValues {
    /// The first value.
    pub fn new(at: Timestamp, value: i64) -> Self {
        Self {
            sum: i128::from(value),
            count: 1,
            min: value,
            max: value,
            last: (at.as_nanosecond(), value),
        }
    }

    /// One more.
    pub fn add(&mut self, at: Timestamp, value: i64) {
        self.sum = self.sum.saturating_add(i128::from(value));
        self.count = self.count.saturating_add(1);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.last = self.last.max((at.as_nanosecond(), value));
    }

    /// These and others of the same slot.
    pub fn and(self, others: Self) -> Self {
        Self {
            sum: self.sum.saturating_add(others.sum),
            count: self.count.saturating_add(others.count),
            min: self.min.min(others.min),
            max: self.max.max(others.max),
            last: self.last.max(others.last),
        }
    }

    /// What is kept, of a counter or of something else.
    pub fn row(&self, is_counter: bool) -> SlotRow {
        if is_counter {
            let (_, value) = self.last;
            return SlotRow {
                value,
                bounds: None,
            };
        }
        SlotRow {
            value: mean(self.sum, self.count).unwrap_or(self.min),
            bounds: (self.min != self.max).then_some((self.min, self.max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_end_belongs_to_the_slot_that_ends() {
        let end = at("2026-06-15T10:05:00Z").as_second();
        assert_eq!(slot_end(at("2026-06-15T10:00:00.000000001Z")), end);
        assert_eq!(slot_end(at("2026-06-15T10:05:00Z")), end);
        assert_eq!(slot_end(at("2026-06-15T10:05:00.000000001Z")), end + SLOT);
        assert_eq!(slot_end(at("1969-12-31T23:59:00Z")), 0);
        assert_eq!(hour_of(3600), 0);
        assert_eq!(hour_of(3601), 3600);
    }

    #[test]
    fn a_mean_is_rounded_half_away_from_zero() {
        for (sum, count, rounded) in [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (5, 3, 2)] {
            assert_eq!(mean(sum, count), Some(rounded), "{sum}/{count}");
        }
        assert_eq!(mean(5, 0), None);
    }

    proptest! {
        #[test]
        fn the_order_of_values_does_not_matter(
            values in proptest::collection::vec((0_i64..300, -1000_i64..1000), 1..20),
            turn in 0_usize..20,
        ) {
            let gather = |values: &[(i64, i64)]| {
                let mut all = values.iter().map(|(at, value)| (moment(*at), *value));
                let (first, value) = all.next().unwrap();
                let mut gathered = SlotValues::new(first, value);
                all.for_each(|(at, value)| gathered.add(at, value));
                gathered
            };
            let mut turned = values.clone();
            turned.rotate_left(turn % values.len());
            prop_assert_eq!(gather(&values), gather(&turned));
            let row = gather(&values).row(false);
            prop_assert!(row.min() <= row.value && row.value <= row.max());
        }
    }
}
