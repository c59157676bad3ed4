//! Finds blocks and frames in the stream, whatever lies between them.
//!
//! A block that lies in one piece of the stream is delivered from where it lies; only what is cut, by
//! the end of a piece or by a HEX frame, is copied. Nothing is allocated after the start.
//!
//! What a lost or turned byte may cost is the block it was in. So a block with a broken line is not
//! left before its checksum byte: its rest, taken for a block of its own, would have the right sum
//! once in 256 times. And where the line of the checksum itself is lost, the next block is found by
//! the label `PID`, which devices send first.

mod piece;

use self::piece::{ENDS_LABEL, ENDS_NOISE, ENDS_VALUE, Piece};
use super::block::{Block, Event, Reason, Refused, Span};
use crate::adapters::victron::wire::hex::{Collector, Frame};

/// Fields that a block may have; devices send up to 22.
pub const MAX_FIELDS: usize = 40;
/// Bytes that a label may have; devices send up to 8.
pub const MAX_LABEL: usize = 16;
/// Bytes that a value may have; devices send up to 32.
pub const MAX_VALUE: usize = 64;

/// The label of the last line.
pub const CHECKSUM: &[u8] = b"Checksum";
/// The label of the first line, where a device says what it is.
const PRODUCT: &[u8] = b"PID";

/// `\r\n`, label, TAB and value.
const MAX_LINE: usize = 2 + MAX_LABEL + 1 + MAX_VALUE;
const MAX_BLOCK: usize = (MAX_FIELDS + 1) * MAX_LINE;

/// Pulls blocks and frames out of bytes pushed in pieces of any size. The outcome depends on the
/// bytes only, never on how they were cut.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// A HEX frame is being read; `state` is what it interrupted.
    in_hex: bool,
    /// Bytes pushed before the present piece.
    offset: u64,
    /// Where in the stream the open block begins.
    begun: u64,
    /// Where in the stream the present line begins.
    line: u64,
    hex_begun: u64,
    /// The open block up to the present run of bytes; of a faulty block the present line alone.
    carry: Vec<u8>,
    spans: Vec<Span>,
    /// Places in the block.
    label_at: usize,
    value_at: usize,
    fault: Option<Reason>,
    second: Option<Second>,
    hex: Collector,
    noise: u64,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A block.
    Idle,
    /// The second byte of a line.
    Newline,
    /// A label or its end.
    Label,
    /// A value or its end.
    Value,
    /// The checksum byte.
    Checksum,
}

/// A block that begins inside another one, whose end was lost.
#[derive(Debug, Clone, Copy)]
struct Second {
    offset: u64,
    /// Place of its first byte.
    at: usize,
    /// Number of its first field.
    field: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Idle,
            in_hex: false,
            offset: 0,
            begun: 0,
            line: 0,
            hex_begun: 0,
            carry: Vec::with_capacity(MAX_BLOCK),
            spans: Vec::with_capacity(MAX_FIELDS),
            label_at: 0,
            value_at: 0,
            fault: None,
            second: None,
            hex: Collector::default(),
            noise: 0,
        }
    }

    /// Adds bytes of the stream, and tells what they complete, in the order of the wire.
    pub fn push<F: FnMut(Event<'_>)>(&mut self, bytes: &[u8], mut on: F) {
        let mut piece = Piece {
            bytes,
            at: 0,
            run: 0,
        };
        while let Some(byte) = bytes.get(piece.at) {
            if self.in_hex {
                self.hex(&mut piece, &mut on);
                continue;
            }
            match self.state {
                State::Idle => self.idle(&mut piece),
                State::Newline => self.newline(&mut piece, *byte),
                State::Label => self.label(&mut piece, &mut on),
                State::Value => self.value(&mut piece, &mut on),
                State::Checksum => self.checksum(&mut piece, *byte, &mut on),
            }
        }
        if !self.in_hex {
            self.keep(&mut piece);
        }
        self.offset += bytes.len() as u64;
    }

    /// Gives up the block or frame in progress, if there is one: no more bytes will come, or none
    /// have come for several seconds. What comes next is read afresh.
    pub fn finish<F: FnMut(Event<'_>)>(&mut self, mut on: F) {
        if self.in_progress() {
            let open = self.state != State::Idle;
            on(Event::Refused(Refused {
                offset: if open { self.begun } else { self.hex_begun },
                reason: Reason::Incomplete,
            }));
        }
        self.in_hex = false;
        self.close();
    }

    /// A block or a frame has begun and not ended.
    #[must_use]
    pub fn in_progress(&self) -> bool {
        self.in_hex || self.state != State::Idle
    }

    /// Bytes held of the block in progress.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.carry.len()
    }

    /// Bytes so far that were part of no block and no frame, whole or damaged.
    #[must_use]
    pub fn noise(&self) -> u64 {
        self.noise
    }

    /// Place in the block of the next byte.
    fn place(&self, piece: &Piece<'_>) -> usize {
        self.carry.len() + (piece.at - piece.run)
    }

    fn current_label<'a, 'b: 'a>(&'a mut self, piece: &mut Piece<'b>) -> &'a [u8] {
        let text = if self.carry.is_empty() {
            piece.run()
        } else {
            self.keep(piece);
            self.carry.as_slice()
        };
        text.get(self.label_at..).unwrap_or_default()
    }

    /// Copies what is left of the present run, if it may still be needed.
    fn keep(&mut self, piece: &mut Piece<'_>) {
        let needed = match self.state {
            State::Idle => false,
            State::Newline | State::Label => true,
            State::Value | State::Checksum => self.fault.is_none(),
        };
        if needed {
            self.carry.extend_from_slice(piece.run());
        }
        piece.run = piece.at;
    }

    /// Begins a block at a CR.
    fn open(&mut self, piece: &mut Piece<'_>) {
        self.close();
        self.begun = self.offset + piece.at as u64;
        piece.run = piece.at;
        self.next_line(piece);
    }

    fn close(&mut self) {
        self.state = State::Idle;
        self.carry.clear();
        self.spans.clear();
        self.fault = None;
        self.second = None;
    }

    /// Begins a line at a CR.
    fn next_line(&mut self, piece: &mut Piece<'_>) {
        if self.fault.is_some() {
            self.carry.clear();
            piece.run = piece.at;
        }
        self.line = self.offset + piece.at as u64;
        self.state = State::Newline;
        piece.at += 1;
    }

    /// Begins a line of a faulty block whose CR or LF is missing.
    fn line_without_start(&mut self, piece: &mut Piece<'_>) {
        self.carry.clear();
        piece.run = piece.at;
        self.label_at = 0;
        self.state = State::Label;
    }

    /// Notes that the open block is faulty. One without a single whole line never was a block: that
    /// is left, and the answer is false.
    fn broken(&mut self, piece: &mut Piece<'_>, reason: Reason) -> bool {
        if self.fault.is_none() && self.spans.is_empty() {
            self.noise += self.offset + piece.at as u64 - self.begun;
            self.close();
            return false;
        }
        self.fault.get_or_insert(reason);
        true
    }

    fn refuse<F: FnMut(Event<'_>)>(&mut self, reason: Reason, on: &mut F) {
        let offset = self.begun;
        on(Event::Refused(Refused { offset, reason }));
        self.spans.clear();
        self.second = None;
    }

    fn idle(&mut self, piece: &mut Piece<'_>) {
        let begin = piece.at;
        let end = piece.find(&ENDS_NOISE);
        self.noise += (piece.at - begin) as u64;
        match end {
            Some(b':') => self.begin_hex(piece),
            Some(_) => self.open(piece),
            None => {}
        }
    }

    fn newline(&mut self, piece: &mut Piece<'_>, byte: u8) {
        match byte {
            b'\n' => {
                piece.at += 1;
                self.state = State::Label;
                self.label_at = self.place(piece);
            }
            b':' => self.begin_hex(piece),
            _ if !self.broken(piece, Reason::Line) => {}
            b'\r' => self.next_line(piece),
            _ => self.line_without_start(piece),
        }
    }

    fn label<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
        let end = piece.find(&ENDS_LABEL);
        if self.place(piece) - self.label_at > MAX_LABEL {
            if self.broken(piece, Reason::LongLabel) {
                self.state = State::Value;
            }
            return;
        }
        match end {
            None => {}
            Some(b'\t') => self.end_of_label(piece, on),
            Some(b':') => self.begin_hex(piece),
            Some(b'\r') => {
                if self.current_label(piece).starts_with(CHECKSUM) {
                    let reason = self.fault.unwrap_or(Reason::NoChecksum);
                    self.refuse(reason, on);
                    self.open(piece);
                } else if self.broken(piece, Reason::Line) {
                    self.next_line(piece);
                }
            }
            Some(byte) => self.stray(piece, byte),
        }
    }

    fn end_of_label<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
        let label = self.current_label(piece);
        let (empty, last, product) = (label.is_empty(), label == CHECKSUM, label == PRODUCT);
        if last {
            self.state = State::Checksum;
            piece.at += 1;
            return;
        }
        if empty && !self.broken(piece, Reason::Line) {
            return;
        }
        let line_at = self.label_at.wrapping_sub(2);
        if product && self.fault.is_some() && line_at == 0 {
            if let Some(reason) = self.fault.take() {
                self.refuse(reason, on);
            }
            self.begun = self.line;
        } else if product && !self.spans.is_empty() {
            self.second = Some(Second {
                offset: self.line,
                at: line_at,
                field: self.spans.len(),
            });
        }
        piece.at += 1;
        self.state = State::Value;
        self.value_at = self.place(piece);
    }

    fn value<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
        let end = piece.find(&ENDS_VALUE);
        if self.fault.is_none() && self.place(piece) - self.value_at > MAX_VALUE {
            self.broken(piece, Reason::LongValue);
            return;
        }
        match end {
            None => {}
            Some(b'\r') => {
                if self.fault.is_none() {
                    self.end_of_value(piece, on);
                }
                self.next_line(piece);
            }
            Some(b':') => self.begin_hex(piece),
            Some(byte) => self.stray(piece, byte),
        }
    }

    fn end_of_value<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
        let full = self.spans.len() == MAX_FIELDS;
        if full && !self.begin_at_second(piece, Reason::TooManyFields, on) {
            self.fault = Some(Reason::TooManyFields);
            return;
        }
        let end = self.place(piece);
        self.spans
            .push(Span::new(self.label_at, self.value_at, end));
    }

    fn checksum<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, byte: u8, on: &mut F) {
        piece.at += 1;
        let good = self.deliver(piece, on);
        self.close();
        if !good && byte == b'\r' {
            // The checksum byte may be what was lost: this may begin the next block.
            piece.at -= 1;
            self.open(piece);
        }
    }

    /// Judges the block that has just ended; true if nothing was wrong with it.
    fn deliver<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) -> bool {
        if let Some(reason) = self.fault {
            self.refuse(reason, on);
            return false;
        }
        let text = if self.carry.is_empty() {
            piece.run()
        } else {
            self.keep(piece);
            self.carry.as_slice()
        };
        let total = sum(text);
        if total == 0 {
            on(Event::Block(Block {
                offset: self.begun,
                text,
                spans: &self.spans,
            }));
            return true;
        }
        if self.begin_at_second(piece, Reason::Checksum(total), on) {
            return self.deliver(piece, on);
        }
        self.refuse(Reason::Checksum(total), on);
        false
    }

    /// Gives up the first of two blocks that run into each other, if there are two.
    fn begin_at_second<F: FnMut(Event<'_>)>(
        &mut self,
        piece: &mut Piece<'_>,
        reason: Reason,
        on: &mut F,
    ) -> bool {
        let Some(second) = self.second.take() else {
            return false;
        };
        on(Event::Refused(Refused {
            offset: self.begun,
            reason,
        }));
        if self.carry.is_empty() {
            piece.run += second.at;
        } else {
            self.keep(piece);
            self.carry.drain(..second.at.min(self.carry.len()));
        }
        self.spans.drain(..second.field.min(self.spans.len()));
        for span in &mut self.spans {
            *span = span.moved(second.at);
        }
        self.label_at = self.label_at.saturating_sub(second.at);
        self.value_at = self.value_at.saturating_sub(second.at);
        self.begun = second.offset;
        true
    }

    fn begin_hex(&mut self, piece: &mut Piece<'_>) {
        self.keep(piece);
        self.in_hex = true;
        self.hex_begun = self.offset + piece.at as u64;
        self.hex.clear();
        piece.at += 1;
    }

    fn hex<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
        let rest = piece.bytes.get(piece.at..).unwrap_or_default();
        let mut end = None;
        for byte in rest {
            if !self.hex.push(*byte) {
                end = Some(*byte);
                break;
            }
            piece.at += 1;
        }
        let Some(end) = end else { return };
        // Usually LF. Others have been seen in its place; these two begin something of their own.
        if !matches!(end, b'\r' | b':') {
            piece.at += 1;
        }
        self.in_hex = false;
        piece.run = piece.at;
        match self.hex.finish() {
            Ok((command, payload)) => on(Event::Hex(Frame {
                offset: self.hex_begun,
                command,
                payload,
            })),
            Err(error) => {
                on(Event::Refused(Refused {
                    offset: self.hex_begun,
                    reason: Reason::Hex(error),
                }));
                // A `:` that a byte of the block was turned into hides what follows it.
                if self.state != State::Idle {
                    self.broken(piece, Reason::Interrupted);
                }
            }
        }
    }

    /// Takes a byte that a line cannot have.
    fn stray(&mut self, piece: &mut Piece<'_>, byte: u8) {
        if self.broken(piece, Reason::Line) {
            piece.at += 1;
            if byte == b'\n' {
                self.line_without_start(piece);
            }
        }
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}
