//! The file as a tree in which every key and value knows its place.
//!
//! The parser's own tree borrows from the text and has no room for values that come from
//! elsewhere; this one is owned, bounded in depth, and made only from the parser's.

use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

/// Tables and lists within each other. No section needs more than four; the bound keeps every
/// recursion over the tree far from the end of the stack.
pub const DEPTH: usize = 32;

/// Where something stands.
#[derive(Clone)]
pub enum Place {
    /// These bytes of the file.
    Span(Range<usize>),
    /// A variable or an option, by name.
    Named(Arc<str>),
    /// Nowhere: it was left out.
    Absent,
}

#[derive(Clone)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone)]
pub enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Words from a variable or an option: text or TOML, as the key wants it.
    Loose(String),
}

#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub place: Place,
    pub node: Node,
}

/// The tree is deeper than [`DEPTH`] here.
pub struct TooDeep(pub Range<usize>);

impl Node {
    pub fn table() -> Self {
        Self {
            place: Place::Absent,
            value: Value::Table(Vec::new()),
        }
    }

    pub fn parsed(value: &DeValue<'_>, span: Range<usize>, depth: usize) -> Result<Self, TooDeep> {
        if depth > DEPTH {
            return Err(TooDeep(span));
        }
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Integer(
                // What does not fit in here fits no setting either; the sign is all that is left.
                i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(
                    if number.as_str().starts_with('-') {
                        i128::MIN
                    } else {
                        i128::MAX
                    },
                ),
            ),
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| Self::parsed(item.get_ref(), item.span(), depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => Value::Table(entries(table, depth)?),
        };
        Ok(Self {
            place: Place::Span(span),
            value,
        })
    }

    /// The words of a variable or an option as TOML, if they are.
    pub fn loose_as_toml(words: &str, place: &Place) -> Option<Self> {
        // What is wanted here is short; a bound spares the parser a needless risk.
        if words.len() > 64 * 1024 {
            return None;
        }
        let value = DeValue::parse(words.trim()).ok()?;
        let mut node = Self::parsed(value.get_ref(), value.span(), 1).ok()?;
        node.relocate(place);
        Some(node)
    }

    fn relocate(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.relocate(place)),
            Value::Table(entries) => {
                for entry in entries {
                    entry.place = place.clone();
                    entry.node.relocate(place);
                }
            }
            _ => {}
        }
    }

    /// Two tables in its place: one of the keys that are chosen, and one of the others.
    pub fn split(self, is_chosen: impl Fn(&str) -> bool) -> (Self, Self) {
        let Value::Table(entries) = self.value else {
            return (Self::table(), self);
        };
        let (chosen, others) = entries
            .into_iter()
            .partition(|entry| is_chosen(&entry.name));
        let table = |entries| Self {
            place: self.place.clone(),
            value: Value::Table(entries),
        };
        (table(chosen), table(others))
    }

    pub fn get(&self, name: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.name == name),
            _ => None,
        }
    }

    /// Puts words at a path of keys, making tables on the way.
    ///
    /// With `replace` a value in the way gives way, otherwise its name comes back.
    pub fn put<'p>(
        &mut self,
        path: &'p [String],
        words: &str,
        place: &Place,
        replace: bool,
    ) -> Result<(), &'p str> {
        let Some((name, rest)) = path.split_first() else {
            self.place = place.clone();
            self.value = Value::Loose(words.to_owned());
            return Ok(());
        };
        if !matches!(self.value, Value::Table(_)) {
            self.value = Value::Table(Vec::new());
        }
        let Value::Table(entries) = &mut self.value else {
            return Ok(());
        };
        let at = entries.iter().position(|entry| entry.name == *name);
        let at = at.unwrap_or_else(|| {
            entries.push(Entry {
                name: name.clone(),
                place: place.clone(),
                node: Self {
                    place: place.clone(),
                    ..Self::table()
                },
            });
            entries.len() - 1
        });
        let entry = &mut entries[at];
        let is_table = matches!(&entry.node.value, Value::Table(inner) if !inner.is_empty());
        let is_value = !matches!(entry.node.value, Value::Table(_));
        if !replace && ((rest.is_empty() && is_table) || (!rest.is_empty() && is_value)) {
            return Err(name);
        }
        if rest.is_empty() {
            entry.place = place.clone();
        }
        entry.node.put(rest, words, place, replace)
    }

    /// Follows positions in tables and lists as far as they lead.
    pub fn at(&self, path: &[usize]) -> &Self {
        let Some((index, rest)) = path.split_first() else {
            return self;
        };
        let inner = match &self.value {
            Value::List(items) => items.get(*index),
            Value::Table(entries) => entries.get(*index).map(|entry| &entry.node),
            _ => None,
        };
        inner.map_or(self, |node| node.at(rest))
    }

    /// Takes out the innermost key on the path; says whether there was one.
    pub fn remove(&mut self, path: &[usize]) -> bool {
        let Some((index, rest)) = path.split_first() else {
            return false;
        };
        match &mut self.value {
            Value::List(items) => items.get_mut(*index).is_some_and(|item| item.remove(rest)),
            Value::Table(entries) => {
                let Some(entry) = entries.get_mut(*index) else {
                    return false;
                };
                if !entry.node.remove(rest) {
                    entries.remove(*index);
                }
                true
            }
            _ => false,
        }
    }
}

pub fn entries(table: &DeTable<'_>, depth: usize) -> Result<Vec<Entry>, TooDeep> {
    table
        .iter()
        .map(|(key, value)| {
            Ok(Entry {
                name: key.get_ref().to_string(),
                place: Place::Span(key.span()),
                node: Node::parsed(value.get_ref(), value.span(), depth + 1)?,
            })
        })
        .collect()
}
