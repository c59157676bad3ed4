//! When a battery will be full or empty, if it goes on as in the last hour.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::model::Decimal;

/// What counts for it.
const WINDOW: SignedDuration = SignedDuration::from_mins(60);
/// What is needed for it.
const LEAST: SignedDuration = SignedDuration::from_mins(20);
/// Less than this says nothing, in %.
const LEAST_CHANGE: f64 = 2.0;
/// Nobody knows further.
const FURTHEST: SignedDuration = SignedDuration::from_hours(16);
/// How often a level is kept.
const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The level of a battery over the last hour.
#[derive(Debug, Clone, Default)]
pub struct LevelTrend {
    levels: VecDeque<(Timestamp, f64)>,
}

/// Where it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It will be full then.
    Full(Timestamp),
    /// It will be empty then.
    Empty(Timestamp),
}

impl LevelTrend {
    /// Notes the level of a moment; unknown begins anew.
    pub fn note(&mut self, at: Timestamp, level: Option<Decimal>) {
        let Some(level) = level.map(Decimal::to_f64) else {
            self.levels.clear();
            return;
        };
        match self.levels.back() {
            // The clock was set back.
            Some((last, _)) if *last > at => self.levels.clear(),
            Some((last, _)) if at.duration_since(*last) < EVERY => return,
            _ => {}
        }
        self.levels.push_back((at, level));
        while self
            .levels
            .front()
            .is_some_and(|(first, _)| at.duration_since(*first) > WINDOW)
        {
            self.levels.pop_front();
        }
    }

    /// When it will be full or empty.
    pub fn outlook(&self) -> Option<Outlook> {
        let (first, from) = *self.levels.front()?;
        let (last, level) = *self.levels.back()?;
        let taken = last.duration_since(first);
        let change = level - from;
        if taken < LEAST || change.abs() < LEAST_CHANGE {
            return None;
        }
        let left = if change > 0.0 { 100.0 - level } else { level };
        if left <= 0.0 {
            return None;
        }
        let seconds = taken.as_secs_f64() * left / change.abs();
        let until = SignedDuration::try_from_secs_f64(seconds)
            .ok()
            .filter(|it| *it <= FURTHEST)?;
        let at = last.checked_add(until).ok()?;
        Some(if change > 0.0 {
            Outlook::Full(at)
        } else {
            Outlook::Empty(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_is_full_when_it_goes_on_like_this() {
        let mut trend = LevelTrend::default();
        let begun: Timestamp = "2026-06-13T10:00:00Z".parse().unwrap();
        for minute in 0..=30 {
            let at = begun + SignedDuration::from_mins(minute);
            trend.note(at, Some(Decimal::new(700 + minute * 2, 1)));
        }
        // 6 % in half an hour; 24 % are left.
        let full = begun + SignedDuration::from_mins(30 + 120);
        assert_eq!(trend.outlook(), Some(Outlook::Full(full)));
        trend.note(begun + SignedDuration::from_mins(31), None);
        assert_eq!(trend.outlook(), None);
    }

    #[test]
    fn what_hardly_changes_says_nothing() {
        let mut trend = LevelTrend::default();
        let begun: Timestamp = "2026-06-13T10:00:00Z".parse().unwrap();
        for minute in 0..=59 {
            let level = Decimal::new(700 - minute / 4, 1);
            trend.note(begun + SignedDuration::from_mins(minute), Some(level));
        }
        assert_eq!(trend.outlook(), None);
    }
}
