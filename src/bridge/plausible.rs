//! What a value can be at all. Wires without a checksum, broken probes and misread lines bring
//! values that no device has; such a value is unknown, and what is computed from it leaves it out.
//!
//! The bounds are wide: they are to catch what is nonsense for any home, and never a large one. Those
//! of a power are the device's own, where it or its section tells them ([`Device::rated_power`]).

use crate::model::{Behavior, Decimal, Device, Metric, Quantity, Sentence};
use crate::say;

/// The most power, in watts, of a device that does not tell.
const ANY_HOME: u32 = 50_000;
/// Hours at full power in a long life: 20 years of a sunny roof.
const LIFE: i64 = 20_000;
/// No counter of a home reaches this, in thousandths: meters have six digits before the point.
const SIX_DIGITS: i64 = 1_000_000_000;

/// The most that a device can move, in watts.
pub fn power(device: &Device) -> u32 {
    device.rated_power.unwrap_or(ANY_HOME)
}

/// What a metric of a device can be, from and to; `None` where anything is possible.
fn bounds(device: &Device, metric: &Metric) -> Option<(i64, i64)> {
    let power = i64::from(power(device));
    let either_way = |most: i64| Some((-most, most));
    match metric.quantity? {
        Quantity::Power => either_way(power),
        // With a poor power factor there is more of these than of active power.
        Quantity::ApparentPower | Quantity::ReactivePower => either_way(power.saturating_mul(2)),
        Quantity::Energy | Quantity::ReactiveEnergy => {
            either_way(SIX_DIGITS.max(power.saturating_mul(LIFE)) / 1000)
        }
        Quantity::Gas | Quantity::Water | Quantity::Heat => Some((0, SIX_DIGITS / 1000)),
        Quantity::Voltage => either_way(2000),
        Quantity::Current => either_way(10_000),
        Quantity::Resistance => Some((0, 10_000_000)),
        Quantity::Frequency => Some((0, 1000)),
        Quantity::PowerFactor => either_way(1),
        Quantity::Angle => either_way(360),
        Quantity::Temperature => Some((-273, 3000)),
        Quantity::StateOfCharge => Some((0, 110)),
        Quantity::SignalQuality => Some((0, 100)),
        Quantity::SignalStrength => Some((-200, 100)),
        Quantity::Ratio => either_way(1000),
        Quantity::Charge => either_way(10_000_000),
        Quantity::Duration | Quantity::Minutes | Quantity::Count => None,
    }
}

/// Why a number cannot be the value of a metric that is no counter, if it cannot.
pub fn doubt(device: &Device, metric: &Metric, value: Decimal) -> Option<Sentence> {
    if !matches!(metric.behavior, Behavior::Measurement | Behavior::Figure) {
        return None;
    }
    let (least, most) = bounds(device, metric)?;
    let unit = metric.unit().unwrap_or("");
    let limit = |limit: i64| format!("{limit} {unit}").trim_end().to_owned();
    if value > Decimal::integer(most) {
        Some(say!(
            "{metric} is unknown: the device says {value}, which is more than {limit} and cannot be",
            metric,
            value,
            limit = limit(most)
        ))
    } else if value < Decimal::integer(least) {
        Some(say!(
            "{metric} is unknown: the device says {value}, which is less than {limit} and cannot be",
            metric,
            value,
            limit = limit(least)
        ))
    } else {
        None
    }
}

/// What a user can do about such values, as far as anything can be done here.
pub const fn advice(metric: &Metric) -> Sentence {
    match metric.quantity {
        Some(
            Quantity::Power
            | Quantity::ApparentPower
            | Quantity::ReactivePower
            | Quantity::Energy
            | Quantity::ReactiveEnergy,
        ) => {
            say!(
                "If it is true, write a larger max_power into its section, where it knows one; else check the device and \
                 its cable."
            )
        }
        _ => say!("Check the device and its cable."),
    }
}

/// The most that a counter can gain per hour, in thousandths of its unit: watts for kilowatt-hours.
pub fn gain(device: &Device, metric: &Metric) -> u32 {
    match metric.quantity {
        Some(Quantity::Energy | Quantity::ReactiveEnergy) => power(device),
        // More than the largest connection of a house: litres, and thousandths of a gigajoule.
        Some(Quantity::Gas) => 100_000,
        Some(Quantity::Water) => 50_000,
        Some(Quantity::Heat) => 2_000,
        _ => u32::MAX,
    }
}

/// The most that a counter can reach, in thousandths of its unit.
pub fn ceiling(device: &Device, metric: &Metric) -> i64 {
    match (metric.quantity, &metric.behavior) {
        (Some(Quantity::Energy | Quantity::ReactiveEnergy), Behavior::LifetimeCounter) => {
            SIX_DIGITS.max(i64::from(power(device)).saturating_mul(LIFE))
        }
        (Some(Quantity::Gas | Quantity::Water | Quantity::Heat), Behavior::LifetimeCounter) => {
            SIX_DIGITS
        }
        _ => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(rated_power: Option<u32>) -> Device {
        let mut device = Device::new("text", "clamp", "Clamp", "");
        device.rated_power = rated_power;
        device
    }

    fn is_doubted(device: &Device, quantity: Quantity, value: i64) -> bool {
        let metric = Metric::measurement("value", quantity);
        doubt(device, &metric, Decimal::integer(value)).is_some()
    }

    #[test]
    fn a_power_is_within_what_the_device_can_move() {
        for (rated, most) in [(None, 50_000), (Some(700), 700), (Some(200_000), 200_000)] {
            let device = device(rated);
            for value in [most, -most, 0] {
                assert!(!is_doubted(&device, Quantity::Power, value), "{value}");
            }
            for value in [most + 1, -most - 1, i64::MAX, i64::MIN] {
                assert!(is_doubted(&device, Quantity::Power, value), "{value}");
            }
        }
    }

    #[test]
    fn what_is_doubted_is_said_with_its_bound_and_what_to_do() {
        let metric = Metric::measurement("power", Quantity::Power);
        let words = doubt(&device(None), &metric, Decimal::integer(999_999_999_999));
        assert_eq!(
            words.map(|words| words.to_string()).as_deref(),
            Some(
                "Power is unknown: the device says 999999999999, which is more than 50000 W and cannot be"
            )
        );
        assert!(advice(&metric).contains("max_power"));
    }

    #[test]
    fn every_quantity_takes_what_homes_have_and_the_numbers_of_things_are_free() {
        let device = device(None);
        for quantity in Quantity::ALL {
            for value in [0, 1] {
                assert!(!is_doubted(&device, *quantity, value), "{quantity:?}");
            }
            let is_free = matches!(
                quantity,
                Quantity::Duration | Quantity::Minutes | Quantity::Count
            );
            assert_eq!(
                !is_doubted(&device, *quantity, i64::MAX),
                is_free,
                "{quantity:?}"
            );
        }
        for (quantity, fits, not) in [
            (Quantity::Voltage, 1000, 6553),
            (Quantity::Temperature, -40, -300),
            (Quantity::StateOfCharge, 100, 255),
            (Quantity::SignalStrength, -90, -999),
        ] {
            assert!(!is_doubted(&device, quantity, fits) && is_doubted(&device, quantity, not));
        }
    }

    #[test]
    fn text_and_states_are_not_numbers() {
        let metric = Metric::text("words");
        assert_eq!(
            doubt(&device(None), &metric, Decimal::integer(i64::MAX)),
            None
        );
    }
}
