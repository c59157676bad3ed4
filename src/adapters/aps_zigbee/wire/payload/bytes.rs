//! Numbers in bytes at fixed places, high byte first, and from them to physical values and back.

use crate::model::Decimal;

/// The number of so many bytes from there on; `None` where they are not.
pub fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(size)?)?;
    Some(
        field
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// Writes the last bytes of a number there; what is beyond the end is left away.
pub fn put(bytes: &mut [u8], at: usize, size: usize, number: u64) {
    let all = number.to_be_bytes();
    let field = all.get(all.len().saturating_sub(size)..).unwrap_or(&all);
    for (slot, byte) in bytes.iter_mut().skip(at).zip(field) {
        *slot = *byte;
    }
}

/// A division rounded half away from zero; by a divisor above zero.
pub const fn rounded(number: i128, by: i128) -> i128 {
    let half = if number < 0 { -(by / 2) } else { by / 2 };
    (number + half) / by
}

/// A value is `raw * times / by + offset`, kept with enough decimals that each raw number has its own.
#[derive(Debug, Clone, Copy)]
pub struct RawScale {
    /// What a raw number is multiplied with.
    pub times: i64,
    /// And divided by.
    pub by: i64,
    /// What is added then, in the last of the decimals.
    pub offset: i64,
    /// How many.
    pub decimals: u8,
}

impl RawScale {
    pub const fn new(times: i64, by: i64, decimals: u8) -> Self {
        Self {
            times,
            by,
            offset: 0,
            decimals,
        }
    }

    const fn one(self) -> i128 {
        10_i128.pow(self.decimals as u32)
    }

    /// What a raw number says.
    pub fn value(self, raw: u64) -> Decimal {
        let product = i128::from(raw) * i128::from(self.times) * self.one();
        let mantissa = rounded(product, self.by.into()) + i128::from(self.offset);
        Decimal::fitting(mantissa, self.decimals).unwrap_or(Decimal::integer(i64::MAX))
    }

    /// The raw number that is nearest, from 0 to the greatest.
    pub fn raw(self, value: Decimal, greatest: u64) -> u64 {
        let above =
            i128::from(value.with_scale(self.decimals).mantissa()) - i128::from(self.offset);
        let raw = rounded(
            above * i128::from(self.by),
            i128::from(self.times) * self.one(),
        );
        u64::try_from(raw.max(0)).unwrap_or(u64::MAX).min(greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        let mut bytes = [0; 6];
        put(&mut bytes, 1, 3, 0x01_0203_0405);
        assert_eq!(bytes, [0, 3, 4, 5, 0, 0]);
        assert_eq!(number(&bytes, 1, 3), Some(0x03_0405));
        assert_eq!(number(&bytes, 4, 3), None);
        assert_eq!(number(&bytes, usize::MAX, 3), None);
        put(&mut bytes, 5, 2, 0x0607);
        assert_eq!(bytes[5], 6);
        put(&mut bytes, 9, 2, 1);
    }

    #[test]
    fn values_are_rounded_both_ways() {
        let scale = RawScale {
            offset: -2_587_000,
            ..RawScale::new(2752, 10_000, 4)
        };
        assert_eq!(scale.value(1000), "16.5".parse().unwrap());
        assert_eq!(scale.raw("16.5".parse().unwrap(), 0xffff), 1000);
        assert_eq!(scale.raw("-400".parse().unwrap(), 0xffff), 0);
        assert_eq!(scale.raw("40000".parse().unwrap(), 0xffff), 0xffff);
        assert_eq!((rounded(-5, 2), rounded(5, 2), rounded(4, 3)), (-3, 3, 1));
    }
}
