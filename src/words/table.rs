//! The words of a language, by the English ones.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::Language;

/// The words of a language.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Table {
    pub names: HashMap<String, String>,
    pub states: HashMap<String, String>,
    pub health: HashMap<String, String>,
    pub sentences: HashMap<String, String>,
}

impl Table {
    /// That of this language. English needs none.
    pub fn of(language: Language) -> Option<&'static Self> {
        static DE: OnceLock<Table> = OnceLock::new();
        static FR: OnceLock<Table> = OnceLock::new();
        let (read, text) = match language {
            Language::En => return None,
            Language::De => (&DE, include_str!("de.json")),
            Language::Fr => (&FR, include_str!("fr.json")),
        };
        // They are tested to be whole.
        Some(read.get_or_init(|| serde_json::from_str(text).unwrap_or_default()))
    }
}

/// Places for numbers, in their order.
const PLACES: [&str; 3] = ["{n}", "{m}", "{o}"];

/// The words for these, or for the same ones with places for their numbers.
pub fn numbered(table: &HashMap<String, String>, words: &str) -> Option<String> {
    if let Some(said) = table.get(words) {
        return Some(said.clone());
    }
    let (mut key, mut numbers) = (String::with_capacity(words.len() + 4), Vec::new());
    let mut rest = words;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let number = &number[..length(number)];
        key.push_str(before);
        key.push_str(PLACES.get(numbers.len())?);
        numbers.push(number);
        rest = &rest[at + number.len()..];
    }
    key.push_str(rest);
    let said = table.get(&key).filter(|_| !numbers.is_empty())?;
    let places = PLACES.iter().zip(numbers);
    let filled = places.fold(said.clone(), |said, (place, number)| {
        said.replace(place, number)
    });
    Some(filled)
}

/// How long the number is that a text begins with: digits, with a point among them perhaps.
fn length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let fraction = text[whole..].strip_prefix('.').map_or(0, digits);
    whole + if fraction > 0 { fraction + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_places() {
        let table = [
            ("Panel {n} power", "Leistung von Panel {n}"),
            ("Voltage L{n}-L{m}", "Spannung L{n}-L{m}"),
            ("Voltage L1", "the first"),
            ("{n} % of the usual", "{n} % vom Üblichen"),
            ("plain", "schlicht"),
        ];
        let table = table.map(|(key, said)| (key.to_owned(), said.to_owned()));
        let table = HashMap::from(table);
        let said = |words: &str| numbered(&table, words);
        assert_eq!(
            said("Panel 12 power").as_deref(),
            Some("Leistung von Panel 12")
        );
        assert_eq!(said("Voltage L2-L3").as_deref(), Some("Spannung L2-L3"));
        assert_eq!(said("Voltage L1").as_deref(), Some("the first"));
        assert_eq!(
            said("60.5 % of the usual").as_deref(),
            Some("60.5 % vom Üblichen")
        );
        assert_eq!(said("plain").as_deref(), Some("schlicht"));
        for words in ["", "Voltage L2", "1 2 3 4 5", "plain 1", "Panel {n} power "] {
            assert_eq!(said(words), None, "{words}");
        }
    }
}
