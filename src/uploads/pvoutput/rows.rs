//! What is said of a status.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::config::PvOutputSettings;
use super::labels::StatusLabel;
use super::memory::SentRow;
use crate::history::{HOUSE, SeriesAbout, SeriesKey};
use crate::model::{Decimal, DeviceId};
use crate::uploads::LoadSlot;

/// More is refused, in Wh and W.
const MOST_CONSUMED: i64 = 200_000;
const MOST_CONSUMPTION: i64 = 100_000;

/// The values that a system gets.
#[derive(Debug, Clone)]
pub struct StatusSources {
    generation: Option<FlowSource>,
    consumption: Option<FlowSource>,
    temperature: Option<NamedValue>,
    voltage: Option<NamedValue>,
    extended: [Option<NamedValue>; 6],
}

/// Energy and power of something.
#[derive(Debug, Clone)]
struct FlowSource {
    /// Whose energy: of a device, or of one series of it.
    energy: (DeviceId, Option<String>),
    /// Its power: the first of these that is known.
    power: Vec<NamedValue>,
}

/// One value of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedValue {
    device: DeviceId,
    key: String,
}

impl NamedValue {
    fn read(name: &str) -> Option<Self> {
        let (device, key) = name.split_once('/')?;
        Some(Self {
            device: device_id(device)?,
            key: key.to_owned(),
        })
    }

    fn is(&self, series: &SeriesKey) -> bool {
        self.device == series.device && self.key == series.key
    }

    fn of(&self, slot: &LoadSlot) -> Option<Decimal> {
        slot.value(&self.device, &self.key)?.number()
    }

    /// The mean of several slots, exact; rounded to `decimals`, or to those that it has.
    fn mean(&self, slots: &[&LoadSlot], decimals: Option<u8>) -> Option<Decimal> {
        let known: Vec<Decimal> = slots.iter().filter_map(|slot| self.of(slot)).collect();
        mean(&known, decimals)
    }
}

fn device_id(name: &str) -> Option<DeviceId> {
    serde_json::from_value(name.into()).ok()
}

fn mean(numbers: &[Decimal], decimals: Option<u8>) -> Option<Decimal> {
    let count = i128::try_from(numbers.len())
        .ok()
        .filter(|count| *count > 0)?;
    let scale = numbers.iter().map(|number| number.scale()).max()?;
    let sum: i128 = numbers
        .iter()
        .map(|number| i128::from(number.with_scale(scale).mantissa()))
        .sum();
    let decimals = decimals.unwrap_or(scale);
    let down = 10_i128.checked_pow(scale.saturating_sub(decimals).into())?;
    let up = 10_i128.checked_pow(decimals.saturating_sub(scale).into())?;
    let parts = count.checked_mul(down)?;
    // Half away from zero.
    let doubled = sum
        .checked_mul(up)?
        .checked_mul(2)?
        .checked_add(parts * sum.signum())?;
    let mantissa = i64::try_from(doubled / (2 * parts)).ok()?;
    Some(Decimal::new(mantissa, decimals))
}

impl FlowSource {
    /// `own` are the keys under which devices tell such a power, the best first.
    fn read(name: &str, power: Option<&String>, own: &[&str], of_house: &str) -> Option<Self> {
        let (device, key) = match name.split_once('/') {
            Some((device, key)) => (device, Some(key)),
            None => (name, None),
        };
        // The house has one energy for each of its powers.
        let key = key.or_else(|| (device == HOUSE).then_some(of_house));
        let is_usual = key.is_none_or(|key| own.contains(&key));
        let id = device_id(device)?;
        let named = power.and_then(|power| NamedValue::read(power));
        // A counter has the power of its device; any other value is a power itself.
        let is_energy = key.is_some_and(|key| key.split('_').any(|word| word == "energy"));
        let itself = key.filter(|_| !is_energy).map(|key| NamedValue {
            device: id.clone(),
            key: key.to_owned(),
        });
        let usual = own.iter().map(|key| NamedValue {
            device: id.clone(),
            key: (*key).to_owned(),
        });
        let power = match named.or(itself) {
            Some(power) => vec![power],
            None => usual.collect(),
        };
        Some(Self {
            energy: (id, key.filter(|_| !is_usual).map(str::to_owned)),
            power,
        })
    }

    fn wants(&self, series: &SeriesKey, about: &SeriesAbout) -> bool {
        let (device, key) = &self.energy;
        let is_counter = *device == series.device
            && about.rank().is_some()
            && key.as_ref().is_none_or(|key| *key == series.key);
        is_counter || self.power.iter().any(|power| power.is(series))
    }

    /// In whole watts, never below 0.
    fn power(&self, slots: &[&LoadSlot]) -> Option<i64> {
        let known = |slot: &&LoadSlot| self.power.iter().find_map(|power| power.of(slot));
        let known: Vec<Decimal> = slots.iter().filter_map(known).collect();
        let power = mean(&known, Some(0))?;
        Some(power.mantissa().max(0))
    }
}

impl StatusSources {
    /// Those of a section.
    pub fn new(settings: &PvOutputSettings) -> Self {
        let flow = |name: &Option<String>, power: &Option<String>, own: &[&str], of_house: &str| {
            FlowSource::read(name.as_ref()?, power.as_ref(), own, of_house)
        };
        let value = |name: Option<&String>| NamedValue::read(name?);
        Self {
            generation: flow(
                &settings.generation,
                &settings.generation_power,
                &["power", "panel_power"],
                "sun",
            ),
            consumption: flow(
                &settings.consumption,
                &settings.consumption_power,
                &["power", "power_import", "power_net"],
                "house",
            ),
            temperature: value(settings.temperature.as_ref()),
            voltage: value(settings.voltage.as_ref()),
            extended: settings.extended.all().map(|(_, name)| value(name)),
        }
    }

    /// Whether a series is needed.
    pub fn want(&self, series: &SeriesKey, about: &SeriesAbout) -> bool {
        let mut flows = [&self.generation, &self.consumption].into_iter().flatten();
        let values = [&self.temperature, &self.voltage];
        let mut values = values.into_iter().chain(&self.extended).flatten();
        flows.any(|flow| flow.wants(series, about)) || values.any(|value| value.is(series))
    }

    /// Whose energies are needed: what is generated, then what is consumed.
    pub fn energies(&self) -> Vec<(DeviceId, Option<String>)> {
        let flows = [&self.generation, &self.consumption];
        let flows = flows.into_iter().flatten();
        flows.map(|flow| flow.energy.clone()).collect()
    }

    /// Whether there is anything for donors.
    pub fn has_extended(&self) -> bool {
        self.extended.iter().any(Option::is_some)
    }

    /// The row of a status, after the one that was sent before it on that date; `None` if there is nothing to say.
    /// `is_again` says that something else may be there by now.
    pub fn row(
        &self,
        label: &StatusLabel,
        slots: &[&LoadSlot],
        before: Option<&SentRow>,
        is_again: bool,
    ) -> Option<StatusRow> {
        // What PVOutput has is never taken back: it refuses a lower energy.
        let energy = |place: usize, held: i64| {
            let known = slots.iter().rev();
            let energy = known
                .filter_map(|slot| slot.energies.get(place).copied().flatten())
                .next()?;
            Some(energy.max(held).max(0))
        };
        let (generated, power) = before.map_or((0, 0), |row| (row.generated, row.power));
        let generation = self.generation.as_ref().and_then(|flow| {
            let wh = energy(0, generated);
            let now = flow.power(slots);
            let is_new = now.is_some_and(|now| now > 0)
                // Of what was before on that date nobody may know any more.
                || (wh.is_some_and(|wh| wh > generated) && (before.is_some() || now.is_none()))
                || (power > 0 && now == Some(0));
            // What was more than nothing before would stay.
            let is_known = (wh, now) != (None, None);
            (is_new || (is_again && is_known)).then_some((wh, now))
        });
        let place = usize::from(self.generation.is_some());
        let consumption = self.consumption.as_ref().map_or((None, None), |flow| {
            let wh = energy(place, before.map_or(0, |row| row.consumed));
            let watts = flow.power(slots);
            (
                wh.filter(|wh| *wh <= MOST_CONSUMED),
                watts.filter(|watts| *watts <= MOST_CONSUMPTION),
            )
        });
        if generation.is_none() && consumption == (None, None) {
            return None;
        }
        let value = |value: &Option<NamedValue>, decimals| value.as_ref()?.mean(slots, decimals);
        let voltage = self.voltage.as_ref().and_then(|voltage| {
            // 0 V is no voltage: whoever says so is off.
            let known = slots.iter().filter_map(|slot| voltage.of(slot));
            let known = known.filter(|number| !number.is_zero());
            mean(&known.collect::<Vec<_>>(), Some(1))
        });
        Some(StatusRow {
            date: label.date,
            minute: label.minute,
            end: label.end,
            slots: slots.iter().map(|slot| slot.end).collect(),
            generation,
            consumption,
            temperature: value(&self.temperature, Some(1)),
            voltage: voltage.filter(|voltage| !voltage.is_zero()),
            extended: self.extended.each_ref().map(|name| value(name, None)),
        })
    }
}

/// One status.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusRow {
    /// The local date.
    pub date: Date,
    /// The local time, in minutes since midnight.
    pub minute: i64,
    /// The end of its last slot, in seconds since 1970, whether there is one or not.
    pub end: i64,
    /// Its slots.
    pub slots: Vec<i64>,
    /// Energy of the day so far in Wh and power in W, if there is something new.
    pub generation: Option<(Option<i64>, Option<i64>)>,
    /// The same of what is consumed.
    pub consumption: (Option<i64>, Option<i64>),
    /// In °C.
    pub temperature: Option<Decimal>,
    /// In V.
    pub voltage: Option<Decimal>,
    /// v7 to v12.
    pub extended: [Option<Decimal>; 6],
}

impl StatusRow {
    /// The date as PVOutput writes it.
    pub fn date_text(&self) -> String {
        date_text(self.date)
    }

    /// The time as PVOutput writes it.
    pub fn time_text(&self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    /// What it leaves behind, after another one that counts if it is of the same date.
    pub fn after(&self, before: Option<&SentRow>) -> SentRow {
        let before = before.filter(|before| before.date == self.date);
        let (mut generated, mut power) = before.map_or((0, 0), |it| (it.generated, it.power));
        if let Some((wh, watts)) = self.generation {
            generated = wh.unwrap_or(generated);
            power = watts.unwrap_or(0);
        }
        let consumed = before.map_or(0, |it| it.consumed);
        SentRow {
            date: self.date,
            minute: self.minute,
            end: self.end,
            generated,
            power,
            consumed: self.consumption.0.unwrap_or(consumed),
        }
    }

    /// As it is sent.
    pub fn text(&self, with_extended: bool) -> String {
        let mut out = format!("{},{}", self.date_text(), self.time_text());
        let (energy, power) = self.generation.unwrap_or((None, None));
        for value in [energy, power] {
            // These two have to be there.
            push(&mut out, Some(value.unwrap_or(-1)));
        }
        let (energy, power) = self.consumption;
        for value in [energy, power] {
            push(&mut out, value);
        }
        for value in [self.temperature, self.voltage] {
            push(&mut out, value.map(plain));
        }
        if with_extended {
            for value in self.extended {
                push(&mut out, value.map(plain));
            }
        }
        out.truncate(out.trim_end_matches(',').len());
        out
    }
}

/// A date as PVOutput writes it.
pub fn date_text(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

fn push(out: &mut String, value: Option<impl std::fmt::Display>) {
    out.push(',');
    if let Some(value) = value {
        // A text never fails to be written to.
        let _ = write!(out, "{value}");
    }
}

/// Without zeros that say nothing.
fn plain(number: Decimal) -> String {
    let text = number.to_string();
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
