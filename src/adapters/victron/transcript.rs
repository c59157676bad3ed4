//! What there is to say of a file besides its values.

use super::wire::annotate::event_lines;
use super::wire::text::Event;
use crate::device::Undecoded;
use crate::device::protocol::{Message, Output};

/// The events of a file, labelled if that is wanted.
#[derive(Debug, Default)]
pub struct Transcript {
    annotates: bool,
    /// What was labelled and belongs to the next message.
    annotation: String,
    /// Frames of HEX, and whether any values came of the stream.
    frames: u64,
    has_values: bool,
}

impl Transcript {
    /// Labels what comes from now on.
    pub const fn annotate(&mut self) {
        self.annotates = true;
    }

    /// Takes note of an event; says so if it had to be refused.
    pub fn take(&mut self, event: &Event<'_>) -> Option<Output> {
        if self.annotates {
            event_lines(&mut self.annotation, event);
        }
        self.frames += u64::from(matches!(event, Event::Hex(_)));
        let Event::Refused(refused) = event else {
            return None;
        };
        Some(Output::Refused(Undecoded {
            reason: format!("at byte {}: {}", refused.offset, refused.reason),
            annotation: std::mem::take(&mut self.annotation),
        }))
    }

    /// A round of values has been reported.
    pub fn message(&mut self) -> Output {
        self.has_values = true;
        Output::Message(Message {
            annotation: std::mem::take(&mut self.annotation),
            ..Message::default()
        })
    }

    /// The end of the file.
    pub fn end(&mut self) -> Vec<Output> {
        let mut rest = Vec::new();
        // What was labelled and belongs to no value, such as frames alone.
        if !self.annotation.is_empty() {
            rest.push(Output::Message(Message {
                annotation: std::mem::take(&mut self.annotation),
                ..Message::default()
            }));
        }
        // Said once.
        let frames = std::mem::take(&mut self.frames);
        if frames > 0 && !self.has_values && !self.annotates {
            rest.push(Output::Rest(format!(
                "no text, and frames of HEX alone do not say what device they are of; --annotate labels each of the {frames}"
            )));
        }
        rest
    }
}
