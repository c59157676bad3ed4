//! Days as the people in the house have them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::slot::{SLOT, moment};

/// The calendar of the place where the house is. A day is from local midnight to local midnight, so that one with
/// a change of the clock has 23 or 25 hours.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// That of a time zone.
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// The time zone.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The day to which the slot with this end belongs: the one that ends at midnight is of the day before.
    pub fn day_of_slot(&self, end: i64) -> Date {
        self.day_of(moment(end - 1))
    }

    /// The day of a moment.
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// Midnight at the beginning of a day, in seconds since 1970.
    pub fn midnight(&self, date: Date) -> i64 {
        let zoned = date.to_zoned(self.zone.clone());
        // At the ends of the calendar there may be none.
        let end = if date.year() > 0 {
            Timestamp::MAX
        } else {
            Timestamp::MIN
        };
        zoned.map_or(end, |zoned| zoned.timestamp()).as_second()
    }

    /// The two midnights of a day, in seconds since 1970. Its slots have ends after the first, up to the second.
    pub fn bounds(&self, date: Date) -> (i64, i64) {
        (self.midnight(date), self.midnight(tomorrow(date)))
    }

    /// How many slots a day has.
    pub fn slots(&self, date: Date) -> usize {
        let (from, to) = self.bounds(date);
        usize::try_from((to - from) / SLOT).unwrap_or(0)
    }

    /// The time of the day on the wall, in minutes, at which the slot with this end begins.
    pub fn minute_of_day(&self, end: i64) -> i64 {
        let time = moment(end - SLOT).to_zoned(self.zone.clone()).time();
        i64::from(time.hour()) * 60 + i64::from(time.minute())
    }
}

/// The day after.
pub fn tomorrow(date: Date) -> Date {
    date.tomorrow().unwrap_or(Date::MAX)
}

/// A date as the file has it: 20260615.
pub fn number(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// The date of such a number.
pub fn of_number(number: i64) -> Option<Date> {
    let year = i16::try_from(number.div_euclid(10_000)).ok()?;
    let month = i8::try_from(number.rem_euclid(10_000) / 100).ok()?;
    let day = i8::try_from(number.rem_euclid(100)).ok()?;
    Date::new(year, month, day).ok()
}

/// All days from one to another, which is not among them; at most `most`.
pub fn days(from: Date, to: Date, most: usize) -> impl Iterator<Item = Date> {
    let days = std::iter::successors(Some(from), |date| date.tomorrow().ok());
    days.take_while(move |date| *date < to).take(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_have_23_24_or_25_hours() {
        let calendar = Calendar::new(TimeZone::get("Europe/Vienna").unwrap());
        assert_eq!(calendar.slots(date(2026, 3, 29)), 276);
        assert_eq!(calendar.slots(date(2026, 6, 15)), 288);
        assert_eq!(calendar.slots(date(2026, 10, 25)), 300);
        let (from, to) = calendar.bounds(date(2026, 6, 15));
        assert_eq!(calendar.day_of_slot(from), date(2026, 6, 14));
        assert_eq!(calendar.day_of_slot(from + SLOT), date(2026, 6, 15));
        assert_eq!(calendar.day_of_slot(to), date(2026, 6, 15));
        assert_eq!(calendar.minute_of_day(from + SLOT), 0);
        // Midnight does not exist there on that day.
        let calendar = Calendar::new(TimeZone::get("Asia/Beirut").unwrap());
        assert_eq!(calendar.slots(date(2026, 3, 29)), 276);
    }

    #[test]
    fn a_date_is_a_number_that_people_read() {
        assert_eq!(number(date(2026, 6, 15)), 20_260_615);
        assert_eq!(of_number(20_260_615), Some(date(2026, 6, 15)));
        assert_eq!(of_number(20_260_631), None);
        assert_eq!(of_number(i64::MAX), None);
        assert_eq!(days(date(2026, 2, 27), date(2026, 3, 2), 99).count(), 3);
    }
}
