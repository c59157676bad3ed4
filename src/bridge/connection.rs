//! The metrics every device gets about its own connection.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::reserved::{self, CONNECTIVITY, HEALTH, PROBLEM, REASON};
use crate::model::{Device, Health, HealthCode, Metric, OnOff, Value};

/// Text states longer than this are refused by receivers.
const LONGEST_TEXT: usize = 255;

const HEALTH_CODES: [Cow<'static, str>; HealthCode::ALL.len()] = {
    let mut codes = [const { Cow::Borrowed("") }; HealthCode::ALL.len()];
    let mut index = 0;
    while index < codes.len() {
        std::mem::forget(std::mem::replace(
            &mut codes[index],
            Cow::Borrowed(HealthCode::ALL[index].code()),
        ));
        index += 1;
    }
    codes
};

/// What is added to the metrics of every device.
const METRICS: &[Metric] = &[
    Metric::on_off(CONNECTIVITY.key, OnOff::Connectivity)
        .named(CONNECTIVITY.name)
        .about_connection()
        .off_by_default(),
    Metric::on_off(PROBLEM.key, OnOff::Problem)
        .named(PROBLEM.name)
        .about_connection(),
    Metric::text(REASON.key)
        .named(REASON.name)
        .about_connection(),
    Metric::state(HEALTH.key, const { &HEALTH_CODES })
        .named(HEALTH.name)
        .about_connection()
        .off_by_default(),
];

/// What is added to devices with counters.
pub const COUNTER_GUARD: Metric = Metric::text(reserved::COUNTER_GUARD.key)
    .named(reserved::COUNTER_GUARD.name)
    .about_connection()
    .off_by_default();

/// All that devices can get.
pub fn all() -> impl Iterator<Item = Metric> {
    METRICS.iter().cloned().chain([COUNTER_GUARD])
}

/// What is added to the metrics of this device.
pub fn metrics(device: &Device) -> impl Iterator<Item = Metric> {
    let counts = |metric: &Metric| metric.is_counter() && metric.derived.is_none();
    let guard = device.metrics.iter().any(counts).then_some(COUNTER_GUARD);
    // *Status* says it all, in words and attributes, and *Problem* is for automations. Only that the
    // bridge itself is gone can be said by nothing but its connection.
    let is_bridge = device.adapter == "wattbridge";
    let ours = METRICS.iter().cloned().map(move |mut metric| {
        metric.enabled |= is_bridge && metric.key == CONNECTIVITY.key;
        metric
    });
    ours.chain(guard)
}

/// Writes the values of these metrics.
pub fn describe(values: &mut BTreeMap<Cow<'static, str>, Value>, health: &Health) {
    let code = health.code;
    let mut put = |key: &'static str, value: Value| values.insert(Cow::Borrowed(key), value);
    put(CONNECTIVITY.key, Value::OnOff(code.has_data()));
    put(PROBLEM.key, Value::OnOff(code.is_problem()));
    put(REASON.key, Value::from(cut(health.sentence())));
    put(HEALTH.key, Value::from(code.code()));
}

/// Cuts a text to what receivers take.
pub fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text;
    }
    text.chars().take(LONGEST_TEXT - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_are_given_is_reserved_by_key_and_name() {
        let given: Vec<_> = all()
            .map(|metric| (metric.key.to_string(), metric.title()))
            .collect();
        let reserved = reserved::GIVEN.map(|it| (it.key.to_owned(), it.name.to_owned()));
        assert_eq!(given, reserved);
    }
}
