//! Where in the stream a byte stands, as far as masking has to know.

use std::ops::Range;

use super::names::{Kind, Name, Names};

/// The label of the last line of a block.
const CHECKSUM: &[u8] = b"Checksum";
/// Longest label that is told apart.
const LONGEST: usize = 16;
/// What command, payload and check byte of a frame add up to.
const SUM: u8 = 0x55;

/// A place in the stream.
#[derive(Debug, Default)]
pub struct Place {
    text: Text,
    label: Vec<u8>,
    digits: Option<Digits>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Text {
    /// Between blocks, or where the recording begins.
    #[default]
    Noise,
    Label,
    Value(Option<Kind>),
    Checksum,
}

/// The digits of a frame so far.
#[derive(Debug, Default)]
pub struct Digits {
    count: usize,
    /// Of the byte that is being read: as it came, and as it is written.
    byte: u8,
    new: u8,
    /// Where the digits of the last byte are, in the bytes at hand.
    high: Option<usize>,
    low: Option<usize>,
    register: u16,
    name: Option<Name>,
    /// Sum of all bytes as they came.
    sum: u8,
    /// What was added to all but the last byte.
    added: u8,
    /// Serial numbers at any place.
    serials: Vec<Range<usize>>,
}

impl Place {
    /// Whether a byte is a digit of a frame.
    pub fn is_digit(&self, byte: u8) -> bool {
        self.digits.is_some() && byte.is_ascii_hexdigit()
    }

    /// Ends the frame, if there is one, and makes its check byte as right as it was. True if this
    /// byte, which is no digit, belongs to it.
    pub fn end_frame(&mut self, byte: u8, masked: &mut [u8]) -> bool {
        let Some(digits) = self.digits.take() else {
            return false;
        };
        digits.seal(masked);
        !matches!(byte, b'\r' | b':')
    }

    /// The bytes at hand end here, and cannot be changed any more. A frame that lacks nothing but
    /// its end gets its check byte now.
    pub fn pause(&mut self, masked: &mut [u8]) {
        if let Some(digits) = &mut self.digits {
            if digits.sum == SUM {
                digits.seal(masked);
            }
            (digits.high, digits.low) = (None, None);
        }
    }

    /// The frame that has just begun has serial numbers there.
    pub fn expect(&mut self, serials: Vec<Range<usize>>) {
        if let Some(digits) = &mut self.digits {
            digits.serials = serials;
        }
    }

    /// What is being read, if it has to be replaced.
    pub fn value(&self) -> Option<Kind> {
        match self.text {
            Text::Noise => Some(Kind::Noise),
            Text::Value(kind) => kind,
            Text::Label | Text::Checksum => None,
        }
    }

    /// Takes a byte that belongs to no frame, but may begin one: then it is true.
    pub fn text(&mut self, byte: u8) -> bool {
        match (self.text, byte) {
            (Text::Checksum, _) => self.text = Text::Noise,
            (_, b':') => {
                self.digits = Some(Digits::default());
                return true;
            }
            (_, b'\r' | b'\n') => {
                self.text = Text::Label;
                self.label.clear();
            }
            (Text::Label, b'\t') if self.label == CHECKSUM => self.text = Text::Checksum,
            (Text::Label, b'\t') => self.text = Text::Value(Kind::of_label(&self.label)),
            (Text::Label, _) if self.label.len() < LONGEST => self.label.push(byte),
            _ => {}
        }
        false
    }

    /// Takes a digit; what to write instead.
    pub fn digit(&mut self, byte: u8, at: usize, names: &Names) -> u8 {
        self.digits
            .as_mut()
            .map_or(byte, |digits| digits.take(byte, at, names))
    }
}

impl Digits {
    fn take(&mut self, byte: u8, at: usize, names: &Names) -> u8 {
        let digit = (byte as char).to_digit(16).unwrap_or_default() as u8;
        let index = self.count;
        self.count = self.count.saturating_add(1);
        if index == 0 {
            self.sum = digit;
            return byte;
        }
        // A serial number that is shifted by half a byte: only frames that are damaged have that.
        let shifted =
            |range: &&Range<usize>| range.contains(&index) && range.start.is_multiple_of(2);
        if let Some(range) = self.serials.iter().find(shifted) {
            let is_low = (index - range.start) % 2 == 1;
            let value = if is_low { (digit + 1) % 10 } else { digit };
            return if is_low { hex(value) } else { byte };
        }
        if index % 2 == 1 {
            self.added = self.added.wrapping_add(self.new.wrapping_sub(self.byte));
            (self.byte, self.new) = (digit << 4, digit << 4);
            (self.high, self.low) = (Some(at), None);
            return byte;
        }
        self.byte |= digit;
        self.new = self.byte;
        self.low = Some(at);
        self.sum = self.sum.wrapping_add(self.byte);
        let number = index / 2 - 1;
        match number {
            0 => self.register = u16::from(self.byte),
            1 => self.register |= u16::from(self.byte) << 8,
            2 => self.name = Kind::of_register(self.register).map(Name::new),
            _ => {
                if self.serials.iter().any(|range| range.start == index - 1) {
                    self.name.get_or_insert_with(|| Name::new(Kind::Serial));
                }
                if let Some(name) = &mut self.name {
                    self.new = names.replace(name, self.byte);
                }
            }
        }
        if self.new == self.byte {
            byte
        } else {
            hex(self.new & 0xf)
        }
    }

    /// Makes the check byte as right as it was. The last byte is that; what was made of it does not
    /// count.
    fn seal(&self, masked: &mut [u8]) {
        let is_whole = self.count >= 3 && self.count % 2 == 1;
        let check = self.byte.wrapping_sub(self.added);
        if !is_whole || (check == self.byte && self.new == self.byte) {
            return;
        }
        for (at, digit) in [(self.high, check >> 4), (self.low, check & 0xf)] {
            if let Some(place) = at.and_then(|at| masked.get_mut(at)) {
                *place = hex(digit);
            }
        }
    }
}

/// Devices take upper case only.
const fn hex(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'A' + value - 10,
    }
}
