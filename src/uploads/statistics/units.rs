//! Which class of units Home Assistant has for what.

use crate::model::Quantity;

/// The class of the unit of a quantity; `None` where Home Assistant has none.
pub const fn unit_class(quantity: Option<Quantity>) -> Option<&'static str> {
    let Some(quantity) = quantity else {
        return None;
    };
    match quantity {
        Quantity::Energy | Quantity::Heat => Some("energy"),
        Quantity::Gas | Quantity::Water => Some("volume"),
        Quantity::Power => Some("power"),
        Quantity::Voltage => Some("voltage"),
        Quantity::Current => Some("electric_current"),
        Quantity::Temperature => Some("temperature"),
        Quantity::Frequency => Some("frequency"),
        Quantity::ReactivePower => Some("reactive_power"),
        Quantity::ReactiveEnergy => Some("reactive_energy"),
        Quantity::ApparentPower => Some("apparent_power"),
        Quantity::Duration | Quantity::Minutes => Some("duration"),
        Quantity::PowerFactor
        | Quantity::StateOfCharge
        | Quantity::SignalQuality
        | Quantity::Ratio
        | Quantity::Count => Some("unitless"),
        Quantity::Charge | Quantity::Resistance | Quantity::Angle | Quantity::SignalStrength => {
            None
        }
    }
}
