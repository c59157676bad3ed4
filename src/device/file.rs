//! Reads a file by the protocol of a line.

use std::collections::VecDeque;

use super::protocol::{Input, Output, Protocol};
use super::{Decoded, Decoder, Undecoded};
use crate::clock::Moment;
use crate::model::Report;

/// Bytes handed over at once.
const PIECE: usize = 1024;

/// A protocol that hears the bytes of a file.
#[derive(Debug)]
pub struct FileReader<P> {
    protocol: P,
    /// What the message under way said so far.
    reports: Vec<Report>,
    results: VecDeque<Result<Decoded, Undecoded>>,
    rest: Option<String>,
}

impl<P: Protocol> FileReader<P> {
    /// A protocol that knows that no time passes in a file, and nobody answers.
    pub fn new(protocol: P) -> Self {
        Self {
            protocol,
            reports: Vec::new(),
            results: VecDeque::new(),
            rest: None,
        }
    }

    fn take(&mut self, input: Input<'_>) {
        self.protocol.handle(input, Moment::NONE);
        loop {
            match self.protocol.poll() {
                // How a device is on its line says nothing of a file.
                Output::Report(
                    report @ (Report::Device(_) | Report::Readings(_) | Report::Late(_)),
                ) => {
                    self.reports.push(report);
                }
                Output::Message(message) => self.results.push_back(Ok(Decoded {
                    reports: std::mem::take(&mut self.reports),
                    notes: message.notes,
                    annotation: message.annotation,
                })),
                Output::Refused(refused) => self.results.push_back(Err(refused)),
                Output::Rest(rest) => self.rest = Some(rest),
                Output::Wait(_) => break,
                _ => {}
            }
        }
    }
}

impl<P: Protocol> Decoder for FileReader<P> {
    fn annotate(&mut self) {
        self.protocol.annotate();
    }

    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            self.take(Input::Bytes(piece));
        }
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        self.results.pop_front()
    }

    fn finish(&mut self) -> Option<String> {
        self.take(Input::End);
        self.rest.take()
    }
}
