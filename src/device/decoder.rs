//! Bytes from a file instead of a device.

use crate::model::Report;

/// Reads bytes as its adapter would, without a device.
pub trait Decoder {
    /// Labels the bytes of all messages from now on, which takes longer than to decode them.
    fn annotate(&mut self);

    /// Takes bytes, cut anywhere.
    fn push(&mut self, bytes: &[u8]);

    /// The next thing that could be decoded, or that had to be refused.
    fn next(&mut self) -> Option<Result<Decoded, Undecoded>>;

    /// Another file follows: true if it is read on with what is known from those before, as captures are that
    /// were begun anew every day.
    fn next_file(&mut self) -> bool {
        false
    }

    /// At the end of the bytes: what is left over, if it looks like the beginning of something.
    fn finish(&mut self) -> Option<String>;
}

/// What one message says.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// What the adapter would report.
    pub reports: Vec<Report>,
    /// What it says besides, as JSON objects.
    pub notes: Vec<serde_json::Value>,
    /// Its bytes, labelled; empty unless that was asked for.
    pub annotation: String,
}

/// What had to be refused.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Undecoded {
    /// Where, and why.
    pub reason: String,
    /// Its bytes, labelled, as far as they can be; empty unless that was asked for.
    pub annotation: String,
}

impl From<String> for Undecoded {
    fn from(reason: String) -> Self {
        Self {
            reason,
            annotation: String::new(),
        }
    }
}
