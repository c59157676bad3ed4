//! Mistakes in plain words.

use super::decode::Why;
use super::schema::Shape;
use super::tree::{Node, Place, Value};

/// Longer names are no slips of a finger.
const LONGEST_NAME: usize = 64;
/// What the schema calls the address of a web server.
const WEB_SERVER: &str = "address of a web server";
/// Characters of a value that a message repeats.
const SHOWN: usize = 40;

/// Whether a section or key is the one meant: a hyphen is as good as an underscore.
pub fn is_same(written: &str, known: &str) -> bool {
    written == known || written.replace('-', "_") == known.replace('-', "_")
}

/// The known name that was probably meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    if length > LONGEST_NAME {
        return None;
    }
    let plain = |name: &str| name.trim().to_lowercase().replace(['-', ' ', '.'], "_");
    let written = plain(written);
    let slips = (length / 3).clamp(1, 3);
    let rated = known.into_iter().filter_map(|name| {
        let known = plain(name);
        let distance = strsim::damerau_levenshtein(&written, &known);
        // `mqtt_host` for `host`, or the other way round.
        let is_part = |long: &str, short: &str| {
            short.len() >= 3
                && (long.ends_with(&format!("_{short}")) || long.starts_with(&format!("{short}_")))
        };
        if distance <= slips && distance < length {
            Some((distance, name))
        } else if is_part(&written, &known) || is_part(&known, &written) {
            Some((slips + 1, name))
        } else {
            None
        }
    });
    rated
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A text in quotes, cut short, without anything a terminal would obey.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let shown: String = shown
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    format!("\"{shown}\"")
}

/// `"a", "b" or "c"`.
pub fn either<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [only] => quoted(only.as_ref()),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|name| quoted(name.as_ref())).collect();
            format!("{} or {}", first.join(", "), quoted(last.as_ref()))
        }
    }
}

/// What a key may hold, for a sentence: "a whole number from 0 to 65535".
fn expected(shape: &Shape<'_>) -> Option<String> {
    let choices = shape.choices();
    if !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        return Some(either(&names));
    }
    match shape.format() {
        Some("secret") => {
            return Some(
                "a text in quotes, { file = \"/path\" }, { env = \"VARIABLE\" } or { credential = \"name\" }"
                    .to_owned(),
            );
        }
        Some("period") => {
            return Some("a length of time such as \"30s\", \"5m\" or \"1h 30m\"".to_owned());
        }
        _ => {}
    }
    let types = shape.types();
    let [one] = types.as_slice() else {
        return None;
    };
    Some(match *one {
        "integer" => match shape.range() {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            (Some(least), None) => format!("a whole number, {least} or more"),
            (None, Some(most)) => format!("a whole number, {most} or less"),
            (None, None) => "a whole number".to_owned(),
        },
        "number" => "a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "string" => "a text in quotes".to_owned(),
        "array" => "a list in square brackets".to_owned(),
        "object" => "a table".to_owned(),
        _ => return None,
    })
}

fn found(node: &Node) -> String {
    match &node.value {
        Value::Text(text) | Value::Loose(text) => format!("the text {}", quoted(text)),
        Value::Integer(i128::MIN | i128::MAX) => "a number with far too many digits".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Date(date) => format!("the date {date}"),
        Value::List(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// What is wrong with a value, how to mend it, and what would do in its place; a private one is not repeated.
pub fn misfit(
    why: &Why,
    subject: &str,
    key: &str,
    node: &Node,
    shape: &Shape<'_>,
    private: bool,
) -> (String, String, Option<String>) {
    let should_be = |expected: &str| {
        if private {
            format!("{subject} should be {expected}")
        } else {
            format!("{subject} should be {expected}, but is {}", found(node))
        }
    };
    match why {
        Why::Unfit(words) => {
            let expected = expected(shape).unwrap_or_else(|| plainer(words));
            let remedy = remedy(node, shape).filter(|_| !private);
            let hint = remedy.as_ref().map(|remedy| remedy.hint(key));
            // A long text is only repeated in part.
            let fix = remedy
                .map(|remedy| remedy.value)
                .filter(|fix| !fix.contains('…'));
            (should_be(&expected), hint.unwrap_or_default(), fix)
        }
        Why::Choice(choices) => {
            let meant = match &node.value {
                Value::Text(text) | Value::Loose(text) if !private => {
                    nearest(text, choices.iter().copied())
                }
                _ => None,
            };
            let hint = meant.map(|choice| format!("did you mean {}?", quoted(choice)));
            let hint = hint.unwrap_or_default();
            (should_be(&either(choices)), hint, meant.map(quoted))
        }
        Why::Missing(name) => {
            let (what, hint) = missing(name, subject);
            (what, hint, None)
        }
        Why::Unknown(name) => (
            format!("unknown key {} in {subject}", quoted(name)),
            "remove it, or look up the right name in docs/configuration.md".to_owned(),
            None,
        ),
        // It was more than an address, or it would not be private.
        Why::Custom(_) if private && shape.format() == Some(WEB_SERVER) => (
            should_be("the address of a web server alone"),
            "leave out what is before @ and what is behind ?; keys and passwords have keys of their own here".to_owned(),
            None,
        ),
        Why::Custom(_) if private => match expected(shape) {
            Some(expected) => (should_be(&expected), String::new(), None),
            None => (format!("{subject} cannot be used"), String::new(), None),
        },
        Why::Custom(words) => match words.split_once("; ") {
            Some((what, advice)) => (format!("{subject}: {what}"), advice.to_owned(), None),
            None => (format!("{subject}: {words}"), String::new(), None),
        },
    }
}

pub fn missing(name: &str, table: &str) -> (String, String) {
    (
        format!("{table} lacks the key {}", quoted(name)),
        format!("add a line that starts with {name} ="),
    )
}

/// Serde's names of types are for programmers.
fn plainer(words: &str) -> String {
    match words {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "a text in quotes",
        "a sequence" => "a list in square brackets",
        "a map" => "a table",
        words if words.starts_with("struct ") => "a table",
        words => words,
    }
    .to_owned()
}

/// A value as it would do.
struct Remedy {
    value: String,
    /// What is different about it.
    how: &'static str,
}

impl Remedy {
    fn new(value: impl Into<String>, how: &'static str) -> Self {
        Self {
            value: value.into(),
            how,
        }
    }

    fn hint(&self, key: &str) -> String {
        let Self { value, how } = self;
        match key {
            "" => format!("write {value}{how}"),
            key => format!("write {key} = {value}{how}"),
        }
    }
}

const WITHOUT: &str = ", without quotes";

/// The value as it would do, where that can be told from it.
fn remedy(node: &Node, shape: &Shape<'_>) -> Option<Remedy> {
    // A variable has no quotes to put or to leave out.
    if matches!(node.place, Place::Named(_)) {
        return None;
    }
    let types = shape.types();
    let accepts = |name| types.contains(&name);
    match &node.value {
        Value::Text(text) if accepts("boolean") => {
            let value = match text.to_lowercase().as_str() {
                "yes" | "on" | "true" | "1" | "y" => "true",
                "no" | "off" | "false" | "0" | "n" => "false",
                _ => return None,
            };
            Some(Remedy::new(value, WITHOUT))
        }
        Value::Integer(number @ 0..=1) if accepts("boolean") => {
            Some(Remedy::new((*number == 1).to_string(), ""))
        }
        Value::Text(text) if accepts("integer") || accepts("number") => {
            let number: f64 = text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())?;
            let fits = accepts("number") || (number.fract() == 0.0 && !text.contains(['.', 'e']));
            fits.then(|| Remedy::new(text.trim(), WITHOUT))
        }
        Value::Float(number) if accepts("integer") && number.fract() == 0.0 => {
            Some(Remedy::new(format!("{number:.0}"), ""))
        }
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date(_)
            if accepts("string") =>
        {
            let bare = found(node);
            let bare = bare.strip_prefix("the date ").unwrap_or(&bare);
            Some(Remedy::new(format!("\"{bare}\""), ", with quotes"))
        }
        Value::Text(_) | Value::Integer(_) | Value::Float(_) if accepts("array") => {
            let value = match &node.value {
                Value::Text(text) => quoted(text),
                _ => found(node),
            };
            Some(Remedy::new(format!("[{value}]"), ""))
        }
        _ => None,
    }
}
