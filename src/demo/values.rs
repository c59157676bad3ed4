//! Which values of a device the demo shows, the telling ones first.

use crate::bridge::Known;
use crate::model::{HealthCode, Metric, Quantity, Role, Value};

/// A value in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub title: String,
    /// With its unit.
    pub value: String,
}

/// The values of a device that are known, the telling ones first.
pub fn values(known: &Known) -> Vec<Shown> {
    let mut metrics: Vec<&Metric> = shown(known).collect();
    metrics.sort_by_key(|metric| metric.quantity.map_or(u8::MAX, rank));
    let value = |metric: &Metric| {
        let Value::Number(number) = known.state.value(&metric.key) else {
            return None;
        };
        let unit = metric.unit().map(|unit| format!(" {unit}"));
        Some(Shown {
            title: metric.title(),
            value: format!(
                "{}{}",
                number.rounded(metric.decimals),
                unit.unwrap_or_default()
            ),
        })
    };
    metrics.into_iter().filter_map(value).collect()
}

/// Whether there is anything to show of a device, once it is known. Of the bridge itself there is not.
pub fn has_values(known: &Known) -> bool {
    shown(known).next().is_some()
}

/// Why there are no values, if there are none.
pub fn lack(known: &Known) -> Option<String> {
    let health = &known.state.health;
    let is_new = health.code == HealthCode::Starting || known.state.at.is_none();
    (is_new || !health.code.has_data()).then(|| health.sentence())
}

fn shown(known: &Known) -> impl Iterator<Item = &Metric> {
    let is_part = known.device.via.is_some();
    known.device.metrics.iter().filter(move |metric| {
        let wanted = metric.role == Role::Primary || is_part && metric.role == Role::Diagnostic;
        wanted && metric.enabled && metric.quantity.is_some()
    })
}

/// What is looked at first.
const fn rank(quantity: Quantity) -> u8 {
    match quantity {
        Quantity::Power => 0,
        Quantity::StateOfCharge => 1,
        Quantity::Energy => 2,
        Quantity::Voltage => 3,
        Quantity::Current => 4,
        _ => 5,
    }
}
