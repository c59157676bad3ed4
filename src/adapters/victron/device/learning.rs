//! Who the device is, as far as it says.

use std::time::Duration;

use super::VeDevice;
use crate::adapters::victron::wire::cycle::Cycles;
use crate::adapters::victron::wire::families::Family;
use crate::adapters::victron::wire::labels::firmware;
use crate::adapters::victron::wire::products::{Product, parse_id};
use crate::adapters::victron::wire::registers::serial_of;

impl VeDevice {
    pub fn learn_from_text(&mut self, cycles: &Cycles) {
        let text = |label: &str| Some(String::from_utf8_lossy(cycles.get(label)?).into_owned());
        if let Some(id) = cycles.get("PID").and_then(parse_id) {
            self.know_product(id);
        }
        if self.family.is_none() {
            let families = cycles
                .entries()
                .filter_map(|entry| Family::of_label(&entry.label));
            self.family = families.min();
        }
        if let Some(serial) = text("SER#").as_deref().and_then(serial_of) {
            self.know_serial(serial);
        }
        if let Some(model) = text("BMV") {
            let has_maker = model.starts_with("SmartShunt");
            self.known.model = Some(if has_maker {
                model
            } else {
                format!("BMV-{model}")
            });
        }
        for label in ["FWE", "FW"] {
            let version = cycles
                .get(label)
                .and_then(|text| firmware(label.as_bytes(), text));
            if let Some(version) = version {
                self.known.firmware = Some(version);
                break;
            }
        }
    }

    /// The device has said which product it is.
    pub fn know_product(&mut self, id: u16) {
        self.known.product = Some(id);
        if let Some(family) = Product::of(id).family {
            self.family = Some(family);
        }
    }

    /// The device has told its serial number.
    pub fn know_serial(&mut self, serial: &str) {
        self.known.know_serial(serial);
    }

    /// The device has told the name that its user gave it.
    pub fn know_custom_name(&mut self, name: &str) {
        let name = name.trim();
        self.known.custom_name = (!name.is_empty()).then(|| name.to_owned());
    }

    /// The device has told the version of its firmware; what the text says is more exact.
    pub fn know_firmware(&mut self, version: String) {
        self.known.firmware.get_or_insert(version);
    }

    /// It has been seen to say nothing for so long again and again.
    pub fn know_pause(&mut self, pause: Duration) {
        self.known.know_pause(pause);
    }

    /// It will not tell a serial number: it gets the identity of its cable or port.
    pub fn settle_identity(&mut self) {
        if self.known.identity.is_none() {
            self.known.identity = Some(self.port.clone());
        }
    }
}
