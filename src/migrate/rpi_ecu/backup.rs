//! What RPI-ECU keeps: one object for each inverter, and one for each page of settings.

use serde_json::Value;
use zeroize::Zeroizing;

use super::found::{FoundBroker, FoundInverter, FoundNetwork, is_near, place};
use super::lenient::LenientFields;
use super::numbers::{ByteOrder, NamedNetwork, PairedAddress, PrintedSerial};

/// The objects that RPI-ECU writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupObject {
    /// `inverters/invProperties0` and so on.
    Inverter,
    /// `ecuProperties`.
    Ecu,
    /// `settings.json`.
    Settings,
    /// `mqttConfig.json`.
    Mqtt,
}

impl BackupObject {
    /// Which one is in the member of this name.
    pub fn named(member: &str) -> Option<Self> {
        match member {
            "ecuProperties" => Some(Self::Ecu),
            "settings.json" => Some(Self::Settings),
            "mqttConfig.json" => Some(Self::Mqtt),
            _ => member
                .starts_with("inverters/invProperties")
                .then_some(Self::Inverter),
        }
    }

    /// Which one this is, by what is in it.
    pub fn seen(fields: &LenientFields) -> Option<Self> {
        if fields.have(&["serial", "id"]) {
            Some(Self::Inverter)
        } else if fields.have(&["idinvers"]) {
            Some(Self::Ecu)
        } else if fields.have(&["latitude", "longitude"]) {
            Some(Self::Settings)
        } else if fields.have(&["address", "outtopic"]) {
            Some(Self::Mqtt)
        } else {
            None
        }
    }

    /// Takes what is in it; `at` is what it is called in remarks.
    pub fn take(
        self,
        fields: &LenientFields,
        at: &str,
        found: &mut FoundNetwork,
        remarks: &mut Vec<String>,
    ) {
        found.is_of_pi = true;
        match self {
            Self::Inverter => inverter(fields, at, found, remarks),
            Self::Ecu => {
                let id = network(fields, at, remarks);
                let reversed = fields.text("idinvers");
                let reversed = reversed.and_then(|text| NamedNetwork::read(&text));
                if let (Some(id), Some(reversed)) = (id, reversed)
                    && id.reversed() != reversed
                {
                    remarks.push(format!(
                        "{at} says both {id} and, with its bytes reversed, {reversed}. Compare the ECU id with the old \
                         program's page."
                    ));
                }
                keep(id, at, found, remarks);
            }
            Self::Settings => settings(fields, at, found, remarks),
            Self::Mqtt => mqtt(fields, at, found, remarks),
        }
    }
}

fn inverter(fields: &LenientFields, at: &str, found: &mut FoundNetwork, remarks: &mut Vec<String>) {
    let serial = fields.text("serial");
    let Some(serial) = serial.and_then(|text| PrintedSerial::read(&text)) else {
        remarks.push(format!(
            "{at} has no serial number of 12 digits, so this inverter is left out. Add it to inverters, with the number \
             on its label."
        ));
        return;
    };
    let address = match fields.get("id") {
        Some(_) => PairedAddress::read(&fields.text("id").unwrap_or_default(), ByteOrder::ByPrefix),
        None => PairedAddress::NotSaid,
    };
    let inverter = FoundInverter {
        address,
        name: fields.words("name"),
        idx: fields.words("idx"),
        free_inputs: free_inputs(serial, fields.list("panels")),
        ..FoundInverter::new(serial)
    };
    look_at_type(fields, &inverter, remarks);
    let corrections = ["cal", "calib"].map(|key| fields.number(key).unwrap_or(0.0));
    if corrections != [0.0, 0.0] {
        remarks.push(format!(
            "The calibration of {} is not taken over: there it corrects, in watts, what a throttle is set to. \
             `calibration` here is a factor for energies, and nothing has to be written.",
            inverter.label()
        ));
    }
    found.inverters.push(inverter);
}

/// The letters of inputs that are marked as not connected.
fn free_inputs(serial: PrintedSerial, panels: &[Value]) -> String {
    let is_free = |value: &Value| matches!(value, Value::Bool(false)) || value.as_i64() == Some(0);
    letters(serial, panels, is_free)
}

/// The letters of an inverter's inputs of which this is true.
pub fn letters(
    serial: PrintedSerial,
    inputs: &[Value],
    is_meant: impl Fn(&Value) -> bool,
) -> String {
    let inputs = inputs.iter().take(serial.inputs()).zip('A'..);
    let meant = inputs.filter(|(value, _)| is_meant(value));
    meant.map(|(_, letter)| letter).collect()
}

/// Says so where the type that was chosen is not that of the serial number.
pub fn look_at_type(fields: &LenientFields, inverter: &FoundInverter, remarks: &mut Vec<String>) {
    let (said, series) = match fields.number("type") {
        Some(0.0) => ("YC600", 40),
        Some(1.0) => ("QS1", 80),
        Some(2.0) => ("DS3", 70),
        _ => return,
    };
    let is_known = matches!(inverter.serial.series(), 40 | 70 | 80);
    if is_known && inverter.serial.series() != series {
        remarks.push(format!(
            "{} was set up as {said}, and its serial number is that of another type. Here the number counts: compare it \
             with the label.",
            inverter.label()
        ));
    }
}

fn network(fields: &LenientFields, at: &str, remarks: &mut Vec<String>) -> Option<NamedNetwork> {
    let text = fields.text("id")?;
    let id = NamedNetwork::read(&text);
    if id.is_none() {
        remarks.push(format!(
            "The ECU id in {at} is none: it has 12 hexadecimal digits, and does not begin with 0000 or FFFF."
        ));
    }
    id
}

/// Takes an ECU id; the first one counts.
fn keep(id: Option<NamedNetwork>, at: &str, found: &mut FoundNetwork, remarks: &mut Vec<String>) {
    match (found.ecu_id, id) {
        (Some(known), Some(id)) if known != id => remarks.push(format!(
            "{at} has another ECU id, {id}, than the settings, {known}. That of the settings is written; if no inverter \
             answers, try the other one."
        )),
        (None, Some(id)) => found.ecu_id = Some(id),
        _ => {}
    }
}

fn settings(fields: &LenientFields, at: &str, found: &mut FoundNetwork, remarks: &mut Vec<String>) {
    let id = network(fields, at, remarks);
    keep(id, at, found, remarks);
    let degrees = ["latitude", "longitude"].map(|key| fields.number(key));
    match degrees {
        // In the sea off Africa: nobody has written a place.
        [Some(0.0), Some(0.0)] | [None, None] => {}
        [Some(latitude), Some(longitude)] if place(latitude, longitude).is_some() => {
            found.place = place(latitude, longitude);
        }
        _ => remarks.push(format!(
            "Latitude and longitude in {at} are no place, so they are left out. Write both as a map shows them."
        )),
    }
    match fields.number("offset") {
        Some(minutes) if is_near(minutes) => found.sun_offset = Some(minutes as i32),
        Some(_) => remarks.push(format!(
            "The offset in {at} is no number of minutes up to four hours, so it is left out. Write sun_offset if you need it."
        )),
        None => {}
    }
}

fn mqtt(fields: &LenientFields, at: &str, found: &mut FoundNetwork, remarks: &mut Vec<String>) {
    if fields.is_on("enabled") == Some(false) {
        remarks.push(format!(
            "MQTT is switched off in {at}, so its broker is left out."
        ));
        return;
    }
    let Some(address) = fields.text("address") else {
        return;
    };
    let address = address.trim();
    let bare = address
        .split_once("://")
        .map_or(address, |(_, behind)| behind);
    let (host, port_of_host) = match bare.rsplit_once(':') {
        // An IPv6 address has more colons.
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => {
            (host, port.parse::<u16>().ok())
        }
        _ => (bare, None),
    };
    if is_local(host) {
        remarks.push(format!(
            "The MQTT broker of the old program ran on the same computer ({host}), so it is left out."
        ));
        return;
    }
    // There may be a password in it, so it is not repeated.
    if !is_host(host) {
        remarks.push(format!(
            "The address of the MQTT broker in {at} is not the name of a computer, so it is left out."
        ));
        return;
    }
    let port = fields.number("port").or(port_of_host.map(f64::from));
    let whole = port.filter(|port| port.fract() == 0.0 && (1.0..=65535.0).contains(port));
    if port.is_some() && whole.is_none() {
        remarks.push(format!(
            "The port of the MQTT broker in {at} does not exist, so it is left out and 1883 counts. Write port if it is \
             another one."
        ));
    }
    let user = fields.text("username");
    let password = fields.text("password").map(Zeroizing::new);
    let user = match (fields.is_on("auth"), user, password) {
        (Some(false), ..) | (_, None, None) => None,
        (_, Some(user), password) => Some((user, password)),
        (_, None, Some(_)) => {
            remarks.push(
                "There is a password for the broker but no user; it is left out. Add username and password to [mqtt] if \
                 the broker wants them."
                    .to_owned(),
            );
            None
        }
    };
    found.broker = Some(FoundBroker {
        host: host.to_owned(),
        port: whole.map(|port| port as u16),
        user,
    });
}

fn is_host(host: &str) -> bool {
    let is_name = host
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    !host.is_empty() && (is_name || host.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_local(host: &str) -> bool {
    let is_loopback = |address: std::net::IpAddr| address.is_loopback() || address.is_unspecified();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}
