//! What really happened, day by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::Instant;
use super::physics::{OF_A_WATT_HOUR, Physics};
use super::sources::Sources;
use crate::model::{Device, DeviceId, Reading};

/// What really happened in a time of a house.
#[derive(Debug, Clone, Default)]
pub struct YearTruth {
    /// Each day by its date.
    pub days: BTreeMap<Date, DayTruth>,
    /// What the counters of each device said last, in Wh, by the place of the value.
    last: BTreeMap<usize, BTreeMap<usize, Said>>,
    flowed: Flowed,
    date: Option<Date>,
}

/// What really happened on a day. Energies in Wh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayTruth {
    /// Minutes of the day that belong to the time that is told: 1440 of most days, 1380 and 1500 of two.
    pub minutes: i64,
    /// What all panels brought.
    pub sun: i64,
    /// What the house took.
    pub house: i64,
    /// What was taken from the grid, and given to it.
    pub import: i64,
    /// See there.
    pub export: i64,
    /// What went into the battery, and came out of it.
    pub charged: i64,
    /// See there.
    pub discharged: i64,
    /// What each panel brought, by device and key of its power.
    pub panels: BTreeMap<(DeviceId, String), i64>,
    /// What each counter has gained by what it said on this day, since what it said last before it. That is
    /// what a history can know, to the Wh; by device and key.
    pub counters: BTreeMap<(DeviceId, String), i64>,
    /// Minutes in which nobody listened.
    pub deaf: i64,
    /// Whether nobody listened at its beginning or its end: what counters gained there is found on the day
    /// after.
    pub is_cut: bool,
}

/// What a counter said last.
#[derive(Debug, Clone, Copy)]
struct Said {
    date: Date,
    watt_hours: i64,
}

/// Watt seconds of the day so far.
#[derive(Debug, Clone, Default)]
struct Flowed {
    sun: i64,
    house: i64,
    import: i64,
    export: i64,
    charged: i64,
    discharged: i64,
    panels: Vec<i64>,
    names: Vec<(DeviceId, String)>,
    seconds: i64,
    deaf: i64,
    is_deaf: bool,
    is_cut: bool,
}

impl YearTruth {
    /// All days together.
    pub fn total(&self) -> DayTruth {
        let mut total = DayTruth::default();
        for day in self.days.values() {
            total.minutes += day.minutes;
            total.sun += day.sun;
            total.house += day.house;
            total.import += day.import;
            total.export += day.export;
            total.charged += day.charged;
            total.discharged += day.discharged;
            total.deaf += day.deaf;
            for (into, from) in [
                (&mut total.panels, &day.panels),
                (&mut total.counters, &day.counters),
            ] {
                for (key, energy) in from {
                    *into.entry(key.clone()).or_default() += energy;
                }
            }
        }
        total
    }

    pub(super) fn note(&mut self, instant: Instant, physics: &Physics<'_>, is_deaf: bool) {
        if self.date.is_some_and(|date| date != instant.date()) {
            self.flowed.is_cut |= is_deaf && self.flowed.is_deaf;
            let is_cut = is_deaf && self.flowed.is_deaf;
            self.close();
            self.flowed.is_cut = is_cut;
        }
        self.date = Some(instant.date());
        let flowed = &mut self.flowed;
        let of = |watts: i32| i64::from(watts) * instant.step;
        flowed.seconds += instant.step;
        flowed.deaf += if is_deaf { instant.step } else { 0 };
        flowed.is_deaf = is_deaf;
        flowed.sun += of(physics.sun());
        flowed.house += of(physics.house);
        flowed.import += of(physics.grid.max(0));
        flowed.export += of((-physics.grid).max(0));
        flowed.charged += of(physics.battery.max(0));
        flowed.discharged += of((-physics.battery).max(0));
        flowed.panels.resize(physics.panels.len(), 0);
        for (energy, watts) in flowed.panels.iter_mut().zip(&physics.panels) {
            *energy += of(*watts);
        }
        if flowed.names.is_empty() {
            flowed.names = physics.panel_names();
        }
    }

    /// What a device has said.
    pub(super) fn heard(
        &mut self,
        number: usize,
        device: &Arc<Device>,
        values: &[Reading],
        sources: &Sources,
    ) {
        let Some(date) = self.date else { return };
        let last = self.last.entry(number).or_default();
        for (place, is_daily) in sources.counters(number) {
            let Some(reading) = values.get(place) else {
                continue;
            };
            let Some(value) = reading.value.as_number() else {
                continue;
            };
            let watt_hours = value.to_watt_hours();
            let before = last.insert(place, Said { date, watt_hours });
            let gain = match before {
                Some(before) if watt_hours >= before.watt_hours => watt_hours - before.watt_hours,
                // A counter of the day has begun anew, or is heard for the first time.
                _ if is_daily => watt_hours,
                _ => 0,
            };
            // Most values say nothing new: no text is made for them.
            if gain > 0 || before.is_none_or(|before| before.date != date) {
                let key = (device.id.clone(), reading.key.to_string());
                let day = self.days.entry(date).or_default();
                *day.counters.entry(key).or_default() += gain;
            }
        }
    }

    /// Ends the day.
    pub(super) fn close(&mut self) {
        let flowed = std::mem::take(&mut self.flowed);
        let Some(date) = self.date else { return };
        let wh = |energy: i64| (energy + OF_A_WATT_HOUR / 2).div_euclid(OF_A_WATT_HOUR);
        let day = self.days.entry(date).or_default();
        day.minutes = flowed.seconds / 60;
        day.deaf = flowed.deaf / 60;
        day.is_cut = flowed.is_cut;
        day.sun = wh(flowed.sun);
        day.house = wh(flowed.house);
        day.import = wh(flowed.import);
        day.export = wh(flowed.export);
        day.charged = wh(flowed.charged);
        day.discharged = wh(flowed.discharged);
        let names = flowed.names.iter().cloned();
        day.panels = names.zip(flowed.panels.iter().map(|it| wh(*it))).collect();
        self.flowed.names = flowed.names;
    }
}
