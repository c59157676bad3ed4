//! Believing only what was told twice.
//!
//! The sum of a block or a frame is one byte: one in 256 damaged ones seems sound. A serial number
//! that is believed makes a device for ever, so it has to come a second time.

/// What was told, and whether it was told before.
#[derive(Debug)]
pub struct Twice<T>(Option<T>);

impl<T> Default for Twice<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Twice<T> {
    /// Whether the same was told the last time.
    pub fn agrees(&mut self, told: T) -> bool {
        let agrees = self.0.as_ref() == Some(&told);
        self.0 = Some(told);
        agrees
    }

    /// Nothing was told.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}
