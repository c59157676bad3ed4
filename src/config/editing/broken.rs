//! Secrets in a text that is no TOML, which somebody is about to mend.
//!
//! Each line, or a few that belong together, is read by itself below the header it stands under. What cannot be
//! read even so, and may be a secret or a part of one, is not shown, and cannot be kept either.

use std::ops::Range;

use super::super::file::{File, Top};
use super::super::messages;
use super::kinds::SectionKinds;
use super::layout::Layout;
use super::remark_secrets;
use super::scan;
use super::secrets::{self, SecretSpot};

/// Lines that one value may take.
const LONGEST: usize = 40;

/// What was made of it.
#[derive(Debug, Default)]
pub struct Salvage {
    /// Secrets that were understood.
    pub spots: Vec<SecretSpot>,
    /// Remarks.
    pub remarks: Vec<Range<usize>>,
    /// What is not shown, and cannot be kept; whether it is a value.
    pub lost: Vec<(Range<usize>, bool)>,
    /// The text without what was not understood.
    pub text: String,
    /// Headers below which something was not understood.
    broken_below: Vec<String>,
    /// Whether a header itself was not.
    has_broken_header: bool,
}

/// A text that is no TOML, as far as it can be read, if all of this section can be: then it says what it would say in
/// a whole text.
pub fn part_of(text: &str, section: &str, kinds: &SectionKinds) -> Option<String> {
    let text = Layout::plain(text);
    let salvage = Salvage::of(&text, kinds);
    let is_clear = |header: &String| {
        let file = File::parse(header, "").ok();
        let named = file.as_ref().and_then(|file| file.tops.first());
        named.is_some_and(|top| !messages::is_same(&top.name, section))
    };
    let is_whole = !salvage.has_broken_header && salvage.broken_below.iter().all(is_clear);
    let file = File::parse(&salvage.text, "").ok()?;
    let is_there = |top: &Top| messages::is_same(&top.name, section);
    // Its header may be within what was not understood.
    let is_seen = file.tops.iter().any(is_there) || !text.contains(section);
    (is_whole && is_seen).then_some(salvage.text)
}

impl Salvage {
    pub fn of(text: &str, kinds: &SectionKinds) -> Self {
        let mut salvage = Self::default();
        let mut state = State::default();
        let lines = lines(text);
        let mut at = 0;
        while at < lines.len() {
            let count = salvage.read(text, &lines[at..], &mut state, kinds);
            at += count.max(1);
        }
        salvage
    }

    /// Reads what begins with the first of these lines; says how many lines that were.
    fn read(
        &mut self,
        text: &str,
        lines: &[Range<usize>],
        state: &mut State,
        kinds: &SectionKinds,
    ) -> usize {
        let Some(line) = lines.first() else { return 1 };
        let words = text[line.clone()].trim();
        if let Some(fence) = state.fence {
            if let Some(end) = words.find(fence) {
                state.fence = None;
                state.is_after_loss = !words[end + fence.len()..].trim().is_empty();
            }
            self.lose(line.clone(), false);
            return 1;
        }
        if words.is_empty() {
            self.keep("");
            return 1;
        }
        if words.starts_with('#') {
            let start = line.start + text[line.clone()].find('#').unwrap_or(0);
            self.remarks.push(start..line.end);
            self.keep(&text[line.clone()]);
            return 1;
        }
        let most = if may_go_on(words) { LONGEST } else { 1 };
        let is_header = words.starts_with('[');
        for (index, last) in lines.iter().enumerate().take(most) {
            let span = line.start..last.end;
            let part = &text[span.clone()];
            let (mini, shift) = if is_header {
                (part.to_owned(), 0)
            } else {
                (format!("{}\n{part}", state.header), state.header.len() + 1)
            };
            let Ok(file) = File::parse(&mini, "") else {
                continue;
            };
            if is_header {
                part.trim().clone_into(&mut state.header);
            }
            state.is_after_loss = false;
            let back =
                |it: Range<usize>| it.start - shift + span.start..it.end - shift + span.start;
            let own = secrets::find(&file, kinds)
                .into_iter()
                .filter(|spot| spot.span.start >= shift);
            self.spots.extend(own.map(|spot| SecretSpot {
                span: back(spot.span.clone()),
                ..spot
            }));
            let remarks = scan::remarks(&mini)
                .into_iter()
                .filter(|it| it.start >= shift);
            self.remarks.extend(remarks.map(back));
            self.keep(part);
            return index + 1;
        }
        if is_header {
            self.has_broken_header = true;
            // Nobody knows whose keys stand below.
            state.broken += 1;
            state.header = format!("[\"not understood {}\"]", state.broken);
            self.text.push_str(&state.header);
        }
        self.broken_below.push(state.header.clone());
        let is_private = remark_secrets::mentions(words)
            || remark_secrets::mentions(&state.header)
            || state.is_after_loss;
        if is_private {
            state.is_after_loss = true;
            let fences = ["\"\"\"", "'''"].into_iter();
            state.fence = fences
                .filter(|fence| words.matches(fence).count() % 2 == 1)
                .min_by_key(|fence| words.find(fence));
            let equals = text[line.clone()].find('=').filter(|at| {
                let key = text[line.start..line.start + at].trim();
                let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
                !key.is_empty() && key.chars().all(is_key)
            });
            match equals {
                Some(at) => {
                    let from = line.start + at + 1;
                    let blank =
                        text[from..line.end].len() - text[from..line.end].trim_start().len();
                    if from + blank < line.end {
                        self.lost.push((from + blank..line.end, true));
                    }
                    self.text.push('\n');
                }
                None => self.lose(line.clone(), false),
            }
        } else {
            self.text.push('\n');
        }
        1
    }

    fn keep(&mut self, part: &str) {
        self.text.push_str(part);
        self.text.push('\n');
    }

    fn lose(&mut self, span: Range<usize>, is_value: bool) {
        self.text.push('\n');
        match self.lost.last_mut() {
            // One word for all lines that follow each other.
            Some((last, false)) if !is_value && last.end + 1 == span.start => last.end = span.end,
            _ if span.is_empty() => {}
            _ => self.lost.push((span, is_value)),
        }
    }
}

/// What is known at a line.
#[derive(Default)]
struct State {
    header: String,
    /// Headers that could not be read.
    broken: usize,
    /// The line above was not understood and is private, so that this one may be its end.
    is_after_loss: bool,
    /// What ends the text of several lines that this is within.
    fence: Option<&'static str>,
}

/// Whether a line may be the first of several.
fn may_go_on(line: &str) -> bool {
    line.contains(['[', '{']) || line.contains("\"\"\"") || line.contains("'''")
}

fn lines(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices('\n') {
        lines.push(start..at);
        start = at + 1;
    }
    lines.push(start..text.len());
    lines
}
