//! The text of the file: positions in it, and the line that is shown below a message.

use std::ops::Range;

use super::secret_words;

/// Characters are counted ahead for every block of this many bytes, so that a column is found
/// quickly in a line of any length.
const BLOCK: usize = 1024;
/// Characters shown before and after the place in question.
const BEFORE: usize = 60;
const AFTER: usize = 80;

/// What stands in place of a secret.
const VEIL: &str = "***";

/// A text with its name.
pub struct Source {
    pub name: String,
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
    /// Characters before each block.
    blocks: Vec<usize>,
}

/// One line of the file, safe to show, and the part of it that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    pub line: String,
    /// Characters before the marked part.
    pub mark: usize,
    /// Characters marked; at least one.
    pub width: usize,
}

/// Words that would do in place of those that are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// How many characters are wrong, from line and column of the problem on.
    pub length: usize,
    /// What should stand there.
    pub text: String,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        // Windows editors put it there; no person ever sees it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        let mut blocks = vec![0];
        let mut counted = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            counted += characters(block);
            blocks.push(counted);
        }
        Self {
            name: name.to_owned(),
            lines: lines.collect(),
            blocks,
            text: text.to_owned(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line's bytes without its line break. Lines count from 0 here.
    pub fn line(&self, index: usize) -> Range<usize> {
        let start = self.lines.get(index).copied().unwrap_or(self.text.len());
        let end = self
            .lines
            .get(index + 1)
            .map_or(self.text.len(), |next| next - 1);
        let line = &self.text[start..end];
        start..start + line.trim_end_matches('\r').len()
    }

    /// Line and column as people count them: from 1, in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let index = self.lines.partition_point(|start| *start <= offset) - 1;
        let column = self.characters_before(offset) - self.characters_before(self.lines[index]);
        (index + 1, column + 1)
    }

    /// What would do in a place.
    pub fn fix(&self, span: &Range<usize>, text: String) -> Fix {
        let wrong = self.text.get(span.clone()).unwrap_or_default();
        Fix {
            length: wrong.chars().count(),
            text,
        }
    }

    /// What stands behind an equals sign, without the space before it.
    pub fn value_after(&self, equals: usize, end: usize) -> Range<usize> {
        let rest = self.text.get(equals..end).unwrap_or_default();
        equals + (rest.len() - rest.trim_start().len())..end
    }

    /// The start of the character at `offset`, at most the end of the text.
    fn floor(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let back = (0..4).find(|back| self.text.is_char_boundary(offset.saturating_sub(*back)));
        offset.saturating_sub(back.unwrap_or(0))
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.blocks[block] + characters(&self.text.as_bytes()[block * BLOCK..offset])
    }

    /// The line around `span`, or what of it lies `within`, with every one of the `veils` hidden.
    /// The veils are in order.
    pub fn excerpt(
        &self,
        span: &Range<usize>,
        within: Option<&Range<usize>>,
        veils: &[Range<usize>],
    ) -> Option<Excerpt> {
        let start = self.floor(span.start);
        let (number, _) = self.position(start);
        let whole = self.line(number - 1);
        let mut line = whole.clone();
        if let Some(within) = within {
            line = line.start.max(within.start)..line.end.min(within.end);
        }
        let end = span.end.max(start + 1);
        let from = line.start.max(start.saturating_sub(BEFORE));
        let from = self.floor(from).max(line.start);
        let to = self.floor(line.end.min(start + AFTER));
        if from >= to {
            return None;
        }
        let blank = self.text[from..to].len() - self.text[from..to].trim_start().len();
        let from = if from == line.start {
            (from + blank).min(start)
        } else {
            from
        };
        let to = self.comment(to, end);

        let mut shown = Shown::new(start..end);
        if !self.text[whole.start..from].trim().is_empty() {
            shown.push("…");
        }
        let first = veils.partition_point(|veil| veil.end <= from);
        let mut veils = veils[first..]
            .iter()
            .take_while(|veil| veil.start < to)
            .peekable();
        let mut veiled = false;
        let mut at = from;
        while at < to {
            if let Some(veil) = veils.next_if(|veil| veil.start <= at) {
                if veil.end > at {
                    shown.veil(veil);
                    veiled = true;
                    at = veil.end;
                }
                continue;
            }
            // Nobody knows what a comment after a secret tells.
            if veiled && at >= end && veils.peek().is_none() {
                break;
            }
            let Some(character) = self.text[at..].chars().next() else {
                break;
            };
            shown.character(at, character);
            at += character.len_utf8();
        }
        shown.finish()
    }

    /// Where to stop so that a comment behind the marked part tells no secret.
    fn comment(&self, to: usize, marked: usize) -> usize {
        let marked = self.floor(marked);
        match self.text.get(marked..to).and_then(|rest| rest.find('#')) {
            Some(at) if secret_words::mentions(&self.text[marked + at..to]) => marked + at,
            _ => to,
        }
    }
}

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// A line in the making.
struct Shown {
    line: String,
    length: usize,
    span: Range<usize>,
    mark: Option<Range<usize>>,
}

impl Shown {
    fn new(span: Range<usize>) -> Self {
        Self {
            line: String::new(),
            length: 0,
            span,
            mark: None,
        }
    }

    fn push(&mut self, text: &str) {
        self.line.push_str(text);
        self.length += text.chars().count();
    }

    fn mark(&mut self, from: usize) {
        let start = self.mark.as_ref().map_or(from, |mark| mark.start);
        self.mark = Some(start..self.length);
    }

    fn character(&mut self, at: usize, character: char) {
        let from = self.length;
        // A terminal must not obey what a file says, and tabs would move the caret.
        self.line.push(match character {
            '\t' => ' ',
            character if character.is_control() => '\u{fffd}',
            character => character,
        });
        self.length += 1;
        if self.span.contains(&at) {
            self.mark(from);
        }
    }

    fn veil(&mut self, veil: &Range<usize>) {
        let from = self.length;
        self.push(VEIL);
        if veil.start < self.span.end && self.span.start < veil.end {
            self.mark(from);
        }
    }

    fn finish(self) -> Option<Excerpt> {
        let mark = self.mark.unwrap_or(self.length..self.length + 1);
        let line = self.line.trim_end();
        (!line.is_empty()).then(|| Excerpt {
            line: line.to_owned(),
            mark: mark.start,
            width: mark.len().max(1),
        })
    }
}
