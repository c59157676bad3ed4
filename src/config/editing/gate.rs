//! What only the file itself may change.
//!
//! Whoever edits from far away is perhaps somebody who should not: some keys run programs, read or write any file, or
//! open the door to the page itself. They keep the value they have.

use super::super::file::File;
use super::super::messages;
use super::super::problem::{Problem, Problems};
use super::super::source::Source;
use super::super::tree::{Node, Place};
use super::hiding::Hidden;
use super::kinds::SectionKinds;
use super::leading::{leads_elsewhere, of_kind, same};
use super::restoring::Restored;
use super::secrets;

/// A key that only the file itself may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatedKey {
    /// The kind of section.
    pub section: &'static str,
    /// The key; the whole section if it is empty.
    pub key: &'static str,
    /// What is held.
    pub hold: Hold,
}

/// How a key is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nothing about it may change.
    All,
    /// Each value has to have been there before; one may go, with its section for instance.
    NothingNew,
}

/// All of them.
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    /// The keys.
    pub keys: &'a [GatedKey],
    /// Sections of which a secret comes from elsewhere, such as a variable: where they lead to may not change.
    pub fed: &'a [&'a str],
}

const HINT: &str = "change it in the file itself";

impl Gate<'_> {
    /// Whatever in a text is for the file alone and not as it was. Lines and columns are those of the edited text.
    pub fn refused(&self, hidden: &Hidden, restored: &Restored, kinds: &SectionKinds) -> Problems {
        let refused = self.refused_whole(hidden, &restored.file, kinds);
        let mut problems: Problems = refused
            .into_iter()
            .map(|problem| restored.as_edited(problem))
            .collect();
        problems.sort();
        problems
    }

    /// The same of a text that is whole as it is, and has no words that stand for secrets: one of somewhere else.
    pub fn refused_whole(&self, hidden: &Hidden, new: &File, kinds: &SectionKinds) -> Problems {
        let none = File::parse("", "").ok();
        let Some(old) = hidden.file.as_ref().or(none.as_ref()) else {
            return Problems::new();
        };
        let mut problems = Problems::new();
        for held in self.keys {
            let told = match held.key {
                "" => format!("the section [{}]", held.section),
                key => format!("{} in [{}]", messages::quoted(key), held.section),
            };
            let (before, after) = (held.values(old, kinds), held.values(new, kinds));
            let added = added(&before, &after);
            for place in &added {
                problems.push(at(&new.source, place, held.section, &told));
            }
            if held.hold == Hold::All && added.is_empty() && after.len() < before.len() {
                problems.push(gone(new, held.section, &told));
            }
        }
        problems.extend(self.places(old, new, kinds));
        problems.extend(self.fed_sections(old, new, kinds));
        problems.sort();
        problems
    }

    /// Secrets that are read from elsewhere.
    fn places(&self, old: &File, new: &File, kinds: &SectionKinds) -> Problems {
        let places = |file: &File| {
            let all = secrets::find(file, kinds).into_iter();
            all.filter(|spot| spot.place.is_some()).collect::<Vec<_>>()
        };
        let mut before = places(old);
        let mut problems = Problems::new();
        for spot in places(new) {
            let known =
                |old: &secrets::SecretSpot| old.home == spot.home && old.words == spot.words;
            if let Some(index) = before.iter().position(known) {
                before.swap_remove(index);
                // It would be read as before, and sent to somebody else.
                if !leads_elsewhere(old, new, kinds, &spot.home.kind) {
                    continue;
                }
            }
            let told = format!("where the secret of {} comes from", spot.home.label());
            let place = Place::Span(spot.span.clone());
            problems.push(at(&new.source, &place, &spot.home.kind, &told));
        }
        problems
    }

    fn fed_sections(&self, old: &File, new: &File, kinds: &SectionKinds) -> Problems {
        let moved = self
            .fed
            .iter()
            .filter(|kind| leads_elsewhere(old, new, kinds, kind));
        moved
            .map(|kind| {
                let told = format!(
                    "where [{kind}] leads to, while its password comes from outside of the file,"
                );
                gone(new, kind, &told)
            })
            .collect()
    }
}

impl GatedKey {
    fn values<'f>(&self, file: &'f File, kinds: &'f SectionKinds) -> Vec<(&'f Node, Place)> {
        let mut found = Vec::new();
        for top in of_kind(file, kinds, self.section) {
            if self.key.is_empty() {
                found.push((top.node(), top.node().place.clone()));
                continue;
            }
            let mut node = top.node();
            let mut place = None;
            for name in self.key.split('.') {
                let Some(entry) = node.get(name) else {
                    place = None;
                    break;
                };
                (node, place) = (&entry.node, Some(entry.place.clone()));
            }
            found.extend(place.map(|place| (node, place)));
        }
        found
    }
}

/// Where the values are that were not there before.
fn added(before: &[(&Node, Place)], after: &[(&Node, Place)]) -> Vec<Place> {
    let mut before: Vec<&Node> = before.iter().map(|(node, _)| *node).collect();
    let mut added = Vec::new();
    for (node, place) in after {
        match before.iter().position(|old| same(old, node)) {
            Some(index) => drop(before.swap_remove(index)),
            None => added.push(place.clone()),
        }
    }
    added
}

fn at(source: &Source, place: &Place, section: &str, told: &str) -> Problem {
    let mut problem = Problem::new(
        &source.name,
        format!("{told} is not changed by the page"),
        HINT,
    );
    section.clone_into(&mut problem.key);
    if let Place::Span(span) = place {
        (problem.line, problem.column) = source.position(span.start);
    }
    problem
}

/// Of what is no longer there, or has no place of its own.
fn gone(file: &File, section: &str, told: &str) -> Problem {
    let top = file
        .tops
        .iter()
        .find(|top| messages::is_same(&top.name, section));
    let place = top.map_or(Place::Absent, |top| top.node().place.clone());
    at(&file.source, &place, section, told)
}
