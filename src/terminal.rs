//! What commands say to the user. The log is somewhere else.
//!
//! Whatever is said may hold words from outside: from the broker, from a device, from a file. Nothing
//! in them is obeyed by a terminal, or makes a line that nobody wrote.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// Target of log lines that somebody else, on the broker for instance, can cause as often as they
/// like: one of each kind is written in a minute, with how many there were.
pub const OUTSIDE: &str = "wattbridge::outside";

/// Says something that was asked for, and ends the line, on standard output. False when nobody reads any more, as after `| head`, which is
/// no trouble: there is nobody left to tell. False too when the disk is full,
/// which [`lost_words`] tells at the end.
pub fn say(text: &str) -> bool {
    let Err(error) = writeln!(std::io::stdout().lock(), "{}", visible(text)) else {
        return true;
    };
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        let _ = LOST.set(error);
    }
    false
}

/// Why not all that was said on standard output got there, unless nobody reads it any more.
pub fn lost_words() -> Option<&'static std::io::Error> {
    LOST.get()
}

static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Says something that is no result, and ends the line, on standard error.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

/// The same as the last thing of all; does not wait for a reader who does not read.
pub fn last_words(text: String) {
    let (said, is_said) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        remark(&text);
        let _ = said.send(());
    });
    let _ = is_said.recv_timeout(Duration::from_secs(2));
}

/// A text as it may be shown: what a terminal would obey is spelt out, lines and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_harmless = |c: char| !is_obeyed(c) || c == '\n' || c == '\t';
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    Cow::Owned(shown)
}

/// A line of JSON as it may be shown, still the same JSON: what a terminal would obey is spelt out in its
/// texts. JSON itself does that with the first 32 characters only.
pub fn visible_json(line: &str) -> Cow<'_, str> {
    let is_foul = |c: char| c != '\n' && is_obeyed(c);
    if !line.contains(is_foul) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        if is_foul(c) {
            // All of them have four digits at most.
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Spells out everything that a terminal would obey, line breaks too, on the way to `W`.
pub struct OneLine<W>(pub W);

impl<W: fmt::Write> fmt::Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_obeyed) {
            self.0.write_str(&rest[..at])?;
            let mut behind = rest[at..].chars();
            if let Some(c) = behind.next() {
                write!(self.0, "{}", c.escape_default())?;
            }
            rest = behind.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Control characters, and those that turn the direction of a text or break a line without being one.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        assert_eq!(visible("a\tb\nü ° … 電"), "a\tb\nü ° … 電");
        assert_eq!(
            visible("\u{1b}[2J\r\u{7}\u{9b}31m\u{202e}x"),
            "\\u{1b}[2J\\r\\u{7}\\u{9b}31m\\u{202e}x"
        );
        let mut line = OneLine(String::new());
        line.write_str("a\nb\r\n\u{1b}]0;x").unwrap();
        assert_eq!(line.0, "a\\nb\\r\\n\\u{1b}]0;x");
    }

    proptest! {
        #[test]
        fn no_text_is_obeyed(text: String) {
            let shown = visible(&text);
            prop_assert!(shown.chars().all(|c| !is_obeyed(c) || c == '\n' || c == '\t'));
            let mut line = OneLine(String::new());
            line.write_str(&text).unwrap();
            prop_assert!(!line.0.contains(is_obeyed));
        }
    }
}
