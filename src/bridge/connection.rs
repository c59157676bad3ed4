//! The metrics every device gets about its own connection.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
    Metric::on_off("connectivity", OnOff::Connectivity)
        .named("Connection")
        .about_connection()
        .off_by_default(),
    Metric::on_off("problem", OnOff::Problem)
        .named("Problem")
        .about_connection(),
    Metric::text("reason").named("Status").about_connection(),
    Metric::state("health", const { &HEALTH_CODES })
        .named("Status code")
        .about_connection()
        .off_by_default(),
];

/// What is added to devices with counters.
pub const COUNTER_GUARD: Metric = Metric::text("counter_guard")
    .named("Counter guard")
    .about_connection()
    .off_by_default();

/// All that devices can get.
pub fn all() -> impl Iterator<Item = Metric> {
    METRICS.iter().cloned().chain([COUNTER_GUARD])
}

/// Whether a key is one that the bridge itself adds.
pub fn is_ours(key: &str) -> bool {
    key == COUNTER_GUARD.key || METRICS.iter().any(|metric| metric.key == key)
}

/// What is added to the metrics of this device.
pub fn metrics(device: &Device) -> impl Iterator<Item = Metric> {
    let counts = |metric: &Metric| metric.is_counter() && metric.derived.is_none();
    let guard = device.metrics.iter().any(counts).then_some(COUNTER_GUARD);
    // *Status* says it all, in words and attributes, and *Problem* is for automations. Only that the
    // bridge itself is gone can be said by nothing but its connection.
    let is_bridge = device.adapter == "wattbridge";
    let ours = METRICS.iter().cloned().map(move |mut metric| {
        metric.enabled |= is_bridge && metric.key == "connectivity";
        metric
    });
    ours.chain(guard)
}

/// Writes the values of these metrics.
pub fn describe(values: &mut BTreeMap<Cow<'static, str>, Value>, health: &Health) {
    let code = health.code;
    let mut put = |key: &'static str, value: Value| values.insert(Cow::Borrowed(key), value);
    put("connectivity", Value::OnOff(code.has_data()));
    put("problem", Value::OnOff(code.is_problem()));
    put("reason", Value::from(cut(health.sentence())));
    put("health", Value::from(code.code()));
}

/// Cuts a text to what receivers take.
pub fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text;
    }
    text.chars().take(LONGEST_TEXT - 1).chain(['…']).collect()
}
