//! Which of the serial ports of this machine are VE.Direct cables, and what each is called.
//!
//! The vendor's USB cable says so itself: `/dev/serial/by-id/usb-VictronEnergy_BV_VE_Direct_cable_
//! VE1A2B3C-if00-port0`. Its serial number stands for a device that tells none.

use std::path::Path;

use crate::links::{Address, PortInfo};

/// In the name of the cable, as it is and as udev writes it.
const NAMES: [&str; 2] = ["VE Direct cable", "VE_Direct_cable"];

/// Whether a port is a VE.Direct cable.
pub fn is_cable(port: &PortInfo) -> bool {
    let by_id = port.by_id.as_deref().map(file_name);
    let texts = [by_id, port.description.clone()];
    let is_name = |text: &String| NAMES.iter().any(|name| text.contains(name));
    texts.iter().flatten().any(is_name)
}

/// Where a cable is, best by its lasting name.
pub fn address(port: &PortInfo) -> Address {
    Address::Serial(port.by_id.clone().unwrap_or_else(|| port.path.clone()))
}

/// What a device at this address is known by if it tells no serial number.
pub fn identity(address: &Address, ports: &[PortInfo]) -> String {
    let Address::Serial(path) = address else {
        return address.place();
    };
    let is_it = |port: &&PortInfo| {
        same(&port.path, path) || port.by_id.as_deref().is_some_and(|by_id| same(by_id, path))
    };
    let port = ports.iter().find(is_it);
    let by_id = port.and_then(|port| port.by_id.as_deref());
    let name = file_name(by_id.unwrap_or(path));
    let own = || port.and_then(|port| port.serial.clone());
    serial(&name)
        .or_else(own)
        .unwrap_or_else(|| address.place())
}

/// What is left of the identity of a device when it is to be part of a name: of the lasting name of a
/// port the serial number of the adapter, if it has one.
pub fn own_name(identity: &str) -> Option<&str> {
    let Some((_, name)) = identity.rsplit_once('/') else {
        return Some(identity);
    };
    let Some((adapter, _)) = name.rsplit_once("-if") else {
        return Some(name);
    };
    // An adapter without a number ends in what it is.
    let serial = adapter.rsplit('_').next()?;
    let is_serial = serial.chars().all(|c| c.is_ascii_alphanumeric())
        && serial.contains(|c: char| c.is_ascii_digit());
    is_serial.then_some(serial)
}

/// Whether two paths lead to the same port.
pub fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

/// The serial number in the name of a cable.
fn serial(name: &str) -> Option<String> {
    let (_, rest) = NAMES.iter().find_map(|cable| name.split_once(cable))?;
    let serial = rest.trim_start_matches('_').split("-if").next()?;
    (!serial.is_empty()).then(|| serial.to_owned())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CABLE: &str =
        "/dev/serial/by-id/usb-VictronEnergy_BV_VE_Direct_cable_VE000001-if00-port0";

    fn port(path: &str, by_id: Option<&str>, description: Option<&str>) -> PortInfo {
        PortInfo {
            path: path.into(),
            by_id: by_id.map(Into::into),
            description: description.map(str::to_owned),
            serial: None,
        }
    }

    #[test]
    fn cables_are_known_by_name() {
        assert!(is_cable(&port("/dev/ttyUSB0", Some(CABLE), None)));
        let described = Some("VictronEnergy BV VE Direct cable");
        assert!(is_cable(&port("/dev/ttyUSB0", None, described)));
        let other = Some("/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1-if00-port0");
        assert!(!is_cable(&port(
            "/dev/ttyUSB0",
            other,
            Some("FTDI FT232R USB UART")
        )));
        assert!(!is_cable(&port("/dev/ttyAMA0", None, None)));
    }

    #[test]
    fn a_lasting_name_is_called_by_the_number_of_its_adapter() {
        let by_id = |name: &str| format!("/dev/serial/by-id/usb-{name}-if00-port0");
        let named = by_id("FTDI_FT232R_USB_UART_A1B2C3D4");
        assert_eq!(own_name(&named), Some("A1B2C3D4"));
        assert_eq!(own_name(&by_id("1a86_USB2.0-Serial")), None);
        assert_eq!(own_name("/dev/ttyUSB7"), Some("ttyUSB7"));
        assert_eq!(own_name("HQ0000000AB"), Some("HQ0000000AB"));
        assert_eq!(own_name("127.0.0.1:2001"), Some("127.0.0.1:2001"));
    }

    #[test]
    fn a_device_without_number_is_known_by_its_cable_whatever_the_port_is_called_by() {
        let ports = [port("/dev/ttyUSB7", Some(CABLE), None)];
        let identity = |text: &str| identity(&text.parse().unwrap(), &ports);
        assert_eq!(identity(CABLE), "VE000001");
        assert_eq!(identity("/dev/ttyUSB7"), "VE000001");
        assert_eq!(identity("/dev/ttyUSB8"), "/dev/ttyUSB8");
        assert_eq!(identity("tcp://127.0.0.1:2001"), "127.0.0.1:2001");

        // Without udev nobody makes names that stay, but the cable says its number.
        let mut bare = port(
            "/dev/ttyUSB7",
            None,
            Some("VictronEnergy BV VE Direct cable"),
        );
        bare.serial = Some("VE000002".to_owned());
        let address = "/dev/ttyUSB7".parse().unwrap();
        assert_eq!(super::identity(&address, &[bare]), "VE000002");
    }
}
