//! Lengths and counts as BER writes them: one byte below 80, else 81, 82, 83 or 84 and that many
//! bytes, big-endian.

/// The bytes are no length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// More bytes may complete it.
    #[error("the length is cut off")]
    Incomplete,
    /// It has more than four bytes, or none.
    #[error("the length is longer than any message")]
    TooLong,
}

/// The length at the front of the bytes, and the bytes it took.
pub fn decode(bytes: &[u8]) -> Result<(usize, usize), BerError> {
    let first = usize::from(*bytes.first().ok_or(BerError::Incomplete)?);
    let count = first & 0x7f;
    match first {
        0..=0x7f => Ok((first, 1)),
        0x81..=0x84 => {
            let digits = bytes.get(1..=count).ok_or(BerError::Incomplete)?;
            let length = digits
                .iter()
                .fold(0, |length: u64, digit| length << 8 | u64::from(*digit));
            let length = usize::try_from(length).map_err(|_| BerError::TooLong)?;
            Ok((length, 1 + count))
        }
        _ => Err(BerError::TooLong),
    }
}

/// Appends a length in its shortest form.
pub fn encode(length: usize, out: &mut Vec<u8>) {
    let bytes = (length as u64).to_be_bytes();
    let used = bytes.len() - bytes.iter().take_while(|byte| **byte == 0).count();
    match bytes.last() {
        Some(last) if length < 0x80 => out.push(*last),
        _ => {
            out.push(0x80 | used as u8);
            out.extend(bytes.iter().skip(bytes.len() - used));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_that_meters_use() {
        assert_eq!(decode(&[0x4d]), Ok((0x4d, 1)));
        assert_eq!(decode(&[0x81, 0xf8]), Ok((248, 2)));
        assert_eq!(decode(&[0x82, 0x01, 0x55]), Ok((341, 3)));
        assert_eq!(decode(&[0x82, 0x01]), Err(BerError::Incomplete));
        assert_eq!(decode(&[0x80]), Err(BerError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(length in 0_usize..=u32::MAX as usize) {
            let mut bytes = Vec::new();
            encode(length, &mut bytes);
            prop_assert_eq!(decode(&bytes), Ok((length, bytes.len())));
        }
    }
}
