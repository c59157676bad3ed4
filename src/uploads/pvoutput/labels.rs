//! Which slots belong to which status.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::history::{Calendar, SLOT};

/// The statuses that there are.
#[derive(Debug, Clone)]
pub struct StatusLabels {
    calendar: Calendar,
    /// From one to the next, in seconds.
    interval: i64,
}

/// One status: the slots in `(from, end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusLabel {
    /// When the first of its slots begins, in seconds since 1970.
    pub from: i64,
    /// The end of the last of its slots.
    pub end: i64,
    /// The date that PVOutput shows.
    pub date: Date,
    /// The time that PVOutput shows, in minutes since midnight.
    pub minute: i64,
    /// It is the last of its date, to which the slot belongs that ends at midnight.
    pub is_last: bool,
    /// Its time on the wall comes for the second time on this date.
    pub is_repeated: bool,
}

impl StatusLabels {
    /// Those of a place, with so many minutes between them.
    pub fn new(calendar: &Calendar, minutes: i64) -> Self {
        let interval = minutes.clamp(5, 60) * 60;
        Self {
            calendar: calendar.clone(),
            interval: interval - interval % SLOT,
        }
    }

    /// That to which the slot with this end belongs.
    pub fn of(&self, end: i64) -> StatusLabel {
        let date = self.calendar.day_of_slot(end);
        let (midnight, next) = self.calendar.bounds(date);
        // Statuses are counted from local midnight, and not all places are whole hours apart.
        let on_the_wall = end.saturating_add(self.offset(end - 1));
        let missing = (self.interval - on_the_wall.rem_euclid(self.interval)) % self.interval;
        let whole = end.saturating_add(missing).min(next);
        let is_last = next - whole <= self.interval;
        let (from, end, shown) = if is_last {
            (next - 2 * self.interval, next, next - self.interval)
        } else {
            (whole - self.interval, whole, whole)
        };
        let time = moment(shown).to_zoned(self.calendar.zone().clone());
        let ambiguous = self.calendar.zone().to_ambiguous_timestamp(time.datetime());
        let is_repeated = ambiguous.is_ambiguous()
            && ambiguous
                .earlier()
                .is_ok_and(|earlier| earlier < moment(shown));
        StatusLabel {
            from: from.max(midnight),
            end,
            date,
            minute: i64::from(time.hour()) * 60 + i64::from(time.minute()),
            is_last,
            is_repeated,
        }
    }

    fn offset(&self, at: i64) -> i64 {
        i64::from(self.calendar.zone().to_offset(moment(at)).seconds())
    }
}

fn moment(at: i64) -> Timestamp {
    let last = Timestamp::MAX.as_second() - 2 * 86_400;
    let first = Timestamp::MIN.as_second() + 2 * 86_400;
    Timestamp::from_second(at.clamp(first, last)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn labels(zone: &str, minutes: i64) -> StatusLabels {
        StatusLabels::new(&Calendar::new(TimeZone::get(zone).unwrap()), minutes)
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    fn shown(label: StatusLabel) -> String {
        let hour = label.minute / 60;
        format!("{} {hour:02}:{:02}", label.date, label.minute % 60)
    }

    #[test]
    fn midnight_belongs_to_the_last_status_of_the_day_that_ends() {
        for (minutes, time, from) in [
            (5, "2026-06-15 23:55", "21:50"),
            (10, "2026-06-15 23:50", "21:40"),
            (15, "2026-06-15 23:45", "21:30"),
        ] {
            let label = labels("Europe/Vienna", minutes).of(at("2026-06-15T22:00:00Z"));
            assert_eq!(shown(label), time);
            assert!(label.is_last);
            assert_eq!(label.from, at(&format!("2026-06-15T{from}:00Z")));
            let same = labels("Europe/Vienna", minutes).of(label.from + SLOT);
            assert_eq!(same, label);
            let before = labels("Europe/Vienna", minutes).of(label.from);
            assert_eq!(before.end, label.from);
        }
    }

    #[test]
    fn places_that_are_no_whole_hours_apart_have_whole_statuses() {
        for zone in ["Asia/Kathmandu", "Australia/Adelaide", "Pacific/Chatham"] {
            let labels = labels(zone, 15);
            for slot in 0..600 {
                let label = labels.of(at("2026-06-15T00:00:00Z") + slot * SLOT);
                assert_eq!(label.minute % 15, 0, "{zone} {label:?}");
            }
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_known() {
        let labels = labels("Europe/Vienna", 5);
        for (end, time, again) in [
            ("2026-10-25T00:55:00Z", "2026-10-25 02:55", false),
            ("2026-10-25T01:00:00Z", "2026-10-25 02:00", true),
            ("2026-10-25T01:55:00Z", "2026-10-25 02:55", true),
            ("2026-10-25T02:00:00Z", "2026-10-25 03:00", false),
            ("2026-03-29T01:00:00Z", "2026-03-29 03:00", false),
        ] {
            let label = labels.of(at(end));
            assert_eq!((shown(label).as_str(), label.is_repeated), (time, again));
        }
    }

    #[test]
    fn every_slot_of_a_year_has_one_status_wherever_the_house_is() {
        for zone in [
            "Europe/Vienna",
            "Asia/Beirut",
            "America/Havana",
            "Pacific/Apia",
        ] {
            for minutes in [5, 10, 15] {
                let labels = labels(zone, minutes);
                let mut last = labels.of(at("2026-01-01T00:00:00Z"));
                for slot in 0..105_120 {
                    let end = at("2026-01-01T00:00:00Z") + slot * SLOT;
                    let label = labels.of(end);
                    assert!(label.from < end && end <= label.end, "{zone} {label:?}");
                    assert!(label == last || label.from == last.end, "{zone} {label:?}");
                    last = label;
                }
            }
        }
    }
}
