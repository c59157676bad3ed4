//! The values of variables in a file of Python, as far as they are literals.

use std::str::Chars;

use zeroize::Zeroizing;

/// A text or bytes, as somebody wrote them.
#[derive(Clone)]
pub struct Literal {
    /// What it stands for, a character for each byte.
    text: Zeroizing<Vec<u8>>,
}

impl Literal {
    /// The text that is meant.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.text.iter().copied().map(char::from).collect())
    }

    /// The bytes that are meant: those of hexadecimal digits, if there is nothing else.
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(
            self.text
                .iter()
                .copied()
                .filter(|byte| !matches!(byte, b' ' | b':' | b'-'))
                .collect(),
        );
        let is_hex = digits.len() > 16 && digits.iter().all(u8::is_ascii_hexdigit);
        if !is_hex || !digits.len().is_multiple_of(2) {
            return self.text.clone();
        }
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
        let (pairs, _) = digits.as_chunks();
        Zeroizing::new(
            pairs
                .iter()
                .map(|[upper, lower]| value(*upper) << 4 | value(*lower))
                .collect(),
        )
    }
}

/// The whole number that a variable is set to last, if it is one.
pub fn number(source: &str, name: &str) -> Option<u16> {
    let lines = source.lines().rev();
    let mut values = lines.filter_map(|line| assigned(line, name));
    let value = values.next()?.split('#').next()?;
    value.trim().parse().ok()
}

/// What a variable is set to last: nothing if it is not set, `Some(None)` if that is no literal.
pub fn value(source: &str, name: &str) -> Option<Option<Literal>> {
    let mut rest = source;
    let mut found = None;
    while !rest.is_empty() {
        if let Some(behind) = assigned(rest, name) {
            found = Some(literal(behind));
        }
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    found
}

/// What stands behind `name =` at the beginning of a line, also with a type in between.
fn assigned<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let behind = line.trim_start_matches([' ', '\t']).strip_prefix(name)?;
    if behind.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let first = behind.lines().next()?;
    let at = first.find('=')?;
    let between = first.get(..at)?.trim();
    let is_plain = between.is_empty() || between.starts_with(':');
    let is_comparison = behind.get(at + 1..)?.starts_with('=');
    (is_plain && !is_comparison).then(|| behind.get(at + 1..))?
}

/// The literal at the beginning of an expression; also several in a row, in brackets, or handed to
/// something such as `bytes.fromhex`.
fn literal(expression: &str) -> Option<Literal> {
    let mut text = Zeroizing::new(Vec::new());
    let mut is_any = false;
    let mut depth = 0_u32;
    let mut chars = expression.chars();
    loop {
        let before = chars.clone();
        match chars.next() {
            Some('#') => skip_line(&mut chars),
            Some('(') => depth += 1,
            Some(')') if depth > 0 => depth -= 1,
            Some('\\') if chars.as_str().starts_with(['\n', '\r']) => {
                chars.next_if_newline();
            }
            Some('\n') if depth == 0 => break,
            Some(c) if c.is_whitespace() => {}
            Some(_) => {
                chars = before;
                match quoted(&mut chars, &mut text)? {
                    true => is_any = true,
                    // A name, such as of a function, before the first literal only.
                    false if !is_any => skip_name(&mut chars)?,
                    false => break,
                }
            }
            None => break,
        }
    }
    is_any.then_some(Literal { text })
}

trait NextIfNewline {
    fn next_if_newline(&mut self);
}

impl NextIfNewline for Chars<'_> {
    fn next_if_newline(&mut self) {
        let rest = self.as_str();
        let rest = rest.strip_prefix('\r').unwrap_or(rest);
        *self = rest.strip_prefix('\n').unwrap_or(rest).chars();
    }
}

fn skip_line(chars: &mut Chars<'_>) {
    let rest = chars.as_str();
    let end = rest.find('\n').unwrap_or(rest.len());
    *chars = rest.get(end..).unwrap_or_default().chars();
}

/// Passes over a name with dots; nothing if there is none.
fn skip_name(chars: &mut Chars<'_>) -> Option<()> {
    let rest = chars.as_str();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    *chars = rest.get(end..)?.chars();
    (end > 0 && chars.as_str().starts_with('(')).then_some(())
}

/// Reads a literal in quotes, with what may stand before them; false if there is none here.
fn quoted(chars: &mut Chars<'_>, text: &mut Vec<u8>) -> Option<bool> {
    let rest = chars.as_str();
    let prefix: usize = rest
        .chars()
        .take_while(|c| "bBrRuU".contains(*c))
        .map(char::len_utf8)
        .sum();
    let (prefix, behind) = rest.split_at_checked(prefix)?;
    let Some(quote) = behind.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return Some(false);
    };
    if prefix.len() > 2 {
        return Some(false);
    }
    let is_raw = prefix.contains(['r', 'R']);
    let three = quote.to_string().repeat(3);
    let (inside, end) = match behind.strip_prefix(three.as_str()) {
        Some(inside) => (inside, three),
        None => (behind.get(1..)?, quote.to_string()),
    };
    *chars = inside.chars();
    loop {
        if chars.as_str().starts_with(end.as_str()) {
            *chars = chars.as_str().get(end.len()..)?.chars();
            return Some(true);
        }
        match chars.next()? {
            '\\' if !is_raw => escaped(chars, text)?,
            '\n' if end.len() == 1 => return None,
            // Characters beyond a byte are in no key.
            c => text.push(u8::try_from(c).ok()?),
        }
    }
}

/// What stands behind a backslash.
fn escaped(chars: &mut Chars<'_>, text: &mut Vec<u8>) -> Option<()> {
    let digit = |c: char, base| c.to_digit(base);
    let byte = match chars.next()? {
        'x' => {
            let (upper, lower) = (digit(chars.next()?, 16)?, digit(chars.next()?, 16)?);
            u8::try_from(upper << 4 | lower).ok()?
        }
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'v' => 11,
        '\n' => return Some(()),
        c if c.is_digit(8) => {
            let mut number = digit(c, 8)?;
            for _ in 0..2 {
                let Some(next) = chars.as_str().chars().next().and_then(|c| digit(c, 8)) else {
                    break;
                };
                chars.next();
                number = number << 3 | next;
            }
            u8::try_from(number & 0xff).ok()?
        }
        c @ ('\\' | '\'' | '"') => u8::try_from(c).ok()?,
        // Python leaves anything else as it is.
        c => {
            text.push(b'\\');
            u8::try_from(c).ok()?
        }
    };
    text.push(byte);
    Some(())
}
