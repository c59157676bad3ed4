//! What is said in return.

use jiff::civil::Date;

use super::rows::StatusRow;

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusAnswer {
    /// Each row has an answer of its own.
    Rows,
    /// A row tells of generation in the night.
    MoonPowered,
    /// A value of a row cannot be.
    Wrong,
    /// Rows up to this date, or all of them, are too old.
    TooOld(Option<Date>),
    /// The clock here is ahead.
    Ahead,
    /// It does not understand what we say.
    Ours,
    /// It refuses something, in words that nobody knows.
    Strange,
    /// There is no such system with this key.
    SystemId,
    /// The key is wrong.
    Key,
    /// Something is for donors alone.
    Donation,
    /// The limit of requests is used up.
    TooMany,
    /// Another address would be right.
    Elsewhere,
    /// A fault that passes.
    Passing,
}

/// What an answer of this status says.
pub fn said(status: u16, text: &str) -> StatusAnswer {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    match status {
        200 => StatusAnswer::Rows,
        400 if has(&["moon powered"]) => StatusAnswer::MoonPowered,
        400 if has(&[
            "too high for",
            "lower than previously",
            "cannot exceed",
            "invalid power value",
            "invalid energy value",
        ]) =>
        {
            StatusAnswer::Wrong
        }
        400 if has(&["date is older than", "too far in the past"]) => StatusAnswer::TooOld(
            bracketed(text).find_map(|inner| Date::strptime("%Y%m%d", inner).ok()),
        ),
        400 if has(&["invalid future date", "in the future"]) => StatusAnswer::Ahead,
        400 if has(&[
            "missing",
            "could not read",
            "invalid date",
            "invalid time",
            "invalid net",
        ]) =>
        {
            StatusAnswer::Ours
        }
        400 => StatusAnswer::Strange,
        401 if has(&["system id"]) => StatusAnswer::SystemId,
        401 => StatusAnswer::Key,
        403 if has(&["donation mode"]) => StatusAnswer::Donation,
        403 if has(&["exceeded"]) => StatusAnswer::TooMany,
        403 if has(&["read only", "api key"]) => StatusAnswer::Key,
        405 | 300..400 => StatusAnswer::Elsewhere,
        _ => StatusAnswer::Passing,
    }
}

/// The message itself, short enough for a line and without what is unprintable.
pub fn words(text: &str) -> String {
    let text = text.trim();
    let message = match text.split_once(": ") {
        // "Bad request 400: Moon Powered"
        Some((head, message)) if head.ends_with(|c: char| c.is_ascii_digit()) => message,
        _ => text,
    };
    let short: String = message.chars().take(200).collect();
    short
        .trim()
        .escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

/// What stands in brackets, one after the other.
fn bracketed(text: &str) -> impl Iterator<Item = &str> {
    text.split('[').skip(1).filter_map(|rest| {
        let (inner, _) = rest.split_once(']')?;
        Some(inner.trim())
    })
}

/// Which rows are meant by a message about a value, by their places; empty if that cannot be told.
pub fn meant(text: &str, rows: &[StatusRow]) -> Vec<usize> {
    let numbers: Vec<i64> = bracketed(text).filter_map(|it| it.parse().ok()).collect();
    let Some(value) = numbers.first().copied() else {
        return Vec::new();
    };
    let lower = text.to_ascii_lowercase();
    let generated = |row: &StatusRow| row.generation.and_then(|(wh, _)| wh);
    let consumed = |row: &StatusRow| row.consumption.0;
    let places = |is_meant: &dyn Fn(&StatusRow) -> bool| -> Vec<usize> {
        let rows = rows.iter().enumerate();
        rows.filter(|(_, row)| is_meant(row))
            .map(|(place, _)| place)
            .collect()
    };
    if lower.contains("lower than previously") {
        // All that are lower than what is there already.
        let least = numbers.get(1).copied().unwrap_or(value.saturating_add(1));
        let is_of =
            |of: &dyn Fn(&StatusRow) -> Option<i64>| rows.iter().any(|row| of(row) == Some(value));
        let is_low = |energy: Option<i64>| energy.is_some_and(|wh| wh < least);
        return if is_of(&generated) {
            places(&|row| is_low(generated(row)))
        } else if is_of(&consumed) {
            places(&|row| is_low(consumed(row)))
        } else {
            Vec::new()
        };
    }
    let has_value = |row: &StatusRow| {
        let energies = [generated(row), consumed(row)];
        let powers = [
            row.generation.and_then(|(_, power)| power),
            row.consumption.1,
        ];
        (lower.contains("energy value") && energies.contains(&Some(value)))
            || (lower.contains("power value") && powers.contains(&Some(value)))
    };
    let time = bracketed(text).find(|inner| is_time(inner));
    places(&|row| has_value(row) && time.is_none_or(|time| row.time_text() == time))
}

fn is_time(text: &str) -> bool {
    let is_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once(':')
        .is_some_and(|(hour, minute)| is_digits(hour) && is_digits(minute))
}

/// What an answer says of each row: whether it changed anything, or nothing at all. `None` if it says nothing of any row.
pub fn of_rows(text: &str, rows: &[StatusRow]) -> Option<Vec<Option<bool>>> {
    let mut is_any = false;
    let mut said = vec![None; rows.len()];
    for answer in text.split(';') {
        let mut fields = answer.trim().split(',').map(str::trim);
        let (Some(date), Some(time), Some(flag)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if !is_time(time) || date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        is_any = true;
        let row = rows
            .iter()
            .position(|row| row.date_text() == date && row.time_text() == time);
        if let Some(said) = row.and_then(|row| said.get_mut(row)) {
            *said = match flag {
                "0" => Some(false),
                "1" | "2" => Some(true),
                _ => None,
            };
        }
    }
    is_any.then_some(said)
}
