//! What comes out of the decoder: blocks, frames, and what was refused.

use crate::adapters::victron::wire::hex::{Frame, FrameError};

/// What was found next in the stream. It borrows from the decoder and from the bytes pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A block whose checksum is right.
    Block(Block<'a>),
    /// A HEX frame whose checksum is right.
    Hex(Frame<'a>),
    /// A block or a frame that is damaged. Nothing of it is delivered.
    Refused(Refused),
}

/// Where label and value of a field are in the bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub label: u16,
    pub value: u16,
    pub end: u16,
}

impl Span {
    /// A block is far shorter than 64 KiB, so its places fit.
    pub fn new(label: usize, value: usize, end: usize) -> Self {
        let [label, value, end] = [label, value, end].map(|place| place as u16);
        Self { label, value, end }
    }

    /// The same field after so many bytes before it are gone.
    pub fn moved(self, gone: usize) -> Self {
        let [label, value, end] =
            [self.label, self.value, self.end].map(|place| usize::from(place).saturating_sub(gone));
        Self::new(label, value, end)
    }
}

/// A block whose checksum is right: its fields in the order of the wire, the checksum left out.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    pub(crate) offset: u64,
    pub(crate) text: &'a [u8],
    pub(crate) spans: &'a [Span],
}

impl<'a> Block<'a> {
    /// Where its first byte is, counted from the first byte ever pushed.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Its fields as label and value.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let text = self.text;
        self.spans.iter().map(move |span| {
            // The byte between them is the TAB.
            let label = text.get(usize::from(span.label)..usize::from(span.value.max(1)) - 1);
            let value = text.get(usize::from(span.value)..usize::from(span.end));
            (label.unwrap_or_default(), value.unwrap_or_default())
        })
    }

    /// The value of the first field with this label; labels are case sensitive.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<&'a [u8]> {
        let mut fields = self.fields();
        let found = fields.find(|(name, _)| *name == label.as_bytes());
        found.map(|(_, value)| value)
    }

    /// How many fields it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// It has no field but the checksum.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// All its bytes up to the checksum byte, without the HEX frames that interrupted it.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.text
    }
}

/// Two blocks are the same if they stood at the same place and had the same bytes.
impl PartialEq for Block<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.offset == other.offset && self.fields().eq(other.fields())
    }
}

impl Eq for Block<'_> {}

/// A block or frame that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {reason}")]
pub struct Refused {
    /// Where it begins, counted from the first byte ever pushed.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why a block or frame was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The bytes of a block do not add up to 0.
    #[error("the checksum of the block is wrong, its bytes add up to {0:#04x}")]
    Checksum(u8),
    /// The line with the checksum ended before the checksum.
    #[error("the block ends without its checksum byte")]
    NoChecksum,
    /// A line that has no label, no TAB, or a byte that cannot be there.
    #[error("a line of the block is broken")]
    Line,
    /// More than [`MAX_FIELDS`](super::MAX_FIELDS) lines.
    #[error("the block has more than {} fields", super::MAX_FIELDS)]
    TooManyFields,
    /// A label of more than [`MAX_LABEL`](super::MAX_LABEL) bytes.
    #[error("a label of the block is longer than {} bytes", super::MAX_LABEL)]
    LongLabel,
    /// A value of more than [`MAX_VALUE`](super::MAX_VALUE) bytes.
    #[error("a value of the block is longer than {} bytes", super::MAX_VALUE)]
    LongValue,
    /// A block that was interrupted by something that began like a HEX frame.
    #[error("the block is interrupted by a broken HEX frame")]
    Interrupted,
    /// A HEX frame.
    #[error("HEX frame: {0}")]
    Hex(FrameError),
    /// No more bytes will come, or none came for too long.
    #[error("it breaks off")]
    Incomplete,
}
