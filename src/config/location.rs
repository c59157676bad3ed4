//! Where a section stands, and how a problem of it is put.

use std::ops::Range;

use super::problem::Problem;
use super::source::Source;
use super::tree::Place;

/// What a section is called and where it stands.
pub struct Location<'a> {
    pub source: &'a Source,
    pub kind: &'a str,
    pub brackets: Brackets,
    /// The part of a line that may be shown where sections share it.
    pub within: Option<Range<usize>>,
}

/// How a section's name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brackets {
    /// Not in a file at all.
    None,
    One,
    Two,
}

impl Location<'_> {
    /// The dotted name of a key of this section.
    pub fn key(&self, path: &[String]) -> String {
        let mut key = self.kind.to_owned();
        for name in path {
            key.push('.');
            key.push_str(name);
        }
        key
    }

    /// A table of this section as it is written in the file.
    pub fn label(&self, path: &[String], listed: bool) -> String {
        let name: String = self.key(path).chars().filter(|c| !c.is_control()).collect();
        match self.brackets {
            Brackets::None => name,
            Brackets::Two if path.is_empty() => format!("[[{name}]]"),
            _ if listed => format!("[[{name}]]"),
            _ => format!("[{name}]"),
        }
    }

    pub fn problem(&self, finding: Finding, veils: &[Range<usize>]) -> Problem {
        let mut problem = Problem::new(&self.source.name, finding.what, finding.hint);
        problem.key = finding.key;
        match finding.place {
            Place::Span(span) => {
                (problem.line, problem.column) = self.source.position(span.start);
                problem.excerpt = self.source.excerpt(&span, self.within.as_ref(), veils);
                problem.fix = finding.fix.map(|text| self.source.fix(&span, text));
            }
            Place::Named(name) => problem.file = name.to_string(),
            Place::Absent => {}
        }
        problem
    }
}

/// A problem that still lacks its excerpt, because not all veils are known yet.
pub struct Finding {
    pub place: Place,
    pub key: String,
    pub what: String,
    pub hint: String,
    /// What should stand there instead.
    pub fix: Option<String>,
}
