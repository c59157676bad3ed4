//! What a device is known by, for ever.
//!
//! The serial number, where it is told. A battery monitor tells it in HEX only; over a cable that
//! cannot ask it is known by the cable, and keeps that identity even if it tells its number later:
//! the history of its values hangs on it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
    /// Whether it is a shunt that measures something else than a battery.
    pub(super) is_meter: bool,
}

impl Remembered {
    /// The device has told its serial number.
    pub(super) fn know_serial(&mut self, serial: &str) {
        self.serial = Some(serial.to_owned());
        self.identity.get_or_insert_with(|| serial.to_owned());
    }
}
