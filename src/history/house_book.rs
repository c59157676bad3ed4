//! What is kept of the house as a whole, made anew whenever its devices have something new.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use rusqlite::Connection;

use super::calendar::{Calendar, of_number};
use super::catalog::Catalog;
use super::day::{DayFlags, DayRow};
use super::house::{self, Counted, HouseEnergies, HousePowers, Look, slot_energy};
use super::roles::HouseRoles;
use super::series::{SeriesKey, house_id};
use super::slot::{SLOT, SlotRow, mean};
use super::split::Flows;
use super::tables;
use crate::model::{Decimal, DeviceId, EnergyPart};

/// Ends of slots are not caught up with beyond that, as after a computer was asleep.
const MOST_SLOTS: i64 = 2 * 288;

/// So many days that others have left are made anew in one go.
const MOST_DOUBTS: usize = 8;

/// Slots that have changed, by the places of their series.
pub type Changed = BTreeMap<usize, Vec<(i64, SlotRow)>>;

/// What the counters of a part say of a day.
#[derive(Debug, Default)]
struct CountedPart {
    /// In watt-hours, of those that know.
    total: Option<i64>,
    flags: DayFlags,
    /// Whether one that was there before has said nothing and did not rest.
    lacks: bool,
}

/// What of the house is to be made anew.
#[derive(Debug, Default)]
pub struct HouseBook {
    pub roles: HouseRoles,
    /// Slots, by their ends.
    slots: BTreeSet<i64>,
    /// The end of the latest slot that was made.
    through: Option<i64>,
    /// The same when all is on the disk.
    next_through: Option<i64>,
    days: BTreeSet<Date>,
}

impl HouseBook {
    /// Something is new in this slot.
    pub fn doubt_slot(&mut self, end: i64) {
        self.slots.insert(end);
    }

    /// Something is new on this day.
    pub fn doubt_day(&mut self, date: Date) {
        self.days.insert(date);
    }

    /// Notes what is to be made anew in the file, for whoever knows the devices of the house.
    pub fn note_doubts(&self, file: &Connection, calendar: &Calendar) -> rusqlite::Result<()> {
        let of_slots: BTreeSet<Date> = self
            .slots
            .iter()
            .map(|end| calendar.day_of_slot(*end))
            .collect();
        for date in &self.days {
            tables::add_doubt(file, *date, of_slots.contains(date))?;
        }
        Ok(())
    }

    /// Takes up what others have noted; whether there may be more of it.
    pub fn take_doubts(
        &mut self,
        file: &Connection,
        calendar: &Calendar,
    ) -> rusqlite::Result<bool> {
        let doubts = tables::take_doubts(file, MOST_DOUBTS)?;
        let is_more = doubts.len() >= MOST_DOUBTS;
        for (date, has_slots) in doubts {
            let Some(date) = of_number(date) else {
                continue;
            };
            self.doubt_day(date);
            if has_slots {
                let (from, to) = calendar.bounds(date);
                self.slots.extend(tables::ends_between(file, from, to)?);
            }
        }
        Ok(is_more)
    }

    /// Slots of a later time are there no more.
    pub fn go_back(&mut self) {
        self.through = None;
        self.slots.clear();
    }

    /// All is on the disk.
    pub fn confirm(&mut self) {
        self.days.clear();
        if self.roles.members.is_empty() {
            self.slots.clear();
        }
        if let Some(through) = self.next_through.take() {
            self.slots.retain(|end| *end > through);
            self.through = Some(through);
        }
    }

    /// Nothing of it is.
    pub const fn take_back(&mut self) {
        self.next_through = None;
    }

    /// Makes the slots that are over, up to `until` in seconds.
    pub fn make_slots(
        &mut self,
        file: &Connection,
        catalog: &mut Catalog,
        until: i64,
        changed: &mut Changed,
    ) -> rusqlite::Result<()> {
        if self.roles.members.is_empty() {
            return Ok(());
        }
        let until = until.div_euclid(SLOT) * SLOT;
        let first = self.slots.first().copied();
        let through = self.through.or(first.map(|end| end - SLOT));
        // Also slots in which nobody has said anything: at night the panels bring 0.
        let from = through.map_or(until, |end| end.max(until - MOST_SLOTS * SLOT));
        let steps = (1..).map(|slot| from + slot * SLOT);
        let mut ends: BTreeSet<i64> = steps.take_while(|end| *end <= until).collect();
        ends.extend(self.slots.iter().filter(|end| **end <= until));
        self.next_through = Some(until);
        for end in ends {
            self.make_slot(file, catalog, end, changed)?;
        }
        Ok(())
    }

    fn make_slot(
        &self,
        file: &Connection,
        catalog: &mut Catalog,
        end: i64,
        changed: &mut Changed,
    ) -> rusqlite::Result<()> {
        let values = tables::slots_at(file, end)?;
        let mut looks: HashMap<(&DeviceId, &str), Look> = HashMap::new();
        let members = self.roles.members.iter();
        let members = members.filter(|role| !is_counter_of(role.part));
        let members = members.map(|role| (&role.device, role.key.as_str()));
        let house = self.roles.house.iter();
        let house = house.map(|(device, key)| (device, key.as_str()));
        for (device, key) in members.chain(house) {
            let place = catalog.place(device, key);
            let series = place.and_then(|place| catalog.get(place));
            let value = series.and_then(|series| {
                let value = *values.get(&series.id?)?;
                Some(Decimal::new(value, series.about.decimals))
            });
            let look = match value {
                Some(value) => Look::Known(value),
                None if tables::rests(file, device, end - SLOT, end)? => Look::Resting,
                None => Look::Unknown,
            };
            looks.insert((device, key), look);
        }
        let look = |device: &DeviceId, key: &str| {
            looks.get(&(device, key)).copied().unwrap_or(Look::Unknown)
        };
        let powers = HousePowers::of(&self.roles, look);
        let has_battery = self.roles.has(&[EnergyPart::Battery]);
        let flows = powers.flows.map(|flows| flows.all().map(slot_energy));
        let flow = |index: usize| flows.and_then(|flows| flows.get(index).copied());
        let flows = Flows::KEYS.iter().enumerate();
        // Who has no battery need not keep that it brings nothing.
        let flows = flows.filter(|(_, key)| has_battery || !key.contains("battery"));
        let flows = flows.map(|(index, key)| (*key, flow(index)));
        let powers = house::POWERS.into_iter().zip(powers.all());
        for (key, value) in powers.chain(flows.collect::<Vec<_>>()) {
            let Some(value) = value else { continue };
            let place = series_of_house(file, catalog, key)?;
            if let Some(id) = id(catalog, place) {
                let row = SlotRow {
                    value,
                    bounds: None,
                };
                tables::put_slot(file, end, id, row)?;
                changed.entry(place).or_default().push((end, row));
            }
        }
        Ok(())
    }

    /// Makes the days.
    pub fn make_days(
        &self,
        file: &Connection,
        catalog: &mut Catalog,
        calendar: &Calendar,
    ) -> rusqlite::Result<()> {
        if self.roles.members.is_empty() {
            return Ok(());
        }
        for date in &self.days {
            self.make_day(file, catalog, calendar, *date)?;
        }
        Ok(())
    }

    fn make_day(
        &self,
        file: &Connection,
        catalog: &mut Catalog,
        calendar: &Calendar,
        date: Date,
    ) -> rusqlite::Result<()> {
        let mut counted = Counted::default();
        let [sun, import, export, charged, discharged] = [
            EnergyPart::SunEnergy,
            EnergyPart::GridImport,
            EnergyPart::GridExport,
            EnergyPart::BatteryIn,
            EnergyPart::BatteryOut,
        ]
        .map(|part| self.count(file, catalog, calendar, date, part));
        for (energy, into) in [
            (sun?, &mut counted.sun),
            (import?, &mut counted.import),
            (export?, &mut counted.export),
            (charged?, &mut counted.charged),
            (discharged?, &mut counted.discharged),
        ] {
            *into = energy.total;
            counted.flags = counted.flags | energy.flags;
            counted.lacks |= energy.lacks;
        }
        let of_house = |key: &str| -> rusqlite::Result<Option<DayRow>> {
            let place = catalog.place(&house_id(), key);
            match place.and_then(|place| id(catalog, place)) {
                Some(id) => tables::day(file, date, id),
                None => Ok(None),
            }
        };
        // A watt for five minutes is a twelfth of a watt-hour.
        let of_power = |row: Option<DayRow>| mean(row?.sum?.into(), 12);
        let powers = (of_house("sun")?, of_house("house")?);
        counted.sun_power = of_power(powers.0);
        counted.house_power = of_power(powers.1).filter(|_| self.roles.house.is_some());
        let flags = |row: Option<DayRow>| row.map_or_else(DayFlags::default, |row| row.flags);
        counted.power_flags = (flags(powers.0), flags(powers.1));
        let mut sums = [0; 7];
        let mut is_any = false;
        for (key, sum) in Flows::KEYS.iter().zip(&mut sums) {
            if let Some(milli) = of_house(key)?.and_then(|row| row.sum) {
                *sum = mean(milli.into(), 1000).unwrap_or(0);
                is_any = true;
            }
        }
        counted.slots = is_any.then(|| Flows::from(sums));
        let energies = HouseEnergies::of(&self.roles, &counted);
        let milli = |watt_hours: i64| watt_hours.saturating_mul(1000);
        let flows = energies.flows.map(|flows| flows.all().map(milli));
        let flow = |index: usize| flows.and_then(|flows| flows.get(index).copied());
        let has_battery = energies.charged.is_some() || energies.discharged.is_some();
        let flows = Flows::KEYS.iter().enumerate();
        let flows = flows.filter(|(_, key)| has_battery || !key.contains("battery"));
        let flows = flows.map(|(index, key)| (*key, flow(index)));
        let all = house::ENERGIES.into_iter().zip(energies.all());
        for (key, value) in all.chain(flows.collect::<Vec<_>>()) {
            if value.is_none() && catalog.place(&house_id(), key).is_none() {
                continue;
            }
            let place = series_of_house(file, catalog, key)?;
            let Some(id) = id(catalog, place) else {
                continue;
            };
            // What is no longer known, as more has come to light, must not stay either.
            match tables::day(file, date, id)? {
                None if value.is_none() => {}
                Some(there) if there.flags.has(DayFlags::CORRECTED) => {}
                _ => tables::set_day(file, date, id, value, energies.flags)?,
            }
        }
        Ok(())
    }

    /// What the counters of a part say of a day, in watt-hours: of each device the best one that knows.
    fn count(
        &self,
        file: &Connection,
        catalog: &Catalog,
        calendar: &Calendar,
        date: Date,
        part: EnergyPart,
    ) -> rusqlite::Result<CountedPart> {
        let mut devices: BTreeMap<(&DeviceId, bool), Vec<(u8, usize)>> = BTreeMap::new();
        let parts = [part];
        for role in self.roles.of_parts(&parts) {
            let counters = devices.entry((&role.device, role.is_minus)).or_default();
            let place = catalog.place(&role.device, &role.key);
            let series = place.and_then(|place| Some((place, catalog.get(place)?)));
            if let Some((place, series)) = series
                && let Some(rank) = series.about.rank()
            {
                counters.push((rank, place));
            }
        }
        let mut counted = CountedPart::default();
        for ((device, is_minus), mut counters) in devices {
            counters.sort_by_key(|(rank, _)| *rank);
            let mut found = None;
            let mut is_older = false;
            for (_, place) in counters {
                let Some(series) = catalog.get(place) else {
                    continue;
                };
                let Some(id) = series.id else { continue };
                let row = tables::day(file, date, id)?;
                let energy = row.and_then(|row| Some((series.about.watt_hours(row.value?), row)));
                if let Some((energy, row)) = energy {
                    counted.flags = counted.flags | DayFlags(row.flags.0 & !DayFlags::CORRECTED.0);
                    found = Some(energy);
                    break;
                }
                is_older |= tables::is_older(file, date, id)?;
            }
            if let Some(energy) = found {
                let energy = if is_minus { -energy } else { energy };
                counted.total = Some(counted.total.unwrap_or(0) + energy);
                continue;
            }
            let (from, to) = calendar.bounds(date);
            if is_older && tables::rests_throughout(file, device, from, to)? {
                counted.total = Some(counted.total.unwrap_or(0));
            } else {
                // One that came later lacks nothing before.
                counted.lacks |= is_older;
                counted.flags = counted.flags | DayFlags::GAP;
            }
        }
        Ok(counted)
    }

    /// Days of which the devices have something, and the house nothing.
    pub fn days_without_house(&self, file: &Connection) -> rusqlite::Result<Vec<Date>> {
        let mut statement = file.prepare(
            "SELECT DISTINCT date FROM day EXCEPT
             SELECT date FROM day JOIN series ON series.id = day.series WHERE series.device = ?1",
        )?;
        let rows = statement.query_map([house_id().as_str()], |row| row.get(0))?;
        let days = rows.map(|row| row.map(of_number));
        Ok(days
            .collect::<rusqlite::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }
}

/// The number of a series in the file.
fn id(catalog: &Catalog, place: usize) -> Option<i64> {
    catalog.get(place)?.id
}

/// The place of a series of the house, made where there is none.
fn series_of_house(file: &Connection, catalog: &mut Catalog, key: &str) -> rusqlite::Result<usize> {
    let device = house_id();
    let place = match catalog.place(&device, key) {
        Some(place) => place,
        None => catalog.put(SeriesKey::house(key), house::about(key)),
    };
    if let Some(series) = catalog.get_mut(place)
        && series.id.is_none()
    {
        series.id = Some(tables::save_series(file, &series.key, &series.about)?);
    }
    Ok(place)
}

/// Whether a part is counted, and not measured.
fn is_counter_of(part: EnergyPart) -> bool {
    matches!(
        part,
        EnergyPart::SunEnergy
            | EnergyPart::GridImport
            | EnergyPart::GridExport
            | EnergyPart::BatteryIn
            | EnergyPart::BatteryOut
    )
}
