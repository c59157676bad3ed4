//! What is attached to an inverter besides its panels: meters and batteries.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::described::Described;
use crate::adapters::solaredge::metrics::{BATTERY, METER, Row};
use crate::adapters::solaredge::wire::{Battery, Meter, MeterListed, Serial};
use crate::model::{Device, DeviceId, Health, Readings};

/// A meter or a battery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// What it is known by for ever.
    identity: String,
    name: String,
    model: Option<String>,
    /// As printed on it, if that is known.
    printed: Option<String>,
    maker: Option<String>,
    firmware: Option<String>,
    keys: BTreeSet<String>,
    sort: Sort,
    /// The time of its last live record, as it was told.
    pub at: Option<Timestamp>,
    /// When it was heard last in this run.
    #[serde(skip)]
    pub heard: Option<Duration>,
    /// What was said of it last.
    #[serde(skip)]
    pub said: Option<Health>,
}

/// Which of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Meter,
    Battery,
}

impl Attached {
    /// One of an inverter's meters.
    pub fn meter(inverter: Serial, kind: u8) -> Self {
        let name = match kind {
            3 => "Consumption meter".to_owned(),
            5 => "Grid meter".to_owned(),
            7 => "Battery meter".to_owned(),
            9 => "Production meter".to_owned(),
            _ => format!("Meter {kind}"),
        };
        Self::new(format!("{inverter} meter {kind}"), name, Sort::Meter)
    }

    /// A battery, by its own serial number.
    pub fn battery(serial: &str) -> Self {
        let mut battery = Self::new(
            serial.to_owned(),
            format!("Battery {serial}"),
            Sort::Battery,
        );
        battery.printed = Some(serial.to_owned());
        battery
    }

    fn new(identity: String, name: String, sort: Sort) -> Self {
        Self {
            identity,
            name,
            model: None,
            printed: None,
            maker: None,
            firmware: None,
            keys: BTreeSet::new(),
            sort,
            at: None,
            heard: None,
            said: None,
        }
    }

    /// Its device.
    pub fn id(&self) -> DeviceId {
        Described::id(&self.identity)
    }

    /// How it is announced, behind its inverter.
    pub fn device(&self, inverter: &DeviceId) -> Device {
        let described = Described {
            serial: self.identity.clone(),
            name: self.name.clone(),
            model: match self.sort {
                Sort::Meter => "Meter",
                Sort::Battery => "Battery",
            },
            via: Some(inverter.clone()),
            max_power: None,
        };
        let mut device = match self.sort {
            Sort::Meter => described.device(METER, &self.keys, &[]),
            Sort::Battery => described.device(BATTERY, &self.keys, &[]),
        };
        if let Some(printed) = &self.printed {
            device.serial.clone_from(printed);
        }
        if let Some(maker) = &self.maker {
            device.manufacturer = maker.clone().into();
        }
        if let Some(model) = &self.model {
            device.model = Some(model.clone());
        }
        device.firmware.clone_from(&self.firmware);
        device
    }

    /// Learns what the inverter lists of a meter; true if that is news.
    pub fn learn_listed(&mut self, listed: &MeterListed) -> bool {
        let said = |text: &String| (!text.is_empty()).then(|| text.clone());
        let before = self.clone();
        self.printed = said(&listed.serial);
        self.maker = said(&listed.manufacturer);
        self.model = said(&listed.model);
        self.firmware = said(&listed.version);
        *self != before
    }

    /// Learns from a record of a meter what it reports; true if that is more than before.
    pub fn learn_meter(&mut self, record: &Meter) -> bool {
        self.learn(METER, record)
    }

    /// The same of a battery.
    pub fn learn_battery(&mut self, record: &Battery) -> bool {
        self.learn(BATTERY, record)
    }

    fn learn<R>(&mut self, rows: &[Row<R>], record: &R) -> bool {
        let before = self.keys.len();
        Described::learn(rows, record, &mut self.keys);
        self.keys.len() != before
    }

    /// The values of a meter's record.
    pub fn meter_readings(&self, record: &Meter, at: Timestamp) -> Readings {
        Described::readings(self.id(), at, METER, &self.keys, record)
    }

    /// The values of a battery's record.
    pub fn battery_readings(&self, record: &Battery, at: Timestamp) -> Readings {
        Described::readings(self.id(), at, BATTERY, &self.keys, record)
    }

    /// What is left when nothing more is said of it.
    pub fn silent(&self, at: Timestamp) -> Readings {
        match self.sort {
            Sort::Meter => Described::asleep(self.id(), at, METER, &self.keys),
            Sort::Battery => Described::asleep(self.id(), at, BATTERY, &self.keys),
        }
    }
}
