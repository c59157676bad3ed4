//! What a device reports: the values of its section, and a few of our own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::config::ValueConfig;
use crate::model::reserved::{is_name_of_given, is_reserved};
use crate::model::{Metric, Naming, Quantity, Readings, Value};

/// What every device reports besides its values.
pub const OWN: &[Metric] = &[
    Metric::measurement(LINES_REFUSED, Quantity::Count)
        .named("Lines refused")
        .about_connection()
        .off_by_default(),
    Metric::measurement(VALUES_REFUSED, Quantity::Count)
        .named("Values refused")
        .about_connection()
        .off_by_default(),
    Metric::text(LAST_LINE)
        .named("Last line")
        .about_connection()
        .off_by_default(),
];

/// Lines that the pattern does not fit.
pub const LINES_REFUSED: &str = "lines_refused";
/// Values below the floor or above the ceiling.
pub const VALUES_REFUSED: &str = "values_refused";
/// The last line that was read.
pub const LAST_LINE: &str = "last_line";

/// The metrics of a device with these values.
pub fn of(values: &[ValueConfig]) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = values.iter().map(metric).collect();
    metrics.extend(values.iter().filter_map(energy));
    metrics.extend_from_slice(OWN);
    metrics
}

/// What keeps these values from being told apart, and what to do about it.
pub fn clash(values: &[ValueConfig]) -> Option<(String, &'static str)> {
    let (mut keys, mut names) = (BTreeSet::new(), BTreeSet::new());
    for metric in of(values) {
        let key = metric.key.as_ref();
        if is_reserved(key) {
            let advice = "choose another id";
            return Some((format!("the id \"{key}\" is taken"), advice));
        }
        if !keys.insert(metric.key.clone()) {
            let advice = "give each value an id of its own";
            return Some((format!("the id \"{key}\" is there twice"), advice));
        }
        let title = metric.title();
        if is_name_of_given(&title) {
            let what = format!("a value is called \"{title}\", as something that every device has");
            return Some((what, "give it another name"));
        }
        if !names.insert(title.to_lowercase()) {
            let what = format!("two values are called \"{title}\"");
            return Some((what, "give each value a name of its own"));
        }
    }
    None
}

fn metric(value: &ValueConfig) -> Metric {
    let mut metric = if value.counter {
        Metric::lifetime("", value.quantity)
    } else {
        Metric::measurement("", value.quantity)
    };
    metric.key = Cow::Owned(value.id.clone());
    metric.decimals = value.decimals.unwrap_or_else(|| decimals(value.quantity));
    // The main value of its quantity is called so in the language of the user.
    let is_main = serde_json::to_value(value.quantity).is_ok_and(|word| word == value.id.as_str());
    if value.name.is_some() {
        metric.naming = Naming::Users;
    }
    metric.name = match &value.name {
        Some(name) => Some(Cow::Owned(name.clone())),
        None if is_main => None,
        None => Some(Cow::Owned(metric.title())),
    };
    metric
}

/// The energy that is summed up from a power.
fn energy(value: &ValueConfig) -> Option<Metric> {
    if !value.energy {
        return None;
    }
    let mut energy = Metric::lifetime("", Quantity::Energy)
        .integral_of("")
        .decimals(3);
    energy.key = Cow::Owned(match value.id.as_str() {
        // The word that all devices have for it.
        "power" => "energy_total".to_owned(),
        key => instead(key, "power", "energy", "_energy"),
    });
    energy.derived = Some(crate::model::Derivation::IntegralOf(Cow::Owned(
        value.id.clone(),
    )));
    energy.naming = match &value.name {
        Some(name) if name.to_lowercase().contains("power") => Naming::Users,
        Some(name) => Naming::About(Cow::Owned(name.clone())),
        None => Naming::Ours,
    };
    energy.name = Some(Cow::Owned(match &value.name {
        Some(name) if name.contains("power") => instead(name, "power", "energy", ""),
        Some(name) => instead(name, "Power", "Energy", " energy"),
        None => energy.title(),
    }));
    Some(energy)
}

/// `words` with one word instead of another, or with an ending if that is not in there.
fn instead(words: &str, old: &str, new: &str, ending: &str) -> String {
    if words.contains(old) {
        words.replacen(old, new, 1)
    } else {
        format!("{words}{ending}")
    }
}

/// Decimals that sensors usually resolve.
const fn decimals(quantity: Quantity) -> u8 {
    match quantity {
        Quantity::Energy
        | Quantity::ReactiveEnergy
        | Quantity::Gas
        | Quantity::Water
        | Quantity::Heat => 3,
        Quantity::Current | Quantity::Frequency | Quantity::PowerFactor | Quantity::Count => 2,
        Quantity::Voltage
        | Quantity::Charge
        | Quantity::Resistance
        | Quantity::Temperature
        | Quantity::Ratio
        | Quantity::Angle => 1,
        Quantity::Power
        | Quantity::ApparentPower
        | Quantity::ReactivePower
        | Quantity::StateOfCharge
        | Quantity::SignalQuality
        | Quantity::SignalStrength
        | Quantity::Duration
        | Quantity::Minutes => 0,
    }
}

/// The values of a reading with their units, for people.
pub fn in_words(values: &[ValueConfig], readings: &Readings) -> String {
    let words = values.iter().map(|value| {
        let unit = value.quantity.unit().unwrap_or_default();
        match readings.get(&value.id).and_then(Value::as_number) {
            Some(number) => format!("{} {number} {unit}", value.id)
                .trim_end()
                .to_owned(),
            None => format!("{} unknown", value.id),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(key: &str, name: Option<&str>, quantity: Quantity) -> ValueConfig {
        ValueConfig {
            id: key.to_owned(),
            name: name.map(str::to_owned),
            quantity,
            energy: quantity == Quantity::Power,
            ..ValueConfig::default()
        }
    }

    #[test]
    fn a_value_keeps_its_word_and_its_energy_gets_one() {
        for (key, name, titles, energy_key) in [
            ("power", None, ["Power", "Energy total"], "energy_total"),
            (
                "pump_power",
                None,
                ["Pump power", "Pump energy"],
                "pump_energy",
            ),
            ("pump", None, ["Pump", "Pump energy"], "pump_energy"),
            (
                "pump",
                Some("Garden"),
                ["Garden", "Garden energy"],
                "pump_energy",
            ),
            (
                "power",
                Some("Power of it"),
                ["Power of it", "Energy of it"],
                "energy_total",
            ),
        ] {
            let metrics = of(&[value(key, name, Quantity::Power)]);
            let found = [metrics[0].title(), metrics[1].title()];
            assert_eq!(
                (found, metrics[1].key.as_ref()),
                (titles.map(str::to_owned), energy_key)
            );
        }
    }

    #[test]
    fn only_the_main_value_of_a_quantity_goes_without_a_name() {
        let name = |key, quantity| of(&[value(key, None, quantity)])[0].name.clone();
        assert_eq!(name("temperature", Quantity::Temperature), None);
        assert_eq!(
            name("cellar", Quantity::Temperature).as_deref(),
            Some("Cellar")
        );
    }
}
