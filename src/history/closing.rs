//! What is written in one go: slots that are over, and all that follows from them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;

use super::ahead;
use super::calendar::{Calendar, of_number};
use super::catalog::Catalog;
use super::cursors;
use super::day::{DayFlags, DayRow, DaySoFar, LONGEST_PAUSE};
use super::gathering::Closed;
use super::house_book::{Changed, HouseBook};
use super::series::{SeriesAbout, SeriesKey, SeriesKind};
use super::slot::{HOUR, SlotRow, hour_of, mean, moment};
use super::tables;
use crate::model::{DeviceId, Health, Quantity};

/// What no house gains more than in an hour, in watt-hours.
const MEGAWATT: i64 = 1_000_000;

/// All that is written in one go.
#[derive(Debug, Default)]
pub struct Batch {
    pub closed: Vec<Closed>,
    pub remembered: RememberedDays,
    pub health: Vec<(DeviceId, Timestamp, Health)>,
    pub events: Vec<(SeriesKey, Timestamp, String)>,
}

/// Days as a device itself, or another program, remembers them, by the place of their series in the catalog. Who tells
/// the same ones again and again while nothing can be written takes no more room by that.
pub type RememberedDays = BTreeMap<(usize, Date), i64>;

/// What is known of the file, and what of it has to be made anew.
#[derive(Debug)]
pub struct Ledger {
    pub catalog: Catalog,
    pub calendar: Calendar,
    pub house: HouseBook,
    /// Hours that are to be made anew when they are over, by their starts.
    hours: BTreeSet<i64>,
}

impl Ledger {
    /// One that knows nothing.
    pub fn new(catalog: Catalog, calendar: Calendar) -> Self {
        Self {
            catalog,
            calendar,
            house: HouseBook::default(),
            hours: BTreeSet::new(),
        }
    }

    /// The hour of this slot may not have been made.
    pub fn doubt_hour(&mut self, end: i64) {
        self.hours.insert(hour_of(end));
    }

    /// Writes a batch; for each slot that was closed whether it is alone in its place. Nothing counts as written
    /// before [`Self::confirm`].
    ///
    /// Slots of the house are made up to `house_end`, hours up to `over`, both in seconds. What is not after `closed`
    /// is late; without it, nobody knows.
    pub fn write(
        &mut self,
        file: &Connection,
        batch: &Batch,
        over: i64,
        house_end: i64,
        closed: Option<i64>,
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
        self.house
            .make_slots(file, &mut self.catalog, house_end, &mut changed)?;
        let ends = changed.values().flatten().map(|(end, _)| hour_of(*end));
        self.hours.extend(ends);
        for (place, rows) in &changed {
            self.put_in_days(file, *place, rows)?;
        }
        for ((place, date), value) in &batch.remembered {
            self.remember(file, *place, *date, *value)?;
        }
        self.make_hours(file, over)?;
        self.house
            .make_days(file, &mut self.catalog, &self.calendar)?;
        self.hand_on(file)?;
        let ends: BTreeSet<i64> = changed.values().flatten().map(|(end, _)| *end).collect();
        for end in ends {
            if closed.is_none_or(|closed| end <= closed) {
                cursors::note_changed(file, end)?;
            }
        }
        Ok(alone)
    }

    /// All is on the disk.
    pub fn confirm(&mut self, over: i64) {
        for series in self.catalog.unsaved() {
            series.is_unsaved = false;
            series.filed_decimals = series.about.decimals;
        }
        self.hours.retain(|start| start + HOUR > over);
        self.house.confirm();
    }

    /// Nothing of it is.
    pub fn take_back(&mut self) {
        self.catalog.forget_days();
        self.house.take_back();
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
            if kind == SeriesKind::Lifetime && !fits(file, (end, row.value), id, &series.about)? {
                tracing::debug!("a late value of {} does not fit", series.key);
                return Ok(false);
            }
            tables::add_slot(file, end, id, row, kind.counter().is_some())?
        } else {
            tables::put_slot(file, end, id, row)?;
            true
        };
        changed.entry(closed.series).or_default().push((end, row));
        self.house.doubt_slot(end);
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
            self.house.doubt_day(date);
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
        &mut self,
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
                    self.house.doubt_day(earlier);
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
        let ended =
            |file: &Connection| tables::day(file, date, id).map(|day| day.and_then(|day| day.last));
        let before = ended(file)?;
        self.make_one_day(file, place, id, date)?;
        let next = tables::next_day(file, date, id)?.and_then(of_number);
        if let Some(next) = next {
            self.house.doubt_day(next);
            self.make_one_day(file, place, id, next)?;
            if before != ended(file)? {
                self.note_day(file, place, id, next)?;
            }
        }
        Ok(())
    }

    /// The energies of a day are others, though its slots are the same: noted at the first of them.
    fn note_day(
        &self,
        file: &Connection,
        place: usize,
        id: i64,
        date: Date,
    ) -> rusqlite::Result<()> {
        let series = self.catalog.get(place);
        let is_counter = series.is_some_and(|series| series.about.kind.counter().is_some());
        let (from, to) = self.calendar.bounds(date);
        if is_counter && let Some((end, _)) = tables::slots_of(file, id, from, to)?.first() {
            cursors::note_changed(file, *end)?;
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
    fn remember(
        &mut self,
        file: &Connection,
        place: usize,
        date: Date,
        value: i64,
    ) -> rusqlite::Result<()> {
        let Some(series) = self.catalog.get(place) else {
            return Ok(());
        };
        let Some(id) = series.id else {
            return Ok(());
        };
        let there = tables::day(file, date, id)?;
        let is_wanted = there.is_none_or(|there| {
            let is_less = there.value.is_none_or(|measured| measured < value);
            let is_counter = series.about.kind.counter().is_some();
            let is_remembered = there.flags.has(DayFlags::IMPORTED) && there.slots == 0;
            let is_partial = there.flags.has(DayFlags::GAP) && is_counter && is_less;
            !there.flags.has(DayFlags::CORRECTED) && (is_remembered || is_partial)
        });
        if is_wanted {
            let before = there.map_or_else(DayFlags::default, |there| there.flags);
            let flags = before | DayFlags::IMPORTED;
            tables::set_day(file, date, id, Some(value), flags)?;
            self.house.doubt_day(date);
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
            Some(value) => tables::correct_day(file, date, id, value)?,
            None if before.has(DayFlags::CORRECTED) => {
                tables::undo_day(file, date, id)?;
                // As long as there are slots of it, they know best.
                self.remake_day(file, place, date)?;
            }
            None => {}
        }
        self.note_day(file, place, id, date)?;
        self.house.doubt_day(date);
        self.house
            .make_days(file, &mut self.catalog, &self.calendar)?;
        self.hand_on(file)?;
        Ok(there.and_then(|there| there.value))
    }

    /// Makes a day anew that may be another one than the latest that is known slot by slot.
    fn remake_day(&mut self, file: &Connection, place: usize, date: Date) -> rusqlite::Result<()> {
        if let Some(series) = self.catalog.get_mut(place) {
            series.day = None;
        }
        self.make_day(file, place, date)
    }

    /// Leaves the days of the house to whoever knows its devices.
    fn hand_on(&self, file: &Connection) -> rusqlite::Result<()> {
        if self.house.roles.members.is_empty() {
            self.house.note_doubts(file, &self.calendar)?;
        }
        Ok(())
    }

    /// Takes up what others have left to be made anew, and if the house has other devices than before, days of which
    /// it has nothing. Whether others may have left more.
    pub fn take_doubts(&mut self, file: &Connection, has_news: bool) -> rusqlite::Result<bool> {
        if self.house.roles.members.is_empty() {
            return Ok(false);
        }
        if has_news {
            for day in self.house.days_without_house(file)? {
                self.house.doubt_day(day);
            }
        }
        self.house.take_doubts(file, &self.calendar)
    }

    /// Sets slots after now aside, and makes today anew without them; the ends of the newest slot that stays, and of
    /// the newest that was set aside.
    pub fn set_ahead_aside(
        &mut self,
        file: &Connection,
        now: i64,
    ) -> rusqlite::Result<(Option<i64>, Option<i64>)> {
        let today = self.calendar.day_of(moment(now));
        ahead::set_ahead_aside(file, now, today)?;
        self.remake_days(file, &[today])?;
        self.house.go_back();
        self.doubt_hour(now);
        let (_, newest) = tables::slot_limits(file)?;
        Ok((newest, ahead::newest_ahead(file)?))
    }

    /// Brings back the slots that were set aside and are of before now.
    pub fn bring_back(&mut self, file: &Connection, now: i64) -> rusqlite::Result<()> {
        let ends = ahead::bring_back(file, now)?;
        let mut days: Vec<Date> = Vec::new();
        for end in ends {
            self.doubt_hour(end);
            days.push(self.calendar.day_of_slot(end));
        }
        days.dedup();
        self.remake_days(file, &days)
    }

    /// Makes days of all series anew from the slots that there are.
    fn remake_days(&mut self, file: &Connection, days: &[Date]) -> rusqlite::Result<()> {
        self.catalog.forget_days();
        for date in days {
            self.house.doubt_day(*date);
            for (place, id) in self.catalog.filed() {
                let there = tables::day(file, *date, id)?;
                let is_given = |there: DayRow| {
                    there.flags.has(DayFlags::CORRECTED) || there.flags.has(DayFlags::IMPORTED)
                };
                if there.is_some_and(|there| !is_given(there)) {
                    tables::remove_day(file, *date, id)?;
                }
                self.make_one_day(file, place, id, *date)?;
            }
        }
        self.catalog.forget_days();
        Ok(())
    }

    /// The end of the slots that have been kept long enough on a day.
    pub fn kept_until(&self, now: Timestamp, days: i64) -> i64 {
        let today = self.calendar.day_of(now);
        let first = today.checked_sub(jiff::Span::new().days(days.clamp(0, 100_000)));
        self.calendar.midnight(first.unwrap_or(Date::MIN))
    }
}

/// Whether a value of a counter lies between those around it, and neither it nor the next one is more than a house can
/// have gained by then.
fn fits(
    file: &Connection,
    (end, value): (i64, i64),
    id: i64,
    about: &SeriesAbout,
) -> rusqlite::Result<bool> {
    let (before, after) = tables::neighbours(file, end, id)?;
    let can_be = |from: (i64, i64), to: (i64, i64)| {
        let gain = to.1.saturating_sub(from.1);
        let is_energy = about.quantity == Some(Quantity::Energy);
        let most = (to.0 - from.0).saturating_mul(MEGAWATT) / HOUR;
        gain >= 0 && (!is_energy || about.watt_hours(gain) <= most)
    };
    let this = (end, value);
    Ok(before.is_none_or(|before| can_be(before, this))
        && after.is_none_or(|after| can_be(this, after)))
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
