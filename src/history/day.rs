//! A whole day of one series, slot by slot.

use std::ops::BitOr;

use jiff::civil::Date;

use super::energy::{Before, DayEnergy};
use super::series::{SeriesAbout, SeriesKind};
use super::slot::{SlotRow, mean};

/// What is special about a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayFlags(pub i64);

impl DayFlags {
    /// Values are missing for more than half an hour in which the device did not rest.
    pub const GAP: Self = Self(1);
    /// Somebody has put in another value.
    pub const CORRECTED: Self = Self(2);
    /// The device itself or another program has remembered it.
    pub const IMPORTED: Self = Self(4);

    /// Whether all of these are set.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The words for programs: `gap`, `corrected`, `imported`.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Self::GAP, "gap"),
            (Self::CORRECTED, "corrected"),
            (Self::IMPORTED, "imported"),
        ];
        all.into_iter()
            .filter_map(move |(flag, word)| self.has(flag).then_some(word))
    }
}

impl BitOr for DayFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is kept of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayRow {
    /// Of a counter or a flow the energy of the day, else the mean.
    pub value: Option<i64>,
    /// The least.
    pub min: Option<i64>,
    /// The greatest.
    pub max: Option<i64>,
    /// The end of the slot in which the greatest was.
    pub max_at: Option<i64>,
    /// The value of the first slot.
    pub first: Option<i64>,
    /// The value of the last slot.
    pub last: Option<i64>,
    /// The end of the slot of the last.
    pub last_at: Option<i64>,
    /// How many slots have a value.
    pub slots: u32,
    /// What the slots add up to, of what is no counter.
    pub sum: Option<i64>,
    /// What is special about it.
    pub flags: DayFlags,
}

/// A pause that is longer is a gap, unless the device rests.
pub const LONGEST_PAUSE: i64 = 30 * 60;

/// A day as far as it has come. Slots are put in by their time.
#[derive(Debug, Clone)]
pub struct DaySoFar {
    pub date: Date,
    kind: SeriesKind,
    energy: Option<DayEnergy>,
    before: Option<Before>,
    row: DayRow,
    total: i128,
}

impl DaySoFar {
    /// The beginning of a day. `before` is the last value of the days before. A series whose first day it is has no
    /// whole day.
    pub fn new(date: Date, about: &SeriesAbout, before: Option<Before>) -> Self {
        let energy = about.kind.counter();
        let flags = match before {
            None if about.kind != SeriesKind::Flow => DayFlags::GAP,
            _ => DayFlags::default(),
        };
        Self {
            date,
            kind: about.kind,
            energy: energy.map(|kind| DayEnergy::new(kind, about.decimals, before)),
            before,
            row: DayRow {
                flags,
                ..DayRow::default()
            },
            total: 0,
        }
    }

    /// The last value before the next day, if there has been any.
    pub fn last(&self) -> Option<Before> {
        match (self.row.last, self.row.last_at) {
            (Some(value), at) => Some(Before { value, at }),
            (None, _) => self.before,
        }
    }

    /// The end of the last slot, of this day or before.
    pub fn last_end(&self) -> Option<i64> {
        self.last().and_then(|last| last.at)
    }

    /// Since when values are missing, if that is a gap when the next slot has this end, unless the device rests.
    pub fn gap_before(&self, end: i64) -> Option<i64> {
        let has_gaps = self.kind != SeriesKind::Flow && !self.row.flags.has(DayFlags::GAP);
        self.last_end()
            .filter(|last| has_gaps && end.saturating_sub(*last) > LONGEST_PAUSE)
    }

    /// Values are missing.
    pub fn note_gap(&mut self) {
        self.row.flags = self.row.flags | DayFlags::GAP;
    }

    /// The next slot by its end.
    pub fn push(&mut self, end: i64, slot: SlotRow) {
        let row = &mut self.row;
        row.first = row.first.or(Some(slot.value));
        row.last = Some(slot.value);
        row.last_at = Some(end);
        row.slots = row.slots.saturating_add(1);
        if let Some(energy) = &mut self.energy {
            energy.push(end, slot.value);
            row.value = energy.energy();
            return;
        }
        self.total = self.total.saturating_add(i128::from(slot.value));
        row.sum = i64::try_from(self.total).ok();
        if self.kind == SeriesKind::Flow {
            row.value = row.sum;
            return;
        }
        row.value = match self.kind {
            SeriesKind::Figure => row.last,
            _ => mean(self.total, row.slots),
        };
        row.min = row.min.map(|min| min.min(slot.min())).or(Some(slot.min()));
        if row.max.is_none_or(|max| slot.max() > max) {
            row.max = Some(slot.max());
            row.max_at = Some(end);
        }
    }

    /// What is kept of it.
    pub const fn row(&self) -> DayRow {
        self.row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;

    fn about(kind: SeriesKind) -> SeriesAbout {
        SeriesAbout {
            kind,
            quantity: Some(Quantity::Power),
            decimals: 0,
            name: String::new(),
            device_name: String::new(),
            part: None,
            via: None,
        }
    }

    fn slot(value: i64) -> SlotRow {
        let bounds = Some((value - 5, value + 5));
        SlotRow { value, bounds }
    }

    #[test]
    fn a_pause_is_a_gap() {
        let date = jiff::civil::date(2026, 6, 15);
        let before = Some(Before {
            value: 0,
            at: Some(0),
        });
        for (pause, gap) in [(LONGEST_PAUSE, None), (LONGEST_PAUSE + 300, Some(0))] {
            let mut day = DaySoFar::new(date, &about(SeriesKind::Measurement), before);
            assert_eq!(day.gap_before(pause), gap);
            day.push(pause, slot(1));
            assert_eq!(day.gap_before(pause + 300), None);
        }
        let first = DaySoFar::new(date, &about(SeriesKind::Lifetime), None);
        assert!(first.row().flags.has(DayFlags::GAP));
    }

    #[test]
    fn a_day_has_its_mean_its_bounds_and_when_the_greatest_was() {
        let date = jiff::civil::date(2026, 6, 15);
        let mut day = DaySoFar::new(date, &about(SeriesKind::Measurement), None);
        for (end, value) in [(300, 100), (600, 300), (900, 101)] {
            day.push(end, slot(value));
        }
        let row = day.row();
        assert_eq!((row.value, row.sum, row.slots), (Some(167), Some(501), 3));
        assert_eq!(
            (row.min, row.max, row.max_at),
            (Some(95), Some(305), Some(600))
        );
        assert_eq!(
            (row.first, row.last, row.last_at),
            (Some(100), Some(101), Some(900))
        );
        let words: Vec<_> = (DayFlags::GAP | DayFlags::IMPORTED).words().collect();
        assert_eq!(words, ["gap", "imported"]);
    }
}
