//! Problems as the page is told of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::config::editing::Extents;
use crate::config::{Fix, Problem};

/// One thing that is wrong with the edited text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldProblem {
    /// The line, from 1; 0 where there is none.
    pub line: usize,
    /// The column in characters, from 1; 0 where there is none.
    pub column: usize,
    /// The key with its section; may be empty.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it; may be empty.
    pub hint: String,
    /// What would mend it, where that is known: `text` in place of `length` characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<ToldFix>,
    /// The section as it is written; may be empty.
    pub section: String,
    /// Whether the section can be left out.
    pub kind: SectionWeight,
}

/// Words that would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldFix {
    /// How many characters are wrong, from line and column of the problem on.
    pub length: usize,
    /// What should stand there.
    pub text: String,
}

/// How much hangs on a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SectionWeight {
    /// It can be left out, and all else runs.
    Device,
    /// Nothing runs without it.
    Other,
}

impl ToldProblem {
    /// A problem, and the section of it in the text that it is about.
    pub fn of(problem: &Problem, file: &str, extents: Option<&Extents>) -> Self {
        let owner = extents.and_then(|extents| extents.owner(problem));
        let what = if problem.line == 0 && problem.file != file && !problem.file.is_empty() {
            format!("{}: {}", problem.file, problem.what)
        } else {
            problem.what.clone()
        };
        Self {
            line: problem.line,
            column: problem.column,
            key: problem.key.clone(),
            what,
            hint: problem.hint.clone(),
            fix: problem
                .fix
                .clone()
                .map(|Fix { length, text }| ToldFix { length, text }),
            section: owner
                .map(|(_, label, _)| label.to_owned())
                .unwrap_or_default(),
            kind: match owner {
                Some((_, _, true)) => SectionWeight::Device,
                _ => SectionWeight::Other,
            },
        }
    }
}
