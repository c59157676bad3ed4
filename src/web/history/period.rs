//! Dates of questions.

use jiff::civil::{Date, date};

use crate::web::reply::WebRefusal;

/// No house has a history before, and no clock is right after.
const FIRST: Date = date(1970, 1, 1);
const LAST: Date = date(2200, 1, 1);

/// A day.
pub fn day_of(text: &str) -> Result<Date, WebRefusal> {
    // jiff reads more than dates: times, too, and years with a sign.
    let is_plain = text.len() == 10 && text.bytes().all(|it| it.is_ascii_digit() || it == b'-');
    let day = text.parse().ok().filter(|_| is_plain);
    let day = day.filter(|day| (FIRST..=LAST).contains(day));
    day.ok_or_else(|| {
        WebRefusal::bad(
            "this is not a date",
            "write dates as 2026-06-14, between 1970 and 2200",
        )
    })
}

/// From one day to another, which is not part of it; so many days at most.
pub fn days_of(from: &str, to: &str, most: i64) -> Result<(Date, Date), WebRefusal> {
    let (from, to) = (day_of(from)?, day_of(to)?);
    if from >= to {
        return Err(WebRefusal::bad(
            "the time ends before it begins",
            "`to` is the day after the last one",
        ));
    }
    if days_between(from, to) > most {
        return Err(WebRefusal::bad(
            format!("this can be asked for {most} days at once"),
            "ask for fewer days, or by months or years",
        ));
    }
    Ok((from, to))
}

/// How many days a time has.
pub fn days_between(from: Date, to: Date) -> i64 {
    let days = from.until(to).map(|span| i64::from(span.get_days()));
    days.unwrap_or(0)
}

/// The day after.
pub fn tomorrow(day: Date) -> Date {
    day.tomorrow().unwrap_or(Date::MAX)
}

/// Pieces of so many days.
pub fn pieces(from: Date, to: Date, days: i64) -> impl Iterator<Item = (Date, Date)> {
    let end_of = move |start: Date| {
        let end = start.checked_add(jiff::Span::new().days(days.max(1)));
        end.map_or(to, |end| end.min(to))
    };
    let starts = std::iter::successors(Some(from), move |start| Some(end_of(*start)));
    starts
        .take_while(move |start| *start < to)
        .map(move |start| (start, end_of(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_are_dates() {
        assert_eq!(day_of("2026-06-14").unwrap(), date(2026, 6, 14));
        for wrong in [
            "",
            "2026-6-14",
            "2026-02-30",
            "20260614",
            "2026-06-14T00:00",
            "1969-12-31",
            "2200-01-02",
            "-002026-01-01",
            "2026-06-1٣",
        ] {
            assert!(day_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_has_an_end_and_a_bound() {
        let days = |from, to| days_of(from, to, 31);
        assert!(days("2026-05-01", "2026-06-01").is_ok());
        assert!(days("2026-05-01", "2026-06-02").is_err());
        assert!(days("2026-05-01", "2026-05-01").is_err());
        assert!(days("2026-05-02", "2026-05-01").is_err());
    }

    #[test]
    fn pieces_are_the_whole() {
        let of = |days| pieces(date(2026, 2, 27), date(2026, 3, 3), days).collect::<Vec<_>>();
        let (a, b, c) = (date(2026, 2, 27), date(2026, 3, 2), date(2026, 3, 3));
        assert_eq!(of(3), [(a, b), (b, c)]);
        assert_eq!(of(99), [(a, c)]);
        assert_eq!(of(0).len(), 4);
        let last = pieces(date(9999, 12, 30), Date::MAX, 5).count();
        assert_eq!(last, 1);
    }
}
