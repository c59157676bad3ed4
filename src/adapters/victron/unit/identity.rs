//! What a device is known by, for ever.
//!
//! The serial number, where it is told. A battery monitor tells it in HEX only; over a cable that
//! cannot ask it is known by the cable, and keeps that identity even if it tells its number later:
//! the history of its values hangs on it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::Control;

/// What must be remembered of a device over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in super::super) struct Remembered {
    /// The product id.
    pub(in super::super) product: Option<u16>,
    /// The serial number, if the device has told it.
    pub(super) serial: Option<String>,
    /// What its device id is made of.
    pub(in super::super) identity: Option<String>,
    /// The model, where there is no product id.
    pub(super) model: Option<String>,
    pub(super) custom_name: Option<String>,
    pub(super) firmware: Option<String>,
    /// Keys of the metrics that it reports.
    pub(super) carries: BTreeSet<String>,
    /// The number of the day as the device counts it, and the date it goes by.
    pub(super) day: Option<(i64, Date)>,
    /// Whether it is a shunt that measures something else than a battery.
    pub(super) is_meter: bool,
    /// What can be set on it.
    pub(super) controls: Vec<Control>,
}

impl Remembered {
    /// The device has told its serial number.
    pub(super) fn know_serial(&mut self, serial: &str) {
        self.serial = Some(serial.to_owned());
        self.identity.get_or_insert_with(|| serial.to_owned());
    }

    /// The device has told the number of its day, while it is this date here. A charger begins a
    /// day when the sun rises on its panels, or after it was without power: its date goes on with
    /// each new number, and is not earlier than ours.
    pub(super) fn know_day(&mut self, number: i64, today: Date) {
        let date = match self.day {
            Some((known, _)) if known == number => return,
            Some((_, date)) => date.tomorrow().unwrap_or(date).max(today),
            None => today,
        };
        self.day = Some((number, date));
    }
}
