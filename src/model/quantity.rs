//! Physical quantities and the one unit each is reported in.

use serde::{Deserialize, Serialize};

macro_rules! quantities {
    ($($(#[$doc:meta])* $name:ident => $unit:expr;)*) => {
        /// A physical quantity. Values of a metric are always in [`Quantity::unit`].
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Quantity { $($(#[$doc])* $name,)* }

        impl Quantity {
            /// Every quantity, for tables and tests that must not forget one.
            pub const ALL: &'static [Quantity] = &[$(Quantity::$name,)*];

            /// The unit of all values of this quantity; `None` for plain numbers.
            pub const fn unit(self) -> Option<&'static str> {
                match self { $(Quantity::$name => $unit,)* }
            }
        }
    };
}

quantities! {
    /// Active power; which direction is positive is said by the metric's key.
    Power => Some("W");
    /// Apparent power.
    ApparentPower => Some("VA");
    /// Reactive power.
    ReactivePower => Some("var");
    /// Active energy, kept as whole watt-hours.
    Energy => Some("kWh");
    /// Reactive energy.
    ReactiveEnergy => Some("kvarh");
    /// Volume of gas.
    Gas => Some("m³");
    /// Volume of water.
    Water => Some("m³");
    /// Heat that is delivered to a home.
    Heat => Some("GJ");
    /// Electric charge of a battery.
    Charge => Some("Ah");
    /// Voltage.
    Voltage => Some("V");
    /// Current.
    Current => Some("A");
    /// Resistance, as of an insulation.
    Resistance => Some("kΩ");
    /// Frequency.
    Frequency => Some("Hz");
    /// Power factor, -1 to 1.
    PowerFactor => None;
    /// Angle between voltage and current.
    Angle => Some("°");
    /// Temperature.
    Temperature => Some("°C");
    /// Charge level of a battery.
    StateOfCharge => Some("%");
    /// Strength of a radio signal as a share of the best possible.
    SignalQuality => Some("%");
    /// Strength of a radio signal as received power.
    SignalStrength => Some("dBm");
    /// A share of a whole: efficiency, deviation, level of a limit.
    Ratio => Some("%");
    /// A length of time.
    Duration => Some("s");
    /// A length of time that nobody knows to the second.
    Minutes => Some("min");
    /// A number of things.
    Count => None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dimensionless_quantities_lack_a_unit() {
        let bare: Vec<_> = Quantity::ALL
            .iter()
            .filter(|q| q.unit().is_none())
            .collect();
        assert_eq!(bare, [&Quantity::PowerFactor, &Quantity::Count]);
    }
}
