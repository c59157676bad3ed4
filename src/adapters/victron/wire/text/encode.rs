//! Text blocks, written: for the other end of the wire.

use super::decoder::{CHECKSUM, MAX_FIELDS, MAX_LABEL, MAX_VALUE};

/// Why fields make no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More than [`MAX_FIELDS`] of them.
    #[error("{0} fields are too many for a block, it takes {MAX_FIELDS}")]
    TooManyFields(usize),
    /// A label that is empty, too long, not printable ASCII, or the word `Checksum`.
    #[error("field {0} has a label that cannot be sent")]
    Label(usize),
    /// A value that is too long or not printable ASCII; `:` would begin a HEX frame.
    #[error("field {0} has a value that cannot be sent")]
    Value(usize),
}

/// Writes a block: its lines, and the checksum at its end.
///
/// # Errors
/// If a field cannot be sent; the number in the error counts from 0.
pub fn encode_block<L, V>(fields: &[(L, V)]) -> Result<Vec<u8>, EncodeError>
where
    L: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    if fields.len() > MAX_FIELDS {
        return Err(EncodeError::TooManyFields(fields.len()));
    }
    let mut block = Vec::new();
    for (number, (label, value)) in fields.iter().enumerate() {
        let (label, value) = (label.as_ref(), value.as_ref());
        if label.is_empty() || !fits(label, MAX_LABEL) || label == CHECKSUM {
            return Err(EncodeError::Label(number));
        }
        if !fits(value, MAX_VALUE) {
            return Err(EncodeError::Value(number));
        }
        block.extend_from_slice(b"\r\n");
        block.extend_from_slice(label);
        block.push(b'\t');
        block.extend_from_slice(value);
    }
    block.extend_from_slice(b"\r\n");
    block.extend_from_slice(CHECKSUM);
    block.push(b'\t');
    let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    block.push(sum.wrapping_neg());
    Ok(block)
}

fn fits(text: &[u8], most: usize) -> bool {
    let sound = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b':';
    text.len() <= most && text.iter().all(sound)
}
