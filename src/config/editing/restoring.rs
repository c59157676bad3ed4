//! The text as it is meant: with the secrets that were not shown.

use std::ops::Range;

use super::super::file::{File, Top};
use super::super::problem::{Problem, Problems};
use super::super::source::Source;
use super::super::tree::{Entry, Node, Place, Value};
use super::hiding::{Hidden, KeptWord};
use super::kinds::SectionKinds;
use super::leading::leads_elsewhere;
use super::patch::Patch;
use super::scan;
use super::secrets::Home;

/// A text that has its secrets again.
pub struct Restored {
    /// It, and what is in it.
    pub text: String,
    pub(super) file: File,
    patch: Patch,
    shown: Source,
    whole: Source,
}

impl Restored {
    /// Puts the secrets back into an edited text.
    ///
    /// # Errors
    ///
    /// The text is no TOML, or wants a secret where it does not belong. Lines and columns are those of the edited text.
    pub fn of(
        edited: &str,
        hidden: &Hidden,
        kinds: &SectionKinds,
        name: &str,
    ) -> Result<Self, Problems> {
        let file = File::parse(edited, name)?;
        let shown = Source::new(name, edited);
        let mut back = PuttingBack {
            hidden,
            kinds,
            edited: &file,
            source: &shown,
            patch: Patch::default(),
            problems: Problems::new(),
            kind: String::new(),
            keys: Vec::new(),
        };
        for top in &file.tops {
            back.look_at(top);
        }
        back.remarks();
        back.leftovers();
        let PuttingBack {
            patch,
            mut problems,
            ..
        } = back;
        if !problems.is_empty() {
            problems.sort();
            return Err(problems);
        }
        let text = patch.apply(edited);
        Ok(Self {
            // What was kept is TOML by itself, but perhaps not here.
            file: File::parse(&text, name).map_err(|_| {
                Problems::from(Problem::new(
                    name,
                    "a secret that is kept does not fit where it stands now",
                    "leave its line as it was, or write the secret anew",
                ))
            })?,
            whole: Source::new(name, &text),
            text,
            patch,
            shown,
        })
    }

    /// A problem of the whole text, at its place in the edited one.
    pub fn as_edited(&self, mut problem: Problem) -> Problem {
        if problem.line > 0 {
            let at = offset(&self.whole, problem.line, problem.column);
            let at = self.patch.before(at);
            if self.patch.touches(&(at..at + 1)) {
                problem.fix = None;
            }
            (problem.line, problem.column) = self.shown.position(at);
        }
        problem
    }
}

fn offset(source: &Source, line: usize, column: usize) -> usize {
    let line = source.line(line.saturating_sub(1));
    let words = &source.text()[line.clone()];
    let at = words.char_indices().nth(column.saturating_sub(1));
    line.start + at.map_or(words.len(), |(at, _)| at)
}

struct PuttingBack<'a> {
    hidden: &'a Hidden,
    kinds: &'a SectionKinds,
    edited: &'a File,
    source: &'a Source,
    patch: Patch,
    problems: Problems,
    kind: String,
    keys: Vec<String>,
}

impl PuttingBack<'_> {
    fn look_at(&mut self, top: &Top) {
        let meant = self.kinds.meant(&top.name);
        let kind = meant.map_or(top.name.as_str(), |kind| kind.name);
        kind.clone_into(&mut self.kind);
        self.keys.clear();
        let is_section = meant.is_some() && matches!(top.node().value, Value::Table(_));
        if !is_section {
            self.keys.push(top.name.clone());
        }
        self.walk(top.node());
    }

    fn walk(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Table(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            Value::Text(text) => self.put_back(text, &node.place, false),
            _ => {}
        }
    }

    fn entry(&mut self, entry: &Entry) {
        // A key that was not shown stands in the path under its own name.
        let original =
            number_of(&entry.name).and_then(|number| match self.hidden.kept.get(&number) {
                Some(KeptWord::Secret(home, _)) if home.is_name => home.keys.last().cloned(),
                _ => None,
            });
        self.keys
            .push(original.unwrap_or_else(|| entry.name.clone()));
        self.put_back(&entry.name, &entry.place, true);
        self.walk(&entry.node);
        self.keys.pop();
    }

    fn put_back(&mut self, text: &str, place: &Place, is_name: bool) {
        let Place::Span(span) = place else { return };
        let mut numbers = scan::placeholders(text)
            .into_iter()
            .map(|(_, number)| number);
        let Some(number) = numbers.find(|number| self.is_placeholder(*number)) else {
            return;
        };
        let word = format!("{}{number}", scan::PREFIX);
        let here = Home {
            kind: self.kind.clone(),
            keys: self.keys.clone(),
            is_name,
        };
        match self.hidden.kept.get(&number) {
            Some(_) if text != word => self.refuse(
                span,
                format!(
                    "{} has {word} in it, which stands for a whole secret",
                    here.label()
                ),
                "write the secret itself, or the word alone".to_owned(),
            ),
            Some(KeptWord::Secret(home, written)) if *home == here => {
                if self.goes_elsewhere() {
                    self.refuse(
                        span,
                        format!(
                            "{} belongs to the address that [{}] had, and would be sent to another one",
                            here.label(),
                            self.kind
                        ),
                        "write it anew, or leave host, port and tls as they were".to_owned(),
                    );
                } else {
                    self.patch.put(span.clone(), written.clone());
                }
            }
            Some(KeptWord::Secret(home, _)) => self.refuse(
                span,
                format!(
                    "{word} stands for the secret of {}, and only for that",
                    home.label()
                ),
                format!("write here what belongs into {}", here.label()),
            ),
            Some(KeptWord::Remark) => self.refuse(
                span,
                format!("{word} stands for words of a remark"),
                format!("write here what belongs into {}", here.label()),
            ),
            Some(KeptWord::Lost) => self.refuse(
                span,
                format!(
                    "{} was not written rightly, so that it could not be kept",
                    here.label()
                ),
                "write it anew".to_owned(),
            ),
            None => self.refuse(
                span,
                format!("{word} stands for nothing"),
                "write the value itself".to_owned(),
            ),
        }
    }

    /// Whether a number is meant as one of a secret: each that does not stand in the file by itself.
    fn is_placeholder(&self, number: usize) -> bool {
        !self.hidden.stands_by_itself(number)
    }

    /// Whether the section leads to another place than it did, if it leads anywhere.
    fn goes_elsewhere(&self) -> bool {
        let old = self.hidden.file.as_ref();
        old.is_none_or(|old| leads_elsewhere(old, self.edited, self.kinds, &self.kind))
    }

    fn remarks(&mut self) {
        for span in scan::remarks(self.source.text()) {
            let remark = &self.source.text()[span.clone()];
            if let Some(whole) = self.hidden.remarks.get(remark) {
                self.patch.put(span, whole.clone());
                continue;
            }
            let numbers = scan::placeholders(remark).into_iter();
            let mut meant = numbers.filter(|(_, number)| self.hidden.kept.contains_key(number));
            let Some((_, number)) = meant.next() else {
                continue;
            };
            let (what, hint) = match self.hidden.kept.get(&number) {
                Some(KeptWord::Lost) => (
                    "what stood here could not be understood, so that it was not shown and cannot be kept",
                    "write it anew, or delete this line",
                ),
                _ => (
                    "a remark with words that were not shown is not as it was",
                    "leave it as it was, or write it anew",
                ),
            };
            self.refuse(&span, what.to_owned(), hint.to_owned());
        }
    }

    /// Words for secrets that nothing was put in place of.
    fn leftovers(&mut self) {
        let text = self.source.text();
        for (span, number) in scan::placeholders(text) {
            if self.hidden.kept.contains_key(&number)
                && !self.patch.touches(&span)
                && self.problems.is_empty()
            {
                self.refuse(
                    &span,
                    format!("{} cannot be put back here", &text[span.clone()]),
                    "change this in the file itself".to_owned(),
                );
            }
        }
    }

    fn refuse(&mut self, span: &Range<usize>, what: String, hint: String) {
        let mut problem = Problem::new(&self.source.name, what, hint);
        (problem.line, problem.column) = self.source.position(span.start);
        problem.key = format!("{}.{}", self.kind, self.keys.join("."));
        self.problems.push(problem);
    }
}

fn number_of(text: &str) -> Option<usize> {
    let number = text.strip_prefix(scan::PREFIX)?.parse().ok()?;
    (text == format!("{}{number}", scan::PREFIX)).then_some(number)
}

impl std::fmt::Debug for Restored {
    /// Without its secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restored")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
