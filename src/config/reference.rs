//! Pages for `docs/configuration.md`, made from the types themselves.

use schemars::Schema;
use serde::Serialize;
use serde_json::Value as Json;

use super::Settings;
use super::device_keys::{defaults_of, schema_of};
use super::schema::{Child, Shape};

/// Columns that running text is wrapped at.
const WIDTH: usize = 100;
/// Tables within each other that are described; no section has more.
const DEPTH: usize = 8;

/// What the reference says about one section.
#[derive(Debug, Clone)]
pub struct SectionDoc<'a> {
    /// As it is written in the file: `[mqtt]`, `[[aps_ecu]]`.
    pub heading: &'a str,
    /// What it is for, in a sentence or two.
    pub about: &'a str,
    /// The schema of its type.
    pub schema: Schema,
    /// The defaults of its type, serialised.
    pub defaults: Json,
    /// Lines to copy into the file.
    pub example: &'a str,
}

impl<'a> SectionDoc<'a> {
    /// What there is to say about the section of this type.
    pub fn of<T: Settings + Default + Serialize>(
        heading: &'a str,
        about: &'a str,
        example: &'a str,
    ) -> Self {
        Self {
            heading,
            about,
            schema: schema_of::<T>(),
            defaults: defaults_of::<T>(),
            example,
        }
    }
}

/// The reference in Markdown: for each section a table of its keys, and its example.
pub fn reference(sections: &[SectionDoc<'_>]) -> String {
    let pages: Vec<String> = sections.iter().map(page).collect();
    pages.join("\n")
}

fn page(section: &SectionDoc<'_>) -> String {
    let shape = Shape::new(section.schema.as_value());
    let mut page = format!("## `{}`\n\n", section.heading);
    for paragraph in paragraphs(section.about) {
        page.push_str(&wrapped(&paragraph));
        page.push('\n');
    }
    let mut tables = vec![(None, shape, Some(&section.defaults))];
    let mut at = 0;
    while at < tables.len() {
        let (name, shape, defaults) = tables[at].clone();
        let mut keys = Keys::default();
        keys.collect(&shape, defaults, "", DEPTH);
        if let Some(name) = &name {
            let kind = section.heading.trim_matches(['[', ']']);
            page.push_str(&format!("Each `[[{kind}.{name}]]`:\n\n"));
        }
        page.push_str(&keys.table());
        if tables.len() < DEPTH {
            let inner = keys.lists.into_iter().map(|(list, shape)| {
                let list = name
                    .as_ref()
                    .map_or(list.clone(), |name| format!("{name}.{list}"));
                (Some(list), shape, None)
            });
            tables.extend(inner);
        }
        at += 1;
    }
    let example = section.example.trim();
    if !example.is_empty() {
        page.push_str(&format!("```toml\n{example}\n```\n"));
    }
    format!("{}\n", page.trim_end())
}

/// The rows of one table, the remarks that are too long for it, and the lists of tables in it.
#[derive(Default)]
struct Keys<'a> {
    rows: Vec<[String; 4]>,
    remarks: Vec<String>,
    lists: Vec<(String, Shape<'a>)>,
}

impl<'a> Keys<'a> {
    fn collect(&mut self, shape: &Shape<'a>, defaults: Option<&Json>, prefix: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let required = shape.required(&[]);
        for name in shape.names(None) {
            let Child::Known(inner) = shape.child(name, None) else {
                continue;
            };
            let key = format!("{prefix}{name}");
            let default = defaults.and_then(|defaults| defaults.get(name));
            let default = default.or_else(|| inner.default());
            let is_table = !inner.is_secret() && !inner.names(None).is_empty();
            if is_table && inner.types() == ["object"] {
                let meaning = self.meaning(&key, &inner);
                if !meaning.is_empty() {
                    let kind = "table".to_owned();
                    self.rows
                        .push([format!("`{key}`"), kind, String::new(), meaning]);
                }
                self.collect(&inner, default, &format!("{key}."), depth);
                continue;
            }
            if !inner.items().names(None).is_empty() {
                self.lists.push((key.clone(), inner.items()));
            }
            let default = match shown(default, &inner) {
                Some(default) => format!("`{default}`"),
                None if required.contains(&name) => "required".to_owned(),
                None => "none".to_owned(),
            };
            let meaning = self.meaning(&key, &inner);
            self.rows
                .push([format!("`{key}`"), kind(&inner), default, meaning]);
            if let Child::Free(each) = inner.child("", None)
                && inner.types() == ["object"]
            {
                self.collect(&each, None, &format!("{key}.<name>."), depth);
            }
        }
    }

    /// The first paragraph; the others and the meaning of each choice go below the table.
    fn meaning(&mut self, key: &str, shape: &Shape<'_>) -> String {
        let mut paragraphs = paragraphs(shape.description().unwrap_or_default()).into_iter();
        let first = paragraphs.next().unwrap_or_default();
        for paragraph in paragraphs {
            self.remarks.push(wrapped(&format!("`{key}`: {paragraph}")));
        }
        let told: Vec<String> = shape
            .choices()
            .into_iter()
            .filter_map(|(choice, meaning)| {
                let meaning = paragraphs_joined(meaning?);
                Some(wrapped_item(&format!("`\"{choice}\"`: {meaning}")))
            })
            .collect();
        if !told.is_empty() {
            self.remarks
                .push(format!("`{key}` is one of\n\n{}", told.concat()));
        }
        first
    }

    fn table(&self) -> String {
        let mut table = String::new();
        if !self.rows.is_empty() {
            table.push_str("| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
            for row in &self.rows {
                let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
                table.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
            table.push('\n');
        }
        for remark in &self.remarks {
            table.push_str(remark);
            table.push('\n');
        }
        table
    }
}

/// What a key holds, short enough for a table.
fn kind(shape: &Shape<'_>) -> String {
    let choices = shape.choices();
    if !choices.is_empty() {
        let choices: Vec<_> = choices
            .iter()
            .map(|(name, _)| format!("`\"{name}\"`"))
            .collect();
        return choices.join(", ");
    }
    match shape.format() {
        Some("secret") => return "secret".to_owned(),
        Some("period") => return "duration".to_owned(),
        _ => {}
    }
    let types = shape.types();
    let kinds: Vec<String> = types
        .iter()
        .map(|name| match *name {
            "integer" => match shape.range() {
                (Some(least), Some(most)) => format!("whole number, {least} to {most}"),
                (Some(least), None) if least != 0 => format!("whole number, {least} or more"),
                _ => "whole number".to_owned(),
            },
            "number" => "number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "string" => "text".to_owned(),
            "array" => match kind(&shape.items()).as_str() {
                "" => "list".to_owned(),
                "table" => "list of tables".to_owned(),
                items => format!("list of {items}"),
            },
            "object" => match shape.child("", None) {
                Child::Free(inner) if !kind(&inner).is_empty() => {
                    format!("table of names, each with: {}", kind(&inner))
                }
                _ => "table".to_owned(),
            },
            other => other.to_owned(),
        })
        .collect();
    kinds.join(" or ")
}

/// A default as it would stand in the file. Secrets have none.
fn shown(default: Option<&Json>, shape: &Shape<'_>) -> Option<String> {
    let default = default.filter(|default| !shape.is_secret() && !default.is_null())?;
    match default {
        Json::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Json::Object(keys) if keys.is_empty() => None,
        Json::Object(_) => None,
        Json::Array(items) => {
            let items: Option<Vec<_>> = items
                .iter()
                .map(|item| shown(Some(item), &shape.items()))
                .collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Json::String(text) => Some(format!("{text:?}")),
        plain => Some(plain.to_string()),
    }
}

/// Paragraphs without the line breaks of doc comments.
fn paragraphs(text: &str) -> Vec<String> {
    let joined = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let paragraphs = text.split("\n\n").map(joined);
    paragraphs
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

fn paragraphs_joined(text: &str) -> String {
    paragraphs(text).join(" ")
}

fn wrapped(text: &str) -> String {
    wrap(text, "", "")
}

fn wrapped_item(text: &str) -> String {
    wrap(text, "- ", "  ")
}

fn wrap(text: &str, first: &str, others: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut is_fresh = true;
    for word in text.split(' ') {
        if !is_fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            others.clone_into(&mut line);
            is_fresh = true;
        }
        if !is_fresh {
            line.push(' ');
        }
        line.push_str(word);
        is_fresh = false;
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}
