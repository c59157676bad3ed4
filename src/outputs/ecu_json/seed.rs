//! Which counters tell the energy of an inverter and its panels, and what the history knows of their day.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::today::{EnergyToday, SeenBefore};
use crate::history::{CounterKind, HistoryError, HistoryReader, SeriesKey};
use crate::model::{Behavior, Decimal, Device};

/// Further back nobody looks for the last value before today.
const DAYS_BACK: i32 = 400;

/// A counter of an inverter, and what the history knows of it.
pub type SeenCounters = BTreeMap<String, SeenBefore>;

/// A counter that was chosen.
#[derive(Debug)]
pub struct EcuCounter {
    /// The key of its metric.
    pub key: String,
    /// Its day.
    pub today: EnergyToday,
}

/// The keys of what may count the whole inverter, or one of its panels.
fn candidates(panel: Option<usize>) -> [String; 3] {
    let before = panel.map_or_else(String::new, |panel| format!("panel_{panel}_"));
    ["energy_total", "energy_computed", "energy_today"].map(|key| format!("{before}{key}"))
}

/// How many panels an inverter has places for.
pub fn panels(device: &Device) -> usize {
    let is_there = |panel: &usize| device.metric(&format!("panel_{panel}_power")).is_some();
    (1..=4).filter(is_there).count()
}

/// What the history knows of the counters of a device on a day. A device that it does not know at all is new, and its
/// day begins with its first value.
pub async fn look_back(
    past: &HistoryReader,
    device: &Device,
    day: Date,
) -> Result<SeenCounters, HistoryError> {
    let parts = std::iter::once(None).chain((1..=panels(device)).map(Some));
    let keys = parts.flat_map(candidates);
    let keys: Vec<String> = keys.filter(|key| device.metric(key).is_some()).collect();
    let kept = past.series().await?;
    if !kept.iter().any(|info| info.series.device == device.id) {
        let new = |key| (key, SeenBefore::default());
        return Ok(keys.into_iter().map(new).collect());
    }
    let wanted: Vec<SeriesKey> = keys
        .iter()
        .map(|key| SeriesKey::new(&device.id, key.as_str()))
        .filter(|series| kept.iter().any(|info| info.series == *series))
        .collect();
    if wanted.is_empty() {
        return Ok(SeenCounters::new());
    }
    let far = day.saturating_sub(DAYS_BACK.days());
    let tomorrow = day.saturating_add(1.days());
    let days = past.days(wanted.clone(), far, day).await?;
    let slots = past.slots(wanted, day, tomorrow).await?;
    let mut seen = SeenCounters::new();
    for info in &slots.series {
        seen.entry(info.series.key.clone()).or_default();
    }
    for row in days.rows {
        if let (Some(info), Some(last)) = (days.series.get(row.series), row.row.last) {
            let value = Decimal::new(last, info.about.decimals);
            let of_key = seen.entry(info.series.key.clone()).or_default();
            of_key.before = Some((value, row.row.last_at));
        }
    }
    for row in slots.rows {
        if let Some(info) = slots.series.get(row.series) {
            let value = Decimal::new(row.row.value, info.about.decimals);
            let of_key = seen.entry(info.series.key.clone()).or_default();
            of_key.values.push((row.end.as_second(), value));
        }
    }
    Ok(seen)
}

/// The counter that tells the energy of the day best, of the inverter or of one of its panels.
pub fn of_today(
    device: &Device,
    panel: Option<usize>,
    day: Date,
    seen: &SeenCounters,
) -> Option<EcuCounter> {
    let known = candidates(panel).into_iter().filter_map(|key| {
        let metric = device.metric(&key)?;
        let kind = match metric.behavior {
            Behavior::LifetimeCounter => CounterKind::Lifetime,
            Behavior::DailyCounter => CounterKind::Daily,
            _ => return None,
        };
        let seen = seen.get(&key);
        let is_daily = kind == CounterKind::Daily;
        // Without a memory only a counter of the day knows what was before the start.
        let rank = match (seen.is_some(), is_daily) {
            (true, false) if metric.decimals >= 2 => 0,
            (true, true) => 1,
            (true, false) => 2,
            (false, true) => 3,
            (false, false) => 4,
        };
        Some((rank, key, kind, seen.cloned()))
    });
    let (_, key, kind, seen) = known.min_by_key(|(rank, ..)| *rank)?;
    Some(EcuCounter {
        key,
        today: EnergyToday::new(kind, day, seen),
    })
}

/// The key of the counter that goes on for ever.
pub fn of_ever(device: &Device, panel: Option<usize>) -> Option<String> {
    let is_one = |key: &String| {
        let metric = device.metric(key);
        metric.is_some_and(|metric| metric.behavior == Behavior::LifetimeCounter)
    };
    candidates(panel).into_iter().find(is_one)
}
