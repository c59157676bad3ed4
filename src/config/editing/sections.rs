//! Where each section begins and ends.

use std::ops::Range;

use super::super::file::File;
use super::super::location::Brackets;
use super::super::problem::Problem;
use super::super::tree::{Node, Place, Value};
use super::kinds::SectionKinds;
use super::patch::Patch;
use super::scan;

/// What stands before each line of a section that is left out.
const SWITCHED_OFF: &str = "#";

/// The sections of a text.
#[derive(Debug, Clone)]
pub struct Extents {
    text: String,
    sections: Vec<Extent>,
}

#[derive(Debug, Clone)]
struct Extent {
    /// As it is written: `[[aps_ecu]]`.
    label: String,
    can_be_left_out: bool,
    /// Where its lines are; what is inside of another value has none.
    lines: Vec<Range<usize>>,
    /// Where it is otherwise.
    inline: Option<Range<usize>>,
}

impl Extents {
    /// Those of a text; none if it is no TOML.
    pub fn of(text: &str, kinds: &SectionKinds) -> Option<Self> {
        let file = File::parse(text, "").ok()?;
        let text = file.source.text();
        let mut headers = Vec::new();
        for (owner, top) in file.tops.iter().enumerate() {
            collect(top.node(), text, owner, &mut headers);
        }
        headers.sort_unstable();
        headers.dedup();
        let mut sections: Vec<Extent> = file
            .tops
            .iter()
            .map(|top| {
                let (open, close) = match top.brackets() {
                    Brackets::Two => ("[[", "]]"),
                    _ => ("[", "]"),
                };
                Extent {
                    label: format!("{open}{}{close}", top.name),
                    can_be_left_out: kinds
                        .find(&top.name)
                        .is_some_and(|kind| kind.can_be_left_out),
                    lines: Vec::new(),
                    inline: match &top.node().place {
                        Place::Span(span) => Some(span.clone()),
                        _ => None,
                    },
                }
            })
            .collect();
        let remarks = scan::remarks(text);
        for (index, (start, owner)) in headers.iter().enumerate() {
            let start = text[..*start].rfind('\n').map_or(0, |end| end + 1);
            let end = headers.get(index + 1).map_or(text.len(), |(next, _)| {
                text[..*next].rfind('\n').map_or(0, |end| end + 1)
            });
            let end = without_remarks(text, &(start..end), &remarks);
            if let Some(section) = sections.get_mut(*owner) {
                section.lines.push(start..end);
            }
        }
        Some(Self {
            text: text.to_owned(),
            sections,
        })
    }

    /// Which section a problem is about, as it is written, and whether that one can be left out.
    pub fn owner(&self, problem: &Problem) -> Option<(usize, &str, bool)> {
        let line = problem.line.checked_sub(1)?;
        let line: usize = self
            .text
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let at = line + column(&self.text[line.min(self.text.len())..], problem.column);
        let holds = |span: &Range<usize>| span.start <= at && at <= span.end;
        let is_in = |extent: &Extent| {
            extent
                .lines
                .iter()
                .any(|lines| lines.start <= at && at < lines.end.max(lines.start + 1))
                || (extent.lines.is_empty() && extent.inline.as_ref().is_some_and(holds))
        };
        let index = self.sections.iter().position(is_in)?;
        let section = &self.sections[index];
        Some((
            index,
            &section.label,
            section.can_be_left_out && !section.lines.is_empty(),
        ))
    }

    /// The text with these sections switched off, each line of theirs a remark.
    pub fn without(&self, sections: &[usize]) -> String {
        let mut patch = Patch::default();
        for index in sections {
            let lines = self
                .sections
                .get(*index)
                .map(|section| section.lines.as_slice());
            for lines in lines.unwrap_or_default() {
                let mut at = lines.start;
                for line in self.text[lines.clone()].split_inclusive('\n') {
                    if !line.trim().is_empty() {
                        patch.put(at..at, SWITCHED_OFF.to_owned());
                    }
                    at += line.len();
                }
            }
        }
        patch.apply(&self.text)
    }

    /// What all sections are called.
    pub fn all_labels(&self) -> Vec<String> {
        let labels = self.sections.iter().map(|section| section.label.clone());
        labels.collect()
    }

    /// What these sections are called.
    pub fn labels(&self, sections: &[usize]) -> Vec<String> {
        let labels = sections
            .iter()
            .filter_map(|index| self.sections.get(*index));
        labels.map(|section| section.label.clone()).collect()
    }
}

/// The headers of a table and of those in it.
fn collect(node: &Node, text: &str, owner: usize, headers: &mut Vec<(usize, usize)>) {
    match &node.value {
        Value::Table(entries) => {
            if let Place::Span(span) = &node.place
                && text[span.start..].starts_with('[')
            {
                headers.push((span.start, owner));
            }
            for entry in entries {
                collect(&entry.node, text, owner, headers);
            }
        }
        Value::List(items) => items
            .iter()
            .for_each(|item| collect(item, text, owner, headers)),
        _ => {}
    }
}

/// Remarks and empty lines at the end belong to what comes behind.
fn without_remarks(text: &str, lines: &Range<usize>, remarks: &[Range<usize>]) -> usize {
    let mut end = lines.end;
    for line in text[lines.clone()].split_inclusive('\n').rev() {
        let start = end - line.len();
        let words = line.trim_start();
        let at = start + (line.len() - words.len());
        let is_remark = remarks
            .binary_search_by_key(&at, |remark| remark.start)
            .is_ok();
        if !words.trim().is_empty() && !is_remark {
            break;
        }
        end = start;
    }
    end
}

fn column(line: &str, column: usize) -> usize {
    let line = line.split('\n').next().unwrap_or_default();
    let at = line.char_indices().nth(column.saturating_sub(1));
    at.map_or(line.len(), |(at, _)| at)
}
