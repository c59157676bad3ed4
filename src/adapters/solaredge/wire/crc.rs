//! The checksum of frames.
//!
//! It runs over the header with its numbers the other way round than they are sent, then over the data.

use crc::{Algorithm, Crc, Digest, Table};

const ALGORITHM: Algorithm<u16> = Algorithm {
    width: 16,
    poly: 0x8005,
    // The same when reflected.
    init: 0x5a5a,
    refin: true,
    refout: true,
    xorout: 0,
    check: 0,
    residue: 0,
};

static CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&ALGORITHM);

/// The checksum of a frame with this header and this data.
pub fn checksum(sequence: u16, source: u32, destination: u32, function: u16, data: &[u8]) -> u16 {
    let [s0, s1] = sequence.to_be_bytes();
    let [a0, a1, a2, a3] = source.to_be_bytes();
    let [d0, d1, d2, d3] = destination.to_be_bytes();
    let [f0, f1] = function.to_be_bytes();
    let header = [s0, s1, a0, a1, a2, a3, d0, d1, d2, d3, f0, f1];
    let mut digest: Digest<'_, u16, Table<16>> = CRC.digest();
    digest.update(&header);
    digest.update(data);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_covers_header_and_data() {
        assert_eq!(
            checksum(0x0227, 0xdead_beef, 0xffff_fffe, 0x0500, &[]),
            0x20b3
        );
        let long: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let whole = checksum(1, 2, 3, 4, &long);
        assert_ne!(
            whole,
            checksum(1, 2, 3, 4, long.get(..999).unwrap_or_default())
        );
        assert_ne!(whole, checksum(1, 2, 3, 5, &long));
        assert_ne!(whole, checksum(1, 3, 2, 4, &long));
    }

    /// Bit by bit, as the rule is written.
    #[test]
    fn the_fast_way_is_the_slow_one() {
        let data: Vec<u8> = (0..100_u8).map(|byte| byte.wrapping_mul(37)).collect();
        let mut header = vec![0x12, 0x34, 0x7f, 0x11, 0x22, 0x33];
        header.extend([0xff, 0xff, 0xff, 0xfe, 0x05, 0x00]);
        let mut slow = 0x5a5a_u16;
        for byte in header.iter().chain(&data) {
            slow ^= u16::from(*byte);
            for _ in 0..8 {
                slow = if slow & 1 == 1 {
                    slow >> 1 ^ 0xa001
                } else {
                    slow >> 1
                };
            }
        }
        let fast = checksum(0x1234, 0x7f11_2233, 0xffff_fffe, 0x0500, &data);
        assert_eq!(fast, slow);
    }
}
