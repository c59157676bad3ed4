//! The lines of a file that may be anything: none is longer than what is kept of it, and none that is no text gets
//! through.

use std::io::{self, BufRead};

use super::row::{RefusedLine, RowRefusal};

/// No line of a file that is imported is longer, in bytes.
pub const LONGEST_LINE: usize = 4096;

/// Lines, counted from 1.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub const fn new(input: R) -> Self {
        Self { input, number: 0 }
    }

    /// The number of the last line.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end, or why it cannot be used; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Result<String, RefusedLine>>> {
        let mut line = Vec::new();
        let mut is_too_long = false;
        let mut is_there = false;
        loop {
            let piece = match self.input.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if piece.is_empty() {
                break;
            }
            is_there = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(piece.len(), |end| end + 1);
            let room = (LONGEST_LINE + 1).saturating_sub(line.len());
            let text = piece.get(..end.unwrap_or(used)).unwrap_or_default();
            is_too_long |= text.len() > room;
            line.extend(text.iter().take(room));
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !is_there {
            return Ok(None);
        }
        self.number += 1;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if is_too_long || line.len() > LONGEST_LINE {
            return Ok(Some(Err(self.refused(RowRefusal::TooLong(LONGEST_LINE)))));
        }
        let is_text = |text: &String| !text.contains(|c: char| c.is_control() && c != '\t');
        let text = String::from_utf8(line).ok().filter(is_text);
        Ok(Some(text.ok_or_else(|| self.refused(RowRefusal::NoText))))
    }

    /// Says it of the last line.
    pub const fn refused(&self, why: RowRefusal) -> RefusedLine {
        RefusedLine {
            line: self.number,
            why,
        }
    }
}
