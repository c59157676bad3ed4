//! The whole file: its sections, each to be read on its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use super::environment::Variable;
use super::location::{Brackets, Location};
use super::problem::{Problem, Problems};
use super::reading;
use super::section::Section;
use super::small_file::{self, FileKind, SmallFileError};
use super::source::Source;
use super::tree::{self, Node, Place, TooDeep, Value};
use super::{Settings, messages, syntax};

/// No configuration is larger; a mistaken path to a database or a log is.
const LARGEST: u64 = 1024 * 1024;

/// The parsed file, perhaps with environment variables laid over it.
pub struct File {
    pub(crate) source: Arc<Source>,
    pub(crate) tops: Vec<Top>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) path: Option<PathBuf>,
}

/// A table (or what stands in its place) at the top of the file.
pub struct Top {
    pub name: String,
    key: Place,
    node: Arc<Node>,
    brackets: Brackets,
}

impl Top {
    pub fn node(&self) -> &Node {
        &self.node
    }

    pub fn brackets(&self) -> Brackets {
        self.brackets
    }
}

impl File {
    /// Parses a text; `name` stands in the messages.
    ///
    /// # Errors
    ///
    /// The first place where the text is not TOML.
    pub fn parse(text: &str, name: &str) -> Result<Self, Problems> {
        let source = Source::new(name, text);
        let parsed = toml::de::DeTable::parse(source.text())
            .map_err(|error| Problems::from(syntax::problem(&source, &error)))
            .and_then(|table| {
                tree::entries(table.get_ref(), 0)
                    .map_err(|TooDeep(span)| syntax::too_deep(&source, span.start).into())
            })?;
        let mut tops = Vec::new();
        for entry in parsed {
            let is_list = matches!(entry.node.value, Value::List(_));
            let nodes = match entry.node {
                Node {
                    value: Value::List(items),
                    ..
                } => items,
                node => vec![node],
            };
            tops.extend(nodes.into_iter().map(|node| Top {
                name: entry.name.clone(),
                key: entry.place.clone(),
                node: Arc::new(node),
                brackets: if is_list {
                    Brackets::Two
                } else {
                    Brackets::One
                },
            }));
        }
        Ok(Self {
            source: Arc::new(source),
            tops,
            variables: Vec::new(),
            path: None,
        })
    }

    /// Reads and parses a file.
    ///
    /// # Errors
    ///
    /// What keeps it from being read, with advice, or else as [`File::parse`].
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let problem = |what: &str, hint: &str| Problem::new(name.as_str(), what, hint);
        let bytes =
            small_file::read(path, LARGEST, FileKind::FileOrPipe).map_err(|error| match error {
                SmallFileError::Directory => problem(
                    "is a directory, not a configuration file",
                    "name the file in it, such as wattbridge.toml",
                ),
                SmallFileError::TooLarge(_) => problem(
                    "is larger than 1 MiB and surely no configuration file",
                    "check the path",
                ),
                SmallFileError::Io(error) => match error.kind() {
                    io::ErrorKind::NotFound => problem(
                        "there is no such file",
                        "`wattbridge init` makes one; or name the right one with --config",
                    ),
                    io::ErrorKind::PermissionDenied => problem(
                        "wattbridge may not read this file",
                        "give the user that runs wattbridge the right to read it",
                    ),
                    _ => problem(
                        &format!("cannot be read: {error}"),
                        "check the disk or the share it is on",
                    ),
                },
                error @ (SmallFileError::Late(_) | SmallFileError::NoFile) => {
                    problem(&format!("cannot be read: {error}"), "")
                }
            })?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self {
                path: Some(path.to_owned()),
                ..Self::parse(&text, &name)?
            }),
            Err(error) => Err(syntax::not_utf8(&name, &error).into()),
        }
    }

    /// The name that stands in the messages.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The single table of this name with the environment laid over it; its defaults if it is
    /// absent.
    ///
    /// # Errors
    ///
    /// As [`Section::read`]; also if the file has more than one such table.
    pub fn settings<T: Settings>(&self, section: &str) -> Result<T, Problems> {
        let tops: Vec<&Top> = self.named(section).collect();
        let (first, others) = match tops.split_first() {
            Some((first, others)) => (Some(*first), others),
            None => (None, [].as_slice()),
        };
        let second = others.first().copied();
        if let Some(wrong) = second.or(first.filter(|top| top.brackets == Brackets::Two)) {
            return Err(self.more_than_one(section, wrong, second.is_some()).into());
        }
        let mut node = first.map_or_else(Node::table, |top| Node::clone(&top.node));
        let mut problems = self.lay_over::<T>(section, &mut node);
        let section = Section {
            source: Arc::clone(&self.source),
            kind: section.to_owned(),
            node: Arc::new(node),
            brackets: Brackets::One,
        };
        match section.read() {
            Ok(settings) if problems.is_empty() => Ok(settings),
            Ok(_) => Err(problems),
            Err(others) => {
                problems.extend(others);
                problems.sort();
                Err(problems)
            }
        }
    }

    /// Every table of this adapter, in the order of the file.
    pub fn sections(&self, kind: &str) -> Vec<Section> {
        let tops = self.named(kind);
        tops.map(|top| Section {
            source: Arc::clone(&self.source),
            kind: kind.to_owned(),
            node: Arc::clone(&top.node),
            brackets: top.brackets,
        })
        .collect()
    }

    /// Complaints about names at the top of the file that nobody knows, and about variables meant
    /// for sections that nobody knows. Empty if all is well.
    pub fn unknown_sections(&self, known: &[&str]) -> Problems {
        let mut problems = Problems::new();
        let mut seen: Option<&str> = None;
        for top in &self.tops {
            let is_known = known
                .iter()
                .any(|known| messages::is_same(&top.name, known));
            // The tables of one array stand one behind the other here.
            if !is_known && seen != Some(top.name.as_str()) {
                problems.push(self.unknown(top, known));
            }
            seen = Some(&top.name);
        }
        problems.sort();
        problems.extend(self.stray_variables(known));
        problems
    }

    fn named<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s Top> {
        self.tops
            .iter()
            .filter(move |top| messages::is_same(&top.name, name))
    }

    /// Whether the file has several tables of this name, which no single variable can reach.
    pub fn is_list(&self, name: &str) -> bool {
        self.named(name).any(|top| top.brackets == Brackets::Two)
    }

    fn unknown(&self, top: &Top, known: &[&str]) -> Problem {
        let name = &top.name;
        let meant = messages::nearest(name, known.iter().copied());
        let is_section = matches!(top.node.value, Value::Table(_));
        let (what, hint) = match (is_section, meant) {
            (true, meant) => {
                let (open, close) = match top.brackets {
                    Brackets::Two => ("[[", "]]"),
                    _ => ("[", "]"),
                };
                let hint = match meant {
                    Some(meant) => format!("did you mean {open}{meant}{close}?"),
                    None => format!("known sections: {}", known.join(", ")),
                };
                let name = messages::quoted(name);
                let name = name.trim_matches('"');
                (format!("unknown section {open}{name}{close}"), hint)
            }
            (false, Some(meant)) => (
                format!("unknown name {}", messages::quoted(name)),
                format!("did you mean the section [{meant}]?"),
            ),
            (false, None) => (
                format!("{} stands outside of every section", messages::quoted(name)),
                "put it below the [section] it belongs to".to_owned(),
            ),
        };
        let mut problem = Problem::new(&self.source.name, what, hint);
        problem.key.clone_from(name);
        if let Place::Span(key) = &top.key {
            (problem.line, problem.column) = self.source.position(key.start);
            let meant = meant.filter(|_| is_section).map(str::to_owned);
            problem.fix = meant.map(|meant| self.source.fix(key, meant));
            // Nobody knows what such a value means, so nobody knows that it is no secret.
            let line = self.source.line(problem.line - 1);
            let rest = &self.source.text()[key.end..line.end];
            let veil = rest
                .find('=')
                .map(|at| self.source.value_after(key.end + at + 1, line.end));
            problem.excerpt = self.source.excerpt(key, None, veil.as_slice());
        }
        problem
    }

    fn more_than_one(&self, section: &str, wrong: &Top, second: bool) -> Problem {
        let (what, hint) = if second {
            (
                format!("there can be only one [{section}]"),
                "move the keys together under the first one",
            )
        } else {
            (
                format!("[[{section}]] is a single section"),
                "write its name in single brackets",
            )
        };
        let location = Location {
            source: &self.source,
            kind: section,
            brackets: Brackets::One,
            within: None,
        };
        reading::at_header(&location, &wrong.node, what, hint.to_owned())
    }
}

impl fmt::Debug for File {
    /// Without its values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("name", &self.source.name)
            .field("sections", &self.tops.len())
            .finish_non_exhaustive()
    }
}
