//! Finds frames in a stream of bytes.

use super::frame::{Frame, FrameError};

/// What is next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// A frame.
    Frame {
        /// Where it begins in the stream.
        offset: u64,
        /// What it is.
        frame: Frame<'a>,
    },
    /// Bytes that are none.
    Skipped {
        /// Where they begin.
        offset: u64,
        /// How many.
        bytes: u64,
        /// Why the first of them is not a frame.
        reason: FrameError,
    },
}

/// Finds frames in a stream of bytes, cut anywhere.
#[derive(Debug, Default)]
pub struct FrameScanner {}

impl FrameScanner {
    /// Takes bytes.
    pub fn push(&mut self, _bytes: &[u8]) {}

    /// The next thing that is whole.
    pub fn next(&mut self) -> Option<Scanned<'_>> {
        None
    }

    /// Bytes are missing here, so many, if that is known: what was begun will not be whole.
    pub fn gap(&mut self) {}

    /// A frame that was begun is not waited for any longer: to be called when it has not become whole for
    /// a minute.
    pub fn give_up(&mut self) {}

    /// No more bytes come: what is left is none.
    pub fn finish(&mut self) {}

    /// Whether something was begun that is not whole.
    pub fn is_waiting(&self) -> bool {
        false
    }
}
