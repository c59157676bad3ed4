//! Secrets in remarks: sections that are switched off keep their passwords.
//!
//! Nobody can parse a remark, so that in doubt it is not shown. What this program itself writes into a first file
//! is no secret, whatever words are in it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::secret_words;
use super::super::validate;

/// A remark of which something is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VeiledRemark {
    /// All of it, from its `#`.
    pub whole: Range<usize>,
    /// What is not shown.
    pub veiled: Range<usize>,
    /// Whether that is a value, which may stand in quotes then.
    pub is_value: bool,
}

/// What may be shown of remarks, in the order of the text.
///
/// `has_secret` says whether a secret stands in the line with this place.
pub fn find(
    text: &str,
    remarks: &[Range<usize>],
    public: &BTreeSet<String>,
    known: &[&str],
    has_secret: impl Fn(&Range<usize>) -> bool,
) -> Vec<VeiledRemark> {
    let mut found = Vec::new();
    let mut block = RemarkBlock::default();
    for whole in remarks {
        let line = line_around(text, whole.start);
        let is_alone = text[line.start..whole.start].trim().is_empty();
        let follows = block.end + 1 == line.start;
        block.end = line.end;
        if !is_alone || !follows {
            block = RemarkBlock {
                end: line.end,
                ..RemarkBlock::default()
            };
        }
        let remark = &text[whole.clone()];
        let body = remark.trim_start_matches('#').trim();
        if body.is_empty() {
            continue;
        }
        if public.contains(body) {
            block.is_open = false;
            continue;
        }
        let start = whole.start + remark.find(body).unwrap_or(1);
        let all = start..start + body.len();
        let is_told = known.iter().any(|secret| body.contains(secret));
        let is_private = is_told || mentions(body);
        let veil = if is_alone {
            block.veil(body, is_private)
        } else if is_private || has_secret(&line) {
            Some(Veil::All)
        } else {
            None
        };
        match veil {
            None => {}
            Some(Veil::All) => found.push(VeiledRemark {
                whole: whole.clone(),
                veiled: all,
                is_value: false,
            }),
            Some(Veil::Value(at)) => found.push(VeiledRemark {
                whole: whole.clone(),
                veiled: start + at..all.end,
                is_value: true,
            }),
        }
    }
    found
}

/// Remarks on lines that follow each other.
#[derive(Default)]
struct RemarkBlock {
    end: usize,
    /// Something secret has begun, and nobody knows where it ends.
    is_open: bool,
    /// All values below belong to a table with a name like `keys`.
    is_private: bool,
}

enum Veil {
    All,
    /// From this byte of the remark's words.
    Value(usize),
}

impl RemarkBlock {
    fn veil(&mut self, body: &str, is_private: bool) -> Option<Veil> {
        if is_header(body) {
            self.is_open = false;
            self.is_private = secret_words::is_secret(body);
            return validates_as_key(body).then_some(Veil::All);
        }
        if self.is_open {
            return Some(Veil::All);
        }
        let value = value_of(body);
        if !is_private && (!self.is_private || value.is_none()) {
            return None;
        }
        match value {
            Some(at) => Some(Veil::Value(at)),
            None => {
                self.is_open = true;
                Some(Veil::All)
            }
        }
    }
}

/// Whether words tell of a secret.
pub fn mentions(body: &str) -> bool {
    secret_words::mentions(body) || validates_as_key(body)
}

/// Whether there are as many hexadecimal digits in a row as keys have.
fn validates_as_key(body: &str) -> bool {
    let words = body.split(|c: char| !c.is_ascii_hexdigit() && c != '\\' && c != 'x');
    words.into_iter().any(validate::are_key)
}

fn is_header(body: &str) -> bool {
    body.starts_with('[') && body.ends_with(']') && !body.contains('=')
}

/// Where the value of `key = value` begins, if that is all there is.
fn value_of(body: &str) -> Option<usize> {
    let (key, value) = body.split_once('=')?;
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_plain = !key.trim().is_empty() && key.trim().chars().all(is_key);
    let blank = value.len() - value.trim_start().len();
    let is_whole =
        toml::de::DeTable::parse(body).is_ok() || !value.trim().contains(['[', '{', '"', '\'']);
    (is_plain && is_whole && !value.trim().is_empty()).then(|| key.len() + 1 + blank)
}

fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}
