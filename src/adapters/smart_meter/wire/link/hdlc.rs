//! HDLC frames of type 3, with a message or a segment of one in each.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | `7E` |
//! | 1 | 2 | format: `1010` (4 bits), more segments follow (1 bit), N: bytes between the flags (11 bits) |
//! | 3 | 1, 2, 4 | destination; the lowest bit is set in the last byte only |
//! | .. | 1, 2, 4 | source, the same |
//! | .. | 1 | control: `13` (information, final), `03` (not final), `10` |
//! | .. | 2 | CRC of everything since the format; absent without information |
//! | .. | .. | information; that of the first frame of a message begins with `E6 E7 00` |
//! | N-1 | 2 | CRC of everything since the format |
//! | N+1 | 1 | `7E`; may be the first byte of the next frame at once |
//!
//! CRCs are CRC-16/X.25, low byte first. Nothing is escaped: `7E` occurs inside.

use std::ops::Range;

use crc::{CRC_16_IBM_SDLC, Crc};

use super::block_transfer;
use super::event::Reason;
use super::found::Found;

pub(crate) const FLAG: u8 = 0x7e;
const TYPE_3: u8 = 0xa0;
const MORE: u8 = 0x08;
const LENGTH_HIGH: u8 = 0x07;
const MAX_LENGTH: usize = 0x7ff;
/// Bytes of information that any frame has room for, whatever the addresses.
pub const MAX_INFORMATION: usize = MAX_LENGTH - 2 - 2 * 4 - 1 - 2 * CRC;
const CRC: usize = 2;
const FINAL: u8 = 0x10;
/// What the information of a message begins with: the logical link control of DLMS.
pub const LLC: [u8; 3] = [0xe6, 0xe7, 0x00];
/// Fewer bytes than a frame with information can have: so few stray ones cannot hide a lost frame.
pub const MIN_FRAME: u64 = 11;

static X25: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);

/// A frame whose checksums are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// More segments of the message follow.
    pub has_more: bool,
    /// Destination and source.
    pub addresses: &'a [u8],
    pub(crate) information: &'a [u8],
    /// All its bytes, both flags included.
    pub length: usize,
}

/// The parts of a header, as far as they are there.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    pub(crate) has_more: bool,
    /// Bytes between the flags.
    pub length: usize,
    pub(crate) destination: usize,
    pub(crate) source: usize,
}

impl Header {
    /// Bytes from the format to the control byte.
    pub fn size(&self) -> usize {
        2 + self.destination + self.source + 1
    }

    pub(crate) fn has_information(&self) -> bool {
        self.length > self.size() + CRC
    }
}

/// Reads the header behind the flag; `None` if it is none.
pub fn header(bytes: &[u8]) -> Option<Result<Header, Incomplete>> {
    let (high, low) = match *bytes {
        [high, ..] if high & 0xf0 != TYPE_3 => return None,
        [] | [_] => return Some(Err(Incomplete)),
        [high, low, ..] => (high, low),
    };
    let length = usize::from(high & LENGTH_HIGH) << 8 | usize::from(low);
    let addresses = bytes.get(2..).unwrap_or_default();
    let destination = match address(addresses)? {
        Ok(size) => size,
        Err(incomplete) => return Some(Err(incomplete)),
    };
    let source = match address(addresses.get(destination..).unwrap_or_default())? {
        Ok(size) => size,
        Err(incomplete) => return Some(Err(incomplete)),
    };
    let header = Header {
        has_more: high & MORE != 0,
        length,
        destination,
        source,
    };
    // Without information there is one CRC, with it two and at least a byte.
    let rest = length.checked_sub(header.size())?;
    (rest == CRC || rest > 2 * CRC).then_some(Ok(header))
}

/// More bytes decide.
#[derive(Debug, PartialEq, Eq)]
pub struct Incomplete;

/// Bytes of the address at the front, which are 1, 2 or 4; `None` if there is none.
fn address(bytes: &[u8]) -> Option<Result<usize, Incomplete>> {
    let is_last = |byte: &u8| byte & 1 != 0;
    match bytes.iter().take(4).position(is_last) {
        Some(2) => None,
        Some(at) => Some(Ok(at + 1)),
        None if bytes.len() < 4 => Some(Err(Incomplete)),
        None => None,
    }
}

pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    X25.checksum(bytes)
}

/// What begins at the front of the bytes.
pub fn recognise(bytes: &[u8]) -> Found<Frame<'_>> {
    let Some((&FLAG, inside)) = bytes.split_first() else {
        return Found::Noise;
    };
    if inside.first() == Some(&FLAG) {
        return Found::PassOver(1);
    }
    let header = match header(inside) {
        None => return Found::Noise,
        Some(Err(Incomplete)) => return Found::Wait(None),
        Some(Ok(header)) => header,
    };
    let size = header.size();
    if header.has_information() {
        match is_sealed(inside, size) {
            None => return Found::Wait(None),
            Some(false) => return Found::Broken(1 + size + CRC, Reason::HeaderChecksum),
            Some(true) => {}
        }
    }
    let length = header.length + 2;
    let Some(frame) = bytes.get(..length) else {
        return Found::Wait(Some(length));
    };
    if frame.last() != Some(&FLAG) {
        return Found::Broken(length, Reason::NoStop);
    }
    let counted = header.length - CRC;
    if is_sealed(inside, counted) != Some(true) {
        let (covered, rest) = inside.split_at_checked(counted).unwrap_or_default();
        let found = match rest {
            [low, high, ..] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        };
        let expected = checksum(covered);
        return Found::Broken(length, Reason::Checksum { found, expected });
    }
    Found::Sound(Frame {
        has_more: header.has_more,
        addresses: inside.get(2..size - 1).unwrap_or_default(),
        information: inside.get(size + CRC..counted).unwrap_or_default(),
        length,
    })
}

/// Where the information lies in a frame whose header is sound, without the `E6 E7 00`.
pub fn data(frame: &[u8]) -> Range<usize> {
    let header = frame.get(1..).and_then(header);
    let Some(Ok(header)) = header.filter(|_| frame.len() > CRC) else {
        return 0..0;
    };
    let start = 1 + header.size() + CRC;
    let end = (1 + header.length - CRC).min(frame.len());
    match frame.get(start..end) {
        Some(information) if information.starts_with(&LLC) => start + LLC.len()..end,
        Some(_) => start..end,
        None => 0..0,
    }
}

/// Changes the last CRC of a frame whose information was changed from what it was `before`: right
/// stays right, and wrong stays as wrong as it was.
pub fn reseal(frame: &mut [u8], before: &[u8]) {
    let covered = |frame: &[u8]| {
        let end = frame.len().saturating_sub(1 + CRC);
        checksum(frame.get(1..end).unwrap_or_default())
    };
    let change = (covered(frame) ^ covered(before)).to_le_bytes();
    if let [.., low, high, FLAG] = frame {
        *low ^= change[0];
        *high ^= change[1];
    }
}

/// Whether the CRC of so many bytes follows them; `None` if it has not come yet.
fn is_sealed(bytes: &[u8], count: usize) -> Option<bool> {
    let crc = bytes.get(count..count + CRC)?;
    Some(checksum(bytes.get(..count)?).to_le_bytes() == crc)
}

/// What frames of one sender have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender<'a> {
    /// To whom; 1, 2 or 4 bytes with the lowest bit set in the last one only.
    pub destination: &'a [u8],
    /// From whom, the same.
    pub source: &'a [u8],
    /// Control byte of a frame that ends a message. Frames that do not have bit 4 cleared.
    pub control: u8,
}

impl Default for Sender<'_> {
    /// As some Landis+Gyr E450 does.
    fn default() -> Self {
        Self {
            destination: &[0xce, 0xff],
            source: &[0x03],
            control: 0x13,
        }
    }
}

impl Sender<'_> {
    /// One frame with this information as it is, cut to what fits.
    fn frame(&self, information: &[u8], has_more: bool) -> Vec<u8> {
        let head = 2 + self.destination.len() + self.source.len() + 1;
        let room = MAX_LENGTH.saturating_sub(head + 2 * CRC);
        let information = information.get(..room).unwrap_or(information);
        let sealed = if information.is_empty() { 0 } else { CRC };
        let length = head + sealed + information.len() + CRC;
        let more = if has_more { MORE } else { 0 };
        let high = TYPE_3 | more | (length >> 8) as u8 & LENGTH_HIGH;
        let mut inside = vec![high, (length & 0xff) as u8];
        inside.extend(self.destination);
        inside.extend(self.source);
        inside.push(if has_more {
            self.control & !FINAL
        } else {
            self.control
        });
        if !information.is_empty() {
            inside.extend(checksum(&inside).to_le_bytes());
            inside.extend(information);
        }
        inside.extend(checksum(&inside).to_le_bytes());
        let mut frame = vec![FLAG];
        frame.append(&mut inside);
        frame.push(FLAG);
        frame
    }
}

/// Writes a message as frames with at most so many bytes of information each, `E6 E7 00` of the
/// first one included; never more than [`MAX_INFORMATION`].
#[must_use]
pub fn frames(apdu: &[u8], max_information: usize, sender: Sender<'_>) -> Vec<Vec<u8>> {
    let information = [&LLC, apdu].concat();
    let segments = information.chunks(max_information.clamp(LLC.len(), MAX_INFORMATION));
    let count = segments.len();
    segments
        .enumerate()
        .map(|(at, segment)| sender.frame(segment, at + 1 < count))
        .collect()
}

/// Writes a message as blocks of a block transfer, each in a frame of its own with at most so many
/// bytes of information; only the first one begins with `E6 E7 00`.
#[must_use]
pub fn block_frames(apdu: &[u8], max_information: usize, sender: Sender<'_>) -> Vec<Vec<u8>> {
    let max_information = max_information.min(MAX_INFORMATION);
    let first = block_transfer::room(max_information.saturating_sub(LLC.len()));
    let blocks = block_transfer::uneven_blocks(apdu, first, block_transfer::room(max_information));
    blocks
        .into_iter()
        .enumerate()
        .map(|(at, block)| match at {
            0 => sender.frame(&[&LLC, block.as_slice()].concat(), false),
            _ => sender.frame(&block, false),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_address() -> impl Strategy<Value = Vec<u8>> {
        let size = prop_oneof![Just(1_usize), Just(2), Just(4)];
        size.prop_flat_map(|size| prop::collection::vec(any::<u8>(), size))
            .prop_map(|mut bytes| {
                let last = bytes.len() - 1;
                for (at, byte) in bytes.iter_mut().enumerate() {
                    *byte = *byte & 0xfe | u8::from(at == last);
                }
                bytes
            })
    }

    #[test]
    fn addresses_have_one_two_or_four_bytes() {
        assert_eq!(address(&[0xcf, 0]), Some(Ok(1)));
        assert_eq!(address(&[0x02, 0x23]), Some(Ok(2)));
        assert_eq!(address(&[0, 2, 0, 0x23]), Some(Ok(4)));
        assert_eq!(address(&[0, 2]), Some(Err(Incomplete)));
        assert_eq!(address(&[0, 2, 1]), None);
        assert_eq!(address(&[0, 2, 0, 0]), None);
    }

    #[test]
    fn a_damaged_header_is_refused_before_its_length_is_believed() {
        let mut frame = frames(&[0xaa; 100], 200, Sender::default()).remove(0);
        frame[2] ^= 0x40;
        assert_eq!(
            recognise(&frame[..12]),
            Found::Broken(9, Reason::HeaderChecksum)
        );
    }

    #[test]
    fn a_frame_without_information_has_one_checksum() {
        let frame = Sender::default().frame(&[], false);
        assert_eq!(frame.len(), 10);
        let Found::Sound(read) = recognise(&frame) else {
            panic!("not read")
        };
        assert!(read.information.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            apdu in prop::collection::vec(any::<u8>(), 0..2000),
            max in 0..2200_usize,
            destination in any_address(),
            source in any_address(),
        ) {
            let sender = Sender { destination: &destination, source: &source, control: 0x13 };
            let frames = frames(&apdu, max, sender);
            let mut read = Vec::new();
            for (at, bytes) in frames.iter().enumerate() {
                let Found::Sound(frame) = recognise(bytes) else { panic!("not read") };
                prop_assert_eq!(frame.length, bytes.len());
                prop_assert_eq!(frame.addresses, [destination.as_slice(), &source].concat());
                prop_assert_eq!(frame.has_more, at + 1 < frames.len());
                read.extend_from_slice(frame.information);
                for cut in 0..bytes.len() {
                    prop_assert!(matches!(recognise(&bytes[..cut]), Found::Wait(_) | Found::Noise));
                    prop_assert_eq!(recognise(&bytes[..cut]) == Found::Noise, cut == 0);
                }
            }
            prop_assert_eq!(read, [&LLC, apdu.as_slice()].concat());
        }

        #[test]
        fn one_changed_bit_is_always_noticed(
            apdu in prop::collection::vec(any::<u8>(), 1..200), bit in 8..5000_usize
        ) {
            let mut frame = frames(&apdu, 300, Sender::default()).remove(0);
            let bit = bit % (frame.len() * 8 - 8) + 8;
            frame[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(recognise(&frame), Found::Sound(_)));
        }
    }
}
