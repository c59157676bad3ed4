//! One question to a stick, put again until it is answered.

use std::time::Duration;

use super::super::super::wire::znp::{ZnpFrame, ZnpMessage, ZnpRequest};

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How often a question is put.
pub(super) const TRIES: u32 = 3;

/// A question that is not answered yet.
#[derive(Debug)]
pub(super) struct AskedRequest {
    frame: Vec<u8>,
    command: u16,
    answer: u16,
    /// How often it may still be put.
    tries: u32,
    patience: Duration,
    /// When it is too late.
    pub(super) deadline: Duration,
}

impl AskedRequest {
    /// To be put so often, with so long for each answer; `None` if it is none, or too long.
    pub(super) fn new(request: &ZnpRequest, tries: u32, patience: Duration) -> Option<Self> {
        let frame = request.encode()?;
        let answer = request.answer()?;
        Some(Self {
            frame,
            command: answer & !0x4000,
            answer,
            tries,
            patience,
            deadline: Duration::MAX,
        })
    }

    /// What is to be sent now; `None` if it has been put often enough.
    pub(super) fn put(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.tries = self.tries.checked_sub(1)?;
        self.deadline = now + self.patience;
        Some(self.frame.clone())
    }

    /// Whether this answers it. An answer that cannot be read is none.
    pub(super) fn is_answered(&self, frame: ZnpFrame<'_>, message: &ZnpMessage) -> bool {
        match message {
            ZnpMessage::Refused { command, .. } => *command == self.command,
            ZnpMessage::Other { .. } => false,
            _ => frame.command == self.answer,
        }
    }
}
