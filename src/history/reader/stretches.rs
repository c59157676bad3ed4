//! Stretches of time, slot by slot, for those who send the history on.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};

use super::answers::{SeriesInfo, Stretch, StretchSlot, Wanted};
use crate::history::HistoryError;
use crate::history::calendar::Calendar;
use crate::history::energy::DayEnergy;
use crate::history::series::{SeriesAbout, SeriesKey};
use crate::history::slot::mean;
use crate::history::tables;
use crate::model::{DeviceId, Quantity};

/// So much is read at a time, in seconds: most stretches are short, and some are years.
const PIECE: i64 = 86_400;
/// A power is that of five minutes.
const SLOTS_OF_HOUR: u32 = 12;

/// The slots in `(after, through]`, the oldest first, at most `most` that have anything.
pub fn stretch(
    file: &Connection,
    calendar: &Calendar,
    wanted: &Wanted,
    (after, through): (i64, i64),
    most: usize,
) -> Result<Stretch, HistoryError> {
    let all = tables::load_series(file)?;
    let mut series = Vec::new();
    let mut places = HashMap::new();
    for (id, key, about) in &all {
        if (wanted.series)(key, about) {
            places.insert(*id, series.len());
            series.push(SeriesInfo {
                series: key.clone(),
                about: about.clone(),
            });
        }
    }
    let mut slots: BTreeMap<i64, StretchSlot> = BTreeMap::new();
    let mut told = after;
    while told < through && slots.len() <= most {
        // Years without anything are passed over in one step.
        let next = file
            .prepare_cached("SELECT min(end) FROM slot WHERE end > ?1")?
            .query_row([told], |row| row.get::<_, Option<i64>>(0))?;
        let Some(next) = next.filter(|next| *next <= through) else {
            told = through;
            break;
        };
        let until = (next + PIECE).min(through);
        for (end, id, row) in tables::slots_between(file, told, until)? {
            if let Some(place) = places.get(&id) {
                slots.entry(end).or_default().rows.push((*place, row));
            }
        }
        told = until;
    }
    if slots.len() > most {
        let last = slots.keys().nth(most).copied().unwrap_or(told);
        slots.split_off(&last);
        told = slots.keys().next_back().copied().unwrap_or(after);
    }
    if wanted.words {
        add_words(file, &mut slots, &series)?;
    }
    let mut energies = Vec::new();
    if let (Some(first), Some(last)) = (slots.keys().next(), slots.keys().next_back()) {
        for device in &wanted.energies {
            energies.push(energy_by_slot(
                file,
                calendar,
                &all,
                device,
                (*first, *last),
            )?);
        }
    }
    for (end, slot) in &mut slots {
        slot.end = *end;
        slot.energies = energies
            .iter()
            .map(|of_device| of_device.get(end).copied())
            .collect();
    }
    Ok(Stretch {
        series,
        slots: slots.into_values().collect(),
        through: told,
    })
}

/// The energy of its day so far, in Wh, at each slot: of a device (or, with a key, of that series) as its best counter
/// tells it, or as its powers add up to where it has none.
fn energy_by_slot(
    file: &Connection,
    calendar: &Calendar,
    all: &[(i64, SeriesKey, SeriesAbout)],
    (device, key): &(DeviceId, Option<String>),
    (first, last): (i64, i64),
) -> Result<BTreeMap<i64, i64>, HistoryError> {
    let own = all.iter().filter(|(_, series, _)| series.device == *device);
    let ranked = own.clone().filter_map(|(id, series, about)| {
        let is_wanted = match key {
            Some(key) => series.key == *key,
            None => is_whole(&series.key),
        };
        let rank = about.rank().filter(|_| is_wanted)?;
        Some((rank, *id, about))
    });
    let mut powers = own.filter(|(_, series, about)| {
        let key = key.as_deref().unwrap_or("power");
        about.quantity == Some(Quantity::Power) && series.key == key
    });
    let counter = ranked.min_by_key(|(rank, id, _)| (*rank, *id));
    let counter = counter.and_then(|(_, id, about)| Some((id, about, about.kind.counter()?)));
    let power = powers.next();
    let mut all_days = BTreeMap::new();
    let (mut date, end) = (calendar.day_of_slot(first), calendar.day_of_slot(last));
    while date <= end {
        let (from, to) = calendar.bounds(date);
        if let Some((id, about, kind)) = counter {
            let mut day = DayEnergy::new(kind, about.decimals, tables::before(file, date, id)?);
            for (at, row) in tables::slots_of(file, id, from, to)? {
                day.push(at, row.value);
                if let Some(energy) = day.energy() {
                    all_days.insert(at, about.watt_hours(energy));
                }
            }
        } else if let Some((id, _, about)) = power {
            let mut sum = 0_i128;
            let parts = 10_u32
                .saturating_pow(about.decimals.into())
                .saturating_mul(SLOTS_OF_HOUR);
            for (at, row) in tables::slots_of(file, *id, from, to)? {
                sum += i128::from(row.value.max(0));
                if let Some(energy) = mean(sum, parts) {
                    all_days.insert(at, energy);
                }
            }
        }
        match date.tomorrow() {
            Ok(next) => date = next,
            Err(_) => break,
        }
    }
    Ok(all_days)
}

/// Whether a counter is of all that a device produces or takes, and not of a phase, a panel or the other direction.
fn is_whole(key: &str) -> bool {
    [
        "energy_today",
        "energy_total",
        "energy_computed",
        "energy_import",
        "energy_yield",
        "energy_resettable",
    ]
    .contains(&key)
}

/// States and texts as they were at the end of each slot, of devices that said something in it.
fn add_words(
    file: &Connection,
    slots: &mut BTreeMap<i64, StretchSlot>,
    series: &[SeriesInfo],
) -> Result<(), HistoryError> {
    let Some(last) = slots.keys().next_back().copied() else {
        return Ok(());
    };
    let mut devices: Vec<&DeviceId> = series.iter().map(|info| &info.series.device).collect();
    devices.dedup();
    let mut events: BTreeMap<&DeviceId, Vec<(i64, String, String)>> = BTreeMap::new();
    for device in devices {
        let rows = file
            .prepare_cached(
                "SELECT at, key, value FROM event WHERE device = ?1 AND at <= ?2 ORDER BY at",
            )?
            .query_map(params![device.as_str(), last], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        events.insert(device, rows);
    }
    for (device, rows) in events {
        let mut now: BTreeMap<&str, &str> = BTreeMap::new();
        let mut rows = rows.iter().peekable();
        for (end, slot) in &mut *slots {
            while let Some((_, key, word)) = rows.next_if(|(at, _, _)| at <= end) {
                now.insert(key, word);
            }
            let speaks = slot.rows.iter().any(|(place, _)| {
                series
                    .get(*place)
                    .is_some_and(|info| info.series.device == *device)
            });
            if speaks {
                let words = now
                    .iter()
                    .map(|(key, word)| (SeriesKey::new(device, *key), (*word).to_owned()));
                slot.words.extend(words);
            }
        }
    }
    Ok(())
}
