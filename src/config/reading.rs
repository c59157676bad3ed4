//! One section: validation, types, the type's own rules.

use std::ops::Range;

use super::decode::{Misfit, Why};
use super::device_keys::schema_of;
use super::location::{Finding, Location};
use super::problem::{Problem, Problems};
use super::schema::{Child, Shape};
use super::source::Source;
use super::tree::{Node, Place, Value};
use super::validate::{self, Validation};
use super::{DeviceKeys, Settings, messages, secret_words};

/// Values of a wrong type that are reported for one section.
const MISFITS: usize = 25;

/// Reads a table as `T`, and the keys beside it that sections of devices have in common.
pub fn read<T: Settings>(
    location: &Location<'_>,
    mut node: Node,
    unneeded: &[&str],
) -> Result<(T, DeviceKeys), Problems> {
    let schema = schema_of::<T>();
    let shape = Shape::new(schema.as_value());
    if !matches!(node.value, Value::Table(_)) {
        return Err(no_table(location, &node));
    }
    let mut validation = Validation::of(&mut node, &shape, location);
    let is_common = |name: &str| T::DEVICE_KEYS.iter().any(|(key, _)| key.word() == name);
    let (common, own) = node.clone().split(is_common);
    let own = fit::<T>(location, &own, &shape, &mut validation);
    let keys = fit::<DeviceKeys>(location, &common, &shape, &mut validation);
    match own.zip(keys) {
        Some((settings, keys)) if validation.findings.is_empty() => {
            let complaints = [settings.check(), settings.check_beside(&keys), keys.check()];
            let complaints = complaints.into_iter().flatten();
            for complaint in complaints.filter(|one| !unneeded.contains(&one.field)) {
                let path: Vec<String> = complaint.field.split('.').map(str::to_owned).collect();
                let path = if complaint.field.is_empty() {
                    Vec::new()
                } else {
                    path
                };
                let what = complaint.what;
                validation.findings.push(Finding {
                    place: place_of(&node, &path),
                    key: location.key(&path),
                    what: format!("{}: {what}", subject(location, &path, &[])),
                    hint: complaint.advice,
                    fix: None,
                });
            }
            if validation.findings.is_empty() {
                Ok((settings, keys))
            } else {
                Err(validation.problems(location))
            }
        }
        _ => Err(validation.problems(location)),
    }
}

/// A problem about a key of a section that was already read.
pub fn complain<T: Settings>(
    location: &Location<'_>,
    mut node: Node,
    field: &str,
    what: &str,
    hint: &str,
) -> Problem {
    let schema = schema_of::<T>();
    let mut validation = Validation::of(&mut node, &Shape::new(schema.as_value()), location);
    let path: Vec<String> = field.split('.').map(str::to_owned).collect();
    validation.findings = vec![Finding {
        place: place_of(&node, &path),
        key: location.key(&path),
        what: format!("{}: {what}", subject(location, &path, &[])),
        hint: hint.to_owned(),
        fix: None,
    }];
    let first = validation.problems(location).into_iter().next();
    first.unwrap_or_else(|| Problem::new(&location.source.name, what, hint))
}

fn no_table(location: &Location<'_>, node: &Node) -> Problems {
    let kind = location.kind;
    let header = location.label(&[], false);
    let finding = Finding {
        place: node.place.clone(),
        key: kind.to_owned(),
        what: format!("{} should be a section of its own", messages::quoted(kind)),
        hint: format!("write {header} on one line and its keys on the lines below"),
        fix: None,
    };
    let veils = match &node.place {
        Place::Span(span) => vec![span.clone()],
        _ => Vec::new(),
    };
    location.problem(finding, &veils).into()
}

/// Lets serde look at it again and again, each time without the value that did not fit.
fn fit<T: Settings>(
    location: &Location<'_>,
    node: &Node,
    shape: &Shape<'_>,
    validation: &mut Validation,
) -> Option<T> {
    let mut rest = None;
    for _ in 0..MISFITS {
        let node = rest.as_ref().unwrap_or(node);
        let misfit = match T::deserialize(node) {
            Ok(settings) => return Some(settings),
            Err(misfit) => misfit,
        };
        let mut path = misfit.path();
        if let Why::Unknown(name) = &misfit.why
            && let Value::Table(entries) = &node.at(&path).value
            && let Some(index) = entries.iter().position(|entry| entry.name == *name)
        {
            path.push(index);
        }
        let finding = describe(location, node, shape, &misfit, &path);
        // A key that was missing, misspelt or wrong has been reported already.
        let is_old = matches!(misfit.why, Why::Missing(_))
            && (validation
                .findings
                .iter()
                .any(|known| known.key == finding.key)
                || validation.misspelt.contains(&finding.key));
        if !is_old {
            validation.findings.push(finding);
        }
        let mut less = node.clone();
        if !less.remove(&path) {
            return None;
        }
        rest = Some(less);
    }
    None
}

fn describe(
    location: &Location<'_>,
    root: &Node,
    shape: &Shape<'_>,
    misfit: &Misfit,
    path: &[usize],
) -> Finding {
    let mut node = root;
    let mut shape = shape.clone();
    let mut names: Vec<String> = Vec::new();
    let mut indices: Vec<usize> = Vec::new();
    let mut place = root.place.clone();
    let mut private = false;
    for index in path {
        match &node.value {
            Value::List(items) => {
                shape = shape.items();
                indices.push(*index);
                let Some(item) = items.get(*index) else { break };
                node = item;
            }
            Value::Table(entries) => {
                let Some(entry) = entries.get(*index) else {
                    break;
                };
                private |= secret_words::is_secret(&entry.name) || shape.is_secret();
                shape = match shape.child(&entry.name, Some(entries)) {
                    Child::Known(shape) | Child::Free(shape) => shape,
                    Child::Unknown => shape.items(),
                };
                indices.clear();
                names.push(entry.name.clone());
                node = &entry.node;
            }
            _ => break,
        }
        place = node.place.clone();
    }
    private |= shape.is_secret() || validate::is_login(node);
    // An entry of a list has no name of its own to write before it.
    let key = match names.last() {
        Some(name) if indices.is_empty() => name.as_str(),
        _ => "",
    };
    let subject = match &misfit.why {
        Why::Missing(_) => location.label(&names, !indices.is_empty()),
        Why::Unknown(_) => location.label(&names[..names.len().saturating_sub(1)], false),
        _ => subject(location, &names, &indices),
    };
    let (what, hint, fix) = messages::misfit(&misfit.why, &subject, key, node, &shape, private);
    if let Why::Missing(name) = &misfit.why {
        names.push((*name).to_owned());
    }
    Finding {
        place,
        key: location.key(&names),
        what,
        hint,
        fix,
    }
}

/// `"port" in [mqtt]`, `entry 2 of "hosts" in [mqtt]`, or the section itself.
fn subject(location: &Location<'_>, names: &[String], indices: &[usize]) -> String {
    let Some((last, above)) = names.split_last() else {
        return location.label(&[], false);
    };
    let entry: String = indices
        .iter()
        .rev()
        .map(|index| format!("entry {} of ", index + 1))
        .collect();
    format!(
        "{entry}{} in {}",
        messages::quoted(last),
        location.label(above, false)
    )
}

/// Where a key stands, or else the innermost table on the way to it.
fn place_of(node: &Node, path: &[String]) -> Place {
    let mut place = node.place.clone();
    let mut node = node;
    for name in path {
        let Some(entry) = node.get(name) else { break };
        place = entry.place.clone();
        node = &entry.node;
    }
    place
}

/// A problem about a section as a whole.
pub fn at_header(location: &Location<'_>, node: &Node, what: String, hint: String) -> Problem {
    let finding = Finding {
        place: node.place.clone(),
        key: location.kind.to_owned(),
        what,
        hint,
        fix: None,
    };
    let veils = match &node.place {
        Place::Span(span) if !is_header(location.source, node, span) => vec![span.clone()],
        _ => Vec::new(),
    };
    location.problem(finding, &veils)
}

/// Whether a table's place is its `[name]` and not its `{ .. }` or its first dotted key.
fn is_header(source: &Source, node: &Node, span: &Range<usize>) -> bool {
    matches!(node.value, Value::Table(_)) && source.text()[span.start..].starts_with('[')
}
