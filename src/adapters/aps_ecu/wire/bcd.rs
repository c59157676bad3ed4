//! Binary-coded decimal and ASCII decimal: the two ways the gateway writes numbers meant for people.
//!
//! `20 25 10 31` is the year 2025, October 31. Anything that is not a real date or time is `None`.

use jiff::civil;

/// Reads one byte as two decimal digits.
pub fn pair(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0f);
    (high < 10 && low < 10).then_some(high * 10 + low)
}

/// Writes 0..=99 as one byte; larger values lose their hundreds.
pub fn byte(value: u8) -> u8 {
    let value = value % 100;
    ((value / 10) << 4) | (value % 10)
}

/// Reads `yyyymmdd`, four bytes.
pub fn date(bytes: &[u8]) -> Option<civil::Date> {
    let [century, year, month, day] = *bytes else {
        return None;
    };
    let year = i16::from(pair(century)?) * 100 + i16::from(pair(year)?);
    civil::Date::new(year, small(pair(month)?), small(pair(day)?)).ok()
}

/// Reads `hhmm`, two bytes.
pub fn hour_minute(bytes: &[u8]) -> Option<civil::Time> {
    let [hour, minute] = *bytes else {
        return None;
    };
    civil::Time::new(small(pair(hour)?), small(pair(minute)?), 0, 0).ok()
}

/// Reads `yyyymmddhhmmss`, seven bytes.
pub fn date_time(bytes: &[u8]) -> Option<civil::DateTime> {
    let date = date(bytes.get(..4)?)?;
    let [hour, minute, second] = *bytes.get(4..)? else {
        return None;
    };
    let time = civil::Time::new(
        small(pair(hour)?),
        small(pair(minute)?),
        small(pair(second)?),
        0,
    );
    Some(date.to_datetime(time.ok()?))
}

/// Writes `yyyymmdd`; years before 0 become 0.
pub fn date_bytes(date: civil::Date) -> [u8; 4] {
    let year = u16::try_from(date.year()).unwrap_or(0);
    [
        byte(low(year / 100)),
        byte(low(year % 100)),
        byte(date.month().unsigned_abs()),
        byte(date.day().unsigned_abs()),
    ]
}

/// Writes `hhmm`.
pub fn hour_minute_bytes(time: civil::Time) -> [u8; 2] {
    [
        byte(time.hour().unsigned_abs()),
        byte(time.minute().unsigned_abs()),
    ]
}

/// Writes `yyyymmddhhmmss`.
pub fn date_time_bytes(at: civil::DateTime) -> [u8; 7] {
    let [a, b, c, d] = date_bytes(at.date());
    let [e, f] = hour_minute_bytes(at.time());
    [a, b, c, d, e, f, byte(at.second().unsigned_abs())]
}

/// Packs an even number of ASCII digits into BCD, so that the readers above serve ASCII dates too.
pub fn from_ascii<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N * 2 {
        return None;
    }
    let mut packed = [0; N];
    for (slot, digits) in packed.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = *digits else {
            return None;
        };
        if !high.is_ascii_digit() || !low.is_ascii_digit() {
            return None;
        }
        *slot = ((high - b'0') << 4) | (low - b'0');
    }
    Some(packed)
}

/// Reads up to nine ASCII digits and nothing else.
pub fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        text.iter()
            .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
    )
}

/// Two digits always fit.
fn small(value: u8) -> i8 {
    i8::try_from(value).unwrap_or(i8::MAX)
}

fn low(value: u16) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_the_round_trip_and_nonsense_is_refused() {
        let at = civil::date(2024, 2, 29).at(23, 59, 58, 0);
        assert_eq!(date_time(&date_time_bytes(at)), Some(at));
        assert_eq!(date_time(&[0xd0; 7]), None);
        assert_eq!(date(&[0x20, 0x23, 0x02, 0x29]), None);
        assert_eq!(hour_minute(&[0x24, 0x00]), None);
        assert_eq!(hour_minute(&[0x1a, 0x00]), None);
        assert_eq!(date_time(&[0x20]), None);
    }

    #[test]
    fn ascii_numbers_are_digits_only() {
        assert_eq!(number(b"0042"), Some(42));
        assert_eq!(number(b"+042"), None);
        assert_eq!(number(b""), None);
        assert_eq!(from_ascii::<2>(b"2025"), Some([0x20, 0x25]));
        assert_eq!(from_ascii::<2>(b"20a5"), None);
        assert_eq!(from_ascii::<2>(b"202"), None);
    }
}
