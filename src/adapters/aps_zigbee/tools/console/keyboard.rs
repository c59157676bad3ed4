//! The lines that are typed, and what is said between them: with editing and a history on a terminal, plain where
//! it is none.

use std::io::{BufRead, ErrorKind, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};

use super::history::LineHistory;
use super::session::Voice;
use super::typed::TypedLine;
use crate::device::ToolError;
use crate::terminal::{say, visible};

/// Lines that are read ahead of what is done with them.
const AHEAD: usize = 64;
/// Bytes of a line at most; a frame in hexadecimal digits needs less than a thousand.
const LONGEST: usize = 16 * 1024;
const PROMPT: &str = "> ";

/// Who types, and who shows what is said.
pub struct Keyboard {
    pub typed: Receiver<String>,
    pub voice: Voice,
    /// Whether nobody reads any more what is said.
    pub is_unheard: Arc<AtomicBool>,
    /// Whether somebody sits there.
    pub is_terminal: bool,
    /// Gives the terminal back as it was.
    pub terminal: KeptTerminal,
}

impl Keyboard {
    /// That of this program. Lines are read by a thread of its own, since nobody can be kept from not typing.
    ///
    /// # Errors
    /// If the terminal cannot be used.
    pub fn open(history: LineHistory) -> Result<Self, ToolError> {
        let terminal = KeptTerminal::new();
        let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let is_unheard = Arc::default();
        let (voice, typed) = if is_terminal {
            edited(history)?
        } else {
            plain(&is_unheard)
        };
        Ok(Self {
            typed,
            voice,
            is_unheard,
            is_terminal,
            terminal,
        })
    }
}

fn plain(is_unheard: &Arc<AtomicBool>) -> (Voice, Receiver<String>) {
    let (sender, typed) = mpsc::sync_channel(AHEAD);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(line)) = next_line(&mut input) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let is_unheard = Arc::clone(is_unheard);
    let voice = move |words: &str| {
        if !say(words) {
            is_unheard.store(true, Ordering::Relaxed);
        }
    };
    (Box::new(voice), typed)
}

/// The next line, until there is none. What is no text, or too long for a line, becomes one that is not understood.
fn next_line(input: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut is_whole = false;
    let mut is_too_long = false;
    let mut is_there = false;
    while !is_whole {
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            break;
        }
        is_there = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        is_whole = end.is_some();
        let length = end.unwrap_or(piece.len());
        is_too_long |= line.len() + length > LONGEST;
        if !is_too_long {
            line.extend_from_slice(piece.get(..length).unwrap_or_default());
        }
        input.consume(if is_whole { length + 1 } else { length });
    }
    Ok(is_there.then(|| {
        if is_too_long {
            char::REPLACEMENT_CHARACTER.to_string()
        } else {
            String::from_utf8_lossy(&line).into_owned()
        }
    }))
}

fn edited(history: LineHistory) -> Result<(Voice, Receiver<String>), ToolError> {
    let mut editor = DefaultEditor::new()?;
    for line in history.lines() {
        let _ = editor.add_history_entry(line);
    }
    let printer = Mutex::new(editor.create_external_printer()?);
    let (sender, typed) = mpsc::sync_channel(AHEAD);
    std::thread::spawn(move || {
        loop {
            match editor.readline(PROMPT) {
                Ok(line) => {
                    if matches!(editor.add_history_entry(line.as_str()), Ok(true)) {
                        history.add(&line);
                    }
                    // After it nobody reads, so that the terminal is left as it was.
                    let is_end = TypedLine::read(&line) == Ok(TypedLine::Quit);
                    if sender.send(line).is_err() || is_end {
                        return;
                    }
                }
                Err(ReadlineError::Signal(rustyline::error::Signal::Resize)) => {}
                // Bytes that are no text.
                Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                    let line = char::REPLACEMENT_CHARACTER.to_string();
                    if sender.send(line).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    });
    let voice = move |words: &str| {
        let line = format!("{}\n", visible(words));
        if let Ok(mut printer) = printer.lock() {
            let _ = printer.print(line);
        }
    };
    Ok((Box::new(voice), typed))
}

/// How the terminal was before anybody edited lines on it; so it is again when this is dropped.
pub struct KeptTerminal {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl KeptTerminal {
    #[cfg(unix)]
    fn new() -> Self {
        let before = rustix::termios::tcgetattr(std::io::stdin()).ok();
        Self { before }
    }

    #[cfg(not(unix))]
    const fn new() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for KeptTerminal {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// All lines, when so many bytes come at once.
    fn lines(bytes: &[u8], at_once: usize) -> Vec<String> {
        let mut input = std::io::BufReader::with_capacity(at_once, Cursor::new(bytes));
        std::iter::from_fn(|| next_line(&mut input).unwrap()).collect()
    }

    #[test]
    fn what_is_no_text_is_a_line_that_is_not_understood() {
        for at_once in [1, 3, 1000] {
            let text = b"ping\n\nhel\xffp\nversion\r\nlast";
            assert_eq!(
                lines(text, at_once),
                ["ping", "", "hel\u{fffd}p", "version\r", "last"]
            );
            let long = [&[b'x'; LONGEST + 1][..], b" quit\nping\n"].concat();
            assert_eq!(lines(&long, at_once), ["\u{fffd}", "ping"]);
        }
        assert_eq!(lines(b"", 1), [""; 0]);
        for line in ["\u{fffd}", "help \u{fffd}", "quit\u{fffd}"] {
            let why = TypedLine::read(line).unwrap_err();
            assert!(why.contains("not understood"), "{line}: {why}");
        }
    }
}
