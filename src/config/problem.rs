//! A mistake in the configuration as a value: where, what, and how to mend it.

use std::fmt;

use super::source::{Excerpt, Fix};

/// Problems that are shown at once.
const SHOWN: usize = 50;

/// One thing that is wrong.
///
/// Prints as `wattbridge.toml:7:1: what`, the line with the place marked, and the hint; with `{:#}`
/// without that line, in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file; for a value from elsewhere the variable (`WATTBRIDGE_MQTT_PORT`) or the option
    /// (`--set port`).
    pub file: String,
    /// The line, from 1; 0 where there is none.
    pub line: usize,
    /// The column in characters, from 1; 0 where there is none.
    pub column: usize,
    /// The key with its section: `mqtt.port`; empty where the text is no TOML at all.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it; may be empty.
    pub hint: String,
    /// What would mend it, where that is known.
    pub fix: Option<Fix>,
    pub(crate) excerpt: Option<Excerpt>,
}

impl Problem {
    /// A problem of a whole file, or of whatever `file` names.
    pub fn new(file: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            key: String::new(),
            what: what.into(),
            hint: hint.into(),
            fix: None,
            excerpt: None,
        }
    }

    /// The line of the file, without secrets, where there is one to show.
    pub fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_ref().map(|excerpt| excerpt.line.as_str())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, .. } = self;
        match (self.file.as_str(), self.key.as_str()) {
            (file, _) if *line > 0 => write!(f, "{file}:{line}:{column}: ")?,
            ("", "") => {}
            ("", place) | (place, _) => write!(f, "{place}: ")?,
        }
        f.write_str(&self.what)?;
        // For a log, in which each entry is a line.
        if f.alternate() {
            return match self.hint.as_str() {
                "" => Ok(()),
                hint => write!(f, "; {hint}"),
            };
        }
        if let Some(Excerpt { line, mark, width }) = &self.excerpt {
            write!(f, "\n  | {line}\n  | {:mark$}{:^<width$}", "", "")?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n  = {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing wrong yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether nothing is wrong. Never the case in an `Err`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The first ones, as many as anybody would read, and how many others there are.
    pub fn first(&self) -> (&[Problem], usize) {
        let (first, others) = self.0.split_at(self.0.len().min(SHOWN));
        (first, others.len())
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(crate) fn sort(&mut self) {
        self.0.sort_by_key(|problem| (problem.line, problem.column));
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Problem> {
        self.0.iter_mut()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, others) = self.first();
        for (index, problem) in first.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        if others > 0 {
            write!(f, "\n\nand {others} more")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
