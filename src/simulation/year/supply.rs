//! What a house takes besides the electricity of its meter: gas and heat by the cold and the hour, water in
//! the mornings and evenings, and a charger that has an electricity meter of its own.
//!
//! It is told in steps of five minutes that begin at fixed moments, so that the same time sums up to the same
//! however often somebody looks.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::weather::Weather;
use crate::simulation::noise::{noise, unit};

/// Seconds of a step.
pub const SUPPLY_STEP: i64 = 300;
/// Steps of an hour.
const STEPS: f64 = 12.0;
/// Litres of gas in five minutes for each degree below the temperature from which a house is heated.
const GAS_OF_A_DEGREE: f64 = 2.15;
const HEATED_BELOW: f64 = 16.0;
/// Litres of gas that heat a litre of water, and how much of the water is hot.
const GAS_OF_A_LITRE: f64 = 3.6;
const HOT: f64 = 0.4;
/// MJ of heat in a litre of gas.
const HEAT_OF_GAS: f64 = 0.0352;
/// Litres that are drawn at once, on average.
const DRAW: f64 = 8.0;
/// What a car charges with, in Wh of a step, and on which share of the nights.
const CHARGE: u64 = 300;
const CHARGED_NIGHTS: f64 = 0.5;

/// Litres of water in each hour of a day.
#[rustfmt::skip]
const WATER: [f64; 24] = [
    1.0, 0.0, 0.0, 0.0, 0.0, 3.0, 22.0, 38.0, 26.0, 14.0, 10.0, 10.0,
    12.0, 10.0, 8.0, 8.0, 10.0, 16.0, 24.0, 26.0, 22.0, 18.0, 10.0, 4.0,
];

/// What a value depends on besides time, so that no two values run alike.
enum SupplySalt {
    Burner = 61,
    Drawn,
    HowMuch,
    Rounding,
    Night,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supply {
    /// In thousandths of a cubic metre.
    Gas,
    /// In thousandths of a cubic metre.
    Water,
    /// In thousandths of a gigajoule.
    Heat,
    /// In watt-hours.
    Electricity,
}

impl Supply {
    /// What a house takes in the step that begins so many steps after 1970, in the smallest unit.
    pub fn taken(self, seed: u64, step: i64, zone: &TimeZone) -> u64 {
        let begin = Timestamp::from_second(step.saturating_mul(SUPPLY_STEP));
        begin.map_or(0, |begin| {
            self.taken_at(seed, step, zone.to_datetime(begin))
        })
    }

    /// The same, if the local time at its beginning is known.
    pub fn taken_at(self, seed: u64, step: i64, local: DateTime) -> u64 {
        let home = SupplyStep {
            seed,
            number: step.unsigned_abs(),
            local,
        };
        match self {
            Self::Water => home.whole(home.litres()),
            Self::Gas => home.whole(home.gas()),
            Self::Heat => home.whole(home.gas() * HEAT_OF_GAS),
            Self::Electricity => home.charge(),
        }
    }
}

/// Five minutes of a house.
struct SupplyStep {
    seed: u64,
    number: u64,
    local: DateTime,
}

impl SupplyStep {
    fn chance(&self, salt: SupplySalt) -> f64 {
        unit(self.seed, salt as u64, self.number)
    }

    fn hour(&self) -> usize {
        usize::try_from(self.local.hour()).unwrap_or(0)
    }

    fn litres(&self) -> f64 {
        let usual = WATER.get(self.hour()).copied().unwrap_or(0.0) / STEPS;
        let at_once = usual.max(DRAW);
        if self.chance(SupplySalt::Drawn) < usual / at_once {
            at_once * (0.25 + 1.5 * self.chance(SupplySalt::HowMuch))
        } else {
            0.0
        }
    }

    /// Litres.
    fn gas(&self) -> f64 {
        let weather = Weather { seed: self.seed };
        let cold = HEATED_BELOW - weather.warmth(self.local.date());
        let wanted = match self.hour() {
            22.. | ..6 => 0.4,
            6..9 => 1.6,
            17..22 => 1.4,
            _ => 0.9,
        };
        let burner = noise(
            self.seed,
            SupplySalt::Burner as u64,
            0,
            self.number as f64 / 3.0,
        );
        let heating = cold.max(0.0) * GAS_OF_A_DEGREE * wanted * (0.5 + burner);
        heating + self.litres() * HOT * GAS_OF_A_LITRE
    }

    /// In a step much less than the smallest unit may be taken: what is rounded up and down is as much as is
    /// left of it on average.
    fn whole(&self, amount: f64) -> u64 {
        (amount + self.chance(SupplySalt::Rounding)) as u64
    }

    fn charge(&self) -> u64 {
        // A night belongs to the day on which it began.
        let steps_of_a_day = 24 * STEPS as u64;
        let night = (self.number.saturating_sub(steps_of_a_day / 2)) / steps_of_a_day;
        let is_charged = unit(self.seed, SupplySalt::Night as u64, night) < CHARGED_NIGHTS;
        match self.hour() {
            22.. | ..4 if is_charged => CHARGE,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{HouseYear, YearPlan};
    use super::*;
    use crate::model::{Decimal, Device, Metric, Quantity, Report, Value};

    const DAY: i64 = 86_400 / SUPPLY_STEP;

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Amsterdam").unwrap()
    }

    /// What is taken in so many days from a date on.
    fn sum(supply: Supply, from: &str, days: i64) -> u64 {
        let midnight: jiff::civil::Date = from.parse().unwrap();
        let begin = midnight.to_zoned(zone()).unwrap().timestamp();
        let first = begin.as_second() / SUPPLY_STEP;
        let steps = first..first + days * DAY;
        steps.map(|step| supply.taken(1, step, &zone())).sum()
    }

    #[test]
    fn a_year_is_that_of_a_family() {
        let gas = sum(Supply::Gas, "2026-01-01", 365) / 1000;
        assert!((1_000..2_500).contains(&gas), "{gas} m³");
        let water = sum(Supply::Water, "2026-01-01", 365) / 1000;
        assert!((80..140).contains(&water), "{water} m³");
        let heat = sum(Supply::Heat, "2026-01-01", 365) / 1000;
        assert!((35..90).contains(&heat), "{heat} GJ");
        let charged = sum(Supply::Electricity, "2026-01-01", 365) / 1000;
        assert!((2_000..6_000).contains(&charged), "{charged} kWh");
    }

    #[test]
    fn gas_is_taken_in_winter_and_water_by_day() {
        let (winter, summer) = (
            sum(Supply::Gas, "2026-01-10", 20),
            sum(Supply::Gas, "2026-07-10", 20),
        );
        assert!(winter > 5 * summer && summer > 0, "{winter} {summer}");
        let night = |step: &i64| (step * SUPPLY_STEP).rem_euclid(86_400) < 3 * 3600;
        let first = 1_780_000_000 / SUPPLY_STEP;
        let (nights, days): (Vec<i64>, Vec<i64>) = (first..first + 30 * DAY).partition(night);
        let drawn = |steps: &[i64]| {
            let taken = steps
                .iter()
                .map(|step| Supply::Water.taken(1, *step, &TimeZone::UTC));
            taken.sum::<u64>()
        };
        assert!(drawn(&days) > 20 * drawn(&nights));
    }

    #[test]
    fn the_past_of_a_gas_meter_ends_where_it_stands() {
        let mut gas = Device::new("smart_meter", "G0054000654321", "Gas meter", "");
        gas.metrics = vec![Metric::lifetime("gas", Quantity::Gas).decimals(3)];
        let (id, begin) = (gas.id.clone(), "2026-01-10T00:00:00Z");
        let [begin, end] = [begin, "2026-01-12T00:00:00Z"].map(|it| it.parse().unwrap());
        let mut plan = YearPlan::new(vec![Arc::new(gas)], zone(), begin, end);
        plan.ends = [((id, "gas".to_owned()), Decimal::new(4_321_987, 3))].into();
        let mut said = Vec::new();
        HouseYear::new(plan).tell(|timed| {
            if let Report::Readings(readings) = timed.report {
                said.extend(readings.values.into_iter().map(|it| it.value));
            }
        });
        let said: Vec<_> = said.iter().filter_map(Value::as_number).collect();
        assert_eq!(said.len(), 2 * 288);
        assert!(said.is_sorted());
        assert_eq!(said.last(), Some(&Decimal::new(4_321_987, 3)));
        let first = begin.as_second() / SUPPLY_STEP;
        let steps = first + 1..first + 2 * DAY;
        let taken: u64 = steps.map(|step| Supply::Gas.taken(1, step, &zone())).sum();
        assert_eq!(said[0], Decimal::new(4_321_987 - taken.cast_signed(), 3));
    }
}
