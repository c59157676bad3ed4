//! A device, without I/O: it is told the time and what is asked, and says what it would send.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::counters::Counters;
use super::days::Days;
use super::model::{AUX_MODE, AUX_STARTER, DeviceKind, From, LabelRow, Model, Show};
use super::plant::{Conditions, DAY, Live};
use super::quantities::Quantity;
use super::settings::{Beginning, Surroundings};
use crate::clock::Moment;
use crate::simulation::Flows;

/// Days that a charger remembers besides today.
const PAST: u16 = 30;
/// Error of a charger that has lost its battery management.
const BMS_LOST: i64 = 67;

/// One device.
#[derive(Debug, Clone)]
pub struct Device {
    pub model: &'static Model,
    pub serial: String,
    pub live: Live,
    pub days: Days,
    pub counters: Counters,
    /// Values of registers that were set from outside, which the tables do not change.
    pub overrides: BTreeMap<u16, Vec<u8>>,
    /// What was written to registers, or set.
    pub settings: BTreeMap<u16, Vec<u8>>,
    /// When it was controlled from outside last, in real time since the start.
    pub limited: Option<Duration>,
    /// How long that holds.
    pub limit_lasts: Duration,
    /// Values of labels that were set from outside; `None` for those that are left out.
    labels: Vec<(String, Option<String>)>,
    seed: u64,
    around: Surroundings,
    night: bool,
    /// Milliseconds since the midnight before the start, by its own clock.
    pub time: u64,
    /// When it was looked at last.
    last: Moment,
    /// Its time when it got its power; it may be before the midnight before the start.
    powered: i64,
    /// A day has ended that nobody was told of.
    pub day_ended: bool,
}

impl Device {
    pub fn new(model: &'static Model, serial: &str, beginning: Beginning) -> Self {
        let Beginning {
            seed,
            moment,
            at,
            around,
            limit_lasts,
        } = beginning;
        let has_load = model.row(0xedab).is_some();
        let mut device = Self {
            model,
            serial: serial.to_owned(),
            live: Live::default(),
            days: Days::new(seed, model.watts, model.volts, PAST, has_load),
            counters: Counters::new(),
            overrides: BTreeMap::new(),
            settings: BTreeMap::new(),
            limited: None,
            limit_lasts,
            labels: Vec::new(),
            seed,
            around,
            night: false,
            time: at.as_millis() as u64 % DAY,
            last: moment,
            powered: at.as_millis() as i64 - 4_000_000,
            day_ended: false,
        };
        device.look();
        device
    }

    /// It is plugged in at this time, and counts from there.
    pub fn begin(&mut self, now: Moment) {
        self.last = now;
        self.look();
    }

    /// Time has passed: counts what has flowed, and looks at what flows now.
    pub fn advance(&mut self, now: Moment) {
        let passed = now.wall.as_millisecond() - self.last.wall.as_millisecond();
        // Nothing is counted on a way back.
        let passed = u64::try_from(passed).unwrap_or(0);
        self.last = now;
        let held = self.limited;
        let held = held.is_none_or(|at| now.steady < at + self.limit_lasts);
        if !held {
            self.stand_alone();
        }
        if self.model.kind == DeviceKind::Shunt {
            self.counters.count(&self.live, passed);
        } else {
            self.days.count(&self.live, passed);
        }
        let today = self.time / DAY;
        self.time += passed;
        // Whoever lets time fly sees no more days than are remembered.
        for _ in today..(self.time / DAY).min(today + u64::from(PAST)) {
            self.next_day();
        }
        self.look();
    }

    /// A new day begins, whatever the time.
    pub fn next_day(&mut self) {
        if self.model.has_days() {
            self.days.next();
            self.day_ended = true;
            self.look();
        }
    }

    /// It loses its power and starts anew: what is kept in memory only is gone.
    pub fn restart(&mut self) {
        for id in [0x0200, 0x0202, 0x034e] {
            self.settings.remove(&id);
        }
        self.stand_alone();
        self.powered = self.time as i64;
        self.look();
    }

    /// Nobody controls it from outside any more.
    fn stand_alone(&mut self) {
        self.limited = None;
        for id in [0x200e, 0x2001, 0x2002, 0x2003, 0x2015] {
            self.settings.remove(&id);
        }
    }

    pub fn set_night(&mut self, night: bool) {
        self.night = night;
        self.look();
    }

    pub fn set_label(&mut self, label: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.labels.iter_mut().find(|(name, _)| name == label) {
            Some((_, old)) => *old = value,
            None => self.labels.push((label.to_owned(), value)),
        }
    }

    /// Whether it has no power at all.
    pub const fn is_dead(&self) -> bool {
        self.model.sleeps && self.live.dark
    }

    /// Whether it does nothing.
    pub const fn is_off(&self) -> bool {
        self.live.state == 0
    }

    fn is_on(&self) -> bool {
        let mode = self.setting(0x0200);
        let on = !matches!(mode, Some(0 | 4 | 253));
        on && self.setting(0xede8) != Some(1)
    }

    /// Whether it is part of a network and controlled from outside.
    fn is_controlled(&self) -> bool {
        self.setting(0x200e).is_some_and(|mode| mode & 5 == 5)
    }

    /// mA.
    fn limit(&self) -> i64 {
        let own = self.setting(0xedf0).unwrap_or(i64::from(u16::MAX));
        let network = self.setting(0x2015).filter(|_| self.is_controlled());
        network.map_or(own, |network| own.min(network)) * 100
    }

    /// Looks at what there is to measure.
    pub fn look(&mut self) {
        if let Some(capacity) = self.setting(0x1000) {
            self.counters.set_capacity(capacity);
        }
        self.live = self.conditions(self.last.wall).live();
    }

    /// What flows in it at a moment as long as it is set as it is now.
    pub fn flows(&self, at: Timestamp) -> Flows {
        let live = self.conditions(at).live();
        let watts = |milliwatts: i64| i32::try_from(milliwatts / 1000).unwrap_or(i32::MAX);
        let (production, charging) = (watts(live.panel_power), watts(live.battery_power()));
        Flows {
            production,
            charging,
            // It is not connected to the grid: what does not go to the battery goes to loads, or is lost.
            consumption: production - charging,
        }
    }

    fn conditions(&self, at: Timestamp) -> Conditions {
        let Surroundings { sky, zone, charger } = &self.around;
        let ahead = at.as_millisecond() - self.last.wall.as_millisecond();
        Conditions {
            seed: self.seed,
            kind: self.model.kind,
            volts: self.model.volts,
            watts: self.model.watts,
            time: self.time.saturating_add_signed(ahead),
            light: sky.light(at.to_zoned(zone.clone()).datetime()),
            charger: charger.map(|charger| charger.watts),
            night: self.night,
            on: self.is_on(),
            eco: self.setting(0x0200) == Some(5),
            load: self.setting(0xedab).is_some_and(|control| control != 0),
            limit: self.limit(),
            ac_voltage: self.setting(0x0230).unwrap_or(23_000),
            flow: -self.monitor().signum(),
        }
    }

    /// Does a register like this one exist, and is it a number that was written or set?
    pub fn setting(&self, id: u16) -> Option<i64> {
        let row = self.model.row(id)?;
        if let Some(bytes) = self.settings.get(&id) {
            return Some(number(bytes, row.signed));
        }
        match row.from {
            From::Setting(initial) => Some(initial),
            _ => None,
        }
    }

    fn monitor(&self) -> i64 {
        self.setting(0xeeb8).unwrap_or(0)
    }

    fn off_reason(&self) -> i64 {
        let dark = matches!(self.model.kind, DeviceKind::Solar) && self.live.dark;
        let off = matches!(self.setting(0x0200), Some(0 | 4 | 253));
        i64::from(dark) | i64::from(off) << 2
    }

    /// What it knows of a quantity; `None` if it has no value.
    pub fn quantity(&self, quantity: Quantity) -> Option<i64> {
        use Quantity as Q;
        let (live, days, counters) = (&self.live, &self.days, &self.counters);
        // What makes sense of a battery only.
        let battery = |value: i64| (self.monitor() == 0).then_some(value);
        let aux = self.setting(AUX_MODE).unwrap_or(AUX_STARTER);
        let used = |mode: i64, value: i64| (aux == mode).then_some(value);
        Some(match quantity {
            Q::Constant(value) => value,
            Q::Unknown => return None,
            Q::BatteryVoltage => live.battery_voltage,
            Q::BatteryCurrent => live.battery_current,
            Q::BatteryPower => live.battery_power(),
            Q::BatteryTemperature => return used(2, live.temperature),
            Q::AuxVoltage => return used(0, live.aux_voltage),
            Q::MidVoltage => return used(1, live.battery_voltage / 2 + 15),
            Q::MidDeviation => return used(1, 2),
            Q::Consumed => return battery(counters.consumed()),
            Q::StateOfCharge => return battery(counters.state_of_charge()),
            Q::TimeToGo => return battery(counters.time_to_go(live.battery_current)),
            Q::Relay => self.setting(0x034e).unwrap_or(0),
            Q::Monitor => self.monitor(),
            Q::DeepestDischarge => return battery(counters.deepest()),
            Q::LastDischarge => return battery(counters.last()),
            Q::AverageDischarge => return battery(-31_300),
            Q::ChargeCycles => return battery(41),
            Q::FullDischarges => return battery(2),
            Q::Drawn => return battery(counters.drawn()),
            Q::VoltageLeast => counters.voltage_least,
            Q::VoltageMost => counters.voltage_most,
            Q::SinceFull => return battery(counters.since_full()),
            Q::Synchronisations => return battery(counters.synchronisations),
            Q::AuxLeast => counters.aux_least,
            Q::AuxMost => counters.aux_most,
            Q::DischargedEnergy => self.produced_or(counters.discharged(), counters.charged()),
            Q::ChargedEnergy => self.produced_or(counters.charged(), counters.discharged()),
            Q::ChargerCurrent => live.charger_current,
            Q::ChargerTemperature => live.temperature,
            Q::PanelVoltage | Q::TrackerVoltage(0) => live.panel_voltage,
            Q::PanelPower => live.panel_power,
            Q::PanelCurrent => live.panel_power * 1000 / live.panel_voltage.max(1),
            Q::LoadCurrent => live.load_current,
            Q::LoadVoltage if live.load_current == 0 => 0,
            Q::LoadVoltage => live.battery_voltage - 20,
            Q::Load => self
                .setting(0xedab)
                .map_or(1, |control| i64::from(control != 0)),
            Q::State if self.error() != 0 => 2,
            Q::State if self.old_and_controlled() => 252,
            Q::State => live.state,
            Q::Mode => self.setting(0x0200).unwrap_or(0),
            Q::Tracker => live.tracker,
            Q::Error => self.error(),
            Q::OffReason => self.off_reason(),
            Q::YieldUser => days.yield_user(),
            Q::YieldTotal => days.yield_total(),
            Q::YieldToday => days.energy(0),
            Q::YieldYesterday => days.energy(1),
            Q::PowerToday => days.power(0),
            Q::PowerYesterday => days.power(1),
            Q::Day => days.number(),
            Q::TrackerVoltage(_) => live.panel_voltage * 10 / 11,
            // The first tracker has three fifths.
            Q::TrackerPower(0) => live.panel_power * 3 / 5,
            Q::TrackerPower(_) => live.panel_power - live.panel_power * 3 / 5,
            Q::TrackerCurrent(_) => live.panel_power * 500 / live.panel_voltage.max(1),
            Q::Dark => i64::from(live.dark),
            Q::TimeOfDay => (self.time % DAY / 60_000) as i64,
            Q::AcVoltage => live.ac_voltage,
            Q::AcCurrent => live.ac_current,
            Q::AcApparent => live.ac_current * live.ac_voltage / 100_000,
            Q::AcPower => live.ac_current * live.ac_voltage / 110_000,
            Q::InputVoltage => live.input_voltage,
            Q::InputCurrent => live.input_current,
            Q::InputPower => live.input_current * live.input_voltage / 1000,
            Q::Uptime => (self.time as i64 - self.powered) / 1000,
        })
    }

    /// An energy meter has produced what a battery monitor has charged.
    fn produced_or(&self, battery: i64, meter: i64) -> i64 {
        if self.monitor() == 0 { battery } else { meter }
    }

    fn error(&self) -> i64 {
        let lost = self.setting(0xede8) == Some(1);
        if lost { BMS_LOST } else { 0 }
    }

    /// Firmware before 1.42 says only that it is controlled.
    fn old_and_controlled(&self) -> bool {
        self.model.is_before(0x142) && self.is_controlled()
    }

    /// The lines of a block, without its checksum.
    pub fn text(&self, block: usize) -> Vec<(String, String)> {
        let Some(found) = self.model.blocks.get(block) else {
            return Vec::new();
        };
        let aux = self.setting(AUX_MODE).unwrap_or(AUX_STARTER);
        let lines = found.lines.iter().copied().flatten();
        let lines = lines.filter(|line| line.aux.is_none_or(|needed| needed == aux));
        let mut text: Vec<(String, String)> = lines.filter_map(|line| self.line(line)).collect();
        if block + 1 == self.model.blocks.len() {
            let others = self.labels.iter();
            let others = others.filter(|(label, _)| !self.model.says(label));
            text.extend(others.filter_map(|(label, value)| Some((label.clone(), value.clone()?))));
        }
        text
    }

    fn line(&self, line: &LabelRow) -> Option<(String, String)> {
        let fixed = self.labels.iter().find(|(label, _)| label == line.label);
        let value = match fixed {
            Some((_, value)) => value.clone()?,
            None => self.show(line.show),
        };
        Some((line.label.to_owned(), value))
    }

    fn show(&self, show: Show) -> String {
        let told = |quantity| self.quantity(quantity);
        let text = match show {
            Show::Number(quantity, divide, step) => {
                told(quantity).map(|value| (value / divide / step * step).to_string())
            }
            Show::Hex(quantity) => told(quantity).map(|value| format!("0x{value:08X}")),
            Show::Switch(quantity) => told(quantity).map(|on| switch(on, ["OFF", "ON"])),
            Show::OldSwitch(quantity) => told(quantity).map(|on| switch(on, ["Off", "On"])),
            Show::Text(text) => Some(text.to_owned()),
            Show::Product => Some(format!("0x{:X}", self.model.product)),
            Show::Serial => Some(self.serial.clone()),
        };
        text.unwrap_or_else(|| "---".to_owned())
    }
}

fn switch(on: i64, words: [&str; 2]) -> String {
    let [no, yes] = words;
    if on == 0 { no } else { yes }.to_owned()
}

/// A number of up to eight bytes, little endian.
pub fn number(bytes: &[u8], signed: bool) -> i64 {
    let shifted = |sum: i64, byte: &u8| sum << 8 | i64::from(*byte);
    let raw = bytes.iter().rev().take(8).fold(0, shifted);
    let bits = bytes.len().min(8) * 8;
    let negative = signed && bits > 0 && bits < 64 && raw >> (bits - 1) & 1 == 1;
    if negative { raw - (1 << bits) } else { raw }
}

#[cfg(test)]
mod tests;
