//! What editors in a browser do not keep of a text.

use std::borrow::Cow;

/// How a file is written, beside its words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    has_mark: bool,
    has_windows_ends: bool,
}

const MARK: char = '\u{feff}';

impl Layout {
    /// That of a text.
    pub fn of(text: &str) -> Self {
        let ends = text.matches('\n').count();
        Self {
            has_mark: text.starts_with(MARK),
            has_windows_ends: ends > 0 && text.matches("\r\n").count() == ends,
        }
    }

    /// A text without it: the lines end as on Unix.
    pub fn plain(text: &str) -> Cow<'_, str> {
        let text = text.strip_prefix(MARK).unwrap_or(text);
        if text.contains("\r\n") {
            Cow::Owned(text.replace("\r\n", "\n"))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// A plain text with it.
    pub fn dress(self, plain: &str) -> String {
        let mut text = String::with_capacity(plain.len() + 3);
        if self.has_mark {
            text.push(MARK);
        }
        if self.has_windows_ends {
            text.push_str(&plain.replace('\n', "\r\n"));
        } else {
            text.push_str(plain);
        }
        text
    }
}
