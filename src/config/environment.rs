//! Settings from the environment: `WATTBRIDGE_<SECTION>_<KEY>`.
//!
//! A double underscore leads to a key of an inner table: `WATTBRIDGE_MQTT_TLS__CA_FILE`. Container
//! tools pass variables that nobody set as empty texts, so an empty one counts as not set.

use super::problem::{Problem, Problems};
use super::schema::{Child, Shape};
use super::tree::{DEPTH, Node, Place};
use super::{File, Settings, messages, secret_words};

const PREFIX: &str = "WATTBRIDGE_";
/// Between the names of tables and keys.
const INNER: &str = "__";

/// A variable that may be meant for a section.
pub struct Variable {
    name: String,
    /// What it is called in messages.
    shown: String,
    words: String,
}

impl Variable {
    /// Its name, and what it says.
    pub fn said(&self) -> (&str, &str) {
        (&self.name, &self.words)
    }
}

impl File {
    /// Lays environment variables over the single tables.
    ///
    /// They are only looked at when a section is read: it alone knows its keys. Until then, and if
    /// no section takes them, they do nothing.
    pub fn override_from(&mut self, vars: impl Iterator<Item = (String, String)>) {
        let vars = vars.filter(|(name, words)| name.starts_with(PREFIX) && !words.is_empty());
        self.variables.extend(vars.map(|(name, words)| Variable {
            shown: name.clone(),
            name,
            words,
        }));
        // A file of a secret and the secret itself: the same one wins every time.
        self.variables
            .sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Lays one value over as a variable would be, whose name is `WATTBRIDGE_` and `variable`; messages call
    /// it `shown`. One that is there already gives way.
    pub fn override_as(&mut self, variable: &str, shown: &str, words: String) {
        let name = format!("{PREFIX}{variable}");
        self.variables.retain(|other| other.name != name);
        self.variables.push(Variable {
            name,
            shown: shown.to_owned(),
            words,
        });
    }

    /// Puts the variables of this section in; complains about those that match no key.
    pub fn lay_over<T: Settings>(&self, section: &str, node: &mut Node) -> Problems {
        let mut problems = Problems::new();
        let prefix = prefix(section);
        let mine = self.variables.iter().filter_map(|variable| {
            let key = variable.name.strip_prefix(&prefix)?;
            (!key.is_empty()).then_some((variable, key))
        });
        let mut mine = mine.peekable();
        if mine.peek().is_none() {
            return problems;
        }
        let schema = schemars::schema_for!(T);
        let shape = Shape::new(schema.as_value());
        for (variable, key) in mine {
            if let Some(path) = resolve(&shape, key) {
                let header = node.place.clone();
                let place = Place::Named(variable.shown.as_str().into());
                // With `replace` nothing can be in the way.
                let _ = node.put(&path, &variable.words, &place, true);
                node.place = header;
            } else {
                let mut known = Vec::new();
                names(&shape, "", DEPTH / 4, &mut known);
                let meant = messages::nearest(key, known.iter().map(String::as_str));
                let hint = match meant {
                    Some(meant) => format!("did you mean {prefix}{meant}?"),
                    None => format!("[{section}] knows {}", shape.names(None).join(", ")),
                };
                let what = format!("this variable matches no key of [{section}]");
                let mut problem = Problem::new(&variable.name, what, hint);
                problem.key = format!("{section}.{}", key.to_lowercase().replace(INNER, "."));
                problems.push(problem);
            }
        }
        problems
    }

    /// Whether a secret of this section comes from a variable, or an option.
    pub fn feeds_secret(&self, section: &str) -> bool {
        let prefix = prefix(section);
        let keys = self
            .variables
            .iter()
            .filter_map(|it| it.name.strip_prefix(&prefix));
        keys.into_iter().any(secret_words::is_secret)
    }

    /// Variables whose section nobody knows but somebody seems to mean, and those for sections of
    /// which there can be several.
    pub fn stray_variables(&self, known: &[&str]) -> Problems {
        let mut problems = Problems::new();
        for Variable { name, .. } in &self.variables {
            let section = known.iter().find(|section| {
                let key = name.strip_prefix(&prefix(section));
                key.is_some_and(|key| !key.is_empty())
            });
            if let Some(section) = section {
                if self.is_list(section) {
                    problems.push(Problem::new(
                        name,
                        format!("a variable cannot tell one [[{section}]] from another"),
                        format!("write the key below [[{section}]] in the file"),
                    ));
                }
                continue;
            }
            let words: Vec<&str> = name[PREFIX.len()..].split('_').collect();
            // The key takes at least one word.
            let meant = (1..words.len()).find_map(|count| {
                let written = words[..count].join("_").to_lowercase();
                let meant = messages::nearest(&written, known.iter().copied())?;
                let is_close = strsim::osa_distance(&written, meant) <= 1 + meant.len() / 8;
                let key = words[count..].join("_");
                (meant.len() >= 4 && is_close && !key.is_empty())
                    .then(|| format!("{}{key}", prefix(meant)))
            });
            if let Some(meant) = meant {
                problems.push(Problem::new(
                    name,
                    "this variable matches no section",
                    format!("did you mean {meant}?"),
                ));
            }
        }
        problems
    }
}

fn prefix(section: &str) -> String {
    format!("{PREFIX}{}_", upper(section))
}

fn upper(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

/// The path of the key that a variable names.
fn resolve(shape: &Shape<'_>, key: &str) -> Option<Vec<String>> {
    let mut shape = shape.clone();
    let mut path = Vec::new();
    for part in key.split(INNER) {
        if part.is_empty() || path.len() >= DEPTH {
            return None;
        }
        if shape.is_secret() {
            // The other places a secret may come from.
            let from = part.to_lowercase();
            if !matches!(from.as_str(), "file" | "env" | "credential") {
                return None;
            }
            shape = shape.items();
            path.push(from);
            continue;
        }
        let names = shape.names(None);
        let name = names.into_iter().find(|name| upper(name) == part);
        let name = name.map_or_else(|| part.to_lowercase(), str::to_owned);
        shape = match shape.child(&name, None) {
            Child::Known(inner) => inner,
            Child::Free(inner) if shape.types().contains(&"object") => inner,
            _ => return None,
        };
        path.push(name);
    }
    Some(path)
}

/// What the variables that a section takes end in.
fn names(shape: &Shape<'_>, prefix: &str, depth: usize, found: &mut Vec<String>) {
    for name in shape.names(None) {
        let variable = format!("{prefix}{}", upper(name));
        if let (Child::Known(inner), Some(depth)) = (shape.child(name, None), depth.checked_sub(1))
        {
            names(&inner, &format!("{variable}{INNER}"), depth, found);
        }
        found.push(variable);
    }
}
