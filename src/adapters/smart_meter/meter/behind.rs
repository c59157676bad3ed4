//! The meters behind a meter, as devices of their own.
//!
//! Each is known by its number; without one by the meter, what it counts, and its channel. Its counter is told once
//! for each time that it was read, as of that moment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::values::{Behind, Medium};
use super::super::{KIND, health, metrics};
use crate::clock::Moment;
use crate::model::{Device, DeviceId, Health, Readings, Report};

/// A meter that was not read for so long is unavailable: most are read each hour, and some rest at night.
const PATIENCE: SignedDuration = SignedDuration::from_hours(26);

/// What must be remembered of one over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehindMemory {
    medium: Medium,
    number: Option<String>,
    /// Where it was last.
    #[serde(default)]
    channel: u8,
    /// Whether it has a valve.
    #[serde(default)]
    has_valve: bool,
}

/// What is known in this run.
#[derive(Debug, Default)]
pub struct Attached {
    /// By serial.
    seen: BTreeMap<String, BehindSeen>,
}

#[derive(Debug, Default)]
struct BehindSeen {
    described: Option<Device>,
    /// When what was told last was read.
    told: Option<Timestamp>,
    valve: Option<&'static str>,
    health: Option<Health>,
}

/// The meter that they are behind.
#[derive(Debug, Clone, Copy)]
pub struct Main<'a> {
    pub serial: &'a str,
    /// Its device, if it is announced.
    pub device: Option<&'a DeviceId>,
    /// Whether damage to its telegrams would show.
    pub is_sound: bool,
}

impl Attached {
    /// What a telegram says of them.
    pub fn take(
        &mut self,
        known: &mut BTreeMap<String, BehindMemory>,
        behind: &[Behind],
        main: Main<'_>,
        now: Moment,
    ) -> Vec<Report> {
        let mut reports = Vec::new();
        for one in behind {
            // A number that was left out once makes no other meter.
            let is_same_place = |it: &BehindMemory| {
                it.number.is_some() && (it.channel, it.medium) == (one.channel, one.medium)
            };
            if one.number.is_none() && known.values().any(is_same_place) {
                continue;
            }
            let serial = serial(one, main.serial, known);
            if !known.contains_key(&serial) {
                if one.is_stale() {
                    continue;
                }
                // Where damage may go unnoticed, another telegram has to name it, too.
                let is_first = !self.seen.contains_key(&serial);
                self.seen.entry(serial.clone()).or_default();
                if is_first && !main.is_sound {
                    continue;
                }
            }
            let remembered = known.entry(serial.clone()).or_insert_with(|| BehindMemory {
                medium: one.medium,
                number: one.number.clone(),
                channel: one.channel,
                has_valve: false,
            });
            remembered.channel = one.channel;
            remembered.has_valve |= one.valve.is_some();
            let seen = self.seen.entry(serial.clone()).or_default();
            reports.extend(seen.describe(&serial, remembered, main.device));
            reports.extend(seen.read(&serial, one, now));
        }
        // Numbers that damaged telegrams have named.
        if self.seen.len() > 2 * known.len() + 8 {
            self.seen.retain(|serial, _| known.contains_key(serial));
        }
        reports
    }

    /// Says how all of them are, if that is news.
    pub fn put_health(
        &mut self,
        known: &BTreeMap<String, BehindMemory>,
        health: &Health,
    ) -> Vec<Report> {
        let reports = known.keys().filter_map(|serial| {
            let seen = self.seen.entry(serial.clone()).or_default();
            seen.put_health(DeviceId::new(KIND, serial), health.clone())
        });
        reports.collect()
    }

    /// One that is to be kept no longer.
    pub fn forget(&mut self, known: &mut BTreeMap<String, BehindMemory>, device: &DeviceId) {
        let is_other = |serial: &String| DeviceId::new(KIND, serial) != *device;
        known.retain(|serial, _| is_other(serial));
        self.seen.retain(|serial, _| is_other(serial));
    }
}

fn serial(one: &Behind, main: &str, known: &BTreeMap<String, BehindMemory>) -> String {
    let medium = one.medium.key();
    let id = |serial: &str| DeviceId::new(KIND, serial);
    match &one.number {
        // A meter of heat and cold has one number for both.
        Some(number) if known.get(number).is_some_and(|it| it.medium != one.medium) => {
            format!("{number} {medium}")
        }
        Some(number) if id(number) != id(main) => number.clone(),
        _ => format!("{main} {medium} {}", one.channel),
    }
}

impl BehindSeen {
    fn describe(
        &mut self,
        serial: &str,
        known: &BehindMemory,
        via: Option<&DeviceId>,
    ) -> Option<Report> {
        let device = device(serial, known, via);
        if self.described.as_ref() == Some(&device) {
            return None;
        }
        self.described = Some(device.clone());
        Some(Report::Device(Box::new(device)))
    }

    /// Its counter, if it was read again since it was told last.
    fn read(&mut self, serial: &str, one: &Behind, now: Moment) -> Vec<Report> {
        let id = DeviceId::new(KIND, serial);
        let age = one.age.unwrap_or_default();
        if age > PATIENCE {
            return self
                .put_health(id, health::not_read())
                .into_iter()
                .collect();
        }
        if self.told.is_some_and(|told| one.captured == told) {
            let mut reports = Vec::new();
            if one.valve != self.valve
                && let Some(valve) = one.valve
            {
                let mut readings = Readings::new(id.clone(), now.wall);
                readings.push("valve", valve);
                reports.push(Report::Readings(readings));
            }
            self.valve = one.valve;
            reports.extend(self.put_health(id, Health::ONLINE));
            return reports;
        }
        self.valve = one.valve;
        self.told = Some(one.captured);
        // By our own clock; that of the meter may be wrong, and the one that reads it ahead of it.
        let age = age.max(SignedDuration::ZERO);
        let at = now.wall.checked_sub(age).unwrap_or(now.wall);
        let mut readings = Readings::new(id.clone(), at);
        readings.push(one.medium.key(), one.reading);
        readings.push("capture_time", one.captured);
        if let Some(valve) = one.valve {
            readings.push("valve", valve);
        }
        let mut reports = vec![Report::Readings(readings)];
        reports.extend(self.put_health(id, Health::ONLINE));
        reports
    }

    fn put_health(&mut self, id: DeviceId, health: Health) -> Option<Report> {
        let before = self.health.replace(health.clone());
        (before.as_ref() != Some(&health)).then_some(Report::Health(id, health))
    }
}

fn device(serial: &str, known: &BehindMemory, via: Option<&DeviceId>) -> Device {
    let number = known.number.as_deref().unwrap_or_default();
    let end = super::end_of(number);
    let name = format!("{} {end}", known.medium.meter());
    let mut device = Device::new(KIND, serial, name.trim_end(), known.medium.meter());
    device.via = via.cloned();
    device.patience = Some(PATIENCE.unsigned_abs());
    let carries = |key: &str| match key {
        "capture_time" => true,
        "valve" => known.has_valve,
        key => key == known.medium.key(),
    };
    let carried = metrics::BEHIND.iter().filter(|metric| carries(&metric.key));
    device.metrics = carried.cloned().collect();
    device
}
