//! Labelled dumps of bytes, for people who look for a mistake.
//!
//! ```text
//!     0  68 1a 1a 68                          start       M-Bus long frame
//! offset bytes in hexadecimal, 12 in a line   name        value
//! ```
//!
//! The columns of a name are as wide as the names of a protocol ask for.

use std::fmt::{Display, Write};

use super::Hex;

/// Bytes in a line; longer fields go on in the next one.
const WIDTH: usize = 12;
/// Columns those bytes take.
pub const HEX: usize = WIDTH * 3 - 1;

/// A dump that grows field by field, from the first byte to the last.
#[derive(Debug)]
pub struct Dump<'a> {
    bytes: &'a [u8],
    at: usize,
    names: usize,
    out: String,
}

impl<'a> Dump<'a> {
    /// Nothing yet of these bytes; the column of names is so wide.
    pub const fn new(bytes: &'a [u8], names: usize) -> Self {
        Self {
            bytes,
            at: 0,
            names,
            out: String::new(),
        }
    }

    /// All bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the next field begins.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The bytes that are not shown yet.
    pub fn left(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte; 0 behind the end.
    pub fn peek(&self) -> u8 {
        self.left().first().copied().unwrap_or(0)
    }

    /// Shows the next so many bytes, or what is left of them; none is no line.
    pub fn field(&mut self, length: usize, name: &str, value: impl Display) {
        let left = self.left();
        let field = left.get(..length).unwrap_or(left);
        let (mut name, mut value) = (name, value.to_string());
        for line in field.chunks(WIDTH) {
            let hex = Hex::of(line).with(" ");
            self.line(&hex.to_string(), name, &value);
            self.at += line.len();
            (name, value) = ("", String::new());
        }
    }

    /// Shows all that is left; if that is nothing, name and value all the same.
    pub fn rest(&mut self, name: &str, value: impl Display) {
        if self.left().is_empty() {
            self.line("", name, &value.to_string());
        }
        self.field(self.left().len(), name, value);
    }

    /// A further remark about the bytes before.
    pub fn note(&mut self, name: &str, value: impl Display) {
        self.line("", name, &value.to_string());
    }

    fn line(&mut self, hex: &str, name: &str, value: &str) {
        let (at, names) = (self.at, self.names);
        let text = format!("{at:>5}  {hex:<HEX$}  {name:<names$}  {value}");
        let _ = writeln!(self.out, "{}", text.trim_end());
    }

    /// The text.
    pub fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_a_line_and_a_long_one_several() {
        let bytes: Vec<u8> = (0..15).collect();
        let mut dump = Dump::new(&bytes, 6);
        dump.field(1, "tag", "first");
        assert_eq!((dump.at(), dump.peek()), (1, 1));
        dump.field(0, "none", "is not shown");
        dump.field(13, "long", 13);
        dump.field(99, "short", "");
        dump.rest("end", "nothing left");
        let blank = " ".repeat(HEX);
        let expected = [
            format!("    0  {:<HEX$}  tag     first\n", "00"),
            "    1  01 02 03 04 05 06 07 08 09 0a 0b 0c  long    13\n".to_owned(),
            "   13  0d\n".to_owned(),
            format!("   14  {:<HEX$}  short\n", "0e"),
            format!("   15  {blank}  end     nothing left\n"),
        ];
        assert_eq!(dump.finish(), expected.concat());
    }
}
