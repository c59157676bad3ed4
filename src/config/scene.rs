//! Where a section stands, and how a problem of it is put.

use std::ops::Range;

use super::problem::Problem;
use super::source::Source;
use super::tree::Place;

/// What a section is called and where it stands.
pub(super) struct Scene<'a> {
    pub(super) source: &'a Source,
    pub(super) kind: &'a str,
    pub(super) brackets: Brackets,
    /// The part of a line that may be shown where sections share it.
    pub(super) within: Option<Range<usize>>,
}

/// How a section's name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brackets {
    /// Not in a file at all.
    None,
    One,
    Two,
}

impl Scene<'_> {
    /// The dotted name of a key of this section.
    pub(super) fn key(&self, path: &[String]) -> String {
        let mut key = self.kind.to_owned();
        for name in path {
            key.push('.');
            key.push_str(name);
        }
        key
    }

    /// A table of this section as it is written in the file.
    pub(super) fn label(&self, path: &[String], listed: bool) -> String {
        let name: String = self.key(path).chars().filter(|c| !c.is_control()).collect();
        match self.brackets {
            Brackets::None => name,
            Brackets::Two if path.is_empty() => format!("[[{name}]]"),
            _ if listed => format!("[[{name}]]"),
            _ => format!("[{name}]"),
        }
    }

    pub(super) fn problem(&self, finding: Finding, veils: &[Range<usize>]) -> Problem {
        let mut problem = Problem::new(&self.source.name, finding.what, finding.hint);
        problem.key = finding.key;
        match finding.place {
            Place::Span(span) => {
                (problem.line, problem.column) = self.source.position(span.start);
                problem.excerpt = self.source.excerpt(&span, self.within.as_ref(), veils);
            }
            Place::Named(name) => problem.file = name.to_string(),
            Place::Absent => {}
        }
        problem
    }
}

/// A problem that still lacks its excerpt, because not all veils are known yet.
pub(super) struct Finding {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) what: String,
    pub(super) hint: String,
}
