//! The inverters of one section: what is said of each, and when. Without I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::time::Instant;

use super::config::{EcuEnergy, EcuInverter, EcuJsonSettings};
use super::format::{EcuPanel, EcuSaid, payload};
use super::seed::{EcuCounter, SeenCounters, of_ever, of_today, panels};
use crate::bridge::Known;
use crate::model::{Decimal, Device, DeviceId, HealthCode};

/// Counters are shown when they have been saved, which may be after the rest of an answer.
pub const SETTLE: Duration = Duration::from_secs(2);

/// A message of this output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcuMessage {
    /// Its topic.
    pub topic: String,
    /// The payload.
    pub payload: String,
    /// Whether the broker keeps it.
    pub retain: bool,
}

/// The inverters of a section.
#[derive(Debug)]
pub struct EcuInverters {
    settings: EcuJsonSettings,
    day: Date,
    all: BTreeMap<DeviceId, Watched>,
}

#[derive(Debug)]
struct Watched {
    word: String,
    inverter: EcuInverter,
    known: Known,
    whole: Option<EcuCounter>,
    panels: Vec<Option<EcuCounter>>,
    /// The time of the last answer.
    answered: Option<Timestamp>,
    is_asleep: bool,
    /// Whether its values are of now.
    has_data: bool,
    due: Option<Instant>,
}

impl EcuInverters {
    /// Nothing is known yet.
    pub const fn new(settings: EcuJsonSettings, day: Date) -> Self {
        Self {
            settings,
            day,
            all: BTreeMap::new(),
        }
    }

    /// Whether the device is one of them and what was kept of it is wanted before it is heard.
    pub fn is_new(&self, device: &Device) -> bool {
        let is_ours = device.metric("power").is_some() && self.is_ours(device);
        let known = self.all.get(&device.id);
        let is_known = known.is_some_and(|it| it.known.device.metrics == device.metrics);
        is_ours && !is_known
    }

    /// Of several devices of one serial number the first by its id.
    fn is_ours(&self, device: &Device) -> bool {
        let named = self.settings.inverter(device);
        named.is_some_and(|(word, _)| {
            let mut others = self.all.iter();
            !others.any(|(id, other)| other.word == word && *id < device.id)
        })
    }

    /// Takes up a device.
    pub fn meet(&mut self, known: &Known, seen: &SeenCounters) {
        let device = &known.device;
        let Some((word, inverter)) = self.settings.inverter(device) else {
            return;
        };
        let word = word.to_owned();
        let counter = |panel| of_today(device, panel, self.day, seen);
        let before = self.all.get(&device.id);
        let met = Watched {
            inverter,
            whole: counter(None),
            panels: (1..=panels(device))
                .map(|panel| counter(Some(panel)))
                .collect(),
            answered: before.and_then(|it| it.answered),
            is_asleep: before.is_some_and(|it| it.is_asleep),
            has_data: before.is_some_and(|it| it.has_data),
            due: before.and_then(|it| it.due),
            known: known.clone(),
            word: word.clone(),
        };
        self.all
            .retain(|id, other| *id == device.id || other.word != word);
        self.all.insert(device.id.clone(), met);
    }

    /// A device is gone.
    pub fn forget(&mut self, id: &DeviceId) {
        self.all.remove(id);
    }

    /// A state of a device; `day` is that of its values here.
    pub fn hear(&mut self, known: &Known, day: Option<Date>, now: Instant) {
        let Some(watched) = self.all.get_mut(&known.device.id) else {
            return;
        };
        watched.hear(known, day, now);
    }

    /// What is to be said now.
    pub fn due(&mut self, day: Date, now: Instant) -> Vec<EcuMessage> {
        let is_midnight = day > self.day;
        if is_midnight {
            self.day = day;
        }
        let mut messages = Vec::new();
        for watched in self.all.values_mut() {
            if is_midnight {
                watched.turn(day);
                let knows = watched.has_data || watched.is_asleep;
                watched.due = watched.answered.filter(|_| knows).map(|_| now);
            }
            if watched.due.is_none_or(|due| due > now) {
                continue;
            }
            watched.due = None;
            let said = watched.said(self.settings.energy);
            if let Some(payload) = payload(self.settings.format, &said) {
                messages.push(EcuMessage {
                    topic: self.settings.topic_of(watched.inverter),
                    payload,
                    retain: self.settings.is_retained(),
                });
            }
        }
        messages
    }

    /// When something is to be said next, but for midnight.
    pub fn next(&self) -> Option<Instant> {
        self.all.values().filter_map(|it| it.due).min()
    }
}

impl Watched {
    fn counters(&mut self) -> impl Iterator<Item = &mut EcuCounter> {
        self.whole
            .iter_mut()
            .chain(self.panels.iter_mut().flatten())
    }

    fn turn(&mut self, day: Date) {
        for counter in self.counters() {
            counter.today.turn(day);
        }
    }

    fn hear(&mut self, known: &Known, day: Option<Date>, now: Instant) {
        let state = Arc::clone(&known.state);
        self.known = known.clone();
        let was_asleep =
            std::mem::replace(&mut self.is_asleep, state.health.code == HealthCode::Asleep);
        let had_data = std::mem::replace(&mut self.has_data, state.health.code.has_data());
        let (Some(at), Some(day)) = (state.at, day) else {
            return;
        };
        for counter in self.counters() {
            if let Some(value) = state.value(&counter.key).as_number() {
                counter.today.push(at.as_second(), day, value);
            }
        }
        let answered = self.answered.replace(at);
        let is_said = if self.is_asleep {
            // Once, at nightfall.
            !was_asleep
        } else if self.has_data {
            answered != Some(at)
        } else {
            // Once, so that what is retained is not taken for what is so.
            had_data && !was_asleep
        };
        if is_said {
            self.due.get_or_insert(now + SETTLE);
        }
    }

    fn said(&self, energy: EcuEnergy) -> EcuSaid {
        let (device, state) = (&self.known.device, &self.known.state);
        let is_of_now = self.has_data || self.is_asleep;
        let value = |key: &str| {
            let decimals = device.metric(key).filter(|_| is_of_now)?.decimals;
            Some(state.value(key).as_number()?.rounded(decimals))
        };
        // Who sleeps delivers nothing, also if its last word was another.
        let power = |key: &str| {
            let asleep = self.is_asleep.then_some(Decimal::integer(0));
            asleep.or_else(|| value(key))
        };
        let energy = |panel: Option<usize>, counter: Option<&EcuCounter>| match energy {
            EcuEnergy::Today => counter?.today.watt_hours(),
            EcuEnergy::Total => {
                let total = value(&of_ever(device, panel)?)?;
                total.times_plus(Decimal::integer(1000), Decimal::integer(0))
            }
        };
        let panels = self.panels.iter().enumerate().map(|(place, counter)| {
            let panel = place + 1;
            EcuPanel {
                voltage: value(&format!("panel_{panel}_voltage")),
                current: value(&format!("panel_{panel}_current")),
                power: power(&format!("panel_{panel}_power")),
                energy: energy(Some(panel), counter.as_ref()),
            }
        });
        let mut voltages = ["voltage", "voltage_l1", "voltage_l1_l2"].into_iter();
        EcuSaid {
            serial: device.serial.clone(),
            idx: self.inverter.idx,
            number: self.inverter.number,
            is_polled: self.has_data && !self.is_asleep,
            frequency: value("frequency"),
            temperature: value("temperature"),
            voltage: voltages.find_map(value),
            signal: value("signal_quality"),
            panels: panels.collect(),
            power: power("power"),
            energy: energy(None, self.whole.as_ref()),
        }
    }
}
