//! Bytes in the lines of a log: what a program puts before them differs, the bytes are written in few
//! ways.
//!
//! | Before the bytes, in any order | |
//! |---|---|
//! | a date, a time, both as syslog has them | `2026-01-31 12:00:00.123`, `[12:00:00]`, `Jan 31 12:00:00 host` |
//! | brackets | `[D][uart_debug:114]:`, `(V t:123ms)`, `[VE.Direct MPPT 4/5]` |
//! | arrows and such | `<<<`, `:>`, `>` |
//! | words with a colon, or that say which way | `payload:`, `RX` |
//!
//! | The bytes | |
//! |---|---|
//! | hexadecimal, with or without separators and `0x` | `7E A1`, `7ea1`, `7E:A1`, `7e-a1`, `0x7e, 0xa1` |
//! | a string with escapes | `"V\t14990\r\n"`, `b'\x7e\xa1'` |
//!
//! Lines that a program sent to the device are left out, and where there is something before the
//! bytes, also lines that hold none.

use crate::hex;

/// How strings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoted {
    /// As the characters they are.
    Characters,
    /// As digits, like anything else.
    Digits,
}

/// What the lines of a text hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub bytes: Vec<u8>,
    /// The first line that begins with bytes but goes on otherwise, counted from 1.
    pub torn: Option<usize>,
}

/// The bytes in a text, if each line of it can be understood.
pub fn read(text: &str, quoted: Quoted) -> Option<Log> {
    let mut log = Log::default();
    let (mut has_marks, mut has_others) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let line = uncoloured(line);
        let (marks, rest) = marks(without_comment(&line));
        match (Content::of(rest, quoted), marks) {
            (_, Marks { sent: true, .. }) | (Content::Nothing, _) => {}
            (Content::Bytes(mut bytes), marks) => {
                has_marks |= marks.any;
                log.bytes.append(&mut bytes);
            }
            (Content::Torn, _) => {
                has_others = true;
                log.torn.get_or_insert(index + 1);
            }
            (Content::Other, _) => has_others = true,
            (Content::Unfit, _) => return None,
        }
    }
    let is_understood = has_marks || !has_others;
    (is_understood && !log.bytes.is_empty()).then_some(log)
}

/// Hexadecimal digits that are broken into lines anywhere.
pub fn wrapped(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().map(|line| without_comment(line).trim());
    bytes_of(&lines.collect::<String>())
}

/// The bytes of arrays as C and its kin write them.
pub fn arrays(text: &str) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for group in text.split('{').skip(1) {
        let inner = group.split('}').next().unwrap_or_default();
        let lines = inner
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default());
        let inner: String = lines.flat_map(|line| [line, " "]).collect();
        all.append(&mut digits(&inner).filter(|_| inner.contains("0x"))?);
    }
    (!all.is_empty()).then_some(all)
}

/// What stands before the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    any: bool,
    sent: bool,
}

/// Passes over what stands before the bytes.
fn marks(line: &str) -> (Marks, &str) {
    let (mut marks, mut rest) = (Marks::default(), line.trim());
    loop {
        let found = syslog(rest)
            .or_else(|| date(rest))
            .or_else(|| time(rest))
            .or_else(|| seconds(rest))
            .or_else(|| bracket(rest))
            .or_else(|| arrow(rest))
            .or_else(|| word(rest));
        let Some((mark, after)) = found.filter(|(_, after)| !after.trim().is_empty()) else {
            return (marks, rest);
        };
        marks.any = true;
        marks.sent |= mark.contains(">>>") || ["tx", "sent"].contains(&&*mark.to_ascii_lowercase());
        rest = after.trim_start();
    }
}

/// A mark, and what follows it.
type FoundBytes<'a> = Option<(&'a str, &'a str)>;

/// As many characters as these classes say: `9` a digit, others themselves.
fn pattern<'a>(text: &'a str, pattern: &str) -> FoundBytes<'a> {
    let mut characters = text.chars();
    let fits = pattern
        .chars()
        .all(|class| match (class, characters.next()) {
            ('9', Some(found)) => found.is_ascii_digit(),
            (class, found) => found == Some(class),
        });
    fits.then(|| text.split_at(text.len() - characters.as_str().len()))
}

fn date(text: &str) -> FoundBytes<'_> {
    let patterns = [
        "9999-99-99",
        "9999/99/99",
        "9999.99.99",
        "99.99.9999",
        "99/99/9999",
    ];
    let (date, rest) = patterns.iter().find_map(|one| pattern(text, one))?;
    let rest = rest.strip_prefix(['T', '_']).unwrap_or(rest);
    (rest.len() < text.len() - date.len() || rest.starts_with(char::is_whitespace))
        .then_some((date, rest))
}

fn time(text: &str) -> FoundBytes<'_> {
    let (time, rest) = pattern(text, "99:99:99").or_else(|| pattern(text, "9:99:99"))?;
    let is_digit = |c: char| c.is_ascii_digit();
    let mut rest = rest;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        rest = fraction.trim_start_matches(is_digit);
    }
    if let Some(zone) = rest.strip_prefix('Z') {
        rest = zone;
    } else if let Some(zone) = rest.strip_prefix(['+', '-']) {
        rest = zone.trim_start_matches(|c: char| is_digit(c) || c == ':');
    }
    // Bytes with colons go on with one.
    let is_end = |c: char| c.is_whitespace() || matches!(c, '>' | '|' | '<' | '[' | '(');
    let ends = rest.is_empty() || rest.starts_with(is_end) || rest.starts_with(": ");
    ends.then_some((time, rest))
}

/// `Jan 31 12:00:00 host`.
fn syslog(text: &str) -> FoundBytes<'_> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = text.get(..3)?;
    MONTHS.find(month).filter(|at| at.is_multiple_of(3))?;
    let day = text.get(3..)?.trim_start();
    let rest = day
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .trim_start();
    let (_, rest) = time(rest)?;
    let (_, rest) = rest.trim_start().split_once(' ')?;
    Some((month, rest))
}

/// Seconds since some moment.
fn seconds(text: &str) -> FoundBytes<'_> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let fraction = rest.strip_prefix('.')?;
    let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_number = rest.len() < text.len() && after.len() < fraction.len();
    (is_number && after.starts_with(char::is_whitespace))
        .then(|| text.split_at(text.len() - after.len()))
}

fn bracket(text: &str) -> FoundBytes<'_> {
    let close = match text.chars().next()? {
        '[' => ']',
        '(' => ')',
        _ => return None,
    };
    text.split_once(close)
}

fn arrow(text: &str) -> FoundBytes<'_> {
    let is_arrow = |c: char| matches!(c, '<' | '>' | ':' | '|' | '=' | '*' | '→' | '←' | '»' | '«');
    let rest = text.trim_start_matches(is_arrow);
    let rest = rest
        .strip_prefix("- ")
        .or_else(|| rest.strip_prefix("->"))
        .unwrap_or(rest);
    (rest.len() < text.len()).then(|| text.split_at(text.len() - rest.len()))
}

/// Words that end with a colon, or one that says which way or how important.
fn word(text: &str) -> FoundBytes<'_> {
    const ALONE: [&str; 12] = [
        "rx", "tx", "recv", "received", "sent", "read", "debug", "info", "trace", "verbose", "dbg",
        "hex",
    ];
    let is_of_word =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | ' ');
    let (words, rest) = text.split_at(text.find(|c| !is_of_word(c)).unwrap_or(text.len()));
    // `name[123]:`
    let after_id = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let after = after_id.map_or(rest, |(_, after)| after);
    // What stands before the colon may be the first of the bytes.
    let last = words.trim_end().rsplit(' ').next().unwrap_or_default();
    let is_letter = |c: char| c.is_ascii_alphabetic() && !c.is_ascii_hexdigit();
    let is_name =
        words.starts_with(|c: char| c.is_ascii_alphabetic()) && last.chars().any(is_letter);
    if is_name && let Some(after) = after.strip_prefix([':', '=']) {
        return Some((words.trim(), after));
    }
    let (first, after) = text.split_at(text.find(char::is_whitespace)?);
    ALONE
        .contains(&&*first.to_ascii_lowercase())
        .then_some((first, after))
}

/// What is left of a line.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    Bytes(Vec<u8>),
    /// Bytes, and something else behind them.
    Torn,
    Other,
    /// What rules out that strings are read this way.
    Unfit,
}

impl Content {
    fn of(text: &str, quoted: Quoted) -> Self {
        let text = text.trim().trim_end_matches([',', ';']);
        if text.is_empty() {
            return Self::Nothing;
        }
        let string = string(text);
        if let (Some(string), Quoted::Characters) = (string, quoted) {
            return unescaped(string).map_or(Self::Other, Self::Bytes);
        }
        let text = string.unwrap_or_else(|| text.trim_matches(['[', ']', '{', '}', ' ']));
        // A count, or the same as characters.
        let before = text
            .split_once(" (")
            .filter(|(_, after)| after.ends_with(')'));
        let before = before.or_else(|| {
            text.split_once(" |")
                .filter(|(_, after)| after.ends_with('|'))
        });
        let text = before.map_or(text, |(before, _)| before);
        match digits(text) {
            Some(bytes) if string.is_none() || !text.contains('\\') => Self::Bytes(bytes),
            _ if string.is_some() => Self::Unfit,
            Some(bytes) => Self::Bytes(bytes),
            None if begins_with_bytes(text) => Self::Torn,
            None => Self::Other,
        }
    }
}

/// Between the quotation marks.
fn string(text: &str) -> Option<&str> {
    let text = text.strip_prefix('b').unwrap_or(text);
    let mark = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text.strip_prefix(mark)?.strip_suffix(mark)
}

/// The bytes of a string with escapes as C and its kin have them.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..)?;
        if character != '\\' {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        let escape = rest.chars().next()?;
        rest = rest.get(escape.len_utf8()..)?;
        bytes.push(match escape {
            'a' => 7,
            'b' => 8,
            't' => b'\t',
            'n' => b'\n',
            'v' => 11,
            'f' => 12,
            'r' => b'\r',
            'e' => 27,
            '0' => 0,
            '\\' | '"' | '\'' => escape as u8,
            'x' | 'X' => {
                let (two, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::from_str_radix(two, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

/// Hexadecimal bytes with separators between them or none.
fn digits(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for token in tokens(text) {
        bytes.append(&mut token_bytes(token)?);
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | ':' | '-' | ';' | '_');
    text.split(is_separator).filter(|token| !token.is_empty())
}

fn token_bytes(token: &str) -> Option<Vec<u8>> {
    let prefixes = ["0x", "0X", "\\x"];
    match prefixes
        .iter()
        .find_map(|prefix| token.strip_prefix(prefix))
    {
        // A list may write 0x0 for 0x00.
        Some(digit) if digit.len() == 1 => {
            u8::from_str_radix(digit, 16).ok().map(|byte| vec![byte])
        }
        Some(digits) => bytes_of(&digits.replace("\\x", "")),
        None => bytes_of(token),
    }
}

/// Three bytes or more, one by one.
fn begins_with_bytes(text: &str) -> bool {
    let first = tokens(text).take(3);
    let bytes = first.filter(|token| token.len() == 2).filter_map(bytes_of);
    bytes.count() == 3
}

/// Some hexadecimal digits without anything between them.
pub fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    hex::bytes(digits).filter(|bytes| !bytes.is_empty())
}

/// Without the codes that colour a terminal. Copies may have lost the first character of those at the
/// ends of the line.
fn uncoloured(line: &str) -> String {
    let mut line = line.trim_start_matches('\u{feff}');
    let bare = |line: &str| line.strip_prefix('[').and_then(colour).map(str::len);
    while let Some(left) = bare(line) {
        line = line.get(line.len() - left..).unwrap_or_default();
    }
    let end = line.trim_end();
    let last = end
        .rfind('[')
        .filter(|at| end.get(*at..).and_then(bare) == Some(0));
    let mut rest = last.and_then(|at| end.get(..at)).unwrap_or(line);
    let mut out = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        let parameters = after.strip_prefix('[').unwrap_or(after);
        let parameters = parameters.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = parameters
            .strip_prefix(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(after);
    }
    out.push_str(rest);
    out
}

/// What follows a colour: `0;36m`.
fn colour(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    rest.strip_prefix('m').filter(|_| rest.len() < text.len())
}

/// Up to a `#` that begins a word outside of strings.
fn without_comment(line: &str) -> &str {
    let (mut before, mut is_quoted) = (' ', false);
    for (at, character) in line.char_indices() {
        if character == '"' && before != '\\' {
            is_quoted = !is_quoted;
        }
        if character == '#' && before.is_whitespace() && !is_quoted {
            return line.get(..at).unwrap_or_default();
        }
        before = character;
    }
    line
}
