//! A target, and what the outbox does with it, without its pauses.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use wattbridge::config::File;
use wattbridge::history::{
    SeriesAbout, SeriesInfo, SeriesKey, SeriesKind, SlotRow, Stretch, StretchSlot,
};
use wattbridge::model::{DeviceId, Quantity};
use wattbridge::uploads::{Courier, Errand, Load, Parcel, Target, UploadVerdict, Uploads};

/// The start of the first hour of all tests.
pub(crate) const FIRST: i64 = 1_781_510_400; // 2026-06-15 08:00 UTC
pub(crate) const HOUR: i64 = 3600;

pub(crate) const ENERGY: &str = "aps_ecu_216000000001/energy_total";
pub(crate) const POWER: &str = "aps_ecu_216000000001/power";

/// Four hours after the first has begun, and ten minutes.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(FIRST + 4 * HOUR + 660).unwrap()
}

/// The section.
pub(crate) fn toml(url: &str, more: &str) -> String {
    format!("[statistics]\nurl = \"{url}\"\ntoken = \"swordfish\"\n{more}\n")
}

/// The target of a section.
pub(crate) fn target(toml: &str) -> Box<dyn Target> {
    let file = File::parse(toml, "test.toml").unwrap_or_else(|problems| panic!("{problems}"));
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    let (_, plan) = uploads.switched_on().next().unwrap();
    plan.target().unwrap()
}

/// What the history has, slot by slot.
#[derive(Debug, Default, Clone)]
pub(crate) struct Past {
    series: Vec<SeriesInfo>,
    slots: BTreeMap<i64, StretchSlot>,
}

impl Past {
    /// A house with an ECU: its counter in Wh, its power in W.
    pub(crate) fn new() -> Self {
        let device = DeviceId::new("aps_ecu", "216000000001");
        let info = |key: &str, name: &str, kind, quantity, decimals| SeriesInfo {
            series: SeriesKey::new(&device, key),
            about: SeriesAbout {
                kind,
                quantity: Some(quantity),
                decimals,
                name: name.to_owned(),
                device_name: "ECU".to_owned(),
                part: None,
                via: None,
            },
        };
        let lifetime = SeriesKind::Lifetime;
        let measurement = SeriesKind::Measurement;
        Self {
            series: vec![
                info(
                    "energy_total",
                    "Lifetime energy",
                    lifetime,
                    Quantity::Energy,
                    3,
                ),
                info("power", "Power", measurement, Quantity::Power, 0),
            ],
            slots: BTreeMap::new(),
        }
    }

    fn row(&mut self, end: i64, place: usize, row: SlotRow) {
        let slot = self.slots.entry(end).or_default();
        slot.end = end;
        slot.rows.retain(|(of, _)| *of != place);
        slot.rows.push((place, row));
    }

    /// The counter at the end of a slot, in Wh.
    pub(crate) fn counted(&mut self, end: i64, watt_hours: i64) {
        self.row(
            end,
            0,
            SlotRow {
                value: watt_hours,
                bounds: None,
            },
        );
    }

    /// The power of a slot.
    pub(crate) fn measured(&mut self, end: i64, mean: i64, bounds: Option<(i64, i64)>) {
        self.row(
            end,
            1,
            SlotRow {
                value: mean,
                bounds,
            },
        );
    }

    /// A counter that goes on with so many Wh each slot, through so many hours from the first on.
    pub(crate) fn counting(mut self, from: i64, hours: i64, step: i64) -> Self {
        for slot in 1..=hours * 12 {
            self.counted(FIRST + slot * 300, from + slot * step);
        }
        self
    }

    fn stretch(&self, (after, through): (i64, i64), wanted: &dyn Target) -> Stretch {
        let wanted = wanted.wants();
        let is_wanted: Vec<bool> = self
            .series
            .iter()
            .map(|info| (wanted.series)(&info.series, &info.about))
            .collect();
        let slots = self.slots.range(after + 1..=through).map(|(_, slot)| {
            let mut slot = slot.clone();
            slot.rows.retain(|(place, _)| is_wanted[*place]);
            slot
        });
        Stretch {
            series: self.series.clone(),
            slots: slots.filter(|slot| !slot.rows.is_empty()).collect(),
            through,
        }
    }
}

/// A target at work, with what is kept of it over restarts.
pub(crate) struct Driver {
    toml: String,
    pub(crate) target: Box<dyn Target>,
    courier: Courier,
    pub(crate) done: i64,
    pub(crate) memory: String,
    /// What goes out, in its order.
    pub(crate) sent: Vec<Errand>,
}

impl Driver {
    pub(crate) fn new(toml: String) -> Self {
        Self {
            target: target(&toml),
            toml,
            courier: Courier::default(),
            done: FIRST - 300,
            memory: String::new(),
            sent: Vec::new(),
        }
    }

    /// The program ends and starts again; `keeps` says whether it still has its memory.
    pub(crate) fn restart(&mut self, keeps: bool) {
        self.target = target(&self.toml);
        if keeps {
            self.target.remember(&self.memory);
        }
    }

    /// What is next, without sending it.
    pub(crate) fn parcel(&mut self, past: &Past, now: Timestamp) -> Parcel {
        let times = (self.done, now.as_second());
        let stretch = past.stretch(times, self.target.as_ref());
        let load = Load::of(&stretch, &BTreeSet::new());
        self.target.prepare_whole(&stretch, &load, false, now)
    }

    /// One round.
    pub(crate) async fn round(&mut self, past: &Past, now: Timestamp) -> UploadVerdict {
        if let Some(errand) = self.target.ask_first(now) {
            let answer = self.courier.carry(&errand).await;
            let verdict = self.target.take_first(&answer, now);
            if !matches!(verdict, UploadVerdict::Done { .. }) {
                return verdict;
            }
        }
        let parcel = self.parcel(past, now);
        let verdict = self.send(&parcel, now).await;
        if matches!(verdict, UploadVerdict::Done { .. }) {
            self.done = self.done.max(parcel.through);
            self.memory = self.target.memory();
        }
        verdict
    }

    /// These slots have changed and are sent once more, as whole hours.
    pub(crate) async fn again(
        &mut self,
        past: &Past,
        slots: &[i64],
        now: Timestamp,
    ) -> UploadVerdict {
        let times = slots.iter().map(|slot| self.target.widen(*slot).unwrap());
        let ends: BTreeSet<i64> = times
            .flat_map(|(from, through)| past.slots.range(from + 1..=through))
            .map(|(end, _)| *end)
            .collect();
        let (first, last) = (ends.first().unwrap() - 300, *ends.last().unwrap());
        let stretch = past.stretch((first, last), self.target.as_ref());
        let mut load = Load::of(&stretch, &BTreeSet::new());
        load.slots.retain(|slot| ends.contains(&slot.end));
        load.through = last;
        let parcel = self.target.prepare_whole(&stretch, &load, true, now);
        let verdict = self.send(&parcel, now).await;
        if matches!(verdict, UploadVerdict::Done { .. }) {
            self.memory = self.target.memory();
        }
        verdict
    }

    async fn send(&mut self, parcel: &Parcel, now: Timestamp) -> UploadVerdict {
        let Some(mut errand) = parcel.errand.clone() else {
            return UploadVerdict::done();
        };
        if let Some(before) = self.target.ask_before(parcel) {
            errand = before;
        }
        for _ in 0..20 {
            let answer = self.courier.carry(&errand).await;
            self.sent.push(errand);
            match self.target.judge(parcel, &answer, now) {
                UploadVerdict::Ask(next) => errand = next,
                verdict => return verdict,
            }
        }
        panic!("it goes in circles");
    }

    /// Messages that were to write something.
    pub(crate) fn written(&self) -> Vec<serde_json::Value> {
        let writing = self.sent.iter().filter(|errand| !errand.is_question());
        writing.flat_map(messages).collect()
    }
}

/// The messages of an errand.
pub(crate) fn messages(errand: &Errand) -> Vec<serde_json::Value> {
    match errand {
        Errand::HomeAssistant(commands) => commands
            .commands
            .iter()
            .map(wattbridge::home_assistant::CoreCommand::message)
            .collect(),
        Errand::Http(_) | Errand::Program { .. } => panic!("nothing for Home Assistant"),
    }
}
