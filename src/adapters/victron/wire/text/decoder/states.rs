//! What each byte means, by what is expected next.

use super::piece::{ENDS_LABEL, ENDS_NOISE, ENDS_VALUE, Piece};
use super::{CHECKSUM, Decoder, MAX_FIELDS, MAX_LABEL, MAX_VALUE, PRODUCT, Second, State};
use crate::adapters::victron::wire::hex::Frame;
use crate::adapters::victron::wire::text::block::{Block, Event, Reason, Refused, Span};

impl Decoder {
    pub(crate) fn idle(&mut self, piece: &mut Piece<'_>) {
        let begin = piece.at;
        let end = piece.find(&ENDS_NOISE);
        self.noise += (piece.at - begin) as u64;
        match end {
            Some(b':') => self.begin_hex(piece),
            Some(_) => self.open(piece),
            None => {}
        }
    }

    pub(crate) fn newline(&mut self, piece: &mut Piece<'_>, byte: u8) {
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

    pub(crate) fn label<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
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

    pub(crate) fn value<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
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

    pub(crate) fn checksum<F: FnMut(Event<'_>)>(
        &mut self,
        piece: &mut Piece<'_>,
        byte: u8,
        on: &mut F,
    ) {
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

    pub(crate) fn hex<F: FnMut(Event<'_>)>(&mut self, piece: &mut Piece<'_>, on: &mut F) {
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
