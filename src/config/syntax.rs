//! Text that is no TOML: the parser's words made plain, with the mistakes people really make.

use std::string::FromUtf8Error;

use super::problem::Problem;
use super::redaction::{self, Visible};
use super::source::Source;
use super::tree::DEPTH;

/// The place where the parser gave up.
pub fn problem(source: &Source, error: &toml::de::Error) -> Problem {
    let end = source.text().len();
    let span = error.span().unwrap_or(end..end);
    let (start, stop) = (span.start.min(end), span.end.min(end));
    let (number, _) = source.position(start);
    let line = source.line(number - 1);
    let text = &source.text()[line.clone()];
    let (what, hint) = plain(error.message(), text);
    // The parser takes a colon for a part of the key and stops behind it.
    let colon = text
        .find(':')
        .map(|at| line.start + at)
        .filter(|colon| *colon < start);
    match colon {
        Some(colon) if error.message().starts_with("key with no value") => {
            locate(source, colon, colon, what, hint)
        }
        _ => locate(source, start, stop, what, hint),
    }
}

pub fn too_deep(source: &Source, at: usize) -> Problem {
    let what = format!("more than {DEPTH} tables and lists are inside each other here");
    locate(
        source,
        at,
        at,
        what,
        "no section needs that many; check the brackets".to_owned(),
    )
}

fn locate(source: &Source, start: usize, stop: usize, what: String, hint: String) -> Problem {
    let mut problem = Problem::new(&source.name, what, hint);
    (problem.line, problem.column) = source.position(start);
    let span = start..stop;
    problem.excerpt = match redaction::visible(source, problem.line - 1) {
        Visible::Everything => source.excerpt(&span, None, &[]),
        Visible::Without(veil) => source.excerpt(&span, None, &[veil]),
        Visible::Nothing => None,
    };
    problem
}

/// The parser's message in plain words, and the remedy. Nothing of the line is repeated.
fn plain(message: &str, line: &str) -> (String, String) {
    let line = line.trim();
    let is_header = line.starts_with('[');
    let (what, hint) = match message.split(", expected").next().unwrap_or(message) {
        "duplicate key" if is_header => (
            "this section is already there",
            "put the keys together under one; several devices of one kind each start with double \
             brackets, like [[name]]",
        ),
        "duplicate key" => ("this key is already there", "keep one of the two lines"),
        "key with no value" if line.contains(':') && !line.contains('=') => (
            "an equals sign is missing",
            "TOML writes host = \"192.168.1.50\", with = instead of a colon, and a section as \
             [mqtt]",
        ),
        "key with no value" => (
            "an equals sign and a value are missing",
            "write it like host = \"192.168.1.50\"; start a remark with #",
        ),
        "string values must be quoted" => unquoted(line),
        "invalid float"
        | "invalid integer"
        | "invalid mantissa"
        | "invalid fraction"
        | "unexpected leading zero"
        | "invalid date"
        | "invalid time"
        | "invalid date-time"
        | "invalid datetime"
        | "redundant numeric sign"
        | "`_` may only go between digits" => (
            "this is neither a number nor a text",
            "put texts such as addresses and serial numbers in double quotes; write numbers like \
             1883 or 0.5",
        ),
        "invalid boolean" => (
            "this is neither true nor false",
            "write true or false in small letters",
        ),
        "invalid basic string" | "invalid literal string" | "missing opening quote" => (
            "a quote is missing, or a character in the text is not allowed",
            "put the text between two quotes of the same kind, all on one line",
        ),
        "invalid multi-line basic string" | "invalid multi-line literal string" => (
            "the end of a text of several lines is missing",
            "end it with the three quotes it started with",
        ),
        "missing escaped value" | "too few unicode value digits" | "invalid value" => (
            "a backslash has a special meaning between double quotes",
            "put the text in single quotes, or write every backslash twice",
        ),
        "unclosed table" => (
            "a closing bracket is missing",
            "write the section like [mqtt]",
        ),
        "unclosed array table" => (
            "closing brackets are missing",
            "write as many brackets behind the name as before it",
        ),
        "unclosed array" | "missing comma between array elements" => (
            "a comma or the closing ] of a list is missing",
            "write lists like [1, 2, 3]; the place may be above this line",
        ),
        "unclosed inline table" | "missing comma between key-value pairs" => (
            "a comma or the closing } of a table is missing",
            "write it like { file = \"/path\" }",
        ),
        "unexpected key or value" => (
            "there is something behind the value",
            "write one key on each line; start a remark with #",
        ),
        "unquoted keys cannot be empty" | "invalid unquoted key" => (
            "this cannot be the name of a key",
            "names have only letters, digits, - and _",
        ),
        "invalid key-value pair" if line.starts_with('{') => (
            "this looks like JSON, but should be TOML",
            "write sections like [mqtt] and keys like host = \"192.168.1.50\"",
        ),
        "carriage return must be followed by newline" => (
            "this line has an end that TOML does not know",
            "save the file with Unix or Windows line ends",
        ),
        "invalid comment character" => (
            "there is an invisible character in this remark",
            "delete the line and type it again",
        ),
        "extra `=`" => (
            "there is one equals sign too many",
            "write it like port = 1883",
        ),
        "cannot recurse further; max recursion depth met" | "recursion limit" => (
            "too many tables and lists are inside each other here",
            "check the brackets",
        ),
        other if other.starts_with("cannot extend value") => (
            "this name already has a value, so it cannot be a table as well",
            "give one of the two another name",
        ),
        _ => return (format!("this is not TOML: {message}"), String::new()),
    };
    (what.to_owned(), hint.to_owned())
}

fn unquoted(line: &str) -> (&'static str, &'static str) {
    let value = line.split_once('=').map_or("", |(_, value)| value.trim());
    match value.to_lowercase().as_str() {
        "" => ("the value is missing", "write one behind the equals sign"),
        "yes" | "on" | "no" | "off" => (
            "this is neither true nor false",
            "write true or false, or put a text in double quotes",
        ),
        value if value.starts_with('#') => {
            ("the value is missing", "write one behind the equals sign")
        }
        value if value.starts_with(['“', '”', '„', '‘', '’', '«']) => (
            "these are not the quotes that TOML knows",
            "use the straight quotes \" instead of curly ones",
        ),
        _ => (
            "a text must stand in quotes",
            "put it in double quotes, like \"text\"",
        ),
    }
}

/// A file with bytes that are no text.
pub fn not_utf8(name: &str, error: &FromUtf8Error) -> Problem {
    let bytes = error.as_bytes();
    let good = error.utf8_error().valid_up_to();
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Problem::new(
            name,
            "is saved as UTF-16, which TOML does not know",
            "save it as UTF-8; the editor asks for it under \"Encoding\"",
        );
    }
    let mut problem = Problem::new(
        name,
        "there is a character here that is not UTF-8",
        "save the file as UTF-8; the editor asks for it under \"Encoding\"",
    );
    // What comes before is good text, but for a mark that editors put at the start.
    let before = String::from_utf8_lossy(&bytes[..good]);
    let before = before.trim_start_matches('\u{feff}');
    problem.line = before.matches('\n').count() + 1;
    let line = before.rsplit('\n').next().unwrap_or_default();
    problem.column = line.chars().count() + 1;
    problem
}
