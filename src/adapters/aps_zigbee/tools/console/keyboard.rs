//! The lines that are typed, and what is said between them: with editing and a history on a terminal, plain where
//! it is none.

use std::io::{BufRead, IsTerminal};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};

use super::history::LineHistory;
use super::session::Voice;
use super::typed::TypedLine;
use crate::device::ToolError;
use crate::terminal::{say, visible};

/// Lines that are read ahead of what is done with them.
const AHEAD: usize = 64;
const PROMPT: &str = "> ";

/// Who types, and who shows what is said.
pub struct Keyboard {
    pub typed: Receiver<String>,
    pub voice: Voice,
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
        let (voice, typed) = if is_terminal {
            edited(history)?
        } else {
            plain()
        };
        Ok(Self {
            typed,
            voice,
            is_terminal,
            terminal,
        })
    }
}

fn plain() -> (Voice, Receiver<String>) {
    let (sender, typed) = mpsc::sync_channel(AHEAD);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else {
                return;
            };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let voice = |words: &str| {
        say(words);
    };
    (Box::new(voice), typed)
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
