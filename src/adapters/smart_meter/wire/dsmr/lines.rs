//! The lines of a text telegram: a code, and values in brackets.
//!
//! ```text
//! 1-0:1.8.0(000123.456*kWh)                     one value
//! 0-1:24.2.1(250601115500S)(00012.345*m3)       a value with its own time
//! 0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)
//! (00001.001)                                   the same of old meters: unit apart, value in the next line
//! 1-0:99.97.0(1)(0-0:96.7.19)(...)(...)         a log
//! 0-0:98.1.0((ER11))                            brackets in brackets
//! ```
//!
//! A line that is none of these costs only itself.

use jiff::civil::DateTime;

use super::super::item::{Item, ItemValue, Quantity, Scaling};
use super::super::obis::Obis;
use super::super::time::{ClockStatus, MeterTime, Season};
use super::super::units::{Scale, Unit};
use super::{from_hex, printable};

/// Digits of an equipment id that may be characters in hexadecimal.
const LONG_ID: usize = 12;
/// The two parts of a clock that some meters have in place of one.
const TIME_OF_DAY: [u8; 3] = [0, 9, 1];
const DATE: [u8; 3] = [0, 9, 2];

/// The items of a telegram up to its end. The first line, who made it, is one without a code.
pub(in super::super::super) fn items(body: &str) -> Vec<Item> {
    let (head, rest) = body.split_once(is_line_end).unwrap_or((body, ""));
    let mut items = vec![Item {
        obis: None,
        position: 0,
        at: None,
        value: ItemValue::Text(printable(head.trim_start_matches('/').trim())),
    }];
    for line in TextLines::of(rest) {
        items.extend(item(&line, items.len()));
    }
    other_clock(&mut items);
    items.extend(split_clock(&items));
    items
}

pub(super) const fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

/// A code and what its brackets hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TextLine {
    pub(super) code: Obis,
    pub(super) groups: Vec<String>,
}

/// The lines of a text, joined where they go on; what is none of them is left out.
#[derive(Debug)]
pub(super) struct TextLines<'a> {
    rest: &'a str,
    is_sound: bool,
}

impl<'a> TextLines<'a> {
    pub(super) const fn of(rest: &'a str) -> Self {
        let is_sound = true;
        Self { rest, is_sound }
    }

    /// Whether nothing was left out so far.
    pub(super) const fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// What the brackets hold that come next, and whether nothing else stands in their lines.
    fn groups(&mut self) -> (Vec<String>, bool) {
        let mut groups = Vec::new();
        loop {
            let before = self.rest;
            let spaces = before.trim_start_matches(|c: char| c.is_whitespace());
            let Some(inner) = spaces.strip_prefix('(') else {
                // Blanks at the end of a line mean nothing.
                let in_line = before.trim_start_matches([' ', '\t']);
                return (
                    groups,
                    in_line.is_empty() || in_line.starts_with(is_line_end),
                );
            };
            let Some((group, after)) = bracket(inner) else {
                self.rest = inner;
                return (groups, false);
            };
            groups.push(group);
            self.rest = after;
        }
    }

    /// Goes on behind the end of the line.
    fn skip_line(&mut self) {
        let end = self.rest.find(is_line_end).unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }
}

impl Iterator for TextLines<'_> {
    type Item = TextLine;

    fn next(&mut self) -> Option<TextLine> {
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace());
            if self.rest.is_empty() {
                return None;
            }
            if let Some((code, rest)) = code(self.rest) {
                self.rest = rest;
                let (groups, is_sound) = self.groups();
                if is_sound && !groups.is_empty() {
                    return Some(TextLine { code, groups });
                }
            }
            self.is_sound = false;
            self.skip_line();
        }
    }
}

/// The code that a line begins with, and what follows from its first bracket on.
fn code(line: &str) -> Option<(Obis, &str)> {
    let end = line.find(|c| c == '(' || is_line_end(c))?;
    let (code, rest) = line.split_at(end);
    let is_bracket = rest.starts_with('(');
    let code = code.parse().ok().filter(|_| is_bracket)?;
    Some((code, rest))
}

/// What a bracket holds that has just been opened, and what follows it. It may go on over the ends of lines, but
/// not over a line that begins with a code.
fn bracket(text: &str) -> Option<(String, &str)> {
    let mut depth = 1_usize;
    for (at, c) in text.match_indices(|c| matches!(c, '(' | ')') || is_line_end(c)) {
        let (held, after) = (text.get(..at)?, text.get(at + 1..)?);
        match c {
            "(" => depth += 1,
            ")" if depth == 1 => return Some((held.replace(is_line_end, ""), after)),
            ")" => depth -= 1,
            _ if code(after.trim_start()).is_some() => return None,
            _ => {}
        }
    }
    None
}

fn item(line: &TextLine, position: usize) -> Option<Item> {
    let code = line.code;
    let (at, value) = match &line.groups[..] {
        [] => return None,
        _ if is_log(code) => (None, ItemValue::Groups(line.groups.clone())),
        [one] => (None, value(code, one)),
        // Old meters: time, status, period, number, code, unit and, in the next line, the value.
        [time, _, _, _, _, unit, number] if is_old_reading(code) => {
            (moment(time), value(code, &format!("{number}*{unit}")))
        }
        [time, number] if is_time(time) => (moment(time), value(code, number)),
        several => (None, ItemValue::Groups(several.to_vec())),
    };
    Some(Item {
        obis: Some(code),
        position,
        at,
        value,
    })
}

/// Lists with a time to each value.
const fn is_log(code: Obis) -> bool {
    matches!(code.0, [0 | 1, _, 98, 1, ..] | [1, _, 99, 97, ..])
}

const fn is_old_reading(code: Obis) -> bool {
    matches!(code.0, [0, channel, 24, 3, 0, _] if channel != 0)
}

fn value(code: Obis, text: &str) -> ItemValue {
    let text = text.trim();
    let [a, _, c, d, e, _] = code.0;
    if code.is_clock() || code == OTHER_CLOCK {
        return moment(text).map_or_else(|| ItemValue::Text(String::new()), ItemValue::Moment);
    }
    if a == 1 && [TIME_OF_DAY, DATE].contains(&[c, d, e]) {
        return ItemValue::Text(printable(text));
    }
    if code.is_identity() {
        return ItemValue::Text(id(text));
    }
    if a == 0 && c == 96 && d == 13 {
        return ItemValue::Text(message(text));
    }
    quantity(text).map_or_else(|| ItemValue::Text(printable(text)), ItemValue::Quantity)
}

/// Some have their clock elsewhere.
const OTHER_CLOCK: Obis = Obis([0, 0, 1, 1, 0, 255]);

fn other_clock(items: &mut [Item]) {
    let is_clock = |item: &Item| item.obis.is_some_and(Obis::is_clock);
    if items.iter().any(is_clock) {
        return;
    }
    let other = items.iter_mut().find(|item| item.obis == Some(OTHER_CLOCK));
    if let Some(clock) = other.filter(|item| matches!(item.value, ItemValue::Moment(_))) {
        clock.obis = Some(Obis::CLOCK);
    }
}

/// A clock in two parts, where there is no other.
fn split_clock(items: &[Item]) -> Option<Item> {
    let is_clock = |item: &Item| item.obis.is_some_and(Obis::is_clock);
    if items.iter().any(is_clock) {
        return None;
    }
    let part = |of: [u8; 3]| {
        let is_part = |code: Obis| matches!(code.0, [1, _, c, d, e, _] if [c, d, e] == of);
        let found = items.iter().find(|item| item.obis.is_some_and(is_part));
        found.and_then(|item| item.value.as_text())
    };
    let both = format!("{}{}", part(DATE)?, part(TIME_OF_DAY)?);
    Some(Item {
        obis: Some(Obis::CLOCK),
        position: items.len(),
        at: None,
        value: ItemValue::Moment(moment(&both)?),
    })
}

/// Who somebody is: most write each character as two digits, others just write it. Zeros, F or dashes alone are
/// nobody.
fn id(text: &str) -> String {
    let is_all = |text: &str, nothing: &[u8]| text.bytes().all(|byte| nothing.contains(&byte));
    let is_dashes = !text.is_empty()
        && text
            .as_bytes()
            .chunks(2)
            .all(|pair| pair.eq_ignore_ascii_case(b"2d"));
    if is_all(text, b"0") || is_all(text, b"Ff") || is_dashes {
        return String::new();
    }
    let is_id = |id: &String| {
        let digits = id.bytes().filter(u8::is_ascii_digit).count();
        let is_usual = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        id.bytes().all(is_usual) && 2 * digits >= id.len()
    };
    let padded = text.trim_end_matches("00").trim_end_matches("20");
    let padded = if padded.len().is_multiple_of(2) {
        padded
    } else {
        text
    };
    let characters = from_hex(padded).filter(|_| text.len() >= LONG_ID);
    characters.filter(is_id).unwrap_or_else(|| printable(text))
}

/// What an operator writes to the customer: bytes in hexadecimal, of UTF-8 or else Latin-1.
fn message(text: &str) -> String {
    let Some(bytes) = crate::hex::bytes(text) else {
        return printable(text);
    };
    let padding = |byte: &u8| matches!(byte, 0 | 0xff);
    let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !padding(byte)).collect();
    super::super::item::text(&bytes)
}

/// `000006.695*kWh`, `00044`, `-063*A`, `7137.694 * kWh`.
pub(in super::super::super) fn quantity(text: &str) -> Option<Quantity> {
    let (number, unit) = match text.split_once('*') {
        Some((number, unit)) => (number.trim(), Some(unit.trim())),
        None => (text, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !is_number(digits) || !is_number(fraction) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    if digits.len() + fraction.len() > 20 {
        return None;
    }
    let raw: i128 = format!("{sign}0{digits}{fraction}").parse().ok()?;
    let (unit, prefix) = match unit.filter(|unit| !unit.is_empty()) {
        None => (Unit::NONE, 0),
        Some(unit) => Unit::parse_loosely(unit)?,
    };
    let scale = Scale {
        // At most 20 digits.
        exponent: prefix - fraction.len() as i8,
        unit,
    };
    Some(Quantity::unscaled(raw, 0).scaled(scale, Scaling::Meter))
}

/// Whether a text is written as a moment is, whether or not there is such a moment.
pub(in super::super::super) fn is_time(text: &str) -> bool {
    let digits = text
        .trim()
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.len() == 12
        && text.trim().len() <= 13
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `YYMMDDhhmmss` and `S` or `W`; `None` for one that is none, or that a clock shows which was never set.
pub(in super::super::super) fn moment(text: &str) -> Option<MeterTime> {
    let text = text.trim();
    let (digits, letter) = text.split_at_checked(12).filter(|_| is_time(text))?;
    let mut pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        pair.parse::<i8>().ok().filter(|number| *number >= 0)
    });
    let mut part = || pairs.next().flatten();
    let year = 2000 + i16::from(part()?);
    let local = DateTime::new(year, part()?, part()?, part()?, part()?, part()?, 0).ok()?;
    // Clocks that were never set begin here; in two digits the year 1970 would be 2070.
    let day = (local.year(), local.month(), local.day());
    if matches!(day, (2000 | 2070, 1, 1)) {
        return None;
    }
    let season = match letter {
        "S" => Some(Season::Summer),
        "W" => Some(Season::Winter),
        _ => None,
    };
    let time = MeterTime::new(local, None, ClockStatus(0xff));
    Some(season.map_or(time, |season| time.of(season)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(String, Vec<String>)> {
        let lines = TextLines::of(text);
        lines
            .map(|line| (line.code.to_string(), line.groups))
            .collect()
    }

    fn shown(text: &str) -> String {
        let items = items(&format!("/ABC5\r\n\r\n{text}\r\n"));
        let item = &items[1];
        match item.at {
            Some(at) => format!("{at} {}", item.value),
            None => item.value.to_string(),
        }
    }

    #[test]
    fn lines_go_on_and_broken_ones_cost_only_themselves() {
        let found = lines(
            "1-0:1.8.0(1*kWh)\r\n0-1:24.3.0(a)(b)\r\n(c)\r\n(d\r\ne)\r\nnonsense\r\n1-0:2.8.0(2*kWh\r\n\
             1-0:3.8.0(3)x\r\n0-0:98.1.0((ER11))\r\n1-0:4.8.0 (4) \r\n1.8.0()",
        );
        let expected: [(&str, &[&str]); 5] = [
            ("1.0.1.8.0.255", &["1*kWh"]),
            ("0.1.24.3.0.255", &["a", "b", "c", "de"]),
            ("0.0.98.1.0.255", &["(ER11)"]),
            ("1.0.4.8.0.255", &["4"]),
            ("1.0.1.8.0.255", &[""]),
        ];
        let found: Vec<_> = found
            .iter()
            .map(|(code, groups)| (code.as_str(), groups.iter().map(String::as_str).collect()))
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = expected
            .iter()
            .map(|(code, groups)| (*code, groups.to_vec()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (text, expected) in [
            ("1-0:1.8.0(00000000000000000000000001.5*kWh)", "1500 Wh"),
            ("1-0:1.8.0(7137.694*kWh )", "7137694 Wh"),
            ("1-0:1.8.0( 12 * WH)", "12 Wh"),
            ("1-0:3.8.0(2*kVArh)", "2000 varh"),
            ("1-0:1.7.0(-1*KW)", "-1000 W"),
            ("1-0:14.7.0(0.050*kHz)", "50 Hz"),
            ("1-0:32.7.0(0.2311*kV)", "231.1 V"),
            ("1-0:31.7.0(900*mA)", "0.900 A"),
            ("1-0:32.32.0(00044)", "44"),
            (
                "0-1:24.2.1(250601115500S)(12.345*dm3)",
                "2025-06-01T11:55:00 12.345 l",
            ),
            (
                "0-1:24.2.1(250601115500W)(0.345*GJ)",
                "2025-06-01T11:55:00 345000000 J",
            ),
            ("0-1:24.2.1(700101000000W)(0)", "0"),
            ("1-1:31.4.0(100*A)(-063*A)", "(100*A)(-063*A)"),
            (
                "0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00001.001)",
                "2016-11-07T19:00:00 1.001 m³",
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn who_somebody_is_is_told_from_what_only_looks_like_it() {
        for (text, expected) in [
            ("4B384547303034303436333935353037", "K8EG004046395507"),
            ("91309901", "91309901"),
            ("ADC3100000099007", "ADC3100000099007"),
            ("621848012D2C0B0C", "621848012D2C0B0C"),
            ("30313233343536000000", "0123456"),
            ("00000000", ""),
            ("FFFFFFFF", ""),
            ("2D2D2D2D2D2D2D2D", ""),
            ("", ""),
        ] {
            let quoted = format!("{expected:?}");
            assert_eq!(shown(&format!("0-0:96.1.1({text})")), quoted, "{text}");
        }
    }

    #[test]
    fn clocks_are_one_or_two_lines_or_none() {
        let clock = |text: &str| {
            let items = items(&format!("/A\r\n{text}\r\n"));
            let mut found = items.iter().filter(|item| item.obis == Some(Obis::CLOCK));
            let clock = found.next().map(|item| item.value.to_string());
            assert!(found.next().is_none());
            clock
        };
        let expected = Some("2022-01-30T09:41:27".to_owned());
        assert_eq!(clock("0-0:1.0.0(220130094127W)"), expected);
        assert_eq!(clock("1-0:0.9.1(094127)\r\n1-0:0.9.2(220130)"), expected);
        assert_eq!(clock("1-0:0.9.1(094127)"), None);
        for unset in [
            "000101010000W",
            "700101000000",
            "632525252525S",
            "000000000000W",
            "",
        ] {
            let text = format!("0-0:1.0.0({unset})");
            assert_eq!(clock(&text).as_deref(), Some("\"\""), "{unset}");
        }
    }
}
