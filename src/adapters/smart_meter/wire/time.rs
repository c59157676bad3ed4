//! Moments of a meter's clock, twelve bytes.
//!
//! | Offset | Size | Meaning | Not specified |
//! |---|---|---|---|
//! | 0 | 2 | year | FFFF |
//! | 2 | 1 | month | FF; FD and FE for the ends of daylight saving |
//! | 3 | 1 | day | FF; FD and FE for the last days of a month |
//! | 4 | 1 | day of the week, 1 is Monday | FF |
//! | 5 | 3 | hour, minute, second | FF each |
//! | 8 | 1 | hundredths of a second | FF |
//! | 9 | 2 | deviation: minutes to add to get UTC | 8000 |
//! | 11 | 1 | clock status, see [`ClockStatus`] | FF |

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::hex::Hex;

/// Bytes of a moment.
pub const LENGTH: usize = 12;
/// Years that a meter's clock may show; 1970 is one that was never set.
const YEARS: std::ops::RangeInclusive<u16> = 1970..=2199;
/// The most a place on earth is away from UTC.
const FARTHEST: i16 = 15 * 60;
const UNSPECIFIED_DEVIATION: i16 = i16::MIN;
/// In the hour that comes twice: a host whose clock is this close to one of the two is right.
const CLOSE: SignedDuration = SignedDuration::from_mins(20);

/// A moment as a meter writes it: the time on the wall, and perhaps how far that is from UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MeterTime([u8; LENGTH], Option<Season>);

/// What a clock keeps, where it says so for certain: whatever the date, the standard time of its zone, or an hour
/// more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Season {
    /// An hour more.
    Summer,
    /// Standard time.
    Winter,
}

/// What a meter says of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStatus(pub u8);

impl ClockStatus {
    /// Daylight saving is on.
    pub const fn is_daylight_saving(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl MeterTime {
    /// From the bytes, whatever they are.
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes, None)
    }

    /// The same where it is certain what the clock keeps.
    #[must_use]
    pub const fn of(self, season: Season) -> Self {
        Self(self.0, Some(season))
    }

    /// The bytes for the wire.
    pub const fn to_bytes(self) -> [u8; LENGTH] {
        self.0
    }

    /// A local time, the minutes to add to get UTC if the clock knows them, and its status.
    pub fn new(local: DateTime, deviation: Option<i16>, status: ClockStatus) -> Self {
        let [year_high, year_low] = local.year().to_be_bytes();
        let [deviation_high, deviation_low] =
            deviation.unwrap_or(UNSPECIFIED_DEVIATION).to_be_bytes();
        let part = i8::cast_unsigned;
        // A second has a hundred hundredths.
        let hundredths = (local.subsec_nanosecond() / 10_000_000) as u8;
        Self::from_bytes([
            year_high,
            year_low,
            part(local.month()),
            part(local.day()),
            part(local.weekday().to_monday_one_offset()),
            part(local.hour()),
            part(local.minute()),
            part(local.second()),
            hundredths,
            deviation_high,
            deviation_low,
            status.0,
        ])
    }

    /// A moment in a time zone, as a meter there would write it.
    pub fn at(moment: Timestamp, zone: &TimeZone) -> Self {
        let info = zone.to_offset_info(moment);
        // An offset is less than two days.
        let deviation = (-info.offset().seconds() / 60) as i16;
        let status = if info.dst().is_dst() { 0x80 } else { 0 };
        let local = zone.to_datetime(moment);
        Self::new(local, Some(deviation), ClockStatus(status))
    }

    /// Whether each field is in its range or not specified: noise hardly ever is.
    pub fn is_plausible(self) -> bool {
        let [
            _,
            _,
            month,
            day,
            weekday,
            hour,
            minute,
            second,
            hundredths,
            ..,
        ] = self.0;
        let year = self.year();
        (year == u16::MAX || YEARS.contains(&year))
            && matches!(month, 1..=12 | 0xfd..=0xff)
            && matches!(day, 1..=31 | 0xfd..=0xff)
            && matches!(weekday, 0..=7 | 0xff)
            && matches!(hour, 0..=23 | 0xff)
            && matches!(minute, 0..=59 | 0xff)
            && matches!(second, 0..=59 | 0xff)
            && matches!(hundredths, 0..=99 | 0xff)
    }

    const fn year(self) -> u16 {
        let [high, low, ..] = self.0;
        u16::from_be_bytes([high, low])
    }

    /// The time on the wall, to the second; `None` if a part of it is not specified.
    pub fn local(self) -> Option<DateTime> {
        let [_, _, month, day, _, hour, minute, second, hundredths, ..] = self.0;
        let nanoseconds = if hundredths < 100 {
            i32::from(hundredths) * 10_000_000
        } else {
            0
        };
        let year = i16::try_from(self.year()).ok()?;
        let part = |byte: u8| i8::try_from(byte).ok();
        DateTime::new(
            year,
            part(month)?,
            part(day)?,
            part(hour)?,
            part(minute)?,
            part(second)?,
            nanoseconds,
        )
        .ok()
    }

    /// Day of the week, 1 is Monday; `None` if not specified.
    pub const fn weekday(self) -> Option<u8> {
        let [_, _, _, _, weekday, ..] = self.0;
        match weekday {
            1..=7 => Some(weekday),
            _ => None,
        }
    }

    /// Hundredths of a second; `None` if not specified.
    pub const fn hundredths(self) -> Option<u8> {
        let [.., hundredths, _, _, _] = self.0;
        if hundredths < 100 {
            Some(hundredths)
        } else {
            None
        }
    }

    /// Minutes to add to the local time to get UTC; `None` if not specified or nowhere on earth.
    pub fn deviation(self) -> Option<i16> {
        let [.., high, low, _] = self.0;
        let minutes = i16::from_be_bytes([high, low]);
        (-FARTHEST..=FARTHEST).contains(&minutes).then_some(minutes)
    }

    /// Local time minus UTC: the deviation with its sign turned.
    pub fn offset(self) -> Option<Offset> {
        let minutes = self.deviation()?;
        Offset::from_seconds(-i32::from(minutes) * 60).ok()
    }

    /// What the meter says of its clock; `None` if nothing.
    pub const fn status(self) -> Option<ClockStatus> {
        let [.., status] = self.0;
        match status {
            0xff => None,
            // Bit 3 says that the other bits mean nothing.
            _ if status & 0x08 != 0 => None,
            _ => Some(ClockStatus(status)),
        }
    }

    /// The moment this is: by the meter's own offset, or as civil time in `zone` if it gives none.
    ///
    /// In the hour that comes twice in autumn, a meter that says "daylight saving" is believed. One
    /// that says "standard time" is not, if the host's clock, `near`, disagrees: there are meters
    /// without offset that say so all summer.
    pub fn to_timestamp(self, zone: &TimeZone, near: Timestamp) -> Option<Timestamp> {
        let local = self.local()?;
        if let Some(offset) = self.offset() {
            return offset.to_timestamp(local).ok();
        }
        if let Some(season) = self.1 {
            let standard = standard_offset(local, zone)?.to_timestamp(local).ok()?;
            return match season {
                Season::Winter => Some(standard),
                Season::Summer => standard.checked_sub(SignedDuration::from_hours(1)).ok(),
            };
        }
        let ambiguous = zone.to_ambiguous_timestamp(local);
        let AmbiguousOffset::Fold { before, after } = ambiguous.offset() else {
            return ambiguous.compatible().ok();
        };
        let (first, second) = (before.to_timestamp(local), after.to_timestamp(local));
        let (first, second) = (first.ok()?, second.ok()?);
        let distance = |moment: Timestamp| near.duration_since(moment).abs();
        let is_first = match self.status() {
            Some(status) if status.is_daylight_saving() => true,
            Some(_) => distance(first) < CLOSE,
            None => distance(first) < distance(second),
        };
        Some(if is_first { first } else { second })
    }
}

impl MeterTime {
    /// The moment this is on a clock that keeps the zone's standard time all year; `None` if it gives
    /// an offset or its season, which tells what it keeps.
    pub fn in_standard_time(self, zone: &TimeZone) -> Option<Timestamp> {
        let is_open = self.offset().is_none() && self.1.is_none();
        let local = self.local().filter(|_| is_open)?;
        standard_offset(local, zone)?.to_timestamp(local).ok()
    }
}

/// The offset of a zone's standard time: in summer clocks are put forward, on either half of the earth.
fn standard_offset(local: DateTime, zone: &TimeZone) -> Option<Offset> {
    let offset_in = |month| {
        let day = jiff::civil::date(local.year(), month, 1).at(0, 0, 0, 0);
        Some(zone.to_offset(zone.to_timestamp(day).ok()?))
    };
    Some(offset_in(1)?.min(offset_in(7)?))
}

impl fmt::Display for MeterTime {
    /// ISO 8601, with the offset if the meter gives one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(local) = self.local() else {
            return f.write_str("not a time");
        };
        write!(f, "{}", local.strftime("%Y-%m-%dT%H:%M:%S"))?;
        let Some(minutes) = self.deviation() else {
            return Ok(());
        };
        let sign = if minutes > 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl fmt::Debug for MeterTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeterTime({self} {})", Hex::of(&self.0).with(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn vienna() -> TimeZone {
        TimeZone::get("Europe/Vienna").unwrap()
    }

    fn without_offset(local: DateTime, status: u8) -> MeterTime {
        MeterTime::new(local, None, ClockStatus(status))
    }

    #[test]
    fn the_deviation_is_the_offset_with_its_sign_turned() {
        let bytes = [0x07, 0xe9, 7, 1, 2, 9, 30, 15, 0, 0xff, 0x88, 0x80];
        let time = MeterTime::from_bytes(bytes);
        assert_eq!(time.to_string(), "2025-07-01T09:30:15+02:00");
        assert_eq!(time.deviation(), Some(-120));
        let utc = TimeZone::UTC;
        let at = time.to_timestamp(&utc, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(at.to_string(), "2025-07-01T07:30:15Z");
        let newfoundland =
            MeterTime::new(date(2025, 1, 1).at(0, 0, 0, 0), Some(210), ClockStatus(0));
        assert_eq!(newfoundland.to_string(), "2025-01-01T00:00:00-03:30");
    }

    #[test]
    fn without_a_deviation_it_is_civil_time_of_the_zone() {
        let time = without_offset(date(2025, 7, 1).at(9, 30, 15, 0), 0);
        assert_eq!(time.to_string(), "2025-07-01T09:30:15");
        let at = time.to_timestamp(&vienna(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(at.to_string(), "2025-07-01T07:30:15Z");
    }

    #[test]
    fn in_the_hour_that_comes_twice_status_and_host_decide() {
        let local = date(2025, 10, 26).at(2, 30, 0, 0);
        let first: Timestamp = "2025-10-26T00:30:00Z".parse().unwrap();
        let second: Timestamp = "2025-10-26T01:30:00Z".parse().unwrap();
        let far: Timestamp = "2025-11-26T00:00:00Z".parse().unwrap();
        let of = |status, near| {
            without_offset(local, status)
                .to_timestamp(&vienna(), near)
                .unwrap()
        };
        assert_eq!(of(0x80, second), first);
        assert_eq!(of(0x80, far), first);
        assert_eq!(of(0x00, far), second);
        // A meter that never says "daylight saving".
        assert_eq!(of(0x00, first + SignedDuration::from_secs(3)), first);
        assert_eq!(of(0x00, second), second);
        // No status at all, or one that is declared invalid.
        assert_eq!(of(0xff, first), first);
        assert_eq!(of(0x88, second), second);
    }

    #[test]
    fn fields_that_are_not_specified_give_no_moment() {
        let good = without_offset(date(2025, 7, 1).at(9, 30, 15, 0), 0xff).to_bytes();
        for (field, value) in [
            (2, 0xfe),
            (2, 0xff),
            (3, 0xfd),
            (5, 0xff),
            (6, 0xff),
            (7, 0xff),
        ] {
            let mut bytes = good;
            bytes[field] = value;
            let time = MeterTime::from_bytes(bytes);
            assert!(time.is_plausible());
            assert_eq!(
                time.to_timestamp(&vienna(), Timestamp::UNIX_EPOCH),
                None,
                "{field}"
            );
        }
        for (field, value) in [
            (0, 0x20),
            (2, 13),
            (3, 32),
            (3, 0),
            (5, 24),
            (6, 60),
            (7, 60),
        ] {
            let mut bytes = good;
            bytes[field] = value;
            assert!(!MeterTime::from_bytes(bytes).is_plausible(), "{field}");
        }
        assert_eq!(MeterTime::from_bytes(good).status(), None);
        // The thirtieth of February is in range, but no day.
        let mut bytes = good;
        bytes[2..4].copy_from_slice(&[2, 30]);
        assert_eq!(MeterTime::from_bytes(bytes).local(), None);
    }

    #[test]
    fn a_clock_in_standard_time_is_not_put_forward_in_summer() {
        let zone = |name| TimeZone::get(name).unwrap();
        for (name, month, utc) in [
            ("Europe/Copenhagen", 7, "2025-07-01T08:30:00Z"),
            ("Europe/Copenhagen", 1, "2025-01-01T08:30:00Z"),
            ("Australia/Sydney", 1, "2024-12-31T23:30:00Z"),
            ("UTC", 7, "2025-07-01T09:30:00Z"),
        ] {
            let time = without_offset(date(2025, month, 1).at(9, 30, 0, 0), 0);
            let at = time.in_standard_time(&zone(name)).unwrap();
            assert_eq!(at.to_string(), utc, "{name}");
        }
        let told = MeterTime::new(date(2025, 7, 1).at(9, 30, 0, 0), Some(-120), ClockStatus(0));
        assert_eq!(told.in_standard_time(&vienna()), None);
    }

    proptest! {
        #[test]
        fn a_moment_survives_the_wire(seconds in 0_i64..7_000_000_000, near in 0_i64..7_000_000_000) {
            let moment = Timestamp::from_second(seconds).unwrap();
            let near = Timestamp::from_second(near).unwrap();
            let time = MeterTime::at(moment, &vienna());
            prop_assert!(time.is_plausible());
            prop_assert_eq!(time.to_timestamp(&TimeZone::UTC, near), Some(moment));
        }

        #[test]
        fn nothing_panics(bytes: [u8; 12], near in any::<i32>()) {
            let time = MeterTime::from_bytes(bytes);
            let near = Timestamp::from_second(near.into()).unwrap();
            let _ = (time.to_timestamp(&vienna(), near), time.to_string(), format!("{time:?}"));
            prop_assert_eq!(time.to_bytes(), bytes);
        }
    }
}
