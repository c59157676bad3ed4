//! Who feeds whom.

/// What flows from whom to whom, in the unit that went in. All are 0 or more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flows {
    /// From the panels into the house.
    pub sun_house: i64,
    /// From the panels into the battery.
    pub sun_battery: i64,
    /// From the panels into the grid.
    pub sun_grid: i64,
    /// From the battery into the house.
    pub battery_house: i64,
    /// From the battery into the grid.
    pub battery_grid: i64,
    /// From the grid into the house.
    pub grid_house: i64,
    /// From the grid into the battery.
    pub grid_battery: i64,
}

impl Flows {
    /// The keys of the flows, in the order of [`Self::all`].
    pub const KEYS: [&'static str; 7] = [
        "sun_house",
        "sun_battery",
        "sun_grid",
        "battery_house",
        "battery_grid",
        "grid_house",
        "grid_battery",
    ];

    /// All flows, in the order of [`Self::KEYS`].
    pub const fn all(&self) -> [i64; 7] {
        [
            self.sun_house,
            self.sun_battery,
            self.sun_grid,
            self.battery_house,
            self.battery_grid,
            self.grid_house,
            self.grid_battery,
        ]
    }
}

impl From<[i64; 7]> for Flows {
    /// From all flows, in the order of [`Self::KEYS`].
    fn from(all: [i64; 7]) -> Self {
        let [
            sun_house,
            sun_battery,
            sun_grid,
            battery_house,
            battery_grid,
            grid_house,
            grid_battery,
        ] = all;
        Self {
            sun_house,
            sun_battery,
            sun_grid,
            battery_house,
            battery_grid,
            grid_house,
            grid_battery,
        }
    }
}

/// Splits powers of one moment, or energies of one time: the sun feeds the house, then the battery, then the grid;
/// the battery what is left of the house, then the grid; the grid what is left then.
///
/// `battery` is above 0 while it is charged, `grid` while energy is taken. A house without a battery or grid has 0
/// there. What is not known makes all unknown: nothing is guessed. What the panels take at night, and a house
/// below 0, which only measuring errors make, count as 0.
pub fn split(
    sun: Option<i64>,
    battery: Option<i64>,
    grid: Option<i64>,
    house: Option<i64>,
) -> Option<Flows> {
    let (battery, grid) = (battery?, grid?);
    let mut sun = sun?.max(0);
    let mut house = house?.max(0);
    let mut charged = battery.max(0);
    let mut discharged = battery.saturating_neg().max(0);
    let mut taken = grid.max(0);
    let mut given = grid.saturating_neg().max(0);
    let flow = |from: &mut i64, to: &mut i64| {
        let flow = (*from).min(*to);
        *from -= flow;
        *to -= flow;
        flow
    };
    Some(Flows {
        sun_house: flow(&mut sun, &mut house),
        sun_battery: flow(&mut sun, &mut charged),
        sun_grid: flow(&mut sun, &mut given),
        battery_house: flow(&mut discharged, &mut house),
        battery_grid: flow(&mut discharged, &mut given),
        grid_house: flow(&mut taken, &mut house),
        grid_battery: flow(&mut taken, &mut charged),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(sun: i64, battery: i64, grid: i64, house: i64) -> Flows {
        split(Some(sun), Some(battery), Some(grid), Some(house)).unwrap()
    }

    #[test]
    fn the_sun_goes_into_the_house_first() {
        let flows = known(3200, 900, -1710, 590);
        assert_eq!(flows.all(), [590, 900, 1710, 0, 0, 0, 0]);
        let flows = known(200, -300, 0, 500);
        assert_eq!(flows.all(), [200, 0, 0, 300, 0, 0, 0]);
        let flows = known(0, 1000, 1400, 400);
        assert_eq!(flows.all(), [0, 0, 0, 0, 0, 400, 1000]);
        let flows = known(0, -2500, -2000, 500);
        assert_eq!(flows.all(), [0, 0, 0, 500, 2000, 0, 0]);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let all = [Some(100), Some(0), Some(50), Some(150)];
        for unknown in 0..4 {
            let mut powers = all;
            powers[unknown] = None;
            let [sun, battery, grid, house] = powers;
            assert_eq!(split(sun, battery, grid, house), None);
        }
        assert_eq!(
            split(Some(i64::MIN), Some(i64::MIN), Some(i64::MIN), Some(0))
                .map(|it| it.battery_grid),
            Some(i64::MAX)
        );
    }

    proptest! {
        /// The house has what the others leave it, losses included.
        #[test]
        fn what_goes_in_comes_out(
            sun in 0_i64..20_000, battery in -10_000_i64..10_000, grid in -20_000_i64..20_000,
        ) {
            let house = sun - battery + grid;
            prop_assume!(house >= 0);
            let flows = known(sun, battery, grid, house);
            prop_assert_eq!(flows.sun_house + flows.sun_battery + flows.sun_grid, sun);
            prop_assert_eq!(flows.battery_house + flows.battery_grid, (-battery).max(0));
            prop_assert_eq!(flows.grid_house + flows.grid_battery, grid.max(0));
            prop_assert_eq!(flows.sun_house + flows.battery_house + flows.grid_house, house);
            prop_assert_eq!(flows.sun_battery + flows.grid_battery, battery.max(0));
            prop_assert_eq!(flows.sun_grid + flows.battery_grid, (-grid).max(0));
        }

        /// Whatever is measured: nobody gives more than he has, and all that can flow does.
        #[test]
        fn nobody_gives_what_he_has_not(sun: i32, battery: i32, grid: i32, house: i32) {
            let [sun, battery, grid, house] = [sun, battery, grid, house].map(i64::from);
            let flows = known(sun, battery, grid, house);
            prop_assert!(flows.all().iter().all(|flow| *flow >= 0));
            let given = sun.max(0) + (-battery).max(0) + grid.max(0);
            let wanted = house.max(0) + battery.max(0) + (-grid).max(0);
            prop_assert_eq!(flows.all().iter().sum::<i64>(), given.min(wanted));
            prop_assert!(flows.sun_house + flows.sun_battery + flows.sun_grid <= sun.max(0));
            prop_assert!(flows.sun_house + flows.battery_house + flows.grid_house <= house.max(0));
        }
    }
}
