//! General block transfer: a message in numbered blocks, each a message of the transport below.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | `E0` |
//! | 1 | 1 | last block (bit 7), streaming (bit 6), window (bits 0 to 5) |
//! | 2 | 2 | number of the block, from 1 |
//! | 4 | 2 | number acknowledged; 0 in a push |
//! | 6 | BER | bytes of data |
//! | .. | .. | data |

use std::ops::Range;

use super::super::ber;
use super::event::Reason;

pub(crate) const TAG: u8 = 0xe0;
pub(crate) const LAST: u8 = 0x80;
const STREAMING: u8 = 0x40;
/// Bytes before the length.
const HEAD: usize = 6;
/// Number of the first block.
pub const FIRST: u16 = 1;

/// One block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'a> {
    pub(crate) is_last: bool,
    pub(crate) number: u16,
    pub(crate) data: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads a block. Bytes after its data are left out.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Reason> {
        let [TAG, control, high, low, _, _, rest @ ..] = bytes else {
            return Err(Reason::BadBlock);
        };
        let (length, took) = ber::decode(rest).map_err(|_| Reason::BadBlock)?;
        let data = rest.get(took..).unwrap_or_default();
        let data = data.get(..length).ok_or(Reason::Length {
            announced: (HEAD + took).saturating_add(length),
            have: bytes.len(),
        })?;
        Ok(Self {
            is_last: control & LAST != 0,
            number: u16::from_be_bytes([*high, *low]),
            data,
        })
    }
}

/// Where the data lies in a block.
pub fn data(bytes: &[u8]) -> Option<Range<usize>> {
    let length = Block::decode(bytes).ok()?.data.len();
    let (_, took) = ber::decode(bytes.get(HEAD..)?).ok()?;
    Some(HEAD + took..HEAD + took + length)
}

/// Writes a message as blocks with at most so many bytes of it each; more where the numbers would
/// not do.
#[must_use]
pub fn blocks(apdu: &[u8], block_size: usize) -> Vec<Vec<u8>> {
    uneven_blocks(apdu, block_size, block_size)
}

/// The same with a first block of another size than the rest.
pub fn uneven_blocks(apdu: &[u8], first_size: usize, size: usize) -> Vec<Vec<u8>> {
    let at_least = apdu.len().div_ceil(usize::from(u16::MAX)).max(1);
    let (first, rest) = apdu.split_at(first_size.max(at_least).min(apdu.len()));
    let mut parts = vec![first];
    parts.extend(rest.chunks(size.max(at_least)));
    let count = parts.len();
    let numbered = parts.into_iter().zip(FIRST..=u16::MAX);
    numbered
        .map(|(data, number)| {
            let is_last = usize::from(number) == count;
            let last = if is_last { LAST } else { 0 };
            let [high, low] = number.to_be_bytes();
            let mut block = vec![TAG, last | STREAMING, high, low, 0, 0];
            ber::encode(data.len(), &mut block);
            block.extend_from_slice(data);
            block
        })
        .collect()
}

/// Bytes of a message that fit into a block of this size.
pub fn room(block: usize) -> usize {
    let rest = block.saturating_sub(HEAD);
    match rest {
        0..=0x80 => rest.saturating_sub(1),
        // A length of 80 and more takes a second byte, from 100 on a third one.
        0x81..=0x101 => rest - 2,
        _ => rest - 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_block_is_refused() {
        let mut block = blocks(&[1, 2, 3], 10).remove(0);
        block.pop();
        let refused = Block::decode(&block).unwrap_err();
        assert_eq!(
            refused,
            Reason::Length {
                announced: 10,
                have: 9
            }
        );
        assert_eq!(Block::decode(&block[..6]), Err(Reason::BadBlock));
    }

    #[test]
    fn blocks_fill_the_room_there_is() {
        for size in 8..600 {
            let full = blocks(&[0; 600], room(size)).swap_remove(0);
            assert!(full.len() <= size, "{size}");
            // One byte is left where a byte more would make the length longer.
            assert!(full.len() + 1 >= size, "{size}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            apdu in prop::collection::vec(any::<u8>(), 0..1000), size in 0..400_usize
        ) {
            let blocks = blocks(&apdu, size);
            let mut read = Vec::new();
            for (bytes, number) in blocks.iter().zip(FIRST..) {
                let block = Block::decode(bytes).unwrap();
                prop_assert_eq!(block.number, number);
                prop_assert_eq!(block.is_last, usize::from(number) == blocks.len());
                read.extend_from_slice(block.data);
            }
            prop_assert_eq!(read, apdu);
        }
    }
}
