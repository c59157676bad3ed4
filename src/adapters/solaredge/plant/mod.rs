//! The inverters that are heard of, and what is behind them: from records to reports.

mod attached;
mod bounds;
mod described;
mod inverter;
mod night;
mod pace;
mod panel;
mod silence;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::attached::Attached;
use self::bounds::{MOST_BEHIND, MOST_UNITS};
use self::inverter::Unit;
use self::pace::Age;
use self::panel::Panel;
use super::health;
use super::metrics::SLEEPING;
use super::wire::{
    Battery, Event, EventKind, Inventory, Inverter, Meter, MeterListed, Optimizer, Record, Serial,
};
use crate::clock::Moment;
use crate::hex::Hex;
use crate::model::{Decimal, Device, DeviceId, Health, HealthCode, Report};

/// How long an inverter may say nothing.
pub const SILENT: Duration = Duration::from_secs(15 * 60);
/// How long a panel may say nothing while its inverter produces.
const PANEL_SILENT: Duration = Duration::from_secs(30 * 60);
/// How far ahead of ours a moment may be that was told.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Text that a state can hold.
const LONGEST_TEXT: usize = 250;

/// What is remembered of all inverters over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plant {
    units: BTreeMap<Serial, Unit>,
    #[serde(skip)]
    setting: Setting,
    /// When somebody was heard to speak by TLS.
    #[serde(skip)]
    tls: Option<Duration>,
    #[serde(skip)]
    reports: Vec<Report>,
    /// Whether it was said that there are too many.
    #[serde(skip)]
    has_overflown: bool,
}

/// What records are read by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// By which days begin.
    pub zone: TimeZone,
    /// The most power in watts of an inverter.
    pub max_power: Option<u32>,
    /// Whether all records of a file are to be told, whenever they are from.
    pub is_file: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            max_power: None,
            is_file: false,
        }
    }
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// Who measured.
    pub source: Serial,
    /// Whose connection it came over.
    pub sealed_by: Option<Serial>,
    /// When it came.
    pub now: Moment,
}

impl Plant {
    /// Goes on with what is remembered.
    #[must_use]
    pub fn with(self, setting: Setting) -> Self {
        Self { setting, ..self }
    }

    /// What is to be told, since this was asked last.
    pub fn reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    /// Describes all that is remembered, at the start.
    pub fn recall(&mut self, now: Moment) {
        let units: Vec<Serial> = self.units.keys().copied().collect();
        for serial in units {
            self.describe(serial);
            let Some(unit) = self.units.get(&serial) else {
                continue;
            };
            let gone = unit.panels.values().filter(|panel| panel.is_gone);
            let gone = gone.map(|panel| Report::Absent(panel.id(), health::unpaired()));
            self.reports.extend(gone);
            let (is_asleep, at) = (unit.is_asleep, unit.at.unwrap_or(now.wall).min(now.wall));
            if let Some(unit) = self.units.get_mut(&serial) {
                unit.awaited = Some(now.steady);
            }
            if is_asleep {
                // Nothing has been heard since, so it still sleeps.
                self.put_to_sleep(serial, at);
            }
        }
    }

    /// The place at which packets are seen is open again: what could not be known meanwhile is as before, or
    /// will show.
    pub fn reopened(&mut self, now: Moment) {
        let units: Vec<Serial> = self.units.keys().copied().collect();
        for serial in units {
            if let Some(unit) = self.units.get_mut(&serial) {
                unit.awaited = Some(now.steady);
                unit.is_shut = false;
            }
            self.say_as_before(serial, now);
        }
    }

    /// How an inverter was, before a trouble that is over.
    fn say_as_before(&mut self, serial: Serial, now: Moment) {
        let Some(unit) = self.units.get(&serial) else {
            return;
        };
        let is_fresh = |(heard, _): (Duration, _)| now.since(heard) < SILENT;
        let health = match unit.heard {
            _ if unit.is_asleep => health::asleep(),
            Some(heard) if is_fresh(heard) => Health::ONLINE,
            _ => Health::new(HealthCode::Starting),
        };
        self.say_of_all(serial, &health);
    }

    /// Whether all that is behind the inverters has been told: they have listed it, or had time to.
    pub fn has_named_all(&self, now: Duration) -> bool {
        let has_told = |unit: &Unit| {
            let since = unit.producing;
            unit.has_listed || since.is_some_and(|since| now.saturating_sub(since) >= PANEL_SILENT)
        };
        let mut measuring = self.units.values().filter(|it| !self.is_gateway(it));
        !self.units.is_empty() && measuring.all(has_told)
    }

    /// Whether any inverter is known.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The inverters that are known.
    pub fn inverters(&self) -> impl Iterator<Item = Serial> {
        self.units.keys().copied()
    }

    /// The devices of this id are not to be remembered any longer.
    pub fn forget(&mut self, id: &DeviceId) {
        self.units.retain(|_, unit| unit.id() != *id);
        for unit in self.units.values_mut() {
            unit.panels.retain(|_, panel| panel.id() != *id);
            unit.meters.retain(|_, meter| meter.id() != *id);
            unit.batteries.retain(|_, battery| battery.id() != *id);
        }
    }

    /// An inverter is there, whatever it sends that can be read, even if that is empty.
    pub fn meet(&mut self, serial: Serial, now: Moment) {
        let Some(unit) = self.unit(serial) else {
            return;
        };
        unit.connected = Some(now.steady);
        unit.awaited.get_or_insert(now.steady);
        if std::mem::take(&mut unit.is_shut) {
            self.say_as_before(serial, now);
        }
    }

    /// An inverter is there, and what it sends cannot be opened.
    pub fn shut(&mut self, serial: Serial, health: &Health, now: Moment) {
        let Some(unit) = self.unit(serial) else {
            return;
        };
        unit.connected = Some(now.steady);
        unit.awaited.get_or_insert(now.steady);
        unit.is_shut = true;
        self.say_of_all(serial, health);
    }

    /// Whether a unit measures nothing itself: others are connected through it.
    fn is_gateway(&self, unit: &Unit) -> bool {
        let is_via = |other: &Unit| other.via == Some(unit.serial);
        unit.at.is_none() && self.units.values().any(is_via)
    }

    /// The inverter of this serial number, described anew if it is new.
    fn unit(&mut self, serial: Serial) -> Option<&mut Unit> {
        if !self.units.contains_key(&serial) {
            if self.units.len() >= MOST_UNITS {
                self.overflow(serial);
                return None;
            }
            if self.is_taken(&serial.to_string()) {
                return None;
            }
            self.units.insert(serial, Unit::new(serial));
            self.describe(serial);
        }
        self.units.get_mut(&serial)
    }

    /// Describes an inverter and all that is behind it.
    fn describe(&mut self, serial: Serial) {
        let Some(unit) = self.units.get(&serial) else {
            return;
        };
        let id = unit.id();
        let mut devices = vec![unit.device(self.setting.max_power)];
        devices.extend(unit.panels.values().map(|panel| panel.device(&id)));
        let attached = unit.meters.values().chain(unit.batteries.values());
        devices.extend(attached.map(|attached| attached.device(&id)));
        self.reports.extend(devices.into_iter().map(described));
    }

    /// How an inverter and all that is behind it are, where they have nothing better to say themselves.
    pub fn say_of_all(&mut self, serial: Serial, health: &Health) {
        let Some(unit) = self.units.get_mut(&serial) else {
            return;
        };
        let reports = &mut self.reports;
        tell(reports, unit.id(), &mut unit.said, health.clone());
        for panel in unit.panels.values_mut().filter(|panel| !panel.is_gone) {
            tell(reports, panel.id(), &mut panel.said, health.clone());
        }
        let attached = unit.meters.values_mut().chain(unit.batteries.values_mut());
        for attached in attached {
            tell(reports, attached.id(), &mut attached.said, health.clone());
        }
    }

    /// Takes a record.
    pub fn take(&mut self, record: &Record<'_>, origin: Origin) {
        let now = origin.now;
        self.meet(origin.source, now);
        let gateway = origin
            .sealed_by
            .filter(|gateway| *gateway != origin.source && self.units.contains_key(gateway));
        if let Some(unit) = self.units.get_mut(&origin.source)
            && unit.via.is_none()
            && gateway.is_some()
        {
            unit.via = gateway;
            self.describe(origin.source);
        }
        if let Some(gateway) = gateway.and_then(|gateway| self.units.get_mut(&gateway)) {
            gateway.connected = Some(now.steady);
            if std::mem::take(&mut gateway.is_shut) || gateway.said.is_none() {
                let id = gateway.id();
                tell(&mut self.reports, id, &mut gateway.said, Health::ONLINE);
            }
        }
        match record {
            Record::Inverter(record) => self.inverter(record, origin),
            Record::Optimizer(record) => self.optimizer(record, origin),
            Record::Meter(record) => self.meter(record, origin),
            Record::Battery(record) => self.battery(record, origin),
            Record::Event(event) => self.event(event, origin),
            Record::Meters(inventory) => self.meters(inventory, origin),
            Record::Optimizers(inventory) => self.optimizers(inventory, origin),
            Record::Unknown { kind, body, .. } => {
                if let Some(unit) = self.units.get_mut(&origin.source) {
                    let mut text = format!("{kind:04x} {}", Hex::of(body));
                    text.truncate(LONGEST_TEXT);
                    unit.unknown = Some(text);
                }
            }
        }
    }

    /// What the time of a record means.
    fn age(&mut self, serial: Serial, at: u32, is_own: bool, now: Moment) -> Age {
        if self.setting.is_file {
            let at = Timestamp::from_second(at.into());
            return at.map_or(Age::Timeless, Age::Live);
        }
        let unit = self.units.get_mut(&serial);
        unit.map_or(Age::Timeless, |unit| unit.pace.judge(at, is_own, now))
    }

    fn inverter(&mut self, record: &Inverter, origin: Origin) {
        let Origin { source, now, .. } = origin;
        let age = self.age(source, record.at, true, now);
        let (zone, is_file) = (self.setting.zone.clone(), self.setting.is_file);
        let Some(unit) = self.units.get_mut(&source) else {
            return;
        };
        if unit.learn(record) {
            let device = unit.device(self.setting.max_power);
            self.reports.push(described(device));
        }
        let (at, is_live) = match age {
            Age::Live(at) => (at, true),
            Age::Late(at) => (at, false),
            Age::Timeless => return,
        };
        // A time of a clock that was not set yet belongs to no day.
        if is_live || at <= now.wall {
            unit.count(record, at, &zone, is_live);
        }
        let is_newer = is_file || is_newer(unit.at, at, now);
        if !is_live || !is_newer {
            let mut readings = unit.readings(record, at);
            readings
                .values
                .retain(|reading| reading.key != "energy_today");
            self.reports.push(Report::Late(readings));
            if let Some(seconds) = unit.pace.doubt(now).filter(|_| unit.heard.is_none()) {
                self.say_of_all(source, &health::clock_in_doubt(seconds));
            }
            return;
        }
        unit.at = Some(at);
        let power = unit.readings(record, at);
        let watts = power.get("power").and_then(crate::model::Value::as_number);
        unit.is_idle = watts.is_some_and(|watts| watts <= Decimal::integer(0));
        unit.is_asleep = record.mode == Some(SLEEPING);
        let is_producing = watts.is_some() && !unit.is_idle;
        let is_after_pause = unit
            .heard
            .is_some_and(|(heard, _)| now.since(heard) > SILENT);
        unit.producing = match unit.producing {
            _ if !is_producing => None,
            Some(since) if !is_after_pause => Some(since),
            _ => Some(now.steady),
        };
        unit.heard = Some((now.steady, at));
        let mut readings = power;
        unit.add_plant(&mut readings, origin.sealed_by.is_some(), now.steady);
        self.reports.push(Report::Readings(readings));
        let is_asleep = unit.is_asleep;
        let health = match unit.pace.is_off_by() {
            Some(seconds) => health::clock_is_off(seconds),
            None => Health::ONLINE,
        };
        if is_asleep {
            self.put_to_sleep(source, at);
        } else {
            tell(&mut self.reports, unit.id(), &mut unit.said, health);
        }
    }

    fn optimizer(&mut self, record: &Optimizer, origin: Origin) {
        let Origin { source, now, .. } = origin;
        let age = self.age(source, record.at, false, now);
        let (zone, is_file) = (self.setting.zone.clone(), self.setting.is_file);
        let mut source = source;
        if matches!(age, Age::Live(_)) {
            self.move_here(source, record.serial);
        } else if let Some(other) = self.others_with(source, record.serial).next() {
            // What is sent again may be from before it was moved.
            source = other.serial;
        }
        if !self.has_room_for_panel(source, record.serial) {
            return;
        }
        let Some(unit) = self.units.get_mut(&source) else {
            return;
        };
        let id = unit.id();
        let is_new = !unit.panels.contains_key(&record.serial);
        if is_new && unit.panels.is_empty() {
            unit.panels.insert(record.serial, Panel::new(record.serial));
            let device = unit.device(self.setting.max_power);
            self.reports.push(described(device));
        }
        let panel = unit.panels.entry(record.serial);
        let panel = panel.or_insert_with(|| Panel::new(record.serial));
        if panel.learn(record) | is_new {
            self.reports.push(described(panel.device(&id)));
        }
        let (at, is_live) = match age {
            Age::Live(at) => (at, true),
            Age::Late(at) => (at, false),
            Age::Timeless => return,
        };
        let is_newer = is_file || is_newer(panel.at, at, now);
        if is_live || at <= now.wall {
            panel.count(record, at, &zone, is_live);
        }
        let is_live = is_live && is_newer;
        let readings = panel.readings(record, at, is_live);
        if is_live {
            panel.is_gone = false;
            panel.hear(record, at, now.steady);
            self.reports.push(Report::Readings(readings));
            tell(
                &mut self.reports,
                panel.id(),
                &mut panel.said,
                Health::ONLINE,
            );
        } else {
            self.reports.push(Report::Late(readings));
        }
    }

    /// Other inverters that an optimizer is known to be behind.
    fn others_with(&self, inverter: Serial, optimizer: Serial) -> impl Iterator<Item = &Unit> {
        let others = self.units.values();
        others.filter(move |it| it.serial != inverter && it.panels.contains_key(&optimizer))
    }

    /// An optimizer that was moved to this inverter is no longer behind another one, and goes on counting.
    fn move_here(&mut self, inverter: Serial, optimizer: Serial) {
        let mut panel = None;
        for unit in self.units.values_mut().filter(|it| it.serial != inverter) {
            panel = unit.panels.remove(&optimizer).or(panel);
        }
        let (Some(mut panel), Some(unit)) = (panel, self.units.get_mut(&inverter)) else {
            return;
        };
        panel.is_listed = false;
        let mut devices = vec![panel.device(&unit.id())];
        unit.panels.entry(optimizer).or_insert(panel);
        if unit.panels.len() == 1 {
            devices.insert(0, unit.device(self.setting.max_power));
        }
        self.reports.extend(devices.into_iter().map(described));
    }

    fn meter(&mut self, record: &Meter, origin: Origin) {
        let Origin { source, now, .. } = origin;
        let age = self.age(source, record.at, false, now);
        let is_known = |unit: &Unit| unit.meters.contains_key(&record.kind);
        if !self.has_room(source, &format!("{source} meter {}", record.kind), is_known) {
            return;
        }
        let is_file = self.setting.is_file;
        let Some(unit) = self.units.get_mut(&source) else {
            return;
        };
        let meter = unit.meters.entry(record.kind);
        let meter = meter.or_insert_with(|| Attached::meter(source, record.kind));
        if meter.learn_meter(record) {
            self.reports
                .push(described(meter.device(&Unit::new(source).id())));
        }
        let readings = |at| meter.meter_readings(record, at);
        match age {
            Age::Live(at) if is_file || is_newer(meter.at, at, now) => {
                self.reports.push(Report::Readings(readings(at)));
                meter.at = Some(at);
                meter.heard = Some(now.steady);
                tell(
                    &mut self.reports,
                    meter.id(),
                    &mut meter.said,
                    Health::ONLINE,
                );
            }
            Age::Live(at) | Age::Late(at) => self.reports.push(Report::Late(readings(at))),
            Age::Timeless => {}
        }
    }

    fn battery(&mut self, record: &Battery, origin: Origin) {
        let Origin { source, now, .. } = origin;
        let age = self.age(source, record.at, false, now);
        let is_known = |unit: &Unit| unit.batteries.contains_key(&record.serial);
        if !record.is_there() || !self.has_room(source, &record.serial, is_known) {
            return;
        }
        let is_file = self.setting.is_file;
        let Some(unit) = self.units.get_mut(&source) else {
            return;
        };
        let battery = unit.batteries.entry(record.serial.clone());
        let battery = battery.or_insert_with(|| Attached::battery(&record.serial));
        if battery.learn_battery(record) {
            self.reports
                .push(described(battery.device(&Unit::new(source).id())));
        }
        let readings = |at| battery.battery_readings(record, at);
        match age {
            Age::Live(at) if is_file || is_newer(battery.at, at, now) => {
                self.reports.push(Report::Readings(readings(at)));
                battery.at = Some(at);
                battery.heard = Some(now.steady);
                tell(
                    &mut self.reports,
                    battery.id(),
                    &mut battery.said,
                    Health::ONLINE,
                );
            }
            Age::Live(at) | Age::Late(at) => self.reports.push(Report::Late(readings(at))),
            Age::Timeless => {}
        }
    }

    /// It woke up or fell asleep: nothing flows until the next record, which comes within five minutes in the
    /// morning.
    fn event(&mut self, event: &Event, origin: Origin) {
        let is_sleep = matches!(event.kind, EventKind::WakeOrSleep { .. });
        if !is_sleep || self.setting.is_file {
            return;
        }
        let Age::Live(at) = self.age(origin.source, event.at, false, origin.now) else {
            return;
        };
        let unit = self.units.get(&origin.source);
        if unit.is_some_and(|unit| unit.at.is_none_or(|last| at >= last)) {
            self.put_to_sleep(origin.source, at);
        }
    }

    fn meters(&mut self, inventory: &Inventory<MeterListed>, origin: Origin) {
        let Some(unit) = self.units.get_mut(&origin.source) else {
            return;
        };
        let id = unit.id();
        for listed in &inventory.listed {
            // One that says nothing is no device yet.
            if let Some(meter) = unit.meters.get_mut(&listed.kind)
                && meter.learn_listed(listed)
            {
                self.reports.push(described(meter.device(&id)));
            }
        }
    }

    fn optimizers(&mut self, inventory: &Inventory<Serial>, origin: Origin) {
        // A list that is sent again may be from before the last change.
        let age = self.age(origin.source, inventory.at, false, origin.now);
        let Some(unit) = self.units.get_mut(&origin.source) else {
            return;
        };
        if !matches!(age, Age::Live(_)) || inventory.listed.is_empty() {
            return;
        }
        let had_listed = std::mem::replace(&mut unit.has_listed, true);
        let had_panels = !unit.panels.is_empty();
        let listed = inventory.listed.iter().copied();
        let listed = listed.filter(|serial| *serial != origin.source);
        let listed: Vec<Serial> = listed.take(MOST_BEHIND).collect();
        for serial in &listed {
            self.move_here(origin.source, *serial);
        }
        let Some(unit) = self.units.get_mut(&origin.source) else {
            return;
        };
        for panel in unit.panels.values_mut() {
            panel.is_listed = listed.contains(&panel.serial());
            if panel.is_listed {
                panel.is_gone = false;
            } else if !std::mem::replace(&mut panel.is_gone, true) {
                panel.said = None;
                self.reports
                    .push(Report::Absent(panel.id(), health::unpaired()));
            }
        }
        let mut new = listed;
        new.retain(|serial| !unit.panels.contains_key(serial));
        new.sort_unstable();
        new.dedup();
        new.retain(|serial| {
            let has_room = self.has_room_for_panel(origin.source, *serial);
            if let Some(unit) = self.units.get_mut(&origin.source).filter(|_| has_room) {
                let mut panel = Panel::new(*serial);
                panel.is_listed = true;
                unit.panels.insert(*serial, panel);
            }
            has_room
        });
        let Some(unit) = self.units.get(&origin.source) else {
            return;
        };
        let id = unit.id();
        if !had_listed || !had_panels {
            let device = unit.device(self.setting.max_power);
            self.reports.push(described(device));
        }
        for panel in new.iter().filter_map(|serial| unit.panels.get(serial)) {
            self.reports.push(described(panel.device(&id)));
        }
    }
}

/// Whether a moment is after the last one that was told. One that lies ahead was told by a clock that stood
/// wrong, and does not count.
fn is_newer(last: Option<Timestamp>, at: Timestamp, now: Moment) -> bool {
    let is_ahead = |last: Timestamp| last.duration_since(now.wall) > AHEAD;
    last.is_none_or(|last| at > last || is_ahead(last))
}

fn described(device: Device) -> Report {
    Report::Device(Box::new(device))
}

/// Says how a device is, if that is news.
fn tell(reports: &mut Vec<Report>, id: DeviceId, said: &mut Option<Health>, health: Health) {
    if said.as_ref() != Some(&health) {
        *said = Some(health.clone());
        reports.push(Report::Health(id, health));
    }
}

#[cfg(test)]
mod tests;
