//! What was found in a file, whoever has written it.

use zeroize::Zeroizing;

use super::numbers::{NamedNetwork, PairedAddress, PrintedSerial};

/// One network: its inverters, and what is known of it.
#[derive(Default)]
pub struct FoundNetwork {
    /// Whether RPI-ECU has written it, whose module is at the pins of the computer.
    pub is_of_pi: bool,
    /// The id of its ECU.
    pub ecu_id: Option<NamedNetwork>,
    /// Its inverters.
    pub inverters: Vec<FoundInverter>,
    /// How many inverters there should be, those in other files as well.
    pub count: Option<usize>,
    /// Latitude and longitude in degrees.
    pub place: Option<(f64, f64)>,
    /// Minutes from sunrise and to sunset.
    pub sun_offset: Option<i32>,
    /// The port of the stick.
    pub port: Option<String>,
    /// The MQTT broker.
    pub broker: Option<FoundBroker>,
}

/// An inverter.
pub struct FoundInverter {
    /// Its serial number.
    pub serial: PrintedSerial,
    /// Its address in the network.
    pub address: PairedAddress,
    /// What it is called.
    pub name: Option<String>,
    /// Its number in Domoticz.
    pub idx: Option<String>,
    /// The letters of its inputs that have no panel.
    pub free_inputs: String,
    /// Its number in the answers of a web page.
    pub answered_as: Option<i64>,
}

impl FoundInverter {
    /// One of which nothing else is known yet.
    pub fn new(serial: PrintedSerial) -> Self {
        Self {
            serial,
            address: PairedAddress::default(),
            name: None,
            idx: None,
            free_inputs: String::new(),
            answered_as: None,
        }
    }

    /// Name and serial number, for people to read.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.serial),
            None => self.serial.to_string(),
        }
    }
}

/// An MQTT broker.
#[derive(Default)]
pub struct FoundBroker {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
    /// User and password.
    pub user: Option<(String, Option<Zeroizing<String>>)>,
}

/// A place on Earth; `None` if these are no degrees.
pub fn place(latitude: f64, longitude: f64) -> Option<(f64, f64)> {
    let is_one = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    is_one.then_some((latitude, longitude))
}

/// Whether these are minutes that sunrise and sunset can be shifted by.
pub fn is_near(minutes: f64) -> bool {
    minutes.fract() == 0.0 && minutes.abs() <= 240.0
}
