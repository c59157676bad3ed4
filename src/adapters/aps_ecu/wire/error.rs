//! Why an answer cannot be understood.

use crate::model::Sentence;
use crate::say;

/// Where the body begins in a frame.
pub const BODY: usize = 13;

/// Why a sound frame is not an answer we understand. Offsets count from the frame's first byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum DecodeError {
    /// The body is shorter than its fixed fields.
    TooShort {
        /// The command answered.
        command: u16,
        /// Where the body ends.
        length: usize,
    },
    /// A field without which the answer means nothing.
    BadField {
        /// Where the field begins.
        offset: usize,
        /// Its name.
        field: &'static str,
        /// Its bytes, printable ones as they are.
        found: String,
    },
    /// The gateway for rapid shutdown has other layouts, which nobody has verified.
    UnsupportedModel {
        /// The model in the frame.
        model: String,
    },
}

impl DecodeError {
    /// For people.
    pub fn says(&self) -> Sentence {
        match self {
            Self::TooShort { command, length } => say!(
                "answer {command} ends at byte {length}, inside its fixed fields; if it is an echo of the request, something \
                 else than an ECU is listening",
                command = format_args!("{command:04}"),
                length = *length
            ),
            Self::BadField {
                offset,
                field,
                found,
            } => say!(
                "the {field} at byte {offset} is not valid: {found}",
                field = *field,
                offset = *offset,
                found
            ),
            Self::UnsupportedModel { model } => say!(
                "gateway model {model} is not supported; a recording of its answers would help to change that",
                model
            ),
        }
    }

    /// `at` counts from the start of the body.
    pub fn field(at: usize, field: &'static str, found: &[u8]) -> Self {
        let shown = found.get(..32).unwrap_or(found);
        Self::BadField {
            offset: BODY + at,
            field,
            found: shown.escape_ascii().to_string(),
        }
    }
}

/// A [`DecodeError::TooShort`] in waiting; copying it costs nothing, unlike the error itself.
#[derive(Clone, Copy)]
pub struct Shortage {
    command: u16,
    length: usize,
}

impl Shortage {
    pub fn new(command: u16, body: &[u8]) -> Self {
        Self {
            command,
            length: BODY + body.len(),
        }
    }
}

impl From<Shortage> for DecodeError {
    fn from(short: Shortage) -> Self {
        Self::TooShort {
            command: short.command,
            length: short.length,
        }
    }
}
