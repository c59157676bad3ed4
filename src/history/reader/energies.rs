//! Energies of days, months and years.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use rusqlite::Connection;

use super::answers::{By, EnergyOf, EnergyRow, EnergyTable};
use super::lists::days_of;
use crate::history::HistoryError;
use crate::history::calendar::days;
use crate::history::day::{DayFlags, DayRow};
use crate::history::series::{HOUSE, SeriesAbout, SeriesKey, SeriesKind, stem};
use crate::history::slot::mean;
use crate::history::split::Flows;
use crate::history::tables;
use crate::model::{EnergyPart, Quantity};

/// So many dates are in one answer at most.
const MOST: usize = 4000;

/// What the energies of a row are taken from: of each day the first that knows.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The device, and the key under which the row is told.
    pub series: SeriesKey,
    pub name: String,
    pub device_name: String,
    /// Numbers in the file, with what they are.
    pub sources: Vec<(i64, SeriesAbout)>,
    /// The power that belongs to it.
    pub power: Option<(i64, SeriesAbout)>,
}

/// A series with its number in the file.
type Filed = (i64, SeriesKey, SeriesAbout);

/// All of whom energies are known.
pub fn subjects(file: &Connection, of: EnergyOf) -> Result<Vec<Subject>, HistoryError> {
    let all = tables::load_series(file)?;
    Ok(match of {
        EnergyOf::Total => house(&all),
        EnergyOf::Device => devices(&all),
        EnergyOf::Panel => panels(&all),
    })
}

fn house(all: &[Filed]) -> Vec<Subject> {
    let find = |key: &str| {
        let found = all
            .iter()
            .find(|(_, series, _)| series.device.as_str() == HOUSE && series.key == key);
        found.map(|(id, _, about)| (*id, about.clone()))
    };
    let rows = [
        ("sun", "sun_energy", "sun"),
        ("house", "house_energy", "house"),
        ("import", "import", "grid"),
        ("export", "export", ""),
        ("charged", "charged", "battery"),
        ("discharged", "discharged", ""),
    ];
    let flows = Flows::KEYS.map(|key| (key, key, ""));
    let subject = |(told, key, power): (&str, &str, &str)| {
        let source = find(key)?;
        Some(Subject {
            series: SeriesKey::house(told),
            name: told.to_owned(),
            device_name: HOUSE.to_owned(),
            sources: vec![source],
            power: find(power),
        })
    };
    rows.into_iter().chain(flows).filter_map(subject).collect()
}

/// Whether a series is the power of a device that is a panel itself, as an optimizer is.
fn is_lone_panel(series: &SeriesKey, about: &SeriesAbout) -> bool {
    series.key == "power" && about.via.is_some() && about.part.is_none()
}

/// The panel that a key is of: `panel_1_power` and `panel_1_energy_computed` are of `panel_1`.
fn panel_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("panel_")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .filter(|at| *at > 0)?;
    key.get(.."panel_".len() + digits)
}

fn by_device(all: &[Filed]) -> BTreeMap<&str, Vec<&Filed>> {
    let mut devices: BTreeMap<&str, Vec<&Filed>> = BTreeMap::new();
    for filed in all {
        let device = filed.1.device.as_str();
        if device != HOUSE {
            devices.entry(device).or_default().push(filed);
        }
    }
    devices
}

fn ranked(mut counters: Vec<&Filed>) -> Vec<(i64, SeriesAbout)> {
    counters.sort_by_key(|(_, _, about)| about.rank());
    let counters = counters.into_iter();
    counters
        .map(|(id, _, about)| (*id, about.clone()))
        .collect()
}

fn devices(all: &[Filed]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for series in by_device(all).into_values() {
        if series
            .iter()
            .any(|(_, key, about)| is_lone_panel(key, about))
        {
            continue;
        }
        let mut groups: BTreeMap<(Option<EnergyPart>, &str), Vec<&Filed>> = BTreeMap::new();
        for filed in &series {
            let (_, key, about) = filed;
            if about.rank().is_some() && panel_of(&key.key).is_none() {
                // What is a part of the house is counted once, however many counters there are of it.
                let part = about.part.map(|it| it.part);
                let stem = if part.is_some() { "" } else { stem(&key.key) };
                groups.entry((part, stem)).or_default().push(filed);
            }
        }
        let power_of = |parts: &[EnergyPart]| {
            let is_power = |filed: &&&Filed| {
                let (_, _, about) = filed;
                let part = about.part.map(|it| it.part);
                about.quantity == Some(Quantity::Power)
                    && part.is_some_and(|part| parts.contains(&part))
            };
            series.iter().find(is_power)
        };
        let plain = || {
            series.iter().find(|(_, key, about)| {
                key.key == "power" && about.quantity == Some(Quantity::Power)
            })
        };
        if groups.is_empty() {
            // Its power has to do.
            if let Some((id, key, about)) = power_of(&[EnergyPart::Sun]).or_else(plain) {
                let power = (*id, about.clone());
                subjects.push(Subject {
                    series: key.clone(),
                    name: about.name.clone(),
                    device_name: about.device_name.clone(),
                    sources: vec![power.clone()],
                    power: Some(power),
                });
            }
        }
        for ((part, _), counters) in groups {
            let power = match part {
                Some(EnergyPart::SunEnergy) => power_of(&[EnergyPart::Sun]),
                Some(EnergyPart::GridImport) => {
                    power_of(&[EnergyPart::GridTaken]).or_else(|| power_of(&[EnergyPart::Grid]))
                }
                Some(EnergyPart::GridExport) => power_of(&[EnergyPart::GridGiven]),
                Some(EnergyPart::BatteryIn) => power_of(&[EnergyPart::Battery]),
                Some(_) => None,
                None => plain(),
            };
            let power = power.map(|(id, _, about)| (*id, about.clone()));
            let best = counters.iter().min_by_key(|(_, _, about)| about.rank());
            if let Some((_, key, about)) = best {
                subjects.push(Subject {
                    series: key.clone(),
                    name: about.name.clone(),
                    device_name: about.device_name.clone(),
                    sources: ranked(counters),
                    power,
                });
            }
        }
    }
    subjects
}

fn panels(all: &[Filed]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for series in by_device(all).into_values() {
        for (id, key, about) in &series {
            let is_power = about.quantity == Some(Quantity::Power);
            let panel = panel_of(&key.key).filter(|_| is_power && key.key.ends_with("_power"));
            let is_lone = is_lone_panel(key, about);
            if panel.is_none() && !is_lone {
                continue;
            }
            let counters = series.iter().filter(|(_, other, about)| {
                about.rank().is_some() && (is_lone || panel_of(&other.key) == panel)
            });
            let mut sources = ranked(counters.copied().collect());
            let power = (*id, about.clone());
            sources.push(power.clone());
            subjects.push(Subject {
                series: key.clone(),
                name: if is_lone {
                    about.device_name.clone()
                } else {
                    about.name.clone()
                },
                device_name: about.device_name.clone(),
                sources,
                power: Some(power),
            });
        }
    }
    subjects
}

/// The watt-hours of a day: what a counter says, or what the powers of its slots add up to.
fn watt_hours(about: &SeriesAbout, row: &DayRow) -> Option<i64> {
    if about.kind != SeriesKind::Measurement {
        return Some(about.watt_hours(row.value?));
    }
    let parts = 12 * 10_u32.checked_pow(about.decimals.into())?;
    mean(row.sum?.into(), parts)
}

/// The numbers in the file of all that some energies are taken from, and of the powers that belong to them.
pub fn numbers(subjects: &[Subject]) -> BTreeSet<i64> {
    let all = subjects
        .iter()
        .flat_map(|it| it.sources.iter().chain(&it.power));
    all.map(|(id, _)| *id).collect()
}

/// All energies of each day, by subject.
pub type DayEnergies = Vec<BTreeMap<Date, (i64, DayFlags)>>;

/// The energies of some from one date to another.
pub fn of_days(subjects: &[Subject], rows: &[(Date, i64, DayRow)]) -> DayEnergies {
    let mut by_place: HashMap<(i64, Date), &DayRow> = HashMap::with_capacity(rows.len());
    let mut dates: Vec<Date> = Vec::new();
    for (date, series, row) in rows {
        by_place.insert((*series, *date), row);
        if dates.last() != Some(date) {
            dates.push(*date);
        }
    }
    let energy = |subject: &Subject, date: Date| {
        subject.sources.iter().find_map(|(id, about)| {
            let row = by_place.get(&(*id, date))?;
            Some((watt_hours(about, row)?, row.flags))
        })
    };
    let all = subjects.iter().map(|subject| {
        let days = dates.iter();
        days.filter_map(|date| Some((*date, energy(subject, *date)?)))
            .collect()
    });
    all.collect()
}

/// Energies summed up by day, month or year.
pub fn energy(
    file: &Connection,
    by: By,
    (from, to): (Date, Date),
    of: EnergyOf,
) -> Result<EnergyTable, HistoryError> {
    let subjects = subjects(file, of)?;
    let dates = dates(by, (from, to))?;
    let rows = days_of(file, (from, to), numbers(&subjects))?;
    let all = of_days(&subjects, &rows);
    let mut rows = Vec::new();
    for (subject, days) in subjects.into_iter().zip(all) {
        let mut wh = vec![None; dates.len()];
        let mut flags = vec![DayFlags::default(); dates.len()];
        for (date, (energy, special)) in days {
            let Ok(index) = dates.binary_search(&first_of(by, date)) else {
                continue;
            };
            if let (Some(sum), Some(all)) = (wh.get_mut(index), flags.get_mut(index)) {
                *sum = Some(sum.unwrap_or(0) + energy);
                *all = *all | special;
            }
        }
        if wh.iter().any(Option::is_some) {
            rows.push(EnergyRow {
                series: subject.series,
                name: subject.name,
                device_name: subject.device_name,
                wh,
                flags,
            });
        }
    }
    Ok(EnergyTable { by, dates, rows })
}

/// The date under which a day is summed up.
fn first_of(by: By, date: Date) -> Date {
    match by {
        By::Day => date,
        By::Month => date.first_of_month(),
        By::Year => date.first_of_year(),
    }
}

fn dates(by: By, (from, to): (Date, Date)) -> Result<Vec<Date>, HistoryError> {
    let most = match by {
        By::Day => MOST,
        By::Month | By::Year => 366 * 200,
    };
    let mut dates: Vec<Date> = days(from, to, most + 1)
        .map(|date| first_of(by, date))
        .collect();
    if dates.len() > most {
        return Err(HistoryError::TooMuch);
    }
    dates.dedup();
    Ok(dates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_panel_is_known_by_its_key() {
        assert_eq!(panel_of("panel_1_power"), Some("panel_1"));
        assert_eq!(panel_of("panel_12_energy_computed"), Some("panel_12"));
        for other in ["panel_power", "panel_", "power", "panel_1"] {
            assert_eq!(panel_of(other), None, "{other}");
        }
    }

    #[test]
    fn days_are_summed_up_by_month_and_year() {
        let period = (date(2026, 1, 30), date(2027, 2, 2));
        assert_eq!(dates(By::Month, period).unwrap().len(), 14);
        let years = [date(2026, 1, 1), date(2027, 1, 1)];
        assert_eq!(dates(By::Year, period).unwrap(), years);
        assert!(dates(By::Day, (Date::MIN, Date::MAX)).is_err());
    }
}
