//! One table of the file, read on its own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use schemars::Schema;

use super::location::{Brackets, Location};
use super::problem::{Problem, Problems};
use super::reading;
use super::schema::{Child, Shape};
use super::source::Source;
use super::tree::{DEPTH, Node, Place};
use super::{DeviceKeys, Settings, messages};

/// One table with its place in the file.
#[derive(Clone)]
pub struct Section {
    pub(crate) source: Arc<Source>,
    pub(crate) kind: String,
    pub(crate) node: Arc<Node>,
    pub(crate) brackets: Brackets,
}

impl Section {
    /// The settings in it, or everything that is wrong with them.
    ///
    /// # Errors
    ///
    /// All unknown keys, values of a wrong type and missing keys at once; if there are none, what
    /// [`Settings::check`] complains about.
    pub fn read<T: Settings>(&self) -> Result<T, Problems> {
        self.read_without(&[])
    }

    /// The same with what it says of its devices.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_with_keys<T: Settings>(&self) -> Result<(T, DeviceKeys), Problems> {
        reading::read(&self.location(), Node::clone(&self.node), &[])
    }

    /// The same where some keys do not matter, such as the address of a device whose messages are
    /// read from a file: what [`Settings::check`] complains about them is left out.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_without<T: Settings>(&self, unneeded: &[&str]) -> Result<T, Problems> {
        let read = reading::read(&self.location(), Node::clone(&self.node), unneeded);
        read.map(|(settings, _)| settings)
    }

    /// The same with values for keys that belong together, if its adapter knows all of them and none is
    /// there: `schema` is that of the section, and `from` is what messages call the place of the values.
    #[must_use]
    pub fn completed(&self, schema: &Schema, keys: &[(&str, f64)], from: &str) -> Option<Self> {
        let shape = Shape::new(schema.as_value());
        let knows = |name: &str| matches!(shape.child(name, None), Child::Known(_));
        let is_open = |name: &str| knows(name) && self.node.get(name).is_none();
        if !keys.iter().all(|(name, _)| is_open(name)) {
            return None;
        }
        let mut node = Node::clone(&self.node);
        for (name, value) in keys {
            let place = Place::Named(format!("{from} {name}").into());
            // Nothing can be in the way of a key that is not there.
            let _ = node.put(&[(*name).to_owned()], &value.to_string(), &place, false);
        }
        Some(Self {
            node: Arc::new(node),
            ..self.clone()
        })
    }

    /// A problem about a key of this section, for rules that span several sections. A `field` that
    /// is not there leads to the section's first line.
    pub fn problem<T: Settings>(&self, field: &str, what: &str, hint: &str) -> Problem {
        reading::complain::<T>(&self.location(), Node::clone(&self.node), field, what, hint)
    }

    /// The line of the file it starts on, from 1; 0 if it comes from elsewhere.
    pub fn line(&self) -> usize {
        match &self.node.place {
            Place::Span(span) => self.source.position(span.start).0,
            _ => 0,
        }
    }

    /// A section from `key=value` pairs of the command line.
    ///
    /// Dots in a key lead to inner tables. A value is a text where the key wants one, otherwise it
    /// is read as TOML if it can be. A key given twice has the later value.
    ///
    /// # Errors
    ///
    /// An empty key, or one that is a value in one pair and a table in another.
    pub fn from_pairs(kind: &str, pairs: &[(String, String)]) -> Result<Self, Problems> {
        let mut node = Node::table();
        let mut problems = Problems::new();
        for (key, words) in pairs {
            let option = format!("--set {}", messages::quoted(key).trim_matches('"'));
            let path: Vec<String> = key.split('.').map(|name| name.trim().to_owned()).collect();
            if path.iter().any(String::is_empty) || path.len() > DEPTH {
                problems.push(Problem::new(
                    "--set",
                    format!("{} is not the name of a key", messages::quoted(key)),
                    "write it like --set host=192.168.1.50; a dot leads to a key of an inner table",
                ));
                continue;
            }
            let place = Place::Named(option.as_str().into());
            if let Err(name) = node.put(&path, words, &place, false) {
                problems.push(Problem::new(
                    option,
                    format!(
                        "{} cannot be a value and a table at once",
                        messages::quoted(name)
                    ),
                    "leave out one of the two",
                ));
            }
        }
        node.place = Place::Absent;
        if problems.is_empty() {
            Ok(Self {
                source: Arc::new(Source::new("", "")),
                kind: kind.replace('-', "_"),
                node: Arc::new(node),
                brackets: Brackets::None,
            })
        } else {
            Err(problems)
        }
    }

    pub(crate) fn location(&self) -> Location<'_> {
        Location {
            source: &self.source,
            kind: &self.kind,
            brackets: self.brackets,
            within: shared_line(&self.source, &self.node),
        }
    }
}

/// Tables written inline may share a line with others of the kind, which this one cannot judge.
fn shared_line(source: &Source, node: &Node) -> Option<Range<usize>> {
    match &node.place {
        Place::Span(span) if source.text()[span.start..].starts_with('{') => Some(span.clone()),
        _ => None,
    }
}

impl fmt::Debug for Section {
    /// Without its values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section")
            .field("kind", &self.kind)
            .field("line", &self.line())
            .finish_non_exhaustive()
    }
}
