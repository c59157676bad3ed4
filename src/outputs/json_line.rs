//! What a line of JSON says of a device: its values, or how it is. `wattbridge decode` and `replay` print
//! the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::model::{Device, DeviceState, Health, Role, Value};
use crate::terminal::visible_json;

/// The line for some values of a device.
pub fn of_values<'a>(
    device: &Device,
    at: Option<Timestamp>,
    values: impl Iterator<Item = (&'a str, &'a Value)>,
) -> String {
    let known: BTreeMap<&str, &Value> = values.collect();
    let mut readings = Map::new();
    // In the order of the table, which is the order that makes sense to people.
    for metric in &device.metrics {
        if let Some(value) = known.get(metric.key.as_ref()) {
            let value = match value {
                Value::Number(number) => Value::Number(number.rounded(metric.decimals)),
                other => (*other).clone(),
            };
            readings.insert(metric.key.to_string(), value.to_json());
        }
    }
    let at = at.filter(|at| *at != Timestamp::UNIX_EPOCH);
    text(&json!({
        "device": device.id.as_str(),
        "model": device.model,
        "serial": device.serial,
        "at": Value::from(at).to_json(),
        "readings": readings,
    }))
}

/// The line for all that a device says; what the bridge says about its connection is left out.
/// `None` before its first values.
pub fn of_state(device: &Device, state: &DeviceState) -> Option<String> {
    let of_device = |key: &str| {
        let metric = device.metric(key);
        metric.is_some_and(|metric| metric.role != Role::Connection)
    };
    let values = state.values.iter();
    let values = values.map(|(key, value)| (key.as_ref(), value));
    let at = Some(state.at?);
    let values = values.filter(|(key, _)| of_device(key));
    Some(of_values(device, at, values))
}

/// The line for how a device is since a moment.
pub fn of_health(device: &Device, at: Timestamp, health: &Health) -> String {
    text(&json!({
        "device": device.id.as_str(),
        "at": Value::from(at).to_json(),
        "status": health.code.code(),
        "reason": health.sentence(),
    }))
}

fn text(line: &Json) -> String {
    visible_json(&line.to_string()).into_owned()
}
