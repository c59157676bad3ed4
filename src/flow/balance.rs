//! Who feeds whom: what comes in, shared out among those that take it.

/// What flows at a moment, in one unit for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// From the panels, not below 0.
    pub sun: i64,
    /// Into the battery; below 0 out of it.
    pub battery: i64,
    /// From the grid; below 0 into it.
    pub grid: i64,
    /// Into the house, not below 0.
    pub house: i64,
}

/// The same from each to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flows {
    /// From the sun into the house.
    pub sun_house: i64,
    /// From the sun into the battery.
    pub sun_battery: i64,
    /// From the sun into the grid.
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

impl Balance {
    /// The sun feeds the house first, then the battery, then the grid; the battery what is left of the house, then
    /// the grid; the grid the rest.
    pub fn flows(self) -> Flows {
        let (mut sun, mut battery, mut grid) = (
            self.sun.max(0),
            self.battery.saturating_neg().max(0),
            self.grid.max(0),
        );
        let (mut house, mut charging, mut giving) = (
            self.house.max(0),
            self.battery.max(0),
            self.grid.saturating_neg().max(0),
        );
        let pass = |from: &mut i64, to: &mut i64| {
            let passed = (*from).min(*to);
            *from -= passed;
            *to -= passed;
            passed
        };
        Flows {
            sun_house: pass(&mut sun, &mut house),
            sun_battery: pass(&mut sun, &mut charging),
            sun_grid: pass(&mut sun, &mut giving),
            battery_house: pass(&mut battery, &mut house),
            battery_grid: pass(&mut battery, &mut giving),
            grid_house: pass(&mut grid, &mut house),
            grid_battery: pass(&mut grid, &mut charging),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_comes_in_goes_out(sun in 0..20_000_i64, battery in -9_000..9_000_i64, grid in -20_000..20_000_i64) {
            let house = sun - battery + grid;
            prop_assume!(house >= 0);
            let flows = Balance { sun, battery, grid, house }.flows();
            prop_assert_eq!(flows.sun_house + flows.sun_battery + flows.sun_grid, sun);
            prop_assert_eq!(flows.battery_house + flows.battery_grid, (-battery).max(0));
            prop_assert_eq!(flows.grid_house + flows.grid_battery, grid.max(0));
            prop_assert_eq!(flows.sun_house + flows.battery_house + flows.grid_house, house);
            prop_assert_eq!(flows.sun_battery + flows.grid_battery, battery.max(0));
            prop_assert_eq!(flows.sun_grid + flows.battery_grid, (-grid).max(0));
        }

        #[test]
        fn nothing_flows_that_is_not_there(sun: i64, battery: i64, grid: i64, house: i64) {
            let flows = Balance { sun, battery, grid, house }.flows();
            let all = [
                flows.sun_house, flows.sun_battery, flows.sun_grid, flows.battery_house, flows.battery_grid,
                flows.grid_house, flows.grid_battery,
            ];
            prop_assert!(all.iter().all(|it| *it >= 0));
            prop_assert!(flows.sun_house <= house.max(0) && flows.sun_house <= sun.max(0));
        }
    }
}
