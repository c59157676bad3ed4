//! Stretches of time, slot by slot, for those who send the history on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, params};

use super::answers::{SeriesInfo, Stretch, StretchSlot, Wanted};
use super::house_energy::{HouseDay, of_house};
use crate::history::HistoryError;
use crate::history::calendar::Calendar;
use crate::history::day::DayFlags;
use crate::history::energy::DayEnergy;
use crate::history::roles::HouseRoles;
use crate::history::series::{HOUSE, SeriesAbout, SeriesKey};
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
/// tells it, or as its powers add up to where it has none. That of the house is what its counters say together.
fn energy_by_slot(
    file: &Connection,
    calendar: &Calendar,
    all: &[(i64, SeriesKey, SeriesAbout)],
    (device, key): &(DeviceId, Option<String>),
    (first, last): (i64, i64),
) -> Result<BTreeMap<i64, i64>, HistoryError> {
    let house_key = key.as_deref().unwrap_or("sun");
    if device.as_str() == HOUSE && ["sun", "house"].contains(&house_key) {
        let roles = HouseRoles::load(file)?;
        if !roles.members.is_empty() {
            return house_by_slot(file, calendar, all, &roles, house_key, (first, last));
        }
    }
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
            let corrected = tables::day(file, date, id)?
                .filter(|day| day.flags.has(DayFlags::CORRECTED))
                .and_then(|day| day.value);
            let slots = tables::slots_of(file, id, from, to)?;
            let last = slots.last().map(|(at, _)| *at);
            for (at, row) in slots {
                day.push(at, row.value);
                let energy = match corrected {
                    // What somebody has put in is that of the whole day, and more than that it never is.
                    Some(whole) if Some(at) == last => Some(whole),
                    Some(whole) => day.energy().map(|energy| energy.min(whole)),
                    None => day.energy(),
                };
                if let Some(energy) = energy {
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

fn house_by_slot(
    file: &Connection,
    calendar: &Calendar,
    all: &[(i64, SeriesKey, SeriesAbout)],
    roles: &HouseRoles,
    key: &str,
    (first, last): (i64, i64),
) -> Result<BTreeMap<i64, i64>, HistoryError> {
    let house = HouseDay { file, all, roles };
    let mut all_days = BTreeMap::new();
    let (mut date, end) = (calendar.day_of_slot(first), calendar.day_of_slot(last));
    while date <= end {
        let before = |id| tables::before(file, date, id);
        let day = house.by_slot(calendar.bounds(date), before)?;
        // Counters do not tell of the same second: what it seems to be less for that was there before.
        let mut most = i64::MIN;
        let known = day.into_iter().filter_map(|(at, energies)| {
            most = most.max(of_house(&energies, key)?);
            Some((at, most))
        });
        all_days.extend(known);
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
    let Some(first) = slots.keys().next().copied() else {
        return Ok(());
    };
    let devices: BTreeSet<&DeviceId> = series.iter().map(|info| &info.series.device).collect();
    let mut events: BTreeMap<&DeviceId, Vec<(i64, String, String)>> = BTreeMap::new();
    for device in devices {
        let rows = file
            .prepare_cached(
                // Of what was before, the last of each; the years before are not carried about.
                "SELECT max(at), key, value FROM event WHERE device = ?1 AND at <= ?3 GROUP BY key
                 UNION ALL SELECT at, key, value FROM event WHERE device = ?1 AND at > ?3 AND at <= ?2
                 ORDER BY 1",
            )?
            .query_map(params![device.as_str(), last, first], |row| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::SLOT;
    use jiff::tz::TimeZone;

    /// What is said of the energy of the day: of a counter where there is one, else what a power adds up to.
    #[test]
    fn a_device_without_a_counter_has_the_energy_of_its_power() {
        let folder = tempfile::tempdir().unwrap();
        let file = tables::open(&folder.path().join("history.db")).unwrap();
        let series = [
            (1, "sum_house", "power", "measurement", "power", 1),
            (2, "kaifa_1", "power", "measurement", "power", 0),
            (3, "kaifa_1", "energy_import", "lifetime", "energy", 3),
        ];
        for (id, device, key, kind, quantity, decimals) in series {
            let json = serde_json::json!({ "kind": kind, "quantity": quantity, "decimals": decimals,
                "name": key, "device_name": device });
            file.execute(
                "INSERT INTO series (id, device, key, json) VALUES (?1, ?2, ?3, ?4)",
                params![id, device, key, json.to_string()],
            )
            .unwrap();
        }
        let midnight = 20_000 * 86_400;
        // 500.5 W, a slot in which it gives, one that is not known, 500.5 W; the counter counts 7 Wh each time.
        for (place, power) in [
            (1, Some(5005)),
            (2, Some(-9000)),
            (3, None),
            (4, Some(5005)),
        ] {
            let end = midnight + place * SLOT;
            let put = |series: i64, value: i64| {
                file.execute(
                    "INSERT INTO slot (end, series, value) VALUES (?1, ?2, ?3)",
                    params![end, series, value],
                )
                .unwrap();
            };
            if let Some(power) = power {
                put(1, power);
            }
            put(2, 100);
            put(3, 1_000_000 + 7 * place);
        }
        let device = |name: &str| serde_json::from_value::<DeviceId>(name.into()).unwrap();
        let wanted = Wanted {
            series: Box::new(|_, _| true),
            energies: vec![
                (device("sum_house"), None),
                (device("kaifa_1"), None),
                (device("kaifa_1"), Some("power".to_owned())),
                (device("kaifa_1"), Some("voltage".to_owned())),
            ],
            words: false,
        };
        let calendar = Calendar::new(TimeZone::UTC);
        let times = (midnight, midnight + 86_400);
        let told = stretch(&file, &calendar, &wanted, times, 100).unwrap();
        let energies: Vec<_> = told
            .slots
            .iter()
            .map(|slot| slot.energies.clone())
            .collect();
        let expected = [
            [Some(42), Some(0), Some(8), None],
            [Some(42), Some(7), Some(17), None],
            [None, Some(14), Some(25), None],
            [Some(83), Some(21), Some(33), None],
        ];
        assert_eq!(energies, expected);
    }
}
