//! The languages that people read: names, states and advice in English, German and French.
//!
//! English is the key: what is said in a [`Sentence`], what a metric is called and the words of its states stand in
//! the sources, and `de.json` and `fr.json` have them in the other languages.
//!
//! * `names`: what metrics and controls are called. Numbers in a name are `{n}`, `{m}`, `{o}` in their order, and the
//!   name that a user or a device gave a part is `{it}`: "{it} power".
//! * `states`: the words of states, and of texts that are made of such words.
//! * `health`: why there is data of a device or none, by the code of the reason.
//! * `sentences`: what was seen and what can be done, with the places of each sentence.
//! * `page`: the words of the page, which it reads itself.
//!
//! `tests/words.rs` reads the sources and the tables of all adapters: nothing is missing in any language, and nothing
//! is there that nobody says.

mod accepted;
mod table;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

pub use crate::config::{Language, UnknownLanguage};
use crate::model::reserved;
use crate::model::{Argument, Control, Health, HealthCode, Metric, Naming, Sentence};
use crate::say;
use table::{Table, numbered};

/// What stands between the words of a text.
const BETWEEN: [&str; 3] = [", ", ": ", "; "];

impl Language {
    /// That of the header `Accept-Language` of a browser: the first that there is, by what is wanted most.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        accepted::first(header)
    }

    /// Why there is data of a device, or why there is none, in a few words.
    pub fn health_word(self, code: HealthCode) -> &'static str {
        let table = self.table();
        let word = table.and_then(|table| table.health.get(code.code()));
        word.map_or(code.words(), String::as_str)
    }

    /// What a metric is called.
    pub fn name(self, metric: &Metric) -> String {
        self.title(metric.title(), &metric.naming)
    }

    /// What a control is called.
    pub fn control_name(self, control: &Control) -> String {
        self.title(control.name.to_string(), &Naming::Ours)
    }

    /// A word of a closed list.
    pub fn state(self, word: &str) -> Cow<'_, str> {
        let said = self.table().and_then(|table| numbered(&table.states, word));
        said.map_or(word.into(), Into::into)
    }

    /// A word of the list of this metric. Codes for programs are the same in every language.
    pub fn state_of<'w>(self, metric: &Metric, word: &'w str) -> Cow<'w, str> {
        if metric.key == reserved::HEALTH.key {
            return word.into();
        }
        self.state(word)
    }

    /// A text that is made of such words: see [`Metric::in_words`].
    pub fn text<'w>(self, text: &'w str) -> Cow<'w, str> {
        let Some(table) = self.table() else {
            return text.into();
        };
        if let Some(said) = numbered(&table.states, text) {
            return said.into();
        }
        let cuts = BETWEEN
            .iter()
            .filter_map(|cut| Some((text.find(cut)?, *cut)));
        let Some((at, cut)) = cuts.min() else {
            return text.into();
        };
        let (word, rest) = (&text[..at], &text[at + cut.len()..]);
        let between = if cut == ": " { self.colon() } else { cut };
        format!("{}{between}{}", self.state(word), self.text(rest)).into()
    }

    /// How a device is, in one text: reason, what was seen, advice.
    pub fn sentence(self, health: &Health) -> String {
        let (seen, advice) = (self.say(&health.detail), self.say(&health.advice));
        Health::text(self.health_word(health.code), self.colon(), &seen, &advice)
    }

    /// A sentence.
    pub fn say(self, sentence: &Sentence) -> String {
        let table = self.table();
        let said = table.and_then(|table| table.sentences.get(sentence.key()));
        let said = said.map_or(sentence.key(), String::as_str);
        let mut text = String::with_capacity(said.len() + 32);
        // A text takes whatever is written.
        let _ = Sentence::fill(said, &mut text, |name, text| {
            match sentence.argument(name) {
                Some(argument) => text.push_str(&self.argument(argument)),
                None => write!(text, "{{{name}}}")?,
            }
            Ok(())
        });
        text
    }

    fn argument(self, argument: &Argument) -> String {
        match argument {
            Argument::Sentence(sentence) => self.say(sentence),
            Argument::Name(name, naming) => self.title(name.clone(), naming),
            Argument::Health(code) => self.health_within(*code),
            Argument::Duration(duration) if self != Self::En => self.duration(*duration),
            argument => argument.to_string(),
        }
    }

    fn title(self, title: String, naming: &Naming) -> String {
        let Some(table) = self.table() else {
            return title;
        };
        let said = match naming {
            Naming::Users => None,
            Naming::Ours => numbered(&table.names, &title),
            Naming::About(it) => {
                let key = title.replacen(it.as_ref(), "{it}", 1);
                let said = table.names.get(&key);
                said.map(|said| said.replacen("{it}", it, 1))
            }
        };
        said.unwrap_or(title)
    }

    /// In German it begins with a noun, as a rule.
    fn health_within(self, code: HealthCode) -> String {
        let word = self.health_word(code);
        match self {
            Self::En => word.to_lowercase(),
            Self::De => word.to_owned(),
            Self::Fr => {
                let mut letters = word.chars();
                let first = letters.next().map(char::to_lowercase);
                first.into_iter().flatten().chain(letters).collect()
            }
        }
    }

    fn duration(self, duration: Duration) -> String {
        let seconds = duration.as_secs();
        let days = match seconds / 86_400 {
            0 => None,
            1 => Some(self.say(&say!("1 day"))),
            count => Some(self.say(&say!("{count} days", count))),
        };
        let others = [
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
            (u64::from(duration.subsec_millis()), "ms"),
        ];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = days
            .into_iter()
            .chain(others.map(|(count, unit)| format!("{count} {unit}")))
            .collect();
        if parts.is_empty() {
            return "0 s".to_owned();
        }
        parts.join(" ")
    }

    const fn colon(self) -> &'static str {
        match self {
            Self::En | Self::De => ": ",
            Self::Fr => "\u{a0}: ",
        }
    }

    fn table(self) -> Option<&'static Table> {
        Table::of(self)
    }
}

#[cfg(test)]
mod tests;
