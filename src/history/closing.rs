//! What is written in one go: slots that are over, and all that follows from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;

use super::calendar::{Calendar, of_number};
use super::catalog::Catalog;
use super::day::{DayFlags, DayRow, DaySoFar, LONGEST_PAUSE};
use super::gathering::Closed;
use super::house::{self, Counted, HouseEnergies, HousePowers, Look, slot_energy};
use super::roles::HouseRoles;
use super::series::{SeriesKey, SeriesKind, house_id};
use super::slot::{HOUR, SLOT, SlotRow, hour_of, mean};
use super::split::Flows;
use super::tables;
use crate::model::{Decimal, DeviceId, EnergyPart, Health};

/// Ends of slots are not caught up with beyond that, as after a computer was asleep.
const MOST_HOUSE_SLOTS: i64 = 2 * 288;

/// All that is written in one go.
#[derive(Debug, Default)]
pub struct Batch {
    pub closed: Vec<Closed>,
    pub remembered: Vec<RememberedDay>,
    pub health: Vec<(DeviceId, Timestamp, Health)>,
    pub events: Vec<(SeriesKey, Timestamp, String)>,
}

/// A day as a device itself, or another program, remembers it.
#[derive(Debug, Clone, Copy)]
pub struct RememberedDay {
    /// Which series, by its place in the catalog.
    pub series: usize,
    pub date: Date,
    pub value: i64,
}

/// What is known of the file, and what of it has to be made anew.
#[derive(Debug)]
pub struct Ledger {
    pub catalog: Catalog,
    pub calendar: Calendar,
    pub roles: HouseRoles,
    /// Hours that are to be made anew when they are over, by their starts.
    hours: BTreeSet<i64>,
    /// Slots of the house that are to be made anew, by their ends.
    house_slots: BTreeSet<i64>,
    /// The end of the latest slot of the house that was made.
    house_through: Option<i64>,
    /// Days of the house that are to be made anew.
    house_days: BTreeSet<Date>,
    /// Where [`Self::house_through`] is when all is written.
    next_house_through: Option<i64>,
}

/// Slots that have changed, by series.
type Changed = BTreeMap<usize, Vec<(i64, SlotRow)>>;

impl Ledger {
    /// One that knows nothing.
    pub fn new(catalog: Catalog, calendar: Calendar) -> Self {
        Self {
            catalog,
            calendar,
            roles: HouseRoles::default(),
            hours: BTreeSet::new(),
            house_slots: BTreeSet::new(),
            house_through: None,
            house_days: BTreeSet::new(),
            next_house_through: None,
        }
    }

    /// The hour of this slot may not have been made.
    pub fn doubt_hour(&mut self, end: i64) {
        self.hours.insert(hour_of(end));
    }

    /// The house of these days is to be made anew.
    pub fn doubt_house(&mut self, days: impl IntoIterator<Item = Date>) {
        self.house_days.extend(days);
    }

    /// Writes a batch; for each slot that was closed whether it is alone in its place. Nothing counts as written
    /// before [`Self::confirm`].
    ///
    /// Slots of the house are made up to `house_end`, hours up to `over`, both in seconds.
    pub fn write(
        &mut self,
        file: &Connection,
        batch: &Batch,
        over: i64,
        house_end: i64,
    ) -> rusqlite::Result<Vec<bool>> {
        self.save_series(file)?;
        for (device, at, health) in &batch.health {
            tables::add_health(file, device, *at, Some(health))?;
        }
        for (series, at, word) in &batch.events {
            tables::add_event(file, *at, series, word)?;
        }
        let mut changed = Changed::new();
        let mut alone = Vec::with_capacity(batch.closed.len());
        for closed in &batch.closed {
            alone.push(self.put_slot(file, closed, &mut changed)?);
        }
        self.make_house_slots(file, house_end, &mut changed)?;
        for (place, rows) in &changed {
            self.put_in_days(file, *place, rows)?;
        }
        for day in &batch.remembered {
            self.remember(file, day)?;
        }
        self.make_hours(file, over)?;
        self.make_house_days(file)?;
        Ok(alone)
    }

    /// All is on the disk.
    pub fn confirm(&mut self, over: i64) {
        for series in self.catalog.unsaved() {
            series.is_unsaved = false;
            series.filed_decimals = series.about.decimals;
        }
        self.hours.retain(|start| start + HOUR > over);
        self.house_days.clear();
        if let Some(through) = self.next_house_through.take() {
            self.house_slots.retain(|end| *end > through);
            self.house_through = Some(through);
        }
    }

    /// Nothing of it is.
    pub fn take_back(&mut self) {
        self.catalog.forget_days();
        self.next_house_through = None;
    }

    fn save_series(&mut self, file: &Connection) -> rusqlite::Result<()> {
        for series in self.catalog.unsaved() {
            let id = tables::save_series(file, &series.key, &series.about)?;
            series.id = Some(id);
            let more = series.about.decimals.saturating_sub(series.filed_decimals);
            if more > 0 {
                tables::rescale(file, id, 10_i64.saturating_pow(more.into()))?;
            }
        }
        Ok(())
    }

    /// The number of a series in the file.
    fn id(&self, place: usize) -> Option<i64> {
        self.catalog.get(place)?.id
    }

    fn put_slot(
        &mut self,
        file: &Connection,
        closed: &Closed,
        changed: &mut Changed,
    ) -> rusqlite::Result<bool> {
        let Some(series) = self.catalog.get(closed.series) else {
            return Ok(true);
        };
        let Some(id) = series.id else {
            return Ok(true);
        };
        let kind = series.about.kind;
        let (end, row) = (closed.end, closed.values.row(kind.has_last()));
        let is_alone = if closed.is_beside {
            // No guard has seen it.
            if kind == SeriesKind::Lifetime && !fits(file, end, id, row.value)? {
                tracing::debug!("a late value of {} does not fit", series.key);
                return Ok(false);
            }
            tables::add_slot(file, end, id, row, kind.counter().is_some())?
        } else {
            tables::put_slot(file, end, id, row)?;
            true
        };
        changed.entry(closed.series).or_default().push((end, row));
        self.hours.insert(hour_of(end));
        self.house_slots.insert(end);
        Ok(is_alone)
    }

    /// Brings the days up to date in which these slots are.
    fn put_in_days(
        &mut self,
        file: &Connection,
        place: usize,
        rows: &[(i64, SlotRow)],
    ) -> rusqlite::Result<()> {
        let mut rest = rows;
        while let Some((first, _)) = rest.first() {
            let date = self.calendar.day_of_slot(*first);
            let (_, midnight) = self.calendar.bounds(date);
            let (of_day, others) =
                rest.split_at(rest.partition_point(|(end, _)| *end <= midnight).max(1));
            rest = others;
            self.house_days.insert(date);
            let Some(series) = self.catalog.get(place) else {
                return Ok(());
            };
            let day = match &series.day {
                Some(day) if day.date == date && day.last_end() < Some(*first) => Some(day.clone()),
                Some(day) if day.date < date => {
                    Some(DaySoFar::new(date, &series.about, day.last()))
                }
                _ => None,
            };
            match day {
                Some(mut day) => {
                    self.extend(file, place, &mut day, of_day)?;
                    if let Some(series) = self.catalog.get_mut(place) {
                        series.day = Some(day);
                    }
                }
                None => self.make_day(file, place, date)?,
            }
        }
        Ok(())
    }

    /// Puts slots into a day and writes it.
    fn extend(
        &self,
        file: &Connection,
        place: usize,
        day: &mut DaySoFar,
        rows: &[(i64, SlotRow)],
    ) -> rusqlite::Result<()> {
        let Some(series) = self.catalog.get(place) else {
            return Ok(());
        };
        let Some(id) = series.id else {
            return Ok(());
        };
        for (end, row) in rows {
            if let Some(since) = day.gap_before(*end)
                && !tables::rests(file, &series.key.device, since, *end)?
            {
                day.note_gap();
                // The day before lacks its end, too.
                let earlier = self.calendar.day_of_slot(since);
                let (midnight, _) = self.calendar.bounds(day.date);
                if earlier < day.date
                    && midnight - since > LONGEST_PAUSE
                    && let Some(row) = tables::day(file, earlier, id)?
                {
                    let flags = row.flags | DayFlags::GAP;
                    tables::set_day(file, earlier, id, row.value, flags)?;
                }
            }
            day.push(*end, *row);
        }
        tables::put_day(file, day.date, id, &day.row())
    }

    /// Makes a day anew from its slots, and the one after it, which goes on from its last value.
    fn make_day(&mut self, file: &Connection, place: usize, date: Date) -> rusqlite::Result<()> {
        let Some(id) = self.id(place) else {
            return Ok(());
        };
        self.make_one_day(file, place, id, date)?;
        let next = tables::next_day(file, date, id)?.and_then(of_number);
        if let Some(next) = next {
            self.house_days.insert(next);
            self.make_one_day(file, place, id, next)?;
        }
        Ok(())
    }

    fn make_one_day(
        &mut self,
        file: &Connection,
        place: usize,
        id: i64,
        date: Date,
    ) -> rusqlite::Result<()> {
        let Some(series) = self.catalog.get(place) else {
            return Ok(());
        };
        let (from, to) = self.calendar.bounds(date);
        let rows = tables::slots_of(file, id, from, to)?;
        if rows.is_empty() {
            return Ok(());
        }
        let before = tables::before(file, date, id)?;
        let mut day = DaySoFar::new(date, &series.about, before);
        self.extend(file, place, &mut day, &rows)?;
        let is_latest = |latest: &DaySoFar| latest.date <= date;
        if let Some(series) = self.catalog.get_mut(place)
            && series.day.as_ref().is_none_or(is_latest)
        {
            let is_last = tables::next_day(file, date, id)?.is_none();
            series.day = is_last.then_some(day);
        }
        Ok(())
    }

    /// Takes over a day that was not measured wholly.
    fn remember(&mut self, file: &Connection, day: &RememberedDay) -> rusqlite::Result<()> {
        let Some(series) = self.catalog.get(day.series) else {
            return Ok(());
        };
        let Some(id) = series.id else {
            return Ok(());
        };
        let there = tables::day(file, day.date, id)?;
        let is_wanted = there.is_none_or(|there| {
            let is_less = there.value.is_none_or(|value| value < day.value);
            let is_counter = series.about.kind.counter().is_some();
            let is_remembered = there.flags.has(DayFlags::IMPORTED) && there.slots == 0;
            let is_partial = there.flags.has(DayFlags::GAP) && is_counter && is_less;
            !there.flags.has(DayFlags::CORRECTED) && (is_remembered || is_partial)
        });
        if is_wanted {
            let before = there.map_or_else(DayFlags::default, |there| there.flags);
            let flags = before | DayFlags::IMPORTED;
            tables::set_day(file, day.date, id, Some(day.value), flags)?;
            self.house_days.insert(day.date);
        }
        Ok(())
    }

    /// Makes the hours that are over and have changed.
    fn make_hours(&self, file: &Connection, over: i64) -> rusqlite::Result<()> {
        for start in self.hours.iter().filter(|start| **start + HOUR <= over) {
            let mut of_series: BTreeMap<i64, Vec<SlotRow>> = BTreeMap::new();
            for (_, series, row) in tables::slots_between(file, *start, start + HOUR)? {
                of_series.entry(series).or_default().push(row);
            }
            for (id, rows) in of_series {
                let place = self.catalog.of_id(id);
                let series = place.and_then(|place| self.catalog.get(place));
                let kind = series.map(|series| series.about.kind);
                if let Some(row) = kind.and_then(|kind| hour_row(kind, &rows)) {
                    tables::put_hour(file, *start, id, row)?;
                }
            }
        }
        Ok(())
    }

    fn make_house_slots(
        &mut self,
        file: &Connection,
        until: i64,
        changed: &mut Changed,
    ) -> rusqlite::Result<()> {
        if self.roles.members.is_empty() {
            self.house_slots.clear();
            return Ok(());
        }
        let until = until.div_euclid(SLOT) * SLOT;
        let first = self.house_slots.first().copied();
        let through = self.house_through.or(first.map(|end| end - SLOT));
        // Also slots in which nobody has said anything: at night the panels bring 0.
        let from = through.map_or(until, |end| end.max(until - MOST_HOUSE_SLOTS * SLOT));
        let steps = (1..).map(|slot| from + slot * SLOT);
        let mut ends: BTreeSet<i64> = steps.take_while(|end| *end <= until).collect();
        ends.extend(self.house_slots.iter().filter(|end| **end <= until));
        self.next_house_through = Some(until);
        for end in ends {
            self.make_house_slot(file, end, changed)?;
        }
        Ok(())
    }

    fn make_house_slot(
        &mut self,
        file: &Connection,
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
            let place = self.catalog.place(device, key);
            let series = place.and_then(|place| self.catalog.get(place));
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
            let place = self.house_series(file, key)?;
            if let Some(id) = self.id(place) {
                let row = SlotRow {
                    value,
                    bounds: None,
                };
                tables::put_slot(file, end, id, row)?;
                changed.entry(place).or_default().push((end, row));
                self.hours.insert(hour_of(end));
            }
        }
        Ok(())
    }

    /// The place of a series of the house, made where there is none.
    fn house_series(&mut self, file: &Connection, key: &str) -> rusqlite::Result<usize> {
        let device = house_id();
        let place = match self.catalog.place(&device, key) {
            Some(place) => place,
            None => self.catalog.put(SeriesKey::house(key), house::about(key)),
        };
        if let Some(series) = self.catalog.get_mut(place)
            && series.id.is_none()
        {
            series.id = Some(tables::save_series(file, &series.key, &series.about)?);
        }
        Ok(place)
    }

    fn make_house_days(&mut self, file: &Connection) -> rusqlite::Result<()> {
        if self.roles.members.is_empty() {
            return Ok(());
        }
        for date in self.house_days.clone() {
            self.make_house_day(file, date)?;
        }
        Ok(())
    }

    fn make_house_day(&mut self, file: &Connection, date: Date) -> rusqlite::Result<()> {
        let mut counted = Counted::default();
        let [sun, import, export, charged, discharged] = [
            EnergyPart::SunEnergy,
            EnergyPart::GridImport,
            EnergyPart::GridExport,
            EnergyPart::BatteryIn,
            EnergyPart::BatteryOut,
        ]
        .map(|part| self.count(file, date, part));
        for (energy, into) in [
            (sun?, &mut counted.sun),
            (import?, &mut counted.import),
            (export?, &mut counted.export),
            (charged?, &mut counted.charged),
            (discharged?, &mut counted.discharged),
        ] {
            let (energy, flags) = energy;
            *into = energy;
            counted.flags = counted.flags | flags;
        }
        let of_house = |key: &str| -> rusqlite::Result<Option<DayRow>> {
            let place = self.catalog.place(&house_id(), key);
            match place.and_then(|place| self.id(place)) {
                Some(id) => tables::day(file, date, id),
                None => Ok(None),
            }
        };
        // A watt for five minutes is a twelfth of a watt-hour.
        let of_power = |row: Option<DayRow>| mean(row?.sum?.into(), 12);
        counted.sun_power = of_power(of_house("sun")?);
        counted.house_power = of_power(of_house("house")?).filter(|_| self.roles.house.is_some());
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
            let Some(value) = value else { continue };
            let place = self.house_series(file, key)?;
            let Some(id) = self.id(place) else { continue };
            let there = tables::day(file, date, id)?;
            if !there.is_some_and(|there| there.flags.has(DayFlags::CORRECTED)) {
                tables::set_day(file, date, id, Some(value), energies.flags)?;
            }
        }
        Ok(())
    }

    /// What the counters of a part say of a day, in watt-hours: of each device the best one that knows.
    fn count(
        &self,
        file: &Connection,
        date: Date,
        part: EnergyPart,
    ) -> rusqlite::Result<(Option<i64>, DayFlags)> {
        let mut devices: BTreeMap<(&DeviceId, bool), Vec<(u8, usize)>> = BTreeMap::new();
        let parts = [part];
        for role in self.roles.of_parts(&parts) {
            let counters = devices.entry((&role.device, role.is_minus)).or_default();
            let place = self.catalog.place(&role.device, &role.key);
            let series = place.and_then(|place| Some((place, self.catalog.get(place)?)));
            if let Some((place, series)) = series
                && let Some(rank) = series.about.rank()
            {
                counters.push((rank, place));
            }
        }
        let (mut total, mut flags) = (None, DayFlags::default());
        for ((_, is_minus), mut counters) in devices {
            counters.sort_by_key(|(rank, _)| *rank);
            let mut found = None;
            for (_, place) in counters {
                let Some(series) = self.catalog.get(place) else {
                    continue;
                };
                let row = match series.id {
                    Some(id) => tables::day(file, date, id)?,
                    None => None,
                };
                let energy = row.and_then(|row| Some((series.about.watt_hours(row.value?), row)));
                if let Some((energy, row)) = energy {
                    flags = flags | DayFlags(row.flags.0 & !DayFlags::CORRECTED.0);
                    found = Some(energy);
                    break;
                }
            }
            match found {
                Some(energy) => {
                    let energy = if is_minus { -energy } else { energy };
                    total = Some(total.unwrap_or(0) + energy);
                }
                None => flags = flags | DayFlags::GAP,
            }
        }
        Ok((total, flags))
    }

    /// Puts in another value for a day, or takes it back; the value that was there.
    pub fn correct(
        &mut self,
        file: &Connection,
        place: usize,
        date: Date,
        value: Option<i64>,
    ) -> rusqlite::Result<Option<i64>> {
        let Some(id) = self.id(place) else {
            return Ok(None);
        };
        let there = tables::day(file, date, id)?;
        let before = there.map_or_else(DayFlags::default, |there| there.flags);
        match value {
            Some(value) => {
                let flags = before | DayFlags::CORRECTED;
                tables::set_day(file, date, id, Some(value), flags)?;
            }
            None if before.has(DayFlags::CORRECTED) => {
                tables::remove_day(file, date, id)?;
                if let Some(series) = self.catalog.get_mut(place) {
                    series.day = None;
                }
                self.make_day(file, place, date)?;
            }
            None => {}
        }
        self.house_days.insert(date);
        self.make_house_days(file)?;
        Ok(there.and_then(|there| there.value))
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

    /// The end of the slots that have been kept long enough on a day.
    pub fn kept_until(&self, now: Timestamp, days: i64) -> i64 {
        let today = self.calendar.day_of(now);
        let first = today.checked_sub(jiff::Span::new().days(days.clamp(0, 100_000)));
        self.calendar.midnight(first.unwrap_or(Date::MIN))
    }
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

/// Whether a value of a counter lies between those around it.
fn fits(file: &Connection, end: i64, id: i64, value: i64) -> rusqlite::Result<bool> {
    let (before, after) = tables::neighbours(file, end, id)?;
    Ok(before.is_none_or(|before| before <= value) && after.is_none_or(|after| value <= after))
}

/// What is kept of an hour.
fn hour_row(kind: SeriesKind, rows: &[SlotRow]) -> Option<SlotRow> {
    let last = rows.last()?;
    let sum: i128 = rows.iter().map(|row| i128::from(row.value)).sum();
    if kind == SeriesKind::Flow {
        let value = i64::try_from(sum).ok()?;
        return Some(SlotRow {
            value,
            bounds: None,
        });
    }
    if kind.has_last() {
        return Some(*last);
    }
    let min = rows.iter().map(|row| row.min()).min()?;
    let max = rows.iter().map(|row| row.max()).max()?;
    Some(SlotRow {
        value: mean(sum, u32::try_from(rows.len()).ok()?)?,
        bounds: (min != max).then_some((min, max)),
    })
}
