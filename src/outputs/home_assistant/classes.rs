//! What a metric is to Home Assistant: the one table of classes and units.
//!
//! Home Assistant refuses an entity whose unit does not fit its class, and makes wrong statistics
//! from a state class that does not. What fits is spelled out in the tests, as Home Assistant 2026.11
//! has it.

use crate::model::{Behavior, Metric, OnOff, Quantity, Role};

/// What a metric is to Home Assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// `sensor` or `binary_sensor`.
    pub platform: &'static str,
    pub device_class: Option<&'static str>,
    pub state_class: Option<&'static str>,
    pub unit: Option<&'static str>,
    /// Whether the value is a number, so that it may have a display precision.
    pub is_numeric: bool,
}

impl Class {
    /// A number without statistics.
    #[cfg(test)]
    const fn is_figure(self) -> bool {
        self.is_numeric && self.state_class.is_none()
    }

    /// Whether Home Assistant has a translated name for the class that says enough. "Duration",
    /// "Timestamp" and "Stored energy" do not say of what.
    pub fn has_telling_name(self) -> bool {
        let vague = ["duration", "timestamp", "enum", "energy_storage"];
        self.device_class
            .is_some_and(|class| !vague.contains(&class))
    }
}

/// The class of a metric.
pub fn of(metric: &Metric) -> Class {
    let sensor = |device_class| Class {
        platform: "sensor",
        device_class,
        state_class: None,
        unit: None,
        is_numeric: false,
    };
    match &metric.behavior {
        Behavior::Measurement => number(metric.quantity, "measurement"),
        // Without statistics the class of what is counted fits as well as of what is measured.
        Behavior::Figure => Class {
            state_class: None,
            ..match metric.quantity {
                Some(
                    Quantity::Energy
                    | Quantity::ReactiveEnergy
                    | Quantity::Gas
                    | Quantity::Water
                    | Quantity::Heat,
                ) => number(metric.quantity, "total_increasing"),
                quantity => number(quantity, "measurement"),
            }
        },
        Behavior::LifetimeCounter | Behavior::DailyCounter => {
            number(metric.quantity, "total_increasing")
        }
        Behavior::State(_) => sensor(Some("enum")),
        Behavior::Text => sensor(None),
        Behavior::Timestamp => sensor(Some("timestamp")),
        Behavior::OnOff(meaning) => Class {
            platform: "binary_sensor",
            ..sensor(binary(*meaning))
        },
    }
}

/// A picture for what Home Assistant has no class for, and so none of its own.
pub fn icon(metric: &Metric) -> Option<&'static str> {
    match (&metric.behavior, metric.quantity) {
        (Behavior::Text, _) if metric.role == Role::Connection => Some("mdi:information-outline"),
        (Behavior::Text, _) => Some("mdi:text-short"),
        (Behavior::State(_), _) => Some("mdi:list-status"),
        (_, Some(Quantity::Count)) => Some("mdi:counter"),
        (_, Some(Quantity::SignalQuality)) => Some("mdi:signal"),
        (_, Some(Quantity::Ratio)) => Some("mdi:percent"),
        (_, Some(Quantity::Angle)) => Some("mdi:angle-acute"),
        (_, Some(Quantity::Charge)) => Some("mdi:battery"),
        (_, Some(Quantity::Resistance)) => Some("mdi:omega"),
        _ => None,
    }
}

const fn binary(meaning: OnOff) -> Option<&'static str> {
    match meaning {
        OnOff::Connectivity => Some("connectivity"),
        OnOff::Problem => Some("problem"),
        OnOff::Running => Some("running"),
        OnOff::Plain => None,
    }
}

fn number(quantity: Option<Quantity>, state_class: &'static str) -> Class {
    let counts = state_class == "total_increasing";
    let possible = |class: &'static str, in_counters: bool, in_measurements: bool| {
        let fits = if counts { in_counters } else { in_measurements };
        fits.then_some(class)
    };
    let measured = |class| possible(class, false, true);
    let device_class = quantity.and_then(|quantity| match quantity {
        Quantity::Power => measured("power"),
        Quantity::ApparentPower => measured("apparent_power"),
        Quantity::ReactivePower => measured("reactive_power"),
        // Energy that is measured, not counted, is what a battery holds.
        Quantity::Energy if counts => Some("energy"),
        Quantity::Energy => Some("energy_storage"),
        Quantity::ReactiveEnergy => possible("reactive_energy", true, false),
        Quantity::Gas => possible("gas", true, false),
        Quantity::Water => possible("water", true, false),
        // Heat that is counted in gigajoules is energy; its class for gas takes volumes and kilowatt-hours.
        Quantity::Heat => possible("energy", true, false),
        Quantity::Voltage => measured("voltage"),
        Quantity::Current => measured("current"),
        Quantity::Frequency => measured("frequency"),
        Quantity::PowerFactor => measured("power_factor"),
        Quantity::Temperature => measured("temperature"),
        Quantity::StateOfCharge => measured("battery"),
        Quantity::SignalStrength => measured("signal_strength"),
        Quantity::Duration | Quantity::Minutes => Some("duration"),
        // Home Assistant has no class for ampere-hours, resistances, shares and plain numbers; its class for
        // signals takes decibels only.
        Quantity::Charge
        | Quantity::Resistance
        | Quantity::SignalQuality
        | Quantity::Ratio
        | Quantity::Count
        | Quantity::Angle => None,
    });
    Class {
        platform: "sensor",
        device_class,
        state_class: Some(state_class),
        unit: quantity.and_then(Quantity::unit),
        is_numeric: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class, state classes, units as Home Assistant 2026.11 allows them; "" is no unit.
    const ALLOWED: &[(&str, &[&str], &[&str])] = &[
        (
            "power",
            &["measurement"],
            &["mW", "W", "kW", "MW", "GW", "TW"],
        ),
        (
            "energy",
            &["total", "total_increasing"],
            &["J", "kJ", "MJ", "GJ", "Wh", "kWh", "MWh", "GWh"],
        ),
        ("gas", &["total", "total_increasing"], &["L", "m³", "ft³"]),
        ("water", &["total", "total_increasing"], &["L", "m³", "ft³"]),
        (
            "energy_storage",
            &["measurement"],
            &["J", "kJ", "Wh", "kWh", "MWh", "GWh"],
        ),
        ("voltage", &["measurement"], &["mV", "V", "kV", "MV"]),
        ("current", &["measurement"], &["mA", "A"]),
        ("frequency", &["measurement"], &["Hz", "kHz", "MHz", "GHz"]),
        ("apparent_power", &["measurement"], &["mVA", "VA", "kVA"]),
        ("reactive_power", &["measurement"], &["mvar", "var", "kvar"]),
        (
            "reactive_energy",
            &["total", "total_increasing"],
            &["varh", "kvarh"],
        ),
        ("power_factor", &["measurement"], &["", "%"]),
        ("temperature", &["measurement"], &["°C", "°F", "K"]),
        ("battery", &["measurement"], &["%"]),
        ("signal_strength", &["measurement"], &["dB", "dBm"]),
        (
            "duration",
            &["measurement", "total", "total_increasing"],
            &["d", "h", "min", "s", "ms", "μs"],
        ),
        ("timestamp", &[], &[""]),
        ("enum", &[], &[""]),
    ];

    fn every_behavior() -> Vec<Behavior> {
        let mut all = vec![
            Behavior::Measurement,
            Behavior::Figure,
            Behavior::LifetimeCounter,
            Behavior::DailyCounter,
            Behavior::State(vec!["other".into()].into()),
            Behavior::Text,
            Behavior::Timestamp,
        ];
        all.extend(OnOff::ALL.iter().copied().map(Behavior::OnOff));
        all
    }

    #[test]
    fn home_assistant_allows_every_combination() {
        let quantities = Quantity::ALL.iter().copied().map(Some).chain([None]);
        for quantity in quantities {
            for behavior in every_behavior() {
                let mut metric = Metric::text("x");
                (metric.quantity, metric.behavior) = (quantity, behavior);
                let class = of(&metric);
                check(
                    class,
                    &format!("{:?} {:?}: {class:?}", metric.quantity, metric.behavior),
                );
            }
        }
    }

    fn check(class: Class, what: &str) {
        if class.platform == "binary_sensor" {
            let known = [None, Some("connectivity"), Some("problem"), Some("running")];
            assert!(known.contains(&class.device_class), "{what}");
            assert_eq!((class.state_class, class.unit), (None, None), "{what}");
            return;
        }
        let Some(device_class) = class.device_class else {
            // Without a class every unit and state class will do.
            return;
        };
        let (_, state_classes, units) = ALLOWED
            .iter()
            .find(|(name, ..)| *name == device_class)
            .unwrap_or_else(|| panic!("{what}: no such class"));
        assert!(units.contains(&class.unit.unwrap_or("")), "{what}");
        assert!(
            class
                .state_class
                .is_none_or(|class| state_classes.contains(&class)),
            "{what}"
        );
        let wants_one = !state_classes.is_empty() && !class.is_figure();
        assert_eq!(class.state_class.is_some(), wants_one, "{what}");
    }

    #[test]
    fn the_energy_dashboard_takes_counters_and_power() {
        let class = of(&Metric::lifetime("energy_total", Quantity::Energy));
        assert_eq!(
            (class.device_class, class.state_class, class.unit),
            (Some("energy"), Some("total_increasing"), Some("kWh"))
        );
        let class = of(&Metric::measurement("power", Quantity::Power));
        assert_eq!(
            (class.device_class, class.state_class, class.unit),
            (Some("power"), Some("measurement"), Some("W"))
        );
    }

    #[test]
    fn some_quantities_have_no_class() {
        for (quantity, unit) in [
            (Quantity::SignalQuality, Some("%")),
            (Quantity::Ratio, Some("%")),
            (Quantity::Charge, Some("Ah")),
            (Quantity::Resistance, Some("kΩ")),
            (Quantity::Count, None),
            (Quantity::Angle, Some("°")),
        ] {
            let class = of(&Metric::measurement("x", quantity));
            assert_eq!((class.device_class, class.unit), (None, unit));
            assert!(class.is_numeric);
        }
    }
}
