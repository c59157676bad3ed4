//! Exact decimal numbers: what the device said, without binary rounding noise.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// `mantissa / 10^scale`, for example 2337 and 1 for 233.7.
///
/// Every quantity a meter or an inverter reports fits: 63 bits of mantissa and at most
/// [`Decimal::MAX_SCALE`] decimals.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

impl Decimal {
    /// The largest number of decimals that is kept.
    pub const MAX_SCALE: u8 = 12;

    /// `mantissa / 10^scale`; a scale above [`Self::MAX_SCALE`] is cut down to it by rounding.
    pub const fn new(mantissa: i64, scale: u8) -> Self {
        let raw = Self { mantissa, scale };
        if scale > Self::MAX_SCALE {
            raw.with_scale(Self::MAX_SCALE)
        } else {
            raw
        }
    }

    /// A whole number.
    pub const fn integer(value: i64) -> Self {
        Self {
            mantissa: value,
            scale: 0,
        }
    }

    /// An energy in kilowatt-hours from whole watt-hours, which is how energy is kept inside.
    pub const fn from_watt_hours(watt_hours: i64) -> Self {
        Self {
            mantissa: watt_hours,
            scale: 3,
        }
    }

    /// The digits without the decimal point.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// The number of decimals.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The same number with `scale` decimals, rounded half away from zero, saturating at the ends
    /// of the 64-bit mantissa.
    pub const fn with_scale(self, scale: u8) -> Self {
        let wide = self.mantissa as i128;
        let result = if scale >= self.scale {
            wide.saturating_mul(power_of_ten(scale - self.scale))
        } else {
            let divisor = power_of_ten(self.scale - scale);
            let half = if wide < 0 {
                -(divisor / 2)
            } else {
                divisor / 2
            };
            (wide + half) / divisor
        };
        let mantissa = if result > i64::MAX as i128 {
            i64::MAX
        } else if result < i64::MIN as i128 {
            i64::MIN
        } else {
            result as i64
        };
        Self { mantissa, scale }
    }

    /// Cuts to at most `decimals` places; numbers that have fewer stay as they are.
    pub const fn rounded(self, decimals: u8) -> Self {
        if self.scale > decimals {
            self.with_scale(decimals)
        } else {
            self
        }
    }

    /// The nearest binary floating point number. Its shortest decimal form is this number again
    /// for every mantissa up to 2^53, so `233.7` never turns into `233.70000000000002`.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / power_of_ten(self.scale) as f64
    }

    /// Whole watt-hours of an energy in kilowatt-hours, rounded.
    pub const fn to_watt_hours(self) -> i64 {
        self.with_scale(3).mantissa
    }

    /// How far it is from another number, at most as far as the 64-bit mantissa reaches.
    pub fn distance(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        let apart = self.wide(scale).abs_diff(other.wide(scale));
        let mantissa = i64::try_from(apart).unwrap_or(i64::MAX);
        Self { mantissa, scale }
    }

    /// `self * factor + offset`, exact as far as it fits, see [`Self::fitting`].
    pub fn times_plus(self, factor: Self, offset: Self) -> Option<Self> {
        let (number, factor, offset) = (self.trimmed(), factor.trimmed(), offset.trimmed());
        let product = i128::from(number.mantissa) * i128::from(factor.mantissa);
        let scale_of_product = number.scale.checked_add(factor.scale)?;
        let scale = scale_of_product.max(offset.scale);
        let at = |wide: i128, from: u8| wide.checked_mul(power_of_ten(scale - from));
        let offset = at(i128::from(offset.mantissa), offset.scale)?;
        let sum = at(product, scale_of_product)?.checked_add(offset)?;
        Self::fitting(sum, scale)
    }

    /// `mantissa / 10^scale`, rounded half away from zero to as many decimals as fit, at most
    /// [`Self::MAX_SCALE`]; `None` if not even the whole number fits.
    pub fn fitting(mantissa: i128, scale: u8) -> Option<Self> {
        (scale.saturating_sub(Self::MAX_SCALE)..=scale).find_map(|cut| {
            let divisor = power_of_ten(cut);
            let half = divisor / 2 * mantissa.signum();
            let rounded = mantissa.saturating_add(half) / divisor;
            let mantissa = i64::try_from(rounded).ok()?;
            Some(Self::new(mantissa, scale - cut).trimmed())
        })
    }

    /// What numbers add up to, each with whether it is taken away instead. Exact, whatever their
    /// order; only what leaves the 64-bit mantissa loses decimals, and saturates in the end.
    pub fn total(numbers: impl IntoIterator<Item = (Self, bool)> + Clone) -> Self {
        let scales = numbers.clone().into_iter().map(|(number, _)| number.scale);
        let mut scale = scales.max().unwrap_or(0).min(Self::MAX_SCALE);
        let mut sum = 0_i128;
        for (number, is_minus) in numbers {
            let wide = number.rounded(Self::MAX_SCALE).wide(scale);
            sum = sum.saturating_add(if is_minus { -wide } else { wide });
        }
        while scale > 0 && i64::try_from(sum).is_err() {
            sum /= 10;
            scale -= 1;
        }
        let end = if sum < 0 { i64::MIN } else { i64::MAX };
        Self::new(i64::try_from(sum).unwrap_or(end), scale)
    }

    /// The mantissa at a scale that is not smaller.
    const fn wide(self, scale: u8) -> i128 {
        (self.mantissa as i128).saturating_mul(power_of_ten(scale - self.scale))
    }

    /// Whether the number is zero.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The shortest way to write it: no zeros at the end, no exponent, and never `-0`.
    pub fn shortest(self) -> String {
        let mut text = self.to_string();
        if text.contains('.') {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        if text == "-0" { "0".to_owned() } else { text }
    }

    /// The number for JSON: whole numbers without a decimal point.
    pub fn to_json(self) -> serde_json::Value {
        let trimmed = self.trimmed();
        if trimmed.scale == 0 {
            serde_json::Value::from(trimmed.mantissa)
        } else {
            serde_json::Value::from(trimmed.to_f64())
        }
    }

    /// The same number without trailing zeros behind the point.
    fn trimmed(self) -> Self {
        let mut number = self;
        while number.scale > 0 && number.mantissa % 10 == 0 {
            number.mantissa /= 10;
            number.scale -= 1;
        }
        number
    }
}

const fn power_of_ten(exponent: u8) -> i128 {
    // An exponent above 37 cannot occur: both scales are at most 255 apart only for values built
    // by hand, and those saturate anyway.
    let exponent = if exponent > 37 { 37 } else { exponent };
    10_i128.pow(exponent as u32)
}

/// The text is not a plain decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a plain decimal number")]
pub struct NotADecimal;

impl std::str::FromStr for Decimal {
    type Err = NotADecimal;

    /// Reads `-12.5`; no exponent, no thousands separator, at most [`Decimal::MAX_SCALE`] decimals.
    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let too_fine = fraction.len() > usize::from(Self::MAX_SCALE);
        if digits.is_empty() || !all_digits(digits) || !all_digits(fraction) || too_fine {
            return Err(NotADecimal);
        }
        let mantissa = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| NotADecimal)?;
        // At most MAX_SCALE, checked above.
        Ok(Self::new(mantissa, fraction.len() as u8))
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::integer(value)
    }
}

impl From<u16> for Decimal {
    fn from(value: u16) -> Self {
        Self::integer(value.into())
    }
}

impl From<u32> for Decimal {
    fn from(value: u32) -> Self {
        Self::integer(value.into())
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.wide(scale).cmp(&other.wide(scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let divisor = power_of_ten(self.scale).unsigned_abs();
        let magnitude = u128::from(self.mantissa.unsigned_abs());
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let width = usize::from(self.scale);
        write!(
            f,
            "{sign}{}.{:0width$}",
            magnitude / divisor,
            magnitude % divisor
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_the_device_said() {
        assert_eq!(Decimal::new(2337, 1).to_string(), "233.7");
        assert_eq!(Decimal::new(-5, 3).to_string(), "-0.005");
        assert_eq!(Decimal::new(2337, 1).to_json().to_string(), "233.7");
        assert_eq!(Decimal::new(4_358_100, 3).to_json().to_string(), "4358.1");
        assert_eq!(Decimal::new(5000, 3).to_json().to_string(), "5");
        assert_eq!(Decimal::integer(i64::MIN).to_string(), i64::MIN.to_string());
    }

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!(Decimal::new(125, 2).rounded(1), Decimal::new(13, 1));
        assert_eq!(Decimal::new(-125, 2).rounded(1), Decimal::new(-13, 1));
        assert_eq!(Decimal::new(5, 1).rounded(3).scale(), 1);
        assert_eq!(
            Decimal::from_watt_hours(1_234_567).to_watt_hours(),
            1_234_567
        );
    }

    #[test]
    fn a_distance_is_exact_and_has_no_sign() {
        let (a, b) = (Decimal::new(2301, 1), Decimal::new(22805, 2));
        assert_eq!(a.distance(b), Decimal::new(205, 2));
        assert_eq!(b.distance(a), Decimal::new(205, 2));
        let ends = Decimal::integer(i64::MIN).distance(Decimal::integer(i64::MAX));
        assert_eq!(ends, Decimal::integer(i64::MAX));
    }

    #[test]
    fn a_product_and_a_sum_are_exact() {
        let of = |text: &str| text.parse::<Decimal>().unwrap();
        for (number, factor, offset, result) in [
            ("0.1", "230", "0", "23"),
            ("18.50", "1", "-3", "15.5"),
            ("68", "0.555555555556", "-17.7777777778", "20.000000000008"),
            ("-1.5", "-2", "0.25", "3.25"),
            ("0.000000000006", "0.1", "0", "0.000000000001"),
        ] {
            let computed = of(number).times_plus(of(factor), of(offset));
            assert_eq!(computed.unwrap().to_string(), result);
        }
        let most = Decimal::integer(i64::MAX);
        assert_eq!(most.times_plus(most, most), None);
        assert_eq!(most.times_plus(of("1"), of("1")), None);
        // Decimals give way before the number does.
        let large = most.times_plus(of("0.25"), of("0")).unwrap();
        assert_eq!(large.to_string(), "2305843009213693952");
    }

    #[test]
    fn a_total_is_exact() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        let parts = [
            ("0.1", false),
            ("0.25", false),
            ("300", false),
            ("0.05", true),
        ];
        let total = Decimal::total(parts.map(|(text, minus)| (number(text), minus)));
        assert_eq!(total.to_string(), "300.30");
        assert_eq!(Decimal::total([]), Decimal::integer(0));
        let large = (Decimal::integer(i64::MAX), false);
        let fine = (Decimal::new(5, 3), false);
        assert_eq!(Decimal::total([large, fine]), Decimal::integer(i64::MAX));
        assert_eq!(Decimal::total([large, large]), Decimal::integer(i64::MAX));
    }

    #[test]
    fn reads_plain_decimals_only() {
        assert_eq!("-12.50".parse(), Ok(Decimal::new(-125, 1)));
        for text in ["", "-", ".5", "1e3", "0x1", "1,5", "--1", "1.0000000000001"] {
            assert_eq!(text.parse::<Decimal>(), Err(NotADecimal), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_is_exact(mantissa in -(1_i64 << 53)..(1_i64 << 53), scale in 0_u8..=6) {
            let number = Decimal::new(mantissa, scale);
            let text = number.to_json().to_string();
            prop_assert!(!text.contains('e') || number.to_f64().abs() < 1e-4, "{text}");
            let back: f64 = text.parse().unwrap();
            prop_assert_eq!(back, number.to_string().parse::<f64>().unwrap());
        }

        #[test]
        fn order_is_that_of_the_numbers(a: i32, b: i32, x in 0_u8..6, y in 0_u8..6) {
            let (left, right) = (Decimal::new(a.into(), x), Decimal::new(b.into(), y));
            let exact = (i128::from(a) * power_of_ten(y)).cmp(&(i128::from(b) * power_of_ten(x)));
            prop_assert_eq!(left.cmp(&right), exact);
        }

        #[test]
        fn never_panics(mantissa: i64, scale: u8, to: u8) {
            let number = Decimal::new(mantissa, scale);
            let _ = (number.with_scale(to.min(40)), number.to_string(), number.to_json());
        }
    }
}
