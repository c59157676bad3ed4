//! JSON as these programs write it, which is not always JSON.
//!
//! RPI-ECU pastes what was typed into a form between quotes: a name with an apostrophe, a field that was left empty or a
//! decimal comma breaks the object. Then each known key is looked for by itself.

use serde_json::{Deserializer, Map, Value};

/// Every key that is looked for.
const KEYS: &[&str] = &[
    "id",
    "serial",
    "type",
    "name",
    "idx",
    "panels",
    "cal",
    "calib",
    "idinvers",
    "longitude",
    "latitude",
    "offset",
    "enabled",
    "address",
    "port",
    "intopic",
    "outtopic",
    "auth",
    "username",
    "password",
    "inv",
    "sid",
    "pow",
    "cnt",
];

/// What a text turned out to be.
pub enum LenientReading {
    /// JSON, one value or several in a row.
    Json(Vec<Value>),
    /// No JSON, but an object can be made out.
    Scanned(Scanned),
    /// No JSON, and several objects in it.
    Several,
    /// Something else.
    Other,
}

/// What could be made out of an object that is no JSON.
pub struct Scanned {
    /// Its fields.
    pub fields: LenientFields,
    /// The keys whose values could not be read.
    pub missed: Vec<&'static str>,
    /// Where it stops being JSON: the line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// Reads a text.
pub fn read(text: &str) -> LenientReading {
    let text = text.trim_start_matches('\u{feff}');
    let values: Result<Vec<Value>, _> = Deserializer::from_str(text).into_iter().collect();
    let error = match values {
        Ok(values) => return LenientReading::Json(values),
        Err(error) => error,
    };
    if text.matches("\"serial\"").count() > 1 {
        return LenientReading::Several;
    }
    let mut fields = Map::new();
    let mut missed = Vec::new();
    for key in KEYS {
        let Some(behind) = behind(text, key) else {
            continue;
        };
        match value(behind) {
            Some(value) => drop(fields.insert((*key).to_owned(), value)),
            None => missed.push(*key),
        }
    }
    if fields.is_empty() {
        return LenientReading::Other;
    }
    LenientReading::Scanned(Scanned {
        fields: LenientFields(fields),
        missed,
        line: error.line(),
        column: error.column(),
    })
}

/// What stands behind a key and its colon.
fn behind<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let key = format!("\"{key}\"");
    text.match_indices(&key).find_map(|(at, key)| {
        let rest = text.get(at + key.len()..)?.trim_start();
        rest.strip_prefix(':').map(str::trim_start)
    })
}

fn value(text: &str) -> Option<Value> {
    match text.chars().next()? {
        '"' => quoted(text.get(1..)?).map(Value::String),
        '[' => {
            let end = text.find(']')?;
            serde_json::from_str(text.get(..=end)?).ok()
        }
        _ => bare(text),
    }
}

/// A text up to the quote behind which something else begins; those before are part of it.
fn quoted(text: &str) -> Option<String> {
    let is_end = |at: usize| {
        let rest = text.get(at + 1..).unwrap_or_default().trim_start();
        rest.is_empty() || rest.starts_with([',', '}', '\n'])
    };
    let (end, _) = text.match_indices('"').find(|(at, _)| is_end(*at))?;
    let inside = text.get(..end)?;
    // Its own end is missing, and this is that of another one.
    let compact: String = inside.chars().filter(|c| !c.is_whitespace()).collect();
    if compact.contains("\":") {
        return None;
    }
    let read = serde_json::from_str(&format!("\"{inside}\""));
    Some(read.unwrap_or_else(|_| inside.to_owned()))
}

/// A number, also with a decimal comma, or a word without quotes.
fn bare(text: &str) -> Option<Value> {
    let end = text.find([',', '}', '\n', '"']).unwrap_or(text.len());
    let word = text.get(..end)?.trim();
    if word.is_empty() {
        return None;
    }
    // Behind a comma between two fields there is a quote.
    let rest = text.get(end..)?.strip_prefix(',').unwrap_or_default();
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let is_whole = word
        .trim_start_matches(['-', '+'])
        .bytes()
        .all(|c| c.is_ascii_digit());
    let word = match rest.get(..digits) {
        Some(decimals) if digits > 0 && is_whole => format!("{word}.{decimals}"),
        _ => word.to_owned(),
    };
    Some(serde_json::from_str(&word).unwrap_or(Value::String(word)))
}

/// The fields of an object.
#[derive(Default)]
pub struct LenientFields(Map<String, Value>);

impl LenientFields {
    /// Of a value, if it is an object.
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Whether all of these are there, with a value or without.
    pub fn have(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.0.contains_key(*key))
    }

    /// What is there as it is.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// A text or number as it is written; one that is blank counts as absent.
    pub fn text(&self, key: &str) -> Option<String> {
        let text = match self.0.get(key)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    }

    /// The same for people to read: in one line, without what a terminal would obey, and not too long.
    pub fn words(&self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let shown: String = text.trim().chars().filter(|c| !is_unseen(*c)).collect();
        let shown: String = shown.trim().chars().take(LONGEST_NAME).collect();
        (!shown.is_empty()).then_some(shown)
    }

    /// A number, also in quotes and with a decimal comma.
    pub fn number(&self, key: &str) -> Option<f64> {
        let number: f64 = self.text(key)?.trim().replace(',', ".").parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// Whether something is switched on; `None` if nothing is said.
    pub fn is_on(&self, key: &str) -> Option<bool> {
        match self.0.get(key)? {
            Value::Bool(on) => Some(*on),
            _ => self
                .text(key)
                .map(|text| !matches!(text.trim(), "0" | "false" | "off")),
        }
    }

    /// A list.
    pub fn list(&self, key: &str) -> &[Value] {
        self.0
            .get(key)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// Characters of a name that are kept. These programs allow 12.
const LONGEST_NAME: usize = 64;

/// Whether a terminal would obey it, or an eye would not see it.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
