//! The home behind the meter: what its house takes and gives, and what the meter has counted.

use jiff::Timestamp;

use crate::simulation::House;
use crate::simulation::noise::noise;

/// Milliwatt-seconds of a watt-hour.
const WATT_HOUR: u64 = 3_600_000;

/// Watts of the roof of a house in which no inverters are simulated, so that it gives, too.
pub const ROOF: i32 = 4_800;

/// What a meter shows at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// Watts taken from the grid.
    pub power_import: u32,
    /// Watts given to the grid.
    pub power_export: u32,
    /// Watt-hours taken so far.
    pub energy_import: u32,
    /// Watt-hours given so far.
    pub energy_export: u32,
    /// Var-hours taken so far.
    pub reactive_import: u32,
    /// Var-hours given so far.
    pub reactive_export: u32,
    /// Tenths of a volt, per phase.
    pub voltage: [u16; 3],
    /// Hundredths of an ampere, per phase.
    pub current: [u16; 3],
    /// Thousandths.
    pub power_factor: i16,
}

/// Values that stand still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fixed {
    /// Net power in watts, negative for giving.
    pub power: Option<i32>,
    /// What the meter has counted at the start, in watt-hours.
    pub energy_import: Option<u32>,
    /// What the meter has counted at the start, in watt-hours.
    pub energy_export: Option<u32>,
}

/// A home and its meter.
#[derive(Debug, Clone)]
pub struct Household {
    /// Of the meter, for what it measures of the grid.
    seed: u64,
    house: House,
    fixed: Fixed,
    last: Option<Timestamp>,
    /// Milliwatt-seconds.
    counted_import: u64,
    counted_export: u64,
}

impl Household {
    pub fn new(seed: u64, house: House, fixed: Fixed) -> Self {
        let start = |given: Option<u32>, usual: u64| {
            given.map_or(usual, u64::from).saturating_mul(WATT_HOUR)
        };
        Self {
            seed,
            house,
            fixed,
            last: None,
            counted_import: start(fixed.energy_import, 12_345_678),
            counted_export: start(fixed.energy_export, 2_345_678),
        }
    }

    /// Net power from now on; `None` lets it vary.
    pub const fn set_power(&mut self, power: Option<i32>) {
        self.fixed.power = power;
    }

    /// What the meter shows at a moment. Moments come in order; power counts since the last one.
    pub fn at(&mut self, now: Timestamp) -> Sample {
        let power = self.fixed.power;
        let net = power.unwrap_or_else(|| self.house.flows(now).from_grid());
        let (import, export) = (net.max(0).unsigned_abs(), net.min(0).unsigned_abs());
        let elapsed = self
            .last
            .map_or(0, |last| now.as_millisecond() - last.as_millisecond());
        let elapsed = u64::try_from(elapsed).unwrap_or(0);
        self.counted_import += u64::from(import) * elapsed;
        self.counted_export += u64::from(export) * elapsed;
        self.last = Some(now);
        // Registers have 32 bits and begin again.
        let hours = |counted: u64| (counted / WATT_HOUR) as u32;
        let seconds = now.as_second() as f64;
        let mut sample = Sample {
            power_import: import,
            power_export: export,
            energy_import: hours(self.counted_import),
            energy_export: hours(self.counted_export),
            reactive_import: hours(self.counted_import) / 10,
            reactive_export: hours(self.counted_export) / 10,
            power_factor: if net < 0 { -970 } else { 985 },
            ..Sample::default()
        };
        for (phase, (voltage, current)) in sample
            .voltage
            .iter_mut()
            .zip(&mut sample.current)
            .enumerate()
        {
            let swing = noise(self.seed, 10, phase as u64, seconds / 120.0);
            *voltage = 2280 + (swing * 80.0) as u16;
            // A third of the power each; hundredths of an ampere at tenths of a volt.
            let power = u64::from(import.max(export)) / 3;
            *current = u16::try_from(power * 1000 / u64::from(*voltage)).unwrap_or(u16::MAX);
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Sky;

    fn home(fixed: Fixed) -> Household {
        let begun = at(0).to_zoned(jiff::tz::TimeZone::UTC);
        Household::new(1, House::new(&begun, Sky::default()).with_roof(ROOF), fixed)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    #[test]
    fn energy_is_what_power_sums_up_to() {
        let fixed = Fixed {
            power: Some(3600),
            energy_import: Some(1000),
            energy_export: Some(5),
        };
        let mut home = home(fixed);
        home.at(at(0));
        let sample = home.at(at(100));
        assert_eq!((sample.energy_import, sample.energy_export), (1100, 5));
        assert_eq!((sample.power_import, sample.power_export), (3600, 0));
    }

    #[test]
    fn a_day_has_import_and_export_and_counters_never_fall() {
        let mut home = home(Fixed::default());
        let samples: Vec<_> = (0..24 * 60)
            .map(|minute| home.at(at(minute * 60)))
            .collect();
        assert!(samples.iter().any(|sample| sample.power_export > 500));
        assert!(samples.iter().any(|sample| sample.power_import > 500));
        for pair in samples.windows(2) {
            let [before, after] = pair else {
                unreachable!()
            };
            assert!(after.energy_import >= before.energy_import);
            assert!(after.energy_export >= before.energy_export);
            assert!(after.power_import == 0 || after.power_export == 0);
        }
    }
}
