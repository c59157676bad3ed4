//! What to simulate.

use crate::adapters::solaredge::wire::{DeviceKey, Serial};
use crate::simulation::{FaultRule, House};

use super::faults::SolarEdgeFault;

/// A simulated inverter, and what is behind it.
#[derive(Debug, Clone)]
pub struct InverterSettings {
    /// Its serial number.
    pub serial: Serial,
    /// One or three.
    pub phases: usize,
    /// How many optimizers it has, one for each panel.
    pub optimizers: usize,
    /// What each panel can do, in watts.
    pub panel: f64,
    /// Whether it has a meter at the grid.
    pub has_meter: bool,
    /// Whether it has a battery.
    pub has_battery: bool,
    /// With what it encrypts; in clear without one.
    pub key: Option<DeviceKey>,
    /// Seconds between its records.
    pub interval: u32,
    /// Seconds after which it makes up a new key for the session.
    pub rekey: u32,
    /// The house it stands in.
    pub house: House,
    /// What goes wrong. Times are those of the house, from its beginning on.
    pub faults: Vec<FaultRule<SolarEdgeFault>>,
}

/// An invented serial number.
const SERIAL: Serial = Serial(0x7f1a_2b3c);

impl InverterSettings {
    /// Three phases, 12 optimizers and a meter, in clear, every five minutes.
    pub const fn new(house: House) -> Self {
        Self {
            serial: SERIAL,
            phases: 3,
            optimizers: 12,
            panel: 370.0,
            has_meter: true,
            has_battery: false,
            key: None,
            interval: 300,
            rekey: 8 * 3600,
            house,
            faults: Vec::new(),
        }
    }

    /// The serial numbers of its optimizers. Bit 23 is set in two of three.
    pub fn optimizer_serials(&self) -> Vec<Serial> {
        let first = 0x1021_0000 | (self.serial.0 & 0xff) << 8;
        let serial = |number: u32| {
            let bit = if number % 3 == 2 { 0 } else { 0x0080_0000 };
            Serial((first + number) | bit)
        };
        (0..self.optimizers as u32).map(serial).collect()
    }
}
