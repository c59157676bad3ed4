//! One optimizer and the panel behind it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::described::{Described, value_or_unknown};
use crate::adapters::solaredge::day_energy::{
    Count, OptimizerDay, is_ahead, milliwatt_hours, next_day, seconds,
};
use crate::adapters::solaredge::metrics::{OPTIMIZER, PANEL, TODAY, panel_watts};
use crate::adapters::solaredge::wire::{Optimizer, Serial};
use crate::model::{Decimal, Device, DeviceId, Health, Readings, Value};

/// One optimizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panel {
    serial: Serial,
    /// Keys of what it reports.
    keys: BTreeSet<String>,
    day: OptimizerDay,
    /// The time of its last live record, as it was told.
    pub at: Option<Timestamp>,
    /// Whether its inverter lists it.
    pub is_listed: bool,
    /// Whether its inverter no longer lists it, and it has not been heard since.
    pub is_gone: bool,
    /// When it was heard last in this run, and the watts that it had then.
    #[serde(skip)]
    pub heard: Option<(Duration, Option<Decimal>)>,
    /// The day that began last while it slept.
    #[serde(skip)]
    begun: Option<Date>,
    /// What was said of it last.
    #[serde(skip)]
    pub said: Option<Health>,
}

impl Panel {
    /// One that nothing is known of yet.
    pub fn new(serial: Serial) -> Self {
        Self {
            serial,
            keys: BTreeSet::new(),
            day: OptimizerDay::default(),
            at: None,
            is_listed: false,
            is_gone: false,
            heard: None,
            begun: None,
            said: None,
        }
    }

    /// Its serial number.
    pub const fn serial(&self) -> Serial {
        self.serial
    }

    /// Its device.
    pub fn id(&self) -> DeviceId {
        Described::id(&self.serial.to_string())
    }

    /// How it is announced, behind its inverter.
    pub fn device(&self, inverter: &DeviceId) -> Device {
        Described {
            serial: self.serial.to_string(),
            name: format!("Optimizer {}", self.serial),
            model: "Optimizer",
            via: Some(inverter.clone()),
            max_power: Some(MOST_WATTS),
        }
        .device(OPTIMIZER, &self.keys, PANEL)
    }

    /// Learns from a record what it reports; true if that is more than before.
    pub fn learn(&mut self, record: &Optimizer) -> bool {
        let before = self.keys.len();
        Described::learn(OPTIMIZER, record, &mut self.keys);
        self.keys.len() != before
    }

    /// Counts a record that was measured then, whether it is of now or not.
    pub fn count(&mut self, record: &Optimizer, at: Timestamp, zone: &TimeZone, is_live: bool) {
        if is_live && is_ahead(self.day.day(), at, zone) {
            self.day = OptimizerDay::default();
        }
        let count = Count {
            at: seconds(at),
            total: None,
            since_wake: milliwatt_hours(record.energy),
            interval: None,
            uptime: record.uptime,
        };
        self.day.add(count, zone);
    }

    /// The values of a record that was measured then.
    pub fn readings(&self, record: &Optimizer, at: Timestamp, is_live: bool) -> Readings {
        let mut readings = Described::readings(self.id(), at, OPTIMIZER, &self.keys, record);
        if is_live {
            readings.day = self.day.day();
            readings.push(TODAY.key, value_or_unknown(self.day.energy().map(milli)));
            readings.push("last_telemetry", at);
        }
        readings
    }

    /// A day has begun while it sleeps, and has brought nothing yet: told once.
    pub fn begin_day(&mut self, now: Timestamp, zone: &TimeZone) -> Option<Readings> {
        let today = next_day(self.day.day(), now, zone)?;
        if self.begun.replace(today) == Some(today) {
            return None;
        }
        let mut readings = Readings::new(self.id(), now);
        readings.day = Some(today);
        readings.push(TODAY.key, Decimal::integer(0));
        Some(readings)
    }

    /// What it has while its inverter sleeps.
    pub fn asleep(&self, at: Timestamp) -> Readings {
        Described::asleep(self.id(), at, OPTIMIZER, &self.keys)
    }

    /// A live record was heard.
    pub fn hear(&mut self, record: &Optimizer, at: Timestamp, now: Duration) {
        self.at = Some(at);
        self.heard = Some((now, panel_watts(record)));
    }
}

/// More than one panel or two in series can give, in watts.
const MOST_WATTS: u32 = 2000;

/// Thousandths of a watt-hour as kilowatt-hours.
pub fn milli(energy: i64) -> Value {
    Decimal::new(energy, 6).into()
}
