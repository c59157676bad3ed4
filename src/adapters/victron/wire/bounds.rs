//! What a number can be at all, by its unit: no device of this kind comes anywhere near these.
//!
//! The check sums are one byte, so once in a while a damaged number passes them.

use crate::model::Decimal;

/// Unit, least and most.
const BOUNDS: &[(&str, i64, i64)] = &[
    ("V", -10, 1_000),
    ("A", -10_000, 10_000),
    ("W", -1_000_000, 1_000_000),
    ("VA", -1_000_000, 1_000_000),
    ("%", -100, 100),
    ("°C", -100, 200),
    // 50 kW for thirty years.
    ("kWh", 0, 13_200_000),
    ("Ah", -1_000_000_000, 1_000_000_000),
    ("s", 0, 4_000_000_000),
    ("min", -1, 10_000_000),
    ("Hz", 0, 1_000),
];

/// Whether a number can be true.
#[must_use]
pub fn are_kept(unit: &str, number: Decimal) -> bool {
    let bounds = BOUNDS.iter().find(|(known, ..)| *known == unit);
    bounds.is_none_or(|(_, least, most)| {
        Decimal::integer(*least) <= number && number <= Decimal::integer(*most)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_device_can_measure_is_out_of_bounds() {
        assert!(are_kept("V", Decimal::new(52_640, 3)));
        assert!(!are_kept("V", Decimal::new(1_000_001, 3)));
        assert!(are_kept("kWh", Decimal::new(2_758_712, 2)));
        assert!(!are_kept("kWh", Decimal::new(-1, 2)));
        assert!(!are_kept("kWh", Decimal::new(4_294_967_295, 2)));
        assert!(!are_kept("%", Decimal::new(1_001, 1)));
        assert!(are_kept("", Decimal::integer(i64::MAX)));
    }
}
