//! The integration ha-apsystems-ds3 of Home Assistant: its entries in `.storage/core.config_entries`, and what its tool
//! saves. Addresses are numbers there, without `0x`.
//!
//! That file of Home Assistant holds the secrets of all its integrations: nothing of others is taken or repeated.

use serde_json::Value;

use super::found::{FoundInverter, FoundNetwork, place};
use super::lenient::LenientFields;
use super::numbers::{ByteOrder, NamedNetwork, PairedAddress, PrintedSerial};

/// What the integration calls itself.
const DOMAIN: &str = "aps_zigbee";

/// What is in such a file; `None` if it is another one. `at` is what it is called in remarks.
pub fn take(value: &Value, at: &str, remarks: &mut Vec<String>) -> Option<Vec<FoundNetwork>> {
    let mut network = |data: &Value, inverters: &[Value]| network(data, inverters, at, remarks);
    if let Value::Array(saved) = value {
        let is_ours = !saved.is_empty() && saved.iter().all(|it| it.get("inv_id").is_some());
        let mut found = saved.iter().map(|it| network(it, std::slice::from_ref(it)));
        return is_ours.then(|| found.by_ref().collect());
    }
    let data = value.get("data")?;
    let degree = |key| data.get(key).and_then(Value::as_f64);
    if let (Some(latitude), Some(longitude)) = (degree("latitude"), degree("longitude")) {
        let place = place(latitude, longitude);
        return Some(vec![FoundNetwork {
            place,
            ..FoundNetwork::default()
        }]);
    }
    let entries = data.get("entries")?.as_array()?.iter();
    let ours = entries.filter(|entry| entry.get("domain").and_then(Value::as_str) == Some(DOMAIN));
    let ours = ours.filter_map(|entry| entry.get("data"));
    let inverters = |data: &Value| data.get("inverters").and_then(Value::as_array).cloned();
    Some(
        ours.map(|data| network(data, &inverters(data).unwrap_or_default()))
            .collect(),
    )
}

fn network(data: &Value, inverters: &[Value], at: &str, remarks: &mut Vec<String>) -> FoundNetwork {
    let text = |key| data.get(key).and_then(Value::as_str);
    let read: Vec<FoundInverter> = inverters.iter().cloned().filter_map(inverter).collect();
    if read.len() < inverters.len() {
        remarks.push(format!(
            "{at} has an inverter without a serial number of 12 digits; it is left out. Add it to inverters, with the number \
             on its label."
        ));
    }
    FoundNetwork {
        ecu_id: text("ecu_id").and_then(NamedNetwork::read),
        port: text("port").and_then(port),
        inverters: read,
        ..FoundNetwork::default()
    }
}

/// A port, if it is one of this computer.
fn port(text: &str) -> Option<String> {
    let is_one = text.starts_with("/dev/") && !text.contains(char::is_control);
    is_one.then(|| text.trim().to_owned())
}

fn inverter(value: Value) -> Option<FoundInverter> {
    let fields = LenientFields::of(value)?;
    let address = |text: String| PairedAddress::read(&text, ByteOrder::Number);
    Some(FoundInverter {
        address: fields
            .text("inv_id")
            .map_or(PairedAddress::NotSaid, address),
        name: fields.words("name"),
        ..FoundInverter::new(PrintedSerial::read(&fields.text("serial")?)?)
    })
}
