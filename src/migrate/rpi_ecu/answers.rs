//! What ESP-ECU, ESP32-ECU and the one for ESP32-C6 answer for each inverter: an object of stored properties and measured
//! values. An input without a panel has `"n/e"` in place of a number.

use super::backup::{letters, look_at_type};
use super::found::{FoundInverter, FoundNetwork};
use super::lenient::LenientFields;
use super::numbers::{ByteOrder, PairedAddress, PrintedSerial};

/// What they answer for a number that no inverter has.
const NO_INVERTER: &str = "unknown inverter";

/// Whether it is the answer for an inverter that is not there.
pub fn is_none(text: &str) -> bool {
    text.trim_start().starts_with(NO_INVERTER)
}

/// Takes an answer; false if it is none.
pub fn take(
    fields: &LenientFields,
    at: &str,
    found: &mut FoundNetwork,
    remarks: &mut Vec<String>,
) -> bool {
    if let Some(count) = fields.number("cnt").filter(|_| !fields.have(&["serial"])) {
        // A cast of a number that is no count gives one that no inverters have.
        found.count = Some(count as usize);
        return true;
    }
    if !fields.have(&["serial"]) || !["inv", "sid", "pow"].iter().any(|key| fields.have(&[*key])) {
        return false;
    }
    let serial = fields.text("serial");
    let Some(serial) = serial.and_then(|text| PrintedSerial::read(&text)) else {
        remarks.push(format!(
            "{at} has no serial number of 12 digits, so this inverter is left out. Update the old program and save it \
             again, or add the inverter by hand."
        ));
        return true;
    };
    let address = match fields.get("sid") {
        Some(_) => {
            PairedAddress::read(&fields.text("sid").unwrap_or_default(), ByteOrder::ByPrefix)
        }
        None => PairedAddress::NotSaid,
    };
    let inverter = FoundInverter {
        address,
        name: fields.words("name"),
        free_inputs: letters(serial, fields.list("pow"), |value| {
            value.as_str() == Some("n/e")
        }),
        answered_as: fields.number("inv").map(|number| number as i64),
        ..FoundInverter::new(serial)
    };
    look_at_type(fields, &inverter, remarks);
    found.inverters.push(inverter);
    true
}
