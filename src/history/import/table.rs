//! A table by the names of its columns, and moments and numbers as people and programs write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::row::{ForeignTime, RowRefusal, quoted};
use crate::model::Decimal;

/// Seconds since 1970 that are meant as such: from 2001 on, so that no year is taken for one.
const FIRST_SECONDS: i64 = 1_000_000_000;
/// Numbers above this are nobody's measurement.
const LARGEST: f64 = 1e12;

/// The cells of a line; a text between quotation marks may hold the separator.
pub fn cells(line: &str, separator: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut letters = line.chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        let Some(cell) = cells.last_mut() else { break };
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            letter if letter == separator && !is_quoted => cells.push(String::new()),
            letter => cell.push(letter),
        }
    }
    for cell in &mut cells {
        let trimmed = cell.trim();
        if trimmed.len() != cell.len() {
            *cell = trimmed.to_owned();
        }
    }
    cells
}

/// A number as it is written; with `is_comma` the sign between whole and parts is a comma.
pub fn number(text: &str, is_comma: bool) -> Result<Decimal, RowRefusal> {
    let refusal = || RowRefusal::NoNumber(quoted(text));
    let point = if is_comma {
        text.replace(',', ".")
    } else {
        text.to_owned()
    };
    if let Ok(number) = point.parse::<Decimal>() {
        return Ok(number);
    }
    // With an exponent or too many decimals, as programs print them.
    let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let number: f64 = point
        .parse()
        .ok()
        .filter(|_| point.chars().all(is_number))
        .ok_or_else(refusal)?;
    if !number.is_finite() || number.abs() > LARGEST {
        return Err(refusal());
    }
    format!("{number:.6}").parse().map_err(|_| refusal())
}

/// A time: a date, a moment with its offset, a local one, or seconds since 1970.
pub fn time(text: &str, zone: &TimeZone) -> Result<ForeignTime, RowRefusal> {
    let is_date = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
    if is_date && let Ok(date) = text.parse::<Date>() {
        return Ok(ForeignTime::Day(date));
    }
    if let Some(at) = seconds(text) {
        return Ok(ForeignTime::Moment(at));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(ForeignTime::Moment(at));
    }
    if let Ok(at) = text.parse::<Zoned>() {
        return Ok(ForeignTime::Moment(at.timestamp()));
    }
    let local = text.parse::<DateTime>().ok();
    let local = local.and_then(|local| local.to_zoned(zone.clone()).ok());
    match local {
        Some(local) => Ok(ForeignTime::Moment(local.timestamp())),
        None => Err(RowRefusal::NoTime(quoted(text))),
    }
}

/// Seconds since 1970, or thousandths of them.
pub fn seconds(text: &str) -> Option<Timestamp> {
    let number: i64 = text.parse().ok()?;
    match number {
        ..FIRST_SECONDS => None,
        FIRST_SECONDS..1_000_000_000_000 => Timestamp::from_second(number).ok(),
        _ => Timestamp::from_millisecond(number).ok(),
    }
}

/// Whether a text can be an id or a key.
pub fn is_word(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}
