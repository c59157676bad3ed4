//! Numbers of a telegram: where each comes from, and how many digits it has.

use super::super::Sample;
use super::sample::P1Sample;
use crate::simulation::year::Supply;

/// A number times a power of ten, in the unit without a prefix; heat in gigajoules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    value: i64,
    exponent: i8,
}

impl Figure {
    pub const fn new(value: i64, exponent: i8) -> Self {
        Self { value, exponent }
    }

    /// What stands behind a code, of which the first two numbers say nothing here.
    pub fn of(code: [u8; 3], grid: &Sample, p1: &P1Sample) -> Option<Self> {
        let whole = |value: u32| Self::new(value.into(), 0);
        let signed = |value: i32| Self::new(value.into(), 0);
        let net = grid.power_import.cast_signed() - grid.power_export.cast_signed();
        let apparent = |watts: u32| Self::new(i64::from(watts) * 1000 / 985, 0);
        let third = |value: u32| value / 3;
        Some(match code {
            [1, 8, 0] => whole(grid.energy_import),
            [2, 8, 0] => whole(grid.energy_export),
            [3, 8, 0] => whole(grid.reactive_import),
            [4, 8, 0] => whole(grid.reactive_export),
            [15, 8, 0] => whole(grid.energy_import.saturating_add(grid.energy_export)),
            [1, 8, tariff @ 1..=2] => whole(*p1.energy_import.get(usize::from(tariff) - 1)?),
            [2, 8, tariff @ 1..=2] => whole(*p1.energy_export.get(usize::from(tariff) - 1)?),
            [3, 8, 1] => whole(grid.reactive_import - third(grid.reactive_import)),
            [3, 8, 2] => whole(third(grid.reactive_import)),
            [4, 8, 1] => whole(grid.reactive_export - third(grid.reactive_export)),
            [4, 8, 2] => whole(third(grid.reactive_export)),
            [1, 7, 0] => whole(grid.power_import),
            [2, 7, 0] => whole(grid.power_export),
            [3, 7, 0] => whole(grid.power_import / 10),
            [4, 7, 0] => whole(grid.power_export / 10),
            [9, 7, 0] => apparent(grid.power_import),
            [10, 7, 0] => apparent(grid.power_export),
            [13, 7, 0] => Self::new(grid.power_factor.unsigned_abs().into(), -3),
            [15, 7, 0] => whole(grid.power_import.saturating_add(grid.power_export)),
            [16, 7 | 24, 0] => signed(net),
            [1, 4, 0] => whole(p1.demand_average),
            [1, 6, 0] => whole(p1.month_peak.watts),
            [c @ (21..=24 | 41..=44 | 61..=64), 7, 0] => {
                let watts = *p1.phases.get(usize::from(c / 20) - 1)?;
                match c % 20 {
                    1 => signed(watts.max(0)),
                    2 => signed(-watts.min(0)),
                    3 => signed(watts.max(0) / 10),
                    _ => signed(-watts.min(0) / 10),
                }
            }
            [c @ (31 | 51 | 71), 7, 0] => {
                let phase = usize::from(c / 20) - 1;
                Self::new((*p1.currents.get(phase)?).into(), -2)
            }
            [c @ (32 | 52 | 72), 7 | 24, 0] => {
                let phase = usize::from(c / 20) - 1;
                Self::new((*grid.voltage.get(phase)?).into(), -1)
            }
            _ => return None,
        })
    }

    /// What a meter behind the meter has counted.
    pub fn counted(supply: Supply, count: u64) -> Self {
        let exponent = match supply {
            Supply::Electricity => 0,
            Supply::Gas | Supply::Water | Supply::Heat => -3,
        };
        Self::new(count.cast_signed(), exponent)
    }

    /// Written like a number of zeros, such as `000.00*kW`, of which it takes digits and unit; what is too
    /// small for its digits is cut off. It has a sign only where the zeros have one.
    pub fn like(self, zeros: &str) -> Option<String> {
        let (number, unit) = zeros.split_once('*').unwrap_or((zeros, ""));
        let is_signed = number.starts_with('-');
        let digits = number.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        let decimals = i8::try_from(fraction.len()).ok()?;
        let shift = self.exponent + decimals - prefix(unit);
        let tens = 10_i64.checked_pow(shift.unsigned_abs().into())?;
        let value = self.value.abs();
        let value = if shift < 0 {
            value / tens
        } else {
            value.checked_mul(tens)?
        };
        let sign = if is_signed && self.value < 0 { "-" } else { "" };
        let point = usize::from(!fraction.is_empty());
        let width = whole.len() + fraction.len();
        let mut text = format!("{value:0width$}");
        if point > 0 {
            text.insert(text.len() - fraction.len(), '.');
        }
        let star = if zeros.contains('*') { "*" } else { "" };
        Some(format!("{sign}{text}{star}{unit}"))
    }
}

/// The power of ten of a unit's prefix.
fn prefix(unit: &str) -> i8 {
    match unit.as_bytes() {
        [b'k', ..] => 3,
        [b'M', b'W' | b'J', ..] => 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_digits_and_the_unit_of_its_zeros() {
        let like = |value, exponent, zeros| Figure::new(value, exponent).like(zeros);
        assert_eq!(
            like(12_345_678, 0, "000000.000*kWh").unwrap(),
            "012345.678*kWh"
        );
        assert_eq!(like(1_018, 0, "0000.00*kW").unwrap(), "0001.01*kW");
        assert_eq!(like(286, 0, "000000000*W").unwrap(), "000000286*W");
        assert_eq!(like(2_345, -1, "0000.000*kV").unwrap(), "0000.234*kV");
        assert_eq!(like(-583, -2, "000*A").unwrap(), "005*A");
        assert_eq!(like(-583, -2, "-000.0*A").unwrap(), "-005.8*A");
        assert_eq!(like(583, -2, "-000.0*A").unwrap(), "005.8*A");
        assert_eq!(
            like(7, 0, "00000000.0000000*kWh").unwrap(),
            "00000000.0070000*kWh"
        );
        assert_eq!(like(4_321_987, -3, "00000.00*m3").unwrap(), "04321.98*m3");
        assert_eq!(like(12, 0, "000000.000*kWh ").unwrap(), "000000.012*kWh ");
        assert_eq!(like(1, 0, "m3"), None);
        assert_eq!(like(1, 0, ""), None);
    }
}
