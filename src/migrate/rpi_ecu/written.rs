//! The configuration as text.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::found::{FoundInverter, FoundNetwork};
use super::lenient::is_unseen;
use super::numbers::PairedAddress;

const HEAD: &str = "\
# Made by `wattbridge migrate rpi-ecu`. The password of your MQTT broker may be in here: keep this file private.
#
# Not taken over: databases, charts and energies (they begin anew), throttles (they stay in the inverters), and the
# formats of MQTT for Domoticz and others.
";

const NO_BROKER: &str = "
# The old files name no broker to go on with. Left out, it is this computer.
[mqtt]
# host = \"homeassistant.local\"
# username = \"\"
# password = \"\"
";

/// The port that is written where none is known.
pub const USUAL_PORT: &str = "/dev/ttyUSB0";
/// The pins of a Raspberry Pi.
pub const PORT_OF_PI: &str = "/dev/serial0";

/// Writes what was found.
pub fn write(found: &FoundNetwork) -> Zeroizing<String> {
    let mut toml = Zeroizing::new(HEAD.to_owned());
    broker(found, &mut toml);
    toml.push_str("\n[[aps_zigbee]]\n");
    if found.port.is_none() {
        toml.push_str("# Where the module is connected. `wattbridge ports` lists what there is.\n");
    }
    let usual = if found.is_of_pi {
        PORT_OF_PI
    } else {
        USUAL_PORT
    };
    line(&mut toml, "port", found.port.as_deref().unwrap_or(usual));
    match found.ecu_id {
        Some(id) => line(&mut toml, "ecu_id", &id.to_string()),
        None => toml.push_str(
            "# No file has the ECU id, and without it no inverter answers. Write the one of the old program:\n# ecu_id = \
             \"\"\n",
        ),
    }
    let serials = found
        .inverters
        .iter()
        .map(|it| quoted(&it.serial.to_string()));
    // Writing to a text cannot fail.
    let _ = writeln!(toml, "inverters = [{}]", joined(serials));
    table(&mut toml, "addresses", found, |it| match it.address {
        PairedAddress::At(address) => Some(format!("0x{address:04X}")),
        _ => None,
    });
    table(&mut toml, "names", found, |it| it.name.clone());
    if let Some((latitude, longitude)) = found.place {
        let _ = writeln!(toml, "latitude = {latitude:?}\nlongitude = {longitude:?}");
    }
    if let Some(minutes) = found.sun_offset.filter(|minutes| *minutes != 0) {
        let _ = writeln!(toml, "sun_offset = {minutes}");
    }
    if found.inverters.iter().any(|it| it.idx.is_some()) {
        toml.push_str("# Their numbers in Domoticz, which is not served yet. Kept for later:\n");
        table(&mut toml, "# idx", found, |it| it.idx.clone());
    }
    toml
}

fn broker(found: &FoundNetwork, toml: &mut String) {
    let Some(broker) = &found.broker else {
        toml.push_str(NO_BROKER);
        return;
    };
    toml.push_str("\n# Home Assistant finds the inverters here by itself, if this is the broker that it uses.\n[mqtt]\n");
    line(toml, "host", &broker.host);
    if let Some(port) = broker.port {
        let _ = writeln!(toml, "port = {port}");
    }
    if let Some((user, password)) = &broker.user {
        line(toml, "username", user);
        if let Some(password) = password {
            line(toml, "password", password);
        }
    }
}

fn line(toml: &mut String, key: &str, value: &str) {
    let value = Zeroizing::new(quoted(value));
    let _ = writeln!(toml, "{key} = {}", value.as_str());
}

/// What is known of each inverter, by serial number; nothing if it is of none.
fn table(
    toml: &mut String,
    key: &str,
    found: &FoundNetwork,
    of: impl Fn(&FoundInverter) -> Option<String>,
) {
    let known = found
        .inverters
        .iter()
        .filter_map(|it| Some((it.serial, of(it)?)));
    let known: Vec<String> = known
        .map(|(serial, value)| format!("{serial} = {}", quoted(&value)))
        .collect();
    if !known.is_empty() {
        let _ = writeln!(toml, "{key} = {{ {} }}", joined(known.into_iter()));
    }
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

/// A text between quotes, in one line whatever is in it. What a terminal would obey is spelt out as TOML does it, so that
/// nobody has to spell it out in another way when it is printed.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_unseen(c) => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
