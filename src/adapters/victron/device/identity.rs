//! What a device is known by, for ever.
//!
//! The serial number, where it is told. A battery monitor tells it in HEX only; over a cable that
//! cannot ask it is known by the cable, and keeps that identity even if it tells its number later:
//! the history of its values hangs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::Control;

/// Numbers without a word that one metric may get.
const MOST_OTHERS: usize = 8;
/// No clock that is right shows an earlier year.
const FIRST_YEAR: i16 = 2024;

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
}
