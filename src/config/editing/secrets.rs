//! Where secrets stand in a text that is TOML.

use std::ops::Range;

use super::super::file::{File, Top};
use super::super::messages;
use super::super::schema::{Child, Shape};
use super::super::secret;
use super::super::secret_words;
use super::super::tree::{Entry, Node, Place, Value};
use super::super::validate;
use super::kinds::SectionKinds;

/// A secret, or what stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSpot {
    /// Where it stands in the text.
    pub span: Range<usize>,
    pub home: Home,
    /// Of `{ file = "..." }` and the like, which say where the secret is: whether that may be shown.
    pub place: Option<bool>,
    /// What is there.
    pub words: String,
}

/// Where a secret belongs: to the same key of the same kind of section, wherever that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The kind of section.
    pub kind: String,
    /// The keys that lead there; lists are passed through.
    pub keys: Vec<String>,
    /// Whether it is the last key itself that is the secret.
    pub is_name: bool,
}

impl Home {
    /// As it is said: `"password" in [mqtt]`.
    pub fn label(&self) -> String {
        let keys = match self.keys.split_last() {
            Some((_, above)) if self.is_name => above,
            _ => &self.keys,
        };
        let keys: Vec<String> = keys
            .iter()
            .map(|key| {
                if validate::are_key(key) {
                    "***".to_owned()
                } else {
                    key.clone()
                }
            })
            .collect();
        format!("{} in [{}]", messages::quoted(&keys.join(".")), self.kind)
    }
}

/// Every secret, in the order of the text.
pub fn find(file: &File, kinds: &SectionKinds) -> Vec<SecretSpot> {
    let mut search = Search::default();
    for top in &file.tops {
        search.look_at(top, kinds);
    }
    search.found.sort_by_key(|spot| spot.span.start);
    search
        .found
        .dedup_by(|later, first| later.span == first.span);
    search.found
}

#[derive(Default)]
struct Search {
    found: Vec<SecretSpot>,
    kind: String,
    keys: Vec<String>,
}

impl Search {
    fn look_at(&mut self, top: &Top, kinds: &SectionKinds) {
        let meant = kinds.meant(&top.name);
        meant
            .map_or(top.name.as_str(), |kind| kind.name)
            .clone_into(&mut self.kind);
        self.keys.clear();
        match (meant, &top.node().value) {
            (Some(kind), Value::Table(_)) => {
                let shape = kind.shape();
                self.walk(top.node(), Some(&shape), false);
            }
            // Nobody knows what this means, and so that it is no secret.
            _ => {
                self.keys.push(top.name.clone());
                self.walk(top.node(), None, true);
                self.keys.pop();
            }
        }
    }

    fn walk(&mut self, node: &Node, shape: Option<&Shape<'_>>, is_private: bool) {
        let is_secret = shape.is_some_and(Shape::is_secret);
        let is_misplaced =
            matches!(node.value, Value::Table(_)) && shape.is_some_and(Shape::takes_no_table);
        let is_private = is_private
            || is_secret
            || is_misplaced
            || validate::is_login(node)
            || validate::is_key(node);
        match &node.value {
            Value::List(items) => {
                let shape = shape.map(Shape::items);
                for item in items {
                    self.walk(item, shape.as_ref(), is_private);
                }
            }
            Value::Table(entries) => self.walk_table(entries, shape, is_private),
            Value::Text(text) | Value::Loose(text) | Value::Date(text) => {
                if is_private && !text.is_empty() {
                    self.push(&node.place, text.clone(), None, false);
                }
            }
            Value::Integer(number) if is_private => {
                self.push(&node.place, number.to_string(), None, false);
            }
            Value::Float(number) if is_private => {
                self.push(&node.place, number.to_string(), None, false);
            }
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
        }
    }

    fn walk_table(&mut self, entries: &[Entry], shape: Option<&Shape<'_>>, is_private: bool) {
        let is_secret = shape.is_some_and(Shape::is_secret);
        for entry in entries {
            let name = entry.name.as_str();
            let place = match (&entry.node.value, name) {
                (Value::Text(text), "file" | "env" | "credential") if is_private => Some(text),
                _ => None,
            };
            self.keys.push(entry.name.clone());
            if let Some(words) = place {
                let is_shown = match name {
                    "file" => !secret::shown_path(words.as_ref()).is_empty(),
                    "env" => !secret::shown_variable(words).is_empty(),
                    _ => is_plain_name(words),
                };
                self.push(&entry.node.place, words.clone(), Some(is_shown), false);
                self.keys.pop();
                continue;
            }
            // Where a secret is wanted, a name is perhaps the secret itself.
            if is_secret || validate::are_key(name) {
                self.push(&entry.place, entry.name.clone(), None, true);
            }
            let child = shape.map(|shape| shape.child(name, Some(entries)));
            let is_private = is_private || secret_words::is_secret(name);
            match child {
                Some(Child::Known(shape) | Child::Free(shape)) => {
                    self.walk(&entry.node, Some(&shape), is_private);
                }
                // Only a value whose meaning is known can be known to be no secret.
                Some(Child::Unknown) => {
                    let known = shape.map(|shape| shape.names(Some(entries)));
                    let known = known.unwrap_or_default();
                    let meant = messages::nearest(name, known.iter().copied());
                    let shape = meant.and_then(|meant| match shape?.child(meant, Some(entries)) {
                        Child::Known(shape) => Some(shape),
                        _ => None,
                    });
                    let is_harmless = shape.is_some()
                        && meant.is_some_and(|meant| !secret_words::is_secret(meant));
                    self.walk(&entry.node, shape.as_ref(), is_private || !is_harmless);
                }
                None => self.walk(&entry.node, None, is_private),
            }
            self.keys.pop();
        }
    }

    fn push(&mut self, place: &Place, words: String, shown: Option<bool>, is_name: bool) {
        if let Place::Span(span) = place {
            self.found.push(SecretSpot {
                span: span.clone(),
                home: Home {
                    kind: self.kind.clone(),
                    keys: self.keys.clone(),
                    is_name,
                },
                place: shown,
                words,
            });
        }
    }
}

/// As files of credentials are called, and secrets are not.
fn is_plain_name(words: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_' || c == '.';
    words.contains(['-', '_', '.']) && words.chars().all(is_usual)
}
