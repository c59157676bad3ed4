//! What is known of a device over a restart, and all that it is announced as: that follows from it.
//!
//! For ever it is known by one thing.
//! The serial number, where it is told. A battery monitor tells it in HEX only; over a cable that
//! cannot ask it is known by the cable, and keeps that identity even if it tells its number later:
//! the history of its values hangs on it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::values::OLD_TEXT;
use crate::adapters::victron::config::VictronConfig;
use crate::adapters::victron::health::NIGHT;
use crate::adapters::victron::metrics::METRICS;
use crate::adapters::victron::rhythm::patience;
use crate::adapters::victron::wire::cycle::Cycles;
use crate::adapters::victron::wire::labels::firmware;
use crate::adapters::victron::wire::products::{Product, parse_id};
use crate::adapters::victron::wire::registers::serial_of;
use crate::adapters::victron::{KIND, cables};
use crate::model::{Behavior, Control, Device};

/// Numbers without a word that one metric may get.
const MOST_OTHERS: usize = 8;
/// No clock that is right shows an earlier year.
const FIRST_YEAR: i16 = 2024;
/// No battery of a solar charger has more volts, with a margin.
pub const HIGHEST: u32 = 80;

/// What must be remembered of a device over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The product id.
    pub product: Option<u16>,
    /// The serial number, if the device has told it.
    pub serial: Option<String>,
    /// What its device id is made of.
    pub identity: Option<String>,
    /// The model, where there is no product id.
    pub model: Option<String>,
    pub custom_name: Option<String>,
    pub firmware: Option<String>,
    /// Keys of the metrics that it reports.
    pub carries: BTreeSet<String>,
    /// The day that the device is in.
    pub day: Option<Day>,
    /// Whether it is a shunt that measures something else than a battery.
    pub is_meter: bool,
    /// For how many seconds it regularly says nothing.
    pub pause: Option<u64>,
    /// Whether its panels gave no more than at dusk when it last told, if it lives on them.
    pub is_dusk: bool,
    /// By metric: what it has said that no word is known for.
    pub others: BTreeMap<String, BTreeSet<String>>,
    /// What can be set on it.
    pub controls: Vec<Control>,
}

/// A day of a device, which has no clock: it begins when the sun rises on its panels, or after it was
/// without power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// As the device counts it.
    pub number: i64,
    /// The date here when it began.
    pub began: Date,
    /// A date that goes on with every day of the device, even if two begin on one date here: daily
    /// counters are judged by it.
    pub counted: Date,
}

impl Remembered {
    /// Under which key that of the device at a place is kept.
    pub fn key(place: &str) -> String {
        format!("device {place}")
    }

    /// The device has told its serial number.
    pub fn know_serial(&mut self, serial: &str) {
        self.serial = Some(serial.to_owned());
        self.identity.get_or_insert_with(|| serial.to_owned());
    }

    /// For how long it regularly says nothing.
    pub fn pause(&self) -> Option<Duration> {
        self.pause.map(Duration::from_secs)
    }

    /// It has been seen to say nothing for so long again and again. What differs little from what is
    /// known is no news.
    pub fn know_pause(&mut self, pause: Duration) {
        let seconds = pause.as_secs() + 1;
        if self
            .pause
            .is_none_or(|known| seconds > known || seconds < known / 2)
        {
            self.pause = Some(seconds);
        }
    }

    /// It has said something that no word is known for.
    pub fn know_other(&mut self, key: &str, word: &str) {
        let words = self.others.entry(key.to_owned()).or_default();
        if words.len() < MOST_OTHERS {
            words.insert(word.to_owned());
        }
    }

    /// The device has told the number of its day, while it is this date here.
    pub fn know_day(&mut self, number: i64, today: Date) {
        // A computer without a clock of its own begins in 1970.
        if today.year() < FIRST_YEAR || self.day.is_some_and(|day| day.number == number) {
            return;
        }
        let counted = self.day.map_or(today, |day| {
            day.counted.tomorrow().unwrap_or(day.counted).max(today)
        });
        self.day = Some(Day {
            number,
            began: today,
            counted,
        });
    }

    /// Takes what a round of text says of who the device is.
    pub fn take_round(&mut self, cycles: &Cycles) {
        let text = |label: &str| Some(String::from_utf8_lossy(cycles.get(label)?).into_owned());
        if let Some(id) = cycles.get("PID").and_then(parse_id) {
            self.product = Some(id);
        }
        if let Some(serial) = text("SER#").as_deref().and_then(serial_of) {
            self.know_serial(serial);
        }
        if let Some(model) = text("BMV") {
            let has_maker = model.starts_with("SmartShunt");
            self.model = Some(if has_maker {
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
                self.firmware = Some(version);
                break;
            }
        }
    }

    /// The product, if the device has said.
    pub fn product(&self) -> Option<Product> {
        self.product.map(Product::of)
    }

    /// Whether it has no power without sun.
    pub fn sleeps_at_night(&self) -> bool {
        self.product()
            .is_some_and(|product| product.sleeps_at_night())
    }

    /// The device as it is announced, if it has an identity.
    pub fn device(&self, config: &VictronConfig) -> Option<Device> {
        let identity = self.identity.clone()?;
        let serial = self.serial.clone();
        let serial = serial.unwrap_or_else(|| identity.clone());
        let name = self.custom_name.clone();
        let name = name.unwrap_or_else(|| self.label());
        let mut device = Device::new(KIND, identity, name, "Victron Energy");
        device.serial = serial;
        device.model = self.model();
        device.model_id = self.product.map(|id| format!("{id:#06X}"));
        device.firmware.clone_from(&self.firmware);
        device.rated_power = config.max_power.or_else(|| self.rated_power());
        device.patience = Some(self.patience(config));
        let carries = |key: &str| self.carries.contains(key);
        let carried = METRICS
            .iter()
            .filter(|row| row.is_always_there || carries(row.key()));
        device.metrics = carried.map(|row| row.metric.clone()).collect();
        for (key, words) in &self.others {
            let metric = device.metrics.iter_mut().find(|metric| metric.key == *key);
            if let Some(Behavior::State(options)) = metric.map(|metric| &mut metric.behavior) {
                let words = words.iter().cloned().map(Cow::Owned);
                options.to_mut().extend(words);
            }
        }
        device.controls.clone_from(&self.controls);
        Some(device)
    }

    /// The most power that a solar charger can move, by its name.
    pub fn rated_power(&self) -> Option<u32> {
        let amperes = self.product().and_then(|product| product.solar_amperes());
        amperes.map(|amperes| amperes * HIGHEST)
    }

    /// How long its values hold: over every pause that belongs to it.
    fn patience(&self, config: &VictronConfig) -> Duration {
        let pause = self.pause().map(patience).unwrap_or_default();
        let night = if self.sleeps_at_night() {
            NIGHT
        } else {
            Duration::ZERO
        };
        config
            .silent_after
            .get()
            .max(OLD_TEXT)
            .max(pause)
            .max(night)
    }

    /// The product, as far as it is known.
    pub fn model(&self) -> Option<String> {
        let product = self.product().map(|product| product.to_string());
        product.or_else(|| self.model.clone())
    }

    /// What to call it: the model and the end of the serial number.
    pub fn label(&self) -> String {
        let model = self.model().unwrap_or_else(|| "Victron device".to_owned());
        let serial = self.serial.as_ref().or(self.identity.as_ref());
        let Some(serial) = serial.and_then(|serial| cables::own_name(serial)) else {
            return model;
        };
        let start = serial.char_indices().rev().nth(3);
        let end = start.and_then(|(start, _)| serial.get(start..));
        format!("{model} {}", end.unwrap_or(serial))
            .trim_end()
            .to_owned()
    }
}
