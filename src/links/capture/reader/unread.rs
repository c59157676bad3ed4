//! Bytes that came and were not read yet.

/// A buffer that is filled at its end and read from its front.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: Vec<u8>,
    at: usize,
    /// How many came before the first of `bytes`.
    before: u64,
}

impl Unread {
    /// Makes room at the end, and hands out the buffer to append to.
    pub(super) fn filling(&mut self) -> &mut Vec<u8> {
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.before += self.at as u64;
            self.at = 0;
        } else if self.at > self.bytes.len() / 2 {
            // What is moved is less than what was read, so that moving costs nothing in the long run.
            self.bytes.drain(..self.at);
            self.before += self.at as u64;
            self.at = 0;
        }
        &mut self.bytes
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn read(&mut self, count: usize) {
        self.at = (self.at + count).min(self.bytes.len());
    }

    /// What lies so far before the front, and was read already.
    pub(super) fn behind(&self, back: usize, length: usize) -> &[u8] {
        let begin = self.at.saturating_sub(back);
        self.bytes.get(begin..begin + length).unwrap_or_default()
    }

    /// Where in the stream the front is.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.at as u64
    }
}
