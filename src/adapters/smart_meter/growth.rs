//! Whether registers grow as the power says.
//!
//! Some meters send numbers whose worth nothing in the telegram tells, and meters of the same maker
//! count in steps of 1 Wh or of 10 Wh. A register that grows ten times as fast as power and time
//! explain, or a tenth of it, is scaled wrongly. Power is added up between telegrams; a gap begins
//! anew.

use std::time::Duration;

use super::values::Values;
use crate::model::Decimal;

/// A longer time between two powers says nothing of what was between them.
const LONGEST: Duration = Duration::from_secs(60);
/// Watt-hours of power before a register is judged: a hundred steps of the coarsest.
const ENOUGH: f64 = 1000.0;

/// How fast the registers of a meter grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Ten times as fast as the power explains.
    TenTimes,
    /// A tenth of it.
    ATenth,
}

/// Both directions of one meter.
#[derive(Debug, Default)]
pub struct Growth {
    import: Register,
    export: Register,
}

impl Growth {
    /// Takes the values of a telegram.
    pub fn take(&mut self, values: &Values, now: Duration) {
        let number = |key| values.number_of(key);
        self.import
            .take(now, number("power_import"), number("energy_import"));
        self.export
            .take(now, number("power_export"), number("energy_export"));
    }

    /// What is wrong with the registers, once it is certain.
    pub fn pace(&self) -> Option<Pace> {
        self.import.pace.or(self.export.pace)
    }
}

/// One register and the power that it counts.
#[derive(Debug, Default)]
struct Register {
    last: Option<(Duration, f64)>,
    /// Where the register stood when the power began to be added up.
    start: Option<i64>,
    /// What the power explains since then, in watt-hours.
    explained: f64,
    pace: Option<Pace>,
}

impl Register {
    fn take(&mut self, now: Duration, power: Option<Decimal>, energy: Option<Decimal>) {
        if let Some(power) = power {
            let power = power.to_f64();
            if let Some((at, before)) = self.last.replace((now, power)) {
                let passed = now.saturating_sub(at);
                if passed > LONGEST {
                    (self.start, self.explained) = (None, 0.0);
                } else {
                    self.explained += (before + power) / 2.0 * passed.as_secs_f64() / 3600.0;
                }
            }
        }
        let Some(energy) = energy.map(Decimal::to_watt_hours) else {
            return;
        };
        let Some(start) = self.start.filter(|start| *start <= energy) else {
            (self.start, self.explained) = (Some(energy), 0.0);
            return;
        };
        if self.explained >= ENOUGH {
            let grown = Decimal::integer(energy.saturating_sub(start)).to_f64();
            self.pace = match grown / self.explained {
                7.0..14.0 => Some(Pace::TenTimes),
                0.07..0.14 => Some(Pace::ATenth),
                _ => None,
            };
            (self.start, self.explained) = (Some(energy), 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pace after some hours of steady watts, with a register of steps of so many watt-hours that
    /// is told every hour, or with each power.
    fn after(hours: i64, watts: i64, factor: f64, step: i64, hourly: bool) -> Option<Pace> {
        let mut register = Register::default();
        for seconds in (0..=hours * 3600).step_by(10) {
            let now = Duration::from_secs(seconds.unsigned_abs());
            let counted = (watts as f64 * seconds as f64 / 3600.0 * factor) as i64 / step * step;
            let energy = Decimal::from_watt_hours(5_000_000 + counted);
            let told = !hourly || seconds % 3600 == 10;
            register.take(now, Some(Decimal::integer(watts)), told.then_some(energy));
        }
        register.pace
    }

    #[test]
    fn a_register_of_another_scale_is_known_by_the_power() {
        for hourly in [false, true] {
            for watts in [300, 2000, 9000] {
                assert_eq!(after(6, watts, 1.0, 10, hourly), None, "{watts}");
                let ten_times = after(6, watts, 10.0, 10, hourly);
                assert_eq!(ten_times, Some(Pace::TenTimes), "{watts}");
                let tenth = after(6, watts, 0.1, 1, hourly);
                assert_eq!(tenth, Some(Pace::ATenth), "{watts}");
            }
        }
    }

    #[test]
    fn too_little_power_says_nothing() {
        assert_eq!(after(2, 400, 10.0, 10, false), None);
        assert_eq!(after(24, 0, 10.0, 10, false), None);
    }

    #[test]
    fn a_register_that_is_right_again_is_no_longer_suspected() {
        let mut register = Register::default();
        let mut energy = 1_000_000;
        let mut hours = |count: i64, factor: i64, register: &mut Register, from: i64| {
            for hour in 0..count * 60 {
                let now = Duration::from_secs(((from * 60 + hour) * 60).unsigned_abs());
                energy += 50 * factor;
                let power = Decimal::integer(3000);
                register.take(now, Some(power), Some(Decimal::from_watt_hours(energy)));
            }
            register.pace
        };
        assert_eq!(hours(2, 10, &mut register, 0), Some(Pace::TenTimes));
        assert_eq!(hours(2, 1, &mut register, 2), None);
    }
}
