//! One inverter, and all that is behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::attached::Attached;
use super::described::{Described, value_or_unknown};
use super::pace::ClockPace;
use super::panel::{Panel, milli};
use crate::adapters::solaredge::day_energy::{
    Count, InverterDay, is_ahead, milliwatt_hours, seconds,
};
use crate::adapters::solaredge::metrics::{INVERTER, PLANT, TODAY};
use crate::adapters::solaredge::wire::{Inverter, Serial};
use crate::model::{Decimal, Device, DeviceId, Health, Readings, Value};

/// How long a panel counts as reporting after it was heard.
pub const REPORTING: Duration = Duration::from_secs(15 * 60);

/// One inverter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its serial number.
    pub serial: Serial,
    /// The inverter through which it reaches the server, if that is another one.
    pub via: Option<Serial>,
    /// Keys of what it reports.
    keys: BTreeSet<String>,
    /// How many phases it has, once it has said so.
    phases: usize,
    day: InverterDay,
    /// The time of its last live record, as it was told.
    pub at: Option<Timestamp>,
    /// Whether it had no power then.
    pub is_idle: bool,
    /// Whether it sleeps.
    pub is_asleep: bool,
    /// Whether it has listed its optimizers.
    pub has_listed: bool,
    /// Its optimizers.
    pub panels: BTreeMap<Serial, Panel>,
    /// Its meters by their kinds.
    pub meters: BTreeMap<u8, Attached>,
    /// Its batteries by their serial numbers.
    pub batteries: BTreeMap<String, Attached>,
    /// How its clock stands to ours.
    #[serde(skip)]
    pub pace: ClockPace,
    /// When a live record of it was heard last in this run, and the time of that one.
    #[serde(skip)]
    pub heard: Option<(Duration, Timestamp)>,
    /// When anything of it was heard last, be it empty.
    #[serde(skip)]
    pub connected: Option<Duration>,
    /// Since when it is listened for in this run.
    #[serde(skip)]
    pub awaited: Option<Duration>,
    /// Whether the last that it sent could not be opened: then that is why there are no values.
    #[serde(skip)]
    pub is_shut: bool,
    /// Since when all its records had power.
    #[serde(skip)]
    pub producing: Option<Duration>,
    /// The day that began while it slept, once that was told.
    #[serde(skip)]
    pub slept_into: Option<Date>,
    /// What was said of it last.
    #[serde(skip)]
    pub said: Option<Health>,
    /// A record that nobody knows, as text.
    #[serde(skip)]
    pub unknown: Option<String>,
}

impl Unit {
    /// One that nothing is known of yet.
    pub fn new(serial: Serial) -> Self {
        let keys = ["power", "energy_total"].map(str::to_owned);
        Self {
            serial,
            via: None,
            keys: BTreeSet::from(keys),
            phases: 0,
            day: InverterDay::default(),
            at: None,
            is_idle: false,
            is_asleep: false,
            has_listed: false,
            panels: BTreeMap::new(),
            meters: BTreeMap::new(),
            batteries: BTreeMap::new(),
            pace: ClockPace::default(),
            heard: None,
            connected: None,
            awaited: None,
            is_shut: false,
            producing: None,
            slept_into: None,
            said: None,
            unknown: None,
        }
    }

    /// Its device.
    pub fn id(&self) -> DeviceId {
        Described::id(&self.serial.to_string())
    }

    /// How it is announced.
    pub fn device(&self, max_power: Option<u32>) -> Device {
        let others = PLANT.iter().filter(|metric| match metric.key.as_ref() {
            "optimizers_paired" => self.has_listed,
            "optimizers_reporting" | "weakest_panel" | "weakest_panel_share" | "panels_power" => {
                !self.panels.is_empty()
            }
            _ => true,
        });
        let others: Vec<_> = others.cloned().collect();
        Described {
            serial: self.serial.to_string(),
            name: format!("Inverter {}", self.serial),
            model: match self.phases {
                1 => "Inverter, one phase",
                3 => "Inverter, three phases",
                _ => "Inverter",
            },
            via: self.via.map(|via| Described::id(&via.to_string())),
            max_power,
        }
        .device(INVERTER, &self.keys, &others)
    }

    /// Learns from a record what it reports; true if that is news.
    pub fn learn(&mut self, record: &Inverter) -> bool {
        let before = (self.keys.len(), self.phases);
        Described::learn(INVERTER, record, &mut self.keys);
        self.phases = record.phases.len();
        (self.keys.len(), self.phases) != before
    }

    /// Counts a record that was measured then, whether it is of now or not.
    pub fn count(&mut self, record: &Inverter, at: Timestamp, zone: &TimeZone, is_live: bool) {
        if is_live && is_ahead(self.day.day(), at, zone) {
            self.day = InverterDay::default();
        }
        let total = record
            .energy_total
            .and_then(|total| i64::try_from(total).ok());
        let count = Count {
            at: seconds(at),
            total: total.and_then(|total| total.checked_mul(1000)),
            since_wake: milliwatt_hours(record.energy_since_wake),
            interval: milliwatt_hours(record.energy_interval),
            uptime: record.uptime,
        };
        self.day.add(count, zone);
    }

    /// The values of a record that was measured then.
    pub fn readings(&self, record: &Inverter, at: Timestamp) -> Readings {
        let mut readings = Described::readings(self.id(), at, INVERTER, &self.keys, record);
        readings.day = self.day.day();
        readings.push(TODAY.key, value_or_unknown(self.day.energy().map(milli)));
        readings
    }

    /// Adds what is known of its panels and its connection.
    pub fn add_plant(&self, readings: &mut Readings, is_sealed: bool, now: Duration) {
        readings.push("last_telemetry", readings.at);
        readings.push("encryption", if is_sealed { "opened" } else { "none" });
        let unknown = self.unknown.clone().map(Value::from);
        readings.push("unknown_record", value_or_unknown(unknown));
        if self.panels.is_empty() {
            return;
        }
        let reporting = self.reporting(now);
        let watts: Vec<_> = reporting
            .iter()
            .filter_map(|(serial, watts)| Some((*serial, (*watts)?)))
            .collect();
        if self.has_listed {
            let paired = self.panels.values().filter(|panel| panel.is_listed).count();
            readings.push("optimizers_paired", count(paired));
        }
        readings.push("optimizers_reporting", count(reporting.len()));
        let total = Decimal::total(watts.iter().map(|(_, watts)| (*watts, false)));
        let total = (!watts.is_empty()).then(|| total.into());
        readings.push("panels_power", value_or_unknown(total));
        let weakest = weakest(watts);
        let share = weakest.map(|(_, share)| share);
        let words = weakest.map(|(serial, share)| format!("{serial}: {share} % of the usual"));
        readings.push("weakest_panel", value_or_unknown(words.map(Value::from)));
        readings.push(
            "weakest_panel_share",
            value_or_unknown(share.map(Value::from)),
        );
    }

    /// The panels that were heard lately, and their watts.
    fn reporting(&self, now: Duration) -> Vec<(Serial, Option<Decimal>)> {
        let heard = self.panels.values().filter_map(|panel| {
            let (heard, watts) = panel.heard?;
            (now.saturating_sub(heard) <= REPORTING).then_some((panel.serial(), watts))
        });
        heard.collect()
    }

    /// The day that its energy today is of.
    pub const fn day(&self) -> Option<Date> {
        self.day.day()
    }

    /// What it has while it sleeps.
    pub fn asleep(&self, at: Timestamp) -> Readings {
        let mut readings = Described::asleep(self.id(), at, INVERTER, &self.keys);
        if let Some(mode) = readings
            .values
            .iter_mut()
            .find(|reading| reading.key == "mode")
        {
            mode.value = "sleeping".into();
        }
        if !self.panels.is_empty() {
            readings.push("panels_power", Decimal::integer(0));
            readings.push("weakest_panel", Value::Unknown);
            readings.push("weakest_panel_share", Value::Unknown);
        }
        readings
    }
}

fn count(number: usize) -> Value {
    Decimal::integer(i64::try_from(number).unwrap_or(i64::MAX)).into()
}

/// Below this many watts of the usual panel, nothing can be told of the others.
const LIGHT_ENOUGH: i64 = 10;

/// The panel with the least power, and its share of the usual (the median) in percent.
fn weakest(mut watts: Vec<(Serial, Decimal)>) -> Option<(Serial, Decimal)> {
    watts.sort_by_key(|(_, watts)| *watts);
    let (_, usual) = watts.get(watts.len() / 2)?;
    let (serial, least) = watts.first()?;
    if watts.len() < 3 || *usual < Decimal::integer(LIGHT_ENOUGH) {
        return None;
    }
    let share = (100.0 * least.to_f64() / usual.to_f64()).round() as i64;
    Some((*serial, Decimal::integer(share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_panel_is_told_by_its_share_of_the_usual() {
        let panels = |watts: &[i64]| {
            let all = watts.iter().enumerate();
            all.map(|(at, watts)| (Serial(at as u32), Decimal::integer(*watts)))
                .collect()
        };
        let share = |watts: &[i64]| weakest(panels(watts));
        assert_eq!(
            share(&[200, 50, 210, 190]),
            Some((Serial(1), Decimal::integer(25)))
        );
        assert_eq!(share(&[200, 50]), None);
        assert_eq!(share(&[2, 1, 2]), None);
        assert_eq!(share(&[]), None);
    }
}
