//! A house whose slots go to PVOutput as the outbox sends them, with a clock that is set and not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use wattbridge::history::Calendar;
use wattbridge::model::{Decimal, DeviceId, HealthCode};
use wattbridge::uploads::pvoutput::PvOutputSettings;
use wattbridge::uploads::{
    Courier, Load, LoadDevice, LoadSlot, LoadValue, Parcel, Plan as _, Target, UploadVerdict,
};

use crate::stand_in::{KEY, SYSTEM, StandIn};

pub(crate) const ECU: &str = "aps_ecu_216000000001";
pub(crate) const METER: &str = "kaifa_1kfm0200000001";
pub(crate) const INVERTER: &str = "aps_ecu_802000000011";
pub(crate) const SLOT: i64 = 300;

pub(crate) fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// What is said of a slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) generated: Option<i64>,
    pub(crate) power: Option<i64>,
    pub(crate) consumed: Option<i64>,
    pub(crate) consumption: Option<i64>,
    pub(crate) temperature: Option<String>,
    pub(crate) voltage: Option<String>,
    pub(crate) charge: Option<String>,
}

fn number(text: &str) -> LoadValue {
    LoadValue::Number {
        number: text.parse::<Decimal>().unwrap(),
        quantity: None,
        is_lifetime: false,
    }
}

fn id(name: &str) -> DeviceId {
    let (adapter, serial) = name.rsplit_once('_').unwrap();
    DeviceId::new(adapter, serial)
}

/// The slot with this end.
pub(crate) fn slot(end: i64, told: &Told, flows: [bool; 2]) -> LoadSlot {
    let mut devices = Vec::new();
    let mut device = |name: &str, values: Vec<(&str, Option<String>)>| {
        let values: Vec<_> = values
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), number(&value?))))
            .collect();
        if !values.is_empty() {
            devices.push(LoadDevice {
                id: id(name),
                name: name.to_owned(),
                values,
            });
        }
    };
    let text = |value: Option<i64>| value.map(|value| value.to_string());
    device(ECU, vec![("power", text(told.power))]);
    device(METER, vec![("power_import", text(told.consumption))]);
    device(
        INVERTER,
        vec![
            ("temperature", told.temperature.clone()),
            ("voltage", told.voltage.clone()),
        ],
    );
    device(
        "victron_hq2123abcde",
        vec![("state_of_charge", told.charge.clone())],
    );
    let energies = [told.generated, told.consumed].into_iter().zip(flows);
    LoadSlot {
        end,
        devices,
        energies: energies
            .filter_map(|(energy, is_wanted)| is_wanted.then_some(energy))
            .collect(),
    }
}

/// The house, its outbox, and PVOutput.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) stand_in: StandIn,
    settings: PvOutputSettings,
    calendar: Calendar,
    pub(crate) target: Box<dyn Target>,
    pub(crate) slots: BTreeMap<i64, LoadSlot>,
    pub(crate) done: i64,
    pub(crate) dirty: BTreeSet<i64>,
    pub(crate) given_up: BTreeMap<i64, String>,
    memory: String,
    pub(crate) now: i64,
    pub(crate) health: HealthCode,
    pub(crate) advice: String,
    /// Killed after so many answers, before they are noted.
    pub(crate) kill_after: Option<usize>,
}

impl House {
    /// One in a zone, with the settings in JSON beside those that lead to the stand-in.
    pub(crate) async fn new(zone: &str, mut settings: Value) -> Self {
        let stand_in = StandIn::start(zone).await;
        let all = settings.as_object_mut().unwrap();
        let mut set = |key: &str, value: Value| {
            all.entry(key).or_insert(value);
        };
        set("system_id", json!(SYSTEM));
        set("key", json!(KEY));
        set("url", json!(stand_in.url()));
        let settings: PvOutputSettings = serde_json::from_value(settings).unwrap();
        let calendar = Calendar::new(TimeZone::get(zone).unwrap());
        let mut target = settings.target().unwrap();
        target.live_in(&calendar);
        Self {
            stand_in,
            settings,
            calendar,
            target,
            slots: BTreeMap::new(),
            done: 0,
            dirty: BTreeSet::new(),
            given_up: BTreeMap::new(),
            memory: String::new(),
            now: 0,
            health: HealthCode::Starting,
            advice: String::new(),
            kill_after: None,
        }
    }

    /// What it remembers.
    pub(crate) fn remember(&mut self, memory: &Value) {
        self.memory = memory.to_string();
        self.target.remember(&self.memory);
    }

    fn flows(&self) -> [bool; 2] {
        [
            self.settings.generation.is_some(),
            self.settings.consumption.is_some(),
        ]
    }

    pub(crate) fn tell(&mut self, end: i64, told: &Told) {
        let slot = slot(end, told, self.flows());
        if !slot.devices.is_empty() || slot.energies.iter().any(Option::is_some) {
            self.slots.insert(end, slot);
            if end <= self.done {
                self.dirty.insert(end);
            }
        }
    }

    fn load(&self, after: i64, through: i64, most: usize) -> Load {
        let slots: Vec<_> = self.slots.range(after + 1..=through).collect();
        let is_cut = slots.len() > most;
        let slots: Vec<_> = slots.into_iter().take(most).collect();
        let through = match slots.last() {
            Some((end, _)) if is_cut => **end,
            _ => through,
        };
        let slots = slots.into_iter();
        Load {
            slots: slots
                .filter(|(end, _)| !self.given_up.contains_key(end))
                .map(|(_, slot)| slot.clone())
                .collect(),
            through,
        }
    }

    /// The next request, as the outbox would make it.
    pub(crate) fn prepare(&mut self, closed: i64) -> Option<(Parcel, bool)> {
        let now = Timestamp::from_second(self.now).unwrap();
        let most = self.target.most_slots();
        if self.done < closed {
            let load = self.load(self.done, closed, most);
            let parcel = self.target.prepare(&load, false, now);
            let is_stuck = parcel.errand.is_none() && parcel.through <= self.done;
            if parcel.not_before.is_some() || !is_stuck {
                return Some((parcel, false));
            }
        }
        let dirty: Vec<i64> = self.dirty.iter().take(most).copied().collect();
        for slot in dirty {
            let (from, through) = self.target.widen(slot).unwrap();
            let more = self.slots.range(from + 1..=through.min(self.done));
            self.dirty.extend(more.map(|(end, _)| *end));
        }
        let first = *self.dirty.first()?;
        let dirty = self.dirty.iter().take(most);
        let dirty: Vec<i64> = dirty
            .filter(|slot| **slot - first < 86_400)
            .copied()
            .collect();
        let last = *dirty.last()?;
        let mut load = self.load(first - SLOT, last, usize::MAX);
        load.slots.retain(|slot| dirty.contains(&slot.end));
        load.through = last;
        let parcel = self.target.prepare(&load, true, now);
        if parcel.not_before.is_some() {
            return None;
        }
        Some((parcel, true))
    }

    /// Sends all that there is up to here; says how many requests that took.
    pub(crate) async fn send_all(&mut self, closed: i64) -> usize {
        let courier = Courier::default();
        let mut answers = 0;
        for _ in 0..2000 {
            self.stand_in
                .with(|books| books.now = Timestamp::from_second(self.now).unwrap());
            let now = Timestamp::from_second(self.now).unwrap();
            if let Some(errand) = self.target.ask_first(now) {
                let answer = courier.carry(&errand).await;
                let verdict = self.target.take_first(&answer, now);
                if verdict != UploadVerdict::done()
                    && !self.take(verdict, &Parcel::default(), false)
                {
                    return answers;
                }
                continue;
            }
            let Some((parcel, is_again)) = self.prepare(closed) else {
                return answers;
            };
            if let Some((moment, _)) = parcel.not_before {
                self.now = moment.as_second();
                continue;
            }
            for given in &parcel.skipped {
                self.given_up.insert(given.slot, given.reason.clone());
            }
            let Some(errand) = parcel.errand.clone() else {
                self.done_through(parcel.through, is_again);
                continue;
            };
            let answer = courier.carry(&errand).await;
            answers += 1;
            if self.kill_after == Some(answers) {
                self.kill_after = None;
                self.target = self.settings.target().unwrap();
                self.target.live_in(&self.calendar);
                self.target.remember(&self.memory);
                continue;
            }
            let verdict = self.target.judge(&parcel, &answer, now);
            if !self.take(verdict, &parcel, is_again) {
                return answers;
            }
        }
        panic!("it never ends");
    }

    fn done_through(&mut self, through: i64, is_again: bool) {
        if is_again {
            self.dirty.retain(|slot| *slot > through);
        } else {
            self.done = self.done.max(through);
        }
        self.memory = self.target.memory();
    }

    /// Whether it goes on.
    pub(crate) fn take(&mut self, verdict: UploadVerdict, parcel: &Parcel, is_again: bool) -> bool {
        let pause = |pause: Duration| i64::try_from(pause.as_secs()).unwrap();
        match verdict {
            UploadVerdict::Done { trouble } => {
                self.done_through(parcel.through, is_again);
                self.health = trouble.map_or(HealthCode::Online, |health| health.code);
                self.now += pause(self.target.pause());
            }
            UploadVerdict::Part { through } => {
                self.done_through(through, is_again);
                self.now += pause(self.target.pause());
            }
            UploadVerdict::Again { after, .. } => {
                self.health = HealthCode::Retrying;
                self.now += pause(after.unwrap_or(Duration::from_secs(30)));
            }
            UploadVerdict::Until { moment, .. } => {
                self.health = HealthCode::Retrying;
                self.now = moment.as_second();
            }
            UploadVerdict::Skip { slots } => {
                for given in slots {
                    self.given_up.insert(given.slot, given.reason);
                }
                self.now += pause(self.target.pause());
            }
            UploadVerdict::Hold { health, .. } => {
                self.health = health.code;
                self.advice = health.advice.to_string();
                return false;
            }
            UploadVerdict::Halve { .. } | UploadVerdict::Ask(_) => panic!("{verdict:?}"),
        }
        true
    }
}
