//! Finds a unit's key where the server reads or writes it in clear.

use super::frame::Frame;
use super::key::DeviceKey;
use super::serial::Serial;

/// Which of the four parts of a key, from 0.
pub type KeyPart = usize;

/// Watches frames of both directions for keys.
#[derive(Debug, Default)]
pub struct KeyHunt {}

impl KeyHunt {
    /// Takes a frame; the unit and its key when that has become known, or has changed.
    pub fn take(&mut self, _frame: &Frame<'_>) -> Option<(Serial, DeviceKey)> {
        None
    }

    /// Which parts have been seen of units whose key is not whole.
    pub fn partial(&self) -> impl Iterator<Item = (Serial, Vec<KeyPart>)> {
        std::iter::empty()
    }

    /// Searches raw bytes, damaged perhaps, for what frames no longer show.
    pub fn search(&mut self, _bytes: &[u8]) -> Option<(Serial, DeviceKey)> {
        None
    }
}
