//! What may be shown of a file that is no TOML.

use std::ops::Range;

use super::secret_words::mentions;
use super::source::Source;

/// Lines that one value may take before it counts as never ending.
const LONGEST: usize = 40;

/// What may be shown of a line in a file that is no TOML.
pub enum Visible {
    Everything,
    /// All but this.
    Without(Range<usize>),
    Nothing,
}

/// Decides about the line with this index, counted from 0.
///
/// Without a tree it is only a guess where a value ends, so that in doubt nothing is shown.
pub fn visible(source: &Source, index: usize) -> Visible {
    let line = source.line(index);
    let text = &source.text()[line.clone()];
    if unfinished_secret_above(source, index) {
        return Visible::Nothing;
    }
    let is_header = text.trim_start().starts_with('[');
    let is_private = mentions(text) || (!is_header && below_secret_header(source, index));
    if !is_private {
        return Visible::Everything;
    }
    match text.split_once('=') {
        Some((key, _)) if is_plain(key) => {
            Visible::Without(source.value_after(line.start + key.len() + 1, line.end))
        }
        None if is_header && !text.contains(['"', '\'', ',']) => Visible::Everything,
        _ => Visible::Nothing,
    }
}

/// A single key, perhaps dotted: words side by side could be a secret without its equals sign.
fn is_plain(key: &str) -> bool {
    let key = key.trim();
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Whether the table that this line belongs to has a name like `keys`.
fn below_secret_header(source: &Source, index: usize) -> bool {
    let above = (0..index)
        .rev()
        .map(|above| source.text()[source.line(above)].trim_start());
    above
        .into_iter()
        .find(|line| line.starts_with('['))
        .is_some_and(mentions)
}

/// Whether a secret above may still go on in this line, for want of a quote for instance.
fn unfinished_secret_above(source: &Source, index: usize) -> bool {
    let is_complete = |from: usize, to: usize| {
        let text = &source.text()[source.line(from).start..source.line(to).end];
        toml::de::DeTable::parse(text).is_ok()
    };
    let mut from = 0;
    while from < index {
        let mut next = from + 1;
        if mentions(&source.text()[source.line(from)]) {
            let longest = index.min(from + LONGEST);
            match (from..longest).find(|to| is_complete(from, *to)) {
                Some(to) => next = to + 1,
                None => return true,
            }
        }
        from = next;
    }
    false
}
