//! What is said to people, so that it can be said in another language: an English sentence with places, and what
//! stands in them.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Decimal, HealthCode, Metric, Naming};

/// Words for people. Shown, it is English; [`crate::words`] says it in other languages.
///
/// ```
/// use wattbridge::say;
///
/// let seconds = 5;
/// let seen = say!("nothing came within {seconds} seconds", seconds);
/// assert_eq!(seen.to_string(), "nothing came within 5 seconds");
/// let seen = say!("{port} is no port", port = "/dev/null");
/// assert_eq!(seen.to_string(), "/dev/null is no port");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The English words, with the names of places in braces.
    says: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    with: Vec<(Cow<'static, str>, Argument)>,
}

/// What stands in a place of a [`Sentence`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// The same in every language: numbers, names, and what comes from outside.
    Text(Cow<'static, str>),
    /// Other words of ours.
    Sentence(Sentence),
    /// The name of a metric.
    Name(String, Naming),
    /// How a device is, within a sentence.
    Health(HealthCode),
    /// A length of time.
    Duration(Duration),
}

/// Makes a [`Sentence`] of a text with places in braces, and of what stands in each: a variable of the same name,
/// or `name = value`. What does not fit together is no program.
///
/// ```compile_fail
/// let seen = wattbridge::say!("nothing came within {seconds} seconds", second = 5);
/// ```
#[macro_export]
macro_rules! say {
    (@value $name:ident) => { $name };
    (@value $name:ident $value:expr) => { $value };
    ($says:literal $(,)?) => {{
        const {
            assert!($crate::model::Sentence::agrees($says, &[]), "it has places, or lone braces");
        }
        $crate::model::Sentence::fixed($says)
    }};
    ($says:literal, $($name:ident $(= $value:expr)?),+ $(,)?) => {{
        const {
            assert!(
                $crate::model::Sentence::agrees($says, &[$(stringify!($name)),+]),
                "places and names are not the same"
            );
        }
        $crate::model::Sentence::with(
            $says,
            vec![$((stringify!($name), $crate::model::Argument::from($crate::say!(@value $name $($value)?)))),+],
        )
    }};
}

impl Sentence {
    /// Nothing to say.
    pub const EMPTY: Self = Self::fixed("");

    /// The same words every time. Write [`say!`](crate::say!) instead.
    #[doc(hidden)]
    pub const fn fixed(says: &'static str) -> Self {
        Self {
            says: Cow::Borrowed(says),
            with: Vec::new(),
        }
    }

    /// Words with places. Write [`say!`](crate::say!) instead.
    #[doc(hidden)]
    pub fn with(says: &'static str, with: Vec<(&'static str, Argument)>) -> Self {
        let with = with.into_iter();
        Self {
            says: Cow::Borrowed(says),
            with: with.map(|(name, it)| (name.into(), it)).collect(),
        }
    }

    /// Whether a text has exactly these places.
    #[doc(hidden)]
    pub const fn agrees(says: &str, names: &[&str]) -> bool {
        let text = says.as_bytes();
        let (mut at, mut used) = (0, 0_u64);
        while at < text.len() {
            let is_double = at + 1 < text.len() && text[at + 1] == text[at];
            match text[at] {
                b'{' | b'}' if is_double => at += 2,
                b'{' => {
                    let begin = at + 1;
                    while at < text.len() && text[at] != b'}' {
                        at += 1;
                    }
                    let mut name = 0;
                    while name < names.len() && !is_at(text, begin, at, names[name].as_bytes()) {
                        name += 1;
                    }
                    if at == text.len() || name == names.len() {
                        return false;
                    }
                    used |= 1 << name;
                    at += 1;
                }
                b'}' => return false,
                _ => at += 1,
            }
        }
        used == (1 << names.len()) - 1
    }

    /// What comes from outside: a device's own words, an error of the system. It is the same in every language.
    pub fn verbatim(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::EMPTY;
        }
        Self::with("{text}", vec![("text", Argument::Text(text))])
    }

    /// This one and another behind it.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        match (self.is_empty(), next.is_empty()) {
            (_, true) => self,
            (true, _) => next,
            _ => crate::say!("{first} {next}", first = self, next),
        }
    }

    /// Several, one after the other.
    pub fn listed(all: impl IntoIterator<Item = Self>) -> Self {
        let all = all.into_iter();
        all.reduce(|first, next| crate::say!("{first}, {next}", first, next))
            .unwrap_or_default()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.says.is_empty()
    }

    /// The English words with their places: the key by which other languages know it.
    pub fn key(&self) -> &str {
        &self.says
    }

    /// What stands in a place.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        let mut with = self.with.iter();
        with.find(|(of, _)| of == name).map(|(_, it)| it)
    }

    /// Writes words with places; `put` writes what stands in the place of a name.
    pub fn fill<W: Write>(
        says: &str,
        out: &mut W,
        mut put: impl FnMut(&str, &mut W) -> fmt::Result,
    ) -> fmt::Result {
        let mut rest = says;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            out.write_str(before)?;
            let doubled = ["{{", "}}"].iter().find_map(|it| brace.strip_prefix(it));
            rest = match (doubled, brace.split_once('}')) {
                (Some(behind), _) => {
                    out.write_str(&brace[..1])?;
                    behind
                }
                (None, Some((name, behind))) => {
                    put(name.trim_start_matches('{'), out)?;
                    behind
                }
                (None, None) => {
                    out.write_str(brace)?;
                    ""
                }
            };
        }
        out.write_str(rest)
    }
}

const fn is_at(text: &[u8], begin: usize, end: usize, name: &[u8]) -> bool {
    if end - begin != name.len() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if text[begin + at] != name[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl fmt::Display for Sentence {
    /// In English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::fill(&self.says, f, |name, f| match self.argument(name) {
            Some(argument) => argument.fmt(f),
            None => write!(f, "{{{name}}}"),
        })
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Sentence(sentence) => sentence.fmt(f),
            Self::Name(name, _) => f.write_str(name),
            Self::Health(code) => f.write_str(&code.words().to_lowercase()),
            Self::Duration(duration) => humantime::format_duration(*duration).fmt(f),
        }
    }
}

impl PartialEq<str> for Sentence {
    fn eq(&self, text: &str) -> bool {
        let said = self.to_string();
        said.as_str() == text
    }
}

impl PartialEq<&str> for Sentence {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

#[cfg(test)]
impl Sentence {
    /// Whether it says so in English.
    pub fn contains(&self, words: &str) -> bool {
        self.to_string().contains(words)
    }

    /// Whether it ends so in English.
    pub fn ends_with(&self, end: char) -> bool {
        self.to_string().ends_with(end)
    }
}

/// Tests say what they like; the program says what can be said in other languages too.
#[cfg(test)]
impl From<&'static str> for Sentence {
    fn from(text: &'static str) -> Self {
        Self::verbatim(text)
    }
}

/// See the other one.
#[cfg(test)]
impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self::verbatim(text)
    }
}

impl From<Sentence> for Argument {
    fn from(sentence: Sentence) -> Self {
        Self::Sentence(sentence)
    }
}

impl From<&Metric> for Argument {
    fn from(metric: &Metric) -> Self {
        Self::Name(metric.title(), metric.naming.clone())
    }
}

impl From<HealthCode> for Argument {
    fn from(code: HealthCode) -> Self {
        Self::Health(code)
    }
}

impl From<Duration> for Argument {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

impl From<Cow<'static, str>> for Argument {
    fn from(text: Cow<'static, str>) -> Self {
        Self::Text(text)
    }
}

macro_rules! the_same_in_every_language {
    ($($kind:ty)*) => {
        $(impl From<$kind> for Argument {
            fn from(value: $kind) -> Self {
                Self::Text(value.to_string().into())
            }
        })*
    };
}

the_same_in_every_language! {
    &str String &String char u8 u16 u32 u64 usize i32 i64 Decimal fmt::Arguments<'_>
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_said_in_english() {
        let (first, rest) = (say!("{a} and {b}", a = "x", b = 2), say!("c"));
        assert_eq!(first.to_string(), "x and 2");
        assert_eq!(first.clone().then(rest).to_string(), "x and 2 c");
        assert_eq!(first.clone().then(Sentence::EMPTY), first);
        assert_eq!(Sentence::EMPTY.then(first.clone()), first);
        let keys = say!("keys = {{ \"{unit}\" = \"...\" }}", unit = 7);
        assert_eq!(keys.to_string(), "keys = { \"7\" = \"...\" }");
        let time = Duration::from_secs(90);
        assert_eq!(say!("for {time}", time).to_string(), "for 1m 30s");
        let code = HealthCode::Silent;
        assert_eq!(say!("({code})", code).to_string(), "(no answer)");
        let all = ["a", "b", "c"].map(Sentence::verbatim);
        assert_eq!(Sentence::listed(all).to_string(), "a, b, c");
    }

    #[test]
    fn what_comes_from_outside_stays_as_it_is() {
        for text in ["", "{", "}", "{a}", "{{}}", "a {"] {
            assert_eq!(Sentence::verbatim(text).to_string(), text);
            assert_eq!(Sentence::verbatim(text).is_empty(), text.is_empty());
        }
    }

    #[test]
    fn places_and_names_have_to_agree() {
        for (says, names, fits) in [
            ("", &[][..], true),
            ("{{a}}", &[], true),
            ("{a} {b} {a}", &["a", "b"], true),
            ("{a}", &[], false),
            ("{a}", &["a", "b"], false),
            ("{a} {c}", &["a", "b"], false),
            ("{a", &["a"], false),
            ("a}", &[], false),
            ("{ab}", &["a"], false),
        ] {
            assert_eq!(Sentence::agrees(says, names), fits, "{says} {names:?}");
        }
    }

    #[test]
    fn a_sentence_survives_being_stored() {
        let seen = say!("{a} for {b}", a = say!("c"), b = Duration::from_secs(5));
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Sentence>(&text).unwrap(), seen);
    }
}
