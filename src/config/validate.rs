//! A walk over a section next to its schema: unknown and missing keys, all at once.
//!
//! On the way it settles what loose words are, takes unknown keys out so that serde can look at the
//! rest, and notes what must stay hidden.

use std::ops::Range;

use super::location::{Finding, Location};
use super::messages;
use super::problem::{Problem, Problems};
use super::schema::{Child, Shape};
use super::secret_words::{self, is_password_option, names_password};
use super::source::Fix;
use super::tree::{DEPTH, Entry, Node, Place, Value};

/// Known keys that a message lists when none is near.
const LISTED: usize = 12;
/// Unknown keys of a section that are told one by one.
const UNKNOWN: usize = 40;
/// Shorter secrets are not searched for in messages: they are parts of ordinary words.
const TELLING: usize = 4;

/// What the walk found.
#[derive(Default)]
pub struct Validation {
    pub findings: Vec<Finding>,
    /// Parts of the file that are never shown, in their order once the walk is done.
    pub veils: Vec<Range<usize>>,
    /// The hidden values themselves, in case a message of a type repeats one.
    pub secrets: Vec<String>,
    /// Missing keys that are only misspelt: one complaint is enough.
    pub misspelt: Vec<String>,
    /// Unknown keys so far, and the place of the first that is not told.
    unknown: usize,
    untold: Option<Place>,
}

/// Where the walk is.
struct Descent<'s, 'a> {
    shape: Shape<'a>,
    path: &'s [String],
    private: bool,
    listed: bool,
}

impl Validation {
    pub fn of(node: &mut Node, shape: &Shape<'_>, location: &Location<'_>) -> Self {
        let mut validation = Self::default();
        validation.walk(
            node,
            &Descent {
                shape: shape.clone(),
                path: &[],
                private: false,
                listed: false,
            },
            location,
        );
        validation.veils.sort_by_key(|veil| veil.start);
        if let Some(place) = validation.untold.take() {
            validation.findings.push(Finding {
                place,
                key: location.key(&[]),
                what: format!("and {} more unknown keys", validation.unknown - UNKNOWN),
                hint: "is this really a configuration file of wattbridge?".to_owned(),
                fix: None,
            });
        }
        validation
    }

    fn walk(&mut self, node: &mut Node, step: &Descent<'_, '_>, location: &Location<'_>) {
        // Variables can lead deeper than any file.
        if step.path.len() > DEPTH * 2 {
            return;
        }
        let private = step.private || step.shape.is_secret() || is_login(node) || is_key(node);
        // `{ value = "..." }` where a text belongs was perhaps meant as a secret.
        let misplaced = matches!(node.value, Value::Table(_)) && step.shape.takes_no_table();
        if private || misplaced {
            self.hide(node);
        }
        settle(node, &step.shape);
        match &mut node.value {
            Value::List(items) => {
                self.hide_command(items);
                let items_step = Descent {
                    shape: step.shape.items(),
                    path: step.path,
                    private,
                    listed: true,
                };
                for item in items {
                    self.walk(item, &items_step, location);
                }
            }
            Value::Table(_) => self.table(node, step, private || misplaced, location),
            _ => {}
        }
    }

    fn table(
        &mut self,
        node: &mut Node,
        step: &Descent<'_, '_>,
        private: bool,
        location: &Location<'_>,
    ) {
        let place = node.place.clone();
        let Value::Table(entries) = &mut node.value else {
            return;
        };
        let label = location.label(step.path, step.listed);
        // Type and choice of a tagged table decide about its other keys.
        let tags = entries.clone_tags();
        let mut path = step.path.to_vec();
        let mut kept = Vec::with_capacity(entries.len());
        for mut entry in std::mem::take(entries) {
            path.push(entry.name.clone());
            // Anything but the two names that may stand here is perhaps the secret itself.
            let is_choice = matches!(entry.name.as_str(), "file" | "env" | "credential");
            if step.shape.is_secret() && !is_choice {
                self.hide_words(entry.name.clone(), &entry.place);
            } else {
                self.hide_name(&entry);
            }
            let (shape, private) = match step.shape.child(&entry.name, Some(&tags)) {
                Child::Known(shape) | Child::Free(shape) => {
                    (shape, private || secret_words::is_secret(&entry.name))
                }
                // The type's own message says what may stand here.
                Child::Unknown if step.shape.is_secret() => (step.shape.items(), true),
                Child::Unknown => {
                    path.pop();
                    let meant = self.unknown(&entry, &step.shape, &tags, &label, location, &path);
                    if let Some(meant) = meant {
                        path.push(meant.to_owned());
                        self.misspelt.push(location.key(&path));
                        path.pop();
                    }
                    continue;
                }
            };
            let inner = Descent {
                shape,
                path: &path,
                private,
                listed: false,
            };
            self.walk(&mut entry.node, &inner, location);
            path.pop();
            kept.push(entry);
        }
        *entries = kept;
        for name in step.shape.required(&tags) {
            if entries.iter().all(|entry| entry.name != name) {
                path.push(name.to_owned());
                let key = location.key(&path);
                path.pop();
                if self.misspelt.contains(&key) {
                    continue;
                }
                let (what, hint) = messages::missing(name, &label);
                self.findings.push(Finding {
                    place: place.clone(),
                    key,
                    what,
                    hint,
                    fix: None,
                });
            }
        }
    }

    /// Reports an unknown key; returns the one that was probably meant.
    fn unknown<'a>(
        &mut self,
        entry: &Entry,
        shape: &Shape<'a>,
        tags: &[Entry],
        label: &str,
        location: &Location<'_>,
        above: &[String],
    ) -> Option<&'a str> {
        self.unknown += 1;
        if self.unknown > UNKNOWN {
            self.untold.get_or_insert_with(|| entry.place.clone());
            self.hide(&entry.node);
            return None;
        }
        let known = shape.names(Some(tags));
        let meant = messages::nearest(&entry.name, known.iter().copied());
        let hint = match meant {
            Some(meant) => format!("did you mean {}?", messages::quoted(meant)),
            None if known.is_empty() => "remove it".to_owned(),
            None if known.len() <= LISTED => {
                format!("{label} knows {}", known.join(", "))
            }
            None => "remove it, or look up the right name in docs/configuration.md".to_owned(),
        };
        let is_harmless = meant.is_some_and(|meant| {
            let shape = shape.child(meant, Some(tags));
            let is_secret = matches!(shape, Child::Known(shape) if shape.is_secret());
            !is_secret && !secret_words::is_secret(meant) && !secret_words::is_secret(&entry.name)
        });
        // Only a value whose meaning is known can be known to be no secret.
        if is_harmless {
            self.hide_by_name(&entry.node);
        } else {
            self.hide(&entry.node);
        }
        self.findings.push(Finding {
            place: entry.place.clone(),
            key: location.key(&[above, std::slice::from_ref(&entry.name)].concat()),
            what: format!("unknown key {} in {label}", messages::quoted(&entry.name)),
            hint,
            fix: meant.map(str::to_owned),
        });
        meant
    }

    fn hide_by_name(&mut self, node: &Node) {
        match &node.value {
            _ if is_login(node) || is_key(node) => self.hide(node),
            Value::List(items) => {
                self.hide_command(items);
                items.iter().for_each(|item| self.hide_by_name(item));
            }
            Value::Table(entries) => {
                for entry in entries {
                    self.hide_name(entry);
                    if secret_words::is_secret(&entry.name) {
                        self.hide(&entry.node);
                    } else {
                        self.hide_by_name(&entry.node);
                    }
                }
            }
            _ => {}
        }
    }

    fn hide(&mut self, node: &Node) {
        let words = match &node.value {
            Value::List(items) => return items.iter().for_each(|item| self.hide(item)),
            Value::Table(entries) => {
                for entry in entries {
                    self.hide_name(entry);
                    self.hide(&entry.node);
                }
                return;
            }
            Value::Text(text) | Value::Loose(text) | Value::Date(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(_) => String::new(),
        };
        self.hide_words(words, &node.place);
    }

    /// The words of a command with a password among them are not shown: it may stand in any of them.
    fn hide_command(&mut self, items: &[Node]) {
        let word = |node: &Node| match &node.value {
            Value::Text(text) | Value::Loose(text) => text.clone(),
            _ => String::new(),
        };
        let asks = |word: &str| is_password_option(word) || names_password(word);
        if !items.iter().any(|item| is_login(item) || asks(&word(item))) {
            return;
        }
        let mut before = String::new();
        for item in items {
            if ["-p", "--password"].contains(&before.as_str()) {
                self.hide(item);
            } else if let Place::Span(span) = &item.place {
                self.veils.push(span.clone());
            }
            before = word(item);
        }
    }

    /// A key may stand in the place of the serial number that it belongs to.
    fn hide_name(&mut self, entry: &Entry) {
        if are_key(&entry.name) {
            self.hide_words(entry.name.clone(), &entry.place);
        }
    }

    fn hide_words(&mut self, words: String, place: &Place) {
        if words.len() >= TELLING {
            self.secrets.push(words);
        }
        if let Place::Span(span) = place {
            self.veils.push(span.clone());
        }
    }

    /// The findings as problems, with excerpts in which nothing hidden shows.
    pub fn problems(self, location: &Location<'_>) -> Problems {
        let make = |finding| location.problem(finding, &self.veils);
        let mut problems: Problems = self.findings.into_iter().map(make).collect();
        for problem in problems.iter_mut() {
            self.secrets.iter().for_each(|secret| veil(problem, secret));
        }
        problems.sort();
        problems
    }
}

/// Whether a text looks like the key of a meter, whatever it stands for.
pub fn is_key(node: &Node) -> bool {
    let (Value::Text(text) | Value::Loose(text)) = &node.value else {
        return false;
    };
    are_key(text)
}

/// The same of words: digits alone, or `\x` before each two.
pub fn are_key(words: &str) -> bool {
    let digits = words.trim().replace("\\x", "");
    digits.len() >= 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether a text has a password in it, whatever its key is called.
pub fn is_login(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) | Value::Loose(text) => secret_words::holds_secret(text),
        _ => false,
    }
}

fn veil(problem: &mut Problem, secret: &str) {
    // A long one is repeated in part.
    let quoted = messages::quoted(secret);
    for text in [&mut problem.key, &mut problem.what, &mut problem.hint] {
        if text.contains(&quoted) {
            *text = text.replace(&quoted, "\"***\"");
        }
        if text.contains(secret) {
            *text = text.replace(secret, "***");
        }
    }
    let tells = |fix: &mut Fix| fix.text.contains(secret);
    problem.fix.take_if(tells);
}

trait Tags {
    fn clone_tags(&self) -> Vec<Entry>;
}

impl Tags for Vec<Entry> {
    /// Only texts can be tags; the rest need not be copied.
    fn clone_tags(&self) -> Vec<Entry> {
        let is_text = |entry: &&Entry| matches!(entry.node.value, Value::Text(_) | Value::Loose(_));
        self.iter().filter(is_text).cloned().collect()
    }
}

/// Words from outside become what the key wants: a serial number stays a text, digits and all.
fn settle(node: &mut Node, shape: &Shape<'_>) {
    let Value::Loose(words) = &node.value else {
        return;
    };
    let wants_text =
        shape.is_secret() || !shape.choices().is_empty() || shape.types() == ["string"];
    let parsed = if wants_text {
        None
    } else {
        Node::loose_as_toml(words, &node.place)
    };
    match parsed {
        Some(parsed) => *node = parsed,
        None => node.value = Value::Text(words.clone()),
    }
}
