//! The energy of the house so far, slot by slot: at the end of a day it is what the day has.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use crate::history::HistoryError;
use crate::history::energy::DayEnergy;
use crate::history::house::{Counted, HouseEnergies};
use crate::history::roles::HouseRoles;
use crate::history::series::{HOUSE, SeriesAbout, SeriesKey};
use crate::history::slot::{SLOT, mean};
use crate::history::split::Flows;
use crate::history::tables;
use crate::model::{DeviceId, EnergyPart};

/// A counter that has said nothing for so long, in seconds, does not tell what the house took meanwhile.
const FRESH: i64 = 3 * SLOT;
/// A power is that of five minutes.
const SLOTS_OF_HOUR: u32 = 12;

/// The energies of a day that are asked for by this key of the house's powers.
pub fn of_house(energies: &HouseEnergies, key: &str) -> Option<i64> {
    match key {
        "house" => energies.house,
        _ => energies.sun,
    }
}

/// One counter, as far as it has come.
struct Counter {
    part: EnergyPart,
    is_minus: bool,
    /// Watt-hours by the ends of slots, the oldest first.
    told: Vec<(i64, i64)>,
    next: usize,
    now: Option<(i64, i64)>,
    device: DeviceId,
}

/// Looks at one day of the house.
pub struct HouseDay<'a> {
    pub file: &'a Connection,
    pub all: &'a [(i64, SeriesKey, SeriesAbout)],
    pub roles: &'a HouseRoles,
}

impl HouseDay<'_> {
    /// The energies so far at the end of each slot of a day that has any, in watt-hours. The day is `(from, to]`;
    /// `before` finds the last value of a series before it.
    pub fn by_slot(
        &self,
        (from, to): (i64, i64),
        before: impl Fn(i64) -> rusqlite::Result<Option<crate::history::energy::Before>>,
    ) -> Result<BTreeMap<i64, HouseEnergies>, HistoryError> {
        let mut counters = self.counters((from, to), before)?;
        let powers = self.of_house((from, to), &["sun", "house"])?;
        let flows = self.of_house((from, to), &Flows::KEYS)?;
        let ends = counters.iter().flat_map(|it| it.told.iter()).map(|it| it.0);
        let ends = ends.chain(powers.keys().copied());
        let ends: std::collections::BTreeSet<i64> = ends.collect();
        let (mut watts, mut sums) = ([None::<i64>; 2], [0_i64; 7]);
        let mut has_flows = false;
        let mut energies = BTreeMap::new();
        for end in ends {
            let mut counted = Counted::default();
            for counter in &mut counters {
                while let Some(told) = counter.told.get(counter.next).filter(|it| it.0 <= end) {
                    counter.now = Some(*told);
                    counter.next += 1;
                }
                let is_stale = counter.now.is_none_or(|(at, _)| end - at > FRESH);
                if is_stale && !tables::rests(self.file, &counter.device, end - SLOT, end)? {
                    counted.lacks = true;
                }
                let energy = counter.now.map_or(0, |(_, energy)| energy);
                let into = match counter.part {
                    EnergyPart::SunEnergy => &mut counted.sun,
                    EnergyPart::GridImport => &mut counted.import,
                    EnergyPart::GridExport => &mut counted.export,
                    EnergyPart::BatteryIn => &mut counted.charged,
                    _ => &mut counted.discharged,
                };
                let energy = if counter.is_minus { -energy } else { energy };
                *into = Some(into.unwrap_or(0) + energy);
            }
            for (place, watts) in watts.iter_mut().enumerate() {
                if let Some(Some(power)) = powers.get(&end).and_then(|of| of.get(place)) {
                    *watts = Some(watts.unwrap_or(0).saturating_add((*power).max(0)));
                }
            }
            for (place, sum) in sums.iter_mut().enumerate() {
                if let Some(Some(milli)) = flows.get(&end).and_then(|of| of.get(place)) {
                    *sum = sum.saturating_add(*milli);
                    has_flows = true;
                }
            }
            let [sun, house] = watts.map(|watts| mean(watts?.into(), SLOTS_OF_HOUR));
            counted.sun_power = sun;
            counted.house_power = house.filter(|_| self.roles.house.is_some());
            counted.slots = has_flows
                .then(|| Flows::from(sums.map(|milli| mean(milli.into(), 1000).unwrap_or(0))));
            energies.insert(end, HouseEnergies::of(self.roles, &counted));
        }
        Ok(energies)
    }

    /// Of each device and part the best counter that says anything on that day.
    fn counters(
        &self,
        (from, to): (i64, i64),
        before: impl Fn(i64) -> rusqlite::Result<Option<crate::history::energy::Before>>,
    ) -> Result<Vec<Counter>, HistoryError> {
        let mut ranked: BTreeMap<(EnergyPart, &DeviceId, bool), Vec<_>> = BTreeMap::new();
        for role in &self.roles.members {
            let of_role = |it: &&(i64, SeriesKey, SeriesAbout)| {
                it.1.device == role.device && it.1.key == role.key
            };
            if let Some((id, _, about)) = self.all.iter().find(of_role)
                && let (Some(rank), Some(kind)) = (about.rank(), about.kind.counter())
            {
                let of_device = (role.part, &role.device, role.is_minus);
                let counters = ranked.entry(of_device).or_default();
                counters.push((rank, *id, kind, about));
            }
        }
        let mut found = Vec::new();
        for ((part, device, is_minus), mut counters) in ranked {
            counters.sort_by_key(|(rank, id, ..)| (*rank, *id));
            let mut told = Vec::new();
            for (_, id, kind, about) in counters {
                let mut day = DayEnergy::new(kind, about.decimals, before(id)?);
                for (at, row) in tables::slots_of(self.file, id, from, to)? {
                    day.push(at, row.value);
                    told.extend(day.energy().map(|energy| (at, about.watt_hours(energy))));
                }
                if !told.is_empty() {
                    break;
                }
            }
            found.push(Counter {
                part,
                is_minus,
                told,
                next: 0,
                now: None,
                device: device.clone(),
            });
        }
        Ok(found)
    }

    /// Values of the house itself, by the ends of slots and in the order of their keys.
    fn of_house(
        &self,
        (from, to): (i64, i64),
        keys: &[&str],
    ) -> Result<HashMap<i64, Vec<Option<i64>>>, HistoryError> {
        let mut by_slot: HashMap<i64, Vec<Option<i64>>> = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            let is_it = |it: &&(i64, SeriesKey, SeriesAbout)| {
                it.1.device.as_str() == HOUSE && it.1.key == *key
            };
            let Some((id, ..)) = self.all.iter().find(is_it) else {
                continue;
            };
            for (at, row) in tables::slots_of(self.file, *id, from, to)? {
                let values = by_slot.entry(at).or_insert_with(|| vec![None; keys.len()]);
                if let Some(value) = values.get_mut(place) {
                    *value = Some(row.value);
                }
            }
        }
        Ok(by_slot)
    }
}
