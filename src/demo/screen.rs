//! The terminal on which the picture of the demo is drawn, from its top, again and again.
//!
//! Nothing is asked of the terminal but to move the cursor: what was on it before is scrolled up and kept,
//! the picture stays when the demo ends, and keys that are hit or a new size are drawn over.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::Term;

use super::picture::ScreenLine;
use crate::terminal::remark;

/// Entries of the log that are kept to be told at the end.
const KEPT: usize = 200;

/// A terminal that shows a picture until it is dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Term,
    colours: bool,
    log: LogWriter,
    is_open: bool,
}

impl Screen {
    /// The standard output, if it is a terminal that can move its cursor.
    pub fn open(log: LogWriter) -> Option<Self> {
        let terminal = Term::buffered_stdout();
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        (terminal.is_term() && !is_dumb).then(|| Self {
            terminal,
            colours: console::colors_enabled(),
            log,
            is_open: false,
        })
    }

    /// Rows and columns.
    pub fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.terminal.size();
        (rows.into(), columns.into())
    }

    /// What was logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().clone().unwrap_or_default()
    }

    /// Draws over what was there. An error means that the terminal is gone.
    pub fn draw(&mut self, lines: &[ScreenLine]) -> io::Result<()> {
        if !self.is_open {
            self.is_open = true;
            let (rows, _) = self.size();
            self.terminal
                .write_str(&"\n".repeat(rows.saturating_sub(1)))?;
            self.terminal.hide_cursor()?;
        }
        self.terminal.move_cursor_to(0, 0)?;
        for line in lines {
            self.terminal.clear_line()?;
            self.terminal.write_line(&line.render(self.colours))?;
        }
        self.terminal.clear_to_end_of_screen()?;
        self.terminal.flush()
    }

    /// Gives the terminal back. The picture stays.
    fn leave(&mut self) {
        if std::mem::take(&mut self.is_open) {
            // A terminal that is gone needs nothing back. The keys that ended it stand in the last line.
            let _ = self.terminal.write_line("");
            let _ = self.terminal.show_cursor();
            let _ = self.terminal.flush();
        }
    }
}

impl Drop for Screen {
    /// What was logged is told once more, in full.
    fn drop(&mut self) {
        self.leave();
        let entries = self.log.lock().take().unwrap_or_default();
        for entry in entries {
            remark(&entry);
        }
    }
}

/// Takes the log for a screen, so that it does not tear the picture. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogWriter {
    /// `None` when there is no screen any more: from then on it goes where it always goes.
    entries: Arc<Mutex<Option<Vec<String>>>>,
}

impl Default for LogWriter {
    fn default() -> Self {
        Self {
            entries: Arc::new(Mutex::new(Some(Vec::new()))),
        }
    }
}

impl LogWriter {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        match self.lock().as_mut() {
            Some(entries) => {
                entries.extend(text.lines().map(str::to_owned));
                let more = entries.len().saturating_sub(KEPT);
                entries.drain(..more);
            }
            None => text.lines().for_each(remark),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
