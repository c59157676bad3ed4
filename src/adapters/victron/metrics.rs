//! What Victron devices report: data, not code. [`table`] has a row for each value.
//!
//! A new value is a row there: the metric, `text` with the label that carries it, `asked` with a register
//! that does, the families that have it and how often they are asked, or `told` if they are not asked.
//! What the program cannot read yet has a row in `wire` first; docs/devices/victron.md has a line for each.

mod row;
mod table;

use std::borrow::Cow;
use std::sync::LazyLock;

use super::wire::families::Family;
use super::wire::words::{OTHER, Words};
use crate::model::Metric;

pub use row::{Carrier, Rhythm, VeMetric};
pub use table::METRICS;

/// The metrics alone, as every adapter tells them.
pub fn tables() -> &'static [&'static [Metric]] {
    static ALONE: LazyLock<Vec<Metric>> =
        LazyLock::new(|| METRICS.iter().map(|row| row.metric.clone()).collect());
    static TABLES: LazyLock<[&[Metric]; 1]> = LazyLock::new(|| [&ALONE]);
    TABLES.as_slice()
}

/// The metric of this key.
pub fn metric(key: &str) -> Option<&'static Metric> {
    let row = METRICS.iter().find(|row| row.metric.key == key);
    row.map(|row| &row.metric)
}

/// The metric that a label stands for. `H17` and `H18` are those of a battery; an energy meter calls
/// them otherwise.
pub fn of_label(label: &[u8]) -> Option<&'static VeMetric> {
    let is_it = |row: &&VeMetric| row.label.is_some_and(|known| known.as_bytes() == label);
    METRICS.iter().find(is_it)
}

/// The metric that a register stands for on a family of devices. Of a device of no known family
/// nobody knows what it means by a register.
pub fn of_register(register: u16, family: Option<Family>) -> Option<&'static VeMetric> {
    let is_it =
        |carrier: &Carrier| carrier.register == register && carrier.families.include(family);
    METRICS.iter().find(|row| row.carriers().any(is_it))
}

/// The words of a table as the options of a state, and one for what is not in it.
const fn options<const COUNT: usize>(words: &Words) -> [Cow<'static, str>; COUNT] {
    let mut options = [const { Cow::Borrowed(OTHER) }; COUNT];
    let (mut at, mut next) = (0, 0);
    while at < words.list.len() {
        if words.is_first(at) {
            // Constants cannot run the destructor that plain assignment implies.
            let word = Cow::Borrowed(words.list[at].1);
            std::mem::forget(std::mem::replace(&mut options[next], word));
            next += 1;
        }
        at += 1;
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::victron::wire::labels::{Format, LABELS, Label};
    use crate::adapters::victron::wire::registers::Register;
    use crate::model::Behavior;

    #[test]
    fn every_label_is_a_metric_or_says_who_the_device_is() {
        for label in LABELS {
            let identity = ["BMV", "FW", "FWE", "PID", "SER#", "HC#"];
            assert_eq!(
                of_label(label.name.as_bytes()).is_none(),
                identity.contains(&label.name),
                "{}",
                label.name
            );
        }
    }

    #[test]
    fn every_origin_is_known_to_the_wire_in_the_unit_of_the_metric() {
        for row in METRICS {
            let is_number = row.metric.quantity.is_some();
            let unit = row.metric.unit().unwrap_or_default();
            if let Some(name) = row.label {
                let label = Label::of(name.as_bytes()).unwrap();
                let told = match label.format {
                    Format::Number(_, unit) => unit,
                    Format::Minutes => "min",
                    _ => "",
                };
                assert!(!is_number || told == unit, "{name}: {told} {unit}");
            }
            for carrier in row.carriers() {
                let register = Register::of(carrier.register).unwrap();
                assert!(
                    !is_number || register.unit == unit,
                    "{}: {} {unit}",
                    register.name,
                    register.unit
                );
            }
        }
    }

    #[test]
    fn what_has_words_is_told_in_words() {
        for row in METRICS {
            let told = matches!(row.metric.behavior, Behavior::State(_) | Behavior::Text);
            for carrier in row.carriers() {
                let register = Register::of(carrier.register).unwrap();
                assert_eq!(register.words.is_some(), told, "{}", register.name);
            }
        }
    }

    #[test]
    fn a_label_and_a_register_of_a_family_are_one_metric() {
        for row in METRICS {
            if let Some(label) = row.label {
                assert_eq!(of_label(label.as_bytes()).unwrap().key(), row.key());
            }
            for carrier in row.carriers() {
                for family in Family::ALL.map(Some) {
                    if carrier.families.include(family) {
                        let found = of_register(carrier.register, family).unwrap();
                        assert_eq!(found.key(), row.key(), "{:#06x}", carrier.register);
                    }
                }
            }
        }
    }

    #[test]
    fn a_register_may_mean_something_else_on_another_family() {
        let key = |register, family| of_register(register, Some(family)).map(VeMetric::key);
        assert_eq!(key(0xedbc, Family::Mppt), Some("panel_power"));
        assert_eq!(key(0xedbc, Family::DcDc), Some("input_power"));
        assert_eq!(key(0x0fff, Family::Mppt), None);
    }
}
