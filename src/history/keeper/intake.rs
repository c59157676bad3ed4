//! What the thread of the history takes in: values, days that devices remember, how they are.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use super::Keeper;
use crate::history::gathering::{LONG_PATIENCE, PATIENCE};
use crate::history::pace::MADE;
use crate::history::series::{SeriesKey, SeriesKind};
use crate::history::slot::{moment, slot_end};
use crate::model::{Days, DeviceId, Health, Value};

/// What is measured so far in the future was measured by a clock that is wrong.
const AHEAD: i64 = 3600;
/// Changes of health and states that are kept in memory while the disk takes nothing.
const MOST_EVENTS: usize = 2000;
/// More of the same trouble of a device is kept at most so often, in seconds.
const SAME_HEALTH: i64 = 600;

impl Keeper {
    pub(super) fn take_values(
        &mut self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: Vec<(Cow<'static, str>, Value)>,
        is_late: bool,
    ) {
        let (now, end) = (self.pace.now(), slot_end(at));
        if self.pace.is_clock() && (end > now + AHEAD || (!is_late && end < MADE)) {
            tracing::debug!("the history has no place for values of {device} of {at}");
            return;
        }
        if end <= self.cleared_until {
            return;
        }
        // An ECU tells what it knew a round ago.
        let lag = now - end;
        if !is_late && (PATIENCE - 10..=LONG_PATIENCE).contains(&lag) {
            self.slow.insert(device.clone());
        }
        // What a device still counts to yesterday on its own clock is not of today.
        let is_of_yesterday = day
            .is_some_and(|day| day.tomorrow().ok() == Some(self.ledger.calendar.day_of_slot(end)));
        for (key, value) in values {
            let word = match &value {
                Value::Text(word) => Some(word.as_ref()),
                Value::OnOff(on) => Some(if *on { "ON" } else { "OFF" }),
                Value::Unknown | Value::Number(_) | Value::Timestamp(_) => None,
            };
            if let Some(word) = word.filter(|_| !is_late)
                && self.ledger.catalog.is_news(device, &key, word)
                && self.events.len() < MOST_EVENTS
            {
                let series = SeriesKey::new(device, key.as_ref());
                self.events.push((series, at, word.to_owned()));
            }
            let Some(place) = self.ledger.catalog.place(device, &key) else {
                continue;
            };
            let Some(series) = self.ledger.catalog.get(place) else {
                continue;
            };
            if is_of_yesterday && series.about.kind == SeriesKind::Daily {
                continue;
            }
            if let Some(value) = series.about.scaled(&value) {
                self.gathering.add(place, at, value, now);
            }
        }
    }

    pub(super) fn take_days(&mut self, days: &Days) {
        let today = self.ledger.calendar.day_of(moment(self.pace.now()));
        for (date, values) in days.days.iter().filter(|(date, _)| **date < today) {
            for reading in values {
                let place = self.ledger.catalog.place(&days.device, &reading.key);
                let series = place.and_then(|place| self.ledger.catalog.get(place));
                // A lifetime counter says nothing of the day alone.
                let series = series.filter(|series| series.about.kind != SeriesKind::Lifetime);
                let value = series.and_then(|series| series.about.scaled(&reading.value));
                if let (Some(series), Some(value)) = (place, value) {
                    self.remembered.insert((series, *date), value);
                }
            }
        }
    }

    pub(super) fn take_health(&mut self, device: DeviceId, at: Timestamp, health: Health) {
        if let Some((then, last)) = self.last_health.get(&device) {
            // A clock that was ahead must not hush what is true now.
            let is_recent = (0..SAME_HEALTH).contains(&(at.as_second() - then.as_second()));
            if *last == health || (last.code == health.code && is_recent) {
                return;
            }
        }
        if self.health.len() < MOST_EVENTS {
            self.health.push((device.clone(), at, health.clone()));
        }
        self.last_health.insert(device, (at, health));
    }
}
