//! The energy counters of inverters, which begin at zero each time an inverter starts.

/// What a step of a counter is. Exact as long as counters are added and taken away before they become an energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CounterScale {
    /// 8.311/3600 Wh in the upper 24 of 40 bits.
    B1,
    /// 1.66e-5 Wh, in 32 bits.
    Ds3,
}

impl CounterScale {
    /// Steps as a fraction: so many micro-watt-hours are so many steps.
    pub const fn micro_watt_hours_of_steps(self) -> (u64, u64) {
        match self {
            // 8.311 J in 3600 s are 41555/18 micro-watt-hours; the counter has 16 bits below that.
            Self::B1 => (41_555, 18 << 16),
            Self::Ds3 => (83, 5),
        }
    }

    /// How many bits a counter has.
    pub const fn bits(self) -> u32 {
        match self {
            Self::B1 => 40,
            Self::Ds3 => 32,
        }
    }

    /// The energy of a counter, or of the difference of two, in micro-watt-hours; rounded.
    pub const fn energy_of(self, raw: u64) -> u64 {
        let (energy, steps) = self.micro_watt_hours_of_steps();
        let energy = raw as u128 * energy as u128 + steps as u128 / 2;
        let energy = energy / steps as u128;
        if energy > u64::MAX as u128 {
            u64::MAX
        } else {
            energy as u64
        }
    }

    /// The counter that is nearest to an energy in micro-watt-hours, as far as it has bits.
    pub const fn raw_of(self, micro_watt_hours: u64) -> u64 {
        let (energy, steps) = self.micro_watt_hours_of_steps();
        let raw = micro_watt_hours as u128 * steps as u128 + energy as u128 / 2;
        let raw = raw / energy as u128;
        let most = (1_u128 << self.bits()) - 1;
        if raw > most { most as u64 } else { raw as u64 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn energies_are_those_of_the_constants() {
        assert_eq!(CounterScale::Ds3.energy_of(100_000_000), 1_660_000_000);
        // 3600 steps of 8.311 J.
        assert_eq!(CounterScale::B1.energy_of(3600 << 16), 8_311_000);
        assert_eq!(
            CounterScale::B1.energy_of(u64::MAX),
            649_816_258_733_961_671
        );
    }

    proptest! {
        #[test]
        fn a_counter_comes_back_as_far_as_it_is_fine(raw in 0..1_u64 << 32) {
            let scale = CounterScale::Ds3;
            prop_assert_eq!(scale.raw_of(scale.energy_of(raw)), raw);
            let scale = CounterScale::B1;
            let again = scale.raw_of(scale.energy_of(raw));
            // A micro-watt-hour is 28 of the finest steps.
            prop_assert!(again.abs_diff(raw) <= 15, "{again} {raw}");
        }

        #[test]
        fn no_energy_is_too_large(energy: u64) {
            for scale in [CounterScale::B1, CounterScale::Ds3] {
                prop_assert!(scale.raw_of(energy) < 1 << scale.bits());
                let _ = scale.energy_of(energy);
            }
        }
    }
}
