//! What the JSON schema of a type says about one of its keys.

use serde_json::{Map, Value as Json};

use super::tree::{Entry, Value};

/// References followed within each other; more would be a circle.
const HOPS: usize = 16;

/// The schema of one value: every subschema that may describe it.
#[derive(Clone)]
pub struct Shape<'a> {
    root: &'a Json,
    seeds: Vec<&'a Json>,
}

/// A subschema without combinators, and whether it holds in any case.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    pub words: &'a Map<String, Json>,
    firm: bool,
}

/// What may stand under a key.
pub enum Child<'a> {
    Known(Shape<'a>),
    /// Any name will do in this table.
    Free(Shape<'a>),
    Unknown,
}

impl<'a> Shape<'a> {
    pub fn new(root: &'a Json) -> Self {
        Self {
            root,
            seeds: vec![root],
        }
    }

    /// The subschemas; with the table at hand only those alternatives that its tags select.
    pub fn parts(&self, table: Option<&[Entry]>) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        for seed in &self.seeds {
            self.flatten(seed, table, true, HOPS, &mut parts);
        }
        if parts.is_empty() && table.is_some() {
            return self.parts(None);
        }
        parts
    }

    fn flatten(
        &self,
        schema: &'a Json,
        table: Option<&[Entry]>,
        firm: bool,
        hops: usize,
        parts: &mut Vec<Part<'a>>,
    ) {
        let (Some(words), Some(hops)) = (schema.as_object(), hops.checked_sub(1)) else {
            return;
        };
        if table.is_some_and(|table| contradicts(words, table)) {
            return;
        }
        parts.push(Part { words, firm });
        let target = words.get("$ref").and_then(Json::as_str);
        let target = target.and_then(|target| self.root.pointer(target.strip_prefix('#')?));
        if let Some(target) = target {
            self.flatten(target, table, firm, hops, parts);
        }
        for (combinator, firm) in [("allOf", firm), ("anyOf", false), ("oneOf", false)] {
            for schema in list(words, combinator) {
                self.flatten(schema, table, firm, hops, parts);
            }
        }
    }

    fn within(&self, seeds: Vec<&'a Json>) -> Self {
        Self {
            root: self.root,
            seeds,
        }
    }

    pub fn child(&self, name: &str, table: Option<&[Entry]>) -> Child<'a> {
        let parts = self.parts(table);
        let inner = |part: &Part<'a>| part.words.get("properties")?.get(name);
        let known: Vec<_> = parts.iter().filter_map(inner).collect();
        if !known.is_empty() {
            return Child::Known(self.within(known));
        }
        let mut free = Vec::new();
        let mut is_free = false;
        let mut is_described = false;
        for Part { words, .. } in &parts {
            let patterns = words.get("patternProperties").and_then(Json::as_object);
            free.extend(patterns.into_iter().flat_map(Map::values));
            match words.get("additionalProperties") {
                Some(Json::Bool(false)) => is_described = true,
                Some(schema) => {
                    free.push(schema);
                    is_free = true;
                }
                None => is_described |= words.contains_key("properties"),
            }
        }
        if is_free || !free.is_empty() || !is_described {
            Child::Free(self.within(free))
        } else {
            Child::Unknown
        }
    }

    pub fn items(&self) -> Shape<'a> {
        let parts = self.parts(None);
        self.within(
            parts
                .iter()
                .filter_map(|part| part.words.get("items"))
                .collect(),
        )
    }

    /// Every key there is, in the order of the type.
    pub fn names(&self, table: Option<&[Entry]>) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for part in self.parts(table) {
            let properties = part.words.get("properties").and_then(Json::as_object);
            for name in properties.into_iter().flat_map(Map::keys) {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Keys that have no default.
    pub fn required(&self, table: &[Entry]) -> Vec<&'a str> {
        let parts = self.parts(Some(table));
        let firm = parts.iter().filter(|part| part.firm);
        firm.flat_map(|part| list(part.words, "required"))
            .filter_map(Json::as_str)
            .collect()
    }

    pub fn format(&self) -> Option<&'a str> {
        let parts = self.parts(None);
        parts
            .iter()
            .find_map(|part| part.words.get("format")?.as_str())
    }

    pub fn is_secret(&self) -> bool {
        let parts = self.parts(None);
        parts.iter().any(|part| {
            part.words
                .get("format")
                .is_some_and(|format| format == "secret")
        })
    }

    /// The JSON types it may have, without `null`, which TOML does not know.
    pub fn types(&self) -> Vec<&'a str> {
        let mut types = Vec::new();
        for Part { words, .. } in self.parts(None) {
            let named = match words.get("type") {
                Some(Json::Array(types)) => types.iter().filter_map(Json::as_str).collect(),
                Some(Json::String(name)) => vec![name.as_str()],
                _ if words.get("const").is_some_and(Json::is_string) => vec!["string"],
                _ => Vec::new(),
            };
            for name in named {
                if name != "null" && !types.contains(&name) {
                    types.push(name);
                }
            }
        }
        types
    }

    /// Whether a table in its place is a mistake: perhaps that of somebody who thinks of how secrets are written.
    pub fn takes_no_table(&self) -> bool {
        let types = self.types();
        !types.is_empty() && !types.contains(&"object")
    }

    /// The texts to choose from, if it is a choice, each with its meaning.
    pub fn choices(&self) -> Vec<(&'a str, Option<&'a str>)> {
        let mut choices = Vec::new();
        for Part { words, .. } in self.parts(None) {
            let meaning = words.get("description").and_then(Json::as_str);
            let named = words.get("const").and_then(Json::as_str);
            choices.extend(named.map(|named| (named, meaning)));
            let plain = list(words, "enum").filter_map(Json::as_str);
            choices.extend(plain.map(|named| (named, None)));
        }
        choices
    }

    /// The smallest and the largest number allowed, as far as there are any.
    pub fn range(&self) -> (Option<i128>, Option<i128>) {
        let bound = |key| {
            let parts = self.parts(None);
            let bound = parts.iter().find_map(|part| part.words.get(key).cloned())?;
            let whole = bound
                .as_i64()
                .map(i128::from)
                .or(bound.as_u64().map(i128::from));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "bounds of settings are small"
            )]
            whole.or(bound.as_f64().map(|bound| bound as i128))
        };
        (bound("minimum"), bound("maximum"))
    }

    pub fn description(&self) -> Option<&'a str> {
        let parts = self.parts(None);
        parts
            .iter()
            .find_map(|part| part.words.get("description")?.as_str())
    }

    pub fn default(&self) -> Option<&'a Json> {
        let parts = self.parts(None);
        parts.iter().find_map(|part| part.words.get("default"))
    }
}

fn list<'a>(words: &'a Map<String, Json>, key: &str) -> impl Iterator<Item = &'a Json> + use<'a> {
    words
        .get(key)
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
}

/// Whether a tag such as `type = "tcp"` says that the table is another alternative.
fn contradicts(words: &Map<String, Json>, table: &[Entry]) -> bool {
    let properties = words.get("properties").and_then(Json::as_object);
    properties.into_iter().flatten().any(|(name, schema)| {
        let Some(tag) = schema.get("const").and_then(Json::as_str) else {
            return false;
        };
        let entry = table.iter().find(|entry| entry.name == *name);
        entry.is_some_and(|entry| match &entry.node.value {
            Value::Text(text) | Value::Loose(text) => text != tag,
            _ => false,
        })
    })
}
